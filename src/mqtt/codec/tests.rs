//! Tables of good and bad packets, every split of a stream, and another library's opinion.

use bytes::{Bytes, BytesMut};
use mqtt_protocol_core::mqtt::packet::v3_1_1 as other;
use proptest::prelude::*;

use super::{publish_size, read, write};
use crate::mqtt::packet::{ConnAck, Connect, ConnectCode, Level, Publish};
use crate::mqtt::{ClientId, Filter, Message, Packet, PacketId, QoS, Topic};

const LIMIT: usize = 2_000_000;

fn id(number: u16) -> PacketId {
    PacketId::new(number).expect("not 0")
}

fn connect(level: Level, bridge: bool) -> Packet {
    let topic = Topic::parse("will/topic").expect("a topic");
    Packet::Connect(Box::new(Connect {
        level,
        bridge,
        client_id: ClientId::new("card1_monitor"),
        clean_session: false,
        keep_alive_s: 60,
        will: Some(Message::new(topic, "gone", QoS::AtLeastOnce, true)),
        username: Some("user".to_owned()),
        password: Some(Bytes::from_static(b"\0secret")),
    }))
}

fn publish(qos: QoS, payload: Bytes) -> Packet {
    let topic = Topic::parse("sensors/card1").expect("a topic");
    let packet_id = (qos != QoS::AtMostOnce).then(|| id(513));
    let dup = qos != QoS::AtMostOnce;
    Packet::Publish(Publish { dup, qos, retain: true, topic, packet_id, payload })
}

fn all() -> Vec<Packet> {
    let filter = |text: &str| Filter::parse(text).expect("a filter");
    vec![
        connect(Level::V311, false),
        connect(Level::V311, true),
        connect(Level::V31, true),
        Packet::ConnAck(ConnAck { session_present: true, code: ConnectCode::Accepted }),
        Packet::ConnAck(ConnAck { session_present: false, code: ConnectCode::NotAuthorized }),
        publish(QoS::AtMostOnce, Bytes::new()),
        publish(QoS::AtLeastOnce, Bytes::from_static(b"x")),
        publish(QoS::ExactlyOnce, Bytes::from(vec![7; 20_000])),
        Packet::PubAck(id(1)),
        Packet::PubRec(id(2)),
        Packet::PubRel(id(3)),
        Packet::PubComp(id(0xffff)),
        Packet::Subscribe(
            id(9),
            vec![(filter("a/#"), QoS::ExactlyOnce), (filter("+"), QoS::AtMostOnce)],
        ),
        Packet::SubAck(id(9), vec![Some(QoS::ExactlyOnce), None, Some(QoS::AtMostOnce)]),
        Packet::Unsubscribe(id(10), vec![filter("a/#"), filter("b")]),
        Packet::UnsubAck(id(10)),
        Packet::PingReq,
        Packet::PingResp,
        Packet::Disconnect,
    ]
}

fn bytes(packet: &Packet) -> BytesMut {
    let mut buffer = BytesMut::new();
    write(packet, &mut buffer);
    buffer
}

#[test]
fn what_is_written_is_read() {
    for packet in all() {
        let mut buffer = bytes(&packet);
        assert_eq!(read(&mut buffer, LIMIT), Ok(Some(packet)));
        assert!(buffer.is_empty());
    }
}

#[test]
fn a_stream_may_be_split_anywhere() {
    let packets = all();
    let mut stream = BytesMut::new();
    for packet in &packets {
        write(packet, &mut stream);
    }
    for step in [1, 2, 3, 7, 1000] {
        let (mut buffer, mut seen) = (BytesMut::new(), Vec::new());
        for piece in stream.chunks(step) {
            buffer.extend_from_slice(piece);
            while let Some(packet) = read(&mut buffer, LIMIT).expect("good packets") {
                seen.push(packet);
            }
        }
        assert_eq!(seen, packets, "in steps of {step}");
    }
}

