//! The live world's clock: the time since 1970, the same for all its parts.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Tells the time. The system's clock is asked once: when that is set to another time while the
/// world runs, nothing here jumps. Copies tell the same time.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    began: Instant,
    /// When that was, since 1970: what is to be remembered over a restart is counted from there.
    since_1970: Duration,
}

impl Clock {
    /// A world that begins now.
    #[must_use]
    pub fn start() -> Self {
        // A machine that believes it is before 1970 counts from there.
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { began: Instant::now(), since_1970 }
    }

    /// The time since 1970.
    #[must_use]
    pub fn now(self) -> Duration {
        self.since_1970 + self.began.elapsed()
    }

    /// The moment that is at `at`; now, where that is before the world began.
    #[must_use]
    pub fn instant(self, at: Duration) -> Instant {
        self.began + at.saturating_sub(self.since_1970)
    }
}
