//! A bridge that speaks MQTT 5: what it tells and asks the far broker, whose limits it keeps to.
//! [mosquitto.conf manual, `bridge_protocol_version`]

use super::bench::*;
use super::bench5::*;
use crate::broker::event::DropReason;
use crate::broker::status::LinkState;

const OUT: (&str, Direction, QoS, &str, &str) = ("o/#", Direction::Out, Q2, "", "");
const IN: (&str, Direction, QoS, &str, &str) = ("i/#", Direction::In, Q2, "", "");

fn with_bridge(change: impl FnOnce(&mut Settings)) -> Bench {
    Bench::with(|it| {
        let mut bridge = bridge(&[OUT, IN]);
        bridge.level = Level::V5;
        bridge.notifications = false;
        it.bridges = vec![bridge];
        change(it);
    })
}

/// The far broker accepts the bridge, with these properties. What it sends then is left to see.
#[track_caller]
fn link(bench: &mut Bench, session_present: bool, properties: &[Property]) -> ConnId {
    let (conn, connect) = bench.dial();
    assert_eq!(connect.level, Level::V5);
    bench.send(conn, with(connack(session_present, Reason::Success), properties));
    conn
}

/// The same with nothing left to see: its SUBSCRIBE is granted.
fn ready(bench: &mut Bench, properties: &[Property]) -> ConnId {
    let conn = link(bench, false, properties);
    bench.link_sent(conn);
    conn
}

/// A local client publishes messages 1 to `count`.
fn publish_out(bench: &mut Bench, qos: QoS, numbers: impl IntoIterator<Item = u16>) {
    let a = bench.connect("a", true);
    for number in numbers {
        bench.publish(a, publish("o/t", &number.to_string(), qos, number));
    }
}

fn down(bench: &Bench) -> Vec<String> {
    let reasons = bench.events.iter().filter_map(|it| match it {
        Event::BridgeDown { reason, .. } => Some(reason.clone()),
        _ => None,
    });
    reasons.collect()
}

/// Its CONNECT: no bridge bit, a session that is kept unless it is to be clean, and its limits.
#[test]
fn connect() {
    let limits = [
        Property::TopicAliasMaximum(10),
        Property::SessionExpiryInterval(NEVER),
        Property::ReceiveMaximum(20),
        Property::MaximumPacketSize(2_000_000),
    ];
    let check = |change: fn(&mut Settings), clean: bool, expected: &[Property]| {
        let mut bench = with_bridge(change);
        let (_, connect) = bench.dial();
        assert_eq!((connect.level, connect.bridge, connect.clean_start), (Level::V5, false, clean));
        assert_eq!(connect.properties.iter().collect::<Vec<_>>(), expected);
    };
    check(|_| {}, false, &limits);
    check(|it| it.bridges[0].cleansession = true, true, &[limits[0], limits[2], limits[3]]);
    let unlimited = |it: &mut Settings| {
        it.limits.max_inflight_messages = 0;
        it.limits.max_packet_size = usize::MAX;
    };
    check(unlimited, false, &limits[..2]);
}

/// Subscription options say what the bridge bit says in MQTT 3.1.1.
#[test]
fn subscribes_with_options() {
    for private in [false, true] {
        let mut bench = with_bridge(|it| it.bridges[0].try_private = private);
        let conn = link(&mut bench, false, &[]);
        let options = SubscribeOptions {
            no_local: private,
            retain_as_published: private,
            retain_handling: RetainHandling::Send,
            ..Q2.into()
        };
        bench.expect(conn, [subscribe5(1, &[("i/#", options)], &[])]);
    }
}

