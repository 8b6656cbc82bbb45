//! Numbers in place of topics, in either direction. [MQTT 5.0, section 3.3.2.3.4]

use super::bench::*;
use super::bench5::*;

fn alias(number: u16) -> Property<'static> {
    Property::TopicAlias(number)
}

/// PUBLISH of a client with an alias: an empty topic is one that is left out.
fn aliased(topic: &str, number: u16, payload: &str) -> Packet {
    let packet = publish(if topic.is_empty() { "left/out" } else { topic }, payload, Q0, 0);
    let packet = with(packet, &[alias(number)]);
    if topic.is_empty() { omitted(packet) } else { packet }
}

fn watched(change: impl FnOnce(&mut Settings)) -> (Bench, ConnId, ConnId) {
    let mut bench = Bench::with(change);
    let watcher = bench.connect("watcher", true);
    bench.subscribe(watcher, "#", Q2);
    let a = bench.connect5("a", true, &[lasts(NEVER)]);
    (bench, watcher, a)
}

/// What aliases of a client stand for: the last topic that came with them. [MQTT-3.3.2-12]
#[test]
fn of_the_client() {
    let (mut bench, watcher, a) = watched(|_| {});
    let check = |bench: &mut Bench, topic: &str, number: u16, arrives_as: &str| {
        bench.send(a, aliased(topic, number, "x"));
        bench.expect(watcher, [publish(arrives_as, "x", Q0, 0)]);
    };
    check(&mut bench, "t/one", 1, "t/one");
    check(&mut bench, "", 1, "t/one");
    check(&mut bench, "t/ten", 10, "t/ten");
    check(&mut bench, "", 1, "t/one");
    check(&mut bench, "t/two", 1, "t/two");
    check(&mut bench, "", 1, "t/two");
    check(&mut bench, "", 10, "t/ten");
    // Two numbers may stand for one topic.
    check(&mut bench, "t/two", 2, "t/two");
    check(&mut bench, "", 2, "t/two");
    check(&mut bench, "", 1, "t/two");
}

/// QoS 2 with an alias: the repeat is known as one by the topic the alias stands for.
#[test]
fn a_repeat_under_an_alias() {
    let (mut bench, watcher, a) = watched(|_| {});
    let full = with(publish("t/one", "x", Q2, 1), &[alias(1)]);
    bench.send(a, full.clone());
    bench.send(a, again(omitted(full)));
    bench.expect(a, [pubrec(1), pubrec(1)]);
    assert_eq!(bench.payloads(watcher), ["x"]);
}

/// Aliases that stand for nothing. [MQTT-3.3.2-8, -9]
#[test]
fn that_stand_for_nothing() {
    let check = |most: u16, packets: &[Packet], reason: Reason| {
        let (mut bench, watcher, a) = watched(|it| it.limits.max_topic_alias = most);
        for packet in packets {
            bench.send(a, packet.clone());
        }
        bench.expect_dismissed(a, reason);
        assert_eq!(bench.payloads(watcher).len(), packets.len() - 1);
    };
    check(10, &[aliased("", 1, "x")], Reason::ProtocolError);
    check(10, &[aliased("t", 1, "x"), aliased("", 2, "x")], Reason::ProtocolError);
    check(10, &[aliased("t", 10, "x"), aliased("t", 11, "x")], Reason::TopicAliasInvalid);
    check(10, &[aliased("t", u16::MAX, "x")], Reason::TopicAliasInvalid);
    check(10, &[aliased("t", 0, "x")], Reason::TopicAliasInvalid);
    check(0, &[aliased("t", 1, "x")], Reason::TopicAliasInvalid);
}

/// They end with the connection, the session or not. [MQTT-3.3.2-7]
#[test]
fn not_kept_over_connections() {
    for takeover in [false, true] {
        let (mut bench, _, a) = watched(|_| {});
        bench.send(a, aliased("t", 1, "x"));
        if !takeover {
            bench.cut(a);
        }
        let a = bench.connect5("a", false, &[lasts(NEVER)]);
        bench.send(a, aliased("", 1, "x"));
        bench.expect_dismissed(a, Reason::ProtocolError);
    }
}

