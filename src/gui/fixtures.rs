//! A world for the windows' tests, and its clock.

use time::UtcOffset;

use super::clock::Clock;
use crate::lab::Snapshot;
pub use crate::lab::fixtures::*;

/// The clock of `snapshot`, in UTC.
pub fn clock(snapshot: &Snapshot) -> Clock {
    Clock::new(snapshot, UtcOffset::UTC)
}
