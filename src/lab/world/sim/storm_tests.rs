//! Small scenes in which much happens: what a defect spoils in them shows in the verdict.

use std::time::Duration;

use super::client::Client;
use super::{ClientNumber, Fault, NodeNumber, Sim, World};
use crate::broker::{Address, BridgeSettings, Limits, Settings};
use crate::cable::{Deed, Random};
use crate::card::{Tally, TallySettings};
use crate::conf::scenario::BreachKind;
use crate::lab::explore::{attempt, schedule};
use crate::lab::fixtures::plan;
use crate::lab::name::CableName;
use crate::lab::trace::Party;
use crate::lab::verdict::{Breach, Inspection, disagreements, judge, not_kept};
use crate::lab::{Command, ProgramName};
use crate::mqtt::packet::Level;
use crate::mqtt::{ClientId, Direction, Filter, Message, QoS, Rule, Topic};

const ONE: NodeNumber = NodeNumber(0);
const TWO: NodeNumber = NodeNumber(1);
const ROUNDS: u64 = 12;

/// A scene of that seed, and what its verdict finds that is none of its own doing.
pub(super) type Scene = fn(u64) -> Vec<Breach>;

fn topic(name: &str) -> Topic {
    Topic::parse(name).expect("a topic")
}

fn message(name: &str, payload: &str, qos: QoS, retain: bool) -> Message {
    Message::new(topic(name), payload.to_owned(), qos, retain)
}

fn below(random: &mut Random, limit: u64) -> u64 {
    random.draw() % limit
}

fn of<T: Copy>(random: &mut Random, all: &[T]) -> T {
    let at = below(random, all.len() as u64);
    all[usize::try_from(at).expect("few")]
}

fn level(random: &mut Random) -> Level {
    if below(random, 2) == 0 { Level::V311 } else { Level::V5 }
}

fn bridge(rules: &[(&str, Direction)], level: Level) -> BridgeSettings {
    let mut bridge = BridgeSettings::new("bridge_to_broker1", "host");
    bridge.addresses = vec![Address { host: "localhost".to_owned(), port: 1883 }];
    bridge.restart.base = Duration::from_millis(30);
    bridge.restart.cap = Duration::from_millis(60);
    bridge.level = level;
    let rule = |(pattern, direction): &(&str, Direction)| {
        Rule::new(pattern, *direction, QoS::ExactlyOnce, "", "").expect("a rule")
    };
    bridge.rules = rules.iter().map(rule).collect();
    bridge
}

/// The last word on a scene with brokers of our own.
fn judged(sim: &Sim, own: &[BreachKind]) -> Vec<Breach> {
    let ledger = sim.ledger().expect("it is watched");
    let mut verdict = judge(ledger, true);
    let mut inspection = Inspection::new();
    for node in [ONE, TWO] {
        if let Some(broker) = sim.broker(node) {
            let name = Party::Board(sim.nodes[node.0].name.clone());
            inspection.insert(name, broker.retains());
        }
    }
    verdict.add(disagreements(ledger, &inspection).0);
    let durable = |party: &Party| !own.contains(&BreachKind::Forgot) || *party != board_one(sim);
    verdict.add(not_kept(ledger, &inspection, durable));
    verdict.breaches.retain(|it| !own.contains(&it.kind));
    verdict.breaches
}

fn board_one(sim: &Sim) -> Party {
    Party::Board(sim.nodes[0].name.clone())
}

