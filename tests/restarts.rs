//! No KO is lost, whatever is restarted in whatever order: the dual-board system as it is built in,
//! its real brokers, bridge and programs, in simulated time.

use std::time::Duration;

use twinboard::broker::{BridgeOrder, BridgeSettings};
use twinboard::card::{Card1, Card2, Display, Face, Input, Program, SensorNumber};
use twinboard::conf::Folder;
use twinboard::conf::scenario::BreachKind;
use twinboard::lab::verdict::judge;
use twinboard::lab::world::sim::{ClientNumber, NodeNumber, Sim};
use twinboard::report::VerdictReport;

const ONE: NodeNumber = NodeNumber(0);
const TWO: NodeNumber = NodeNumber(1);
const CARD1: ClientNumber = ClientNumber(0);
const CARD2: ClientNumber = ClientNumber(1);
const DISPLAY: ClientNumber = ClientNumber(2);

/// What can be taken away and given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Card1,
    Card2,
    Display,
    Broker1,
    Broker2,
    Board1,
    Board2,
    Bridge,
    Cable,
    All,
}

const PARTS: [Part; 10] = [
    Part::Card1,
    Part::Card2,
    Part::Display,
    Part::Broker1,
    Part::Broker2,
    Part::Board1,
    Part::Board2,
    Part::Bridge,
    Part::Cable,
    Part::All,
];

/// The dual-board system and what its sensors really are.
struct Boards {
    sim: Sim,
    notification: twinboard::mqtt::Topic,
    seed: u64,
    /// For each sensor, the states that would be right: more than one where a click was not sent
    /// yet when its program died.
    right: [Vec<bool>; 6],
}

impl Boards {
    fn new(persistence: [bool; 2], trace: bool) -> Self {
        let folder = Folder::builtin("dual-board").expect("it is built in");
        let opened = folder.open("host").expect("it opens");
        let mut sim = Sim::new();
        let mut notification = None;
        for (conf, persistence) in opened.confs.into_iter().zip(persistence) {
            let mut settings = conf.settings;
            settings.persistence = persistence;
            settings.trace = trace;
            notification = settings.bridges.first().map(BridgeSettings::notification_topic);
            sim.add_broker(conf.listeners[0].port, settings);
        }
        sim.watch();
        let notification = notification.expect("board 2 has the bridge");
        let mut boards =
            Self { sim, notification, seed: 0, right: std::array::from_fn(|_| vec![true]) };
        for (client, node) in [(CARD1, ONE), (CARD2, TWO), (DISPLAY, TWO)] {
            let program = boards.program(client);
            assert_eq!(boards.sim.add_program(node, program), client);
        }
        boards
    }

    fn program(&mut self, client: ClientNumber) -> Box<dyn Program> {
        self.seed += 1;
        match client {
            CARD1 => Box::new(Card1::new(self.seed)),
            CARD2 => Box::new(Card2::new(self.seed)),
            _ => Box::new(Display::new(self.seed, Some(self.notification.clone()))),
        }
    }

    fn toggle(&mut self, number: u8) {
        let client = if number <= 3 { CARD1 } else { CARD2 };
        let Some(before) = self.shown(client, number) else { return };
        self.sim.tell_program(client, Input::Toggle(SensorNumber(number)));
        self.right[usize::from(number) - 1] = vec![!before];
    }

    fn shown(&self, client: ClientNumber, number: u8) -> Option<bool> {
        let face = self.sim.face(client)?;
        face.sensors().find(|it| it.number == SensorNumber(number))?.state
    }

    fn kill(&mut self, client: ClientNumber) {
        let unsent = |face: &Face| {
            let own = face.own.iter().filter(|it| it.unsent);
            own.map(|it| usize::from(it.number.0) - 1).collect::<Vec<_>>()
        };
        // A click that no broker has taken over may die with its program.
        for sensor in self.sim.face(client).map(unsent).unwrap_or_default() {
            self.right[sensor] = vec![true, false];
        }
        self.sim.kill_program(client);
    }

    fn take_away(&mut self, part: Part) {
        match part {
            Part::Card1 => self.kill(CARD1),
            Part::Card2 => self.kill(CARD2),
            Part::Display => self.kill(DISPLAY),
            Part::Broker1 => self.sim.power_off(ONE),
            Part::Broker2 => self.sim.power_off(TWO),
            Part::Board1 => {
                self.sim.power_off(ONE);
                self.kill(CARD1);
            }
            Part::Board2 => {
                self.sim.power_off(TWO);
                self.kill(CARD2);
                self.kill(DISPLAY);
            }
            Part::Bridge => self.sim.order(TWO, 0, BridgeOrder::Stop),
            Part::Cable => self.sim.cut_cable(ONE, TWO),
            Part::All => {
                self.take_away(Part::Board1);
                self.take_away(Part::Board2);
            }
        }
    }

    fn give_back(&mut self, part: Part) {
        let clients: &[ClientNumber] = match part {
            Part::Card1 | Part::Board1 => &[CARD1],
            Part::Card2 => &[CARD2],
            Part::Display => &[DISPLAY],
            Part::Board2 => &[CARD2, DISPLAY],
            Part::All => &[CARD1, CARD2, DISPLAY],
            _ => &[],
        };
        let nodes: &[NodeNumber] = match part {
            Part::Broker1 | Part::Board1 => &[ONE],
            Part::Broker2 | Part::Board2 => &[TWO],
            Part::All => &[ONE, TWO],
            _ => &[],
        };
        for node in nodes {
            self.sim.power_on_after(*node, Duration::ZERO);
        }
        for client in clients {
            if self.sim.face(*client).is_none() {
                let program = self.program(*client);
                self.sim.revive_program(*client, program);
            }
        }
        match part {
            Part::Bridge => self.sim.order(TWO, 0, BridgeOrder::Start),
            Part::Cable => self.sim.mend_cable(ONE, TWO),
            _ => {}
        }
    }