#[test]
fn unknown_levels_are_told_without_reading_on() {
    let check = |level_byte: u8, name: &[u8], expected: Level| {
        let mut body = vec![0, u8::try_from(name.len()).expect("short")];
        body.extend_from_slice(name);
        body.extend_from_slice(&[level_byte, 0xff, 0xff, 0xff]);
        let mut buffer = BytesMut::from(&[0x10, u8::try_from(body.len()).expect("short")][..]);
        buffer.extend_from_slice(&body);
        match read(&mut buffer, LIMIT) {
            Ok(Some(Packet::Connect(connect))) => assert_eq!(connect.level, expected),
            other => panic!("{other:?}"),
        }
    };
    check(5, b"MQTT", Level::Unknown(5));
    check(3, b"MQTT", Level::Unknown(3));
    check(0x85, b"MQTT", Level::Unknown(5));
    check(6, b"MQIsdp", Level::Unknown(6));
}

#[test]
fn what_breaks_the_standard_is_refused() {
    let check = |bytes: &[u8], expected: &str| {
        let error = read(&mut BytesMut::from(bytes), LIMIT).expect_err("an error").to_string();
        assert!(error.contains(expected), "{bytes:02x?}: {error}");
    };
    check(&[0x00, 0x00], "no packet");
    check(&[0xf0, 0x00], "no packet");
    check(&[0xc1, 0x00], "no packet");
    check(&[0x60, 0x02, 0, 1], "no packet");
    check(&[0x80, 0x06, 0, 1, 0, 1, b'a', 0], "no packet");
    check(&[0x36, 0x05, 0, 1, b'a', 0, 1], "no packet");
    check(&[0x30, 0xff, 0xff, 0xff, 0xff], "more than four bytes");
    check(&[0x30, 0xff, 0xff, 0xff, 0x7f], "max_packet_size");
    check(&[0xc0, 0x01, 0x00], "too short or too long");
    check(&[0x40, 0x03, 0, 1, 0], "too short or too long");
    check(&[0x40, 0x01, 0], "too short or too long");
    check(&[0x40, 0x02, 0, 0], "packet id is 0");
    check(&[0x32, 0x05, 0, 1, b'a', 0, 0], "packet id is 0");
    check(&[0x38, 0x03, 0, 1, b'a'], "DUP with QoS 0");
    check(&[0x30, 0x02, 0, 0], "at least one character");
    check(&[0x30, 0x03, 0, 1, b'#'], "must not contain + or #");
    check(&[0x30, 0x03, 0, 1, 0], "null character");
    check(&[0x30, 0x03, 0, 1, 0xff], "not UTF-8");
    check(&[0x30, 0x05, 0, 3, 0xed, 0xa0, 0x80], "not UTF-8");
    check(&[0x30, 0x03, 0, 9, b'a'], "too short or too long");
    check(&[0x82, 0x02, 0, 1], "names no filter");
    check(&[0x82, 0x06, 0, 1, 0, 1, b'a', 3], "above 2");
    check(&[0x82, 0x06, 0, 1, 0, 1, b'a', 4], "above 2");
    check(&[0x82, 0x07, 0, 1, 0, 2, b'a', b'#', 0], "# must stand alone");
    check(&[0x82, 0x05, 0, 1, 0, 1, b'a'], "too short or too long");
    check(&[0xa2, 0x02, 0, 1], "names no filter");
    check(&[0x20, 0x02, 2, 0], "flag of CONNACK");
    check(&[0x20, 0x02, 0, 6], "return code");
    check(&[0x90, 0x03, 0, 1, 3], "return code");
    let connect = |flags: u8, rest: &[u8]| {
        let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', 4, flags, 0, 60, 0, 1, b'c'];
        body.extend_from_slice(rest);
        [&[0x10, u8::try_from(body.len()).expect("short")], &body[..]].concat()
    };
    check(&connect(0b0000_0011, &[]), "reserved flag");
    check(&connect(0b0000_1010, &[]), "without a will");
    check(&connect(0b0010_0010, &[]), "without a will");
    check(&connect(0b0001_1110, &[0, 1, b'w', 0, 0]), "QoS 3");
    check(&connect(0b0000_0110, &[0, 1, b'#', 0, 0]), "must not contain + or #");
    check(&connect(0b0000_0110, &[0, 1, b'w']), "too short or too long");
    check(&connect(0b0100_0010, &[0, 1, b'p']), "without a user name");
    check(&connect(0b1000_0010, &[0, 1, 0]), "null character");
    check(&connect(0b0000_0010, &[0]), "too short or too long");
    check(&[0x10, 0x07, 0, 4, b'm', b'q', b't', b't', 4], "protocol name");
}

