//! What a broker keeps: the records a core asks its store to commit, and the image they add up to.
//!
//! ```text
//! core --- Commit { number, records } ---> store (SQLite, or a simulated disk)
//! core <-- Committed(number) ------------- store
//! core <-- Image (at the start) ---------- store
//! ```
//!
//! Times count from 1970, for they are to mean the same after a restart.
//!
//! [`Image::apply`] says what a record means. A store of any kind must, after a restart, give the
//! image that the records it committed add up to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::defect::{self, Defect};
use crate::mqtt::{ClientId, Filter, Message, PacketId, QoS, Topic};

/// A message's number in its broker. The upper bits count the broker's starts, so that a number is
/// never given twice.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize, serde::Serialize,
)]
#[serde(transparent)]
pub struct MessageId(pub u64);

impl MessageId {
    /// How many of the low bits count within one start of the broker.
    pub const START_SHIFT: u32 = 40;

    /// The first number of a broker's `boot`th start.
    #[must_use]
    pub fn first(boot: u32) -> Self {
        Self(u64::from(boot) << Self::START_SHIFT)
    }
}

/// Says whether two packets with one packet id carry the same message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub u64);

/// How far the delivery of one message to one session has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// It waits for room in the window of what is in flight.
    Queued,
    /// PUBLISH was sent, or is about to be; PUBACK or PUBREC is to come.
    Published(PacketId),
    /// PUBREC came; PUBREL was sent, or is about to be; PUBCOMP is to come.
    Released(PacketId),
}

/// One change of what a broker keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A message's body, before anything refers to it.
    Message { id: MessageId, message: Arc<Message> },
    /// Nothing refers to that body any more.
    DropMessage { id: MessageId },
    /// The retained message of a topic, in place of the one before, and who published it.
    Retain { topic: Topic, id: MessageId, origin: Option<ClientId> },
    /// A topic has no retained message any more.
    ClearRetained { topic: Topic },
    /// A persistent session begins; a bridge's is the local half of one of this broker's bridges.
    OpenSession { client: ClientId, bridge: bool },
    /// A session ends, with everything in it.
    DropSession { client: ClientId },
    /// A subscription begins or changes its options. In a bridge's session: the far broker has
    /// granted this one.
    Subscribe { client: ClientId, filter: Filter, options: Subscription },
    /// A subscription ends.
    Unsubscribe { client: ClientId, filter: Filter },
    /// A message is to be delivered to a session, after all that came before.
    Queue { client: ClientId, number: u64, delivery: Delivery },
    /// A delivery has come further.
    Advance { client: ClientId, number: u64, stage: Stage },
    /// A delivery is done with.
    Dequeue { client: ClientId, number: u64 },
    /// A QoS 2 message was taken in; its PUBREL is to come.
    Receive { client: ClientId, packet_id: PacketId, digest: Digest },
    /// Its PUBREL came.
    Release { client: ClientId, packet_id: PacketId },
    /// A bridge's far side was sent the retained messages these rules let out (some digest of the
    /// rules), or is to be sent them again at the next connect (none).
    Established { client: ClientId, rules: Option<Digest> },
    /// A far broker's bridge missed retained messages and is to be sent them again, or not any more.
    MissedRetained { client: ClientId, missed: bool },
    /// When the session ends: so long after its connection, and for one without a connection at
    /// which time. A new session never ends.
    SessionExpiry { client: ClientId, expiry: Expiry, ends_at: Option<Duration> },
    /// What is to be published when the client goes without a goodbye, or went; or nothing any more.
    Will { client: ClientId, will: Option<WillImage> },
}

/// How long a session outlives its connection. [MQTT 5.0, section 3.1.2.11.2]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Expiry {
    /// So many seconds; 0 for a session that ends with its connection.
    Seconds(u32),
    /// For ever.
    #[default]
    Never,
}

impl Expiry {
    /// What a Session Expiry Interval stands for.
    #[must_use]
    pub fn from_interval(seconds: u32) -> Self {
        if seconds == u32::MAX { Self::Never } else { Self::Seconds(seconds) }
    }

    /// When a session ends whose connection ended at `at`.
    #[must_use]
    pub fn end_from(self, at: Duration) -> Option<Duration> {
        match self {
            Self::Never => None,
            Self::Seconds(seconds) if defect::on(Defect::ExpiresEarly) => {
                Some(at + Duration::from_secs(seconds.into()) / 4)
            }
            Self::Seconds(seconds) => Some(at + Duration::from_secs(seconds.into())),
        }
    }
}

/// A will that is kept with a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WillImage {
    /// The message.
    pub id: MessageId,
    /// How long after the connection's end it is published, in seconds.
    pub delay_s: u32,
    /// For how long the message is of use from then on, in seconds.
    pub expiry_s: Option<u32>,
    /// When it is published: known once the connection has ended.
    pub due: Option<Duration>,
}

/// One message on its way to one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Which message.
    pub id: MessageId,
    /// The `QoS` it is delivered with.
    pub qos: QoS,
    /// The retain flag it is delivered with.
    pub retain: bool,
    /// The identifiers of the subscriptions it is delivered for. [MQTT-3.3.4-3]
    pub subscription_ids: Vec<u32>,
    /// How far it has come.
    pub stage: Stage,
}

