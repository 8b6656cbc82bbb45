//! A scenario's script: from what a snapshot shows to the next command.

use std::time::Duration;

use super::command::{Action, Command, DiskTrouble};
use super::condition::{against, holds};
use super::name::{BoardName, BridgeName, CableName, ProgramName};
use super::snapshot::Snapshot;
use crate::card::SensorNumber;
use crate::conf::scenario::{Deed, Step, Target};

/// A script that is being played.
#[derive(Debug, Clone)]
pub struct Script {
    steps: Vec<Step>,
    next: usize,
    /// How many commands the world must have done before the next step.
    sent: u64,
    waiting_since: Option<Duration>,
    /// When it began.
    began: Option<Duration>,
}

/// What the script wants.
#[derive(Debug, Clone, PartialEq)]
pub enum Turn {
    /// This is to be done now; it is that step, counted from 0.
    Do(usize, Command),
    /// The condition of that step holds, or its time has passed.
    Held(usize),
    /// A later snapshot is needed, or that time.
    Wait { until: Option<Duration> },
    /// The condition of that step did not come true in time.
    Late(usize),
    /// All steps are done.
    Done,
}

impl Script {
    /// A script at its beginning, in a world that has carried out `done` commands.
    #[must_use]
    pub fn new(steps: Vec<Step>, done: u64) -> Self {
        Self { steps, next: 0, sent: done, waiting_since: None, began: None }
    }

    /// How far it is: steps done, and steps in all.
    #[must_use]
    pub fn progress(&self) -> (usize, usize) {
        (self.next, self.steps.len())
    }

    /// How many commands the world has carried out when it has done all that was asked so far.
    #[must_use]
    pub fn commands_sent(&self) -> u64 {
        self.sent
    }

    /// The steps.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What to do, as of `snapshot` at time `now`. Ask again at once after
    /// `Do` and `Held`.
    pub fn turn(&mut self, snapshot: &Snapshot, now: Duration) -> Turn {
        if snapshot.done < self.sent {
            return Turn::Wait { until: None };
        }
        let began = *self.began.get_or_insert(now);
        let Some(step) = self.steps.get(self.next) else { return Turn::Done };
        if let Some(at) = step.at.map(|at| began + at)
            && now < at
        {
            return Turn::Wait { until: Some(at) };
        }
        let (condition, within) = match &step.deed {
            Deed::WaitUntil { condition, within } => (condition, within),
            Deed::Wait(time) => {
                let until = *self.waiting_since.get_or_insert(now) + *time;
                if now < until {
                    return Turn::Wait { until: Some(until) };
                }
                self.waiting_since = None;
                self.next += 1;
                return Turn::Held(self.next - 1);
            }
            deed => {
                self.sent += 1;
                self.next += 1;
                return Turn::Do(self.next - 1, command(deed));
            }
        };
        let until = *self.waiting_since.get_or_insert(now) + *within;
        if holds(condition, snapshot) {
            self.waiting_since = None;
            self.next += 1;
            Turn::Held(self.next - 1)
        } else if now >= until {
            Turn::Late(self.next)
        } else {
            Turn::Wait { until: Some(until) }
        }
    }
}

impl Script {
    /// Why the wait of a step was in vain, in words.
    #[must_use]
    pub fn late(&self, step: usize, snapshot: &Snapshot) -> String {
        match &self.steps[step].deed {
            Deed::WaitUntil { condition, within } => {
                let why = against(condition, snapshot).unwrap_or_default();
                format!("not within {} s: {why}", within.as_secs())
            }
            _ => String::new(),
        }
    }
}

/// What a deed that is no wait asks of a world.
pub(super) fn command(deed: &Deed) -> Command {
    match deed {
        Deed::Toggle { program, sensor } => {
            let (program, sensor) = (ProgramName::new(program), SensorNumber(*sensor));
            Command::Toggle { program, sensor }
        }
        Deed::Set { program, sensor, ok } => {
            let (program, sensor) = (ProgramName::new(program), SensorNumber(*sensor));
            Command::Set { program, sensor, ok: *ok }
        }
        Deed::Publish { program, count } => {
            Command::Publish { program: ProgramName::new(program), count: *count }
        }
        Deed::Message { program, message } => {
            let (program, message) = (ProgramName::new(program), message.clone());
            Command::Message { program, message }
        }
        Deed::Stop(target) => act(target, Action::Stop),
        Deed::Start(target) => act(target, Action::Start),
        Deed::Restart(target) => act(target, Action::Restart),
        Deed::Kill(target) => act(target, Action::Kill),
        Deed::PowerOff(board) => Command::Power { board: BoardName::new(board), on: false },
        Deed::PowerOn(board) => Command::Power { board: BoardName::new(board), on: true },
        Deed::Freeze(target) => act(target, Action::Freeze),
        Deed::Thaw(target) => act(target, Action::Thaw),
        Deed::Cable { cable, deed } => {
            Command::Cable { cable: CableName::new(cable), deed: deed.clone() }
        }
        Deed::DiskFull(board) => on_disk(board, Some(DiskTrouble::Full)),
        Deed::DiskSlow { board, ms } => on_disk(board, Some(DiskTrouble::Slow { ms: *ms })),
        Deed::DiskOk(board) => on_disk(board, None),
        Deed::Wait(_) | Deed::WaitUntil { .. } => unreachable!("a wait sends no command"),
    }
}