#[test]
fn an_oversized_packet_is_refused_by_its_length_alone() {
    let mut buffer = BytesMut::from(&[0x30, 0x80, 0x80, 0x7d][..]);
    assert!(read(&mut buffer.clone(), 3_000_000).expect("not whole yet").is_none());
    let error = read(&mut buffer, LIMIT).expect_err("too large").to_string();
    assert!(error.contains("2048004 bytes"), "{error}");
}

#[test]
fn a_publish_of_256_megabytes_is_one_packet() {
    let payload = Bytes::from(vec![0xa5; 256 * 1024 * 1024 - 100]);
    let packet = publish(QoS::ExactlyOnce, payload);
    let mut buffer = bytes(&packet);
    assert_eq!(read(&mut buffer, usize::MAX), Ok(Some(packet)));
}

/// What we write, the other library reads as the same, byte for byte.
#[test]
fn another_library_reads_what_we_write() {
    for packet in all() {
        let whole = bytes(&packet);
        let header = if whole[1] & 0x80 == 0 { 2 } else { 4 };
        let body = &whole[header..];
        let again = match &packet {
            Packet::Connect(connect) if connect.level == Level::V311 && !connect.bridge => {
                other::Connect::parse(body).expect("CONNECT").0.to_continuous_buffer()
            }
            Packet::Publish(_) => other::Publish::parse(whole[0] & 0xf, body.into())
                .expect("PUBLISH")
                .0
                .to_continuous_buffer(),
            Packet::Subscribe(..) => {
                other::Subscribe::parse(body).expect("SUBSCRIBE").0.to_continuous_buffer()
            }
            Packet::SubAck(..) => {
                other::Suback::parse(body).expect("SUBACK").0.to_continuous_buffer()
            }
            Packet::Unsubscribe(..) => {
                other::Unsubscribe::parse(body).expect("UNSUBSCRIBE").0.to_continuous_buffer()
            }
            Packet::PubRel(_) => {
                other::Pubrel::parse(body).expect("PUBREL").0.to_continuous_buffer()
            }
            Packet::ConnAck(_) => {
                other::Connack::parse(body).expect("CONNACK").0.to_continuous_buffer()
            }
            _ => continue,
        };
        assert_eq!(again, whole.to_vec(), "{}", packet.name());
    }
}

proptest! {
    /// Any bytes give packets, an error, or a wait for more: never a panic, never an endless loop.
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut buffer = BytesMut::from(&bytes[..]);
        for _ in 0..=bytes.len() {
            match read(&mut buffer, LIMIT) {
                Ok(Some(packet)) => {
                    // What was accepted is written in the same meaning.
                    let mut again = BytesMut::new();
                    write(&packet, &mut again);
                    if !matches!(&packet, Packet::Connect(c) if matches!(c.level, Level::Unknown(_))) {
                        prop_assert_eq!(read(&mut again, LIMIT), Ok(Some(packet)));
                    }
                }
                Ok(None) | Err(_) => return Ok(()),
            }
        }
        prop_assert!(false, "more packets than bytes");
    }

    #[test]
    fn sizes_are_foretold(topic in 1_usize..300, payload in 0_usize..20_000, level in 0_u8..3) {
        let qos = QoS::from_level(level).expect("0 to 2");
        let packet = Packet::Publish(Publish {
            dup: false,
            qos,
            retain: false,
            topic: Topic::parse(&"t".repeat(topic)).expect("a topic"),
            packet_id: (qos != QoS::AtMostOnce).then(|| id(1)),
            payload: vec![0; payload].into(),
        });
        prop_assert_eq!(bytes(&packet).len(), publish_size(topic, payload, qos));
    }
}
