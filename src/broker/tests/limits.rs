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

/// Which publishes are refused when memory is full, and how; and that it can be had again.
#[test]
fn memory() {
    let body = "x".repeat(10_000);
    let mut bench = Bench::with(|it| it.limits.memory_limit = 35_000);
    let five = |id: &str| Connect { level: Level::V5, ..connect(id, true) };
    let (a, b) = (bench.ask(five("a")), bench.connect("b", false));
    bench.subscribe(b, "t", Q1);
    bench.cut(b);
    bench.sent(a);
    for number in 1..=3 {
        bench.send(a, publish("t", &body, Q1, number));
        bench.expect(a, [puback(number)]);
    }
    let reason = Reason::QuotaExceeded;
    let properties = Properties::of(&[Property::ReasonString("memory_limit is reached")]);
    let refused = |number: u16| Ack { id: id(number), reason, properties: properties.clone() };
    bench.send(a, publish("t", &body, Q1, 4));
    bench.expect(a, [Packet::PubAck(refused(4))]);
    bench.send(a, publish("t", &body, Q2, 5));
    bench.expect(a, [Packet::PubRec(refused(5))]);
    let dropped = |it: &&Event| matches!(it, Event::Dropped { reason: DropReason::Memory, .. });
    assert_eq!(bench.events.iter().filter(dropped).count(), 2);
    // What need not be kept goes on, and small things still fit.
    bench.send(a, publish("t", &body, Q0, 0));
    bench.send(a, retain(publish("r", "small", Q1, 6)));
    bench.expect(a, [Packet::PubAck(Ack::because(id(6), Reason::NoMatchingSubscribers))]);
    // MQTT 3.1.1 has no words for it, nor has QoS 0.
    let c = bench.connect("c", true);
    bench.send(c, publish("t", &body, Q1, 1));
    bench.expect_closed(c, "memory_limit is reached");
    let c = bench.ask(five("c"));
    bench.send(c, retain(publish("t", &body, Q0, 0)));
    bench.expect_closed(c, "memory_limit is reached");
    let will = Some(message("t", &body, Q1, false).into());
    let d = bench.ask(Connect { will, ..connect("d", true) });
    bench.expect(d, [connack(false, reason)]);
    let b = bench.connect("b", false);
    for number in 1..=3 {
        bench.send(b, puback(number));
    }
    bench.send(a, publish("t", &body, Q1, 7));
    bench.expect(a, [puback(7)]);
}

/// When memory is full of small things, it can still be made free, and what was taken over is known.
#[test]
fn full_memory_can_be_freed() {
    let mut bench = Bench::with(|it| it.limits.memory_limit = 2000);
    let a = bench.connect("a", true);
    bench.send(a, publish("t", "x", Q2, 1));
    bench.expect(a, [pubrec(1)]);
    let mut kept = 0;
    while bench.is_open(a) {
        bench.publish(a, retain(publish(&format!("r/{kept}"), "x", Q1, 2)));
        kept += 1;
    }
    bench.expect_closed(a, "memory_limit is reached");
    let a = bench.connect("a", true);
    bench.send(a, retain(publish("not/there", "", Q1, 1)));
    bench.expect_closed(a, "memory_limit is reached");
    let mut b = bench.connect("b", false);
    bench.send(b, retain(publish("r/0", "", Q1, 1)));
    bench.send(b, publish("t", "x", Q2, 2));
    bench.expect(b, [puback(1), pubrec(2)]);
    bench.send(b, retain(publish("r/new", "x", Q1, 3)));
    bench.expect(b, [puback(3)]);
    bench.cut(b);
    b = bench.connect("b", false);
    bench.send(b, again(publish("t", "x", Q2, 2)));
    bench.expect(b, [pubrec(2)]);
}

/// A message that needs not be kept is let in, and then not kept for those who are away.
#[test]
fn full_memory_and_qos_0() {
    let check = |queue: bool, upgrade: bool| {
        let mut bench = Bench::with(|it| {
            it.limits.memory_limit = 1000;
            it.limits.queue_qos0_messages = queue;
            it.limits.upgrade_outgoing_qos = upgrade;
        });
        let (a, b) = (bench.connect("a", true), bench.connect("b", false));
        bench.subscribe(b, "t", if upgrade { Q1 } else { Q0 });
        bench.cut(b);
        for _ in 0..100 {
            bench.send(a, publish("t", "x", Q0, 0));
        }
        assert!(bench.is_open(a));
        let status = bench.broker.status();
        let queued: usize = status.sessions.iter().map(|it| it.queued).sum();
        assert!(queued > 0 && queued < 10, "{queued}");
        assert_eq!(usize::try_from(status.refused), Ok(100 - queued));
    };
    check(true, false);
    check(false, true);
}

/// `global_max_clients`: sessions count, connected or not, and bridges' own do not.
#[test]
fn clients() {
    let mut bench = Bench::with(|it| {
        it.limits.global_max_clients = Some(2);
        it.bridges = vec![bridge(&[("t", Direction::Out, Q1, "", "")])];
    });
    let (a, b) = (bench.connect("a", true), bench.connect("b", false));
    bench.cut(b);
    let conn = bench.ask(connect("c", true));
    bench.expect(conn, [connack(false, Reason::ServerBusy)]);
    bench.expect_closed(conn, "global_max_clients is reached");
    let conn = bench.ask(connect("", true));
    bench.expect(conn, [connack(false, Reason::ServerBusy)]);
    // Who has a session takes no more room, and may begin anew.
    bench.connect("b", false);
    bench.connect("b", true);
    bench.send(a, goodbye());
    bench.connect("c", true);
}