/// Two brokers with a bridge, clients of many kinds, and faults.
pub(super) fn storm(seed: u64) -> Vec<Breach> {
    let mut random = Random(seed);
    let rules = [("out/#", Direction::Out), ("in/#", Direction::In), ("both/#", Direction::Both)];
    let max_inflight_messages = of(&mut random, &[1, 3, 20, 0]);
    let mut limits = Limits { max_inflight_messages, ..Limits::default() };
    if seed.is_multiple_of(3) {
        limits.max_queued_messages = 4;
    }
    let settings = Settings {
        limits,
        persistence: true,
        trace: seed.is_multiple_of(2),
        ..Settings::default()
    };
    let bridges = vec![bridge(&rules, level(&mut random))];
    let mut sim = Sim::new();
    sim.add_broker(1883, settings.clone());
    sim.add_broker(1884, Settings { bridges, ..settings });
    sim.watch();
    // What a full queue refuses is made up for with what is retained, which a deletion is not.
    let mut guests = Guests::new(&mut sim, &mut random);
    guests.delete = !seed.is_multiple_of(3);
    sim.run_for(Duration::from_millis(200));
    let mut cable = true;
    for round in 0..ROUNDS {
        trouble(&mut sim, &mut random, &mut cable);
        guests.publish(&mut sim, &mut random, round);
        if round == ROUNDS / 2 {
            guests.change(&mut sim);
        }
        sim.run_for(Duration::from_micros(below(&mut random, 60_000)));
    }
    sim.mend_cable(ONE, TWO);
    sim.run_for(Duration::from_secs(15));
    sim.client(guests.brief).stay_away(false);
    sim.dial_soon(guests.brief);
    let late = Client::new(ONE, "late", false).subscribing("#", QoS::ExactlyOnce);
    sim.add_client(late);
    sim.run_for(Duration::from_mins(2));
    judged(&sim, &[])
}

fn trouble(sim: &mut Sim, random: &mut Random, cable: &mut bool) {
    if below(random, 6) == 0 {
        *cable = !*cable;
        if *cable { sim.mend_cable(ONE, TWO) } else { sim.cut_cable(ONE, TWO) }
    }
    if below(random, 2) == 0 {
        let at = sim.crossed() + 1 + below(random, 40);
        let all = [Fault::CutBefore, Fault::CutAfter, Fault::PowerOff(ONE), Fault::PowerOff(TWO)];
        sim.fault_at(at, of(random, &all));
    }
}

/// The clients of a storm.
struct Guests {
    publishers: Vec<ClientNumber>,
    /// Unsubscribes half-way.
    leaver: ClientNumber,
    /// Has a will, and says goodbye.
    polite: ClientNumber,
    /// Is away for a part of the time that its session lasts.
    brief: ClientNumber,
    /// Has a session that is kept, and then a clean one.
    clean: ClientNumber,
    /// Whether publishers delete what is retained.
    delete: bool,
}

impl Guests {
    fn new(sim: &mut Sim, random: &mut Random) -> Self {
        let q2 = QoS::ExactlyOnce;
        for node in [ONE, TWO] {
            let watch = Client::new(node, "watch", false).subscribing("#", q2);
            sim.add_client(watch.speaking(level(random)));
        }
        let slow = Client::new(TWO, "slow", false).subscribing("#", QoS::AtLeastOnce);
        sim.add_client(slow.speaking(Level::V5).taking(1));
        let low = Client::new(ONE, "low", false).subscribing("out/#", QoS::AtMostOnce);
        sim.add_client(low.subscribing("in/#", QoS::AtLeastOnce));
        let leaver = Client::new(ONE, "leaver", false).subscribing("here/#", q2);
        let polite = Client::new(ONE, "polite", false).speaking(level(random));
        let brief = Client::new(ONE, "brief", false).subscribing("in/#", q2);
        let clean = Client::new(TWO, "clean", false).subscribing("both/#", q2);
        Self {
            leaver: sim.add_client(leaver),
            polite: sim.add_client(polite.willing(message("will", "gone", q2, false))),
            brief: sim.add_client(brief.speaking(Level::V5).lasting(40)),
            clean: sim.add_client(clean.speaking(level(random))),
            delete: true,
            publishers: (0..4)
                .map(|at| {
                    let home = if at % 2 == 0 { ONE } else { TWO };
                    let client = Client::new(home, &format!("p{at}"), false);
                    sim.add_client(client.speaking(level(random)))
                })
                .collect(),
        }
    }