/// The deed that asks for this.
///
/// # Errors
/// In words, where a script has no word for it.
pub fn deed(wanted: &Command) -> Result<Deed, String> {
    let on = |action: Action, target: Target| match action {
        Action::Start => Deed::Start(target),
        Action::Stop => Deed::Stop(target),
        Action::Restart => Deed::Restart(target),
        Action::Kill => Deed::Kill(target),
        Action::Freeze => Deed::Freeze(target),
        Action::Thaw => Deed::Thaw(target),
    };
    Ok(match wanted {
        Command::Toggle { program, sensor } => {
            Deed::Toggle { program: program.to_string(), sensor: sensor.0 }
        }
        Command::Set { program, sensor, ok } => {
            Deed::Set { program: program.to_string(), sensor: sensor.0, ok: *ok }
        }
        Command::Publish { program, count } => {
            Deed::Publish { program: program.to_string(), count: *count }
        }
        Command::Message { program, message } => {
            Deed::Message { program: program.to_string(), message: message.clone() }
        }
        Command::Program { program, action } => on(*action, Target::Program(program.to_string())),
        Command::Broker { board, action } => on(*action, Target::Broker(board.to_string())),
        Command::Bridge { bridge, action } => on(*action, Target::Bridge(bridge.to_string())),
        Command::Power { board, on: true } => Deed::PowerOn(board.to_string()),
        Command::Power { board, on: false } => Deed::PowerOff(board.to_string()),
        Command::Cable { cable, deed } => {
            Deed::Cable { cable: cable.to_string(), deed: deed.clone() }
        }
        Command::Disk { board, trouble } => match trouble {
            Some(DiskTrouble::Full) => Deed::DiskFull(board.to_string()),
            Some(DiskTrouble::Slow { ms }) => Deed::DiskSlow { board: board.to_string(), ms: *ms },
            None => Deed::DiskOk(board.to_string()),
        },
        Command::RetryNow { .. }
        | Command::Reconnect
        | Command::Judge
        | Command::FreshStart
        | Command::PutBack { .. }
        | Command::Transport(_)
        | Command::Quit => return Err("a run that is to be repeated has no word for this".into()),
    })
}

fn on_disk(board: &str, trouble: Option<DiskTrouble>) -> Command {
    Command::Disk { board: BoardName::new(board), trouble }
}

