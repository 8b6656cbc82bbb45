//! The handshakes of QoS 1 and 2, both ways. [MQTT 3.1.1, sections 4.3 and 4.4]

use super::bench::*;

fn two() -> (Bench, ConnId, ConnId) {
    let mut bench = Bench::new();
    let (a, b) = (bench.connect("a", false), bench.connect("b", false));
    bench.subscribe(b, "t", Q2);
    (bench, a, b)
}

/// [MQTT-4.3.3-2]: until PUBREL the same message is not passed on again.
#[test]
fn a_repeat_is_not_passed_on() {
    let (mut bench, a, b) = two();
    for packet in
        [publish("t", "1", Q2, 5), again(publish("t", "1", Q2, 5)), publish("t", "1", Q2, 5)]
    {
        bench.send(a, packet);
        bench.expect(a, [pubrec(5)]);
    }
    bench.expect(b, [publish("t", "1", Q2, 1)]);
    bench.send(a, pubrel(5));
    bench.expect(a, [pubcomp(5)]);
    bench.send(a, publish("t", "1", Q2, 5));
    bench.expect(b, [publish("t", "1", Q2, 2)]);
}

/// Neither after a new connection, nor after the broker lost its power.
#[test]
fn a_repeat_is_known_for_long() {
    for (dup, off) in [(true, false), (false, false), (true, true), (false, true)] {
        let (mut bench, a, b) = two();
        bench.send(a, publish("t", "1", Q2, 5));
        bench.expect(b, [publish("t", "1", Q2, 1)]);
        if off {
            bench.pull_plug(|_| {});
        } else {
            bench.cut(a);
        }
        let a = bench.connect("a", false);
        let repeat = publish("t", "1", Q2, 5);
        bench.send(a, if dup { again(repeat) } else { repeat });
        bench.expect(a, [pubrec(5)]);
        let b = bench.connect("b", false);
        bench.expect(b, [again(publish("t", "1", Q2, 1))]);
    }
}

/// A client that lost its memory counts from 1 again: other content under an id is new.
#[test]
fn an_id_with_other_content_is_new() {
    let (mut bench, a, b) = two();
    bench.send(a, publish("t", "1", Q2, 1));
    bench.cut(a);
    let a = bench.connect("a", false);
    bench.send(a, publish("t", "2", Q2, 1));
    bench.expect(b, [publish("t", "1", Q2, 1), publish("t", "2", Q2, 2)]);
}

/// It may come to an id it left behind with the very content it had: it has few states to tell of.
/// What it left behind would have been repeated before anything new. [MQTT-4.4.0-1]
#[test]
fn an_id_left_behind_swallows_nothing() {
    let (mut bench, a, b) = two();
    bench.publish(a, publish("t", "OK", Q2, 1));
    bench.send(a, publish("t", "KO", Q2, 2));
    bench.cut(a);
    bench.sent(b);
    let a = bench.connect("a", false);
    bench.publish(a, publish("t", "OK", Q2, 1));
    bench.publish(a, publish("t", "KO", Q2, 2));
    bench.expect(b, [publish("t", "OK", Q2, 3), publish("t", "KO", Q2, 4)]);
    // A true repeat says so, however late it comes.
    bench.send(a, publish("t", "KO", Q2, 3));
    bench.cut(a);
    let a = bench.connect("a", false);
    bench.publish(a, publish("t", "OK", Q2, 4));
    bench.sent(b);
    bench.send(a, again(publish("t", "KO", Q2, 3)));
    bench.expect(b, []);
}

#[test]
fn unknown_ids_are_answered() {
    let (mut bench, a, _) = two();
    bench.send(a, pubrel(9));
    bench.expect(a, [pubcomp(9)]);
    bench.send(a, pubrec(9));
    bench.expect(a, [pubrel(9)]);
    for packet in [puback(9), pubcomp(9)] {
        bench.send(a, packet);
        bench.expect(a, []);
    }
    assert!(bench.is_open(a));
}

