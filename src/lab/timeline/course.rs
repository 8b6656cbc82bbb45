//! The course of a run: a simulated world, the script that plays in it, and deeds at their times.
//!
//! ```text
//!             what is due first, and at one time in this order:
//! by hand, behind the turn they came behind --> happenings --> schedule --> script --> turn
//! ```
//!
//! The script sees the world as often as in [`Player`](crate::lab::stage::Player), so it does the
//! same at the same times. A course is a value: a copy of it goes on by itself.

use std::sync::Arc;
use std::time::Duration;

use crate::conf::scenario::{Deed, Step};
use crate::lab::plan::Plan;
use crate::lab::recipe::{ByHand, Recipe};
use crate::lab::script::{Script, Turn, command};
use crate::lab::stage::PATIENCE;
use crate::lab::trace::Entry;
use crate::lab::world::sim::{SNAPSHOT_EVERY, VirtualTime, World};
use crate::lab::{Command, Snapshot};

/// See the module.
#[derive(Clone)]
pub struct Course {
    world: World,
    turns: u64,
    script: Option<Playing>,
    /// What is done at its time, and how many of these were done.
    schedule: Arc<[Step]>,
    scheduled: usize,
    /// What was done by hand, and how many of these were done.
    by_hand: Arc<[ByHand]>,
    handed: usize,
}

/// A script that is not at its end.
#[derive(Clone)]
struct Playing {
    script: Script,
    /// When it looks at the world again.
    look_at: Duration,
}

impl Course {
    /// A run at its beginning. The script plays where the recipe has no steps in its place.
    ///
    /// # Errors
    /// In words, why the plan cannot be simulated.
    pub fn new(plan: Arc<Plan>, recipe: &Recipe) -> Result<Self, String> {
        let steps = recipe.steps.is_none().then(|| plan.steps.clone());
        let mut course = Self::without_script(plan, recipe)?;
        course.script = steps.map(|steps| Playing {
            script: Script::new(steps, course.done()),
            look_at: SNAPSHOT_EVERY,
        });
        Ok(course)
    }

    /// The same, where somebody else plays the script, with the course as the stage.
    ///
    /// # Errors
    /// As [`Course::new`].
    pub fn without_script(plan: Arc<Plan>, recipe: &Recipe) -> Result<Self, String> {
        let is_deed = |step: &&Step| !step.deed.is_wait();
        let schedule = recipe.steps.iter().flatten().filter(is_deed).cloned().collect();
        let world = World::new(plan, recipe.seed)?;
        let by_hand = recipe.by_hand.clone().into();
        Ok(Self { world, turns: 0, script: None, schedule, scheduled: 0, by_hand, handed: 0 })
    }

    /// The world as it is now.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The same, for whoever ends the run.
    pub fn world_mut(&mut self) -> &mut World {
        &mut self.world
    }

