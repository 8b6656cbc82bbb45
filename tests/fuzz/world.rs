//! Two brokers, a bridge between them, strangers at both, and the clients whose messages must arrive.

use std::collections::BTreeSet;
use std::time::Duration;

use twinboard::broker::{Address, BridgeSettings, Limits, Settings};
use twinboard::lab::verdict::judge;
use twinboard::lab::world::sim::client::Client;
use twinboard::lab::world::sim::{ClientNumber, NodeNumber, Sim, StrangerNumber};
use twinboard::mqtt::packet::Level;
use twinboard::mqtt::{Direction, Message, QoS, Rule, Topic};
use twinboard::report::VerdictReport;

use crate::random::Random;
use crate::words;

const ONE: NodeNumber = NodeNumber(0);
const TWO: NodeNumber = NodeNumber(1);
const STRANGERS: usize = 24;
/// Limits of either broker.
const CLIENTS: usize = 40;
const QUEUED: usize = 30;
const IN_FLIGHT: u16 = 5;

/// Somebody who publishes and somebody who is to get it.
struct Pair {
    publisher: ClientNumber,
    subscriber: ClientNumber,
    topic: &'static str,
    qos: QoS,
    published: usize,
}

pub struct World {
    sim: Sim,
    random: Random,
    pairs: Vec<Pair>,
    strangers: Vec<(StrangerNumber, Level)>,
    cable: bool,
    /// Whether a broker lost its power in this round, or a wire broke: QoS 1 may repeat then.
    broke: bool,
    janitors: [ClientNumber; 2],
    delivered: usize,
    powers: usize,
    strangers_met: usize,
}

fn bridge() -> BridgeSettings {
    let mut bridge = BridgeSettings::new("link", "host");
    bridge.addresses = vec![Address { host: "localhost".to_owned(), port: 1883 }];
    bridge.restart.base = Duration::from_millis(30);
    bridge.restart.cap = Duration::from_millis(60);
    bridge.level = Level::V5;
    let rule = |pattern, direction| {
        Rule::new(pattern, direction, QoS::ExactlyOnce, "", "").expect("a rule")
    };
    bridge.rules = vec![
        rule("pair/out", Direction::Out),
        rule("pair/in", Direction::In),
        rule("cross/#", Direction::Both),
    ];
    bridge
}

impl World {
    pub fn new(mut random: Random) -> Self {
        let limits = Limits {
            max_inflight_messages: IN_FLIGHT,
            max_queued_messages: QUEUED,
            max_packet_size: 2000,
            max_connections: Some(100),
            global_max_clients: Some(CLIENTS),
            memory_limit: 50_000_000,
            // Longer than the cable is ever cut, for the far half of the bridge is a session too.
            persistent_client_expiration_s: Some(1000),
            max_subscriptions_per_client: 50,
            queue_qos0_messages: true,
            ..Limits::default()
        };
        let trace = random.once_in(2);
        let settings = Settings { limits, persistence: true, trace, ..Settings::default() };
        let mut sim = Sim::new();
        sim.add_broker(1883, settings.clone());
        sim.add_broker(1884, Settings { bridges: vec![bridge()], ..settings });
        sim.watch();
        let mut pairs = Vec::new();
        for (topic, from, to, qos) in [
            ("pair/here", ONE, ONE, QoS::ExactlyOnce),
            ("pair/least", TWO, TWO, QoS::AtLeastOnce),
            ("pair/out", TWO, ONE, QoS::ExactlyOnce),
            ("pair/in", ONE, TWO, QoS::ExactlyOnce),
        ] {
            let level = |number| if number % 2 == 0 { Level::V311 } else { Level::V5 };
            let name = |kind| format!("{topic} {kind}");
            let watch = Client::new(to, &name("subscriber"), false).subscribing(topic, qos);
            let subscriber = sim.add_client(watch.speaking(level(pairs.len() + 1)));
            let publisher = Client::new(from, &name("publisher"), false);
            let publisher = sim.add_client(publisher.speaking(level(pairs.len() / 2)));
            pairs.push(Pair { publisher, subscriber, topic, qos, published: 0 });
        }
        let janitors = [ONE, TWO].map(|node| sim.add_client(Client::new(node, "janitor", true)));
        sim.run_for(Duration::from_secs(1));
        Self {
            sim,
            random,
            pairs,
            strangers: Vec::new(),
            cable: true,
            broke: false,
            janitors,
            delivered: 0,
            powers: 0,
            strangers_met: 0,
        }
    }

