//! A random schedule of clicks and troubles, from a seed.
//!
//! Half of the troubles come within milliseconds of a click, while its handshakes are under way: that
//! is where a promise breaks. Each trouble is mended after a while, so that several overlap.

use std::time::Duration;

use crate::cable::fault::{self, CutAfter, CutBefore, Drop};
use crate::cable::{self, Direction, Fault, Pick, Random};
use crate::conf::scenario::{Deed, Step, Target, Trouble};
use crate::lab::plan::{Plan, ProgramSetup};
use crate::mqtt::{Message, PacketKind, QoS, Topic};

/// Before this, everything connects.
const BEGIN: Duration = Duration::from_secs(2);

/// The schedule of a seed, in the order of its times.
#[must_use]
pub fn schedule(plan: &Plan, seed: u64) -> Vec<Step> {
    let mut maker = Maker { plan, random: Random(seed), steps: Vec::new() };
    let clicks = maker.below(u64::from(plan.budget.clicks)) + 1;
    let mut moments = Vec::new();
    for _ in 0..clicks {
        let at = maker.moment();
        moments.push(at);
        maker.click(at);
    }
    if !plan.budget.may.is_empty() && plan.budget.troubles > 0 {
        for _ in 0..=maker.below(u64::from(plan.budget.troubles)) {
            let near = maker.of(&moments);
            let at = if maker.chance(2) { near + maker.micros(8_000) } else { maker.moment() };
            maker.trouble(at);
        }
    }
    maker.steps.sort_by_key(|step| step.at);
    maker.steps
}

struct Maker<'a> {
    plan: &'a Plan,
    random: Random,
    steps: Vec<Step>,
}

