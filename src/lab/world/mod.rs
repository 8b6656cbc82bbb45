//! The worlds that drive the cores.

pub mod live;
pub mod sim;
