//! What is said to those who are hung up on or not let in: MQTT 5 has words for it, MQTT 3.1.1 few.
//! [MQTT 5.0, sections 3.2.2.2, 3.14.2.1 and 4.13]

use super::bench::*;
use super::bench5::*;
use crate::mqtt::codec::DecodeError;

/// What a client does, or what happens to it.
type Deed = fn(&mut Bench, ConnId);

/// The reason each deed gets in MQTT 5; whether MQTT 3.1.1 knows such a deed at all.
const DEEDS: &[(&str, Deed, Reason, bool)] = &[
    (
        "takeover in 3.1.1",
        |bench, _| {
            bench.connect("a", true);
        },
        Reason::SessionTakenOver,
        true,
    ),
    (
        "takeover in 5",
        |bench, _| {
            bench.connect5("a", false, &[lasts(NEVER)]);
        },
        Reason::SessionTakenOver,
        true,
    ),
    ("silence", |bench, _| bench.wait(secs(15)), Reason::KeepAliveTimeout, true),
    ("shutdown", |bench, _| bench.input(Input::Shutdown), Reason::ServerShuttingDown, true),
    (
        "a second CONNECT",
        |bench, conn| {
            let connect = connect5("a", true, &[]);
            bench.send(conn, Packet::Connect(Box::new(connect)));
        },
        Reason::ProtocolError,
        true,
    ),
    (
        "CONNACK",
        |bench, conn| bench.send(conn, connack(false, Reason::Success)),
        Reason::ProtocolError,
        true,
    ),
    ("SUBACK", |bench, conn| bench.send(conn, suback(1, &[Some(Q1)])), Reason::ProtocolError, true),
    (
        "UNSUBACK",
        |bench, conn| bench.send(conn, unsuback(1, &[Reason::Success])),
        Reason::ProtocolError,
        true,
    ),
    ("PINGRESP", |bench, conn| bench.send(conn, Packet::PingResp), Reason::ProtocolError, true),
    (
        "AUTH",
        |bench, conn| bench.send(conn, Packet::Auth(Reason::ReAuthenticate.into())),
        Reason::ProtocolError,
        false,
    ),
    (
        "no packet",
        |bench, conn| bench.input(Input::Malformed { conn, error: DecodeError::Length }),
        Reason::MalformedPacket,
        true,
    ),
    (
        "too large a packet",
        |bench, conn| {
            let error = DecodeError::TooLarge { size: 3, limit: 2 };
            bench.input(Input::Malformed { conn, error });
        },
        Reason::PacketTooLarge,
        true,
    ),
    (
        "too high a QoS",
        |bench, conn| bench.send(conn, publish("t", "x", Q2, 1)),
        Reason::QosNotSupported,
        true,
    ),
    (
        "retain",
        |bench, conn| bench.send(conn, retain(publish("t", "x", Q0, 0))),
        Reason::RetainNotSupported,
        true,
    ),
    (
        "a subscription identifier from a client",
        |bench, conn| {
            let number = Property::SubscriptionIdentifier(1);
            bench.send(conn, with(publish("t", "x", Q0, 0), &[number]));
        },
        Reason::ProtocolError,
        false,
    ),
    (
        "an acknowledgement of the wrong QoS",
        |bench, conn| {
            bench.subscribe(conn, "t", Q1);
            bench.send(conn, publish("t", "x", Q1, 1));
            bench.send(conn, pubrec(1));
        },
        Reason::ProtocolError,
        true,
    ),
];

fn strict() -> Bench {
    Bench::with(|it| {
        it.limits.max_qos = Q1;
        it.limits.retain_available = false;
    })
}

#[test]
fn to_those_who_are_hung_up_on() {
    for (name, deed, reason, _) in DEEDS {
        for (properties, words) in [
            (vec![], true),
            // DISCONNECT may have them although other packets may not. [MQTT-3.1.2-29]
            (vec![Property::RequestProblemInformation(0)], true),
            // Not where they would not fit. [MQTT-3.14.2-3]
            (vec![Property::MaximumPacketSize(100)], false),
        ] {
            let mut bench = strict();
            let connect = connect5("a", true, &properties);
            let conn = bench.ask(Connect { keep_alive_s: 10, ..connect });
            bench.accepted(conn);
            deed(&mut bench, conn);
            let sent = bench.sent(conn);
            let Some(Packet::Disconnect(notice)) = sent.last() else { panic!("{name}: {sent:?}") };
            assert_eq!(notice.reason, *reason, "{name}");
            assert_eq!(notice.properties.reason_string().is_some(), words, "{name}");
            let others = sent.iter().filter(|it| matches!(it, Packet::Disconnect(_)));
            assert_eq!(others.count(), 1, "{name}");
            assert!(!bench.is_open(conn), "{name}");
        }
    }
}

/// In MQTT 3.1.1 a broker has no DISCONNECT.
#[test]
fn nothing_to_those_of_3_1_1() {
    for (name, deed, _, _) in DEEDS.iter().filter(|(.., known)| *known) {
        let mut bench = strict();
        let conn = bench.ask(Connect { keep_alive_s: 10, ..connect("a", true) });
        bench.accepted(conn);
        deed(&mut bench, conn);
        let sent = bench.sent(conn);
        assert!(!sent.iter().any(|it| matches!(it, Packet::Disconnect(_))), "{name}: {sent:?}");
        assert!(!bench.is_open(conn), "{name}");
    }
}