impl Maker<'_> {
    fn below(&mut self, limit: u64) -> u64 {
        self.random.draw() % limit.max(1)
    }

    /// One in so many.
    fn chance(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        let at = self.below(all.len() as u64);
        all[usize::try_from(at).unwrap_or(0)].clone()
    }

    fn micros(&mut self, below: u64) -> Duration {
        Duration::from_micros(self.below(below))
    }

    fn moment(&mut self) -> Duration {
        BEGIN + self.micros(u64::from(self.plan.budget.seconds) * 1_000_000)
    }

    /// How long a trouble lasts: from a blink to longer than any retry.
    fn while_(&mut self) -> Duration {
        match self.below(3) {
            0 => self.micros(5_000),
            1 => self.micros(400_000),
            _ => self.micros(8_000_000),
        }
    }

    fn step(&mut self, at: Duration, deed: Deed) {
        self.steps.push(Step { say: None, at: Some(at), deed, line: 0 });
    }

    fn click(&mut self, at: Duration) {
        let seats: Vec<_> = self.plan.seats().collect();
        if seats.is_empty() {
            return;
        }
        let seat = self.of(&seats);
        let plan = self.plan.program_at(seat);
        let program = plan.name.to_string();
        let sensor = match &plan.setup {
            _ if self.chance(5) => None,
            ProgramSetup::Card1 => Some(1 + self.below(3)),
            ProgramSetup::Card2 => Some(4 + self.below(3)),
            ProgramSetup::Counter(_) => {
                let count = 1 + self.below(30);
                return self.step(at, Deed::Publish { program, count });
            }
            ProgramSetup::Display | ProgramSetup::Tally(_) => None,
        };
        let deed = match sensor.and_then(|it| u8::try_from(it).ok()) {
            Some(sensor) if self.chance(3) => {
                let ok = self.chance(2);
                Deed::Set { program, sensor, ok }
            }
            Some(sensor) => Deed::Toggle { program, sensor },
            None => match self.message(seat.board) {
                Some(message) => Deed::Message { program, message },
                None => return,
            },
        };
        self.step(at, deed);
    }

    /// A message that a bridge is to carry; sometimes one that deletes what is retained.
    fn message(&mut self, board: usize) -> Option<Message> {
        let bridges = self.plan.boards.iter().enumerate().flat_map(|(at, it)| {
            it.settings.bridges.iter().flat_map(move |bridge| {
                bridge
                    .rules
                    .iter()
                    .map(move |rule| if at == board { rule.local() } else { rule.remote() })
            })
        });
        let filters: Vec<_> = bridges.collect();
        let filter = if filters.is_empty() { return None } else { self.of(&filters) };
        let level = self.of(&["explore", "explore/more"]);
        let name = filter.as_str().replace('#', level).replace('+', "explore");
        if name == filter.as_str() {
            return None; // A topic of its own, which a program may have: nobody else is to say that.
        }
        let topic = Topic::parse(&name).ok().filter(|topic| !topic.is_dollar())?;
        let qos = self.of(&[QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce, QoS::ExactlyOnce]);
        let retain = self.chance(2);
        // No two are equal, so that each can be told from the others on its way.
        let deletes = retain && self.chance(4);
        let payload = if deletes { String::new() } else { self.steps.len().to_string() };
        Some(Message::new(topic, payload, qos, retain))
    }

    fn trouble(&mut self, at: Duration) {
        let trouble = self.of(&self.plan.budget.may);
        match trouble {
            Trouble::Cut => self.on_cable(at, cable::Deed::cut(), cable::Deed::Mend),
            Trouble::CutSilently => {
                self.on_cable(at, cable::Deed::cut_silently(), cable::Deed::Mend);
            }
            Trouble::CutAt => {
                let pick = self.pick();
                let kind = if self.chance(2) {
                    fault::Kind::CutBefore(CutBefore::of(pick))
                } else {
                    fault::Kind::CutAfter(CutAfter::of(pick))
                };
                self.fault(at, kind);
            }
            Trouble::Drop => {
                let pick = self.pick();
                self.fault(at, fault::Kind::Drop(Drop::of(pick)));
            }
            Trouble::Hold => self.fault(at, fault::Kind::Hold(fault::Hold::default())),
            Trouble::Delay => {
                let (ms, jitter_ms) = (self.below(300), self.below(300));
                let seed = Random(self.random.draw());
                self.fault(at, fault::Kind::Delay(fault::Delay { ms, jitter_ms, seed }));
            }
            Trouble::Lose => {
                let seed = Random(self.random.draw());
                self.fault(at, fault::Kind::Lose(fault::Lose { chance: 0.05, seed }));
            }
            Trouble::Power => {
                let board = self.board();
                self.pair(at, Deed::PowerOff(board.clone()), Deed::PowerOn(board));
            }
            Trouble::Kill => {
                let target = self.target(false);
                self.pair(at, Deed::Kill(target.clone()), Deed::Start(target));
            }
            Trouble::Stop => {
                let target = self.target(true);
                self.pair(at, Deed::Stop(target.clone()), Deed::Start(target));
            }
            Trouble::Freeze => {
                let target = self.target(false);
                self.pair(at, Deed::Freeze(target.clone()), Deed::Thaw(target));
            }
            Trouble::Disk => self.disk(at),
        }
    }

    fn disk(&mut self, at: Duration) {
        let durable = self.plan.boards.iter().filter(|board| board.settings.persistence);
        let durable: Vec<_> = durable.map(|board| board.name.to_string()).collect();
        if durable.is_empty() {
            return;
        }
        let board = self.of(&durable);
        let trouble = if self.chance(2) {
            Deed::DiskFull(board.clone())
        } else {
            Deed::DiskSlow { board: board.clone(), ms: self.below(500) }
        };
        self.pair(at, trouble, Deed::DiskOk(board));
    }

    /// Something happens, and is undone after a while.
    fn pair(&mut self, at: Duration, first: Deed, then: Deed) {
        let lasts = self.while_();
        self.step(at, first);
        self.step(at + lasts, then);
    }

    fn on_cable(&mut self, at: Duration, first: cable::Deed, then: cable::Deed) {
        let cable = self.cable();
        let deed = |deed| Deed::Cable { cable: cable.clone(), deed };
        let (first, then) = (deed(first), deed(then));
        self.pair(at, first, then);
    }

    fn fault(&mut self, at: Duration, kind: fault::Kind) {
        let direction = self.of(&[None, Some(Direction::Out), Some(Direction::In)]);
        let clear = cable::Deed::Clear(kind.name().to_owned());
        self.on_cable(at, cable::Deed::Set(Fault { direction, kind }), clear);
    }

    fn pick(&mut self) -> Pick {
        let packet = self.of(&[
            PacketKind::CONNECT,
            PacketKind::CONNACK,
            PacketKind::PUBLISH,
            PacketKind::PUBACK,
            PacketKind::PUBREC,
            PacketKind::PUBREL,
            PacketKind::PUBCOMP,
            PacketKind::SUBSCRIBE,
            PacketKind::SUBACK,
        ]);
        Pick { nth: 1 + self.below(3), ..Pick::next(packet) }
    }

    fn board(&mut self) -> String {
        let boards: Vec<_> = self.plan.boards.iter().map(|board| board.name.to_string()).collect();
        self.of(&boards)
    }

    /// A bridge's cable, or a program's; bridges' more often.
    fn cable(&mut self) -> String {
        let bridges = self.bridges();
        let programs: Vec<_> = self.programs();
        match (bridges.is_empty(), programs.is_empty()) {
            (true, true) => self.board(),
            (false, true) => self.of(&bridges),
            (false, false) if !self.chance(3) => self.of(&bridges),
            _ => self.of(&programs),
        }
    }

    fn bridges(&self) -> Vec<String> {
        let bridges = self.plan.boards.iter().flat_map(|board| &board.bridges);
        bridges.map(|bridge| bridge.name.to_string()).collect()
    }

    fn programs(&self) -> Vec<String> {
        self.plan.seats().map(|seat| self.plan.program_at(seat).name.to_string()).collect()
    }

    fn target(&mut self, bridges: bool) -> Target {
        let mut all: Vec<_> =
            self.plan.boards.iter().map(|it| Target::Broker(it.name.to_string())).collect();
        // As likely as programs, of which there are more.
        all.extend(all.clone());
        all.extend(self.programs().into_iter().map(Target::Program));
        if bridges {
            all.extend(self.bridges().into_iter().map(Target::Bridge));
        }
        self.of(&all)
    }
}
