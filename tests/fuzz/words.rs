//! What strangers say: good packets, and what becomes of them when bytes are changed. Knows no
//! broker.

use bytes::BytesMut;
use twinboard::mqtt::packet::{
    Ack, Answers, ConnAck, Connect, Level, Notice, Publish, RetainHandling, Subscribe,
    SubscribeOptions, Unsubscribe, Will,
};
use twinboard::mqtt::{
    ClientId, Filter, Message, Packet, PacketId, Properties, Property, QoS, Reason, Topic, codec,
};

use crate::random::Random;

const LEVELS: [Level; 3] = [Level::V31, Level::V311, Level::V5];
const QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
const TOPICS: [&str; 8] = ["t", "t/u", "t/u/v", "cross/x", "/", "$SYS/x", "$x/y", "ü/€"];
const FILTERS: [&str; 12] = [
    "#",
    "t",
    "t/+",
    "+/u",
    "t/#",
    "$SYS/#",
    "$share/g/t",
    "$share/g/#",
    "$share/h/+",
    "cross/#",
    "/",
    "+/+/+",
];
const SECONDS: [u32; 6] = [0, 1, 3, 30, 1_000_000, u32::MAX];
const REASONS: [Reason; 7] = [
    Reason::Success,
    Reason::NoMatchingSubscribers,
    Reason::DisconnectWithWill,
    Reason::UnspecifiedError,
    Reason::QuotaExceeded,
    Reason::PacketIdentifierNotFound,
    Reason::ServerMoved,
];

/// The CONNECT of some client, and the level it is written at.
pub fn connect(random: &mut Random) -> (Level, Packet) {
    let level = random.pick(&LEVELS);
    let will = random.once_in(3).then(|| Will {
        message: message(random),
        delay_s: random.pick(&SECONDS),
        expiry_s: random.once_in(2).then(|| random.pick(&SECONDS)),
    });
    // Not the name a bridge has at its far broker: whoever comes by that name takes its session over.
    let name = random.pick(&["a", "b", "c", "d", "e", "", "local.host.link"]);
    let connect = Connect {
        bridge: random.once_in(8),
        client_id: ClientId::new(name),
        clean_start: random.once_in(2),
        keep_alive_s: random.pick(&[0, 1, 10, u16::MAX]),
        will,
        username: random.once_in(8).then(|| "user".to_owned()),
        properties: some(
            random,
            &[
                Property::SessionExpiryInterval(30),
                Property::SessionExpiryInterval(u32::MAX),
                Property::ReceiveMaximum(1),
                Property::ReceiveMaximum(3),
                Property::TopicAliasMaximum(5),
                Property::MaximumPacketSize(40),
                Property::RequestProblemInformation(0),
                Property::UserProperty("k", "v"),
            ],
        ),
        ..Connect::unknown(level)
    };
    (level, Packet::Connect(Box::new(connect)))
}