/// [MQTT-4.3.3-1, MQTT-4.4.0-1]: each stage of a delivery is gone on with after a reconnect.
#[test]
fn a_delivery_goes_on_where_it_was() {
    for off in [false, true] {
        let (mut bench, a, b) = two();
        bench.publish(a, publish("t", "1", Q2, 1));
        bench.publish(a, publish("t", "2", Q2, 2));
        bench.expect(b, [publish("t", "1", Q2, 1), publish("t", "2", Q2, 2)]);
        bench.send(b, pubrec(1));
        bench.expect(b, [pubrel(1)]);
        if off {
            bench.pull_plug(|_| {});
        } else {
            bench.cut(b);
        }
        let b = bench.ask(connect("b", false));
        let present = connack(true, Reason::Success);
        bench.expect(b, [present, pubrel(1), again(publish("t", "2", Q2, 2))]);
        for number in [1, 2] {
            bench.send(b, pubrec(number));
            bench.expect(b, [pubrel(number)]);
            bench.send(b, pubcomp(number));
        }
        assert!(bench.image.messages.is_empty());
        assert!(bench.image.sessions.values().all(|it| it.deliveries.is_empty()));
    }
}

/// PUBACK ends a QoS 1 delivery only, PUBCOMP a QoS 2 delivery only after PUBREC.
#[test]
fn the_wrong_answer_ends_nothing() {
    let (mut bench, a, b) = two();
    bench.publish(a, publish("t", "1", Q2, 1));
    bench.sent(b);
    bench.send(b, puback(1));
    bench.send(b, pubcomp(1));
    bench.cut(b);
    let b = bench.connect("b", false);
    bench.expect(b, [again(publish("t", "1", Q2, 1))]);
}

/// Nothing is announced before it is durable, and what waits for nothing stays in line.
/// [MQTT-4.6.0]
#[test]
fn commit_before_speak() {
    let (mut bench, a, b) = two();
    bench.hold_commits();
    bench.send(a, publish("t", "1", Q2, 1));
    bench.send(a, Packet::PingReq);
    bench.send(b, subscribe(3, &[("u", Q0)]));
    bench.expect(a, []);
    bench.expect(b, []);
    bench.commit();
    bench.expect(a, [pubrec(1), Packet::PingResp]);
    bench.expect(b, [publish("t", "1", Q2, 1), suback(3, &[Some(Q0)])]);
    bench.send(a, pubrel(1));
    bench.send(b, pubrec(1));
    let c = bench.ask(connect("c", false));
    for conn in [a, b, c] {
        bench.expect(conn, []);
    }
    // A repeat has no change of its own, and waits for the first one's all the same.
    bench.send(a, pubrel(1));
    bench.expect(a, []);
    bench.commit();
    bench.expect(a, [pubcomp(1), pubcomp(1)]);
    bench.expect(b, [pubrel(1)]);
    bench.expect(c, [connack(false, Reason::Success)]);
}

#[test]
fn an_acknowledgement_of_another_qos_is_a_violation() {
    let check = |sent: QoS, answer: Packet, closes: bool| {
        let mut bench = Bench::new();
        let (a, b) = (bench.connect("a", true), bench.connect("b", false));
        bench.subscribe(b, "t", Q2);
        bench.publish(a, publish("t", "x", sent, 7));
        bench.expect(b, [publish("t", "x", sent, 1)]);
        bench.send(b, answer);
        assert_eq!(bench.is_open(b), !closes, "{sent}");
        assert!(bench.is_open(a));
    };
    check(Q2, puback(1), true);
    check(Q1, pubrec(1), true);
    check(Q1, pubcomp(1), true);
    check(Q1, puback(1), false);
    check(Q2, pubrec(1), false);
    check(Q2, puback(2), false);
    check(Q1, pubrec(2), false);
}
