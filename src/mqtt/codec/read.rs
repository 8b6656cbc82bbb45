//! Packets from bytes.

use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;

use super::{BRIDGE_BIT, kind};
use crate::mqtt::packet::{ConnAck, Connect, ConnectCode, Level, Publish};
use crate::mqtt::topic::TopicError;
use crate::mqtt::{ClientId, Filter, Message, Packet, PacketId, QoS, Topic};

/// Why bytes are no packet.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The length of a packet has at most four bytes. [MQTT 3.1.1, section 2.2.3]
    #[error("the remaining length has more than four bytes")]
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
    #[error("the first byte {0:#04x} is no packet of MQTT 3.1.1")]
    FirstByte(u8),
    /// The packet ends before its last field, or goes on after it.
    #[error("{0} is too short or too long for its fields")]
    Size(&'static str),
    /// A field has a value that the standard forbids.
    #[error("{0}")]
    Value(&'static str),
    /// A topic name or filter is none.
    #[error("{0}")]
    Topic(#[from] TopicError),
}

/// Takes the first whole packet off `buffer`; `None` while it is not whole yet. A packet of more
/// than `max_packet_size` bytes is an error as soon as its length is known.
///
/// # Errors
/// What the bytes break. Nothing can be read from that connection any more. [MQTT-4.8.0-1]
pub fn read(buffer: &mut BytesMut, max_packet_size: usize) -> Result<Option<Packet>, DecodeError> {
    let Some((header_len, body_len)) = lengths(buffer)? else { return Ok(None) };
    let size = header_len + body_len;
    if size > max_packet_size {
        return Err(DecodeError::TooLarge { size, limit: max_packet_size });
    }
    check_first_byte(buffer[0])?;
    if buffer.len() < size {
        return Ok(None);
    }
    let first = buffer[0];
    let mut frame = buffer.split_to(size).freeze();
    frame.advance(header_len);
    packet(first, Body { name: name(first), bytes: frame }).map(Some)
}

/// The bytes of the fixed header and of what follows it.
fn lengths(buffer: &[u8]) -> Result<Option<(usize, usize)>, DecodeError> {
    let mut value = 0;
    for (index, byte) in buffer.iter().skip(1).take(4).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Ok(Some((index + 2, value)));
        }
    }
    if buffer.len() > 4 { Err(DecodeError::Length) } else { Ok(None) }
}

/// [MQTT 3.1.1, table 2.2]
fn check_first_byte(first: u8) -> Result<(), DecodeError> {
    let flags = first & 0x0f;
    let good = match first >> 4 {
        kind::PUBLISH => flags & 0b0110 != 0b0110,
        kind::PUBREL | kind::SUBSCRIBE | kind::UNSUBSCRIBE => flags == 0b0010,
        kind::CONNECT..=kind::DISCONNECT => flags == 0,
        _ => false,
    };
    if good { Ok(()) } else { Err(DecodeError::FirstByte(first)) }
}

fn name(first: u8) -> &'static str {
    match first >> 4 {
        kind::CONNECT => "CONNECT",
        kind::CONNACK => "CONNACK",
        kind::PUBLISH => "PUBLISH",
        kind::PUBACK => "PUBACK",
        kind::PUBREC => "PUBREC",
        kind::PUBREL => "PUBREL",
        kind::PUBCOMP => "PUBCOMP",
        kind::SUBSCRIBE => "SUBSCRIBE",
        kind::SUBACK => "SUBACK",
        kind::UNSUBSCRIBE => "UNSUBSCRIBE",
        kind::UNSUBACK => "UNSUBACK",
        kind::PINGREQ => "PINGREQ",
        kind::PINGRESP => "PINGRESP",
        _ => "DISCONNECT",
    }
}

