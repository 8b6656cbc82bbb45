//! Exactly once and in order, whatever packet a wire breaks at and whatever packet a broker loses
//! its power at: every such point of a run, one by one, in simulated time.

use std::time::Duration;

use twinboard::broker::{Address, BridgeSettings, Settings};
use twinboard::lab::world::sim::client::Client;
use twinboard::lab::world::sim::{Fault, NodeNumber, Sim};
use twinboard::mqtt::{Direction, Message, QoS, Rule, Topic};

const MESSAGES: usize = 4;

fn message(topic: &str, number: usize, qos: QoS) -> Message {
    let topic = Topic::parse(topic).expect("a topic");
    Message::new(topic, format!("{number}"), qos, number % 2 == 0)
}

fn bridge(rules: &[(&str, Direction)]) -> BridgeSettings {
    let mut bridge = BridgeSettings::new("bridge_to_broker1", "host");
    bridge.addresses = vec![Address { host: "localhost".to_owned(), port: 1883 }];
    bridge.restart.base = Duration::from_millis(30);
    bridge.restart.cap = Duration::from_millis(60);
    let make = |(pattern, direction): &(&str, Direction)| {
        Rule::new(pattern, *direction, QoS::ExactlyOnce, "", "").expect("a rule")
    };
    bridge.rules = rules.iter().map(make).collect();
    bridge
}

struct Trial {
    name: &'static str,
    /// Whether publisher and subscriber are on different brokers, with the bridge between them.
    publisher: NodeNumber,
    subscriber: NodeNumber,
    direction: Direction,
}

const TRIALS: [Trial; 4] = [
    Trial { name: "one broker", publisher: ONE, subscriber: ONE, direction: Direction::In },
    Trial { name: "bridge in", publisher: ONE, subscriber: TWO, direction: Direction::In },
    Trial { name: "bridge out", publisher: TWO, subscriber: ONE, direction: Direction::Out },
    Trial { name: "bridge both", publisher: TWO, subscriber: ONE, direction: Direction::Both },
];
const ONE: NodeNumber = NodeNumber(0);
const TWO: NodeNumber = NodeNumber(1);

/// Runs a trial with one fault; gives back how many packets crossed.
fn run(trial: &Trial, qos: QoS, fault: Option<(u64, Fault)>) -> u64 {
    let mut sim = Sim::new();
    let persistence = true;
    let one = sim.add_broker(1883, Settings { persistence, ..Settings::default() });
    let bridges = vec![bridge(&[("t/#", trial.direction)])];
    let two = sim.add_broker(1884, Settings { persistence, bridges, ..Settings::default() });
    assert_eq!((one, two), (ONE, TWO));
    if let Some((at, fault)) = fault {
        sim.fault_at(at, fault);
    }
    let subscriber = Client::new(trial.subscriber, "subscriber", false).subscribing("t/+", qos);
    let subscriber = sim.add_client(subscriber);
    sim.run_for(Duration::from_millis(300));
    let publisher = sim.add_client(Client::new(trial.publisher, "publisher", false));
    for number in 0..MESSAGES {
        sim.client(publisher).publish(message("t/x", number, qos));
        sim.poke(publisher);
        sim.run_for(Duration::from_millis(if number == 1 { 30 } else { 0 }));
    }
    sim.run_for(Duration::from_secs(3));
    let context = format!("{}, {qos}, {fault:?}", trial.name);
    assert!(sim.client(publisher).is_done(), "{context}: the publisher still waits");
    let payloads = sim.client(subscriber).payloads("t/x");
    let expected: Vec<_> = (0..MESSAGES).map(|number| number.to_string()).collect();
    let got: Vec<_> = payloads.iter().map(|it| String::from_utf8_lossy(it).into_owned()).collect();
    if qos == QoS::ExactlyOnce {
        assert_eq!(got, expected, "{context}");
    } else {
        // At least once: repeats may come, but the first copies are all there and in order.
        let mut first = got.clone();
        let mut seen = std::collections::BTreeSet::new();
        first.retain(|it| seen.insert(it.clone()));
        assert_eq!(first, expected, "{context}: {got:?}");
    }
    for node in [ONE, TWO] {
        let image = sim.disk(node).image();
        let waiting: usize = image.sessions.values().map(|it| it.deliveries.len()).sum();
        assert_eq!(waiting, 0, "{context}: something still waits on the disk");
        let received: usize = image.sessions.values().map(|it| it.received.len()).sum();
        assert_eq!(received, 0, "{context}: a handshake is still open on the disk");
        let referred: std::collections::BTreeSet<_> =
            image.retained.values().map(|it| it.id).collect();
        assert_eq!(image.messages.len(), referred.len(), "{context}: a body nobody refers to");
    }
    sim.crossed()
}

#[test]
fn every_packet_of_every_handshake() {
    for trial in &TRIALS {
        for qos in [QoS::ExactlyOnce, QoS::AtLeastOnce] {
            let packets = run(trial, qos, None);
            assert!(packets > 15, "{}: only {packets} packets", trial.name);
            for at in 1..=packets {
                let off = [Fault::PowerOff(ONE), Fault::PowerOff(TWO)];
                for fault in [Fault::CutBefore, Fault::CutAfter].into_iter().chain(off) {
                    run(trial, qos, Some((at, fault)));
                }
            }
        }
    }
}
