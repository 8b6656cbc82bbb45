//! The worlds that drive the cores.
//!
//! What a world is asked (`commands`), what is written down of it (`record`), as what it shows itself
//! (`view`) and how that reaches the windows (`outlet`) is the same for both. What its parts can do
//! (`parts`) each does in its way.

mod commands;
pub mod live;
pub(in crate::lab) mod outlet;
mod parts;
mod record;
mod seen;
mod sights;
pub mod sim;
mod view;
pub mod watch;
