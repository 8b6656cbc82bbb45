//! A connection as the broker sees it, and the packets on it that wait for a commit.

use std::collections::VecDeque;
use std::time::Duration;

use super::aliases::Aliases;
use super::event::Event;
use super::io::BridgeNumber;
use super::sessions::SessionKey;
use crate::mqtt::packet::Level;
use crate::mqtt::{Packet, Properties, Property};

/// A packet of this size is always taken: reasons are told to who takes so much.
const ROOM_FOR_REASONS: usize = 512;

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

/// A packet, and what the trace says of it when it leaves: boxed, for mostly nobody traces.
pub type Leaving = (Packet, Option<Box<Event>>);

/// One connection.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Whose it is.
    pub who: Who,
    /// Its protocol level, known from CONNECT on.
    pub level: Level,
    /// Packets that wait for a commit, or behind one that does: a connection's packets leave in the
    /// order they were made. [MQTT-4.6.0]
    outbox: VecDeque<(u64, Leaving)>,
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
    /// Whether the client said that it is a bridge.
    pub bridge_bit: bool,
    /// Maximum Packet Size of the other side, in bytes.
    pub max_packet_size: usize,
    /// Request Problem Information: whether reasons may be told with any packet.
    pub wants_reasons: bool,
    /// Topic aliases.
    pub aliases: Aliases,
    /// QoS 1 and 2 messages that came and are not acknowledged to their end yet.
    /// [MQTT 5.0, section 4.9]
    pub unanswered: u16,
}

impl Connection {
    /// A new connection.
    pub fn new(who: Who, now: Duration, patience: Option<Duration>) -> Self {
        Self {
            who,
            level: Level::V311,
            outbox: VecDeque::new(),
            held_bytes: 0,
            stalled: false,
            last_heard: now,
            last_sent: now,
            patience,
            silence_at: None,
            bridge_bit: false,
            max_packet_size: usize::MAX,
            wants_reasons: true,
            aliases: Aliases::default(),
            unanswered: 0,
        }
    }

    /// Whether a packet may leave at once that waits for no commit itself.
    pub fn is_clear(&self) -> bool {
        self.outbox.is_empty()
    }

    /// Holds a packet back until `commit` is durable, and until all before it has left.
    pub fn hold(&mut self, leaving: Leaving, commit: Option<u64>) {
        self.held_bytes += payload_bytes(&leaving.0);
        self.outbox.push_back((commit.unwrap_or(0), leaving));
    }

    /// The next packet that nothing holds back any more, once all up to `commit` is durable.
    pub fn release(&mut self, is_durable: impl Fn(u64) -> bool) -> Option<Leaving> {
        self.outbox.front().filter(|(commit, _)| is_durable(*commit))?;
        let (_, leaving) = self.outbox.pop_front()?;
        self.held_bytes -= payload_bytes(&leaving.0);
        self.count_answer(&leaving.0);
        Some(leaving)
    }

    /// How many packets are held back.
    pub fn held(&self) -> usize {
        self.outbox.len()
    }

    /// The payloads in them.
    pub fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Takes note of the other side's Maximum Packet Size. [MQTT 5.0, section 3.1.2.11.4]
    pub fn takes_packets_of(&mut self, properties: &Properties) {
        let size = properties.maximum_packet_size().and_then(|it| usize::try_from(it).ok());
        self.max_packet_size = size.unwrap_or(usize::MAX);
    }

    /// A Reason String for a packet, where one may be told with it. [MQTT-3.1.2-29]
    pub fn reason_string(&self, text: &str) -> Properties {
        if self.wants_reasons { self.last_words(text) } else { Properties::NONE }
    }

    /// A Reason String for CONNACK or DISCONNECT, which may always have one.
    pub fn last_words(&self, text: &str) -> Properties {
        let tells = self.level == Level::V5 && self.max_packet_size >= ROOM_FOR_REASONS;
        if tells { Properties::of(&[Property::ReasonString(text)]) } else { Properties::NONE }
    }

    /// The sender's quota grows with these. [MQTT 5.0, section 4.9]
    pub fn count_answer(&mut self, packet: &Packet) {
        let ends = match packet {
            Packet::PubAck(_) | Packet::PubComp(_) => true,
            Packet::PubRec(ack) => ack.reason.is_error(),
            _ => false,
        };
        if ends {
            self.unanswered = self.unanswered.saturating_sub(1);
        }
    }
}

fn payload_bytes(packet: &Packet) -> usize {
    if let Packet::Publish(publish) = packet { publish.payload.len() } else { 0 }
}
