//! Reason codes on acknowledgements, and what an error among them does.
//! [MQTT 5.0, sections 2.4, 4.3.2, 4.3.3 and 4.13.2]

use super::bench::*;
use super::bench5::*;
use crate::broker::event::DropReason;

/// What a PUBLISH is answered; MQTT 3.1.1 hears of success alone.
#[test]
fn of_a_publish() {
    let check = |topic: &str, payload: &str, reason: Reason, arrives: bool| {
        for qos in [Q1, Q2] {
            for level in [Level::V5, Level::V311] {
                let mut bench = Bench::with(|it| it.limits.message_size_limit = 10);
                let b = bench.connect("b", true);
                bench.subscribe(b, "wanted", Q2);
                let a = bench.ask(Connect { level, ..connect("a", true) });
                bench.accepted(a);
                bench.send(a, publish(topic, payload, qos, 1));
                let ack = if qos == Q2 { pubrec(1) } else { puback(1) };
                let reason = if level == Level::V5 { reason } else { Reason::Success };
                bench.expect(a, [because(ack, reason)]);
                assert_eq!(bench.payloads(b).len(), usize::from(arrives), "{topic}, {qos}");
                assert!(bench.is_open(a));
                if qos == Q2 {
                    // An error has ended the exchange. [MQTT-4.3.3-9]
                    bench.send(a, pubrel(1));
                    let known = !reason.is_error();
                    let reason =
                        if known { Reason::Success } else { Reason::PacketIdentifierNotFound };
                    bench.expect(a, [because(pubcomp(1), reason)]);
                }
            }
        }
    };
    check("wanted", "x", Reason::Success, true);
    check("not/wanted", "x", Reason::NoMatchingSubscribers, false);
    check("$SYS/x", "x", Reason::NotAuthorized, false);
    check("wanted", "12345678901", Reason::QuotaExceeded, false);
}

/// Packet ids that nobody knows. [MQTT 5.0, sections 3.6.2.1 and 3.7.2.1]
#[test]
fn of_ids_that_are_not_known() {
    for (level, reason) in
        [(Level::V5, Reason::PacketIdentifierNotFound), (Level::V311, Reason::Success)]
    {
        let mut bench = Bench::new();
        let a = bench.ask(Connect { level, ..connect("a", true) });
        bench.accepted(a);
        bench.send(a, pubrel(7));
        bench.expect(a, [because(pubcomp(7), reason)]);
        bench.send(a, pubrec(7));
        bench.expect(a, [because(pubrel(7), reason)]);
        bench.send(a, puback(7));
        bench.send(a, pubcomp(7));
        bench.expect(a, []);
        assert!(bench.is_open(a));
    }
}

/// What SUBSCRIBE and UNSUBSCRIBE are answered, filter by filter.
#[test]
fn of_subscriptions() {
    let mut bench = Bench::with(|it| it.limits.max_subscriptions_per_client = 3);
    let a = bench.connect5("a", true, &[]);
    bench.send(a, subscribe(1, &[("a", Q0), ("b", Q1), ("c", Q2), ("d", Q2), ("a", Q2)]));
    bench.expect(a, [suback(1, &[Some(Q0), Some(Q1), Some(Q2), None, Some(Q2)])]);
    bench.send(a, unsubscribe(2, &["a", "d", "a"]));
    let none = Reason::NoSubscriptionExisted;
    bench.expect(a, [unsuback(2, &[Reason::Success, none, none])]);
}

