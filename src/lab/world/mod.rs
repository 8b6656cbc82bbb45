//! The worlds that drive the cores.

pub mod live;
mod sights;
pub mod sim;
pub mod watch;
