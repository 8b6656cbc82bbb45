//! The fourteen packets of MQTT 3.1.1, decoded. [MQTT 3.1.1, section 3]

use std::num::NonZeroU16;

use bytes::Bytes;

use super::topic::Topic;
use super::{ClientId, Filter, Message, QoS};

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
    PubAck(PacketId),
    /// A QoS 2 message was taken over.
    PubRec(PacketId),
    /// The sender will not send it again.
    PubRel(PacketId),
    /// The receiver has forgotten its packet id.
    PubComp(PacketId),
    /// Filters a client wants messages for, each with the highest `QoS` it wants.
    Subscribe(PacketId, Vec<(Filter, QoS)>),
    /// What it gets; none stands for failure, 0x80. [MQTT-3.9.3-2]
    SubAck(PacketId, Vec<Option<QoS>>),
    /// Filters it does not want any more.
    Unsubscribe(PacketId, Vec<Filter>),
    /// They are gone.
    UnsubAck(PacketId),
    /// Are you there?
    PingReq,
    /// Yes.
    PingResp,
    /// A polite goodbye, which forgets the will. [MQTT-3.14.4-3]
    Disconnect,
}

impl Packet {
    /// The packet's name in the standard.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Connect(_) => "CONNECT",
            Self::ConnAck(_) => "CONNACK",
            Self::Publish(_) => "PUBLISH",
            Self::PubAck(_) => "PUBACK",
            Self::PubRec(_) => "PUBREC",
            Self::PubRel(_) => "PUBREL",
            Self::PubComp(_) => "PUBCOMP",
            Self::Subscribe(..) => "SUBSCRIBE",
            Self::SubAck(..) => "SUBACK",
            Self::Unsubscribe(..) => "UNSUBSCRIBE",
            Self::UnsubAck(_) => "UNSUBACK",
            Self::PingReq => "PINGREQ",
            Self::PingResp => "PINGRESP",
            Self::Disconnect => "DISCONNECT",
        }
    }
}

/// The protocol level of a CONNECT. [MQTT 3.1.1, section 3.1.2.2]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// MQTT 3.1: level 3, with the protocol name `MQIsdp`.
    V31,
    /// MQTT 3.1.1: level 4.
    V311,
    /// Another one, which is answered with CONNACK 1. [MQTT-3.1.2-2]
    Unknown(u8),
}

/// CONNECT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connect {
    /// The protocol level, without the bridge bit.
    pub level: Level,
    /// The bit 0x80 of the level, by which a bridge says that it is one: it wants no echo of what
    /// it published, and the retain flag as it was published.
    pub bridge: bool,
    /// Who connects.
    pub client_id: ClientId,
    /// Whether an earlier session is to be forgotten, and this one when it ends.
    pub clean_session: bool,
    /// Seconds without a packet after which the client counts as gone, times one and a half; 0
    /// means never. [MQTT-3.1.2-24]
    pub keep_alive_s: u16,
    /// What to publish when the client goes without a goodbye.
    pub will: Option<Message>,
    /// User name.
    pub username: Option<String>,
    /// Password.
    pub password: Option<Bytes>,
}

impl Connect {
    /// A CONNECT of which nothing but the level could be read.
    #[must_use]
    pub fn unknown(level: Level) -> Self {
        Self {
            level,
            bridge: false,
            client_id: ClientId::new(""),
            clean_session: true,
            keep_alive_s: 0,
            will: None,
            username: None,
            password: None,
        }
    }
}

/// CONNACK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnAck {
    /// Whether the broker still had a session of this client. [MQTT-3.2.2-2]
    pub session_present: bool,
    /// Whether the client may go on.
    pub code: ConnectCode,
}

/// The return code of a CONNACK. [MQTT 3.1.1, table 3.1]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ConnectCode {
    /// 0: go on.
    Accepted = 0,
    /// 1: the protocol level is not supported.
    UnacceptableProtocol = 1,
    /// 2: the client identifier is not allowed.
    IdentifierRejected = 2,
    /// 3: the broker cannot serve now.
    ServerUnavailable = 3,
    /// 4: user name or password are malformed.
    BadCredentials = 4,
    /// 5: the client is not allowed to connect.
    NotAuthorized = 5,
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
    /// Where to.
    pub topic: Topic,
    /// There for `QoS` 1 and 2 only. [MQTT-2.3.1-5]
    pub packet_id: Option<PacketId>,
    /// The application's bytes.
    pub payload: Bytes,
}
