//! A cable between two participants: the one place where faults happen. Pure: the live world moves
//! sockets' bytes through it, the simulated world moves its packets through the same.
//!
//! ```text
//! bytes ---> frame::first ---> Lane::push
//!                                 |
//!                            Lane::step(now, Cable) ---> Pass, Drop, Cut, Wait
//!                                           |
//!                                   faults in force, in their order: each a Rule
//! ```
//!
//! A fault is one file in `fault/`: a struct that holds what people say of it and what it remembers,
//! and a [`Rule`] that judges one packet. Nothing here knows of sockets, clocks, brokers, or what a
//! message means.

pub mod fault;
pub mod frame;
pub mod lane;
pub mod line;
pub mod pick;
pub mod random;
pub mod rule;
pub mod state;

pub use fault::{Fault, Kind};
pub use frame::{Frame, NotMqtt};
pub use lane::{Lane, Step};
pub use line::Line;
pub use pick::Pick;
pub use random::Random;
pub use rule::{Direction, Rule, Seen, Verdict};
pub use state::{Cable, Deed, Fate, State};
