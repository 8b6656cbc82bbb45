//! Random systems of bridged brokers, looked at by the linter and then run in the simulated world:
//! what it calls a loop goes round there, and where it finds none, everything comes to rest.

use std::fmt::Write;
use std::time::Duration;

use proptest::prelude::*;
use twinboard::conf::mosquitto::Config;
use twinboard::lab::world::sim::client::Client;
use twinboard::lab::world::sim::{ClientNumber, Sim};
use twinboard::lint::{Node, System, check};
use twinboard::mqtt::{Message, QoS, Topic};

/// Who has been carried so often goes round. A topic that grows by one level on each way makes it to
/// 200 levels; one that comes to rest is carried over a few rules only.
const MANY: u64 = 150;

/// A bridge as random numbers: from, to, rules.
type Bridge = (usize, usize, Vec<(usize, usize, usize, usize)>, bool);

const PATTERNS: [&str; 7] = ["#", "+", "a/#", "b/+", "+/b", "a/b", "a"];
const PREFIXES: [&str; 3] = ["", "a/", "b/"];
const DIRECTIONS: [&str; 3] = ["out", "in", "both"];

fn bridges(brokers: usize) -> impl Strategy<Value = Vec<Bridge>> {
    let rule = (0..PATTERNS.len(), 0..3usize, 0..3usize, 0..3usize);
    let rules = prop::collection::vec(rule, 1..3);
    prop::collection::vec((0..brokers, 0..brokers, rules, any::<bool>()), 1..4)
}

fn confs(brokers: usize, bridges: &[Bridge]) -> Vec<Config> {
    let mut texts: Vec<_> = (1..=brokers)
        .map(|port| format!("listener {port} localhost\nallow_anonymous true\nsys_interval 0\n"))
        .collect();
    for (at, (from, to, rules, private)) in bridges.iter().enumerate() {
        let text = &mut texts[*from];
        writeln!(text, "connection bridge{at}\naddress localhost:{}", to + 1)
            .expect("a string takes all");
        writeln!(text, "notifications false\ntry_private {private}").expect("a string takes all");
        for (pattern, direction, local, remote) in rules {
            let (pattern, direction) = (PATTERNS[*pattern], DIRECTIONS[*direction]);
            let prefix = |at: usize| if at == 0 { "\"\"" } else { PREFIXES[at] };
            let (local, remote) = (prefix(*local), prefix(*remote));
            writeln!(text, "topic {pattern} {direction} 0 {local} {remote}")
                .expect("a string takes all");
        }
    }
    let parse = |(at, text): (usize, &String)| {
        Config::parse(&format!("{at}"), text, "host").unwrap_or_else(|error| panic!("{error}"))
    };
    texts.iter().enumerate().map(parse).collect()
}

/// The brokers, all bridges connected, and a publisher at each.
fn world(confs: &[Config]) -> (Sim, Vec<ClientNumber>) {
    let mut sim = Sim::new();
    let mut publishers = Vec::new();
    for (port, conf) in (1..).zip(confs) {
        let node = sim.add_broker(port, conf.settings.clone());
        publishers.push(sim.add_client(Client::new(node, "publisher", true)));
    }
    sim.run_for(Duration::from_mins(2));
    (sim, publishers)
}

/// Whether a message goes round.
fn goes_round(sim: &mut Sim, publisher: ClientNumber, topic: &Topic) -> bool {
    let before = sim.crossed();
    sim.client(publisher).publish(Message::new(topic.clone(), "1", QoS::AtMostOnce, false));
    sim.poke(publisher);
    let mut still = 0;
    // In small steps: two ways round double what goes round, each time.
    while still < 20 {
        let crossed = sim.crossed();
        sim.run_for(Duration::from_micros(250));
        if sim.crossed() - before > MANY {
            return true;
        }
        still = if sim.crossed() == crossed { still + 1 } else { 0 };
    }
    false
}

/// The loops that are found: the broker where the way begins, and a topic that goes round.
fn found(confs: &[Config]) -> Vec<(usize, Topic)> {
    let nodes = confs.iter().map(|conf| {
        let (name, clients) = (conf.file.clone(), Vec::new());
        Node { name, conf: conf.clone(), clients }
    });
    let findings = check(&System::new(nodes.collect(), Vec::new()));
    let loops = findings.iter().filter(|it| it.id == "loop");
    let place = |text: &str| {
        let topic = text.split('`').nth(1)?;
        let (before, _) = text.split_once(" -> ")?;
        let node = before.rsplit(' ').next()?.parse().ok()?;
        Some((node, Topic::parse(topic).ok()?))
    };
    loops.map(|it| place(&it.what).unwrap_or_else(|| panic!("{it}"))).collect()
}

/// Names from few levels.
fn topics() -> Vec<Topic> {
    let levels = ["a", "b", "x"];
    let mut names: Vec<String> = levels.iter().map(ToString::to_string).collect();
    let mut last = names.clone();
    for _ in 0..2 {
        last = last.iter().flat_map(|it| levels.map(|level| format!("{it}/{level}"))).collect();
        names.extend(last.iter().cloned());
    }
    names.push("x/x/x/x".to_owned());
    names.iter().map(|name| Topic::parse(name).expect("a topic")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None,
        ..ProptestConfig::default() })]

    #[test]
    fn loops_are_what_goes_round(
        (brokers, bridges) in (1..4usize).prop_flat_map(|it| (Just(it), bridges(it)))
    ) {
        let confs = confs(brokers, &bridges);
        let found = found(&confs);
        for (node, topic) in &found {
            let (mut sim, publishers) = world(&confs);
            prop_assert!(goes_round(&mut sim, publishers[*node], topic), "`{}` comes to rest", topic);
        }
        if found.is_empty() {
            let (mut sim, publishers) = world(&confs);
            for publisher in publishers {
                for topic in topics() {
                    prop_assert!(!goes_round(&mut sim, publisher, &topic), "`{}` goes round", topic);
                }
            }
        }
    }
}
