//! How many messages are under way at once, in either direction. [MQTT 5.0, section 4.9]

use super::bench::*;
use super::bench5::*;

fn at_most(count: u16) -> Property<'static> {
    Property::ReceiveMaximum(count)
}

/// A subscriber that takes so many at once, and messages 1 to `count` for it.
fn flooded(most: Option<u16>, ours: u16, qos: QoS, count: u16) -> (Bench, ConnId) {
    let mut bench = Bench::with(|it| it.limits.max_inflight_messages = ours);
    let properties: Vec<_> = most.map(at_most).into_iter().chain([lasts(NEVER)]).collect();
    let b = bench.connect5("b", true, &properties);
    bench.subscribe(b, "t", Q2);
    publish_some(&mut bench, qos, 1..=count);
    (bench, b)
}

fn publish_some(bench: &mut Bench, qos: QoS, numbers: impl IntoIterator<Item = u16>) {
    let a = bench.connect("a", true);
    for number in numbers {
        bench.publish(a, publish("t", &number.to_string(), qos, number));
    }
}

/// The client's maximum, or ours where that is smaller. [MQTT-3.3.4-9]
#[test]
fn of_the_client() {
    let check = |most: Option<u16>, ours: u16, expected: usize| {
        for qos in [Q1, Q2] {
            let (mut bench, b) = flooded(most, ours, qos, 50);
            assert_eq!(bench.sent(b).len(), expected, "{most:?}, {ours}, {qos}");
        }
    };
    check(None, 20, 20);
    check(None, 0, 50);
    check(Some(1), 20, 1);
    check(Some(7), 20, 7);
    check(Some(7), 3, 3);
    check(Some(7), 0, 7);
    check(Some(u16::MAX), 20, 20);
}

/// PUBACK, PUBCOMP and a PUBREC that refuses make room; a PUBREC that accepts does not.
#[test]
fn what_makes_room() {
    let (mut bench, b) = flooded(Some(1), 20, Q1, 2);
    bench.expect(b, [publish("t", "1", Q1, 1)]);
    bench.send(b, puback(1));
    bench.expect(b, [publish("t", "2", Q1, 2)]);
    let (mut bench, b) = flooded(Some(1), 20, Q2, 3);
    bench.expect(b, [publish("t", "1", Q2, 1)]);
    bench.send(b, pubrec(1));
    bench.expect(b, [pubrel(1)]);
    bench.send(b, pubcomp(1));
    bench.expect(b, [publish("t", "2", Q2, 2)]);
    bench.send(b, because(pubrec(2), Reason::UnspecifiedError));
    bench.expect(b, [publish("t", "3", Q2, 3)]);
}

/// QoS 0 does not count.
#[test]
fn qos_0_passes() {
    let (mut bench, b) = flooded(Some(1), 20, Q1, 2);
    bench.sent(b);
    publish_some(&mut bench, Q0, 0..1);
    bench.expect(b, [publish("t", "0", Q0, 0)]);
}

/// Each connection has its own maximum: what was in flight goes again within it, in order, and
/// before anything new.
#[test]
fn on_resume() {
    for off in [false, true] {
        let (mut bench, b) = flooded(None, 20, Q1, 3);
        assert_eq!(bench.sent(b).len(), 3);
        bench.cut(b);
        publish_some(&mut bench, Q1, 4..=4);
        if off {
            bench.off_for(secs(1));
        }
        let b = bench.connect5("b", false, &[lasts(NEVER), at_most(1)]);
        publish_some(&mut bench, Q1, 5..=5);
        for number in 1..=5 {
            let packet = publish("t", &number.to_string(), Q1, number);
            bench.expect(b, [if number <= 3 { again(packet) } else { packet }]);
            bench.send(b, puback(number));
        }
        bench.expect(b, []);
    }
}

/// A larger one lets more go at once.
#[test]
fn it_may_grow_again() {
    let (mut bench, b) = flooded(Some(1), 20, Q1, 5);
    bench.sent(b);
    bench.cut(b);
    let b = bench.connect5("b", false, &[lasts(NEVER), at_most(3)]);
    assert_eq!(bench.payloads(b), ["1", "2", "3"]);
    bench.cut(b);
    let b = bench.connect("b", false);
    assert_eq!(bench.payloads(b), ["1", "2", "3", "4", "5"]);
}

