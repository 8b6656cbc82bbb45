//! What a run comes to, and what several come to together.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::bed::Bed;
use super::ledger::Counts;
use super::process::Process;
use super::vitals;

/// What one run measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// The figure that the load is about, in the load's unit.
    pub value: f64,
    /// Messages that came while it was measured, once for each subscriber; connections of a storm.
    pub delivered: u64,
    /// How long it was measured.
    pub seconds: f64,
    /// Of the whole run, warm-up included.
    pub lost: u64,
    /// Of the whole run.
    pub duplicated: u64,
    /// Messages behind a later one of the same publisher, in the whole run.
    pub reordered: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
    /// The broker's user and system time while it was measured.
    pub cpu_seconds: Option<f64>,
    /// The same for each delivered message.
    pub cpu_us_per_message: Option<f64>,
    /// The most physical memory that the broker had in its life.
    pub peak_memory_bytes: Option<u64>,
    /// What only this load has.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub more: BTreeMap<&'static str, f64>,
}

impl Figures {
    /// The figures of `delivered` messages in that time, for which the broker took `cpu`.
    pub fn of(delivered: u64, took: Duration, counts: Counts, cpu: Option<Duration>) -> Self {
        let seconds = took.as_secs_f64();
        let each = |cpu: Duration| cpu.as_secs_f64() * 1e6 / float(delivered);
        Self {
            value: float(delivered) / seconds,
            delivered,
            seconds,
            lost: counts.lost,
            duplicated: counts.duplicated,
            reordered: counts.reordered,
            latency: None,
            cpu_seconds: cpu.map(|it| it.as_secs_f64()),
            cpu_us_per_message: cpu.filter(|_| delivered > 0).map(each),
            peak_memory_bytes: None,
            more: BTreeMap::new(),
        }
    }

    /// With the memory of those processes.
    #[must_use]
    pub fn with_memory(mut self, processes: &[Process]) -> Self {
        if !processes.is_empty() {
            self.peak_memory_bytes = processes.iter().map(|it| vitals::peak_memory(it.id())).sum();
        }
        self
    }
}

/// A stretch of a run: how long it took, and the brokers' time for it.
pub struct Stretch {
    begun: std::time::Instant,
    cpu: Option<Duration>,
}

impl Stretch {
    /// From now on.
    pub fn begin(bed: &Bed<'_>) -> Self {
        Self { cpu: bed.cpu(), begun: std::time::Instant::now() }
    }

    /// How long it is by now.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Its length, and what the brokers used of the processors.
    pub fn end(&self, bed: &Bed<'_>) -> (Duration, Option<Duration>) {
        let took = self.elapsed();
        let cpu = self.cpu.zip(bed.cpu()).map(|(before, after)| after.saturating_sub(before));
        (took, cpu)
    }
}

/// How long single messages took, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Latency {
    pub samples: u64,
    pub p50_us: f64,
    pub p90_us: f64,
    pub p99_us: f64,
    pub p999_us: f64,
    pub max_us: f64,
}

impl Latency {
    /// Of these samples in nanoseconds, which it puts in order; none where there are none.
    pub fn of(samples_ns: &mut [u64]) -> Option<Self> {
        samples_ns.sort_unstable();
        let us = |share| percentile(samples_ns, share).map(|it| float(it) / 1e3);
        Some(Self {
            samples: samples_ns.len() as u64,
            p50_us: us(0.5)?,
            p90_us: us(0.9)?,
            p99_us: us(0.99)?,
            p999_us: us(0.999)?,
            max_us: us(1.0)?,
        })
    }
}

/// The smallest sample that at least that share of all does not exceed (nearest rank).
pub fn percentile(sorted: &[u64], share: f64) -> Option<u64> {
    let rank = (share * float(sorted.len() as u64)).ceil().max(1.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, above 0")]
    let rank = rank as usize;
    sorted.get(rank - 1).copied()
}

/// A count as a figure; what is lost beyond 2^53 nobody reads.
#[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
pub fn float(count: u64) -> f64 {
    count as f64
}

/// Several rounds of one figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Spread {
    /// Of these; none where there are none. The median of an even number is the mean of the two in
    /// the middle.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<_> = values.into_iter().collect();
        values.sort_unstable_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = if values.len() % 2 == 1 {
            values[middle]
        } else {
            f64::midpoint(values[middle - 1], values[middle])
        };
        Some(Self { median, min, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples() {
        let check = |samples: &[u64], share: f64, expected| {
            assert_eq!(percentile(samples, share), expected, "{share} of {samples:?}");
        };
        check(&[], 0.5, None);
        check(&[7], 0.0, Some(7));
        check(&[7], 1.0, Some(7));
        check(&[1, 2, 3, 4], 0.5, Some(2));
        check(&[1, 2, 3, 4], 0.51, Some(3));
        let hundred: Vec<_> = (1..=100).collect();
        check(&hundred, 0.99, Some(99));
        check(&hundred, 0.999, Some(100));
    }

    #[test]
    fn a_latency_needs_no_order() {
        let latency = Latency::of(&mut [3000, 1000, 2000]).expect("there are samples");
        assert_eq!((latency.samples, latency.p50_us, latency.max_us), (3, 2.0, 3.0));
        assert_eq!(Latency::of(&mut []), None);
    }

    #[test]
    fn the_median_is_in_the_middle() {
        let check = |values: &[f64], expected: Option<(f64, f64, f64)>| {
            let expected = expected.map(|(median, min, max)| Spread { median, min, max });
            assert_eq!(Spread::of(values.iter().copied()), expected, "{values:?}");
        };
        check(&[], None);
        check(&[5.0], Some((5.0, 5.0, 5.0)));
        check(&[9.0, 1.0, 5.0], Some((5.0, 1.0, 9.0)));
        check(&[9.0, 1.0, 4.0, 5.0], Some((4.5, 1.0, 9.0)));
    }

    #[test]
    fn a_run_of_nothing_has_no_price_each() {
        let second = Duration::from_secs(1);
        let figures = Figures::of(0, second, Counts::default(), Some(second));
        assert_eq!((figures.value, figures.cpu_us_per_message), (0.0, None));
        let figures = Figures::of(4, second * 2, Counts::default(), Some(second));
        assert_eq!((figures.value, figures.cpu_us_per_message), (2.0, Some(250_000.0)));
    }
}