    /// Some steps, then everything comes to rest and is looked at.
    pub fn round(&mut self, steps: usize) {
        for _ in 0..steps {
            self.step();
        }
        self.mend();
        self.sim.run_for(Duration::from_secs(3));
        self.check_pairs();
        self.check_verdict();
        self.check_bounds();
        self.tidy_up();
    }

    pub fn summary(&self) -> String {
        format!(
            "{} strangers, {} packets crossed, {} power failures, {} messages of the pairs",
            self.strangers_met,
            self.sim.crossed(),
            self.powers,
            self.delivered
        )
    }

    fn step(&mut self) {
        match self.random.below(200) {
            0 => self.power_fails(),
            1 => self.cable(),
            2..=11 => self.somebody_publishes(),
            12..=41 => self.somebody_comes(),
            42..=43 => self.somebody_goes(),
            _ => self.somebody_says(),
        }
        let time = match self.random.below(300) {
            0 => Duration::from_secs(40),
            1..=3 => Duration::from_secs(2),
            _ => Duration::from_micros(self.random.next() % 1500),
        };
        self.sim.run_for(time);
    }

    fn node(&mut self) -> NodeNumber {
        self.random.pick(&[ONE, TWO])
    }

    fn power_fails(&mut self) {
        let node = self.node();
        self.sim.power_off(node);
        let after = Duration::from_millis(self.random.next() % 100);
        self.sim.power_on_after(node, after);
        (self.broke, self.powers) = (true, self.powers + 1);
    }

    fn cable(&mut self) {
        self.cable = !self.cable;
        self.broke = true;
        if self.cable { self.sim.mend_cable(ONE, TWO) } else { self.sim.cut_cable(ONE, TWO) }
    }

    fn mend(&mut self) {
        self.sim.mend_cable(ONE, TWO);
        self.cable = true;
    }

    fn somebody_publishes(&mut self) {
        let at = self.random.below(self.pairs.len());
        let pair = &mut self.pairs[at];
        // A queue would refuse more, and that would be no fault.
        if pair.published >= QUEUED {
            return;
        }
        let topic = Topic::parse(pair.topic).expect("a topic");
        let message = Message::new(topic, pair.published.to_string(), pair.qos, false);
        pair.published += 1;
        self.sim.client(pair.publisher).publish(message);
        self.sim.poke(pair.publisher);
    }

    fn somebody_comes(&mut self) {
        let node = self.node();
        if self.strangers.len() >= STRANGERS || self.sim.broker(node).is_none() {
            return;
        }
        self.strangers_met += 1;
        let stranger = self.sim.add_stranger(node);
        let (level, connect) = words::connect(&mut self.random);
        self.strangers.push((stranger, level));
        let mut bytes = words::write(&connect, level);
        if self.random.once_in(6) {
            words::bend(&mut self.random, &mut bytes);
        }
        self.tell(stranger, level, &bytes);
    }

    fn somebody_goes(&mut self) {
        if let Some((stranger, _)) = self.somebody() {
            self.sim.break_stranger(stranger);
        }
    }

    fn somebody(&mut self) -> Option<(StrangerNumber, Level)> {
        let sim = &self.sim;
        self.strangers.retain(|(it, _)| sim.is_connected(*it));
        (!self.strangers.is_empty()).then(|| self.random.pick(&self.strangers))
    }

    fn somebody_says(&mut self) {
        let Some((stranger, level)) = self.somebody() else { return };
        let heard = self.sim.heard(stranger);
        if self.random.once_in(2) {
            for packet in heard.iter().filter_map(words::answer) {
                self.tell(stranger, level, &words::write(&packet, level));
            }
        }
        let packet = words::packet(&mut self.random);
        let mut bytes = words::write(&packet, level);
        match self.random.below(40) {
            0..=4 => words::bend(&mut self.random, &mut bytes),
            5 => bytes = words::noise(&mut self.random),
            6 => bytes.truncate(1 + self.random.below(bytes.len())),
            // In the other version's form.
            7 => {
                let other = if level == Level::V5 { Level::V311 } else { Level::V5 };
                bytes = words::write(&packet, other);
            }
            _ => {}
        }
        self.tell(stranger, level, &bytes);
    }

