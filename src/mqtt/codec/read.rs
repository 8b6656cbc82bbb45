//! Packets from bytes.

use bytes::{Buf, Bytes, BytesMut};

use super::body::{Body, utf8};
use super::error::DecodeError;
use super::place::Place;
use super::{connect, kind};
use crate::mqtt::packet::{
    Ack, Answers, Level, Notice, Publish, RetainHandling, Subscribe, SubscribeOptions, Unsubscribe,
};
use crate::mqtt::{Filter, Packet, PacketKind, Properties, QoS, Reason, Topic};

/// Reads one side of a connection.
#[derive(Debug, Clone)]
pub struct Reader {
    level: Level,
    max_packet_size: usize,
    /// The topic of the last PUBLISH: who publishes mostly does so to the same one again.
    recent: Option<Topic>,
}

impl Reader {
    /// A reader for a connection whose packets are as `level` has them; a CONNECT that is read
    /// changes that. A packet of more than `max_packet_size` bytes is an error as soon as its length
    /// is known.
    #[must_use]
    pub fn new(level: Level, max_packet_size: usize) -> Self {
        Self { level, max_packet_size, recent: None }
    }

    /// Takes the first whole packet off `buffer`; `None` while it is not whole yet.
    ///
    /// # Errors
    /// What the bytes break. Nothing can be read from that connection any more. [MQTT-4.8.0-1]
    pub fn read(&mut self, buffer: &mut BytesMut) -> Result<Option<Packet>, DecodeError> {
        let packet = read_packet(buffer, self.level, self.max_packet_size, &mut self.recent)?;
        if let Some(Packet::Connect(connect)) = &packet {
            self.level = connect.level;
        }
        Ok(packet)
    }
}

/// The same for one packet of a connection whose level is known.
///
/// # Errors
/// See [`Reader::read`].
pub fn read(
    buffer: &mut BytesMut,
    level: Level,
    max_packet_size: usize,
) -> Result<Option<Packet>, DecodeError> {
    read_packet(buffer, level, max_packet_size, &mut None)
}

fn read_packet(
    buffer: &mut BytesMut,
    level: Level,
    max_packet_size: usize,
    recent: &mut Option<Topic>,
) -> Result<Option<Packet>, DecodeError> {
    let Some((header_len, body_len)) = lengths(buffer)? else { return Ok(None) };
    if level == Level::V5 && header_len > 2 && buffer[header_len - 1] == 0 {
        return Err(DecodeError::Length); // [MQTT-1.5.5-1]
    }
    let size = header_len + body_len;
    if size > max_packet_size {
        return Err(DecodeError::TooLarge { size, limit: max_packet_size });
    }
    check_first_byte(buffer[0], level)?;
    if buffer.len() < size {
        return Ok(None);
    }
    let frame = buffer.split_to(size).freeze();
    read_frame(frame, header_len, level, recent).map(Some)
}

/// The packet that is all of `bytes`, and shares them.
///
/// # Errors
/// What the bytes break, if it is only that they end too early or too late.
pub fn whole(bytes: &Bytes, level: Level) -> Result<Packet, DecodeError> {
    let lengths = lengths(bytes)?.filter(|(header, body)| header + body == bytes.len());
    let (header_len, _) = lengths.ok_or(DecodeError::Length)?;
    check_first_byte(bytes[0], level)?;
    read_frame(bytes.clone(), header_len, level, &mut None)
}

