//! Packets to bytes.

use bytes::{BufMut, BytesMut};

use super::connect::RETURN_CODES;
use super::{BRIDGE_BIT, kind};
use crate::mqtt::packet::{
    Ack, Answers, ConnAck, Connect, Level, Notice, Publish, SubscribeOptions,
};
use crate::mqtt::properties::{put_binary, put_var_int};
use crate::mqtt::{Packet, PacketId, Properties, Property, QoS, Reason};

/// Appends `packet` to `buffer`, as a connection of `level` has it. What that level cannot say is
/// left out: properties and reasons in MQTT 3.1.1.
///
/// # Panics
/// When a string has more than 65,535 bytes or the packet more than 268,435,455: topics and filters
/// cannot be that long, and whoever makes other packets keeps to `max_packet_size`.
pub fn write(packet: &Packet, level: Level, buffer: &mut BytesMut) {
    match packet {
        Packet::Connect(connect) => write_connect(connect, buffer),
        Packet::ConnAck(connack) => write_connack(connack, level, buffer),
        Packet::Publish(publish) => write_publish(publish, level, buffer),
        Packet::PubAck(ack) => write_ack(kind::PUBACK << 4, ack, level, buffer),
        Packet::PubRec(ack) => write_ack(kind::PUBREC << 4, ack, level, buffer),
        Packet::PubRel(ack) => write_ack(kind::PUBREL << 4 | 0b0010, ack, level, buffer),
        Packet::PubComp(ack) => write_ack(kind::PUBCOMP << 4, ack, level, buffer),
        Packet::Subscribe(subscribe) => {
            let mut body = start(subscribe.id, &subscribe.properties, level);
            for (filter, options) in &subscribe.filters {
                put_binary(&mut body, filter.as_str().as_bytes());
                body.put_u8(options_byte(*options, level));
            }
            put(buffer, kind::SUBSCRIBE << 4 | 0b0010, &body);
        }
        Packet::SubAck(answers) => write_suback(answers, level, buffer),
        Packet::Unsubscribe(unsubscribe) => {
            let mut body = start(unsubscribe.id, &unsubscribe.properties, level);
            for filter in &unsubscribe.filters {
                put_binary(&mut body, filter.as_str().as_bytes());
            }
            put(buffer, kind::UNSUBSCRIBE << 4 | 0b0010, &body);
        }
        Packet::UnsubAck(answers) => {
            let mut body = start(answers.id, &answers.properties, level);
            if level == Level::V5 {
                body.extend(answers.reasons.iter().map(|reason| reason.code()));
            }
            put(buffer, kind::UNSUBACK << 4, &body);
        }
        Packet::PingReq => put(buffer, kind::PINGREQ << 4, &[]),
        Packet::PingResp => put(buffer, kind::PINGRESP << 4, &[]),
        Packet::Disconnect(notice) => write_notice(kind::DISCONNECT << 4, notice, level, buffer),
        Packet::Auth(notice) => write_notice(kind::AUTH << 4, notice, level, buffer),
    }
}

/// How many bytes a PUBLISH has on the wire; its properties count in MQTT 5 only.
#[must_use]
pub fn publish_size(
    topic_len: usize,
    properties_len: usize,
    payload_len: usize,
    qos: QoS,
    level: Level,
) -> usize {
    let body = publish_body_len(topic_len, properties_len, payload_len, qos, level);
    1 + var_int_len(body) + body
}

fn publish_body_len(
    topic_len: usize,
    properties_len: usize,
    payload_len: usize,
    qos: QoS,
    level: Level,
) -> usize {
    let id_len = if qos == QoS::AtMostOnce { 0 } else { 2 };
    let all_properties_len =
        if level == Level::V5 { var_int_len(properties_len) + properties_len } else { 0 };
    2 + topic_len + id_len + all_properties_len + payload_len
}

fn var_int_len(value: usize) -> usize {
    match value {
        0..=127 => 1,
        128..=16_383 => 2,
        16_384..=2_097_151 => 3,
        _ => 4,
    }
}

fn write_publish(publish: &Publish, level: Level, buffer: &mut BytesMut) {
    let flags = u8::from(publish.dup) << 3 | publish.qos.level() << 1 | u8::from(publish.retain);
    let topic = publish.topic.as_str().as_bytes();
    let properties_len = publish.properties.as_bytes().len();
    let body_len =
        publish_body_len(topic.len(), properties_len, publish.payload.len(), publish.qos, level);
    buffer.reserve(5 + body_len);
    buffer.put_u8(kind::PUBLISH << 4 | flags);
    put_length(buffer, body_len);
    put_binary(buffer, topic);
    if let Some(id) = publish.packet_id {
        buffer.put_u16(id.get());
    }
    put_properties(buffer, &publish.properties, level);
    buffer.put_slice(&publish.payload);
}

fn write_connack(connack: &ConnAck, level: Level, buffer: &mut BytesMut) {
    let mut body = BytesMut::new();
    body.put_u8(u8::from(connack.session_present));
    if level == Level::V5 {
        body.put_u8(connack.reason.code());
        put_properties(&mut body, &connack.properties, level);
    } else {
        body.put_u8(return_code(connack.reason));
    }
    put(buffer, kind::CONNACK << 4, &body);
}

