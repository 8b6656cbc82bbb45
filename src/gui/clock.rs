//! Puts the lab's times on the wall clock. Knows no window.

use std::time::{Duration, Instant};

use time::OffsetDateTime;

use crate::lab::Snapshot;

/// The clock of one snapshot.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    epoch: OffsetDateTime,
    now: Duration,
    /// None where time does not pass by itself.
    received: Option<Instant>,
}

impl Clock {
    /// The clock by which `snapshot`, received just now, is read.
    pub fn new(snapshot: &Snapshot) -> Self {
        let received = snapshot.transport.is_none().then(Instant::now);
        Self { epoch: snapshot.epoch, now: snapshot.now, received }
    }

    /// `at` as HH:MM:SS.
    pub fn hms(&self, at: Duration) -> String {
        let time = self.on_the_clock(at);
        format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())
    }

    /// `at` as HH:MM:SS.mmm.
    pub fn hms_milli(&self, at: Duration) -> String {
        format!("{}.{:03}", self.hms(at), self.on_the_clock(at).millisecond())
    }

    /// How long it is until `at`.
    pub fn until(&self, at: Duration) -> Duration {
        let since = self.received.map_or(Duration::ZERO, |it| it.elapsed());
        at.saturating_sub(self.now + since)
    }

    /// Whether time passes between two snapshots: in simulated time it does not.
    pub fn ticks(&self) -> bool {
        self.received.is_some()
    }

    fn on_the_clock(&self, at: Duration) -> OffsetDateTime {
        self.epoch + at
    }
}

#[cfg(test)]
mod tests {
    use time::UtcOffset;

    use super::*;
    use crate::gui::fixtures;

    #[test]
    fn times_are_local_and_carry_over_midnight() {
        let check = |offset: i8, at: u64, expected: &str| {
            let mut snapshot = fixtures::dual_board();
            let offset = UtcOffset::from_hms(offset, 0, 0).expect("an offset");
            snapshot.epoch = OffsetDateTime::UNIX_EPOCH.to_offset(offset);
            let clock = Clock::new(&snapshot);
            assert_eq!(clock.hms_milli(Duration::from_millis(at)), expected);
        };
        check(0, 0, "00:00:00.000");
        check(2, 61_005, "02:01:01.005");
        check(-1, 1_000, "23:00:01.000");
        check(0, 86_400_000 + 3_600_000, "01:00:00.000");
    }

    #[test]
    fn a_countdown_ends_at_zero() {
        let snapshot = fixtures::dual_board();
        let clock = Clock::new(&snapshot);
        let left = clock.until(snapshot.now + Duration::from_secs(90));
        assert!(left > Duration::from_secs(30) && left <= Duration::from_secs(90), "{left:?}");
        assert_eq!(clock.until(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn simulated_time_passes_from_snapshot_to_snapshot() {
        let mut snapshot = fixtures::dual_board();
        snapshot.transport = Some(fixtures::transport());
        let clock = Clock::new(&snapshot);
        let ninety = Duration::from_secs(90);
        assert!(!clock.ticks());
        assert_eq!(clock.until(snapshot.now + ninety), ninety);
    }
}
