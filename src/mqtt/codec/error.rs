//! Why bytes are no packet.

use thiserror::Error;

use crate::mqtt::Reason;
use crate::mqtt::topic::TopicError;

/// Why bytes are no packet.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The length of a packet has at most four bytes [MQTT 3.1.1, section 2.2.3], in MQTT 5 not one
    /// more than it needs [MQTT-1.5.5-1].
    #[error("the remaining length has more than four bytes, or more than it needs")]
    Length,
    /// It is larger than this side takes.
    #[error("a packet of {size} bytes is over max_packet_size {limit}")]
    TooLarge {
        /// The whole packet, in bytes.
        size: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The first byte names no packet, or has flag bits that are reserved. [MQTT-2.2.2-2]
    #[error("the first byte {0:#04x} is no packet of this version of MQTT")]
    FirstByte(u8),
    /// The packet ends before its last field, or goes on after it.
    #[error("{0} is too short or too long for its fields")]
    Size(&'static str),
    /// A field has a value that it cannot have.
    #[error("{0}")]
    Value(&'static str),
    /// The fields make sense, and the standard forbids them all the same.
    #[error("{0}")]
    Protocol(&'static str),
    /// A property that has no place in its packet, or a second one where there may be one.
    #[error("the property {id:#04x} has no place in {packet}, or stands there twice")]
    Property {
        /// Its identifier on the wire.
        id: u8,
        /// The packet.
        packet: &'static str,
    },
    /// A topic alias of 0. [MQTT-3.3.2-8]
    #[error("a topic alias is 0")]
    Alias,
    /// A topic name is none.
    #[error("{0}")]
    Topic(TopicError),
    /// A topic filter is none.
    #[error("{0}")]
    Filter(TopicError),
}

impl DecodeError {
    /// What a DISCONNECT of MQTT 5 says of it. [MQTT 5.0, section 4.13]
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::TooLarge { .. } => Reason::PacketTooLarge,
            Self::Protocol(_) | Self::Property { .. } => Reason::ProtocolError,
            Self::Alias => Reason::TopicAliasInvalid,
            Self::Topic(_) => Reason::TopicNameInvalid,
            Self::Filter(_) => Reason::TopicFilterInvalid,
            Self::Length | Self::FirstByte(_) | Self::Size(_) | Self::Value(_) => {
                Reason::MalformedPacket
            }
        }
    }
}
