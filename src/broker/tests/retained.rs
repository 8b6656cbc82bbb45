//! Retained messages. [MQTT 3.1.1, section 3.3.1.3]

use super::bench::*;

/// What a new subscriber to `#` gets after these were published.
fn kept(published: &[Packet]) -> Vec<Packet> {
    let mut bench = Bench::new();
    let a = bench.connect("a", true);
    for packet in published {
        bench.publish(a, packet.clone());
    }
    let image: Vec<_> = bench.image.retained.keys().map(ToString::to_string).collect();
    bench.pull_plug(|_| {});
    let b = bench.connect("b", true);
    bench.subscribe(b, "#", Q0);
    let sent = bench.sent(b);
    assert_eq!(sent.len(), image.len());
    sent
}

#[test]
fn set_replaced_and_cleared() {
    let x = || retain(publish("t", "x", Q2, 1));
    assert_eq!(kept(&[x()]), [retain(publish("t", "x", Q0, 0))]); // [MQTT-3.3.1-5, -8]
    assert_eq!(kept(&[x(), retain(publish("t", "y", Q0, 0))]), [retain(publish("t", "y", Q0, 0))]);
    assert_eq!(kept(&[x(), retain(publish("t", "", Q0, 0))]), []); // [MQTT-3.3.1-10, -11]
    // [MQTT-3.3.1-12]: without the flag nothing is kept, replaced or cleared.
    assert_eq!(kept(&[x(), publish("t", "", Q2, 1)]), [retain(publish("t", "x", Q0, 0))]);
    assert_eq!(kept(&[x(), publish("t", "y", Q2, 1)]), [retain(publish("t", "x", Q0, 0))]);
    assert_eq!(kept(&[publish("t", "y", Q2, 1)]), []);
    assert_eq!(kept(&[retain(publish("t", "", Q2, 1))]), []);
}

#[test]
fn nothing_is_left_on_the_disk_when_cleared() {
    let mut bench = Bench::new();
    let a = bench.connect("a", true);
    for payload in ["x", "y", ""] {
        bench.publish(a, retain(publish("t", payload, Q1, 1)));
    }
    assert!(bench.image.messages.is_empty() && bench.image.retained.is_empty());
    assert_eq!(bench.broker.status().retained, 0);
}

/// [MQTT-3.3.1-9]: live forwards carry retain 0, the empty payload as well.
#[test]
fn live_forwards_have_no_flag() {
    let mut bench = Bench::new();
    let (a, b) = (bench.connect("a", true), bench.connect("b", true));
    bench.subscribe(b, "t", Q0);
    bench.publish(a, retain(publish("t", "x", Q0, 0)));
    bench.publish(a, retain(publish("t", "", Q0, 0)));
    bench.expect(b, [publish("t", "x", Q0, 0), publish("t", "", Q0, 0)]);
}

/// [MQTT-3.3.1-6, MQTT-3.8.4-3]: at every SUBSCRIBE, on a resumed session too.
#[test]
fn sent_at_every_subscribe() {
    let mut bench = Bench::new();
    let (a, b) = (bench.connect("a", true), bench.connect("b", false));
    bench.publish(a, retain(publish("t", "x", Q1, 1)));
    for number in 1..=2 {
        bench.subscribe(b, "t", Q1);
        bench.expect(b, [retain(publish("t", "x", Q1, number))]);
        bench.send(b, puback(number));
    }
    bench.cut(b);
    let b = bench.ask(connect("b", false));
    bench.expect(b, [connack(true, Reason::Success)]);
    bench.subscribe(b, "t", Q2);
    bench.expect(b, [retain(publish("t", "x", Q1, 3))]);
}

/// What brokers say of themselves is said anew at each start, and counts as nobody's state.
#[test]
fn sys_is_not_durable() {
    let mut bench = Bench::new();
    let a = bench.connect("a", true);
    let state = "$SYS/broker/connection/far/state";
    bench.publish(a, retain(publish(state, "1", Q1, 1)));
    bench.subscribe(a, "$SYS/#", Q0);
    bench.expect(a, [retain(publish(state, "1", Q0, 0))]);
    assert_eq!(bench.broker.status().retained, 0);
    assert!(bench.image.retained.is_empty() && bench.image.messages.is_empty());
}

#[test]
fn retain_may_be_unavailable() {
    let mut bench = Bench::with(|it| it.limits.retain_available = false);
    let a = bench.connect("a", true);
    bench.send(a, retain(publish("t", "x", Q1, 1)));
    bench.expect_closed(a, "not available");
}

/// The bridge bit asks for no echo; a retained message that one published itself would be one,
/// and an old one that overwrites what the bridge has to tell since.
#[test]
fn a_far_bridge_gets_nothing_back() {
    let mut bench = Bench::new();
    let far = bench.ask(Connect { bridge: true, ..connect("far", false) });
    let a = bench.connect("a", true);
    bench.publish(far, retain(publish("t/far", "1", Q1, 1)));
    bench.publish(a, retain(publish("t/a", "2", Q1, 1)));
    bench.sent(far);
    for number in 1..=2 {
        bench.subscribe(far, "t/#", Q1);
        bench.expect(far, [retain(publish("t/a", "2", Q1, number))]);
    }
    bench.subscribe(a, "t/far", Q0);
    bench.expect(a, [retain(publish("t/far", "1", Q0, 0))]);
    // And live: no echo, the flag as it was published.
    bench.publish(far, retain(publish("t/far", "3", Q1, 9)));
    bench.publish(a, retain(publish("t/a", "4", Q1, 9)));
    bench.expect(far, [retain(publish("t/a", "4", Q1, 3))]);
}