/// An error from the receiver ends the exchange: no PUBREL, no repeat, room for the next; it is
/// counted and told. [MQTT-4.4.0-2]
#[test]
fn an_error_from_the_receiver() {
    for (qos, answer) in [(Q1, puback(1)), (Q2, pubrec(1))] {
        for reason in [
            Reason::UnspecifiedError,
            Reason::ImplementationSpecificError,
            Reason::NotAuthorized,
            Reason::TopicNameInvalid,
            Reason::PacketIdentifierInUse,
            Reason::QuotaExceeded,
            Reason::PayloadFormatInvalid,
        ] {
            let mut bench = Bench::with(|it| it.limits.max_inflight_messages = 1);
            let b = bench.connect5("b", true, &[lasts(NEVER)]);
            bench.subscribe(b, "t", Q2);
            let a = bench.connect5("a", true, &[]);
            bench.publish(a, publish("t", "1", qos, 1));
            bench.publish(a, publish("t", "2", qos, 1));
            bench.expect(b, [publish("t", "1", qos, 1)]);
            bench.send(b, because(answer.clone(), reason));
            bench.expect(b, [publish("t", "2", qos, 2)]);
            let told = |it: &&Event| {
                matches!(it, Event::Dropped { message: Some(_), client, reason, .. }
                    if client.as_str() == "b" && *reason == DropReason::Refused)
            };
            assert_eq!(bench.events.iter().filter(told).count(), 1);
            assert_eq!(bench.broker.status().refused, 1);
            assert_eq!(bench.image.messages.len(), 1);
            bench.off_for(secs(1));
            let b = bench.connect5("b", false, &[lasts(NEVER)]);
            bench.expect(b, [again(publish("t", "2", qos, 2))]);
        }
    }
}

/// After a PUBREC that accepted, one that refuses changes nothing; nor does one for no message.
#[test]
fn an_error_too_late() {
    let mut bench = Bench::new();
    let b = bench.connect5("b", true, &[lasts(NEVER)]);
    bench.subscribe(b, "t", Q2);
    let a = bench.connect5("a", true, &[]);
    bench.publish(a, publish("t", "1", Q2, 1));
    bench.send(b, pubrec(1));
    bench.expect(b, [publish("t", "1", Q2, 1), pubrel(1)]);
    for number in [1, 7] {
        bench.send(b, because(pubrec(number), Reason::UnspecifiedError));
        bench.expect(b, []);
    }
    bench.cut(b);
    let b = bench.connect5("b", false, &[lasts(NEVER)]);
    bench.expect(b, [pubrel(1)]);
    bench.send(b, pubcomp(1));
    assert_eq!(bench.broker.status().refused, 0);
    assert!(bench.image.messages.is_empty());
}

/// While the store is stuck nothing that needs it is promised: MQTT 5 is told so and stays, MQTT
/// 3.1.1 has no words for it.
#[test]
fn while_the_store_is_stuck() {
    for (qos, answer) in [(Q1, puback(1)), (Q2, pubrec(1))] {
        let mut bench = Bench::new();
        let b = bench.connect5("b", true, &[lasts(NEVER)]);
        bench.subscribe(b, "t", Q2);
        let (a, old) = (bench.connect5("a", true, &[]), bench.connect("old", true));
        bench.hold_commits();
        bench.send(b, subscribe(1, &[("u", Q1)]));
        bench.store_fails();
        for _ in 0..50 {
            bench.send(a, publish("t", "x", qos, 1));
            let sent = bench.sent(a);
            let [Packet::PubAck(ack) | Packet::PubRec(ack)] = sent.as_slice() else {
                panic!("{sent:?}")
            };
            assert_eq!(ack.reason, Reason::QuotaExceeded);
            assert!(ack.properties.reason_string().is_some());
            let silent = because(answer.clone(), Reason::QuotaExceeded);
            let mut said = sent[0].clone();
            if let Packet::PubAck(ack) | Packet::PubRec(ack) = &mut said {
                ack.properties = Properties::NONE;
            }
            assert_eq!(said, silent);
        }
        assert!(bench.is_open(a));
        assert_eq!(bench.dropped(DropReason::Store), 50);
        bench.send(old, publish("t", "x", qos, 1));
        bench.expect(old, []);
        bench.expect_closed(old, "the store");
        // QoS 0 needs no store.
        bench.send(a, publish("u", "0", Q0, 0));
        bench.send(a, publish("t", "0", Q0, 0));
        bench.expect(b, []);
        // When the store works again, what was taken before is answered and all goes on.
        bench.commit();
        let zero = |topic| publish(topic, "0", Q0, 0);
        bench.expect(b, [suback(1, &[Some(Q1)]), zero("u"), zero("t")]);
        bench.send(a, publish("t", "y", qos, 1));
        bench.commit();
        bench.expect(b, [publish("t", "y", qos, 1)]);
        bench.expect(a, [answer.clone()]);
    }
}