fn packet(first: u8, mut body: Body) -> Result<Packet, DecodeError> {
    let packet = match first >> 4 {
        kind::CONNECT => return connect(body),
        kind::PUBLISH => return publish(first & 0x0f, body),
        kind::CONNACK => Packet::ConnAck(connack(&mut body)?),
        kind::PUBACK => Packet::PubAck(body.packet_id()?),
        kind::PUBREC => Packet::PubRec(body.packet_id()?),
        kind::PUBREL => Packet::PubRel(body.packet_id()?),
        kind::PUBCOMP => Packet::PubComp(body.packet_id()?),
        kind::SUBSCRIBE => subscribe(&mut body)?,
        kind::SUBACK => suback(&mut body)?,
        kind::UNSUBSCRIBE => unsubscribe(&mut body)?,
        kind::UNSUBACK => Packet::UnsubAck(body.packet_id()?),
        kind::PINGREQ => Packet::PingReq,
        kind::PINGRESP => Packet::PingResp,
        _ => Packet::Disconnect,
    };
    body.end()?;
    Ok(packet)
}

fn connect(mut body: Body) -> Result<Packet, DecodeError> {
    let protocol = body.text()?;
    let byte = body.u8()?;
    let bridge = byte & BRIDGE_BIT != 0;
    let level = match (protocol.as_str(), byte & !BRIDGE_BIT) {
        ("MQTT", 4) => Level::V311,
        ("MQIsdp", 3) => Level::V31,
        ("MQTT" | "MQIsdp", other) => Level::Unknown(other),
        _ => return Err(DecodeError::Value("the protocol name is not MQTT")), // [MQTT-3.1.2-1]
    };
    if matches!(level, Level::Unknown(_)) {
        // What follows has a form only that level knows; the answer needs none of it.
        return Ok(Packet::Connect(Box::new(Connect::unknown(level))));
    }
    let flags = body.u8()?;
    check_connect_flags(flags)?;
    let keep_alive_s = body.u16()?;
    let client_id = ClientId::new(&body.text()?);
    let will = if flags & 0b0000_0100 == 0 { None } else { Some(will(flags, &mut body)?) };
    let username = if flags & 0b1000_0000 == 0 { None } else { Some(body.text()?) };
    let password = if flags & 0b0100_0000 == 0 { None } else { Some(body.binary()?) };
    body.end()?;
    Ok(Packet::Connect(Box::new(Connect {
        level,
        bridge,
        client_id,
        clean_session: flags & 0b0000_0010 != 0,
        keep_alive_s,
        will,
        username,
        password,
    })))
}

fn check_connect_flags(flags: u8) -> Result<(), DecodeError> {
    if flags & 1 != 0 {
        return Err(DecodeError::Value("the reserved flag of CONNECT is set")); // [MQTT-3.1.2-3]
    }
    if flags & 0b0000_0100 == 0 && flags & 0b0011_1000 != 0 {
        // [MQTT-3.1.2-11, -13, -15]
        return Err(DecodeError::Value("CONNECT has a will QoS or will retain without a will"));
    }
    if flags & 0b1100_0000 == 0b0100_0000 {
        // [MQTT-3.1.2-22]
        return Err(DecodeError::Value("CONNECT has a password without a user name"));
    }
    Ok(())
}

fn will(flags: u8, body: &mut Body) -> Result<Message, DecodeError> {
    let qos = QoS::from_level(flags >> 3 & 0b11).ok_or(DecodeError::Value("the will has QoS 3"))?; // [MQTT-3.1.2-14]
    let topic = Topic::parse(&body.text()?)?;
    let payload = Bytes::copy_from_slice(&body.binary()?);
    Ok(Message::new(topic, payload, qos, flags & 0b0010_0000 != 0))
}

fn connack(body: &mut Body) -> Result<ConnAck, DecodeError> {
    let flags = body.u8()?;
    let code = match body.u8()? {
        0 => ConnectCode::Accepted,
        1 => ConnectCode::UnacceptableProtocol,
        2 => ConnectCode::IdentifierRejected,
        3 => ConnectCode::ServerUnavailable,
        4 => ConnectCode::BadCredentials,
        5 => ConnectCode::NotAuthorized,
        _ => return Err(DecodeError::Value("CONNACK has a reserved return code")),
    };
    if flags > 1 {
        return Err(DecodeError::Value("a reserved flag of CONNACK is set"));
    }
    Ok(ConnAck { session_present: flags == 1, code })
}