/// The code of MQTT 3.1.1 that says most of `reason`.
fn return_code(reason: Reason) -> u8 {
    let same = RETURN_CODES.iter().position(|it| *it == reason);
    let unavailable = 3;
    same.and_then(|code| u8::try_from(code).ok()).unwrap_or(unavailable)
}

/// A reason of success and no properties are left out. [MQTT 5.0, section 3.4.2.1]
fn write_ack(first: u8, ack: &Ack, level: Level, buffer: &mut BytesMut) {
    let [high, low] = ack.id.get().to_be_bytes();
    if level != Level::V5 || ack.reason == Reason::Success && ack.properties.is_empty() {
        return buffer.put_slice(&[first, 2, high, low]);
    }
    if ack.properties.is_empty() {
        return buffer.put_slice(&[first, 3, high, low, ack.reason.code()]);
    }
    let mut body = BytesMut::from(&[high, low, ack.reason.code()][..]);
    put_properties(&mut body, &ack.properties, level);
    put(buffer, first, &body);
}

fn write_suback(answers: &Answers, level: Level, buffer: &mut BytesMut) {
    let mut body = start(answers.id, &answers.properties, level);
    body.extend(answers.reasons.iter().map(|reason| {
        let failed = level != Level::V5 && reason.is_error();
        if failed { Reason::UnspecifiedError.code() } else { reason.code() }
    }));
    put(buffer, kind::SUBACK << 4, &body);
}

/// [MQTT 5.0, sections 3.14.2.1 and 3.15.2.1]
fn write_notice(first: u8, notice: &Notice, level: Level, buffer: &mut BytesMut) {
    let mut body = BytesMut::new();
    if level == Level::V5 && (notice.reason != Reason::Success || !notice.properties.is_empty()) {
        body.put_u8(notice.reason.code());
        if !notice.properties.is_empty() {
            put_properties(&mut body, &notice.properties, level);
        }
    }
    put(buffer, first, &body);
}

fn write_connect(connect: &Connect, buffer: &mut BytesMut) {
    let level = connect.level;
    let (name, number) = match level {
        Level::V31 => ("MQIsdp", 3),
        Level::V311 => ("MQTT", 4),
        Level::V5 => ("MQTT", 5),
        Level::Unknown(other) => ("MQTT", other),
    };
    let will = connect.will.as_ref();
    let flags = u8::from(connect.clean_start) << 1
        | will
            .map_or(0, |it| 0b100 | it.message.qos.level() << 3 | u8::from(it.message.retain) << 5)
        | u8::from(connect.password.is_some()) << 6
        | u8::from(connect.username.is_some()) << 7;
    let mut body = BytesMut::new();
    put_binary(&mut body, name.as_bytes());
    body.put_u8(number | if connect.bridge { BRIDGE_BIT } else { 0 });
    body.put_u8(flags);
    body.put_u16(connect.keep_alive_s);
    put_properties(&mut body, &connect.properties, level);
    put_binary(&mut body, connect.client_id.as_str().as_bytes());
    if let Some(will) = will {
        let expiry = will.expiry_s.map(Property::MessageExpiryInterval);
        let delay = (will.delay_s > 0).then_some(Property::WillDelayInterval(will.delay_s));
        let own: Vec<_> = expiry.into_iter().chain(delay).collect();
        put_properties(&mut body, &will.message.properties.with(&own), level);
        put_binary(&mut body, will.message.topic.as_str().as_bytes());
        put_binary(&mut body, &will.message.payload);
    }
    if let Some(username) = &connect.username {
        put_binary(&mut body, username.as_bytes());
    }
    if let Some(password) = &connect.password {
        put_binary(&mut body, password);
    }
    put(buffer, kind::CONNECT << 4, &body);
}

fn options_byte(options: SubscribeOptions, level: Level) -> u8 {
    let qos = options.qos.level();
    if level != Level::V5 {
        return qos;
    }
    qos | u8::from(options.no_local) << 2
        | u8::from(options.retain_as_published) << 3
        | (options.retain_handling as u8) << 4
}

fn start(id: PacketId, properties: &Properties, level: Level) -> BytesMut {
    let mut body = BytesMut::from(&id.get().to_be_bytes()[..]);
    put_properties(&mut body, properties, level);
    body
}

fn put_properties(buffer: &mut BytesMut, properties: &Properties, level: Level) {
    if level == Level::V5 {
        let bytes = properties.as_bytes();
        put_length(buffer, bytes.len());
        buffer.put_slice(bytes);
    }
}

fn put(buffer: &mut BytesMut, first: u8, body: &[u8]) {
    buffer.put_u8(first);
    put_length(buffer, body.len());
    buffer.put_slice(body);
}

fn put_length(buffer: &mut BytesMut, len: usize) {
    put_var_int(buffer, u32::try_from(len).expect("a packet has less than 256 MiB"));
}
