//! Two perfect brokers, a perfect bridge and the three programs, one step at a time.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use crate::card::payload::{self, ALL, CARD1};
use crate::card::{Card1, Card2, Display, Face, Input, Output, Program, SensorNumber};
use crate::mqtt::{Filter, Topic};

/// What can be killed and started; the bridge is cut and mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Card1,
    Card2,
    Display,
    Broker1,
    Broker2,
    Bridge,
}

type Queue = VecDeque<(Topic, Bytes, bool)>;

#[derive(Default)]
pub(super) struct Broker {
    up: bool,
    retained: BTreeMap<Topic, Bytes>,
    /// By the seat of the client.
    sessions: BTreeMap<usize, (Vec<Filter>, Queue)>,
    /// What its end of the bridge has to send.
    bridge: Queue,
}

/// A program's place.
struct Seat {
    broker: usize,
    program: Option<Box<dyn Program>>,
    online: bool,
    outbox: VecDeque<Output>,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Connect(usize),
    Send(usize),
    Deliver(usize),
    Bridge,
    /// From this broker to the other.
    Cross(usize),
}

pub(super) struct World {
    seed: u64,
    random: u64,
    now: Duration,
    brokers: [Broker; 2],
    cable: bool,
    bridge_online: bool,
    seats: [Seat; 3],
    /// What each sensor was set to, in order.
    history: BTreeMap<SensorNumber, Vec<bool>>,
    /// How far in the history a retained message is, by broker, topic and sensor.
    reached: BTreeMap<(usize, Topic, SensorNumber), usize>,
    /// Clicks that do not count yet.
    pending: BTreeMap<SensorNumber, bool>,
    /// What counts.
    truth: BTreeMap<SensorNumber, bool>,
    /// All that was published to a broker, in words: told when a check fails.
    log: Vec<String>,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let seat = |broker| Seat { broker, program: None, online: false, outbox: VecDeque::new() };
        let all = |state| (1..=6).map(move |n| (SensorNumber(n), state));
        Self {
            seed,
            random: seed,
            now: Duration::ZERO,
            brokers: Default::default(),
            cable: false,
            bridge_online: false,
            seats: [seat(0), seat(1), seat(1)],
            history: all(true).map(|(n, state)| (n, vec![state])).collect(),
            reached: BTreeMap::new(),
            pending: BTreeMap::new(),
            truth: all(true).collect(),
            log: Vec::new(),
        }
    }

    pub(super) fn start(&mut self, part: Part) {
        self.log.push(format!("start {part:?}"));
        let seed = self.draw();
        let (seat, program): (_, Box<dyn Program>) = match part {
            Part::Card1 => (0, Box::new(Card1::new(seed))),
            Part::Card2 => (1, Box::new(Card2::new(seed))),
            Part::Display => (2, Box::new(Display::new(seed, None))),
            Part::Broker1 => return self.brokers[0].up = true,
            Part::Broker2 => return self.brokers[1].up = true,
            Part::Bridge => return self.cable = true,
        };
        self.seats[seat].program.get_or_insert(program);
    }

    pub(super) fn kill(&mut self, part: Part) {
        self.log.push(format!("kill {part:?}"));
        match part {
            Part::Card1 => self.kill_program(0),
            Part::Card2 => self.kill_program(1),
            Part::Display => self.kill_program(2),
            Part::Broker1 => self.kill_broker(0),
            Part::Broker2 => self.kill_broker(1),
            Part::Bridge => (self.cable, self.bridge_online) = (false, false),
        }
    }

    /// Takes a broker's memory, as if it were without persistence.
    pub(super) fn wipe(&mut self, broker: usize) {
        self.brokers[broker] = Broker::default();
        self.reached.retain(|(at, ..), _| *at != broker);
    }

    /// Takes a broker's memory and keeps it.
    pub(super) fn put_aside(&mut self, broker: usize) -> Broker {
        std::mem::take(&mut self.brokers[broker])
    }

    /// Gives a broker the memory that was put aside.
    pub(super) fn put_back(&mut self, broker: usize, kept: Broker) {
        self.brokers[broker] = Broker { up: false, ..kept };
    }

    fn kill_program(&mut self, seat: usize) {
        let Some(program) = self.seats[seat].program.take() else {
            return;
        };
        for sensor in &program.face().own {
            self.pending.remove(&sensor.number);
        }
        (self.seats[seat].online, self.seats[seat].outbox) = (false, VecDeque::new());
    }

    fn kill_broker(&mut self, broker: usize) {
        (self.brokers[broker].up, self.bridge_online) = (false, false);
        for seat in 0..self.seats.len() {
            if self.seats[seat].broker == broker && self.seats[seat].online {
                (self.seats[seat].online, self.seats[seat].outbox) = (false, VecDeque::new());
                self.input(seat, Input::Disconnected { reason: "killed".to_owned() });
            }
        }
    }

    /// Clicks a sensor; nothing happens where its program does not run.
    pub(super) fn click(&mut self, sensor: SensorNumber) {
        let seat = usize::from(sensor.0 > 3);
        if self.seats[seat].program.is_none() {
            return;
        }
        self.log.push(format!("click {sensor}"));
        self.input(seat, Input::Toggle(sensor));
        let face = self.face(seat);
        let state = face.own.iter().find(|own| own.number == sensor).and_then(|own| own.state);
        let state = state.expect("a click settles a sensor");
        self.history.entry(sensor).or_default().push(state);
        self.pending.insert(sensor, state);
    }

    pub(super) fn face(&self, seat: usize) -> &Face {
        self.seats[seat].program.as_ref().expect("it runs").face()
    }

    /// Runs until nothing is left to do.
    pub(super) fn run(&mut self) {
        for _ in 0..10_000 {
            if !self.step() {
                return;
            }
        }
        panic!("{} it never comes to rest", self.story());
    }

    /// Runs a few steps.
    pub(super) fn run_some(&mut self) {
        for _ in 0..self.draw() % 8 {
            self.step();
        }
    }

    /// At rest: all three programs know the truth, and both brokers keep it.
    pub(super) fn check(&self) {
        let shown = |sensors: &[crate::card::SensorFace]| {
            sensors.iter().map(|s| (s.number, s.state)).collect::<Vec<_>>()
        };
        let truth = |range: std::ops::RangeInclusive<u8>| {
            let state = |n| (SensorNumber(n), self.truth.get(&SensorNumber(n)).copied());
            range.map(state).collect::<Vec<_>>()
        };
        assert!(self.pending.is_empty(), "{} unsent: {:?}", self.story(), self.pending);
        let check = |what: &str, found, expected| {
            assert_eq!(found, expected, "{} {what}", self.story());
        };
        check("card 1", shown(&self.face(0).own), truth(1..=3));
        check("card 2", shown(&self.face(1).own), truth(4..=6));
        check("card 2, heard", shown(&self.face(1).heard), truth(1..=3));
        check("display", shown(&self.face(2).heard), truth(1..=6));
        for broker in [0, 1] {
            let kept = self.kept(broker, ALL);
            check("kept", (1..=6).map(|n| (SensorNumber(n), kept(n))).collect(), truth(1..=6));
        }
        for seat in 0..3 {
            let face = self.face(seat);
            assert!(face.restored, "{} {face:?}", self.story());
            assert_eq!(face.ignored_count, 0, "{} {face:?}", self.story());
        }
    }

    /// What a broker's retained message says of a sensor.
    pub(super) fn kept(&self, broker: usize, name: &str) -> impl Fn(u8) -> Option<bool> + use<> {
        let topic = Topic::parse(name).expect("a topic");
        let payload = self.brokers[broker].retained.get(&topic);
        let states = payload.map(|payload| payload::parse(payload, &(1..=6)).expect("ours"));
        move |n| states.as_ref().and_then(|states| states.get(SensorNumber(n)))
    }

    fn story(&self) -> String {
        format!("seed {}\n{}\n", self.seed, self.log.join("\n"))
    }

    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.random >> 33
    }

    /// One step, drawn from those that are possible. Answers whether there was one.
    fn step(&mut self) -> bool {
        let mut steps = Vec::new();
        for (number, seat) in self.seats.iter().enumerate() {
            let broker = &self.brokers[seat.broker];
            if seat.program.is_some() && !seat.online && broker.up {
                steps.push(Step::Connect(number));
            }
            if seat.online && !seat.outbox.is_empty() {
                steps.push(Step::Send(number));
            }
            if seat.online && broker.sessions.get(&number).is_some_and(|s| !s.1.is_empty()) {
                steps.push(Step::Deliver(number));
            }
        }
        if self.bridge_online {
            let crossing = (0..2).filter(|broker| !self.brokers[*broker].bridge.is_empty());
            steps.extend(crossing.map(Step::Cross));
        } else if self.cable && self.brokers.iter().all(|broker| broker.up) {
            steps.push(Step::Bridge);
        }
        if steps.is_empty() {
            return false;
        }
        let count = u64::try_from(steps.len()).expect("a few");
        let step = steps[usize::try_from(self.draw() % count).expect("a few")];
        self.take(step);
        true
    }

    fn take(&mut self, step: Step) {
        self.now += Duration::from_millis(1);
        match step {
            Step::Connect(seat) => {
                let sessions = &mut self.brokers[self.seats[seat].broker].sessions;
                let session_present = sessions.contains_key(&seat);
                sessions.entry(seat).or_default();
                self.seats[seat].online = true;
                self.input(seat, Input::Connected { session_present });
            }
            Step::Send(seat) => {
                let output = self.seats[seat].outbox.pop_front().expect("the step is possible");
                self.send(seat, output);
            }
            Step::Deliver(seat) => {
                let session = self.brokers[self.seats[seat].broker].sessions.get_mut(&seat);
                let next = session.and_then(|session| session.1.pop_front());
                let (topic, payload, retain) = next.expect("the step is possible");
                self.input(seat, Input::Message { topic, payload, retain });
            }
            Step::Bridge => {
                self.bridge_online = true;
                for (broker, name) in [(0, CARD1), (1, ALL)] {
                    let broker = &mut self.brokers[broker];
                    let topic = Topic::parse(name).expect("a topic");
                    if let Some(payload) = broker.retained.get(&topic) {
                        broker.bridge.push_back((topic, payload.clone(), true));
                    }
                }
            }
            Step::Cross(from) => {
                let next = self.brokers[from].bridge.pop_front();
                let (topic, payload, _) = next.expect("the step is possible");
                self.publish(1 - from, &topic, &payload, true);
            }
        }
    }

    fn send(&mut self, seat: usize, output: Output) {
        let number = self.seats[seat].broker;
        match output {
            Output::Subscribe(filters) => {
                let broker = &mut self.brokers[number];
                let session = broker.sessions.get_mut(&seat).expect("it is connected");
                session.0 = filters.into_iter().map(|(filter, _)| filter).collect();
                for (topic, payload) in &broker.retained {
                    if session.0.iter().any(|filter| filter.matches(topic)) {
                        session.1.push_back((topic.clone(), payload.clone(), true));
                    }
                }
                self.input(seat, Input::Subscribed);
            }
            Output::Publish { token, topic, payload, retain, .. } => {
                self.publish(number, &topic, &payload, retain);
                let bridged = [CARD1, ALL][number];
                if topic.as_str() == bridged {
                    self.brokers[number].bridge.push_back((topic, payload, true));
                }
                self.input(seat, Input::Sent(token));
            }
        }
    }

    fn publish(&mut self, broker: usize, topic: &Topic, payload: &Bytes, retain: bool) {
        if retain {
            self.log.push(format!("broker {}: {topic} {payload:?}", broker + 1));
            self.check_publication(broker, topic, payload);
            self.brokers[broker].retained.insert(topic.clone(), payload.clone());
        }
        for (filters, queue) in self.brokers[broker].sessions.values_mut() {
            if filters.iter().any(|filter| filter.matches(topic)) {
                queue.push_back((topic.clone(), payload.clone(), false));
            }
        }
    }

    /// A retained state may only become one that the sensor was set to later.
    fn check_publication(&mut self, broker: usize, topic: &Topic, payload: &Bytes) {
        let new = payload::parse(payload, &(1..=6)).expect("ours");
        let old = self.kept(broker, topic.as_str());
        for number in 1..=6 {
            let sensor = SensorNumber(number);
            let before = old(number);
            let Some(state) = new.get(sensor) else {
                assert_eq!(before, None, "{} null replaces sensor {sensor}", self.story());
                continue;
            };
            let key = (broker, topic.clone(), sensor);
            let reached = self.reached.get(&key).copied();
            let from = match reached {
                Some(reached) if before == Some(state) => reached,
                Some(reached) => reached + 1,
                None => 0,
            };
            let found = self.history[&sensor][from..].iter().position(|set| *set == state);
            let found = found.unwrap_or_else(|| {
                panic!("{} sensor {sensor} becomes {state} without a click", self.story())
            });
            self.reached.insert(key, from + found);
        }
    }

    fn input(&mut self, seat: usize, input: Input) {
        let now = self.now;
        let place = &mut self.seats[seat];
        let program = place.program.as_mut().expect("it runs");
        let outputs = program.handle(now, input);
        let publishes = |output: &Output| matches!(output, Output::Publish { .. });
        assert!(place.online || !outputs.iter().any(publishes), "it publishes into the void");
        place.outbox.extend(outputs);
        let own = program.face().own.clone();
        for sensor in own.iter().filter(|sensor| !sensor.unsent) {
            if let Some(state) = self.pending.remove(&sensor.number) {
                let name = if sensor.number.0 <= 3 { CARD1 } else { ALL };
                let kept = self.kept(self.seats[seat].broker, name)(sensor.number.0);
                assert_eq!(kept, Some(state), "{} it says sent", self.story());
                self.truth.insert(sensor.number, state);
            }
        }
    }
}
