//! A bridge's two halves: what crosses, what is remembered, what is said. [mosquitto.conf manual,
//! section "Configuring bridges"]

use super::bench::*;
use crate::mqtt::codec::MAX_PACKET_SIZE;

type Words<'a> = (&'a str, Direction, QoS, &'a str, &'a str);

fn bridged(rules: &[Words]) -> Bench {
    Bench::with(|it| it.bridges = vec![bridge(rules)])
}

fn asked(packets: &[Packet]) -> Vec<(Filter, QoS)> {
    let filters = packets.iter().filter_map(|it| match it {
        Packet::Subscribe(it) => {
            Some(it.filters.iter().map(|(filter, it)| (filter.clone(), it.qos)).collect::<Vec<_>>())
        }
        _ => None,
    });
    filters.flatten().collect()
}

/// Names and QoS on the way out; what no rule takes out stays here.
#[test]
fn out() {
    let check = |rule: Words, topic: &str, qos: QoS, expected: Option<(&str, QoS)>| {
        let mut bench = bridged(&[rule]);
        let link = bench.link(false);
        bench.link_sent(link);
        let a = bench.connect("a", true);
        bench.publish(a, retain(publish(topic, "x", qos, u16::from(qos > Q0))));
        // A rule that brings in as well has used the first id for its SUBSCRIBE.
        let first = if rule.1.comes_in() { 2 } else { 1 };
        let id = |qos| if qos > Q0 { first } else { 0 };
        let expected = expected.map(|(topic, qos)| retain(publish(topic, "x", qos, id(qos))));
        assert_eq!(bench.link_sent(link), expected.into_iter().collect::<Vec<_>>());
    };
    let out = Direction::Out;
    check(("t/#", out, Q2, "", ""), "t/x", Q2, Some(("t/x", Q2)));
    check(("t/#", out, Q1, "", ""), "t/x", Q2, Some(("t/x", Q1)));
    check(("t/#", out, Q2, "", ""), "t/x", Q0, Some(("t/x", Q0)));
    check(("t/#", out, Q2, "here/", "there/"), "here/t/x", Q1, Some(("there/t/x", Q1)));
    check(("t/#", out, Q2, "here/", "there/"), "t/x", Q1, None);
    check(("t/#", Direction::In, Q2, "", ""), "t/x", Q2, None);
    check(("t/#", Direction::Both, Q2, "", ""), "t/x", Q2, Some(("t/x", Q2)));
}

/// Names and QoS on the way in; what no rule lets in is acknowledged and goes nowhere.
#[test]
fn into() {
    let check = |rule: Words, topic: &str, qos: QoS, expected: Option<(&str, QoS)>| {
        let mut bench = bridged(&[rule]);
        let link = bench.link(false);
        bench.link_sent(link);
        let a = bench.connect("a", true);
        bench.subscribe(a, "#", Q2);
        bench.publish(link, retain(publish(topic, "x", qos, u16::from(qos > Q0))));
        bench.expect(link, []);
        let retained = usize::from(expected.is_some());
        let expected = expected.map(|(topic, qos)| publish(topic, "x", qos, u16::from(qos > Q0)));
        assert_eq!(bench.sent(a), expected.into_iter().collect::<Vec<_>>());
        assert_eq!(bench.broker.status().retained, retained);
    };
    let into = Direction::In;
    check(("t/#", into, Q2, "", ""), "t/x", Q2, Some(("t/x", Q2)));
    check(("t/#", into, Q1, "", ""), "t/x", Q2, Some(("t/x", Q1)));
    check(("t/#", into, Q2, "here/", "there/"), "there/t/x", Q2, Some(("here/t/x", Q2)));
    check(("t/#", into, Q2, "", ""), "other", Q1, None);
    check(("t/#", Direction::Out, Q2, "", ""), "t/x", Q2, None);
}