fn act(target: &Target, action: Action) -> Command {
    match target {
        Target::Program(name) => Command::Program { program: ProgramName::new(name), action },
        Target::Broker(name) => Command::Broker { board: BoardName::new(name), action },
        Target::Bridge(name) => Command::Bridge { bridge: BridgeName::new(name), action },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cable;
    use crate::conf::scenario::Condition;
    use crate::lab::fixtures::{dual_board, program_mut};
    use crate::mqtt::{Message, QoS, Topic};

    fn step(deed: Deed) -> Step {
        Step { say: None, at: None, deed, line: 1 }
    }

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_script_waits_for_its_times() {
        let power = |at, board: &str| {
            let at = Some(Duration::from_millis(at));
            Step { at, ..step(Deed::PowerOff(board.to_owned())) }
        };
        let steps =
            vec![power(500, "a"), step(Deed::Wait(Duration::from_millis(300))), power(600, "b")];
        let mut snapshot = dual_board();
        let mut script = Script::new(steps, 0);
        let ms = Duration::from_millis;
        let off = |board| Command::Power { board: BoardName::new(board), on: false };
        // It begins at the second 10.
        let until = |at| Turn::Wait { until: Some(ms(at)) };
        assert_eq!(script.turn(&snapshot, ms(10_000)), until(10_500));
        assert_eq!(script.turn(&snapshot, ms(10_499)), until(10_500));
        assert_eq!(script.turn(&snapshot, ms(10_510)), Turn::Do(0, off("a")));
        snapshot.done = 1;
        assert_eq!(script.turn(&snapshot, ms(10_520)), until(10_820));
        assert_eq!(script.turn(&snapshot, ms(10_830)), Turn::Held(1));
        // Its time has passed already.
        assert_eq!(script.turn(&snapshot, ms(10_830)), Turn::Do(2, off("b")));
    }

    #[test]
    fn a_script_waits_for_each_deed_and_for_its_conditions() {
        let (program, sensor) = ("card1_monitor".to_owned(), 2);
        let shows = Condition::Shows { program: program.clone(), sensor, state: Some(true) };
        let steps = vec![
            step(Deed::Toggle { program: program.clone(), sensor }),
            step(Deed::WaitUntil { condition: shows, within: secs(5) }),
            step(Deed::Kill(Target::Program(program))),
        ];
        let mut snapshot = dual_board();
        let mut script = Script::new(steps, 0);
        let program = ProgramName::new("card1_monitor");
        let sensor = SensorNumber(2);
        let toggle = Command::Toggle { program: program.clone(), sensor };
        assert_eq!(script.turn(&snapshot, secs(1)), Turn::Do(0, toggle));
        // The world has not done it yet, whatever the snapshot shows.
        program_mut(&mut snapshot, "card1_monitor").face.own[1].state = Some(true);
        assert_eq!(script.turn(&snapshot, secs(1)), Turn::Wait { until: None });
        snapshot.done = 1;
        program_mut(&mut snapshot, "card1_monitor").face.own[1].state = Some(false);
        assert_eq!(script.turn(&snapshot, secs(2)), Turn::Wait { until: Some(secs(7)) });
        assert_eq!(script.turn(&snapshot, secs(6)), Turn::Wait { until: Some(secs(7)) });
        assert_eq!(script.clone().turn(&snapshot, secs(7)), Turn::Late(1));
        let why = script.late(1, &snapshot);
        assert_eq!(why, "not within 5 s: card1_monitor shows sensor 2 as KO");
        program_mut(&mut snapshot, "card1_monitor").face.own[1].state = Some(true);
        assert_eq!(script.turn(&snapshot, secs(6)), Turn::Held(1));
        let kill = Command::Program { program, action: Action::Kill };
        assert_eq!(script.turn(&snapshot, secs(6)), Turn::Do(2, kill));
        snapshot.done = 2;
        assert_eq!(script.turn(&snapshot, secs(6)), Turn::Done);
    }

    #[test]
    fn every_deed_is_a_command() {
        let name = || "x".to_owned();
        let check = |deed: Deed, expected: Command| {
            assert_eq!(super::deed(&expected), Ok(deed.clone()));
            assert_eq!(command(&deed), expected);
        };
        let (board, bridge) = (BoardName::new("x"), BridgeName::new("x"));
        let (program, action) = (ProgramName::new("x"), Action::Stop);
        let sensor = SensorNumber(4);
        check(
            Deed::Set { program: name(), sensor: 4, ok: false },
            Command::Set { program: program.clone(), sensor, ok: false },
        );
        check(
            Deed::Publish { program: name(), count: 100 },
            Command::Publish { program: program.clone(), count: 100 },
        );
        let topic = Topic::parse("a/b").expect("a topic");
        let message = Message::new(topic, "x", QoS::ExactlyOnce, true);
        check(
            Deed::Message { program: name(), message: message.clone() },
            Command::Message { program: program.clone(), message },
        );
        check(Deed::Stop(Target::Program(name())), Command::Program { program, action });
        check(
            Deed::Start(Target::Broker(name())),
            Command::Broker { board: board.clone(), action: Action::Start },
        );
        check(
            Deed::Restart(Target::Bridge(name())),
            Command::Bridge { bridge: bridge.clone(), action: Action::Restart },
        );
        check(Deed::PowerOff(name()), Command::Power { board: board.clone(), on: false });
        check(Deed::PowerOn(name()), Command::Power { board, on: true });
        let on = |deed| Command::Cable { cable: CableName::new("x"), deed };
        for deed in [cable::Deed::cut(), cable::Deed::Reset, cable::Deed::Mend] {
            check(Deed::Cable { cable: name(), deed: deed.clone() }, on(deed));
        }
        let disk = |trouble| Command::Disk { board: BoardName::new("x"), trouble };
        check(Deed::DiskFull(name()), disk(Some(DiskTrouble::Full)));
        let slow = Deed::DiskSlow { board: name(), ms: 5 };
        check(slow, disk(Some(DiskTrouble::Slow { ms: 5 })));
        check(Deed::DiskOk(name()), disk(None));
        check(
            Deed::Freeze(Target::Broker(name())),
            Command::Broker { board: BoardName::new("x"), action: Action::Freeze },
        );
        let program = ProgramName::new("x");
        let thaw = Command::Program { program, action: Action::Thaw };
        check(Deed::Thaw(Target::Program(name())), thaw);
    }
}
