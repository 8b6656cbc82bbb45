//! Exactly once and in order, whatever packet a wire breaks at and whatever packet a broker loses
//! its power at: every such point of a run, one by one, in simulated time.

use std::collections::BTreeSet;
use std::time::Duration;

use twinboard::lab::world::sim::client::Client;
use twinboard::lab::world::sim::{Fault, NodeNumber, Sim};
use twinboard::mqtt::{Direction, QoS};

use crate::world::{ONE, TWO, World, bridge, message, numbers};

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

/// Runs a trial with some faults; gives back how many packets crossed.
fn run(trial: &Trial, qos: QoS, window: u16, faults: &[(u64, Fault)]) -> u64 {
    let mut world = World::new(vec![bridge(&[("t/#", trial.direction, "", "")])]);
    world.limits.max_inflight_messages = window;
    let mut sim = world.start();
    for (at, fault) in faults {
        sim.fault_at(*at, *fault);
    }
    let watch = |node| Client::new(node, "subscriber", false).subscribing("t/+", qos);
    let subscriber = sim.add_client(watch(trial.subscriber));
    // One beside the publisher would get an echo.
    let beside =
        sim.add_client(Client::new(trial.publisher, "beside", false).subscribing("t/+", qos));
    sim.run_for(Duration::from_millis(300));
    let publisher = sim.add_client(Client::new(trial.publisher, "publisher", false));
    for number in 0..MESSAGES {
        sim.client(publisher).publish(message("t/x", &number.to_string(), qos, number % 2 == 0));
        sim.poke(publisher);
        sim.run_for(Duration::from_millis(if number == 1 { 30 } else { 0 }));
    }
    sim.run_for(Duration::from_secs(3));
    let context = format!("{}, {qos}, window {window}, {faults:?}", trial.name);
    assert!(sim.client(publisher).is_done(), "{context}: the publisher still waits");
    for client in [subscriber, beside] {
        let mut got = numbers(&sim.client(client).payloads("t/x"));
        if qos != QoS::ExactlyOnce {
            // At least once: repeats may come, but the first copies are all there and in order.
            let mut seen = BTreeSet::new();
            got.retain(|it| seen.insert(*it));
        }
        assert_eq!(got, (0..MESSAGES).collect::<Vec<_>>(), "{context}");
    }
    nothing_waits(&sim, &context);
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

#[test]
fn every_packet_of_every_handshake() {
    for trial in &TRIALS {
        for (qos, window) in [
            (QoS::ExactlyOnce, 20),
            (QoS::AtLeastOnce, 20),
            (QoS::ExactlyOnce, 1),
            (QoS::ExactlyOnce, 3),
        ] {
            let packets = run(trial, qos, window, &[]);
            assert!(packets > 15, "{}: only {packets} packets", trial.name);
            for at in 1..=packets {
                for fault in FAULTS {
                    run(trial, qos, window, &[(at, fault)]);
                }
            }
        }
    }
}

/// Two faults in one run: a sample of all pairs, the same at each run of this test.
#[test]
fn pairs_of_faults() {
    for trial in &TRIALS {
        let packets = run(trial, QoS::ExactlyOnce, 20, &[]);
        let mut pair: u64 = 0;
        for first in 1..=packets {
            for gap in [1, 2, 3, 5, 8, 13, 21] {
                pair += 7;
                let kind = |number: u64| FAULTS[usize::try_from(number % 4).expect("below 4")];
                let faults = [(first, kind(pair)), (first + gap, kind(pair / 4))];
                run(trial, QoS::ExactlyOnce, if pair.is_multiple_of(2) { 20 } else { 2 }, &faults);
            }
        }
    }
}
