//! A world for the windows' tests, and its clock.

use super::clock::Clock;
use crate::lab::Snapshot;
pub use crate::lab::fixtures::*;

/// The clock of `snapshot`.
pub fn clock(snapshot: &Snapshot) -> Clock {
    Clock::new(snapshot)
}
