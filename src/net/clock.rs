//! The live world's clock: the time since the world began, the same for all its parts.

use std::time::{Duration, Instant};

/// Tells how long ago the world began. Copies tell the same time.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    epoch: Instant,
}

impl Clock {
    /// A world that begins now.
    #[must_use]
    pub fn start() -> Self {
        Self { epoch: Instant::now() }
    }

    /// The time since the world began.
    #[must_use]
    pub fn now(self) -> Duration {
        self.epoch.elapsed()
    }

    /// The moment that is `at` after the world's beginning.
    #[must_use]
    pub fn instant(self, at: Duration) -> Instant {
        self.epoch + at
    }
}
