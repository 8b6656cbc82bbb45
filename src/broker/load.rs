//! A rate per minute, averaged over the last one, five and fifteen minutes, as the load of a system
//! is: what is longer ago counts less and less. [mosquitto's manual, section "Broker status"]

use std::time::Duration;

/// The spans, in minutes.
pub const SPANS_MIN: [u32; 3] = [1, 5, 15];

/// One rate over the three spans, each per minute.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Load([f64; 3]);

impl Load {
    /// So many more came in that time.
    pub fn add(&mut self, more: u64, time: Duration) {
        let minutes = time.as_secs_f64() / 60.0;
        if minutes <= 0.0 {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "53 bits are enough for two decimals")]
        let rate = more as f64 / minutes;
        for (average, span) in self.0.iter_mut().zip(SPANS_MIN) {
            let left = (-minutes / f64::from(span)).exp();
            *average = rate + left * (*average - rate);
        }
    }

    /// The averages, in the order of [`SPANS_MIN`].
    pub fn averages(&self) -> [f64; 3] {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_rate_is_reached_in_time() {
        let check = |updates: u32, every_s: u64, expected: [&str; 3]| {
            let mut load = Load::default();
            for _ in 0..updates {
                load.add(every_s, Duration::from_secs(every_s));
            }
            assert_eq!(load.averages().map(|it| format!("{it:.2}")), expected, "{updates}");
        };
        check(0, 10, ["0.00", "0.00", "0.00"]);
        // One a second is 60 a minute: after a span 1 - 1/e of it, however often it is looked at.
        check(6, 10, ["37.93", "10.88", "3.87"]);
        check(60, 1, ["37.93", "10.88", "3.87"]);
        check(30, 10, ["59.60", "37.93", "17.01"]);
        check(90, 10, ["60.00", "57.01", "37.93"]);
        check(900, 10, ["60.00", "60.00", "60.00"]);
    }

    #[test]
    fn no_time_changes_nothing() {
        let mut load = Load::default();
        load.add(7, Duration::ZERO);
        assert_eq!(load, Load::default());
    }
}
