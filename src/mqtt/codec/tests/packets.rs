//! Packets of every kind, in both versions.

use bytes::Bytes;

use crate::mqtt::packet::{
    Ack, Answers, ConnAck, Connect, Level, Notice, Publish, RetainHandling, Subscribe,
    SubscribeOptions, Unsubscribe, Will,
};
use crate::mqtt::{
    ClientId, Filter, Message, Packet, PacketId, Properties, Property, QoS, Reason, Topic,
};

pub fn id(number: u16) -> PacketId {
    PacketId::new(number).expect("not 0")
}

pub fn connect(level: Level, bridge: bool) -> Packet {
    let topic = Topic::parse("will/topic").expect("a topic");
    Packet::Connect(Box::new(Connect {
        level,
        bridge,
        client_id: ClientId::new("card1_monitor"),
        clean_start: false,
        keep_alive_s: 60,
        will: Some(Message::new(topic, "gone", QoS::AtLeastOnce, true).into()),
        username: Some("user".to_owned()),
        password: Some(Bytes::from_static(b"\0secret")),
        properties: Properties::NONE,
    }))
}

pub fn publish(qos: QoS, payload: Bytes) -> Packet {
    let topic = Topic::parse("sensors/card1").expect("a topic");
    let packet_id = (qos != QoS::AtMostOnce).then(|| id(513));
    let dup = qos != QoS::AtMostOnce;
    let properties = Properties::NONE;
    Packet::Publish(Publish { dup, qos, retain: true, topic, packet_id, properties, payload })
}

pub fn all() -> Vec<Packet> {
    vec![
        connect(Level::V311, false),
        connect(Level::V311, true),
        connect(Level::V31, true),
        connack(true, Reason::Success),
        connack(false, Reason::NotAuthorized),
        publish(QoS::AtMostOnce, Bytes::new()),
        publish(QoS::AtLeastOnce, Bytes::from_static(b"x")),
        publish(QoS::ExactlyOnce, Bytes::from(vec![7; 20_000])),
        Packet::PubAck(id(1).into()),
        Packet::PubRec(id(2).into()),
        Packet::PubRel(id(3).into()),
        Packet::PubComp(id(0xffff).into()),
        Packet::Subscribe(Subscribe::new(
            id(9),
            vec![(filter("a/#"), QoS::ExactlyOnce.into()), (filter("+"), QoS::AtMostOnce.into())],
        )),
        Packet::SubAck(Answers::new(
            id(9),
            vec![Reason::GrantedQos2, Reason::UnspecifiedError, Reason::Success],
        )),
        Packet::Unsubscribe(Unsubscribe::new(id(10), vec![filter("a/#"), filter("b")])),
        Packet::UnsubAck(Answers::new(id(10), vec![])),
        Packet::PingReq,
        Packet::PingResp,
        Packet::Disconnect(Notice::default()),
    ]
}

pub fn connack(session_present: bool, reason: Reason) -> Packet {
    Packet::ConnAck(ConnAck { session_present, reason, properties: Properties::NONE })
}

pub fn filter(text: &str) -> Filter {
    Filter::parse(text).expect("a filter")
}

/// Packets that only MQTT 5 can say, with every property that has a place in them.
pub fn all_of_5() -> Vec<Packet> {
    [hellos_of_5(), rest_of_5()].concat()
}

const USER: Property<'static> = Property::UserProperty("k", "v");

const MESSAGE: [Property<'static>; 5] = [
    Property::PayloadFormatIndicator(1),
    Property::ContentType("text/plain"),
    Property::ResponseTopic("re/ply"),
    Property::CorrelationData(b"\0\x01"),
    USER,
];

fn told() -> Properties {
    Properties::of(&[Property::ReasonString("why"), USER, USER])
}