#[test]
fn both_does_not_echo() {
    let mut bench = bridged(&[("t", Direction::Both, Q2, "", "")]);
    let link = bench.link(false);
    bench.link_sent(link);
    bench.publish(link, retain(publish("t", "far", Q2, 1)));
    assert_eq!(bench.link_sent(link), []);
    bench.cut(link);
    let link = bench.link(false);
    assert_eq!(bench.link_sent(link), [], "nor its retained message, to a far side that forgot");
}

/// What was published before the first connect crosses once, retained or not.
#[test]
fn what_waited_is_not_sent_again_as_retained() {
    for (local, remote) in [("", ""), ("here/", "there/")] {
        let mut bench = bridged(&[("t/#", Direction::Out, Q2, local, remote)]);
        let a = bench.connect("a", true);
        bench.publish(a, retain(publish(&format!("{local}t/x"), "1", Q2, 1)));
        bench.publish(a, retain(publish(&format!("{local}t/x"), "2", Q2, 1)));
        bench.publish(a, retain(publish(&format!("{local}t/y"), "3", Q2, 1)));
        let link = bench.link(false);
        let expected = [("x", "1"), ("x", "2"), ("y", "3")].into_iter().zip(1..);
        let expected: Vec<_> = expected
            .map(|((topic, payload), id)| (format!("{remote}t/{topic}"), payload, id))
            .map(|(topic, payload, id)| retain(publish(&topic, payload, Q2, id)))
            .collect();
        assert_eq!(bench.link_sent(link), expected);
    }
}

/// Session present 1 and the same rules: neither SUBSCRIBE nor retained messages again.
#[test]
fn a_session_that_is_there() {
    let rules = [("o", Direction::Out, Q2, "", ""), ("i", Direction::In, Q2, "", "")];
    let mut bench = bridged(&rules);
    let a = bench.connect("a", true);
    let link = bench.link(false);
    bench.publish(a, retain(publish("o", "1", Q2, 1)));
    assert_eq!(bench.link_sent(link), [retain(publish("o", "1", Q2, 2))]);
    for off in [false, true] {
        if off {
            bench.pull_plug(|_| {});
        } else {
            bench.cut(link);
        }
        let link = bench.link(true);
        let sent = bench.sent(link);
        assert_eq!(asked(&sent), []);
        assert_eq!(sent[1..], [again(retain(publish("o", "1", Q2, 2)))]);
    }
    // Other rules: what is new is asked for, what is gone taken back, retained ones sent.
    bench.pull_plug(|it| {
        let rules = [("o", Direction::Out, Q1, "", ""), ("j", Direction::In, Q1, "", "")];
        it.bridges = vec![bridge(&rules)];
    });
    let link = bench.link(true);
    let sent = bench.sent(link);
    assert_eq!(asked(&sent), [(filter("j"), Q1)]);
    let gone = |it: &Packet| matches!(it, Packet::Unsubscribe(it) if it.filters == [filter("i")]);
    assert!(sent.iter().any(gone));
    // It is gone when the far broker says so, not before.
    bench.cut(link);
    let link = bench.link(true);
    let sent = bench.sent(link);
    let number = sent.iter().find_map(|it| match it {
        Packet::Unsubscribe(it) => Some(it.id),
        _ => None,
    });
    let number = number.expect("asked again");
    bench.send(link, unsuback(number.get(), &[Reason::Success]));
    bench.link_sent(link);
    bench.cut(link);
    let link = bench.link(true);
    assert!(!bench.sent(link).iter().any(gone));
}

/// Two rules on one filter are one subscription, with the higher QoS, and are asked for once.
#[test]
fn one_filter_in_two_rules() {
    let rules = [("i", Direction::In, Q1, "", ""), ("", Direction::Both, Q2, "x", "i")];
    let mut bench = bridged(&rules);
    let link = bench.link(false);
    let sent = bench.sent(link);
    assert_eq!(asked(&sent), [(filter("i"), Q2)]);
    let number = sent.iter().find_map(|it| match it {
        Packet::Subscribe(it) => Some(it.id),
        _ => None,
    });
    bench.send(link, suback(number.expect("it asked").get(), &[Some(Q2)]));
    bench.cut(link);
    let link = bench.link(true);
    assert_eq!(asked(&bench.sent(link)), []);
}