/// A far broker of ours does with these options what it does for the bit: no echo, flags kept.
#[test]
fn at_a_far_broker_of_ours() {
    let mut bench = Bench::new();
    let far = bench.connect5("far", false, &[lasts(NEVER)]);
    let options = SubscribeOptions { no_local: true, retain_as_published: true, ..Q2.into() };
    bench.subscribe5(far, "#", options, &[]);
    bench.send(far, retain(publish("t", "own", Q2, 1)));
    bench.send(far, pubrel(1));
    bench.sent(far);
    let a = bench.connect("a", true);
    bench.publish(a, retain(publish("t", "other", Q2, 1)));
    bench.expect(far, [retain(publish("t", "other", Q2, 1))]);
    // A queue that overflowed is made up for, as it is for the bit.
    bench.cut(far);
    bench.pull_plug(|it| it.limits.max_queued_messages = 1);
    let a = bench.connect("a", true);
    bench.publish(a, retain(publish("u", "1", Q2, 1)));
    bench.publish(a, retain(publish("v", "2", Q2, 1)));
    let far = bench.connect5("far", false, &[lasts(NEVER)]);
    assert_eq!(bench.payloads(far), ["other", "1", "2"]);
}

/// The far side's Receive Maximum, ours where that is smaller; each connection has its own.
#[test]
fn the_far_sides_receive_maximum() {
    let check = |theirs: Option<u16>, ours: u16, expected: usize| {
        for qos in [Q1, Q2] {
            let mut bench = with_bridge(|it| it.limits.max_inflight_messages = ours);
            let most: Vec<_> = theirs.map(Property::ReceiveMaximum).into_iter().collect();
            let conn = ready(&mut bench, &most);
            publish_out(&mut bench, qos, 1..=30);
            assert_eq!(bench.payloads(conn).len(), expected, "{theirs:?}, {ours}, {qos}");
            for session_present in [true, false] {
                bench.cut(conn);
                let conn = link(&mut bench, session_present, &[Property::ReceiveMaximum(2)]);
                assert_eq!(bench.payloads(conn).len(), 2);
                bench.cut(conn);
            }
        }
    };
    check(None, 20, 20);
    check(Some(1), 20, 1);
    check(Some(5), 20, 5);
    check(Some(5), 0, 5);
    check(Some(100), 20, 20);
    check(None, 0, 30);
}

/// The far side's Maximum Packet Size: what is larger is dropped aloud, the next goes on.
#[test]
fn the_far_sides_maximum_packet_size() {
    for waits in [false, true] {
        let mut bench = with_bridge(|_| {});
        let limit = [Property::MaximumPacketSize(100)];
        let first = if waits { None } else { Some(ready(&mut bench, &limit)) };
        let a = bench.connect("a", true);
        bench.publish(a, publish("o/t", "1", Q2, 1));
        bench.publish(a, publish("o/t", &"large ".repeat(20), Q2, 1));
        bench.publish(a, publish("o/t", "3", Q2, 1));
        let conn = first.unwrap_or_else(|| link(&mut bench, false, &limit));
        assert_eq!(bench.payloads(conn), ["1", "3"], "waits {waits}");
        assert_eq!(bench.dropped(DropReason::TooLarge), 1);
        assert_eq!(bench.broker.status().refused, 1);
    }
}

/// Aliases: no more than the far side takes, and its own up to what CONNECT allowed.
#[test]
fn aliases() {
    for (theirs, expected) in [(None, 0), (Some(0), 0), (Some(1), 1), (Some(100), 2)] {
        let mut bench = with_bridge(|it| it.limits.max_topic_alias_broker = 2);
        let most: Vec<_> = theirs.map(Property::TopicAliasMaximum).into_iter().collect();
        let conn = ready(&mut bench, &most);
        let a = bench.connect("a", true);
        for number in 0..4 {
            bench.publish(a, publish(&format!("o/{number}"), "x", Q0, 0));
            bench.publish(a, publish(&format!("o/long/{number}"), "x", Q0, 0));
        }
        let sent = bench.sent(conn);
        let used = sent.iter().filter(
            |it| matches!(it, Packet::Publish(it) if it.properties.topic_alias().is_some()),
        );
        assert_eq!(used.count(), expected, "{theirs:?}");
    }
    let mut bench = with_bridge(|_| {});
    let conn = ready(&mut bench, &[]);
    let a = bench.connect("a", true);
    bench.subscribe(a, "i/#", Q0);
    let full = with(publish("i/t", "x", Q0, 0), &[Property::TopicAlias(10)]);
    bench.send(conn, full.clone());
    bench.send(conn, omitted(full));
    bench.expect(a, [publish("i/t", "x", Q0, 0), publish("i/t", "x", Q0, 0)]);
    bench.send(conn, with(publish("i/t", "x", Q0, 0), &[Property::TopicAlias(11)]));
    bench.expect_dismissed(conn, Reason::TopicAliasInvalid);
    bench.dial();
}

