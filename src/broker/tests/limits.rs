//! Limits: whatever a client does, what the broker keeps for it is bounded.

use super::bench::*;
use crate::broker::event::DropReason;
use crate::broker::settings::Limits;

fn flooded(change: impl FnOnce(&mut Limits), online: bool, count: u16) -> (Bench, ConnId) {
    let mut bench = Bench::with(|it| change(&mut it.limits));
    let (a, b) = (bench.connect("a", true), bench.connect("b", false));
    bench.subscribe(b, "t", Q1);
    if !online {
        bench.cut(b);
    }
    for number in 1..=count {
        bench.publish(a, publish("t", "12345678", Q1, number));
    }
    (bench, b)
}

/// `max_inflight_messages`, `max_inflight_bytes`: how many are sent before a PUBACK.
#[test]
fn the_window() {
    let check = |messages: u16, bytes: usize, expected: usize| {
        let change = |it: &mut Limits| {
            it.max_inflight_messages = messages;
            it.max_inflight_bytes = bytes;
        };
        let (mut bench, b) = flooded(change, true, 50);
        assert_eq!(bench.sent(b).len(), expected);
        for number in 1..=u16::try_from(expected).expect("few") {
            bench.send(b, puback(number));
        }
        assert_eq!(bench.sent(b).len(), expected.min(50 - expected));
    };
    check(20, 0, 20);
    check(1, 0, 1);
    check(0, 0, 50);
    check(0, 27, 3);
    check(20, 1, 1); // A large message may go alone, or it would wait for ever.
}

/// `max_queued_messages`, `max_queued_bytes`: the newest is refused, visibly.
#[test]
fn the_queue() {
    let check = |messages: usize, bytes: usize, kept: usize| {
        let change = |it: &mut Limits| {
            it.max_queued_messages = messages;
            it.max_queued_bytes = bytes;
        };
        let (bench, _) = flooded(change, false, 50);
        let status = bench.broker.status();
        assert_eq!(status.sessions.iter().map(|it| it.queued).sum::<usize>(), kept);
        assert_eq!(usize::try_from(status.refused).expect("few"), 50 - kept);
        let full = |it: &&Event| matches!(it, Event::Dropped { reason: DropReason::QueueFull, client, .. } if client.as_str() == "b");
        assert_eq!(bench.events.iter().filter(full).count(), 50 - kept);
    };
    check(1000, 0, 50);
    check(7, 0, 7);
    check(0, 0, 50);
    check(0, 29, 3);
}

/// A reader that keeps still gets no more, and goes on where it was.
#[test]
fn a_stalled_connection() {
    let (mut bench, b) = flooded(|_| {}, true, 0);
    let a = bench.connect("a", true);
    bench.input(Input::Stalled { conn: b });
    bench.publish(a, publish("t", "1", Q1, 1));
    bench.publish(a, publish("t", "2", Q0, 0));
    bench.expect(b, []);
    assert_eq!(bench.broker.status().refused, 1);
    bench.input(Input::Drained { conn: b });
    bench.expect(b, [publish("t", "1", Q1, 1)]);
}

#[test]
fn sizes() {
    let mut bench = Bench::with(|it| {
        it.limits.message_size_limit = 3;
        it.limits.max_connections = Some(2);
        it.limits.max_qos = Q1;
    });
    let (a, b) = (bench.connect("a", true), bench.connect("b", true));
    bench.subscribe(b, "t", Q1);
    bench.send(a, publish("t", "1234", Q1, 1));
    bench.expect(a, [puback(1)]);
    bench.expect(b, []);
    let third = bench.conn();
    bench.input(Input::Accepted { conn: third });
    bench.expect_closed(third, "max_connections");
    bench.send(a, publish("t", "1", Q2, 1));
    bench.expect_closed(a, "max_qos");
    let topic = Topic::parse("will").expect("a topic");
    let will = Some(Message::new(topic, "gone", Q2, false).into());
    let conn = bench.ask(Connect { will, ..connect("c", true) });
    bench.expect(conn, [connack(false, Reason::NotAuthorized)]);
}

/// Answers that wait for the store are bounded too, by count and by bytes.
#[test]
fn answers_that_wait() {
    let mut bench = Bench::new();
    let a = bench.connect("a", false);
    bench.hold_commits();
    bench.send(a, publish("t", "x", Q2, 1));
    let mut sent: u32 = 0;
    while bench.is_open(a) && sent < 1_000_000 {
        bench.send(a, Packet::PingReq);
        sent += 1;
    }
    bench.expect_closed(a, "wait for the store");

    let mut bench = Bench::new();
    let (a, b) = (bench.connect("a", true), bench.connect("b", false));
    bench.subscribe(b, "#", Q0);
    bench.hold_commits();
    bench.send(b, publish("u", "x", Q2, 1));
    let large = "x".repeat(1_000_000);
    for _ in 0..100 {
        bench.send(a, publish("t", &large, Q0, 0));
    }
    assert!(bench.broker.status().refused > 20);
    assert!(bench.is_open(b));
    bench.commit();
    assert!(bench.sent(b).len() > 20);
}

/// A window as large as there are packet ids leaves one for what a bridge has to ask.
#[test]
fn ids_do_not_run_out() {
    let mut bench = Bench::with(|it| {
        it.limits.max_inflight_messages = 0;
        it.limits.max_queued_messages = 0;
        it.persistence = false;
        let rules = [("t", Direction::Out, Q1, "", ""), ("u", Direction::In, Q1, "", "")];
        it.bridges = vec![bridge(&rules)];
    });
    let a = bench.connect("a", true);
    for _ in 0..=u16::MAX {
        bench.send(a, publish("t", "x", Q1, 1));
    }
    let link = bench.link(false);
    bench.cut(link);
    let link = bench.link(true);
    let mut used = std::collections::BTreeSet::new();
    for packet in bench.sent(link) {
        if let Packet::Publish(Publish { packet_id: Some(id), .. })
        | Packet::Subscribe(Subscribe { id, .. }) = packet
        {
            assert!(used.insert(id), "{id} is in use");
        }
    }
    assert_eq!(used.len(), usize::from(u16::MAX) - 14);
}
