//! Playing a scenario's script in a world of either kind, and what comes of it.
//!
//! ```text
//! steps ---> Script ---> Command ---> Stage (a world) ---> Snapshot ---> Script ...
//!                                                              |
//!                                    settle, judge, conclude <-+
//! ```

use std::sync::Arc;
use std::time::Duration;

use super::command::Command;
use super::condition::against;
use super::script::{Script, Turn};
use super::snapshot::Snapshot;
use super::verdict::Verdict;
use crate::conf::scenario::{Expectation, Step};

/// How long a world may take for one command.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A world that a script can be played in.
pub trait Stage {
    /// Why it cannot go on: the world has ended, or somebody stops the run.
    type Error;
    /// The world's time now.
    fn now(&self) -> Duration;
    /// Asks the world for something.
    ///
    /// # Errors
    /// When it cannot go on.
    fn send(&mut self, command: Command) -> Result<(), Self::Error>;
    /// The next snapshot; none where there is none within that time.
    ///
    /// # Errors
    /// When it cannot go on.
    fn next(&mut self, within: Duration) -> Result<Option<Arc<Snapshot>>, Self::Error>;
    /// The world does not do what it was asked.
    fn stuck(&self) -> Self::Error;
}

/// What came of a script.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Each expectation, and what stands against it.
    pub expectations: Vec<(Expectation, Option<String>)>,
    /// The last word on what was promised.
    pub verdict: Arc<Verdict>,
    /// The last snapshot.
    pub snapshot: Arc<Snapshot>,
}

/// A world with its newest snapshot.
pub struct Player<'a, S: Stage> {
    /// The world.
    pub stage: &'a mut S,
    /// Its newest snapshot.
    pub seen: Arc<Snapshot>,
    /// How many commands it will have carried out when it has done all that it was asked.
    pub asked: u64,
}

impl<'a, S: Stage> Player<'a, S> {
    /// A world that has begun.
    ///
    /// # Errors
    /// When it shows nothing of itself.
    pub fn new(stage: &'a mut S) -> Result<Self, S::Error> {
        let Some(seen) = stage.next(PATIENCE)? else { return Err(stage.stuck()) };
        let asked = seen.done;
        Ok(Self { stage, seen, asked })
    }

    /// Plays steps until they are done or a condition comes too late; `tell` hears of each step, by
    /// its place, and why it failed.
    ///
    /// # Errors
    /// When the world cannot go on.
    pub fn play(
        &mut self,
        steps: Vec<Step>,
        mut tell: impl FnMut(&Step, usize, Duration, Option<String>),
    ) -> Result<(), S::Error> {
        let mut script = Script::new(steps, self.asked);
        loop {
            let now = self.stage.now();
            let turn = script.turn(&self.seen, now);
            self.asked = script.commands_sent();
            let mut tell = |at: usize, why| tell(&script.steps()[at], at, now, why);
            match turn {
                Turn::Do(at, command) => {
                    tell(at, None);
                    self.stage.send(command)?;
                }
                Turn::Held(at) => tell(at, None),
                Turn::Wait { until } => {
                    let wait = until.map_or(PATIENCE, |until| until.saturating_sub(now));
                    if let Some(newer) = self.stage.next(wait)? {
                        self.seen = newer;
                    } else if until.is_none() {
                        return Err(self.stage.stuck());
                    }
                }
                Turn::Late(at) => {
                    tell(at, Some(script.late(at, &self.seen)));
                    return Ok(());
                }
                Turn::Done => return Ok(()),
            }
        }
    }

    /// Lets what is under way arrive, and expectations come true, for so long; then has everything
    /// judged.
    ///
    /// # Errors
    /// When the world cannot go on.
    pub fn conclude(
        &mut self,
        expectations: &[Expectation],
        settle: Duration,
    ) -> Result<Outcome, S::Error> {
        self.settle(settle)?;
        let until = self.stage.now() + settle;
        self.wait_until(until, |seen| {
            expectations.iter().all(|it| against(&it.condition, seen).is_none())
        })?;
        let judged = |it: &Expectation| (it.clone(), against(&it.condition, &self.seen));
        let expectations = expectations.iter().map(judged).collect();
        self.send(Command::Judge)?;
        let asked = self.asked;
        while self.seen.done < asked {
            let Some(newer) = self.stage.next(PATIENCE)? else { return Err(self.stage.stuck()) };
            self.seen = newer;
        }
        let (verdict, snapshot) = (Arc::clone(&self.seen.verdict), Arc::clone(&self.seen));
        Ok(Outcome { expectations, verdict, snapshot })
    }

    /// Lets what is under way arrive. Where a packet was dropped on a connection that lives, it is
    /// sent again on a new one only.
    fn settle(&mut self, settle: Duration) -> Result<(), S::Error> {
        let until = self.stage.now() + settle;
        let asked = self.asked;
        let rests = move |it: &Snapshot| it.verdict.counts.under_way == 0 && it.done >= asked;
        self.wait_until(until, |it| rests(it) || it.verdict.counts.stalled > 0)?;
        if self.seen.verdict.counts.stalled > 0 {
            self.send(Command::Reconnect)?;
            let asked = self.asked;
            self.wait_until(until, |it| {
                rests(it) && it.done >= asked && it.verdict.counts.stalled == 0
            })?;
        }
        Ok(())
    }

    fn send(&mut self, command: Command) -> Result<(), S::Error> {
        self.asked += 1;
        self.stage.send(command)
    }

    fn wait_until(
        &mut self,
        until: Duration,
        holds: impl Fn(&Snapshot) -> bool,
    ) -> Result<(), S::Error> {
        while !holds(&self.seen) {
            let left = until.saturating_sub(self.stage.now());
            if left.is_zero() {
                break;
            }
            let Some(newer) = self.stage.next(left)? else { break };
            self.seen = newer;
        }
        Ok(())
    }
}
