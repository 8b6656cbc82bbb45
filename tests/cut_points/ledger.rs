//! Many clients on both brokers, faults at random, and a ledger: what was acknowledged arrives
//! exactly once and in order for each publisher and topic, everywhere it should and nowhere else.
//! Clients and bridges speak either version of MQTT, by chance.

use std::collections::BTreeSet;
use std::time::Duration;

use twinboard::lab::world::sim::client::Client;
use twinboard::lab::world::sim::{ClientNumber, Fault, NodeNumber, Sim};
use twinboard::mqtt::packet::Level;
use twinboard::mqtt::{Direction, QoS};

use crate::world::{ONE, TWO, World, bridge, judged_as_kept, message, numbers};

const RUNS: u64 = 150;
const ROUNDS: usize = 12;
const PUBLISHERS: usize = 4;

/// A random sequence (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31) % end
    }

    fn level(&mut self) -> Level {
        if self.below(2) == 0 { Level::V311 } else { Level::V5 }
    }

    fn fault(&mut self) -> Fault {
        match self.below(4) {
            0 => Fault::CutBefore,
            1 => Fault::CutAfter,
            2 => Fault::PowerOff(ONE),
            _ => Fault::PowerOff(TWO),
        }
    }
}

fn home(publisher: usize) -> NodeNumber {
    if publisher.is_multiple_of(2) { ONE } else { TWO }
}

/// Whether what is published on `topic` at `from` is known at `to`.
fn arrives(topic: &str, from: NodeNumber, to: NodeNumber) -> bool {
    from == to
        || match topic {
            "out" => from == TWO,
            "in" => from == ONE,
            "both" => true,
            _ => false,
        }
}

fn make_trouble(sim: &mut Sim, random: &mut Random, cable: &mut bool) {
    if random.below(6) == 0 {
        *cable = !*cable;
        if *cable { sim.mend_cable(ONE, TWO) } else { sim.cut_cable(ONE, TWO) }
    }
    if random.below(2) == 0 {
        let at = sim.crossed() + 1 + random.below(40);
        sim.fault_at(at, random.fault());
    }
}

fn run(seed: u64) {
    let mut random = Random(seed);
    let rules = [
        ("out/#", Direction::Out, "", ""),
        ("in/#", Direction::In, "", ""),
        ("both/#", Direction::Both, "", ""),
    ];
    let mut bridge = bridge(&rules);
    bridge.level = random.level();
    let mut world = World::new(vec![bridge]);
    world.limits.max_inflight_messages = [1, 3, 20, 0][usize::try_from(seed % 4).expect("small")];
    world.trace = seed.is_multiple_of(2);
    let mut sim = world.start();
    let watchers = [ONE, TWO].map(|node| {
        let watch = Client::new(node, "watch", false).subscribing("#", QoS::ExactlyOnce);
        let most = [1, 2, 20][usize::try_from(random.below(3)).expect("small")];
        (node, sim.add_client(watch.speaking(random.level()).taking(most)))
    });
    sim.run_for(Duration::from_millis(200));
    let publishers: Vec<ClientNumber> = (0..PUBLISHERS)
        .map(|it| {
            let client = Client::new(home(it), &format!("p{it}"), false);
            sim.add_client(client.speaking(random.level()))
        })
        .collect();
    let mut cable = true;
    for round in 0..ROUNDS {
        make_trouble(&mut sim, &mut random, &mut cable);
        for (at, publisher) in publishers.iter().enumerate() {
            for name in ["out", "in", "both", "here"] {
                let qos = if random.below(4) == 0 { QoS::AtLeastOnce } else { QoS::ExactlyOnce };
                let exact = if qos == QoS::ExactlyOnce { "exact" } else { "least" };
                let topic = format!("{name}/{exact}/{at}");
                let retain = random.below(2) == 0;
                sim.client(*publisher).publish(message(&topic, &round.to_string(), qos, retain));
            }
            sim.poke(*publisher);
        }
        sim.run_for(Duration::from_micros(random.below(60_000)));
    }
    sim.mend_cable(ONE, TWO);
    sim.run_for(Duration::from_secs(5));
    for (at, publisher) in publishers.iter().enumerate() {
        assert!(sim.client(*publisher).is_done(), "seed {seed}: p{at} still waits");
        for name in ["out", "in", "both", "here"] {
            for (node, watcher) in watchers {
                let arrives = arrives(name, home(at), node);
                for kind in ["exact", "least"] {
                    let topic = format!("{name}/{kind}/{at}");
                    check(&mut sim, seed, *publisher, (watcher, arrives), &topic);
                }
            }
        }
    }
    judged_as_kept(&sim, &format!("seed {seed}"));
}

fn check(
    sim: &mut Sim,
    seed: u64,
    publisher: ClientNumber,
    (subscriber, arrives): (ClientNumber, bool),
    topic: &str,
) {
    let mine = sim.client(publisher).acknowledged.iter().filter(|it| it.topic.as_str() == topic);
    let promised: Vec<_> = mine.map(|it| it.payload.clone()).collect();
    let expected = if arrives { numbers(&promised) } else { Vec::new() };
    let mut got = numbers(&sim.client(subscriber).payloads(topic));
    if topic.contains("least") {
        let mut first = BTreeSet::new();
        got.retain(|it| first.insert(*it));
    }
    assert_eq!(got, expected, "seed {seed}: {topic} at {subscriber:?}");
}

#[test]
fn what_was_acknowledged_arrives() {
    (0..RUNS).for_each(run);
}
