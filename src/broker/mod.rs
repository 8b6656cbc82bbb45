//! The broker: a pure state machine.

pub mod durable;
pub mod event;
pub mod settings;

pub use durable::{Commit, Image, MessageId, Record};
pub use event::Event;
pub use settings::{Address, BridgeSettings, Limits, Settings};
