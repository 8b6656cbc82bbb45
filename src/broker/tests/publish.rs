//! PUBLISH: whom it reaches, and how. [MQTT 3.1.1, section 3.3]

use super::bench::*;
use crate::broker::event::DropReason;

/// [MQTT-3.8.4-6]: the lower of what was published and what was subscribed to.
#[test]
fn qos_of_a_delivery() {
    for published in [Q0, Q1, Q2] {
        for subscribed in [Q0, Q1, Q2] {
            let mut bench = Bench::new();
            let (a, b) = (bench.connect("a", true), bench.connect("b", true));
            bench.subscribe(b, "t/+", subscribed);
            bench.publish(a, publish("t/x", "1", published, u16::from(published > Q0)));
            let qos = published.min(subscribed);
            bench.expect(b, [publish("t/x", "1", qos, u16::from(qos > Q0))]);
        }
    }
}

#[test]
fn outgoing_qos_may_be_upgraded() {
    let mut bench = Bench::with(|it| it.limits.upgrade_outgoing_qos = true);
    let (a, b) = (bench.connect("a", true), bench.connect("b", true));
    bench.subscribe(b, "t", Q2);
    bench.publish(a, publish("t", "1", Q0, 0));
    bench.expect(b, [publish("t", "1", Q2, 1)]);
}

/// A rule's QoS caps, it never promotes, whatever clients get.
#[test]
fn a_bridge_never_upgrades() {
    let mut bench = Bench::with(|it| {
        it.limits.upgrade_outgoing_qos = true;
        it.bridges = vec![bridge(&[("#", Direction::Out, Q2, "", "")])];
    });
    let link = bench.link(false);
    bench.link_sent(link);
    let a = bench.connect("a", true);
    bench.publish(a, publish("t", "1", Q0, 0));
    assert_eq!(bench.link_sent(link), [publish("t", "1", Q0, 0)]);
}

/// [MQTT-3.3.5-1]: a copy for each subscription, or one with the highest QoS.
#[test]
fn overlapping_subscriptions() {
    let check = |allow: bool, expected: &[Packet]| {
        let mut bench = Bench::with(|it| it.limits.allow_duplicate_messages = allow);
        let (a, b) = (bench.connect("a", true), bench.connect("b", true));
        bench.subscribe(b, "t/#", Q1);
        bench.subscribe(b, "t/x", Q2);
        bench.publish(a, publish("t/x", "1", Q2, 1));
        let mut sent = bench.sent(b);
        sent.sort_by_key(|it| matches!(it, Packet::Publish(it) if it.qos == Q2));
        let qos: Vec<_> = sent.iter().filter_map(qos_of).collect();
        let wanted: Vec<_> = expected.iter().filter_map(qos_of).collect();
        assert_eq!(qos, wanted);
    };
    check(true, &[publish("t/x", "1", Q1, 1), publish("t/x", "1", Q2, 2)]);
    check(false, &[publish("t/x", "1", Q2, 1)]);
}

fn qos_of(packet: &Packet) -> Option<QoS> {
    if let Packet::Publish(publish) = packet { Some(publish.qos) } else { None }
}

/// [MQTT-4.6.0-5, -6]
#[test]
fn order_is_kept_for_each_topic() {
    let mut bench = Bench::with(|it| it.limits.max_inflight_messages = 1);
    let (a, b) = (bench.connect("a", true), bench.connect("b", true));
    bench.subscribe(b, "#", Q1);
    for number in 1..=4 {
        bench.publish(a, publish("t", &number.to_string(), Q1, number));
    }
    for number in 1..=4 {
        bench.expect(b, [publish("t", &number.to_string(), Q1, number)]);
        bench.send(b, puback(number));
    }
}

#[test]
fn a_message_comes_back_to_who_sent_it() {
    let mut bench = Bench::new();
    let a = bench.connect("a", true);
    bench.subscribe(a, "t", Q0);
    bench.send(a, publish("t", "1", Q0, 0));
    bench.expect(a, [publish("t", "1", Q0, 0)]);
}

/// [MQTT 3.1.1, section 4.7.2]: acknowledged, as mosquitto does, and passed on to nobody.
#[test]
fn clients_do_not_speak_for_the_broker() {
    let mut bench = Bench::new();
    let (a, b) = (bench.connect("a", true), bench.connect("b", true));
    bench.subscribe(b, "$SYS/#", Q0);
    for topic in ["$SYS", "$SYS/broker/uptime", "$SYS/broker/connection/x/y/state"] {
        bench.send(a, publish(topic, "1", Q1, 1));
        bench.expect(a, [puback(1)]);
        bench.expect(b, []);
    }
    let told = |it: &Event| matches!(it, Event::Dropped { reason: DropReason::BrokersOwn, .. });
    assert_eq!(bench.events.iter().filter(|it| told(it)).count(), 3);
    let topic = Topic::parse("$SYS/broker/version").expect("a topic");
    let will = Some(Message::new(topic, "mine", Q0, true).into());
    let c = bench.ask(Connect { will, ..connect("c", true) });
    bench.cut(c);
    bench.expect(b, []);
}
