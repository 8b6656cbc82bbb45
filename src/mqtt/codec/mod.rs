//! Packets from and to bytes. [MQTT 3.1.1 and 5.0, sections 2 and 3]
//!
//! Ours, and strict: everything the standards call a malformed packet, or a protocol error of a
//! single packet, is found here, so the broker never sees one. The packet types of
//! `mqtt-protocol-core` 0.7 and of rumqttc 0.25 were read for this place. Both take reserved flag
//! bits, null characters, a will with QoS 3, wildcards in topic names and bytes behind the end of a
//! packet; checking for those a second time took as much code as reading the packets.
//! `mqtt-protocol-core` is what the tests compare with.
//!
//! What the bytes mean depends on the protocol level that CONNECT names. Whoever writes to a
//! connection goes on with the level of the CONNECT that crosses first; a [`Reader`] sees to that
//! itself.

mod body;
mod connect;
mod error;
mod place;
mod read;
mod write;

pub use error::DecodeError;
pub use read::{Reader, read, whole};
pub use write::{publish_size, write};

/// The most bytes a packet has: five of header and 268,435,455 behind it. [MQTT 3.1.1, section 2.2.3]
pub const MAX_PACKET_SIZE: usize = 5 + (1 << 28) - 1;

/// The first four bits of a packet. [MQTT 5.0, table 2.1]
mod kind {
    pub const CONNECT: u8 = 1;
    pub const CONNACK: u8 = 2;
    pub const PUBLISH: u8 = 3;
    pub const PUBACK: u8 = 4;
    pub const PUBREC: u8 = 5;
    pub const PUBREL: u8 = 6;
    pub const PUBCOMP: u8 = 7;
    pub const SUBSCRIBE: u8 = 8;
    pub const SUBACK: u8 = 9;
    pub const UNSUBSCRIBE: u8 = 10;
    pub const UNSUBACK: u8 = 11;
    pub const PINGREQ: u8 = 12;
    pub const PINGRESP: u8 = 13;
    pub const DISCONNECT: u8 = 14;
    pub const AUTH: u8 = 15;
}

/// The bit of the protocol level by which a bridge says that it is one. [mosquitto.conf manual,
/// `try_private`]
const BRIDGE_BIT: u8 = 0x80;

#[cfg(test)]
mod tests;