fn hellos_of_5() -> Vec<Packet> {
    let mut will =
        Message::new(Topic::parse("w").expect("a topic"), "gone", QoS::ExactlyOnce, false);
    will.properties = Properties::of(&MESSAGE);
    let will = Some(Will { message: will, delay_s: 7, expiry_s: Some(9) });
    let asked = Properties::of(&[
        Property::SessionExpiryInterval(u32::MAX),
        Property::ReceiveMaximum(1),
        Property::MaximumPacketSize(100),
        Property::TopicAliasMaximum(2),
        Property::RequestResponseInformation(1),
        Property::RequestProblemInformation(0),
        Property::AuthenticationMethod("m"),
        Property::AuthenticationData(b"d"),
        USER,
    ]);
    let told_of_server = Properties::of(&[
        Property::SessionExpiryInterval(5),
        Property::ReceiveMaximum(20),
        Property::MaximumQos(1),
        Property::RetainAvailable(0),
        Property::MaximumPacketSize(2_000_000),
        Property::AssignedClientIdentifier("auto-1"),
        Property::TopicAliasMaximum(10),
        Property::WildcardSubscriptionAvailable(1),
        Property::SubscriptionIdentifierAvailable(1),
        Property::SharedSubscriptionAvailable(0),
        Property::ServerKeepAlive(30),
        Property::ResponseInformation("r"),
        Property::ServerReference("s"),
        Property::AuthenticationMethod("m"),
        Property::AuthenticationData(b""),
    ]);
    let Packet::Connect(base) = connect(Level::V5, false) else { unreachable!() };
    vec![
        connect(Level::V5, false),
        Packet::Connect(Box::new(Connect { will, properties: asked, username: None, ..*base })),
        Packet::ConnAck(ConnAck {
            session_present: true,
            reason: Reason::Success,
            properties: told_of_server,
        }),
        connack(false, Reason::ServerBusy),
    ]
}

fn rest_of_5() -> Vec<Packet> {
    let marks = [
        Property::TopicAlias(1),
        Property::MessageExpiryInterval(60),
        Property::SubscriptionIdentifier(1),
        Property::SubscriptionIdentifier(268_435_455),
    ];
    let Packet::Publish(published) = publish(QoS::ExactlyOnce, Bytes::from_static(b"x")) else {
        unreachable!()
    };
    let properties = Properties::of(&MESSAGE).with(&marks);
    let options = SubscribeOptions {
        qos: QoS::AtLeastOnce,
        no_local: true,
        retain_as_published: true,
        retain_handling: RetainHandling::DoNotSend,
    };
    let ack = |reason| Ack { id: id(7), reason, properties: told() };
    vec![
        Packet::Publish(Publish { properties: properties.clone(), ..published.clone() }),
        Packet::Publish(Publish { topic: Topic::omitted(), properties, ..published }),
        Packet::PubAck(Ack::because(id(1), Reason::NoMatchingSubscribers)),
        Packet::PubAck(ack(Reason::Success)),
        Packet::PubRec(ack(Reason::QuotaExceeded)),
        Packet::PubRel(ack(Reason::PacketIdentifierNotFound)),
        Packet::PubComp(ack(Reason::PacketIdentifierNotFound)),
        Packet::Subscribe(Subscribe {
            id: id(8),
            filters: vec![(filter("a"), options), (filter("$share/g/a/#"), QoS::AtMostOnce.into())],
            properties: Properties::of(&[Property::SubscriptionIdentifier(128), USER]),
        }),
        Packet::SubAck(Answers {
            id: id(8),
            reasons: vec![Reason::GrantedQos1, Reason::SharedSubscriptionsNotSupported],
            properties: told(),
        }),
        Packet::Unsubscribe(Unsubscribe {
            id: id(9),
            filters: vec![filter("a")],
            properties: Properties::of(&[USER]),
        }),
        Packet::UnsubAck(Answers {
            id: id(9),
            reasons: vec![Reason::NoSubscriptionExisted],
            properties: told(),
        }),
        Packet::Disconnect(Reason::DisconnectWithWill.into()),
        Packet::Disconnect(Notice {
            reason: Reason::Success,
            properties: Properties::of(&[Property::SessionExpiryInterval(0)]),
        }),
        Packet::Auth(Notice {
            reason: Reason::ContinueAuthentication,
            properties: Properties::of(&[Property::AuthenticationMethod("m")]),
        }),
    ]
}

/// Every packet, with the level it is written at.
pub fn all_levels() -> Vec<(Level, Packet)> {
    let of_3 = all().into_iter().map(|it| (Level::V311, it));
    let of_5 = all().into_iter().chain(all_of_5()).map(|it| (Level::V5, it));
    of_3.chain(of_5).collect()
}
