//! What the tests here have in common: two brokers, the second of which has a bridge to the first.

use std::collections::BTreeMap;
use std::time::Duration;

use twinboard::broker::{Address, BridgeSettings, Limits, Settings};
use twinboard::conf::scenario::BreachKind;
use twinboard::lab::verdict::judge;
use twinboard::lab::world::sim::{NodeNumber, Sim};
use twinboard::mqtt::{Direction, Message, QoS, Rule, Topic};
use twinboard::report::VerdictReport;

pub const ONE: NodeNumber = NodeNumber(0);
pub const TWO: NodeNumber = NodeNumber(1);

/// Two brokers to be.
pub struct World {
    pub limits: Limits,
    pub bridges: Vec<BridgeSettings>,
    /// Whether the brokers tell what they do, so that the ledger need not infer it.
    pub trace: bool,
}

impl World {
    pub fn new(bridges: Vec<BridgeSettings>) -> Self {
        Self { limits: Limits::default(), bridges, trace: true }
    }

    pub fn start(self) -> Sim {
        let mut sim = Sim::new();
        let (limits, trace) = (self.limits, self.trace);
        let settings = Settings { limits, persistence: true, trace, ..Settings::default() };
        let one = sim.add_broker(1883, settings.clone());
        let two = sim.add_broker(1884, Settings { bridges: self.bridges, ..settings });
        assert_eq!((one, two), (ONE, TWO));
        sim.watch();
        sim
    }
}

pub fn message(topic: &str, payload: &str, qos: QoS, retain: bool) -> Message {
    Message::new(Topic::parse(topic).expect("a topic"), payload.to_owned(), qos, retain)
}

/// A bridge to broker one, by rules of `(pattern, direction, local prefix, remote prefix)`.
pub fn bridge(rules: &[(&str, Direction, &str, &str)]) -> BridgeSettings {
    let mut bridge = BridgeSettings::new("bridge_to_broker1", "host");
    bridge.addresses = vec![Address { host: "localhost".to_owned(), port: 1883 }];
    bridge.restart.base = Duration::from_millis(30);
    bridge.restart.cap = Duration::from_millis(60);
    let make = |(pattern, direction, local, remote): &(&str, Direction, &str, &str)| {
        Rule::new(pattern, *direction, QoS::ExactlyOnce, local, remote).expect("a rule")
    };
    bridge.rules = rules.iter().map(make).collect();
    bridge
}

/// The verdict from the packets alone is that every promise was kept.
pub fn judged_as_kept(sim: &Sim, context: &str) {
    judged(sim, context, &[]);
}

/// The verdict from the packets alone has no breaches but of these kinds, and nothing waits.
pub fn judged(sim: &Sim, context: &str, known: &[BreachKind]) {
    let verdict = judge(sim.ledger().expect("it is watched"), true);
    let other = verdict.breaches.iter().any(|it| !known.contains(&it.kind));
    let text = || VerdictReport::from(&verdict).text();
    assert!(!other && verdict.counts.waiting == 0, "{context}:\n{}", text());
}

/// Payloads that are numbers.
pub fn numbers(payloads: &[bytes::Bytes]) -> Vec<usize> {
    let number = |it: &bytes::Bytes| String::from_utf8_lossy(it).parse().expect("a number");
    payloads.iter().map(number).collect()
}

/// The retained messages on a broker's disk whose topics begin with `prefix`, which is taken off.
pub fn retained(sim: &Sim, node: NodeNumber, prefix: &str) -> BTreeMap<String, String> {
    let image = sim.disk(node).image();
    let mine = image.retained.iter().filter_map(|(topic, kept)| {
        let name = topic.as_str().strip_prefix(prefix)?.to_owned();
        Some((name, String::from_utf8_lossy(&image.messages[&kept.id].payload).into_owned()))
    });
    mine.collect()
}