/// The keep-alive that the far broker sets takes the place of ours, for that connection.
#[test]
fn the_far_sides_keep_alive() {
    let pings = |bench: &mut Bench, conn: ConnId, after: u64| {
        bench.wait(secs(after - 1));
        assert_eq!(bench.sent(conn), [], "not before {after} s");
        bench.wait(secs(1));
        bench.expect(conn, [Packet::PingReq]);
        bench.send(conn, Packet::PingResp);
    };
    let mut bench = with_bridge(|it| it.bridges[0].keepalive_interval = secs(60));
    let conn = ready(&mut bench, &[Property::ServerKeepAlive(10)]);
    pings(&mut bench, conn, 10);
    pings(&mut bench, conn, 10);
    bench.wait(secs(20));
    bench.expect_closed(conn, "PINGREQ was not answered");
    let conn = link(&mut bench, true, &[]);
    bench.link_sent(conn);
    pings(&mut bench, conn, 60);
}

/// Properties and what is left of a message's time cross, both ways, through prefixes, retained or
/// not, and out of a queue that a restart went over.
#[test]
fn properties_cross() {
    let properties = [
        Property::UserProperty("k", "1"),
        Property::ResponseTopic("answers"),
        Property::CorrelationData(&[7]),
        Property::ContentType("text"),
        Property::UserProperty("k", "2"),
    ];
    for (local, remote) in [("", ""), ("here/", "there/")] {
        for waits in [false, true] {
            let mut bench = with_bridge(|it| {
                let rules = [
                    ("o/#", Direction::Out, Q2, local, remote),
                    ("i/#", Direction::In, Q2, local, remote),
                ];
                it.bridges[0].rules = bridge(&rules).rules;
            });
            let mut conn = ready(&mut bench, &[]);
            if waits {
                bench.cut(conn);
            }
            let a = bench.connect5("a", true, &[]);
            let out = retain(publish(&format!("{local}o/t"), "x", Q2, 1));
            bench.publish(a, with(with(out, &properties), &[expires(10)]));
            if waits {
                bench.off_for(secs(4));
                conn = link(&mut bench, true, &[]);
            }
            let sent = bench.link_sent(conn);
            let [Packet::Publish(it)] = sent.as_slice() else { panic!("{sent:?}") };
            assert_eq!((it.topic.as_str(), it.retain), (&*format!("{remote}o/t"), true));
            let left = [expires(if waits { 6 } else { 10 })];
            assert_eq!(it.properties, Properties::of(&properties).with(&left));
            let b = bench.connect5("b", true, &[]);
            bench.subscribe(b, "#", Q2);
            bench.sent(b);
            let into = publish(&format!("{remote}i/t"), "y", Q2, 9);
            bench.publish(conn, with(with(into, &[expires(5)]), &properties));
            let expected = publish(&format!("{local}i/t"), "y", Q2, 2);
            bench.expect(b, [with(with(expected, &properties), &[expires(5)])]);
        }
    }
}

/// A message that expires while the far side is away does not cross; what has no end does.
#[test]
fn what_expires_does_not_cross() {
    for off in [false, true] {
        let mut bench = with_bridge(|_| {});
        let conn = ready(&mut bench, &[]);
        bench.cut(conn);
        let a = bench.connect5("a", true, &[]);
        bench.publish(a, with(publish("o/t", "gone", Q2, 1), &[expires(10)]));
        bench.publish(a, publish("o/t", "stays", Q2, 1));
        if off {
            bench.off_for(secs(10));
        } else {
            bench.input(Input::Bridge { bridge: BRIDGE, order: BridgeOrder::Kill });
            bench.wait(secs(10));
            bench.dials.clear();
            bench.input(Input::Bridge { bridge: BRIDGE, order: BridgeOrder::Start });
        }
        let conn = link(&mut bench, true, &[]);
        assert_eq!(bench.payloads(conn), ["stays"]);
        assert_eq!(bench.dropped(DropReason::Expired), 1);
    }
}

