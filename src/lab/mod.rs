//! The lab: a scenario's boards, what may be asked of them, and what is seen of them.
//!
//! ```text
//! windows, scripts --- Command ---> world (live or simulated) --- Snapshot ---> windows, reports
//!                                      |
//!                                      +--- Trace
//! ```

pub mod chronicle;
pub mod command;
pub mod condition;
pub mod conduct;
pub mod data;
pub mod explore;
pub mod findings;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod ladder;
pub mod ledger;
pub mod matrix;
pub mod name;
pub mod passport;
pub mod plan;
pub mod recipe;
pub mod script;
pub mod snapshot;
pub mod stage;
pub mod timeline;
pub mod trace;
pub mod transport;
pub mod verdict;
pub mod world;

pub use command::{Action, Command, DiskTrouble};
pub use name::{BoardName, BridgeName, CableName, ProgramName};
pub use snapshot::Snapshot;
