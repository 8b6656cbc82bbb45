//! Messages as the ledger knows them: one for each broker that a message is at, each with the legs
//! on which it goes on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::session::SessionKey;
use crate::broker::MessageId;
use crate::broker::event::DropReason;
use crate::lab::trace::{Entry, Party};
use crate::mqtt::{ClientId, QoS, Reason, Topic};

/// So many messages are remembered. Those with something open are remembered longer, up to twice
/// as many.
const KEPT: usize = 20_000;

/// Names a message at a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageKey(pub u64);

/// Who published a message at a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publisher {
    /// The client, or the name of the bridge's session.
    pub client: ClientId,
    /// The rule that brought it in, where that was a bridge, and the topic it had before.
    pub rule: Option<(String, Topic)>,
}

/// A message at a broker.
#[derive(Debug, Clone)]
pub struct Message {
    /// Names it.
    pub key: MessageKey,
    /// The broker.
    pub at: Party,
    /// Its name there.
    pub topic: Topic,
    /// Its bytes.
    pub payload: Bytes,
    /// The QoS it came with.
    pub qos: QoS,
    /// The retain flag it came with.
    pub retain: bool,
    /// When it is of no use any more. [MQTT 5.0, section 3.3.2.3.3]
    pub expires_at: Option<Duration>,
    /// Who brought it.
    pub publisher: Publisher,
    /// The packets of its way in: PUBLISH first, then its handshake.
    pub came: Vec<Arc<Entry>>,
    /// Whether the acknowledgement arrived that makes the broker answer for it.
    pub promised: bool,
    /// Its number in a broker of ours.
    pub number: Option<MessageId>,
    /// The numbers it has there under other names.
    pub also: Vec<MessageId>,
    /// The message it was at the broker before, where it came by a bridge.
    pub parent: Option<MessageKey>,
    /// How often it has been at each broker, itself included.
    pub visits: BTreeMap<Party, u32>,
    /// Why the broker did not take it, as its PUBACK or PUBREC says.
    pub refused: Option<Reason>,
    /// Whom it is for.
    pub legs: Vec<Leg>,
}

/// A message on its way from a broker to one session.
#[derive(Debug, Clone)]
pub struct Leg {
    /// To whom.
    pub to: SessionKey,
    /// Its name there.
    pub topic: Topic,
    /// With which QoS.
    pub qos: QoS,
    /// The rule that takes it out, where the session is a bridge's.
    pub rule: Option<String>,
    /// Whether the broker owes it: not at QoS 0, nor to one who may have subscribed too late.
    pub owed: bool,
    /// How far it is.
    pub fate: Fate,
    /// Whether it is known from the broker itself, and not found by topic and payload.
    pub exact: bool,
    /// Whether it came as what is retained, which has no place in the order.
    pub refreshes: bool,
    /// Its packets: PUBLISH first, then its handshake.
    pub packets: Vec<Arc<Entry>>,
    /// The message it became at the next broker.
    pub child: Option<MessageKey>,
}

/// How far a leg is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Not sent yet.
    Open,
    /// Sent, and lost on the way so far.
    Sent,
    /// It arrived.
    Arrived,
    /// It arrived, and its handshake is done.
    Done,
    /// The broker said that it will not be sent.
    Refused(DropReason),
    /// The session ended before.
    SessionEnded,
    /// It was open when packets came too fast to be seen: it may be among them.
    Unseen,
}

impl Fate {
    /// Whether the other side has it.
    #[must_use]
    pub fn arrived(self) -> bool {
        matches!(self, Self::Arrived | Self::Done)
    }

    /// Whether something is to come yet.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Sent)
    }
}

impl Message {
    /// Whether their order is promised: the same publisher and topic.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        self.publisher.client == other.publisher.client && self.topic == other.topic
    }

    /// Between which entries its broker took it in: after its first PUBLISH came, and before it was
    /// last acknowledged; none where that is not known.
    #[must_use]
    pub fn taken_in(&self) -> (u64, Option<u64>) {
        let first = self.came.first().map_or(0, |entry| entry.number);
        let last = self.came.iter().map(|entry| entry.number).max();
        (first, last.filter(|_| self.promised))
    }

    /// Whether nothing of it is open.
    fn is_finished(&self) -> bool {
        self.legs.iter().all(|leg| !leg.owed || !leg.fate.is_open())
    }
}

/// How many messages there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// That entered a broker from a client, and were acknowledged or of QoS 0.
    pub published: u64,
    /// That entered a broker by a bridge.
    pub bridged: u64,
    /// Legs that arrived.
    pub delivered: u64,
    /// That were too many to be remembered until they were through.
    pub unjudged: u64,
}

/// All that are remembered.
#[derive(Debug, Clone, Default)]
pub struct Messages {
    kept: BTreeMap<MessageKey, Message>,
    numbers: BTreeMap<(Party, MessageId), MessageKey>,
    next: u64,
    counts: Counts,
    /// Whether all that there ever were are remembered.
    incomplete: bool,
}

impl Messages {
    /// Takes in a message; its key is given to it.
    pub fn add(&mut self, mut message: Message) -> MessageKey {
        self.next += 1;
        let key = MessageKey(self.next);
        message.key = key;
        self.kept.insert(key, message);
        self.forget_some();
        key
    }

    /// A message.
    pub fn get(&self, key: MessageKey) -> Option<&Message> {
        self.kept.get(&key)
    }

    /// A message, to be changed.
    pub fn get_mut(&mut self, key: MessageKey) -> Option<&mut Message> {
        self.kept.get_mut(&key)
    }

    /// A broker's number for it.
    pub fn set_number(&mut self, key: MessageKey, number: MessageId) {
        if let Some(message) = self.kept.get_mut(&key) {
            message.number = Some(number);
            self.numbers.insert((message.at.clone(), number), key);
        }
    }

    /// A broker gives a message another number under another name.
    pub fn also_numbered(&mut self, at: &Party, number: MessageId, other: MessageId) {
        if let Some(key) = self.numbered(at, number)
            && let Some(message) = self.kept.get_mut(&key)
        {
            message.also.push(other);
            self.numbers.insert((at.clone(), other), key);
        }
    }

    /// The message that has this number at that broker.
    pub fn numbered(&self, at: &Party, number: MessageId) -> Option<MessageKey> {
        self.numbers.get(&(at.clone(), number)).copied()
    }

    /// All, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Message> {
        self.kept.values()
    }

    /// Whether all that there ever were are remembered.
    pub fn are_complete(&self) -> bool {
        !self.incomplete
    }

    /// How many there were.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// To be counted up.
    pub fn counts_mut(&mut self) -> &mut Counts {
        &mut self.counts
    }

    fn forget_some(&mut self) {
        if self.kept.len() <= KEPT {
            return;
        }
        let finished = self.kept.values().take(16).find(|it| it.is_finished()).map(|it| it.key);
        let oldest = || self.kept.keys().next().copied();
        let gone = finished.or_else(|| (self.kept.len() > 2 * KEPT).then(oldest).flatten());
        let Some(gone) = gone.and_then(|key| self.kept.remove(&key)) else { return };
        self.incomplete = true;
        self.counts.unjudged += u64::from(!gone.is_finished());
        for number in gone.number.into_iter().chain(gone.also) {
            self.numbers.remove(&(gone.at.clone(), number));
        }
    }
}