/// Somebody who has not been let in gets no DISCONNECT. [MQTT-3.14.0-1]
#[test]
fn nothing_before_connack() {
    let mut bench = Bench::new();
    let conn = bench.conn();
    bench.input(Input::Accepted { conn });
    bench.send(conn, Packet::PingReq);
    bench.expect(conn, []);
    assert!(!bench.is_open(conn));
    let conn = bench.conn();
    bench.input(Input::Accepted { conn });
    bench.input(Input::Malformed { conn, error: DecodeError::Length });
    bench.expect(conn, []);
    assert!(!bench.is_open(conn));
}

/// Whom the broker does not let in, and what CONNACK says.
#[test]
fn to_those_who_are_not_let_in() {
    let will = |qos, flag| {
        let will = Some(message("w", "x", qos, flag).into());
        Connect { will, ..connect5("a", true, &[]) }
    };
    let empty = || connect5("", true, &[]);
    let check = |connect: Connect, change: fn(&mut Settings), reason: Reason| {
        let mut bench = Bench::with(change);
        let conn = bench.ask(connect);
        let answer = bench.answered(conn);
        assert_eq!((answer.reason, answer.session_present), (reason, false));
        assert!(answer.properties.reason_string().is_some());
        bench.expect(conn, []);
        assert!(!bench.is_open(conn));
        assert!(bench.events.iter().any(|it| matches!(it, Event::Refused { .. })));
        assert!(bench.broker.status().sessions.is_empty());
    };
    let method = Property::AuthenticationMethod("SCRAM-SHA-1");
    check(connect5("a", true, &[method]), |_| {}, Reason::BadAuthenticationMethod);
    check(will(Q2, false), |it| it.limits.max_qos = Q1, Reason::QosNotSupported);
    let no_retain = |it: &mut Settings| it.limits.retain_available = false;
    check(will(Q0, true), no_retain, Reason::RetainNotSupported);
    let no_empty = |it: &mut Settings| it.limits.allow_zero_length_clientid = false;
    check(empty(), no_empty, Reason::ClientIdentifierNotValid);
    let bridged =
        |it: &mut Settings| it.bridges = vec![bridge(&[("t", Direction::Out, Q1, "", "")])];
    check(connect5("local.host.link", true, &[]), bridged, Reason::ClientIdentifierNotValid);
}

/// What CONNACK says of the broker: nothing that is as the standard has it anyway.
/// [MQTT 5.0, section 3.2.2.3]
#[test]
fn what_connack_tells() {
    let check = |connect: Connect, change: fn(&mut Settings), expected: &[Property]| {
        let mut bench = Bench::with(change);
        let conn = bench.ask(connect);
        assert_eq!(bench.answered(conn).properties.iter().collect::<Vec<_>>(), expected);
    };
    let plain = || connect5("a", true, &[]);
    let usual = [
        Property::TopicAliasMaximum(10),
        Property::ReceiveMaximum(20),
        Property::MaximumPacketSize(2_000_000),
    ];
    check(plain(), |_| {}, &usual);
    let unlimited = |it: &mut Settings| {
        it.limits.max_topic_alias = 0;
        it.limits.max_inflight_messages = 0;
        it.limits.max_packet_size = usize::MAX;
    };
    check(plain(), unlimited, &[]);
    let strict = |it: &mut Settings| {
        it.limits.max_qos = Q1;
        it.limits.retain_available = false;
        it.limits.max_keepalive_s = 30;
    };
    let told = [Property::MaximumQos(1), Property::RetainAvailable(0)];
    let keep_alive = [Property::ServerKeepAlive(30)];
    check(plain(), strict, &[&usual[..], &told, &keep_alive].concat());
    let patient = Connect { keep_alive_s: 30, ..plain() };
    check(patient, strict, &[&usual[..], &told].concat());
    let mut bench = Bench::new();
    let conn = bench.ask(connect("a", true));
    bench.expect(conn, [connack(false, Reason::Success)]);
}

/// The name the broker gives to a client without one. [MQTT-3.1.3-6, -7; MQTT-3.2.2-16]
#[test]
fn a_name_that_is_given() {
    let mut bench = Bench::new();
    let conn = bench.ask(connect5("", false, &[lasts(NEVER)]));
    let answer = bench.answered(conn);
    let name = answer.properties.assigned_client_id().expect("a name").to_owned();
    assert!(name.starts_with("auto-"));
    bench.cut(conn);
    assert!(bench.has_session(&name, 0), "under that name it comes back");
}

/// The keep-alive that the broker sets is the one it keeps to. [MQTT-3.1.2-21]
#[test]
fn the_keep_alive_that_is_set() {
    let mut bench = Bench::with(|it| it.limits.max_keepalive_s = 10);
    let conn = bench.connect5("a", true, &[]);
    bench.wait(secs(14));
    assert!(bench.is_open(conn));
    bench.wait(secs(1));
    bench.expect_dismissed(conn, Reason::KeepAliveTimeout);
}
