//! Who owes what to whom: read off the packets that cross cables, for brokers of any kind.
//!
//! ```text
//! trace ---> Ledger::take(entry)
//!              |  PUBLISH to a broker: a message enters a book, and is owed to every session with
//!              |                       a subscription; its acknowledgement makes that a promise
//!              |  PUBLISH by a broker: a leg of a message is under way; matched by the session's
//!              |                       order, topic and payload, or told exactly by the broker
//!              v
//!            messages, their legs, and what else is worth telling ---> verdict, passports
//! ```
//!
//! A bridge's PUBLISH is both: it leaves one book and enters another, so the chain of a message
//! through many brokers is known. Nothing here decides what is a breach.

mod book;
mod bridges;
mod incoming;
mod message;
mod odd;
mod outgoing;
mod session;
mod wires;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

pub use book::Book;
pub use bridges::BridgeFacts;
pub use message::{Fate, Leg, Message, MessageKey, Publisher};
pub use odd::{Odd, Oddity};
pub use session::{Session, SessionKey};

use self::session::Expected;

use self::message::Messages;
use self::wires::WireState;
use super::conduct::Conduct;
use super::name::CableName;
use super::trace::{Entry, Event, Party};
use crate::broker::Event as BrokerEvent;
use crate::mqtt::Topic;

/// So many entries are kept to show what a breach is about.
const KEPT: usize = 50_000;

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    books: BTreeMap<Party, Book>,
    wires: BTreeMap<u64, WireState>,
    messages: Messages,
    bridges: Vec<BridgeFacts>,
    entries: VecDeque<Arc<Entry>>,
    notable: Notable,
    conduct: Conduct,
}

/// What happened that is no message's affair alone.
#[derive(Debug, Clone, Default)]
pub struct Notable {
    /// A broker that did not know a session it had promised to keep.
    pub forgot: Vec<Forgot>,
    /// A QoS 2 message that came to a session once more, or a QoS 0 one.
    pub doubled: Vec<Doubled>,
    /// QoS 1 messages that came once more: allowed, and counted.
    pub repeats: u64,
    /// Retained messages that were sent because somebody subscribed or connected.
    pub refreshed: u64,
    /// Messages that came from before the trace, or from nowhere.
    pub unexplained: u64,
    /// Messages that overtook another of the same publisher, topic and QoS.
    pub overtook: Vec<Overtook>,
    /// Messages that were sent as they should not be.
    pub odd: Vec<Odd>,
    /// PUBLISH packets of QoS 0 that a cable dropped or cut.
    pub lost_on_the_way: u64,
    /// Packets that were not seen: then nothing is certain.
    pub missed: u64,
    /// How often a topic went round, at most: its messages, newest last.
    pub loops: BTreeMap<(Party, Topic), Loop>,
}

/// See [`Notable::forgot`].
#[derive(Debug, Clone)]
pub struct Forgot {
    /// The broker.
    pub by: Party,
    /// Whose session.
    pub session: SessionKey,
    /// What was owed to it then.
    pub owed: usize,
    /// The CONNACK that says so.
    pub entry: Arc<Entry>,
}

/// See [`Notable::doubled`].
#[derive(Debug, Clone)]
pub struct Doubled {
    /// The message.
    pub message: MessageKey,
    /// To whom.
    pub to: SessionKey,
    /// The PUBLISH too many.
    pub entry: Arc<Entry>,
}

/// See [`Notable::overtook`].
#[derive(Debug, Clone)]
pub struct Overtook {
    /// The one that came too late.
    pub late: MessageKey,
    /// The one that came before it.
    pub early: MessageKey,
    /// To whom.
    pub to: SessionKey,
    /// The PUBLISH that came too late.
    pub entry: Arc<Entry>,
}

/// A message that came back to a broker it had been at.
#[derive(Debug, Clone)]
pub struct Loop {
    /// How often at most.
    pub passes: u32,
    /// How many such messages there were.
    pub messages: u64,
    /// When the first came back, and the last.
    pub between: (std::time::Duration, std::time::Duration),
    /// The last that came back.
    pub last: MessageKey,
    /// From broker to broker, with the rule that took it there.
    pub path: Vec<(Party, String)>,
}

impl Ledger {
    /// Books for a system with these bridges.
    #[must_use]
    pub fn new(bridges: Vec<BridgeFacts>) -> Self {
        let mut ledger = Self { bridges, ..Self::default() };
        for at in 0..ledger.bridges.len() {
            let facts = &ledger.bridges[at];
            let (local, session) = (facts.local.clone(), Session::of_bridge(facts));
            let name = facts.local_session.clone();
            ledger.books.entry(local).or_default().sessions.insert(name, session);
        }
        ledger
    }