    /// How many turns the run has taken: each happening is one, and each command with all that
    /// happens while it is carried out.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.turns
    }

    /// The virtual time, from 0.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.world.now()
    }

    /// How far the script is: steps done, and steps in all; none once it has ended.
    #[must_use]
    pub fn script(&self) -> Option<(usize, usize)> {
        self.script.as_ref().map(|playing| playing.script.progress())
    }

    /// Whether everything scheduled is done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.scheduled == self.schedule.len() && self.handed == self.by_hand.len()
    }

    /// How many steps of the schedule are done.
    #[must_use]
    pub fn scheduled(&self) -> usize {
        self.scheduled
    }

    /// The entries of the trace since they were last taken.
    pub fn take_entries(&mut self) -> Vec<Arc<Entry>> {
        self.world.take_entries()
    }

    /// As windows and scripts see it.
    pub fn snapshot(&mut self) -> Snapshot {
        let snapshot = self.world.snapshot();
        Snapshot { done: self.done(), ..snapshot }
    }

    /// Takes the next turn, if it is due until then; otherwise it is that time. Without a time it
    /// waits for the next turn however long, unless there is none.
    pub fn step_until(&mut self, until: Option<Duration>) -> bool {
        loop {
            if let Some(command) = self.due() {
                self.obey(command);
                return true;
            }
            let happens = self.world.next_at();
            let Some(next) = [happens, self.deed_at(), self.look_at()].into_iter().flatten().min()
            else {
                if let Some(until) = until {
                    self.world.run_until(until);
                }
                return false;
            };
            let next = next.max(self.now());
            if let Some(until) = until
                && until < next
            {
                self.world.run_until(until);
                return false;
            }
            if happens.is_some_and(|at| at <= next) {
                self.turns += 1;
                return self.world.step_until(next);
            }
            if self.now() < next {
                self.world.run_until(next);
                continue;
            }
            // All that is left to do now is to look. Whoever does something by hand at this time
            // does it before, as they would see no difference; so it is left for later.
            if until == Some(next) {
                return false;
            }
            if self.look() {
                return true;
            }
        }
    }

    /// Everything until then.
    pub fn run_until(&mut self, until: Duration) {
        while self.step_until(Some(until)) {}
    }

    /// Does this now, by hand, and forgets what was to be done by hand later.
    pub(super) fn by_hand(&mut self, deed: Deed) {
        let done = &self.by_hand[..self.handed];
        let deed = ByHand { at: self.now(), after: self.position(), deed };
        self.by_hand = done.iter().cloned().chain([deed]).collect();
        self.step_until(Some(self.now()));
    }

    /// What was done by hand so far.
    pub(super) fn done_by_hand(&self) -> &[ByHand] {
        &self.by_hand[..self.handed]
    }

    /// What is to be done by hand from now on is what it is in that other course, which has the same
    /// past.
    pub(super) fn follow(&mut self, other: &Self) {
        self.by_hand = Arc::clone(&other.by_hand);
    }

    /// How many commands are done that are no deeds of the recipe: those that whoever plays the
    /// script has given.
    fn done(&self) -> u64 {
        self.world.done() - (self.scheduled + self.handed) as u64
    }

    fn obey(&mut self, command: Command) {
        self.turns += 1;
        self.world.obey(command);
    }

    /// The next deed, if now is its time.
    fn due(&mut self) -> Option<Command> {
        let now = self.now();
        let rests = self.world.next_at().is_none_or(|at| at > now);
        let scheduled = self.schedule.get(self.scheduled);
        let scheduled = scheduled.filter(|it| rests && it.at.unwrap_or_default() <= now);
        let by_hand = self.by_hand.get(self.handed).filter(|it| it.at <= now);
        let looks = || self.look_at().is_some_and(|at| at <= now);
        if let Some(deed) = by_hand
            // A file that somebody changed may name a turn that never comes.
            && (deed.after <= self.position() || rests && scheduled.is_none() && !looks())
        {
            let command = command(&deed.deed);
            self.handed += 1;
            return Some(command);
        }
        let command = command(&scheduled?.deed);
        self.scheduled += 1;
        Some(command)
    }

    /// When the next deed of the recipe is due.
    fn deed_at(&self) -> Option<Duration> {
        let scheduled = self.schedule.get(self.scheduled).map(|it| it.at.unwrap_or_default());
        let by_hand = self.by_hand.get(self.handed).map(|it| it.at);
        scheduled.into_iter().chain(by_hand).min()
    }

    fn look_at(&self) -> Option<Duration> {
        self.script.as_ref().map(|playing| playing.look_at)
    }

    /// Lets the script look at the world; whether it does something.
    fn look(&mut self) -> bool {
        let Some(mut playing) = self.script.take() else { return false };
        let (snapshot, now) = (self.snapshot(), self.now());
        loop {
            match playing.script.turn(&snapshot, now) {
                Turn::Do(_, command) => {
                    self.obey(command);
                    playing.look_at = now + SNAPSHOT_EVERY;
                    self.script = Some(playing);
                    return true;
                }
                Turn::Held(_) => {}
                Turn::Wait { until } => {
                    playing.look_at = until.unwrap_or(now + PATIENCE);
                    let (next, steps) = (playing.script.progress().0, playing.script.steps());
                    let is_condition =
                        matches!(steps.get(next).map(|it| &it.deed), Some(Deed::WaitUntil { .. }));
                    // For what waits for a time alone nothing is to be seen before.
                    if is_condition || until.is_none() {
                        playing.look_at = playing.look_at.min(now + SNAPSHOT_EVERY);
                    }
                    self.script = Some(playing);
                    return false;
                }
                Turn::Late(_) | Turn::Done => return false,
            }
        }
    }
}

/// For whoever plays a script with deeds by hand in between.
impl VirtualTime for Course {
    fn now(&self) -> Duration {
        Course::now(self)
    }

    fn obey(&mut self, command: Command) {
        Course::obey(self, command);
    }

    fn run_until(&mut self, until: Duration) {
        Course::run_until(self, until);
    }

    fn snapshot(&mut self) -> Snapshot {
        Course::snapshot(self)
    }
}
