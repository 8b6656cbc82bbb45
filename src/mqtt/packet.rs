//! The packets of MQTT 3.1.1 and 5, decoded. [MQTT 3.1.1 and 5.0, section 3]
//!
//! Both versions have one form here. A packet of 3.1.1 has no properties, and its reason is the
//! one of MQTT 5 that its bytes come nearest to; writing a packet for 3.1.1 leaves out what that
//! version cannot say.

use std::num::NonZeroU16;

use bytes::Bytes;

use super::properties::Properties;
use super::reason::Reason;
use super::topic::Topic;
use super::{ClientId, Filter, Message, PacketKind, QoS};

/// Names a packet until it is acknowledged; never 0. [MQTT-2.3.1-1]
pub type PacketId = NonZeroU16;

/// One MQTT control packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// A client wants to speak.
    Connect(Box<Connect>),
    /// It may, or may not.
    ConnAck(ConnAck),
    /// A message.
    Publish(Publish),
    /// A QoS 1 message was taken over.
    PubAck(Ack),
    /// A QoS 2 message was taken over.
    PubRec(Ack),
    /// The sender will not send it again.
    PubRel(Ack),
    /// The receiver has forgotten its packet id.
    PubComp(Ack),
    /// Filters a client wants messages for.
    Subscribe(Subscribe),
    /// What it gets, for each filter.
    SubAck(Answers),
    /// Filters it does not want any more.
    Unsubscribe(Unsubscribe),
    /// They are gone; without reasons in 3.1.1.
    UnsubAck(Answers),
    /// Are you there?
    PingReq,
    /// Yes.
    PingResp,
    /// A goodbye. In 3.1.1 it is the client's, is polite, and forgets the will. [MQTT-3.14.4-3]
    Disconnect(Notice),
    /// A step of an enhanced authentication; MQTT 5 only.
    Auth(Notice),
}

impl Packet {
    /// What kind of packet it is.
    #[must_use]
    pub fn kind(&self) -> PacketKind {
        match self {
            Self::Connect(_) => PacketKind::CONNECT,
            Self::ConnAck(_) => PacketKind::CONNACK,
            Self::Publish(_) => PacketKind::PUBLISH,
            Self::PubAck(_) => PacketKind::PUBACK,
            Self::PubRec(_) => PacketKind::PUBREC,
            Self::PubRel(_) => PacketKind::PUBREL,
            Self::PubComp(_) => PacketKind::PUBCOMP,
            Self::Subscribe(_) => PacketKind::SUBSCRIBE,
            Self::SubAck(_) => PacketKind::SUBACK,
            Self::Unsubscribe(_) => PacketKind::UNSUBSCRIBE,
            Self::UnsubAck(_) => PacketKind::UNSUBACK,
            Self::PingReq => PacketKind::PINGREQ,
            Self::PingResp => PacketKind::PINGRESP,
            Self::Disconnect(_) => PacketKind::DISCONNECT,
            Self::Auth(_) => PacketKind::AUTH,
        }
    }

    /// The packet's name in the standard.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.kind().name()
    }
}

/// The protocol level of a connection. [MQTT 5.0, section 3.1.2.2]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Level {
    /// MQTT 3.1: level 3, with the protocol name `MQIsdp`.
    V31,
    /// MQTT 3.1.1: level 4.
    #[default]
    V311,
    /// MQTT 5: level 5.
    V5,
    /// Another one, which is answered with CONNACK 1. [MQTT-3.1.2-2]
    Unknown(u8),
}

impl Level {
    /// The level that a number on the wire stands for, the protocol's name aside.
    #[must_use]
    pub fn of_number(number: u8) -> Self {
        match number {
            3 => Self::V31,
            4 => Self::V311,
            5 => Self::V5,
            other => Self::Unknown(other),
        }
    }

    /// The number on the wire.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::V31 => 3,
            Self::V311 => 4,
            Self::V5 => 5,
            Self::Unknown(other) => other,
        }
    }

    /// The number of the version that people know.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V31 => "3.1",
            Self::V311 => "3.1.1",
            Self::V5 => "5",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// CONNECT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connect {
    /// The protocol level, without the bridge bit.
    pub level: Level,
    /// The bit 0x80 of the level, by which a bridge says that it is one: it wants no echo of what
    /// it published, and the retain flag as it was published. MQTT 5 has subscription options for
    /// that.
    pub bridge: bool,
    /// Who connects.
    pub client_id: ClientId,
    /// Whether an earlier session is to be forgotten; in 3.1.1 also this one when it ends.
    pub clean_start: bool,
    /// Seconds without a packet after which the client counts as gone, times one and a half; 0
    /// means never. [MQTT-3.1.2-24]
    pub keep_alive_s: u16,
    /// What to publish when the client goes without a goodbye.
    pub will: Option<Will>,
    /// User name.
    pub username: Option<String>,
    /// Password.
    pub password: Option<Bytes>,
    /// Properties.
    pub properties: Properties,
}

