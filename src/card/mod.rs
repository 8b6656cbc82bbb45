//! The boards' programs: pure state machines that a driver connects to a broker.
//!
//! ```text
//! click, MQTT ---> Input ---> Program::handle(now, input) ---> Output ---> MQTT
//!                                  |
//!                                  +--- Face: what its window may show
//! ```
//!
//! A program knows what MQTT told it and what was clicked, and nothing else. Times are those of its
//! world.
//!
//! How a state is never lost: whenever it connects, a program subscribes, sends a fence (a message
//! to itself) and takes the last message of each topic that comes before the fence as what the
//! broker kept ([`fence`]). Until the fence is back it publishes only if it knows everything, so
//! neither a default nor a null ever replaces a state that a broker kept. From then on it trusts
//! its own sensors over any echo, and publishes what it knows again whenever it connects, so the
//! client's queue is never the only copy ([`monitor`]).
//!
//! Beside the cards there are two programs that count messages ([`count`]).
//!
//! `driver` is the one part with sockets, clocks and tasks; everything else here is pure.

mod clicks;
pub mod count;
pub mod display;
pub mod driver;
pub mod event;
pub mod face;
pub mod fence;
pub(crate) mod limits;
pub mod monitor;
pub mod payload;
mod session;

#[cfg(test)]
mod pair;
#[cfg(test)]
mod tests;

pub use count::{CountFace, Counter, CounterFace, CounterSettings};
pub use count::{Tally, TallyFace, TallySettings};
pub use display::Display;
pub use event::Event;
pub use face::{Face, Ignored, Link, Origin, SensorFace};
pub use monitor::{Card1, Card2};
pub use payload::States;

use std::fmt;

use std::time::Duration;

use bytes::Bytes;

use crate::mqtt::{ClientId, Filter, QoS, Topic};

/// The number of a sensor, 1 to 6.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize, serde::Serialize,
)]
pub struct SensorNumber(pub u8);

impl fmt::Display for SensorNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Names one publication until it counts as sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// What happens to a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The broker answered CONNECT.
    Connected { session_present: bool },
    /// The connection is gone, for the reason given; the driver dials again by itself.
    Disconnected { reason: String },
    /// The broker answered the SUBSCRIBE.
    Subscribed,
    /// A message came.
    Message { topic: Topic, payload: Bytes, retain: bool },
    /// PUBREC or, for `QoS` 1, PUBACK came for this publication: it is the broker's now.
    Sent(Token),
    /// Somebody clicked a sensor's button.
    Toggle(SensorNumber),
    /// A script or a test sets a sensor.
    Set(SensorNumber, bool),
    /// Somebody wants so many more numbers at once.
    Publish(u64),
    /// The program's deadline has passed.
    Time,
}

/// What a program wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// SUBSCRIBE to all of these in one packet.
    Subscribe(Vec<(Filter, QoS)>),
    /// PUBLISH; `Input::Sent` is to follow, for `QoS` 1 and 2. A token that is still under way names
    /// the same publication, which is not sent twice: so after a new connection a program can ask
    /// again for all that it has not been told `Sent` of.
    Publish { token: Token, topic: Topic, payload: Bytes, qos: QoS, retain: bool },
}

/// How a program connects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The client id, by which the broker keeps its session.
    pub client_id: ClientId,
    /// CONNECT's clean session flag; the cards' programs say false.
    pub clean_session: bool,
    /// CONNECT's keep-alive.
    pub keep_alive: Duration,
}

/// One program of a board.
pub trait Program: Send + Sync {
    /// How it connects.
    fn identity(&self) -> Identity;
    /// Takes one input at time `now`, gives what is to be done, in order.
    fn handle(&mut self, now: Duration, input: Input) -> Vec<Output>;
    /// When it wants `Input::Time`, at the latest; nothing where it waits for no time.
    fn deadline(&self) -> Option<Duration> {
        None
    }
    /// What its window may show.
    fn face(&self) -> &Face;
    /// A copy that knows the same and goes on by itself: a simulated world can be copied.
    fn fork(&self) -> Box<dyn Program>;
}

impl Clone for Box<dyn Program> {
    fn clone(&self) -> Self {
        (**self).fork()
    }
}