fn publish(flags: u8, mut body: Body) -> Result<Packet, DecodeError> {
    let qos = QoS::from_level(flags >> 1 & 0b11).ok_or(DecodeError::Value("PUBLISH has QoS 3"))?; // [MQTT-3.3.1-4]
    let dup = flags & 0b1000 != 0;
    if dup && qos == QoS::AtMostOnce {
        return Err(DecodeError::Value("PUBLISH has DUP with QoS 0")); // [MQTT-3.3.1-2]
    }
    let len = usize::from(body.u16()?);
    let topic = {
        let bytes = body.take(len)?;
        Topic::parse(utf8(&bytes)?)?
    };
    let packet_id = if qos == QoS::AtMostOnce { None } else { Some(body.packet_id()?) };
    let retain = flags & 1 != 0;
    Ok(Packet::Publish(Publish { dup, qos, retain, topic, packet_id, payload: body.bytes }))
}

fn subscribe(body: &mut Body) -> Result<Packet, DecodeError> {
    let packet_id = body.packet_id()?;
    let mut filters = Vec::new();
    while !body.bytes.is_empty() {
        let filter = Filter::parse(&body.text()?)?;
        let qos = QoS::from_level(body.u8()?)
            .ok_or(DecodeError::Value("SUBSCRIBE asks for a QoS above 2"))?; // [MQTT-3-8.3-4]
        filters.push((filter, qos));
    }
    if filters.is_empty() {
        return Err(DecodeError::Value("SUBSCRIBE names no filter")); // [MQTT-3.8.3-3]
    }
    Ok(Packet::Subscribe(packet_id, filters))
}

fn suback(body: &mut Body) -> Result<Packet, DecodeError> {
    let packet_id = body.packet_id()?;
    let mut codes = Vec::new();
    while !body.bytes.is_empty() {
        codes.push(match body.u8()? {
            0x80 => None,
            level => Some(
                QoS::from_level(level)
                    .ok_or(DecodeError::Value("SUBACK has a reserved return code"))?, // [MQTT-3.9.3-2]
            ),
        });
    }
    Ok(Packet::SubAck(packet_id, codes))
}

fn unsubscribe(body: &mut Body) -> Result<Packet, DecodeError> {
    let packet_id = body.packet_id()?;
    let mut filters = Vec::new();
    while !body.bytes.is_empty() {
        filters.push(Filter::parse(&body.text()?)?);
    }
    if filters.is_empty() {
        return Err(DecodeError::Value("UNSUBSCRIBE names no filter")); // [MQTT-3.10.3-2]
    }
    Ok(Packet::Unsubscribe(packet_id, filters))
}

/// What follows a packet's fixed header.
struct Body {
    name: &'static str,
    bytes: Bytes,
}

impl Body {
    fn take(&mut self, len: usize) -> Result<Bytes, DecodeError> {
        if self.bytes.len() < len {
            return Err(DecodeError::Size(self.name));
        }
        Ok(self.bytes.split_to(len))
    }

    fn u8(&mut self) -> Result<u8, DecodeError> {
        self.bytes.try_get_u8().map_err(|_| DecodeError::Size(self.name))
    }

    fn u16(&mut self) -> Result<u16, DecodeError> {
        self.bytes.try_get_u16().map_err(|_| DecodeError::Size(self.name))
    }

    fn packet_id(&mut self) -> Result<PacketId, DecodeError> {
        PacketId::new(self.u16()?).ok_or(DecodeError::Value("a packet id is 0")) // [MQTT-2.3.1-1]
    }

    fn binary(&mut self) -> Result<Bytes, DecodeError> {
        let len = usize::from(self.u16()?);
        self.take(len)
    }

    /// [MQTT-1.5.3-1, -2]
    fn text(&mut self) -> Result<String, DecodeError> {
        let bytes = self.binary()?;
        let text = utf8(&bytes)?;
        if text.bytes().any(|b| b == 0) {
            return Err(DecodeError::Value("a string contains the null character"));
        }
        Ok(text.to_owned())
    }

    fn end(&self) -> Result<(), DecodeError> {
        if self.bytes.is_empty() { Ok(()) } else { Err(DecodeError::Size(self.name)) }
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, DecodeError> {
    std::str::from_utf8(bytes).map_err(|_| DecodeError::Value("a string is not UTF-8"))
}
