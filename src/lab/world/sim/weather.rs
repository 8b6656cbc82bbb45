//! How long things take in a simulated world: always the same, or drawn from a seed.

use std::time::Duration;

use crate::cable::Random;

/// How long a packet is on a wire, where nothing is drawn.
const LATENCY: Duration = Duration::from_micros(500);
/// How long a commit takes, where nothing is drawn.
const COMMIT: Duration = Duration::from_micros(800);

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Weather {
    random: Random,
    /// Whether times are drawn.
    changes: bool,
}

impl Weather {
    /// Everything is drawn from that seed.
    pub(super) fn seeded(seed: u64) -> Self {
        Self { random: Random(seed), changes: true }
    }

    /// Times are always the same; what processes draw comes from that seed.
    pub(super) fn steady(seed: u64) -> Self {
        Self { random: Random(seed), changes: false }
    }

    /// How long the next packet is on its wire: around [`LATENCY`].
    pub(super) fn latency(&mut self) -> Duration {
        self.around(LATENCY)
    }

    /// How long the next commit takes: around [`COMMIT`].
    pub(super) fn commit(&mut self) -> Duration {
        self.around(COMMIT)
    }

    /// Whether a write that was under way when the power went has reached the disk.
    pub(super) fn reaches_disk(&mut self) -> bool {
        self.changes && self.random.draw() & 1 == 1
    }

    /// The next draw, for a process that is to have a seed of its own.
    pub(super) fn seed(&mut self) -> u64 {
        self.random.draw()
    }

    /// From a quarter of a time to its double, in whole microseconds.
    fn around(&mut self, time: Duration) -> Duration {
        if !self.changes {
            return time;
        }
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(micros / 4 + self.random.draw() % (micros * 7 / 4))
    }
}
