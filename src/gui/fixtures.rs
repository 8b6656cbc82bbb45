//! A world for the windows' tests, and its clock.

use std::time::Duration;

use super::clock::Clock;
use crate::lab::Snapshot;
pub use crate::lab::fixtures::*;
use crate::lab::transport::{Speed, Transport};

/// The clock of `snapshot`.
pub fn clock(snapshot: &Snapshot) -> Clock {
    Clock::new(snapshot)
}

/// A run that was paused after a minute and taken back to half of it.
pub fn transport() -> Transport {
    Transport {
        seed: 7,
        at: Duration::from_secs(30),
        turn: 400,
        known: Duration::from_mins(1),
        known_turns: 900,
        playing: false,
        speed: Speed::Real,
        script: Some((2, 5)),
        shared: None,
    }
}
