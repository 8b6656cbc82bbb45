//! A connection as the broker sees it, and the packets on it that wait for a commit.

use std::collections::VecDeque;
use std::time::Duration;

use super::io::BridgeNumber;
use super::sessions::SessionKey;
use crate::mqtt::{Message, Packet};

/// Whose connection it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Somebody whose CONNECT has not come yet.
    Stranger,
    /// A client with its session.
    Client(SessionKey),
    /// The far broker of one of our bridges.
    Link(BridgeNumber),
}

/// One connection.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Whose it is.
    pub who: Who,
    /// Packets that wait for a commit, or behind one that does: a connection's packets leave in the
    /// order they were made. [MQTT-4.6.0]
    outbox: VecDeque<(u64, Packet)>,
    held_bytes: usize,
    /// Whether the other side reads too slowly for what is sent to it.
    pub stalled: bool,
    /// When a packet last came.
    pub last_heard: Duration,
    /// When a packet was last sent: a bridge's keep-alive counts from it.
    pub last_sent: Duration,
    /// How long a client may be silent; none means for ever. [MQTT-3.1.2-24]
    pub patience: Option<Duration>,
    /// When its silence is looked at next.
    pub silence_at: Option<Duration>,
    /// What to publish when it goes without a goodbye. [MQTT-3.1.2-8]
    pub will: Option<Message>,
    /// Whether the client said that it is a bridge.
    pub bridge_bit: bool,
}

impl Connection {
    /// A new connection.
    pub fn new(who: Who, now: Duration, patience: Option<Duration>) -> Self {
        Self {
            who,
            outbox: VecDeque::new(),
            held_bytes: 0,
            stalled: false,
            last_heard: now,
            last_sent: now,
            patience,
            silence_at: None,
            will: None,
            bridge_bit: false,
        }
    }

    /// Holds `packet` back until `commit` is durable. Gives it back where nothing holds it.
    pub fn hold(&mut self, packet: Packet, commit: Option<u64>) -> Option<Packet> {
        if commit.is_none() && self.outbox.is_empty() {
            return Some(packet);
        }
        self.held_bytes += payload_bytes(&packet);
        self.outbox.push_back((commit.unwrap_or(0), packet));
        None
    }

    /// The next packet that nothing holds back any more, once all up to `commit` is durable.
    pub fn release(&mut self, is_durable: impl Fn(u64) -> bool) -> Option<Packet> {
        self.outbox.front().filter(|(commit, _)| is_durable(*commit))?;
        let (_, packet) = self.outbox.pop_front()?;
        self.held_bytes -= payload_bytes(&packet);
        Some(packet)
    }

    /// How many packets are held back.
    pub fn held(&self) -> usize {
        self.outbox.len()
    }

    /// The payloads in them.
    pub fn held_bytes(&self) -> usize {
        self.held_bytes
    }
}

fn payload_bytes(packet: &Packet) -> usize {
    if let Packet::Publish(publish) = packet { publish.payload.len() } else { 0 }
}