/// Some of these properties, each kind once.
fn some(random: &mut Random, all: &[Property<'static>]) -> Properties {
    let mut taken: Vec<Property> = Vec::new();
    for property in all {
        if random.once_in(3) && taken.iter().all(|it| it.id() != property.id()) {
            taken.push(*property);
        }
    }
    Properties::of(&taken)
}

fn message(random: &mut Random) -> Message {
    let topic = Topic::parse(random.pick(&TOPICS)).expect("a topic");
    let payload = "x".repeat(random.pick(&[0, 1, 5, 100, 300]));
    let mut message = Message::new(topic, payload, random.pick(&QOS), random.once_in(3));
    message.properties = some(
        random,
        &[
            Property::PayloadFormatIndicator(1),
            Property::ContentType("text"),
            Property::ResponseTopic("answers"),
            Property::CorrelationData(&[1, 2, 3]),
            Property::UserProperty("k", "v"),
        ],
    );
    message
}

fn id(random: &mut Random) -> PacketId {
    let number = if random.once_in(20) { u16::MAX } else { 1 + u16::from(random.byte() % 6) };
    PacketId::new(number).expect("not 0")
}

fn publish(random: &mut Random) -> Packet {
    let message = message(random);
    let packet_id = (message.qos > QoS::AtMostOnce).then(|| id(random));
    let dup = packet_id.is_some() && random.once_in(4);
    let mut more = Vec::new();
    if random.once_in(3) {
        more.push(Property::MessageExpiryInterval(random.pick(&SECONDS)));
    }
    let mut publish = Publish { dup, ..Publish::of(&message, packet_id) };
    if random.once_in(3) {
        more.push(Property::TopicAlias(random.pick(&[1, 2, 9, 11])));
        if random.once_in(2) {
            publish.topic = Topic::omitted();
        }
    }
    publish.properties = message.properties.with(&more);
    Packet::Publish(publish)
}

fn subscribe(random: &mut Random) -> Packet {
    let filters = (0..=random.below(3)).map(|_| {
        let filter = Filter::parse(random.pick(&FILTERS)).expect("a filter");
        let options = SubscribeOptions {
            qos: random.pick(&QOS),
            no_local: filter.group().is_none() && random.once_in(3),
            retain_as_published: random.once_in(2),
            retain_handling: random.pick(&[
                RetainHandling::Send,
                RetainHandling::SendIfNew,
                RetainHandling::DoNotSend,
            ]),
        };
        (filter, options)
    });
    let filters: Vec<_> = filters.collect();
    let mut packet = Subscribe::new(id(random), filters);
    packet.properties = some(random, &[Property::SubscriptionIdentifier(7)]);
    Packet::Subscribe(packet)
}

/// A good packet, though maybe none that a client may send at all, or now.
pub fn packet(random: &mut Random) -> Packet {
    let ack = |random: &mut Random| Ack::because(id(random), random.pick(&REASONS));
    if random.once_in(60) {
        return match random.below(6) {
            0 => connect(random).1,
            1 => Packet::Auth(Notice::default()),
            2 => Packet::ConnAck(ConnAck::default()),
            3 => Packet::SubAck(Answers::new(id(random), vec![Reason::Success])),
            4 => Packet::UnsubAck(Answers::new(id(random), vec![Reason::Success])),
            _ => Packet::PingResp,
        };
    }
    match random.below(60) {
        0..=29 => publish(random),
        30..=39 => subscribe(random),
        40..=42 => {
            let filter = Filter::parse(random.pick(&FILTERS)).expect("a filter");
            Packet::Unsubscribe(Unsubscribe::new(id(random), vec![filter]))
        }
        43..=46 => Packet::PubAck(ack(random)),
        47..=49 => Packet::PubRec(ack(random)),
        50..=53 => Packet::PubRel(id(random).into()),
        54 | 55 => Packet::PubComp(id(random).into()),
        56 => Packet::Disconnect(Notice {
            reason: random.pick(&REASONS),
            properties: some(random, &[Property::SessionExpiryInterval(5)]),
        }),
        _ => Packet::PingReq,
    }
}

/// The packet that a well-behaved client answers this one with.
pub fn answer(packet: &Packet) -> Option<Packet> {
    match packet {
        Packet::Publish(it) => match (it.qos, it.packet_id) {
            (QoS::AtLeastOnce, Some(id)) => Some(Packet::PubAck(id.into())),
            (QoS::ExactlyOnce, Some(id)) => Some(Packet::PubRec(id.into())),
            _ => None,
        },
        Packet::PubRec(ack) if !ack.reason.is_error() => Some(Packet::PubRel(ack.id.into())),
        Packet::PubRel(ack) => Some(Packet::PubComp(ack.id.into())),
        _ => None,
    }
}

pub fn write(packet: &Packet, level: Level) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    // AUTH is a packet of MQTT 5 alone.
    let level = if matches!(packet, Packet::Auth(_)) { Level::V5 } else { level };
    codec::write(packet, level, &mut bytes);
    bytes.to_vec()
}

/// Bytes that were a packet, with some of them changed, lost, doubled or put in.
pub fn bend(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..=random.below(3) {
        if bytes.is_empty() {
            return;
        }
        let at = random.below(bytes.len());
        match random.below(8) {
            0 => bytes[at] = random.byte(),
            1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes[at] = random.pick(&[0, 1, 0x7f, 0x80, 0xff]),
            3 => bytes.truncate(at),
            4 => {
                bytes.remove(at);
            }
            5 => bytes.insert(at, random.byte()),
            6 => {
                let again = bytes[at..].to_vec();
                bytes.extend(again);
            }
            // The length of the whole is made right again, so that what is inside is looked at.
            _ if bytes.len() > 2 && bytes.len() < 130 => {
                bytes[1] = u8::try_from(bytes.len() - 2).expect("short");
            }
            _ => {}
        }
    }
}

/// Noise.
pub fn noise(random: &mut Random) -> Vec<u8> {
    (0..random.below(40)).map(|_| random.byte()).collect()
}

/// What the codec makes of bytes at a level; what it takes for a packet is written and read again as
/// the same one.
pub fn read_and_write(bytes: &[u8], level: Level) {
    let mut buffer = BytesMut::from(bytes);
    let before = buffer.len();
    while let Ok(Some(packet)) = codec::read(&mut buffer, level, 10_000) {
        assert!(buffer.len() < before, "a packet of no bytes: {packet:?} in {bytes:?}");
        // A CONNECT is read alike at any level, and written as its own.
        let level = if let Packet::Connect(it) = &packet { it.level } else { level };
        if matches!(level, Level::Unknown(_)) {
            return;
        }
        let mut again = BytesMut::new();
        codec::write(&packet, level, &mut again);
        let written = again.clone();
        let read = codec::read(&mut again, level, usize::MAX);
        assert_eq!(read, Ok(Some(packet)), "{level:?}: {bytes:02x?} came back as {written:02x?}");
    }
}
