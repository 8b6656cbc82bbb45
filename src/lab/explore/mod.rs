//! Looking for runs in which a promise is broken: random schedules, each from a seed; the smallest
//! schedule that still fails; every cut and every order of the next few deliveries.
//!
//! ```text
//! seed ---> schedule (steps with times) ---> attempt: World, heal, settle, judge ---> Attempt
//!                                              |                     |
//!          search: many seeds, many threads ---+                     +---> shrink: fewer steps
//! ```
//!
//! Everything here is pure but [`search`], which has threads. An [`Attempt`] follows from its plan,
//! seed and steps alone, so whoever has these sees what the explorer saw.

mod attempt;
pub mod exhaustive;
mod schedule;
pub mod search;
pub mod shrink;
#[cfg(test)]
mod teeth_tests;
#[cfg(test)]
mod tests;

pub use attempt::{Attempt, Claims, Failure, attempt, conclude_with};
pub use schedule::schedule;
