//! Exactly once and in order, whatever packet a wire breaks at and whatever packet a broker loses
//! its power at: every such point of a run, one by one, in simulated time.

use std::collections::BTreeSet;
use std::time::Duration;

use twinboard::lab::world::sim::client::Client;
use twinboard::lab::world::sim::{Fault, NodeNumber, Sim};
use twinboard::mqtt::packet::Level;
use twinboard::mqtt::{Direction, Properties, Property, QoS};

use crate::world::{ONE, TWO, World, bridge, judged_as_kept, message, numbers};

const MESSAGES: usize = 4;

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

/// The versions of MQTT that are spoken, and how many messages the subscribers take at once.
#[derive(Debug, Clone, Copy)]
struct Tongue {
    publisher: Level,
    subscriber: Level,
    bridge: Level,
    takes: Option<u16>,
}

impl Tongue {
    const fn all(level: Level) -> Self {
        Self { publisher: level, subscriber: level, bridge: level, takes: None }
    }

    /// Whether all that a message has reaches the subscriber.
    fn carries_properties(self) -> bool {
        [self.publisher, self.subscriber, self.bridge] == [Level::V5; 3]
    }
}

const OLD: Tongue = Tongue::all(Level::V311);
const NEW: Tongue = Tongue::all(Level::V5);
const ONE_AT_A_TIME: Tongue = Tongue { takes: Some(1), ..NEW };
const NEW_BRIDGE: Tongue = Tongue { bridge: Level::V5, ..OLD };
const OLD_BRIDGE: Tongue = Tongue { bridge: Level::V311, ..NEW };
const MARK: [Property; 1] = [Property::UserProperty("of", "the publisher")];

/// Runs a trial with some faults; gives back how many packets crossed.
fn run(trial: &Trial, tongue: Tongue, qos: QoS, window: u16, faults: &[(u64, Fault)]) -> u64 {
    let mut bridge = bridge(&[("t/#", trial.direction, "", "")]);
    bridge.level = tongue.bridge;
    let mut world = World::new(vec![bridge]);
    world.limits.max_inflight_messages = window;
    // The ledger has to infer what happened in every second run of one fault.
    world.trace = faults.iter().map(|(at, _)| at).sum::<u64>() % 2 == 0;
    let mut sim = world.start();
    for (at, fault) in faults {
        sim.fault_at(*at, *fault);
    }
    let watch = |node, name| {
        let client = Client::new(node, name, false).subscribing("t/+", qos);
        let client = client.speaking(tongue.subscriber);
        tongue.takes.map_or(client.clone(), |count| client.taking(count))
    };
    let subscriber = sim.add_client(watch(trial.subscriber, "subscriber"));
    // One beside the publisher would get an echo.
    let beside = sim.add_client(watch(trial.publisher, "beside"));
    sim.run_for(Duration::from_millis(300));
    let publisher = Client::new(trial.publisher, "publisher", false).speaking(tongue.publisher);
    let publisher = sim.add_client(publisher);
    for number in 0..MESSAGES {
        let mut message = message("t/x", &number.to_string(), qos, number % 2 == 0);
        message.properties = Properties::of(&MARK);
        sim.client(publisher).publish(message);
        sim.poke(publisher);
        sim.run_for(Duration::from_millis(if number == 1 { 30 } else { 0 }));
    }
    sim.run_for(Duration::from_secs(3));
    let context = format!("{}, {tongue:?}, {qos}, window {window}, {faults:?}", trial.name);
    assert!(sim.client(publisher).is_done(), "{context}: the publisher still waits");
    for client in [subscriber, beside] {
        let mut got = numbers(&sim.client(client).payloads("t/x"));
        if qos != QoS::ExactlyOnce {
            // At least once: repeats may come, but the first copies are all there and in order.
            let mut seen = BTreeSet::new();
            got.retain(|it| seen.insert(*it));
        }
        assert_eq!(got, (0..MESSAGES).collect::<Vec<_>>(), "{context}");
        let mut all = sim.client(client).received.iter();
        let expected = Properties::of(&MARK);
        let whole = !tongue.carries_properties() || all.all(|it| it.properties == expected);
        assert!(whole, "{context}: properties are lost");
    }
    nothing_waits(&sim, &context);
    judged_as_kept(&sim, &context);
    sim.crossed()
}

/// No delivery, no open handshake, and no body that nobody refers to is left on a disk.
fn nothing_waits(sim: &Sim, context: &str) {
    for node in [ONE, TWO] {
        let image = sim.disk(node).image();
        let waiting: usize = image.sessions.values().map(|it| it.deliveries.len()).sum();
        assert_eq!(waiting, 0, "{context}: something still waits on the disk");
        let received: usize = image.sessions.values().map(|it| it.received.len()).sum();
        assert_eq!(received, 0, "{context}: a handshake is still open on the disk");
        // A bridge's session at the far broker has a will.
        let wills = image.sessions.values().filter_map(|it| it.will.map(|will| will.id));
        let referred: BTreeSet<_> = image.retained.values().map(|it| it.id).chain(wills).collect();
        assert_eq!(image.messages.len(), referred.len(), "{context}: a body nobody refers to");
    }
}

const FAULTS: [Fault; 4] =
    [Fault::CutBefore, Fault::CutAfter, Fault::PowerOff(ONE), Fault::PowerOff(TWO)];

/// Every fault at every packet.
fn every_packet(tongue: Tongue, cases: &[(QoS, u16)]) {
    for trial in &TRIALS {
        for (qos, window) in cases {
            let packets = run(trial, tongue, *qos, *window, &[]);
            assert!(packets > 15, "{}: only {packets} packets", trial.name);
            for at in 1..=packets {
                for fault in FAULTS {
                    run(trial, tongue, *qos, *window, &[(at, fault)]);
                }
            }
        }
    }
}

/// QoS and `max_inflight_messages`.
const CASES: [(QoS, u16); 4] =
    [(QoS::ExactlyOnce, 20), (QoS::AtLeastOnce, 20), (QoS::ExactlyOnce, 1), (QoS::ExactlyOnce, 3)];

#[test]
fn every_packet_of_every_handshake() {
    every_packet(OLD, &CASES);
}

#[test]
fn every_packet_of_mqtt_5() {
    every_packet(NEW, &CASES);
}

/// Subscribers that take one message at a time.
#[test]
fn every_packet_one_at_a_time() {
    every_packet(ONE_AT_A_TIME, &CASES[..2]);
}

/// Clients of the one version over a bridge of the other.
#[test]
fn every_packet_of_mixed_versions() {
    every_packet(NEW_BRIDGE, &CASES[..1]);
    every_packet(OLD_BRIDGE, &CASES[..1]);
}

/// Two faults in one run: a sample of all pairs, the same at each run of this test.
fn pairs(tongue: Tongue) {
    for trial in &TRIALS {
        let packets = run(trial, tongue, QoS::ExactlyOnce, 20, &[]);
        let mut pair: u64 = 0;
        for first in 1..=packets {
            for gap in [1, 2, 3, 5, 8, 13, 21] {
                pair += 7;
                let kind = |number: u64| FAULTS[usize::try_from(number % 4).expect("below 4")];
                let faults = [(first, kind(pair)), (first + gap, kind(pair / 4))];
                let window = if pair.is_multiple_of(2) { 20 } else { 2 };
                run(trial, tongue, QoS::ExactlyOnce, window, &faults);
            }
        }
    }
}

#[test]
fn pairs_of_faults() {
    pairs(OLD);
}

#[test]
fn pairs_of_faults_in_mqtt_5() {
    pairs(NEW);
    pairs(ONE_AT_A_TIME);
}