/// "Quota exceeded": the far side cannot take it now. It goes back to the head of the queue, the
/// bridge hangs up, and says it again as a new packet when it is back [MQTT-4.4.0-2]; nothing is
/// counted as lost.
#[test]
fn quota_exceeded() {
    for (qos, answer) in [(Q1, puback(1)), (Q2, pubrec(1))] {
        for off in [false, true] {
            let mut bench = with_bridge(|it| it.limits.max_inflight_messages = 2);
            let conn = ready(&mut bench, &[]);
            // The SUBSCRIBE has used the first packet id.
            publish_out(&mut bench, qos, 1..=4);
            let sent = bench.sent(conn);
            assert_eq!(sent, [publish("o/t", "1", qos, 2), publish("o/t", "2", qos, 3)]);
            let mut refusal = because(answer.clone(), Reason::QuotaExceeded);
            if let Packet::PubAck(ack) | Packet::PubRec(ack) = &mut refusal {
                ack.id = id(2);
            }
            bench.send(conn, with(refusal, &[Property::ReasonString("the disk is full")]));
            bench.expect_closed(conn, "the disk is full");
            bench.expect(conn, []);
            assert_eq!(bench.broker.status().refused, 0);
            if off {
                bench.off_for(secs(1));
            }
            let conn = link(&mut bench, true, &[]);
            // What was in flight goes again, then the head of the queue.
            let first = again(publish("o/t", "2", qos, 3));
            bench.expect(conn, [first, publish("o/t", "1", qos, 4)]);
            let ends = |bench: &mut Bench, number: u16| {
                if qos == Q1 {
                    bench.send(conn, puback(number));
                } else {
                    bench.send(conn, pubrec(number));
                    bench.send(conn, pubcomp(number));
                }
            };
            ends(&mut bench, 4);
            ends(&mut bench, 3);
            assert_eq!(bench.payloads(conn), ["3", "4"]);
            assert_eq!(bench.broker.status().refused, 0);
            assert_eq!(bench.broker.status().bridges[0].sent, 2);
        }
    }
}

/// Several that were put back keep their order.
#[test]
fn quota_exceeded_for_several() {
    let mut bench = with_bridge(|it| it.limits.max_inflight_messages = 1);
    let mut conn = ready(&mut bench, &[]);
    publish_out(&mut bench, Q2, 1..=3);
    for number in 2..6 {
        bench.expect(conn, [publish("o/t", "1", Q2, number)]);
        bench.send(conn, because(pubrec(number), Reason::QuotaExceeded));
        conn = link(&mut bench, true, &[]);
    }
    let mut got = Vec::new();
    for number in 6..=8 {
        got.extend(bench.payloads(conn));
        bench.send(conn, pubrec(number));
        bench.send(conn, pubcomp(number));
    }
    assert_eq!(got, ["1", "2", "3"]);
}

/// Another error ends the exchange: told, counted, and the next goes on.
#[test]
fn another_error() {
    for (qos, answer) in [(Q1, puback(2)), (Q2, pubrec(2))] {
        let mut bench = with_bridge(|it| it.limits.max_inflight_messages = 1);
        let conn = ready(&mut bench, &[]);
        publish_out(&mut bench, qos, 1..=2);
        bench.sent(conn);
        bench.send(conn, because(answer, Reason::NotAuthorized));
        bench.expect(conn, [publish("o/t", "2", qos, 3)]);
        assert_eq!(bench.dropped(DropReason::Refused), 1);
        assert!(bench.is_open(conn));
    }
}

/// The far side hangs up: its reason is told, and the bridge dials again.
#[test]
fn the_far_side_says_goodbye() {
    let mut bench = with_bridge(|_| {});
    let conn = ready(&mut bench, &[]);
    let words = [Property::ReasonString("maintenance at noon")];
    bench.send(conn, with(because(goodbye(), Reason::ServerShuttingDown), &words));
    assert!(!bench.is_open(conn));
    let told = down(&bench);
    let last = told.last().expect("it is told");
    assert!(
        last.contains("server shutting down") && last.contains("maintenance at noon"),
        "{last}"
    );
    assert!(matches!(bench.broker.status().bridges[0].state, LinkState::Waiting { .. }));
    link(&mut bench, true, &[]);
}

