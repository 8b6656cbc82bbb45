//! No Local, Retain As Published and Retain Handling. [MQTT 5.0, section 3.8.3.1]

use super::bench::*;
use super::bench5::*;

fn options(no_local: bool, retain_as_published: bool) -> SubscribeOptions {
    SubscribeOptions { no_local, retain_as_published, ..Q1.into() }
}

/// What a client published itself does not come back, what others did does. [MQTT-3.8.3-3]
#[test]
fn no_local() {
    for no_local in [false, true] {
        for off in [false, true] {
            let mut bench = Bench::new();
            let mut b = bench.connect5("b", true, &[lasts(NEVER)]);
            bench.subscribe5(b, "t", options(no_local, false), &[]);
            if off {
                bench.off_for(secs(1));
                b = bench.connect5("b", false, &[lasts(NEVER)]);
            }
            let a = bench.connect5("a", true, &[]);
            bench.publish(b, publish("t", "own", Q1, 1));
            bench.publish(a, publish("t", "other", Q1, 1));
            let expected: &[_] = if no_local { &["other"] } else { &["own", "other"] };
            assert_eq!(bench.payloads(b), expected, "off {off}");
        }
    }
}

/// Nor the retained message it published, when it subscribes.
#[test]
fn no_local_and_retained_messages() {
    let mut bench = Bench::new();
    let b = bench.connect5("b", true, &[]);
    let a = bench.connect5("a", true, &[]);
    bench.publish(b, retain(publish("t/own", "own", Q1, 1)));
    bench.publish(a, retain(publish("t/other", "other", Q1, 1)));
    bench.sent(b);
    bench.subscribe5(b, "t/+", options(true, false), &[]);
    assert_eq!(bench.payloads(b), ["other"]);
}

/// It is an option of one subscription: another one of the same client still gets the message.
#[test]
fn no_local_beside_another_subscription() {
    for duplicates in [false, true] {
        for no_local_qos in [Q0, Q1, Q2] {
            let mut bench = Bench::with(|it| it.limits.allow_duplicate_messages = duplicates);
            let b = bench.connect5("b", true, &[]);
            let deaf = SubscribeOptions { no_local: true, ..no_local_qos.into() };
            bench.subscribe5(b, "#", deaf, &[Property::SubscriptionIdentifier(1)]);
            bench.subscribe5(b, "t", Q1, &[Property::SubscriptionIdentifier(2)]);
            bench.publish(b, publish("t", "own", Q2, 1));
            let own = with(publish("t", "own", Q1, 1), &[Property::SubscriptionIdentifier(2)]);
            let mut sent = bench.sent(b);
            sent.retain(|it| matches!(it, Packet::Publish(_)));
            assert_eq!(sent, [own], "duplicates {duplicates}, {no_local_qos}");
        }
    }
}

/// [MQTT-3.3.1-12, -13]: the flag as it was published, or none; what answers a SUBSCRIBE has it.
/// [MQTT-3.3.1-8]
#[test]
fn retain_as_published() {
    for as_published in [false, true] {
        for off in [false, true] {
            let mut bench = Bench::new();
            let mut b = bench.connect5("b", true, &[lasts(NEVER)]);
            bench.subscribe5(b, "t", options(false, as_published), &[]);
            if off {
                bench.off_for(secs(1));
                b = bench.connect5("b", false, &[lasts(NEVER)]);
            }
            let a = bench.connect5("a", true, &[]);
            bench.publish(a, retain(publish("t", "kept", Q1, 1)));
            bench.publish(a, publish("t", "not", Q1, 1));
            let kept = publish("t", "kept", Q1, 1);
            let kept = if as_published { retain(kept) } else { kept };
            bench.expect(b, [kept, publish("t", "not", Q1, 2)]);
            bench.subscribe5(b, "t", options(false, as_published), &[]);
            bench.expect(b, [retain(publish("t", "kept", Q1, 3))]);
        }
    }
}

/// Whether retained messages are sent at the first SUBSCRIBE, and at another one.
/// [MQTT-3.3.1-9 to -11]
#[test]
fn retain_handling() {
    let cases = [
        (RetainHandling::Send, [1, 1]),
        (RetainHandling::SendIfNew, [1, 0]),
        (RetainHandling::DoNotSend, [0, 0]),
    ];
    for (retain_handling, expected) in cases {
        for off in [false, true] {
            let mut bench = Bench::new();
            let a = bench.connect5("a", true, &[]);
            bench.publish(a, retain(publish("t", "x", Q0, 0)));
            let mut b = bench.connect5("b", true, &[lasts(NEVER)]);
            let options = SubscribeOptions { retain_handling, ..Q0.into() };
            for (round, expected) in expected.into_iter().enumerate() {
                if round == 1 && off {
                    bench.off_for(secs(1));
                    b = bench.connect5("b", false, &[lasts(NEVER)]);
                }
                bench.subscribe5(b, "t", options, &[]);
                let got = bench.payloads(b).len();
                assert_eq!(got, expected, "{retain_handling:?}, round {round}, off {off}");
            }
            // After UNSUBSCRIBE it is new again.
            bench.send(b, unsubscribe(1, &["t"]));
            bench.sent(b);
            bench.subscribe5(b, "t", options, &[]);
            assert_eq!(bench.payloads(b).len(), expected[0], "{retain_handling:?}, off {off}");
        }
    }
}

/// Each filter of a SUBSCRIBE has its own options.
#[test]
fn of_each_filter() {
    let mut bench = Bench::new();
    let a = bench.connect5("a", true, &[]);
    let b = bench.connect5("b", true, &[]);
    bench.publish(a, retain(publish("t", "x", Q1, 1)));
    bench.publish(a, retain(publish("u", "x", Q1, 1)));
    let never = SubscribeOptions {
        retain_handling: RetainHandling::DoNotSend,
        retain_as_published: true,
        ..Q0.into()
    };
    bench.send(b, subscribe5(1, &[("t", never), ("u", Q1.into())], &[]));
    bench.expect(b, [suback(1, &[Some(Q0), Some(Q1)]), retain(publish("u", "x", Q1, 1))]);
    bench.publish(a, retain(publish("t", "y", Q1, 1)));
    bench.publish(a, retain(publish("u", "y", Q1, 1)));
    bench.expect(b, [retain(publish("t", "y", Q0, 0)), publish("u", "y", Q1, 2)]);
}
