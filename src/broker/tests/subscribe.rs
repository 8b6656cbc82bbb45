//! SUBSCRIBE and UNSUBSCRIBE. [MQTT 3.1.1, sections 3.8 to 3.11]

use super::bench::*;

/// [MQTT-3.8.4-4, -5]: one SUBACK with one code for each filter, in order.
#[test]
fn one_answer_for_many_filters() {
    let mut bench = Bench::new();
    let a = bench.connect("a", true);
    bench.send(a, subscribe(7, &[("a", Q2), ("b/#", Q0), ("+", Q1)]));
    bench.expect(a, [suback(7, &[Some(Q2), Some(Q0), Some(Q1)])]);
}

/// [MQTT-3.8.4-3]: the same filter again replaces the subscription.
#[test]
fn a_filter_counts_once() {
    let mut bench = Bench::new();
    let a = bench.connect("a", true);
    bench.subscribe(a, "t", Q1);
    bench.subscribe(a, "t", Q0);
    bench.send(a, publish("t", "x", Q0, 0));
    bench.expect(a, [publish("t", "x", Q0, 0)]);
}

/// [MQTT-3.10.4-1 to -6]
#[test]
fn unsubscribe_takes_one_filter_back() {
    let mut bench = Bench::new();
    let a = bench.connect("a", false);
    bench.subscribe(a, "t/#", Q1);
    bench.subscribe(a, "t/x", Q1);
    bench.publish(a, publish("t/y", "before", Q1, 1));
    bench.send(a, unsubscribe(8, &["t/#", "none"]));
    bench.publish(a, publish("t/y", "after", Q1, 2));
    bench.publish(a, publish("t/x", "still", Q1, 3));
    bench.expect(
        a,
        [
            publish("t/y", "before", Q1, 1),
            unsuback(8, &[Reason::Success, Reason::NoSubscriptionExisted]),
            publish("t/x", "still", Q1, 2),
        ],
    );
    assert_eq!(bench.image.sessions[&ClientId::new("a")].subscriptions.len(), 1);
}

/// [MQTT-4.7.2-1]
#[test]
fn wildcards_leave_dollar_topics_out() {
    let mut bench = Bench::new();
    let a = bench.connect("a", true);
    for filter in ["#", "+/x"] {
        bench.subscribe(a, filter, Q0);
    }
    bench.send(a, publish("$SYS/x", "1", Q0, 0));
    bench.expect(a, []);
}

#[test]
fn subscriptions_have_a_limit() {
    let mut bench = Bench::with(|it| it.limits.max_subscriptions_per_client = 2);
    let a = bench.connect("a", true);
    bench.send(a, subscribe(1, &[("a", Q0), ("b", Q0), ("a", Q1), ("c", Q0)]));
    bench.expect(a, [suback(1, &[Some(Q0), Some(Q0), Some(Q1), None])]); // [MQTT-3.9.3-2]
    bench.send(a, publish("c", "x", Q0, 0));
    bench.expect(a, []);
}
