//! The worlds that drive the cores.

pub mod sim;