/// Session present 0: it has forgotten. What had its PUBREC is done with, the rest goes as new.
#[test]
fn a_far_side_that_forgot() {
    let rules = [("o/#", Direction::Out, Q2, "", ""), ("i", Direction::In, Q2, "", "")];
    let mut bench = bridged(&rules);
    let a = bench.connect("a", true);
    let link = bench.link(false);
    bench.link_sent(link);
    for number in 1..=2 {
        bench.publish(a, publish("o/x", &number.to_string(), Q2, number));
    }
    let first = bench.link_sent(link);
    let [Packet::Publish(one), Packet::Publish(two)] = first.as_slice() else {
        panic!("{first:?}")
    };
    bench.send(link, Packet::PubRec(one.packet_id.expect("QoS 2").into()));
    bench.send(link, publish("i", "in", Q2, 7));
    bench.cut(link);
    let link = bench.link(false);
    let sent = bench.sent(link);
    assert!(sent.contains(&Packet::Publish(two.clone())), "{sent:?}");
    assert_eq!(asked(&sent), [(filter("i"), Q2)]);
    assert!(!sent.iter().any(|it| matches!(it, Packet::PubRel(_))));
    let forgot = Event::RemoteForgot { bridge: "link".to_owned(), in_flight: 3 };
    assert!(bench.events.contains(&forgot), "{:?}", bench.events);
    // Its ids mean nothing any more: the same one with the same content is a new message.
    bench.subscribe(a, "i", Q0);
    bench.send(link, publish("i", "in", Q2, 7));
    bench.expect(a, [publish("i", "in", Q0, 0)]);
}

/// A queue that is full refuses, and the retained messages are sent at the next connect.
#[test]
fn retained_state_heals_after_an_overflow() {
    let mut bench = Bench::with(|it| {
        it.limits.max_queued_messages = 2;
        it.bridges = vec![bridge(&[("t/#", Direction::Out, Q2, "", "")])];
    });
    let link = bench.link(false);
    bench.link_sent(link);
    bench.cut(link);
    let a = bench.connect("a", true);
    for number in 0..5 {
        bench.publish(a, retain(publish(&format!("t/{number}"), "x", Q2, 1)));
    }
    assert_eq!(bench.broker.status().refused, 3);
    let link = bench.link(true);
    let topics: Vec<_> = bench
        .link_sent(link)
        .iter()
        .map(|it| if let Packet::Publish(it) = it { it.topic.to_string() } else { String::new() })
        .collect();
    assert_eq!(topics, ["t/0", "t/1", "t/2", "t/3", "t/4"]);
}

/// The same where the far broker has the bridge and this one's queue for it was full: it does not
/// subscribe again, so the broker that refused is the one to make up for it.
#[test]
fn retained_state_heals_for_a_far_bridge() {
    for off in [false, true] {
        let mut bench = Bench::with(|it| it.limits.max_queued_messages = 2);
        let far = || Connect { bridge: true, ..connect("far", false) };
        let conn = bench.ask(far());
        bench.subscribe(conn, "t/#", Q1);
        bench.cut(conn);
        let a = bench.connect("a", true);
        for number in 0..5 {
            bench.publish(a, retain(publish(&format!("t/{number}"), "x", Q2, 1)));
        }
        if off {
            bench.pull_plug(|_| {});
        }
        let conn = bench.ask(far());
        let sent = bench.sent(conn);
        for number in 0..5 {
            let topic = format!("t/{number}");
            assert!(
                sent.iter()
                    .any(|it| matches!(it, Packet::Publish(it) if it.topic.as_str() == topic))
            );
        }
        bench.cut(conn);
        let conn = bench.ask(far());
        assert!(bench.sent(conn).len() <= 6, "once is enough");
    }
}