    fn tell(&mut self, stranger: StrangerNumber, level: Level, bytes: &[u8]) {
        words::read_and_write(bytes, level);
        if self.random.once_in(10) && bytes.len() > 1 {
            let at = 1 + self.random.below(bytes.len() - 1);
            self.sim.say(stranger, &bytes[..at]);
            self.sim.say(stranger, &bytes[at..]);
        } else {
            self.sim.say(stranger, bytes);
        }
    }

    /// What was published arrived, once and in order.
    fn check_pairs(&mut self) {
        for pair in &mut self.pairs {
            let what = pair.topic;
            assert!(self.sim.client(pair.publisher).is_done(), "{what}: not all is taken over");
            let subscriber = self.sim.client(pair.subscriber);
            let number = |it: &bytes::Bytes| String::from_utf8_lossy(it).parse::<usize>();
            let payloads = subscriber.payloads(what);
            let mut got: Vec<_> = payloads.iter().map(|it| number(it).expect("a number")).collect();
            if pair.qos == QoS::AtLeastOnce && self.broke {
                let mut seen = BTreeSet::new();
                got.retain(|it| seen.insert(*it));
            }
            assert_eq!(got, (0..pair.published).collect::<Vec<_>>(), "{what}");
            assert_eq!(subscriber.received.len(), payloads.len(), "nothing else came");
            subscriber.received.clear();
            self.sim.client(pair.publisher).acknowledged.clear();
            (self.delivered, pair.published) = (self.delivered + got.len(), 0);
        }
        self.broke = false;
    }

    /// The packets show no promise that was not kept, to strangers neither. What is under way to one
    /// who does not answer may stay so.
    fn check_verdict(&self) {
        let ledger = self.sim.ledger().expect("it is watched");
        let verdict = judge(ledger, false);
        let report = VerdictReport::from(&verdict);
        assert!(report.kept, "{}", report.text());
    }

    /// What is kept is bounded by the settings, and what nothing refers to is gone.
    fn check_bounds(&mut self) {
        for node in [ONE, TWO] {
            let broker = self.sim.broker(node).expect("it has power");
            let status = broker.status();
            assert_eq!(broker.uncommitted(), 0, "all is committed");
            assert!(status.sessions.len() <= CLIENTS, "{} sessions", status.sessions.len());
            // A SUBSCRIBE is answered with all that is retained, if the queue is not full.
            let most = QUEUED + usize::from(IN_FLIGHT) + 2 * status.retained + RETAINED_IN_A_ROUND;
            for session in &status.sessions {
                let (client, queued) = (&session.client, session.queued);
                assert!(queued <= most, "{queued} messages for {client}");
            }
            let image = self.sim.disk(node).image();
            assert!(image.sessions.len() <= CLIENTS + 1, "{} sessions kept", image.sessions.len());
            for (client, session) in &image.sessions {
                assert!(session.subscriptions.len() <= 50, "subscriptions of {client}");
            }
            let queued = image.sessions.values().flat_map(|it| it.deliveries.values());
            let wills = image.sessions.values().filter_map(|it| it.will.map(|will| will.id));
            let retained = image.retained.values().map(|it| it.id);
            let referred: BTreeSet<_> =
                queued.map(|it| it.id).chain(wills).chain(retained).collect();
            let kept: BTreeSet<_> = image.messages.keys().copied().collect();
            assert_eq!(kept, referred, "a body is kept exactly as long as something refers to it");
        }
    }

    /// Takes away what strangers left retained, which no setting bounds but `memory_limit`.
    fn tidy_up(&mut self) {
        for (node, janitor) in [ONE, TWO].into_iter().zip(self.janitors) {
            let topics: Vec<_> = self.sim.disk(node).image().retained.keys().cloned().collect();
            for topic in topics {
                self.sim.client(janitor).publish(Message::new(topic, "", QoS::AtLeastOnce, true));
            }
            self.sim.poke(janitor);
        }
        self.sim.run_for(Duration::from_secs(2));
        for (node, janitor) in [ONE, TWO].into_iter().zip(self.janitors) {
            assert!(self.sim.client(janitor).is_done());
            self.sim.client(janitor).acknowledged.clear();
            // Wills that waited may have come meanwhile.
            let left = self.sim.broker(node).expect("it has power").status().retained;
            assert!(left <= CLIENTS, "{left} retained messages could not be cleared");
        }
        self.sim.forget_events();
    }
}

/// So many topics strangers may retain something on in a round, bent ones included.
const RETAINED_IN_A_ROUND: usize = 400;
