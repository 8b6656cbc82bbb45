//! The broker: a pure state machine.

pub mod durable;
pub mod event;
pub mod io;
pub mod settings;
pub mod status;

pub use durable::{Commit, Image, MessageId, Record};
pub use event::Event;
pub use io::{BridgeNumber, BridgeOrder, ConnId, Input, Output};
pub use settings::{Address, BridgeSettings, Limits, Settings};
pub use status::Status;

use std::time::Duration;

/// A broker.
#[derive(Debug, Clone)]
pub struct Broker {}

impl Broker {
    /// A broker that goes on from `image`. `seed` feeds the jitter of bridges and the names given to
    /// clients without one.
    #[must_use]
    pub fn new(_now: Duration, _settings: Settings, _image: &Image, _seed: u64) -> Self {
        Self {}
    }

    /// Takes one input at time `now`, appends what is to be done to `outputs`.
    pub fn handle(&mut self, _now: Duration, _input: Input, _outputs: &mut Vec<Output>) {}

    /// What is to be made durable: everything since the last call. Ask again only after
    /// `Committed` came for what was given before. `None` where nothing changed.
    pub fn take_commit(&mut self) -> Option<Commit> {
        None
    }

    /// How many records wait for the next commit; a shell reads no more from clients while this is
    /// large.
    #[must_use]
    pub fn uncommitted(&self) -> usize {
        0
    }

    /// When `Input::Time` is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        None
    }

    /// What it says of itself.
    #[must_use]
    pub fn status(&self) -> Status {
        Status::default()
    }
}
