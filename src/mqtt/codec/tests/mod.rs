//! Tables of good and bad packets, every split of a stream, and another library's opinion.

use bytes::{Bytes, BytesMut};
use mqtt_protocol_core::mqtt::packet::v3_1_1 as other;
use proptest::prelude::*;

use super::{publish_size, read, write};
use packets::{all, all_levels, all_of_5, connack, id, publish};

use crate::mqtt::packet::{Ack, Answers, Level, Publish};
use crate::mqtt::{Packet, Properties, Property, QoS, Reason, Topic};

mod packets;

const LIMIT: usize = 2_000_000;

fn bytes(packet: &Packet, level: Level) -> BytesMut {
    let mut buffer = BytesMut::new();
    write(packet, level, &mut buffer);
    buffer
}

#[test]
fn what_is_written_is_read() {
    for (level, packet) in all_levels() {
        let mut buffer = bytes(&packet, level);
        assert_eq!(read(&mut buffer, level, LIMIT), Ok(Some(packet)));
        assert!(buffer.is_empty());
    }
}

#[test]
fn a_stream_may_be_split_anywhere() {
    let packets: Vec<_> = all().into_iter().chain(all_of_5()).collect();
    let mut stream = BytesMut::new();
    for packet in &packets {
        write(packet, Level::V5, &mut stream);
    }
    for step in [1, 2, 3, 7, 1000] {
        let (mut buffer, mut seen) = (BytesMut::new(), Vec::new());
        for piece in stream.chunks(step) {
            buffer.extend_from_slice(piece);
            while let Some(packet) = read(&mut buffer, Level::V5, LIMIT).expect("good packets") {
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
        match read(&mut buffer, Level::V311, LIMIT) {
            Ok(Some(Packet::Connect(connect))) => assert_eq!(connect.level, expected),
            other => panic!("{other:?}"),
        }
    };
    check(6, b"MQTT", Level::Unknown(6));
    check(3, b"MQTT", Level::Unknown(3));
    check(0x85, b"MQTT", Level::Unknown(0x85));
    check(6, b"MQIsdp", Level::Unknown(6));
}

#[test]
fn what_breaks_the_standard_is_refused() {
    let check = |bytes: &[u8], expected: &str| {
        let read = read(&mut BytesMut::from(bytes), Level::V311, LIMIT);
        let error = read.expect_err("an error").to_string();
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
    check(&[0x90, 0x03, 0, 1, 3], "no meaning");
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
fn what_breaks_mqtt_5_is_refused() {
    use Reason::{
        MalformedPacket, ProtocolError, TopicAliasInvalid, TopicFilterInvalid, TopicNameInvalid,
    };
    let check = |bytes: &[u8], expected: Reason| {
        let read = read(&mut BytesMut::from(bytes), Level::V5, LIMIT);
        let error = read.expect_err("an error");
        assert_eq!(error.reason(), expected, "{bytes:02x?}: {error}");
    };
    let publish = |properties: &[u8]| {
        let mut body = vec![0, 1, b'a', u8::try_from(properties.len()).expect("short")];
        body.extend_from_slice(properties);
        [&[0x30, u8::try_from(body.len()).expect("short")], &body[..]].concat()
    };
    check(&publish(&[0x23, 0, 0]), TopicAliasInvalid);
    check(&publish(&[0x23, 0, 1, 0x23, 0, 1]), ProtocolError);
    check(&publish(&[0x01, 2]), ProtocolError);
    check(&publish(&[0x0b, 0]), ProtocolError);
    check(&publish(&[0x11, 0, 0, 0, 1]), ProtocolError);
    check(&publish(&[0x08, 0, 1, b'#']), TopicNameInvalid);
    check(&publish(&[0x7f, 0]), MalformedPacket);
    check(&publish(&[0x02, 0, 0]), MalformedPacket);
    check(&publish(&[0x26, 0, 1, b'k', 0, 1, 0xff]), MalformedPacket);
    check(&publish(&[0x26, 0, 1, b'k', 0, 1, 0]), MalformedPacket);
    check(&[0x30, 0x03, 0, 0, 0], ProtocolError); // neither topic nor alias
    check(&[0x30, 0x04, 0, 1, b'a', 0x80], MalformedPacket);
    check(&[0x30, 0x05, 0, 1, b'a', 0x80, 0], MalformedPacket);
    check(&[0xc0, 0x80, 0x00], MalformedPacket);
    check(&[0x40, 0x03, 0, 1, 0x55], MalformedPacket);
    check(&[0x40, 0x03, 0, 1, 0x92], MalformedPacket);
    check(&[0x62, 0x03, 0, 1, 0x10], MalformedPacket);
    check(&[0x40, 0x05, 0, 1, 0, 0, 0], MalformedPacket);
    check(&[0x82, 0x07, 0, 1, 0, 0, 1, b'a', 0b0011_0000], ProtocolError);
    check(&[0x82, 0x07, 0, 1, 0, 0, 1, b'a', 0b0100_0000], MalformedPacket);
    check(&[0x82, 0x07, 0, 1, 0, 0, 1, b'a', 0b0000_0011], ProtocolError);
    check(&[0x82, 0x03, 0, 1, 0], ProtocolError);
    check(&[0x82, 0x09, 0, 1, 2, 0x0b, 0, 0, 1, b'a', 0], ProtocolError);
    check(&[0x82, 0x08, 0, 1, 0, 0, 2, b'a', b'#', 0], TopicFilterInvalid);
    check(b"\x82\x10\0\x01\0\0\x0a$share/g/a\x04", ProtocolError);
    check(b"\x82\x0e\0\x01\0\0\x08$share/g\0", TopicFilterInvalid);
    check(&[0xe0, 0x01, 0x10], MalformedPacket);
    check(&[0xe0, 0x07, 0, 5, 0x12, 0, 0, 0, 0], ProtocolError);
    check(&[0xf1, 0x00], MalformedPacket);
    let connect = |flags: u8, properties: &[u8], rest: &[u8]| {
        let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', 5, flags, 0, 60];
        body.push(u8::try_from(properties.len()).expect("short"));
        body.extend_from_slice(properties);
        body.extend_from_slice(rest);
        [&[0x10, u8::try_from(body.len()).expect("short")], &body[..]].concat()
    };
    let name = [0, 1, b'c'];
    check(&connect(2, &[0x21, 0, 0], &name), ProtocolError);
    check(&connect(2, &[0x27, 0, 0, 0, 0], &name), ProtocolError);
    check(&connect(2, &[0x19, 2], &name), ProtocolError);
    check(&connect(2, &[0x22, 0, 1, 0x22, 0, 1], &name), ProtocolError);
    check(&connect(2, &[0x18, 0, 0, 0, 1], &name), ProtocolError);
    check(&connect(2, &[0x16, 0, 1, b'd'], &name), ProtocolError);
    check(&connect(0b0000_0110, &[], &[0, 1, b'c', 2, 0x23, 0]), MalformedPacket);
    let password_alone = connect(0b0100_0010, &[], &[0, 1, b'c', 0, 1, b'p']);
    assert!(read(&mut BytesMut::from(&password_alone[..]), Level::V311, LIMIT).is_ok());
}

#[test]
fn mqtt_3_1_1_is_told_what_it_can_be_told() {
    let check = |packet: Packet, expected: &[u8]| {
        assert_eq!(&bytes(&packet, Level::V311)[..], expected, "{packet:?}");
    };
    check(Packet::PubAck(Ack::because(id(1), Reason::QuotaExceeded)), &[0x40, 2, 0, 1]);
    check(connack(true, Reason::Banned), &[0x20, 2, 1, 3]);
    check(connack(false, Reason::BadUserNameOrPassword), &[0x20, 2, 0, 4]);
    let reasons = vec![Reason::QuotaExceeded, Reason::GrantedQos1];
    check(Packet::SubAck(Answers::new(id(1), reasons.clone())), &[0x90, 4, 0, 1, 0x80, 1]);
    check(Packet::UnsubAck(Answers::new(id(1), reasons)), &[0xb0, 2, 0, 1]);
    check(Packet::Disconnect(Reason::ServerBusy.into()), &[0xe0, 0]);
}

#[test]
fn an_oversized_packet_is_refused_by_its_length_alone() {
    let mut buffer = BytesMut::from(&[0x30, 0x80, 0x80, 0x7d][..]);
    let small_enough = read(&mut buffer.clone(), Level::V311, 3_000_000);
    assert!(small_enough.expect("not whole yet").is_none());
    let error = read(&mut buffer, Level::V311, LIMIT).expect_err("too large").to_string();
    assert!(error.contains("2048004 bytes"), "{error}");
}

#[test]
fn a_publish_of_256_megabytes_is_one_packet() {
    let payload = Bytes::from(vec![0xa5; 256 * 1024 * 1024 - 100]);
    let packet = publish(QoS::ExactlyOnce, payload);
    let mut buffer = bytes(&packet, Level::V311);
    assert_eq!(read(&mut buffer, Level::V311, usize::MAX), Ok(Some(packet)));
}

/// What we write, the other library reads as the same, byte for byte.
#[test]
fn another_library_reads_what_we_write() {
    for packet in all() {
        let whole = bytes(&packet, Level::V311);
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
    fn any_bytes_are_survived(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        five in any::<bool>(),
    ) {
        let mut buffer = BytesMut::from(&bytes[..]);
        let level = if five { Level::V5 } else { Level::V311 };
        for _ in 0..=bytes.len() {
            match read(&mut buffer, level, LIMIT) {
                Ok(Some(packet)) => {
                    // What was accepted is written in the same meaning.
                    let mut again = BytesMut::new();
                    write(&packet, level, &mut again);
                    if !matches!(&packet, Packet::Connect(c) if matches!(c.level, Level::Unknown(_))) {
                        prop_assert_eq!(read(&mut again, level, LIMIT), Ok(Some(packet)));
                    }
                }
                Ok(None) | Err(_) => return Ok(()),
            }
        }
        prop_assert!(false, "more packets than bytes");
    }

    /// A good packet with some bytes overwritten, cut off or added.
    #[test]
    fn damage_is_survived(
        which in any::<prop::sample::Index>(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let all = all_levels();
        let (level, packet) = &all[which.index(all.len())];
        let mut buffer = bytes(packet, *level);
        // The large one would only make this slow.
        buffer.truncate(300);
        for (at, byte) in damage {
            let at = at.index(buffer.len());
            buffer[at] = byte;
        }
        if let Some(cut) = cut {
            buffer.truncate(cut.index(buffer.len()));
        }
        while let Ok(Some(packet)) = read(&mut buffer, *level, LIMIT) {
            // What is taken can be written again.
            let again = bytes(&packet, *level);
            prop_assert!(again.len() >= 2);
        }
    }

    #[test]
    fn sizes_are_foretold(
        topic in 1_usize..300,
        payload in 0_usize..20_000,
        qos in 0_u8..3,
        names in 0_usize..40,
        five in any::<bool>(),
    ) {
        let qos = QoS::from_level(qos).expect("0 to 2");
        let level = if five { Level::V5 } else { Level::V311 };
        let properties = Properties::of(&vec![Property::UserProperty("name", "value"); names]);
        let properties_len = properties.as_bytes().len();
        let packet = Packet::Publish(Publish {
            dup: false,
            qos,
            retain: false,
            topic: Topic::parse(&"t".repeat(topic)).expect("a topic"),
            packet_id: (qos != QoS::AtMostOnce).then(|| id(1)),
            properties,
            payload: vec![0; payload].into(),
        });
        let foretold = publish_size(topic, properties_len, payload, qos, level);
        prop_assert_eq!(bytes(&packet, level).len(), foretold);
    }
}