/// A repeat of what was taken over before the trouble is no new promise: it is answered when the
/// first one is durable, and its message arrives once.
#[test]
fn a_repeat_while_the_store_is_stuck() {
    let mut bench = Bench::new();
    let b = bench.connect5("b", true, &[lasts(NEVER)]);
    bench.subscribe(b, "t", Q2);
    let a = bench.connect5("a", true, &[lasts(NEVER)]);
    bench.hold_commits();
    bench.send(a, publish("t", "x", Q2, 1));
    bench.store_fails();
    bench.send(a, again(publish("t", "x", Q2, 1)));
    bench.expect(a, []);
    // Another message under that id is a new one, which is refused; behind the answers before it.
    bench.send(a, publish("t", "y", Q2, 2));
    bench.expect(a, []);
    bench.commit();
    let sent = bench.sent(a);
    assert_eq!(sent[..2], [pubrec(1), pubrec(1)]);
    let refused =
        |it: &Packet| matches!(it, Packet::PubRec(it) if it.reason == Reason::QuotaExceeded);
    assert!(sent.len() == 3 && refused(&sent[2]), "{sent:?}");
    assert_eq!(bench.payloads(b), ["x"]);
    bench.send(a, pubrel(1));
    bench.commit();
    bench.expect(a, [pubcomp(1)]);
}

/// What was acknowledged stays so: a repeat of it is answered though nothing new is taken.
#[test]
fn a_repeat_of_what_is_durable() {
    let mut bench = Bench::new();
    let a = bench.connect5("a", true, &[lasts(NEVER)]);
    bench.send(a, publish("t", "x", Q2, 1));
    bench.sent(a);
    bench.hold_commits();
    bench.send(a, Packet::PingReq);
    bench.store_fails();
    bench.sent(a);
    bench.send(a, again(publish("t", "x", Q2, 1)));
    bench.expect(a, [pubrec(1)]);
}

/// A session that is to be kept cannot begin, and one that is kept cannot subscribe; who wants
/// nothing kept is served.
#[test]
fn connecting_while_the_store_is_stuck() {
    let mut bench = Bench::new();
    let kept = bench.connect5("kept", true, &[lasts(NEVER)]);
    bench.store_fails();
    let conn = bench.ask(connect5("a", true, &[lasts(1)]));
    assert_eq!(bench.answered(conn).reason, Reason::ServerUnavailable);
    assert!(!bench.is_open(conn));
    let will = Some(message("w", "x", Q0, false).into());
    let conn = bench.ask(Connect { will, ..connect5("a", true, &[]) });
    assert_eq!(bench.answered(conn).reason, Reason::ServerUnavailable);
    let conn = bench.ask(connect5("a", true, &[]));
    bench.accepted(conn);
    bench.send(conn, subscribe(1, &[("t", Q1)]));
    bench.expect(conn, [suback(1, &[Some(Q1)])]);
    bench.send(kept, subscribe(1, &[("t", Q1)]));
    bench.expect(kept, [suback(1, &[None])]);
}

/// Request Problem Information 0: codes without words, but for CONNACK and DISCONNECT.
/// [MQTT-3.1.2-29]
#[test]
fn without_problem_information() {
    for (wanted, words) in [(None, true), (Some(1), true), (Some(0), false)] {
        let properties: Vec<_> =
            wanted.map(Property::RequestProblemInformation).into_iter().collect();
        let mut bench = Bench::new();
        let a = bench.connect5("a", true, &properties);
        bench.store_fails();
        for (qos, id) in [(Q1, 1), (Q2, 2)] {
            bench.send(a, publish("t", "x", qos, id));
            let sent = bench.sent(a);
            let [Packet::PubAck(ack) | Packet::PubRec(ack)] = sent.as_slice() else {
                panic!("{sent:?}")
            };
            assert_eq!(ack.reason, Reason::QuotaExceeded);
            assert_eq!(!ack.properties.is_empty(), words, "{wanted:?}");
        }
    }
}
