//! What goes into a broker and what comes out of it.
//!
//! ```text
//! shell: Input ---> Broker::handle ---> Output ---> shell
//!                        |
//!                        +--- take_commit() ---> store ---> Input::Committed
//! ```

use serde::{Deserialize, Serialize};

use super::event::Event;
use super::settings::Address;
use crate::mqtt::Packet;
use crate::mqtt::codec::DecodeError;
use crate::mqtt::packet::Level;

/// A connection, numbered by the shell; a number is never used twice in a broker's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(transparent)]
pub struct ConnId(pub u64);

/// A bridge, by its place in the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BridgeNumber(pub usize);

/// What happens to a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Somebody connected to a listener. What comes is to be read as the level of its CONNECT has it.
    Accepted { conn: ConnId },
    /// A whole packet came.
    Packet { conn: ConnId, packet: Packet },
    /// What came is no packet, or too large a one.
    Malformed { conn: ConnId, error: DecodeError },
    /// The connection is gone; no input with this number follows.
    Closed { conn: ConnId, reason: String },
    /// More is waiting to be written to this connection than the shell likes to hold.
    Stalled { conn: ConnId },
    /// It has been written.
    Drained { conn: ConnId },
    /// A dial succeeded.
    Dialed { bridge: BridgeNumber, conn: ConnId },
    /// A dial failed.
    DialFailed { bridge: BridgeNumber, reason: String },
    /// Somebody wants a bridge to do something.
    Bridge { bridge: BridgeNumber, order: BridgeOrder },
    /// All records up to and with this commit are durable.
    Committed { number: u64 },
    /// The oldest commit fails; the store goes on trying.
    StoreFails { reason: String },
    /// So many bytes came and went since the last such input: right before `Time` is soon enough.
    Traffic { received_bytes: u64, sent_bytes: u64 },
    /// `Broker::deadline` has come.
    Time,
    /// Close every connection; a last commit may follow.
    Shutdown,
}

/// What can be asked of a bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BridgeOrder {
    /// Dial, and go on dialling.
    Start,
    /// Say goodbye, hang up and stay so.
    Stop,
    /// Hang up without a goodbye and stay so.
    Kill,
    /// If it waits to dial, dial now.
    Retry,
}

/// What a broker wants done, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send a packet.
    Send { conn: ConnId, packet: Packet },
    /// Send what is waiting, then close. `Input::Closed` is not to follow.
    Close { conn: ConnId, reason: String },
    /// Dial; `Dialed` or `DialFailed` is to follow, within the shell's own time limit. What the far
    /// broker sends is to be read as `level` has it.
    Dial { bridge: BridgeNumber, address: Address, level: Level },
    /// For the trace.
    Event(Event),
}