#[test]
fn options() {
    let mut bench = Bench::with(|it| {
        let mut bridge = bridge(&[("t", Direction::Out, Q2, "", "")]);
        bridge.outgoing_retain = false;
        bridge.cleansession = true;
        bridge.local_cleansession = true;
        bridge.try_private = false;
        bridge.notifications_local_only = true;
        bridge.keepalive_interval = secs(30);
        bridge.remote_username = Some("u".to_owned());
        it.bridges = vec![bridge];
    });
    let a = bench.connect("a", true);
    bench.publish(a, publish("t", "lost", Q2, 1));
    bench.publish(a, retain(publish("t", "kept", Q2, 1)));
    let (link, connect) = bench.dial();
    assert!(connect.clean_start && !connect.bridge && connect.will.is_none());
    assert_eq!((connect.keep_alive_s, connect.username.as_deref()), (30, Some("u")));
    assert_eq!(connect.client_id.as_str(), "host.link");
    bench.send(link, connack(false, Reason::Success));
    bench.expect(link, [publish("t", "kept", Q2, 1)]);
    assert!(bench.image.sessions.is_empty());
}

#[test]
fn notifications() {
    let state = "$SYS/broker/connection/host.link/state";
    let mut bench = bridged(&[("t", Direction::Out, Q2, "", "")]);
    let a = bench.connect("a", true);
    bench.subscribe(a, "$SYS/#", Q0);
    bench.expect(a, [retain(publish(state, "0", Q0, 0))]);
    let (link, connect) = bench.dial();
    assert_eq!(connect.will, Some(message(state, "0", Q1, true).into()));
    bench.send(link, connack(false, Reason::Success));
    bench.expect(link, [retain(publish(state, "1", Q0, 0))]);
    bench.expect(a, [publish(state, "1", Q0, 0)]);
    bench.cut(link);
    bench.expect(a, [publish(state, "0", Q0, 0)]);
}

/// A far side that forgot is named after an overflow as well, where it had granted something.
#[test]
fn a_far_side_that_forgot_after_an_overflow() {
    let mut bench = Bench::with(|it| {
        it.limits.max_queued_messages = 1;
        let rules = [("o", Direction::Out, Q2, "", ""), ("i", Direction::In, Q2, "", "")];
        it.bridges = vec![bridge(&rules)];
    });
    let link = bench.link(false);
    bench.link_sent(link);
    bench.cut(link);
    let a = bench.connect("a", true);
    for number in 1..=2 {
        bench.publish(a, retain(publish("o", "x", Q2, number)));
    }
    assert_eq!(bench.broker.status().refused, 1);
    bench.link(false);
    assert!(bench.events.iter().any(|it| matches!(it, Event::RemoteForgot { .. })));
}

/// A prefix that makes a packet longer than any can be: refused aloud, and nothing is harmed.
#[test]
fn no_packet_grows_past_the_longest() {
    let mut bench = Bench::with(|it| {
        it.limits.max_packet_size = usize::MAX;
        it.bridges = vec![bridge(&[("#", Direction::Out, Q1, "", "a/long/prefix/")])];
    });
    let conn = bench.link(false);
    bench.link_sent(conn);
    let a = bench.connect("a", true);
    let Packet::Publish(largest) = publish("t", "", Q1, 1) else { unreachable!("a PUBLISH") };
    let payload = vec![0; MAX_PACKET_SIZE - 10].into();
    bench.send(a, Packet::Publish(Publish { payload, ..largest }));
    bench.expect(a, [puback(1)]);
    bench.expect(conn, []);
    assert_eq!(bench.broker.status().refused, 1);
    bench.publish(a, publish("t", "x", Q1, 2));
    bench.expect(conn, [publish("a/long/prefix/t", "x", Q1, 1)]);
}
