//! A scenario's script: from what a snapshot shows to the next command.

use std::time::Duration;

use super::command::{Action, CableFault, Command};
use super::condition::{against, holds};
use super::name::{BoardName, BridgeName, ProgramName};
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
}

/// What the script wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// This is to be done now; it is that step, counted from 0.
    Do(usize, Command),
    /// The condition of that step holds.
    Held(usize),
    /// A later snapshot is needed; until when at most, since the world began.
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

    /// The steps.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What to do, as of `snapshot` at time `now` (since the world began). Ask again at once after
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
        Deed::Stop(target) => act(target, Action::Stop),
        Deed::Start(target) => act(target, Action::Start),
        Deed::Restart(target) => act(target, Action::Restart),
        Deed::Kill(target) => act(target, Action::Kill),
        Deed::PowerOff(board) => Command::Power { board: BoardName::new(board), on: false },
        Deed::PowerOn(board) => Command::Power { board: BoardName::new(board), on: true },
        Deed::Cut(bridge) => fault(bridge, CableFault::Cut),
        Deed::CutSilently(bridge) => fault(bridge, CableFault::CutSilently),
        Deed::Mend(bridge) => fault(bridge, CableFault::Mend),
        Deed::WaitUntil { .. } => unreachable!("a wait sends no command"),
    }
}

fn fault(bridge: &str, fault: CableFault) -> Command {
    Command::Cable { bridge: BridgeName::new(bridge), fault }
}

fn act(target: &Target, action: Action) -> Command {
    match target {
        Target::Program(name) => Command::Program { program: ProgramName::new(name), action },
        Target::Broker(name) => Command::Broker { board: BoardName::new(name), action },
        Target::Bridge(name) => Command::Bridge { bridge: BridgeName::new(name), action },
    }
}