/// The far side does not let it in: its reason is told.
#[test]
fn the_far_side_refuses() {
    for reason in [Reason::NotAuthorized, Reason::ServerBusy, Reason::UnsupportedProtocolVersion] {
        let mut bench = with_bridge(|_| {});
        let (conn, _) = bench.dial();
        let words = [Property::ReasonString("not you")];
        bench.send(conn, with(connack(false, reason), &words));
        bench.expect_closed(conn, "not you");
        let told = down(&bench);
        assert!(told.last().is_some_and(|it| it.contains(&reason.to_string())), "{told:?}");
        let (_, connect) = bench.dial();
        assert_eq!(connect.level, Level::V5);
    }
}

/// A far broker that sends more than our Receive Maximum is borne with: mosquitto 2.0 does when it
/// takes up a session, and would do so each time the bridge is back.
#[test]
fn more_than_our_receive_maximum() {
    let mut bench = with_bridge(|it| it.limits.max_inflight_messages = 2);
    let conn = ready(&mut bench, &[]);
    for number in 1..=50 {
        bench.send(conn, publish("i/t", "x", Q2, number));
        bench.expect(conn, [pubrec(number)]);
    }
    for number in 1..=50 {
        bench.send(conn, pubrel(number));
        bench.expect(conn, [pubcomp(number)]);
    }
}

/// While our store is stuck the far side is told "quota exceeded", and the link stays.
#[test]
fn while_our_store_is_stuck() {
    let mut bench = with_bridge(|_| {});
    let conn = ready(&mut bench, &[]);
    bench.store_fails();
    for (qos, number) in [(Q1, 1), (Q2, 2)] {
        bench.send(conn, publish("i/t", "x", qos, number));
        let sent = bench.sent(conn);
        let [Packet::PubAck(ack) | Packet::PubRec(ack)] = sent.as_slice() else {
            panic!("{sent:?}")
        };
        assert_eq!((ack.id, ack.reason), (id(number), Reason::QuotaExceeded));
    }
    assert!(bench.is_open(conn));
}

/// A session of the far side's that is gone is noticed as in 3.1.1.
#[test]
fn a_far_side_that_forgot() {
    let mut bench = with_bridge(|_| {});
    let conn = ready(&mut bench, &[]);
    publish_out(&mut bench, Q2, 1..=2);
    bench.sent(conn);
    bench.send(conn, pubrec(2));
    bench.sent(conn);
    bench.cut(conn);
    let conn = link(&mut bench, false, &[Property::ReceiveMaximum(1)]);
    let sent = bench.sent(conn);
    assert_eq!(sent[0], publish("o/t", "2", Q2, 3), "as new, and the other one is done with");
    assert!(bench.events.iter().any(|it| matches!(it, Event::RemoteForgot { .. })));
}

/// A bridge whose conf changes its version goes on with its session.
#[test]
fn another_version_from_now_on() {
    let mut bench = with_bridge(|it| it.bridges[0].level = Level::V311);
    let conn = bench.link(false);
    bench.link_sent(conn);
    publish_out(&mut bench, Q2, 1..=2);
    assert_eq!(bench.payloads(conn), ["1", "2"]);
    for level in [Level::V5, Level::V311] {
        bench.pull_plug(|it| it.bridges[0].level = level);
        let (conn, connect) = bench.dial();
        assert_eq!((connect.level, connect.bridge), (level, level == Level::V311));
        bench.send(conn, connack(true, Reason::Success));
        let repeat = |number: u16| again(publish("o/t", &(number - 1).to_string(), Q2, number));
        bench.expect(conn, [repeat(2), repeat(3)]);
    }
}

/// A clean stop says goodbye.
#[test]
fn stopped() {
    let mut bench = with_bridge(|_| {});
    let conn = ready(&mut bench, &[]);
    bench.input(Input::Bridge { bridge: BRIDGE, order: BridgeOrder::Stop });
    bench.expect(conn, [goodbye()]);
    assert!(!bench.is_open(conn));
}
