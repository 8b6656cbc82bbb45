//! A scenario's script: from what a snapshot shows to the next command.

use std::time::Duration;

use super::command::{Action, Command};
use super::condition::{against, holds};
use super::name::{BoardName, BridgeName, CableName, ProgramName};
use super::snapshot::Snapshot;
use crate::cable;
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
}

/// What the script wants.
#[derive(Debug, Clone, PartialEq)]
pub enum Turn {
    /// This is to be done now; it is that step, counted from 0.
    Do(usize, Command),
    /// The condition of that step holds.
    Held(usize),
    /// A later snapshot is needed; until when at most.
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
        Self { steps, next: 0, sent: done, waiting_since: None }
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
        let Some(step) = self.steps.get(self.next) else { return Turn::Done };
        let Deed::WaitUntil { condition, within } = &step.deed else {
            self.sent += 1;
            self.next += 1;
            return Turn::Do(self.next - 1, command(&step.deed));
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

fn command(deed: &Deed) -> Command {
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
        Deed::Stop(target) => act(target, Action::Stop),
        Deed::Start(target) => act(target, Action::Start),
        Deed::Restart(target) => act(target, Action::Restart),
        Deed::Kill(target) => act(target, Action::Kill),
        Deed::PowerOff(board) => Command::Power { board: BoardName::new(board), on: false },
        Deed::PowerOn(board) => Command::Power { board: BoardName::new(board), on: true },
        Deed::Cut(bridge) => on_cable(bridge, cable::Deed::cut()),
        Deed::CutSilently(bridge) => on_cable(bridge, cable::Deed::cut_silently()),
        Deed::Mend(bridge) => on_cable(bridge, cable::Deed::Mend),
        Deed::WaitUntil { .. } => unreachable!("a wait sends no command"),
    }
}

fn on_cable(cable: &str, deed: cable::Deed) -> Command {
    Command::Cable { cable: CableName::new(cable), deed }
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
    use crate::conf::scenario::Condition;
    use crate::lab::fixtures::{dual_board, program_mut};

    fn step(deed: Deed) -> Step {
        Step { say: None, deed, line: 1 }
    }

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
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
        let check = |deed: Deed, expected: Command| assert_eq!(command(&deed), expected);
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
        check(Deed::Cut(name()), on(cable::Deed::cut()));
        check(Deed::CutSilently(name()), on(cable::Deed::cut_silently()));
        check(Deed::Mend(name()), on(cable::Deed::Mend));
    }
}