fn read_frame(
    mut frame: Bytes,
    header_len: usize,
    level: Level,
    recent: &mut Option<Topic>,
) -> Result<Packet, DecodeError> {
    let first = frame[0];
    frame.advance(header_len);
    let body = Body { name: PacketKind::of(first).name(), level, bytes: frame };
    if first >> 4 == kind::PUBLISH {
        return publish(first & 0x0f, body, recent);
    }
    packet(first, body)
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

/// [MQTT 5.0, table 2.2]
fn check_first_byte(first: u8, level: Level) -> Result<(), DecodeError> {
    let flags = first & 0x0f;
    let good = match first >> 4 {
        kind::PUBLISH => flags & 0b0110 != 0b0110,
        kind::PUBREL | kind::SUBSCRIBE | kind::UNSUBSCRIBE => flags == 0b0010,
        kind::CONNECT..=kind::DISCONNECT => flags == 0,
        kind::AUTH => flags == 0 && level == Level::V5,
        _ => false,
    };
    if good { Ok(()) } else { Err(DecodeError::FirstByte(first)) }
}

fn packet(first: u8, mut body: Body) -> Result<Packet, DecodeError> {
    let packet = match first >> 4 {
        kind::CONNECT => return connect::connect(body),
        kind::CONNACK => Packet::ConnAck(connect::connack(&mut body)?),
        kind::PUBACK => Packet::PubAck(ack(&mut body, &TAKEN)?),
        kind::PUBREC => Packet::PubRec(ack(&mut body, &TAKEN)?),
        kind::PUBREL => Packet::PubRel(ack(&mut body, &RELEASED)?),
        kind::PUBCOMP => Packet::PubComp(ack(&mut body, &RELEASED)?),
        kind::SUBSCRIBE => subscribe(&mut body)?,
        kind::SUBACK => Packet::SubAck(suback(&mut body)?),
        kind::UNSUBSCRIBE => unsubscribe(&mut body)?,
        kind::UNSUBACK => Packet::UnsubAck(unsuback(&mut body)?),
        kind::PINGREQ => Packet::PingReq,
        kind::PINGRESP => Packet::PingResp,
        kind::DISCONNECT => Packet::Disconnect(notice(&mut body, Place::Disconnect, is_goodbye)?),
        _ => {
            use Reason::{ContinueAuthentication, ReAuthenticate, Success};
            let fits = |it| matches!(it, Success | ContinueAuthentication | ReAuthenticate);
            Packet::Auth(notice(&mut body, Place::Auth, fits)?)
        }
    };
    body.end()?;
    Ok(packet)
}

/// What PUBACK and PUBREC may say. [MQTT 5.0, table 3-4]
const TAKEN: [Reason; 9] = [
    Reason::Success,
    Reason::NoMatchingSubscribers,
    Reason::UnspecifiedError,
    Reason::ImplementationSpecificError,
    Reason::NotAuthorized,
    Reason::TopicNameInvalid,
    Reason::PacketIdentifierInUse,
    Reason::QuotaExceeded,
    Reason::PayloadFormatInvalid,
];

/// What PUBREL and PUBCOMP may say. [MQTT 5.0, table 3-6]
const RELEASED: [Reason; 2] = [Reason::Success, Reason::PacketIdentifierNotFound];

/// What SUBACK may say. [MQTT 5.0, table 3-8]
const GRANTED: [Reason; 12] = [
    Reason::Success,
    Reason::GrantedQos1,
    Reason::GrantedQos2,
    Reason::UnspecifiedError,
    Reason::ImplementationSpecificError,
    Reason::NotAuthorized,
    Reason::TopicFilterInvalid,
    Reason::PacketIdentifierInUse,
    Reason::QuotaExceeded,
    Reason::SharedSubscriptionsNotSupported,
    Reason::SubscriptionIdentifiersNotSupported,
    Reason::WildcardSubscriptionsNotSupported,
];

/// What SUBACK of MQTT 3.1.1 may say. [MQTT-3.9.3-2]
const GRANTED_V3: [Reason; 4] =
    [Reason::Success, Reason::GrantedQos1, Reason::GrantedQos2, Reason::UnspecifiedError];

/// What UNSUBACK may say. [MQTT 5.0, table 3-9]
const WITHDRAWN: [Reason; 7] = [
    Reason::Success,
    Reason::NoSubscriptionExisted,
    Reason::UnspecifiedError,
    Reason::ImplementationSpecificError,
    Reason::NotAuthorized,
    Reason::TopicFilterInvalid,
    Reason::PacketIdentifierInUse,
];

/// What DISCONNECT may say. [MQTT 5.0, table 3-10]
fn is_goodbye(reason: Reason) -> bool {
    matches!(reason, Reason::Success | Reason::DisconnectWithWill) || reason.is_error()
}

/// A reason and properties may be left out from the end. [MQTT 5.0, section 3.4.2.1]
fn ack(body: &mut Body, allowed: &[Reason]) -> Result<Ack, DecodeError> {
    let id = body.packet_id()?;
    if !body.is_v5() || body.bytes.is_empty() {
        return Ok(Ack::from(id));
    }
    let reason = body.reason(allowed)?;
    let properties =
        if body.bytes.is_empty() { Properties::NONE } else { body.properties(Place::Ack)? };
    Ok(Ack { id, reason, properties })
}

/// [MQTT 5.0, sections 3.14.2.1 and 3.15.2.1]
fn notice(
    body: &mut Body,
    place: Place,
    fits: impl Fn(Reason) -> bool,
) -> Result<Notice, DecodeError> {
    if !body.is_v5() || body.bytes.is_empty() {
        return Ok(Notice::default());
    }
    let reason = Reason::from_code(body.u8()?).filter(|it| fits(*it));
    let reason = reason.ok_or(DecodeError::Value("a reason code has no meaning in its packet"))?;
    let properties = if body.bytes.is_empty() { Properties::NONE } else { body.properties(place)? };
    Ok(Notice { reason, properties })
}

fn publish(flags: u8, mut body: Body, recent: &mut Option<Topic>) -> Result<Packet, DecodeError> {
    let qos = QoS::from_level(flags >> 1 & 0b11).ok_or(DecodeError::Value("PUBLISH has QoS 3"))?; // [MQTT-3.3.1-4]
    let dup = flags & 0b1000 != 0;
    if dup && qos == QoS::AtMostOnce {
        return Err(DecodeError::Value("PUBLISH has DUP with QoS 0")); // [MQTT-3.3.1-2]
    }
    let len = usize::from(body.u16()?);
    let name = body.take(len)?;
    let packet_id = if qos == QoS::AtMostOnce { None } else { Some(body.packet_id()?) };
    let properties = body.properties(Place::Publish)?;
    let topic = if name.is_empty() && body.is_v5() {
        if properties.topic_alias().is_none() {
            return Err(DecodeError::Protocol("PUBLISH has neither a topic nor an alias"));
        }
        Topic::omitted()
    } else if let Some(topic) = recent.as_ref().filter(|it| it.as_str().as_bytes() == &name[..]) {
        topic.clone()
    } else {
        let topic = Topic::parse(utf8(&name)?).map_err(DecodeError::Topic)?;
        recent.insert(topic).clone()
    };
    let retain = flags & 1 != 0;
    let payload = body.bytes;
    Ok(Packet::Publish(Publish { dup, qos, retain, topic, packet_id, properties, payload }))
}

fn subscribe(body: &mut Body) -> Result<Packet, DecodeError> {
    let id = body.packet_id()?;
    let properties = body.properties(Place::Subscribe)?;
    let mut filters = Vec::new();
    while !body.bytes.is_empty() {
        let filter = Filter::parse(&body.text()?).map_err(DecodeError::Filter)?;
        let options = body.u8()?;
        let options = if body.is_v5() { options_v5(options) } else { options_v3(options) }?;
        if options.no_local && filter.group().is_some() {
            // [MQTT-3.8.3-4]
            return Err(DecodeError::Protocol("a shared subscription cannot have no local"));
        }
        filters.push((filter, options));
    }
    if filters.is_empty() {
        return Err(DecodeError::Protocol("SUBSCRIBE names no filter")); // [MQTT-3.8.3-2]
    }
    Ok(Packet::Subscribe(Subscribe { id, filters, properties }))
}

fn options_v3(byte: u8) -> Result<SubscribeOptions, DecodeError> {
    let qos =
        QoS::from_level(byte).ok_or(DecodeError::Value("SUBSCRIBE asks for a QoS above 2"))?; // [MQTT-3-8.3-4]
    Ok(SubscribeOptions::from(qos))
}

/// [MQTT 5.0, section 3.8.3.1]
fn options_v5(byte: u8) -> Result<SubscribeOptions, DecodeError> {
    if byte & 0b1100_0000 != 0 {
        // [MQTT-3.8.3-5]
        return Err(DecodeError::Value("a reserved bit of a subscription's options is set"));
    }
    let too_high = DecodeError::Protocol("SUBSCRIBE asks for a QoS above 2");
    let retain_handling = match byte >> 4 {
        0 => RetainHandling::Send,
        1 => RetainHandling::SendIfNew,
        2 => RetainHandling::DoNotSend,
        _ => return Err(DecodeError::Protocol("SUBSCRIBE has a retain handling of 3")),
    };
    Ok(SubscribeOptions {
        qos: QoS::from_level(byte & 0b11).ok_or(too_high)?,
        no_local: byte & 0b0100 != 0,
        retain_as_published: byte & 0b1000 != 0,
        retain_handling,
    })
}

fn suback(body: &mut Body) -> Result<Answers, DecodeError> {
    let id = body.packet_id()?;
    let properties = body.properties(Place::Ack)?;
    let allowed = if body.is_v5() { &GRANTED[..] } else { &GRANTED_V3[..] };
    let mut reasons = Vec::new();
    while !body.bytes.is_empty() {
        reasons.push(body.reason(allowed)?);
    }
    Ok(Answers { id, reasons, properties })
}

fn unsubscribe(body: &mut Body) -> Result<Packet, DecodeError> {
    let id = body.packet_id()?;
    let properties = body.properties(Place::Unsubscribe)?;
    let mut filters = Vec::new();
    while !body.bytes.is_empty() {
        filters.push(Filter::parse(&body.text()?).map_err(DecodeError::Filter)?);
    }
    if filters.is_empty() {
        return Err(DecodeError::Protocol("UNSUBSCRIBE names no filter")); // [MQTT-3.10.3-2]
    }
    Ok(Packet::Unsubscribe(Unsubscribe { id, filters, properties }))
}

fn unsuback(body: &mut Body) -> Result<Answers, DecodeError> {
    let id = body.packet_id()?;
    let properties = body.properties(Place::Ack)?;
    let mut reasons = Vec::new();
    while body.is_v5() && !body.bytes.is_empty() {
        reasons.push(body.reason(&WITHDRAWN)?);
    }
    Ok(Answers { id, reasons, properties })
}
