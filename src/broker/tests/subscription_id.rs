//! Subscription identifiers: for which subscriptions a message came. [MQTT 5.0, section 3.8.2.1.2]

use super::bench::*;
use super::bench5::*;

fn marked(number: u32) -> Property<'static> {
    Property::SubscriptionIdentifier(number)
}

/// A client with these subscriptions: filter, `QoS` and identifier, 0 for none.
fn subscribed(duplicates: bool, subscriptions: &[(&str, QoS, u32)]) -> (Bench, ConnId, ConnId) {
    let mut bench = Bench::with(|it| it.limits.allow_duplicate_messages = duplicates);
    let b = bench.connect5("b", true, &[lasts(NEVER)]);
    subscribe_all(&mut bench, b, subscriptions);
    let a = bench.connect5("a", true, &[]);
    (bench, a, b)
}

fn subscribe_all(bench: &mut Bench, b: ConnId, subscriptions: &[(&str, QoS, u32)]) {
    for (filter, qos, number) in subscriptions {
        let properties = [marked(*number)];
        bench.subscribe5(b, filter, *qos, if *number == 0 { &[] } else { &properties });
    }
}

/// The copies that came, each with its `QoS` and its identifiers, sorted.
fn copies(bench: &mut Bench, conn: ConnId) -> Vec<(QoS, Vec<u32>)> {
    let sent = bench.sent(conn);
    let copies = sent.iter().filter_map(|it| match it {
        Packet::Publish(it) => {
            let ids = it.properties.iter().filter_map(|it| match it {
                Property::SubscriptionIdentifier(number) => Some(number),
                _ => None,
            });
            let mut ids: Vec<_> = ids.collect();
            ids.sort_unstable();
            Some((it.qos, ids))
        }
        _ => None,
    });
    let mut copies: Vec<_> = copies.collect();
    copies.sort();
    copies
}

/// With one copy for each subscription each copy has its own [MQTT-3.3.4-3]; with one copy for all
/// of them that has all, and the highest QoS [MQTT-3.3.4-2, -4]. The same for what waited, over a
/// restart.
#[test]
fn one_or_several() {
    let check =
        |subscriptions: &[(&str, QoS, u32)], several: &[(QoS, &[u32])], one: (QoS, &[u32])| {
            for (duplicates, expected) in [(true, several), (false, &[one])] {
                for waits in [false, true] {
                    let (mut bench, a, mut b) = subscribed(duplicates, subscriptions);
                    if waits {
                        bench.cut(b);
                    }
                    bench.publish(a, publish("t", "x", Q2, 1));
                    if waits {
                        bench.off_for(secs(1));
                        b = bench.connect5("b", false, &[lasts(NEVER)]);
                    }
                    let expected: Vec<_> =
                        expected.iter().map(|(qos, ids)| (*qos, ids.to_vec())).collect();
                    let context = format!("{subscriptions:?}, {duplicates}, waits {waits}");
                    assert_eq!(copies(&mut bench, b), expected, "{context}");
                }
            }
        };
    check(&[("t", Q1, 0)], &[(Q1, &[])], (Q1, &[]));
    check(&[("t", Q1, 7)], &[(Q1, &[7])], (Q1, &[7]));
    check(&[("t", Q1, 268_435_455)], &[(Q1, &[268_435_455])], (Q1, &[268_435_455]));
    check(&[("t", Q1, 7), ("#", Q2, 8)], &[(Q1, &[7]), (Q2, &[8])], (Q2, &[7, 8]));
    check(&[("t", Q1, 7), ("#", Q2, 0)], &[(Q1, &[7]), (Q2, &[])], (Q2, &[7]));
    check(&[("t", Q1, 7), ("+", Q1, 7)], &[(Q1, &[7]), (Q1, &[7])], (Q1, &[7, 7]));
    // A filter that is subscribed to again has the newest only. [MQTT-3.8.4-3]
    check(&[("t", Q1, 7), ("t", Q1, 9)], &[(Q1, &[9])], (Q1, &[9]));
    check(&[("t", Q1, 7), ("t", Q1, 0)], &[(Q1, &[])], (Q1, &[]));
}

/// Subscriptions keep theirs over restarts.
#[test]
fn kept_over_restarts() {
    let (mut bench, _, b) = subscribed(false, &[("t", Q1, 7), ("#", Q2, 8)]);
    bench.cut(b);
    bench.off_for(secs(1));
    let b = bench.connect5("b", false, &[lasts(NEVER)]);
    let a = bench.connect5("a", true, &[]);
    bench.publish(a, publish("t", "x", Q2, 1));
    assert_eq!(copies(&mut bench, b), [(Q2, vec![7, 8])]);
    bench.publish(a, publish("u", "x", Q2, 1));
    assert_eq!(copies(&mut bench, b), [(Q2, vec![8])]);
}

/// Retained messages that answer a SUBSCRIBE have the identifier of that one.
#[test]
fn with_retained_messages() {
    for duplicates in [false, true] {
        let (mut bench, a, b) = subscribed(duplicates, &[("#", Q1, 7)]);
        bench.publish(a, retain(publish("t", "x", Q1, 1)));
        bench.sent(b);
        bench.subscribe5(b, "t", Q1, &[marked(8)]);
        assert_eq!(copies(&mut bench, b), [(Q1, vec![8])]);
    }
}

/// QoS 0 copies, and those of a shared subscription, have theirs too.
#[test]
fn other_copies() {
    let (mut bench, a, b) = subscribed(true, &[("$share/g/t", Q1, 7), ("u", Q0, 8)]);
    bench.publish(a, publish("t", "x", Q1, 1));
    assert_eq!(copies(&mut bench, b), [(Q1, vec![7])]);
    bench.publish(a, publish("u", "x", Q1, 1));
    assert_eq!(copies(&mut bench, b), [(Q0, vec![8])]);
}

/// What goes again on another connection is for the subscriptions it was for before.
#[test]
fn a_repeat() {
    let (mut bench, a, b) = subscribed(false, &[("t", Q1, 7)]);
    bench.publish(a, publish("t", "x", Q1, 1));
    assert_eq!(copies(&mut bench, b), [(Q1, vec![7])]);
    bench.send(b, unsubscribe(1, &["t"]));
    bench.cut(b);
    let b = bench.connect5("b", false, &[lasts(NEVER)]);
    assert_eq!(copies(&mut bench, b), [(Q1, vec![7])]);
}
