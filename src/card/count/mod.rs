//! The counting programs. [`Counter`] publishes 1, 2, 3 …; [`Tally`] says which of them came, which
//! are missing, and which came twice or too late. OK and KO hide a duplicate; these show it.
//!
//! ```text
//! Counter: {"n": 17, "run": "3f9a07c1"} ---> brokers and bridges ---> Tally: an Account for each run
//! ```
//! A process that starts has no memory, so each start of a counter is a run of its own, which begins
//! with 1. They know nothing of sensors.

mod account;
pub mod counter;
pub mod number;
pub mod tally;

#[cfg(test)]
mod tests;

pub use counter::{Counter, CounterFace, CounterSettings};
pub use number::{Number, Run};
pub use tally::{Fault, Odd, RunFace, Tally, TallyFace, TallySettings};

use std::time::Duration;

/// CONNECT's keep-alive of both; as the cards'.
const KEEP_ALIVE: Duration = Duration::from_mins(1);

/// What a counting program's window shows beside its connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CountFace {
    /// What a counter published.
    Counter(CounterFace),
    /// What a tally received.
    Tally(TallyFace),
}