    fn publish(&self, sim: &mut Sim, random: &mut Random, round: u64) {
        for (at, publisher) in self.publishers.iter().enumerate() {
            for name in ["out", "in", "both", "here"] {
                let qos = match below(random, 8) {
                    0 => QoS::AtMostOnce,
                    1 => QoS::AtLeastOnce,
                    _ => QoS::ExactlyOnce,
                };
                let (retain, name) =
                    (below(random, 2) == 0, format!("{name}/{at}/{}", qos.level()));
                let deletes = self.delete && retain && round > ROUNDS / 2 && below(random, 3) == 0;
                let payload = if deletes { String::new() } else { round.to_string() };
                sim.client(*publisher).publish(message(&name, &payload, qos, retain));
            }
            sim.poke(*publisher);
        }
    }

    fn change(&self, sim: &mut Sim) {
        sim.client(self.leaver).unsubscribe("here/#");
        sim.poke(self.leaver);
        sim.leave(self.polite);
        sim.client(self.brief).stay_away(true);
        sim.break_client(self.brief);
        sim.client(self.clean).start_clean();
        sim.break_client(self.clean);
    }
}

/// A far broker that gets an empty disk while a bridge and a program speak with it.
pub(super) fn forgetful(step: u64) -> Vec<Breach> {
    let level = if step.is_multiple_of(2) { Level::V311 } else { Level::V5 };
    let settings = Settings { persistence: true, trace: true, ..Settings::default() };
    let rules = [("o/#", Direction::Out), ("i/#", Direction::In)];
    let bridges = vec![bridge(&rules, level)];
    let mut sim = Sim::new();
    sim.add_broker(1883, settings.clone());
    sim.add_broker(1884, Settings { bridges, ..settings });
    sim.watch();
    let tally = TallySettings {
        client_id: ClientId::new("tally"),
        topics: vec![Filter::parse("x/#").expect("a filter")],
        qos: QoS::ExactlyOnce,
        clean_session: false,
    };
    let client = Client::new(ONE, "tally", false);
    let party = Party::Program(ProgramName::new("tally"));
    let client = client.of_program(party, CableName::new("tally"), Duration::from_secs(20));
    let program = sim.seat_program(client);
    sim.revive_program(program, Box::new(Tally::new(tally)));
    let near = sim.add_client(Client::new(TWO, "near", false).speaking(level));
    sim.run_for(Duration::from_millis(500));
    for number in 0..3 {
        sim.client(near).publish(message("o/x", &number.to_string(), QoS::ExactlyOnce, false));
    }
    sim.poke(near);
    sim.run_for(Duration::from_micros(150) * u32::try_from(step).expect("few"));
    sim.replace_disk(ONE);
    sim.power_on_after(ONE, Duration::from_millis(5));
    sim.run_for(Duration::from_mins(3));
    judged(&sim, &[BreachKind::Forgot])
}

/// The explorer's schedules of the two boards.
pub(super) fn dual_board(seed: u64) -> Vec<Breach> {
    let plan = plan("dual-board");
    attempt(&plan, seed, schedule(&plan, seed)).verdict.breaches.clone()
}

/// A counter counts while it has no connection.
pub(super) fn counting_alone(seed: u64) -> Vec<Breach> {
    let mut world = World::new(plan("counting"), seed).expect("it can be simulated");
    world.run_until(Duration::from_secs(5));
    world.obey(Command::Cable { cable: CableName::new("counter"), deed: Deed::cut() });
    world.obey(Command::Publish { program: ProgramName::new("counter"), count: 5 });
    world.run_until(Duration::from_secs(6));
    world.obey(Command::Judge);
    world.verdict().breaches.clone()
}

/// Somebody says something of card 1's sensors in its name.
pub(super) fn foreign_word(seed: u64) -> Vec<Breach> {
    let mut world = World::new(plan("dual-board"), seed).expect("it can be simulated");
    world.run_until(Duration::from_secs(5));
    let payload = r#"{"sensor_1": false, "sensor_2": false, "sensor_3": false}"#;
    let message = message("sensors/card1", payload, QoS::ExactlyOnce, true);
    let program = ProgramName::new("card1_monitor");
    world.obey(Command::Message { program, message });
    world.run_until(Duration::from_secs(20));
    world.obey(Command::Judge);
    world.verdict().breaches.clone()
}