    /// Takes in the next entry of the trace.
    pub fn take(&mut self, entry: &Arc<Entry>) {
        if self.entries.len() == KEPT {
            self.entries.pop_front();
        }
        self.entries.push_back(Arc::clone(entry));
        self.conduct.take(entry);
        match &entry.event {
            Event::Packet(crossing) => self.crossing(entry, crossing),
            Event::WireEnded { wire, .. } => self.wire_ended(wire.number, entry.at),
            Event::Broker { board, event } => {
                self.told(&Party::Board(board.clone()), event, entry);
            }
            Event::EngineDrops { board, client } => {
                let (broker, client) = (Party::Board(board.clone()), client.clone());
                self.session(&SessionKey { broker, client }).drops = true;
            }
            Event::Missed { packets } => {
                self.notable.missed += packets;
                self.lose_sight();
            }
            Event::Fresh => {
                let bridges = std::mem::take(&mut self.bridges);
                *self = Self::new(bridges);
            }
            _ => {}
        }
    }

    /// What brokers of ours tell of themselves makes some things exact.
    fn told(&mut self, board: &Party, event: &BrokerEvent, entry: &Arc<Entry>) {
        match event {
            BrokerEvent::TakenOut { message, becomes, .. } => {
                self.messages.also_numbered(board, *message, *becomes);
            }
            BrokerEvent::Sent {
                message: Some(message), client, packet_id, topic, cause, ..
            } => {
                let book = self.books.entry(board.clone()).or_default();
                let (number, packet_id) = (*message, *packet_id);
                let expected = Expected { number, packet_id, topic: topic.clone(), cause: *cause };
                book.expect_sent(client, expected);
            }
            BrokerEvent::Connected { client, .. } => {
                let book = self.books.entry(board.clone()).or_default();
                book.expect_nothing(client);
            }
            BrokerEvent::Published { message, packet, client, .. } => {
                self.numbered(board, *message, packet.as_deref(), client.as_ref());
            }
            BrokerEvent::Dropped { message, client, topic, reason, .. } => {
                self.refused(board, *message, client, topic, *reason, entry);
            }
            BrokerEvent::SessionExpired { client } => self.session_ended(board, client, entry),
            _ => {}
        }
    }

    /// The messages that are remembered, oldest first.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        self.messages.iter()
    }

    /// Whether all messages since the trace began are remembered, and none was missed.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.messages.are_complete() && self.notable.missed == 0
    }

    /// A message, while it is remembered.
    #[must_use]
    pub fn message(&self, key: MessageKey) -> Option<&Message> {
        self.messages.get(key)
    }

    /// A broker's book.
    #[must_use]
    pub fn book(&self, broker: &Party) -> Option<&Book> {
        self.books.get(broker)
    }

    /// All books.
    pub fn books(&self) -> impl Iterator<Item = (&Party, &Book)> {
        self.books.iter()
    }

    /// The bridges of the system.
    #[must_use]
    pub fn bridges(&self) -> &[BridgeFacts] {
        &self.bridges
    }

    /// What else is worth telling.
    #[must_use]
    pub fn notable(&self) -> &Notable {
        &self.notable
    }

    /// Whether everybody keeps to the standard.
    #[must_use]
    pub fn conduct(&self) -> &Conduct {
        &self.conduct
    }

    /// How many messages there were, also those that are not remembered any more.
    #[must_use]
    pub fn counts(&self) -> message::Counts {
        self.messages.counts()
    }

    /// The entries that are remembered, oldest first.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Arc<Entry>> {
        self.entries.iter()
    }

    /// The cable of the bridge by which a message came back to a broker for more than the `most`th
    /// time, and its topic there.
    #[must_use]
    pub fn beyond(&self, most: u32) -> Option<(&CableName, &Topic)> {
        let mut loops = self.notable.loops.iter();
        let ((broker, topic), found) = loops.find(|(_, it)| it.passes > most)?;
        let client = self.messages.get(found.last)?.publisher.client.clone();
        let session = SessionKey { broker: broker.clone(), client };
        let bridge = self.bridges.iter().find(|it| it.far(&session).is_some());
        Some((&bridge?.cable, topic))
    }

    /// Connections that live although a packet was dropped on them, by their numbers, and their
    /// cables: a handshake may be stalled there.
    pub fn stalled(&self) -> impl Iterator<Item = (u64, &CableName)> {
        let stalled = self.wires.iter().filter(|(_, wire)| wire.dropped);
        stalled.filter_map(|(number, wire)| Some((*number, wire.cable.as_ref()?)))
    }
}
