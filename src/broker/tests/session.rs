//! Sessions: what outlives a connection, and what does not. [MQTT 3.1.1, sections 3.1.2.4 and 4.1]

use super::bench::*;

/// [MQTT-3.1.2-4 to -6, MQTT-3.2.2-1 to -3]: session present, for (before, now).
#[test]
fn session_present() {
    for (before, now, expected) in
        [(false, false, true), (false, true, false), (true, false, false), (true, true, false)]
    {
        for off in [false, true] {
            let mut bench = Bench::new();
            let conn = bench.connect("a", before);
            bench.subscribe(conn, "t", Q1);
            if off {
                bench.pull_plug(|_| {});
            } else {
                bench.send(conn, goodbye());
            }
            let conn = bench.ask(connect("a", now));
            bench.expect(conn, [connack(expected, Reason::Success)]);
            bench.publish(conn, publish("t", "x", Q1, 1));
            let got = bench.sent(conn);
            assert_eq!(got == [publish("t", "x", Q1, 1)], expected, "{before} {now} {off} {got:?}");
        }
    }
}

/// Messages wait in order, and only those of QoS 1 and 2. [MQTT-3.1.2-5]
#[test]
fn a_queue_waits() {
    for (qos0, off) in [(false, false), (true, false), (true, true)] {
        let mut bench = Bench::with(|it| it.limits.queue_qos0_messages = qos0);
        let (a, b) = (bench.connect("a", true), bench.connect("b", false));
        bench.subscribe(b, "t", Q2);
        bench.cut(b);
        bench.publish(a, publish("t", "1", Q1, 1));
        bench.publish(a, publish("t", "2", Q0, 0));
        bench.publish(a, publish("t", "3", Q2, 1));
        if off {
            bench.pull_plug(|_| {});
        }
        let b = bench.connect("b", false);
        let mut expected = vec![publish("t", "1", Q1, 1), publish("t", "3", Q2, 2)];
        if qos0 {
            expected.insert(1, publish("t", "2", Q0, 0));
        }
        assert_eq!(bench.sent(b), expected);
    }
}

/// What waits goes before what comes. [MQTT-4.6.0-6]
#[test]
fn qos_0_does_not_overtake_qos_0() {
    let mut bench = Bench::with(|it| {
        it.limits.queue_qos0_messages = true;
        it.limits.max_inflight_messages = 1;
    });
    let (a, b) = (bench.connect("a", true), bench.connect("b", false));
    bench.subscribe(b, "t", Q2);
    bench.cut(b);
    bench.publish(a, publish("t", "1", Q1, 1));
    bench.publish(a, publish("t", "2", Q1, 1));
    bench.publish(a, publish("t", "3", Q0, 0));
    let b = bench.connect("b", false);
    bench.publish(a, publish("t", "4", Q0, 0));
    bench.expect(b, [publish("t", "1", Q1, 1)]);
    bench.send(b, puback(1));
    bench.expect(b, [publish("t", "2", Q1, 2), publish("t", "3", Q0, 0), publish("t", "4", Q0, 0)]);
}

#[test]
fn a_clean_session_leaves_nothing_behind() {
    let mut bench = Bench::new();
    let b = bench.connect("b", false);
    bench.subscribe(b, "t", Q2);
    bench.publish(b, publish("t", "x", Q2, 1));
    bench.send(b, publish("u", "y", Q2, 2));
    bench.cut(b);
    let b = bench.connect("b", true);
    assert!(bench.image.sessions.is_empty() && bench.image.messages.is_empty());
    bench.send(b, publish("u", "y", Q2, 2));
    bench.expect(b, [pubrec(2)]);
    bench.send(b, goodbye());
    assert!(bench.broker.status().sessions.is_empty());
}

#[test]
fn without_persistence_nothing_is_written() {
    let mut bench = Bench::with(|it| it.persistence = false);
    let a = bench.connect("a", false);
    bench.subscribe(a, "t", Q2);
    bench.publish(a, retain(publish("t", "x", Q2, 1)));
    bench.expect(a, [publish("t", "x", Q2, 1)]);
    assert_eq!(bench.image, Image { boot: 1, ..Image::default() });
}

/// A bridge taken out of the conf goes with its session; a client's name taken by one as well.
#[test]
fn a_changed_conf() {
    let mut bench =
        Bench::with(|it| it.bridges = vec![bridge(&[("#", Direction::Out, Q2, "", "")])]);
    let a = bench.connect("a", true);
    bench.publish(a, publish("t", "x", Q2, 1));
    assert_eq!(bench.broker.status().bridges[0].queued, 1);
    bench.pull_plug(|_| {});
    assert_eq!(bench.broker.status().bridges[0].queued, 1);
    bench.pull_plug(|it| it.bridges.clear());
    assert!(bench.image.sessions.is_empty() && bench.image.messages.is_empty());
    bench.connect("local.host.link", false);
    bench.pull_plug(|it| it.bridges = vec![bridge(&[("#", Direction::Out, Q2, "", "")])]);
    assert!(bench.image.sessions[&ClientId::new("local.host.link")].bridge);
    assert!(bench.broker.status().sessions.is_empty());
}
