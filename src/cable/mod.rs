//! A cable between two participants: the one place where faults happen. Pure: the live world moves
//! sockets' bytes through these rules, the simulated world moves its packets through the same.
//!
//! ```text
//! bytes ---> frame::first ---> Cable::verdict(direction, frame) ---> pass, hold, or reset
//! ```
//!
//! Nothing here knows of sockets, clocks, brokers, or what a packet means.

pub mod frame;
pub mod rule;

pub use frame::{Frame, NotMqtt};
pub use rule::{Cable, Direction, State, Verdict};
