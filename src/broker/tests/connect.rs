//! CONNECT, takeover, DISCONNECT, and packets that have no business where they come.
//! [MQTT 3.1.1, sections 3.1, 3.2, 3.14, 4.8]

use super::bench::*;
use crate::mqtt::codec::DecodeError;

#[test]
fn who_is_let_in() {
    let check = |connect: Connect, code: Reason| {
        let mut bench = Bench::new();
        let conn = bench.ask(connect);
        bench.expect(conn, [connack(false, code)]);
        assert_eq!(bench.is_open(conn), code == Reason::Success); // [MQTT-3.2.2-5]
    };
    check(connect("a", true), Reason::Success);
    check(connect("a", false), Reason::Success);
    check(connect("", true), Reason::Success); // [MQTT-3.1.3-6]
    check(connect("", false), Reason::ClientIdentifierNotValid); // [MQTT-3.1.3-8]
    let level = |level| Connect { level, ..connect("a", true) };
    check(level(Level::V31), Reason::Success);
    check(level(Level::Unknown(6)), Reason::UnsupportedProtocolVersion); // [MQTT-3.1.2-2]
    check(Connect { level: Level::V31, ..connect("", true) }, Reason::ClientIdentifierNotValid);
    check(Connect { bridge: true, ..connect("a", false) }, Reason::Success);
}

/// Its first byte after the header is reserved there, and strict clients look at it.
#[test]
fn a_connack_of_mqtt_3_1_never_says_session_present() {
    let mut bench = Bench::new();
    let check = |bench: &mut Bench, level: Level, session_present: bool| {
        let conn = bench.ask(Connect { level, ..connect("a", false) });
        bench.expect(conn, [connack(session_present, Reason::Success)]);
    };
    check(&mut bench, Level::V31, false);
    check(&mut bench, Level::V31, false);
    check(&mut bench, Level::V311, true);
}

#[test]
fn empty_names_may_be_forbidden_and_differ_otherwise() {
    let mut bench = Bench::new();
    let (a, b) = (bench.connect("", true), bench.connect("", true));
    assert!(bench.is_open(a) && bench.is_open(b));
    let mut bench = Bench::with(|it| it.limits.allow_zero_length_clientid = false);
    let conn = bench.ask(connect("", true));
    bench.expect(conn, [connack(false, Reason::ClientIdentifierNotValid)]);
}

/// [MQTT-3.1.0-1, MQTT-3.1.0-2, MQTT-4.8.0-1]: each closes its connection, and nothing else.
#[test]
fn violations_close_one_connection() {
    let first = [
        Packet::PingReq,
        goodbye(),
        publish("a", "x", Q0, 0),
        subscribe(1, &[("a", Q0)]),
        connack(false, Reason::Success),
    ];
    for packet in first {
        let mut bench = Bench::new();
        let other = bench.connect("other", true);
        let conn = bench.conn();
        bench.input(Input::Accepted { conn });
        bench.send(conn, packet);
        bench.expect_closed(conn, "the first packet is not CONNECT");
        bench.send(other, Packet::PingReq);
        bench.expect(other, [Packet::PingResp]);
    }
    let later = [
        (Packet::Connect(Box::new(connect("a", true))), "a second CONNECT"),
        (connack(false, Reason::Success), "only a broker sends"),
        (suback(1, &[None]), "only a broker sends"),
        (unsuback(1, &[Reason::Success]), "only a broker sends"),
        (Packet::PingResp, "only a broker sends"),
    ];
    for (packet, reason) in later {
        let mut bench = Bench::new();
        let (other, conn) = (bench.connect("other", true), bench.connect("a", false));
        bench.send(conn, packet);
        bench.expect_closed(conn, reason);
        bench.send(conn, Packet::PingReq);
        bench.expect(conn, []);
        assert!(bench.is_open(other));
    }
    let mut bench = Bench::new();
    let (other, conn) = (bench.connect("other", true), bench.connect("a", false));
    bench.input(Input::Malformed { conn, error: DecodeError::Value("PUBLISH has QoS 3") });
    bench.expect_closed(conn, "PUBLISH has QoS 3");
    assert!(bench.is_open(other));
}

/// [MQTT-3.1.4-2]
#[test]
fn a_client_id_is_taken_over() {
    let mut bench = Bench::new();
    let old = bench.connect("a", false);
    bench.subscribe(old, "t", Q1);
    let new = bench.ask(connect("a", false));
    bench.expect_closed(old, "taken over");
    bench.expect(new, [connack(true, Reason::Success)]);
    bench.cut(old);
    let other = bench.connect("b", true);
    bench.publish(other, publish("t", "x", Q1, 1));
    bench.expect(new, [publish("t", "x", Q1, 1)]);
}

#[test]
fn strangers_may_not_stay() {
    let mut bench = Bench::new();
    let conn = bench.conn();
    bench.input(Input::Accepted { conn });
    bench.wait(secs(11));
    bench.expect_closed(conn, "no CONNECT came");
}

#[test]
fn a_bridges_own_name_is_not_to_be_had() {
    let mut bench =
        Bench::with(|it| it.bridges = vec![bridge(&[("#", Direction::Out, Q2, "", "")])]);
    let conn = bench.ask(connect("local.host.link", false));
    bench.expect(conn, [connack(false, Reason::ClientIdentifierNotValid)]);
}