/// Nothing but a PUBLISH waits for room: PUBREL goes, whatever is under way. [MQTT-3.3.4-10]
#[test]
fn pubrel_goes_anyway() {
    // Those of four messages that have had their PUBREC, and what goes at once on resume.
    let check = |received: &[u16], expected: &[Packet]| {
        let (mut bench, b) = flooded(None, 20, Q2, 4);
        for number in received {
            bench.send(b, pubrec(*number));
        }
        bench.sent(b);
        bench.cut(b);
        let b = bench.connect5("b", false, &[lasts(NEVER), at_most(1)]);
        assert_eq!(bench.sent(b), expected, "{received:?}");
        // All come to their end, and never more than one PUBLISH is open.
        let (mut open, mut done) = (0, 0);
        let mut packets = expected.to_vec();
        while !packets.is_empty() {
            for packet in std::mem::take(&mut packets) {
                match packet {
                    Packet::Publish(it) => {
                        open += 1;
                        assert_eq!(open, 1, "{received:?}");
                        bench.send(b, Packet::PubRec(it.packet_id.expect("QoS 2").into()));
                    }
                    Packet::PubRel(it) => {
                        open -= i32::from(!received.contains(&it.id.get()));
                        done += 1;
                        bench.send(b, Packet::PubComp(it.id.into()));
                    }
                    other => panic!("{other:?}"),
                }
                packets.extend(bench.sent(b));
            }
        }
        assert_eq!(done, 4, "{received:?}");
        assert!(bench.image.messages.is_empty());
    };
    let first = again(publish("t", "1", Q2, 1));
    check(&[], std::slice::from_ref(&first));
    check(&[1, 2], &[pubrel(1), pubrel(2)]);
    check(&[1, 2, 3, 4], &[pubrel(1), pubrel(2), pubrel(3), pubrel(4)]);
    check(&[2, 3], &[first.clone(), pubrel(2), pubrel(3)]);
    check(&[3], &[first.clone(), pubrel(3)]);
    check(&[3, 4], &[first, pubrel(3), pubrel(4)]);
}

/// Ours: who has more under way than CONNACK allows is hung up on. [MQTT-3.3.4-9]
#[test]
fn of_the_broker() {
    let mut bench = Bench::with(|it| it.limits.max_inflight_messages = 2);
    let a = bench.ask(connect5("a", true, &[]));
    assert_eq!(bench.answered(a).properties.receive_maximum(), Some(2));
    bench.send(a, publish("t", "1", Q2, 1));
    bench.send(a, publish("t", "2", Q2, 2));
    bench.sent(a);
    // What is ended makes room.
    bench.send(a, pubrel(1));
    bench.send(a, publish("t", "3", Q2, 3));
    assert!(bench.is_open(a));
    bench.send(a, publish("t", "4", Q2, 4));
    bench.expect_dismissed(a, Reason::ReceiveMaximumExceeded);
}

/// What was not acknowledged yet counts: QoS 1 that waits for the store.
#[test]
fn of_the_broker_while_answers_wait() {
    let mut bench = Bench::with(|it| it.limits.max_inflight_messages = 2);
    let b = bench.connect5("b", true, &[lasts(NEVER)]);
    bench.subscribe(b, "t", Q1);
    for (level, expected) in [(Level::V5, false), (Level::V311, true)] {
        let a = bench.ask(Connect { level, ..connect("a", true) });
        bench.accepted(a);
        bench.hold_commits();
        for number in 1..=3 {
            bench.send(a, publish("t", "x", Q1, number));
        }
        assert_eq!(bench.is_open(a), expected);
        if !expected {
            bench.expect_dismissed(a, Reason::ReceiveMaximumExceeded);
        }
        bench.commit();
        bench.commit();
    }
}

/// A refusal ends the exchange, so it makes room too; so does every PUBACK.
#[test]
fn what_makes_room_in_ours() {
    let mut bench = Bench::with(|it| it.limits.max_inflight_messages = 1);
    let a = bench.connect5("a", true, &[]);
    for number in 1..=5 {
        bench.send(a, publish("$SYS/x", "x", Q2, number));
        bench.expect(a, [because(pubrec(number), Reason::NotAuthorized)]);
        bench.send(a, publish("t", "x", Q1, number));
        bench.expect(a, [because(puback(number), Reason::NoMatchingSubscribers)]);
    }
    assert!(bench.is_open(a));
}
