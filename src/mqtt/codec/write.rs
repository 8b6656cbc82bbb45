//! Packets to bytes.

use bytes::{BufMut, BytesMut};

use super::{BRIDGE_BIT, kind};
use crate::mqtt::packet::{Connect, Level, Publish};
use crate::mqtt::{Packet, PacketId, QoS};

/// Appends `packet` to `buffer`.
///
/// # Panics
/// When a string has more than 65,535 bytes or the packet more than 268,435,455: topics and filters
/// cannot be that long, and whoever makes other packets keeps to `max_packet_size`.
pub fn write(packet: &Packet, buffer: &mut BytesMut) {
    match packet {
        Packet::Connect(connect) => write_connect(connect, buffer),
        Packet::ConnAck(connack) => {
            let body = [u8::from(connack.session_present), connack.code as u8];
            put(buffer, kind::CONNACK << 4, &body);
        }
        Packet::Publish(publish) => write_publish(publish, buffer),
        Packet::PubAck(id) => put(buffer, kind::PUBACK << 4, &id.get().to_be_bytes()),
        Packet::PubRec(id) => put(buffer, kind::PUBREC << 4, &id.get().to_be_bytes()),
        Packet::PubRel(id) => put(buffer, kind::PUBREL << 4 | 0b0010, &id.get().to_be_bytes()),
        Packet::PubComp(id) => put(buffer, kind::PUBCOMP << 4, &id.get().to_be_bytes()),
        Packet::Subscribe(id, filters) => {
            let mut body = start(*id);
            for (filter, qos) in filters {
                put_binary(&mut body, filter.as_str().as_bytes());
                body.put_u8(qos.level());
            }
            put(buffer, kind::SUBSCRIBE << 4 | 0b0010, &body);
        }
        Packet::SubAck(id, codes) => {
            let mut body = start(*id);
            body.extend(codes.iter().map(|code| code.map_or(0x80, QoS::level)));
            put(buffer, kind::SUBACK << 4, &body);
        }
        Packet::Unsubscribe(id, filters) => {
            let mut body = start(*id);
            for filter in filters {
                put_binary(&mut body, filter.as_str().as_bytes());
            }
            put(buffer, kind::UNSUBSCRIBE << 4 | 0b0010, &body);
        }
        Packet::UnsubAck(id) => put(buffer, kind::UNSUBACK << 4, &id.get().to_be_bytes()),
        Packet::PingReq => put(buffer, kind::PINGREQ << 4, &[]),
        Packet::PingResp => put(buffer, kind::PINGRESP << 4, &[]),
        Packet::Disconnect => put(buffer, kind::DISCONNECT << 4, &[]),
    }
}

/// How many bytes a PUBLISH has on the wire.
#[must_use]
pub fn publish_size(topic_len: usize, payload_len: usize, qos: QoS) -> usize {
    let body = 2 + topic_len + payload_len + if qos == QoS::AtMostOnce { 0 } else { 2 };
    let length = match body {
        0..=127 => 1,
        128..=16_383 => 2,
        16_384..=2_097_151 => 3,
        _ => 4,
    };
    1 + length + body
}

fn write_publish(publish: &Publish, buffer: &mut BytesMut) {
    let topic = publish.topic.as_str().as_bytes();
    let flags = u8::from(publish.dup) << 3 | publish.qos.level() << 1 | u8::from(publish.retain);
    let id_len = if publish.packet_id.is_some() { 2 } else { 0 };
    let body_len = 2 + topic.len() + id_len + publish.payload.len();
    buffer.reserve(5 + body_len);
    buffer.put_u8(kind::PUBLISH << 4 | flags);
    put_length(buffer, body_len);
    put_binary(buffer, topic);
    if let Some(id) = publish.packet_id {
        buffer.put_u16(id.get());
    }
    buffer.put_slice(&publish.payload);
}

fn write_connect(connect: &Connect, buffer: &mut BytesMut) {
    let (name, level) = match connect.level {
        Level::V31 => ("MQIsdp", 3),
        Level::V311 => ("MQTT", 4),
        Level::Unknown(other) => ("MQTT", other),
    };
    let will = connect.will.as_ref();
    let flags = u8::from(connect.clean_session) << 1
        | will.map_or(0, |w| 0b100 | w.qos.level() << 3 | u8::from(w.retain) << 5)
        | u8::from(connect.password.is_some()) << 6
        | u8::from(connect.username.is_some()) << 7;
    let mut body = BytesMut::new();
    put_binary(&mut body, name.as_bytes());
    body.put_u8(level | if connect.bridge { BRIDGE_BIT } else { 0 });
    body.put_u8(flags);
    body.put_u16(connect.keep_alive_s);
    put_binary(&mut body, connect.client_id.as_str().as_bytes());
    if let Some(will) = will {
        put_binary(&mut body, will.topic.as_str().as_bytes());
        put_binary(&mut body, &will.payload);
    }
    if let Some(username) = &connect.username {
        put_binary(&mut body, username.as_bytes());
    }
    if let Some(password) = &connect.password {
        put_binary(&mut body, password);
    }
    put(buffer, kind::CONNECT << 4, &body);
}

fn start(id: PacketId) -> BytesMut {
    BytesMut::from(&id.get().to_be_bytes()[..])
}

fn put(buffer: &mut BytesMut, first: u8, body: &[u8]) {
    buffer.put_u8(first);
    put_length(buffer, body.len());
    buffer.put_slice(body);
}

fn put_length(buffer: &mut BytesMut, mut len: usize) {
    assert!(len < 1 << 28, "a packet of {len} bytes");
    loop {
        let low = u8::try_from(len & 0x7f).expect("seven bits");
        len >>= 7;
        buffer.put_u8(if len == 0 { low } else { low | 0x80 });
        if len == 0 {
            return;
        }
    }
}

fn put_binary(buffer: &mut BytesMut, bytes: &[u8]) {
    buffer.put_u16(u16::try_from(bytes.len()).expect("at most 65,535 bytes"));
    buffer.put_slice(bytes);
}