/// Each connection has its own.
#[test]
fn not_shared_by_connections() {
    let (mut bench, watcher, a) = watched(|_| {});
    let b = bench.connect5("b", true, &[]);
    bench.send(a, aliased("t/a", 1, "x"));
    bench.send(b, aliased("t/b", 1, "x"));
    bench.sent(watcher);
    bench.send(a, aliased("", 1, "x"));
    bench.send(b, aliased("", 1, "x"));
    bench.expect(watcher, [publish("t/a", "x", Q0, 0), publish("t/b", "x", Q0, 0)]);
}

/// Ours: as many as the client takes and we want, and never more. [MQTT-3.1.2-26, -27]
#[test]
fn of_the_broker() {
    let check = |theirs: Option<u16>, ours: u16, expected: usize| {
        let mut bench = Bench::with(|it| it.limits.max_topic_alias_broker = ours);
        let properties: Vec<_> = theirs.map(Property::TopicAliasMaximum).into_iter().collect();
        let b = bench.connect5("b", true, &properties);
        bench.subscribe(b, "#", Q0);
        let a = bench.connect("a", true);
        let topics: Vec<_> = (0..20).map(|it| format!("topic/{it}")).collect();
        // What a client makes of it, as the standard tells it to.
        let mut known = std::collections::BTreeMap::new();
        for round in 0..2 {
            for topic in &topics {
                bench.publish(a, publish(topic, "x", Q0, 0));
                let sent = bench.sent(b);
                let [Packet::Publish(it)] = sent.as_slice() else { panic!("{sent:?}") };
                let number = it.properties.topic_alias();
                if let Some(number) = number
                    && !it.topic.is_omitted()
                {
                    known.insert(number, it.topic.clone());
                }
                let meant = if it.topic.is_omitted() {
                    known.get(&number.expect("an alias")).expect("one that is known")
                } else {
                    &it.topic
                };
                assert_eq!(meant.as_str(), topic);
                assert!(number.is_none_or(|it| (1..=theirs.unwrap_or(0)).contains(&it)));
                assert!(round == 1 || !it.topic.is_omitted());
            }
        }
        assert_eq!(known.len(), expected, "{theirs:?}, {ours}");
    };
    check(None, 10, 0);
    check(Some(0), 10, 0);
    check(Some(3), 10, 3);
    check(Some(3), 2, 2);
    check(Some(u16::MAX), 10, 10);
    check(Some(100), 100, 20);
    check(Some(3), 0, 0);
}

/// A new connection knows none of the old one's, nor does what goes again on it.
#[test]
fn ours_are_not_kept_either() {
    let mut bench = Bench::new();
    let properties = [lasts(NEVER), Property::TopicAliasMaximum(1)];
    let b = bench.connect5("b", true, &properties);
    bench.subscribe(b, "#", Q1);
    let a = bench.connect("a", true);
    bench.publish(a, publish("topic", "1", Q1, 1));
    bench.publish(a, publish("topic", "2", Q1, 2));
    let first = |packet| with(packet, &[alias(1)]);
    let second = |packet| omitted(with(packet, &[alias(1)]));
    let (one, two) = (publish("topic", "1", Q1, 1), publish("topic", "2", Q1, 2));
    bench.expect(b, [first(one.clone()), second(two.clone())]);
    bench.cut(b);
    let b = bench.connect5("b", false, &properties);
    bench.expect(b, [first(again(one.clone())), second(again(two.clone()))]);
    bench.cut(b);
    let b = bench.connect5("b", false, &[lasts(NEVER)]);
    bench.expect(b, [again(one), again(two)]);
}

/// What waits for a commit keeps its order, and so does what its aliases stand for.
#[test]
fn ours_while_commits_wait() {
    let mut bench = Bench::new();
    let b = bench.connect5("b", true, &[lasts(NEVER), Property::TopicAliasMaximum(1)]);
    bench.subscribe(b, "#", Q1);
    let a = bench.connect("a", true);
    bench.hold_commits();
    bench.send(a, publish("topic", "1", Q1, 1));
    bench.send(a, publish("topic", "2", Q0, 0));
    bench.expect(b, []);
    bench.commit();
    let full = with(publish("topic", "1", Q1, 1), &[alias(1)]);
    bench.expect(b, [full, omitted(with(publish("topic", "2", Q0, 0), &[alias(1)]))]);
}
