//! Packets that are too large for one of the sides. [MQTT 5.0, sections 3.1.2.11.4 and 3.2.2.3.6]

use super::bench::*;
use super::bench5::*;
use crate::broker::event::DropReason;

fn takes(bytes: usize) -> Property<'static> {
    Property::MaximumPacketSize(u32::try_from(bytes).expect("a small packet"))
}

/// The largest packet that a client takes is sent, a larger one is not, and what comes next is.
/// [MQTT-3.1.2-24, -25]
#[test]
fn to_the_byte() {
    let user = Property::UserProperty("k", "some value");
    for qos in [Q0, Q1, Q2] {
        for payload in ["", "some payload", &"long".repeat(50)] {
            for properties in [vec![], vec![user], vec![user, expires(100)]] {
                let packet = with(publish("topic", payload, qos, u16::from(qos > Q0)), &properties);
                let whole = size(&packet, Level::V5);
                for (limit, expected) in [(whole, 1), (whole - 1, 0)] {
                    let mut bench = Bench::new();
                    let b = bench.connect5("b", true, &[takes(limit)]);
                    bench.subscribe(b, "topic", Q2);
                    let a = bench.connect5("a", true, &[]);
                    bench.publish(a, packet.clone());
                    assert_eq!(bench.sent(b).len(), expected, "{packet:?} of {whole}");
                    assert_eq!(bench.dropped(DropReason::TooLarge), 1 - expected);
                    assert_eq!(bench.broker.status().refused, 1 - expected as u64);
                    if payload.is_empty() && properties.is_empty() {
                        continue; // There is no smaller one.
                    }
                    bench.publish(a, publish("topic", "", qos, u16::from(qos > Q0)));
                    assert_eq!(bench.sent(b).len(), 1, "the next one goes on");
                }
            }
        }
    }
}

/// The same for what waited until the client came with its limit, in flight or in the queue.
#[test]
fn what_waited() {
    for (online, off) in [(true, false), (true, true), (false, false), (false, true)] {
        let mut bench = Bench::new();
        let b = bench.connect5("b", true, &[lasts(NEVER)]);
        bench.subscribe(b, "t", Q2);
        if !online {
            bench.cut(b);
        }
        let a = bench.connect5("a", true, &[]);
        let large = "large ".repeat(20);
        for (number, payload) in [(1, "1"), (2, &*large), (3, "3")] {
            bench.publish(a, publish("t", payload, Q2, number));
        }
        if online {
            bench.cut(b);
        }
        if off {
            bench.off_for(secs(1));
        }
        let b = bench.connect5("b", false, &[lasts(NEVER), takes(50)]);
        assert_eq!(bench.payloads(b), ["1", "3"], "online {online}, off {off}");
        assert_eq!(bench.dropped(DropReason::TooLarge), 1);
        let kept: usize = bench.image.sessions.values().map(|it| it.deliveries.len()).sum();
        assert_eq!((kept, bench.image.messages.len()), (2, 2), "it is done with");
    }
}

/// Neither retained messages nor subscription identifiers make a packet grow past the limit.
#[test]
fn retained_and_identified() {
    let mut bench = Bench::new();
    let a = bench.connect5("a", true, &[]);
    bench.publish(a, retain(publish("t", "12345", Q1, 1)));
    let plain = size(&publish("t", "12345", Q1, 1), Level::V5);
    for (limit, number, expected) in
        [(plain + 2, 1, 1), (plain + 1, 1, 0), (plain + 3, 200, 1), (plain + 2, 200, 0)]
    {
        let b = bench.connect5("b", true, &[takes(limit)]);
        let identifier = Property::SubscriptionIdentifier(number);
        bench.subscribe5(b, "t", Q1, &[identifier]);
        assert_eq!(bench.sent(b).len(), expected, "{limit}, identifier {number}");
    }
}

/// An alias may save bytes; it is never the reason why a packet is too large.
#[test]
fn with_an_alias() {
    let plain = size(&publish("some/topic", "x", Q1, 1), Level::V5);
    for limit in plain - 3..plain + 6 {
        let mut bench = Bench::new();
        let b = bench.connect5("b", true, &[takes(limit), Property::TopicAliasMaximum(1)]);
        bench.subscribe(b, "#", Q1);
        let a = bench.connect5("a", true, &[]);
        for number in 1..=3 {
            bench.publish(a, publish("some/topic", "x", Q1, number));
        }
        let sent = bench.sent(b);
        let largest = sent.iter().map(|it| size(it, Level::V5)).max().unwrap_or(0);
        assert!(largest <= limit, "{largest} bytes for one who takes {limit}: {sent:?}");
        assert!(limit < plain || sent.len() == 3, "{limit}: {sent:?}");
    }
}

/// Words are left out for one who takes little: the codes must arrive. [MQTT-3.14.2-3]
#[test]
fn words_are_left_out() {
    for (limit, words) in [(20, false), (100_000, true)] {
        let mut bench = Bench::new();
        let a = bench.connect5("a", true, &[takes(limit)]);
        bench.store_fails();
        bench.send(a, publish("t", "x", Q1, 1));
        let sent = bench.sent(a);
        let [Packet::PubAck(ack)] = sent.as_slice() else { panic!("{sent:?}") };
        assert_eq!(ack.reason, Reason::QuotaExceeded);
        assert_eq!(ack.properties.reason_string().is_some(), words);
        assert!(size(&sent[0], Level::V5) <= limit);
    }
}
