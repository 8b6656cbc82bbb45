//! A run that one can go through in both directions: windows and the terminal show it.
//!
//! ```text
//! Recipe ---> Course ---------------------- now ---- known so far
//!               ^       ^       ^            |
//!          copies of it, ever farther apart  +--- Command: a fork, written into the recipe
//! ```
//!
//! To go back is to play forward from the nearest copy. The entries of what is known are kept, since
//! the same run has the same ones each time.

mod course;
mod host;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use super::explore::conclude_with;
use super::plan::Plan;
use super::recipe::Recipe;
use super::script::deed;
use super::trace::Entry;
use super::verdict::Verdict;
use super::{Command, Snapshot};
pub use course::Course;
pub use host::Host;

/// Copies are so many turns apart at first.
const SPACING: u64 = 256;
/// With more copies than this, every other one goes.
const COPIES: usize = 48;
/// Who goes back does so again: there is a copy so many turns before.
const NEAR: u64 = 64;
/// How far is looked for an entry that is no detail.
const FAR: Duration = Duration::from_mins(1);

/// See the module.
#[derive(Clone)]
pub struct Timeline {
    recipe: Recipe,
    course: Course,
    /// The first is the beginning; their positions rise.
    copies: Vec<Arc<Course>>,
    spacing: u64,
    /// A copy a little before where somebody went back to.
    near: Option<Arc<Course>>,
    /// All entries of what is known; the numbers of entries count them from 1.
    entries: Vec<Placed>,
    known: Moment,
}

/// An entry, and where in the run it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// Behind so many turns.
    pub position: u64,
    /// What happened.
    pub entry: Arc<Entry>,
}

impl Placed {
    fn is_notable(&self) -> bool {
        !self.entry.event.is_detail()
    }
}

/// A place in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Moment {
    /// Behind so many turns: see [`Course::position`].
    pub position: u64,
    /// At that time.
    pub at: Duration,
}

impl Timeline {
    /// The run of a recipe, at its beginning; the plan is the recipe's.
    ///
    /// # Errors
    /// In words, why it cannot be simulated.
    pub fn new(plan: Arc<Plan>, recipe: Recipe) -> Result<Self, String> {
        let mut course = Course::new(plan, &recipe)?;
        let entries = course.take_entries().into_iter();
        let position = course.position();
        let entries = entries.map(|entry| Placed { position, entry }).collect();
        let copies = vec![Arc::new(course.clone())];
        let known = Moment { position, at: course.now() };
        Ok(Self { recipe, course, copies, spacing: SPACING, near: None, entries, known })
    }

    /// What makes this run, with what was done by hand so far.
    #[must_use]
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// What runs.
    #[must_use]
    pub fn plan(&self) -> &Arc<Plan> {
        self.course.world().plan()
    }

    /// Where it is.
    #[must_use]
    pub fn moment(&self) -> Moment {
        Moment { position: self.course.position(), at: self.course.now() }
    }