/// What a subscription asks for beside its filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Subscription {
    /// The highest `QoS` of a delivery.
    pub qos: QoS,
    /// Nothing that the subscriber itself published: what a bridge's bit asks for.
    pub no_local: bool,
    /// The retain flag as it was published: what a bridge's bit asks for.
    pub retain_as_published: bool,
    /// What its deliveries are marked with; never 0. [MQTT 5.0, section 3.8.2.1.2]
    pub identifier: Option<u32>,
}

/// The retained message of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetainedImage {
    /// Which message.
    pub id: MessageId,
    /// The session that published it, so that a bridge does not send it back where it came from.
    pub origin: Option<ClientId>,
}

/// What a store gives a broker at its start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Image {
    /// How often this store was opened, this time included.
    pub boot: u32,
    /// The bodies that retained messages and deliveries refer to.
    pub messages: BTreeMap<MessageId, Arc<Message>>,
    /// The retained message of each topic.
    pub retained: BTreeMap<Topic, RetainedImage>,
    /// The persistent sessions.
    pub sessions: BTreeMap<ClientId, SessionImage>,
}

/// What is kept of one session.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionImage {
    /// Whether it is the local half of a bridge.
    pub bridge: bool,
    /// Its subscriptions. For a bridge's session: those the far broker has granted.
    pub subscriptions: BTreeMap<Filter, Subscription>,
    /// What is to be delivered to it, in order of the number.
    pub deliveries: BTreeMap<u64, Delivery>,
    /// QoS 2 messages taken in from it whose PUBREL is to come.
    pub received: BTreeMap<PacketId, Digest>,
    /// For a bridge's session: the rules by which the far side has its retained messages. See
    /// [`Record::Established`].
    pub established: Option<Digest>,
    /// For the session of a far broker's bridge: see [`Record::MissedRetained`].
    pub missed_retained: bool,
    /// How long it outlives its connection.
    pub expiry: Expiry,
    /// When it ends; none while it has a connection, and for one that never ends.
    pub ends_at: Option<Duration>,
    /// What is to be published when its client is gone.
    pub will: Option<WillImage>,
}

/// A batch of records that become durable together, or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Counts a core's commits from 1.
    pub number: u64,
    /// What changes, in order.
    pub records: Vec<Record>,
}

impl Image {
    /// Makes the change that `record` stands for.
    ///
    /// # Panics
    /// When the record refers to a message, session or delivery that is not there: a core that
    /// writes such a record is wrong, and a store that swallowed it would hide that.
    pub fn apply(&mut self, record: &Record) {
        match record {
            Record::Message { id, message } => {
                let before = self.messages.insert(*id, Arc::clone(message));
                assert!(before.is_none(), "message {id:?} is there already");
            }
            Record::DropMessage { id } => {
                let before = self.messages.remove(id);
                assert!(before.is_some(), "message {id:?} is not there");
            }
            Record::Retain { topic, id, origin } => {
                assert!(self.messages.contains_key(id), "message {id:?} is not there");
                let retained = RetainedImage { id: *id, origin: origin.clone() };
                self.retained.insert(topic.clone(), retained);
            }
            Record::ClearRetained { topic } => {
                self.retained.remove(topic);
            }
            Record::OpenSession { client, bridge } => {
                let session = SessionImage { bridge: *bridge, ..SessionImage::default() };
                let before = self.sessions.insert(client.clone(), session);
                assert!(before.is_none(), "session {client} is there already");
            }
            Record::DropSession { client } => {
                let before = self.sessions.remove(client);
                assert!(before.is_some(), "session {client} is not there");
            }
            Record::Subscribe { client, filter, options } => {
                self.session(client).subscriptions.insert(filter.clone(), *options);
            }
            Record::Unsubscribe { client, filter } => {
                self.session(client).subscriptions.remove(filter);
            }
            of_session => self.apply_to_session(of_session),
        }
    }

    fn apply_to_session(&mut self, record: &Record) {
        match record {
            Record::Queue { client, number, delivery } => {
                assert!(self.messages.contains_key(&delivery.id), "no message {:?}", delivery.id);
                let before = self.session(client).deliveries.insert(*number, delivery.clone());
                assert!(before.is_none(), "delivery {number} to {client} is there already");
            }
            Record::Advance { client, number, stage } => {
                let deliveries = &mut self.session(client).deliveries;
                let delivery = deliveries.get_mut(number).expect("a delivery that was queued");
                delivery.stage = *stage;
            }
            Record::Dequeue { client, number } => {
                let before = self.session(client).deliveries.remove(number);
                assert!(before.is_some(), "delivery {number} to {client} is not there");
            }
            Record::Receive { client, packet_id, digest } => {
                self.session(client).received.insert(*packet_id, *digest);
            }
            Record::Release { client, packet_id } => {
                self.session(client).received.remove(packet_id);
            }
            Record::Established { client, rules } => {
                self.session(client).established = *rules;
            }
            Record::MissedRetained { client, missed } => {
                self.session(client).missed_retained = *missed;
            }
            Record::SessionExpiry { client, expiry, ends_at } => {
                let session = self.session(client);
                (session.expiry, session.ends_at) = (*expiry, *ends_at);
            }
            Record::Will { client, will } => {
                let there = will.is_none_or(|it| self.messages.contains_key(&it.id));
                assert!(there, "the message of a will of {client} is not there");
                self.session(client).will = *will;
            }
            other => unreachable!("{other:?} is not of a session"),
        }
    }

    fn session(&mut self, client: &ClientId) -> &mut SessionImage {
        self.sessions.get_mut(client).expect("a session that was opened")
    }
}
