//! What a live cable tells of what goes through it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::clock::Clock;
use crate::cable::Direction;
use crate::cable::state::Fate;

/// Something that happened on a connection through a cable. It is told before the bytes go on, so
/// that nobody can have reacted to them before.
#[derive(Debug, Clone)]
pub struct Sight {
    /// Which connection: a number that is used once among those with one [`Lines`].
    pub line: u64,
    /// When.
    pub at: Duration,
    /// What.
    pub what: What,
}

/// What can happen.
#[derive(Debug, Clone)]
pub enum What {
    /// Somebody dialled.
    Begins {
        /// From where.
        peer: Option<SocketAddr>,
    },
    /// Whole packets, one or more, pass as they come.
    Passes {
        /// Which way.
        direction: Direction,
        /// Their bytes.
        bytes: Bytes,
    },
    /// A packet that a fault had a part in, or that waited.
    Judged {
        /// Which way.
        direction: Direction,
        /// Its bytes.
        bytes: Bytes,
        /// When it came to the cable.
        came: Duration,
        /// What became of it; what is to be sent again follows as [`What::Repeated`].
        fate: Fate,
    },
    /// A packet that the cable sends once more.
    Repeated {
        /// Which way.
        direction: Direction,
        /// Its bytes.
        bytes: Bytes,
    },
    /// It is over; in words, how.
    Ends {
        /// How.
        how: String,
    },
}

/// Numbers connections, for all cables of a world.
pub type Lines = Arc<AtomicU64>;

/// Who is told. It is called in the cables' tasks, so it must not block.
pub type Tell = Arc<dyn Fn(Sight) + Send + Sync>;

/// What a cable needs to tell of itself.
#[derive(Clone)]
pub struct Observer {
    /// The world's time.
    pub clock: Clock,
    /// The world's numbers.
    pub lines: Lines,
    /// Who is told.
    pub tell: Tell,
}

impl Observer {
    /// Nobody looks.
    #[must_use]
    pub fn nobody() -> Self {
        Self { clock: Clock::start(), lines: Lines::default(), tell: Arc::new(|_| {}) }
    }

    pub(super) fn next_line(&self) -> u64 {
        self.lines.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn see(&self, line: u64, what: What) {
        (self.tell)(Sight { line, at: self.clock.now(), what });
    }
}