    fn run_ms(&mut self, time_ms: u64) {
        self.sim.run_for(Duration::from_millis(time_ms));
    }

    /// Everything has come to rest: all programs agree, and are right.
    fn check(&mut self, context: &str) {
        self.come_to_rest(context);
        self.judged(context, &[]);
    }

    fn come_to_rest(&mut self, context: &str) {
        self.run_ms(60_000);
        for number in 1..=6 {
            let right = &self.right[usize::from(number) - 1];
            let own = if number <= 3 { CARD1 } else { CARD2 };
            let state = self.shown(own, number);
            assert!(
                state.is_some_and(|it| right.contains(&it)),
                "{context}: sensor {number} is {state:?}, and should be one of {right:?}"
            );
            for other in [CARD2, DISPLAY] {
                let shown = self.shown(other, number);
                assert_eq!(shown, state, "{context}: {other:?} on sensor {number}");
            }
        }
        for client in [CARD1, CARD2, DISPLAY] {
            let face = self.sim.face(client).expect("it runs");
            assert!(face.restored, "{context}: {client:?} is not restored");
            assert!(
                face.own.iter().all(|it| !it.unsent),
                "{context}: {client:?} has unsent clicks"
            );
        }
    }
}

impl Boards {
    /// The packets show no breach but of these kinds.
    fn judged(&self, context: &str, known: &[BreachKind]) {
        let verdict = judge(self.sim.ledger().expect("it is watched"), true);
        let other = verdict.breaches.iter().any(|it| !known.contains(&it.kind));
        let text = || VerdictReport::from(&verdict).text();
        assert!(!other && verdict.counts.waiting == 0, "{context}:\n{}", text());
    }
}

/// Brokers that tell what they do, or leave the ledger to infer it.
fn started(trace: bool) -> Boards {
    let mut boards = Boards::new([true, true], trace);
    boards.check("the start");
    boards.toggle(2);
    boards.toggle(5);
    boards.run_ms(500);
    boards
}

/// Every second order.
fn is_traced(parts: &[Part]) -> bool {
    parts.iter().map(|part| *part as usize).sum::<usize>().is_multiple_of(2)
}

/// One after the other, with clicks while each is away.
fn in_turn(parts: &[Part], away_ms: u64) {
    let context = format!("{parts:?}, in turn, away for {away_ms} ms");
    let mut boards = started(is_traced(parts));
    for (at, part) in parts.iter().enumerate() {
        boards.take_away(*part);
        boards.run_ms(away_ms / 2);
        boards.toggle(if at % 2 == 0 { 1 } else { 4 });
        boards.run_ms(away_ms / 2);
        boards.give_back(*part);
        boards.run_ms(3);
        boards.toggle(if at % 2 == 0 { 6 } else { 3 });
        boards.run_ms(200);
    }
    boards.check(&context);
}

/// All away at once, given back in that order.
fn together(parts: &[Part], apart_ms: u64) {
    let context = format!("{parts:?}, together, {apart_ms} ms apart");
    let mut boards = started(!is_traced(parts));
    for part in parts.iter().rev() {
        boards.take_away(*part);
        boards.run_ms(1);
        boards.toggle(1);
        boards.toggle(4);
        boards.run_ms(2);
    }
    boards.run_ms(50);
    for part in parts {
        boards.give_back(*part);
        boards.run_ms(apart_ms);
    }
    boards.check(&context);
}

#[test]
fn every_one_and_every_order_of_two() {
    for first in PARTS {
        for away_ms in [0, 5, 100, 10_000] {
            in_turn(&[first], away_ms);
        }
        for second in PARTS {
            for away_ms in [0, 100, 7_000] {
                in_turn(&[first, second], away_ms);
                together(&[first, second], away_ms);
            }
        }
    }
}

#[test]
fn every_order_of_three() {
    for first in PARTS {
        for second in PARTS {
            for third in PARTS {
                in_turn(&[first, second, third], 60);
                together(&[first, second, third], 20);
            }
        }
    }
}

/// A board whose broker is memory only, wiped by a power failure, is told by the other one.
#[test]
fn a_wiped_board_is_told_what_the_other_knows() {
    let mut boards = Boards::new([false, true], true);
    boards.check("the start");
    boards.toggle(2);
    boards.run_ms(500);
    boards.take_away(Part::Board1);
    boards.run_ms(1_000);
    boards.give_back(Part::Board1);
    boards.come_to_rest("board 1 wiped");
    boards.judged("board 1 wiped", &[BreachKind::Forgot]);
    assert_eq!(boards.shown(CARD1, 2), Some(false), "card 1 learnt it from sensors/all");
}

/// What is shown never flickers to a state that nobody clicked.
#[test]
fn the_display_never_shows_a_ko_as_ok() {
    for part in PARTS {
        let mut boards = started(false);
        boards.take_away(part);
        boards.run_ms(40);
        boards.give_back(part);
        for _ in 0..20_000 {
            boards.run_ms(1);
            for (client, number) in [(CARD1, 2), (CARD2, 2), (DISPLAY, 2), (CARD2, 5), (DISPLAY, 5)]
            {
                let shown = boards.shown(client, number);
                assert_ne!(shown, Some(true), "{part:?}: {client:?} on sensor {number}");
            }
        }
        boards.check(&format!("{part:?}"));
    }
}