impl Connect {
    /// A CONNECT of which nothing but the level could be read.
    #[must_use]
    pub fn unknown(level: Level) -> Self {
        Self {
            level,
            bridge: false,
            client_id: ClientId::new(""),
            clean_start: true,
            keep_alive_s: 0,
            will: None,
            username: None,
            password: None,
            properties: Properties::NONE,
        }
    }
}

/// A will. [MQTT 5.0, section 3.1.2.5]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Will {
    /// What is published. Its expiry counts from then, so it has none yet.
    pub message: Message,
    /// How long after the connection's end, in seconds.
    pub delay_s: u32,
    /// For how long the message is of use once it is published, in seconds.
    pub expiry_s: Option<u32>,
}

impl From<Message> for Will {
    fn from(message: Message) -> Self {
        Self { message, delay_s: 0, expiry_s: None }
    }
}

/// CONNACK.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConnAck {
    /// Whether the broker still had a session of this client. [MQTT-3.2.2-2]
    pub session_present: bool,
    /// Whether the client may go on.
    pub reason: Reason,
    /// Properties.
    pub properties: Properties,
}

/// PUBLISH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    /// Whether this may be a repeat. [MQTT-3.3.1-1]
    pub dup: bool,
    /// `QoS` of this copy.
    pub qos: QoS,
    /// Retain flag of this copy.
    pub retain: bool,
    /// Where to; [`Topic::omitted`] where an alias stands for it.
    pub topic: Topic,
    /// There for `QoS` 1 and 2 only. [MQTT-2.3.1-5]
    pub packet_id: Option<PacketId>,
    /// Properties.
    pub properties: Properties,
    /// The application's bytes.
    pub payload: Bytes,
}

impl Publish {
    /// A message's first packet, without properties.
    #[must_use]
    pub fn of(message: &Message, packet_id: Option<PacketId>) -> Self {
        Self {
            dup: false,
            qos: message.qos,
            retain: message.retain,
            topic: message.topic.clone(),
            packet_id,
            properties: Properties::NONE,
            payload: message.payload.clone(),
        }
    }
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ack {
    /// Of which packet.
    pub id: PacketId,
    /// What became of it.
    pub reason: Reason,
    /// Properties.
    pub properties: Properties,
}

impl Ack {
    /// An acknowledgement that says so.
    #[must_use]
    pub fn because(id: PacketId, reason: Reason) -> Self {
        Self { id, reason, properties: Properties::NONE }
    }
}

impl From<PacketId> for Ack {
    fn from(id: PacketId) -> Self {
        Self::because(id, Reason::Success)
    }
}

/// SUBSCRIBE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribe {
    /// Names it.
    pub id: PacketId,
    /// What the client wants, and how.
    pub filters: Vec<(Filter, SubscribeOptions)>,
    /// Properties.
    pub properties: Properties,
}

impl Subscribe {
    /// Without properties.
    #[must_use]
    pub fn new(id: PacketId, filters: Vec<(Filter, SubscribeOptions)>) -> Self {
        Self { id, filters, properties: Properties::NONE }
    }
}

/// How a client wants the messages of a filter. [MQTT 5.0, section 3.8.3.1]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SubscribeOptions {
    /// With this `QoS` at most.
    pub qos: QoS,
    /// Not what it published itself.
    pub no_local: bool,
    /// With the retain flag as it was published.
    pub retain_as_published: bool,
    /// Whether it wants the retained messages now.
    pub retain_handling: RetainHandling,
}

impl From<QoS> for SubscribeOptions {
    fn from(qos: QoS) -> Self {
        Self { qos, ..Self::default() }
    }
}

/// When a SUBSCRIBE is answered with the retained messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum RetainHandling {
    /// Always.
    #[default]
    Send = 0,
    /// When the subscription is new.
    SendIfNew = 1,
    /// Never.
    DoNotSend = 2,
}

/// UNSUBSCRIBE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsubscribe {
    /// Names it.
    pub id: PacketId,
    /// What the client does not want any more.
    pub filters: Vec<Filter>,
    /// Properties.
    pub properties: Properties,
}

impl Unsubscribe {
    /// Without properties.
    #[must_use]
    pub fn new(id: PacketId, filters: Vec<Filter>) -> Self {
        Self { id, filters, properties: Properties::NONE }
    }
}

/// SUBACK or UNSUBACK.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// Of which packet.
    pub id: PacketId,
    /// One for each filter, in their order. [MQTT-3.8.4-6, MQTT-3.11.3-1]
    pub reasons: Vec<Reason>,
    /// Properties.
    pub properties: Properties,
}

impl Answers {
    /// Without properties.
    #[must_use]
    pub fn new(id: PacketId, reasons: Vec<Reason>) -> Self {
        Self { id, reasons, properties: Properties::NONE }
    }
}

/// DISCONNECT or AUTH.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notice {
    /// Why.
    pub reason: Reason,
    /// Properties.
    pub properties: Properties,
}

impl From<Reason> for Notice {
    fn from(reason: Reason) -> Self {
        Self { reason, properties: Properties::NONE }
    }
}