    /// Behind how many turns it is.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.course.position()
    }

    /// How far the run is known; it has no end.
    #[must_use]
    pub fn known(&self) -> Moment {
        self.known
    }

    /// How far the script is: steps done, and steps in all; none once it has ended.
    #[must_use]
    pub fn script(&self) -> Option<(usize, usize)> {
        self.course.script()
    }

    /// All entries so far.
    #[must_use]
    pub fn entries(&self) -> &[Placed] {
        let position = self.position();
        let count = self.entries.partition_point(|entry| entry.position <= position);
        &self.entries[..count]
    }

    /// All entries of what is known, those that are still to come included.
    #[must_use]
    pub fn known_entries(&self) -> &[Placed] {
        &self.entries
    }

    /// Everything as it is now.
    pub fn snapshot(&mut self) -> Snapshot {
        self.course.snapshot()
    }

    /// Takes the next turn; false where nothing is to happen any more.
    pub fn step(&mut self) -> bool {
        self.advance(None)
    }

    /// Takes the last turn back; false at the beginning.
    pub fn back(&mut self) -> bool {
        let position = self.position();
        if position <= self.copies[0].position() {
            return false;
        }
        self.jump_to(position - 1);
        true
    }

    /// Goes to just behind so many turns, or to where nothing is to happen any more.
    pub fn jump_to(&mut self, position: u64) {
        if position < self.position() {
            self.restore(|copy| copy.position() <= position, position.checked_sub(NEAR));
        }
        while self.position() < position && self.advance(None) {}
    }

    /// Goes to that time; what is due then has happened.
    pub fn jump_to_time(&mut self, at: Duration) {
        if at < self.course.now() {
            self.restore(|copy| copy.now() <= at, None);
        }
        self.play_until(at);
    }

    /// Goes on until that time, if it is later.
    pub fn play_until(&mut self, at: Duration) {
        while self.advance(Some(at)) {}
    }

    /// Goes on to the next entry that is no detail; or a minute on, where none comes, and false.
    pub fn next_notable(&mut self) -> bool {
        let until = self.course.now() + FAR;
        let mut seen = self.entries().len();
        loop {
            if let Some(found) = self.entries[seen..].iter().find(|it| it.is_notable()) {
                self.jump_to(found.position);
                return true;
            }
            seen = self.entries.len();
            if !self.advance(Some(until)) {
                return false;
            }
        }
    }

    /// Goes back to the last entry before now that is no detail, or to the beginning.
    pub fn previous_notable(&mut self) {
        let Moment { position, at } = self.moment();
        let is_before = |it: &&Placed| it.position < position || it.entry.at < at;
        let found = self.entries().iter().rev().filter(is_before).find(|it| it.is_notable());
        match found.map(|it| (it.position, it.entry.at)) {
            // Time alone has passed since.
            Some((found, at)) if found == position => self.jump_to_time(at),
            Some((found, _)) => self.jump_to(found),
            None if position == 0 => self.jump_to_time(Duration::ZERO),
            None => self.jump_to(0),
        }
    }

    /// Does this now. What lay ahead is forgotten, and what was done by hand there; the script goes
    /// on, and so does the schedule in its place.
    ///
    /// # Errors
    /// In words, where it is nothing that a schedule can say.
    pub fn command(&mut self, command: &Command) -> Result<(), String> {
        let deed = deed(command)?;
        let position = self.position();
        self.entries.truncate(self.entries().len());
        self.copies.retain(|copy| copy.position() <= position);
        self.near = None;
        self.course.by_hand(deed);
        self.known = Moment::default();
        self.note();
        self.recipe.by_hand = self.course.done_by_hand().to_vec();
        Ok(())
    }

    /// The last word on the run if everything were mended now, and what would not come to rest then,
    /// in words. The run stays as it is.
    #[must_use]
    pub fn conclusion(&self) -> (Arc<Verdict>, Option<String>) {
        let mut course = self.course.clone();
        let unrest = conclude_with(course.world_mut(), &mut drop);
        (course.world().verdict(), unrest)
    }

    /// A second run with the same past, to compare with.
    #[must_use]
    pub fn fork(&self) -> Self {
        self.clone()
    }

    /// The memory of going back: how many copies there are, and how many turns they are apart.
    #[must_use]
    pub fn copies(&self) -> (usize, u64) {
        (self.copies.len(), self.spacing)
    }

    fn advance(&mut self, until: Option<Duration>) -> bool {
        let went = self.course.step_until(until);
        self.note();
        if went {
            self.keep();
        }
        went
    }

    /// Writes down what is new.
    fn note(&mut self) {
        let position = self.position();
        for entry in self.course.take_entries() {
            if entry.number > self.entries.len() as u64 {
                self.entries.push(Placed { position, entry });
            }
        }
        self.known = self.known.max(self.moment());
    }

    /// Keeps a copy from time to time.
    fn keep(&mut self) {
        let newest = self.copies.last().map_or(0, |copy| copy.position());
        if self.position() < newest + self.spacing {
            return;
        }
        self.copies.push(Arc::new(self.course.clone()));
        if self.copies.len() > COPIES {
            self.spacing *= 2;
            let mut at = 0;
            self.copies.retain(|_| {
                at += 1;
                at % 2 == 1
            });
        }
    }

    /// Goes back to the last copy that may be; from there to where there shall be one nearby.
    fn restore(&mut self, may: impl Fn(&Course) -> bool, near: Option<u64>) {
        let copies = self.copies.iter().rev().chain(&self.near).filter(|copy| may(copy));
        let Some(copy) = copies.max_by_key(|copy| copy.position()).map(Arc::clone) else { return };
        let mut course = Course::clone(&copy);
        course.follow(&self.course);
        self.course = course;
        if let Some(near) = near
            && self.position() < near
        {
            while self.position() < near && self.advance(None) {}
            self.near = Some(Arc::new(self.course.clone()));
        }
    }
}
