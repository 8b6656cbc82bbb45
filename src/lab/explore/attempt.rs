//! One run of a schedule: everything is mended at its end, and then everything promised must come
//! true.

use std::sync::Arc;
use std::time::Duration;

use crate::cable;
use crate::conf::scenario::{BreachKind, Condition, Step};
use crate::lab::condition::against;
use crate::lab::plan::Plan;
use crate::lab::script::command;
use crate::lab::snapshot::{BoardView, BridgeState, Run};
use crate::lab::trace::Entry;
use crate::lab::verdict::{Breach, Verdict, claims};
use crate::lab::world::sim::World;
use crate::lab::{Action, Command};

/// How long the system has to come to rest, once everything is mended.
const REST: Duration = Duration::from_mins(3);
/// How long nobody looks then.
const SETTLE: Duration = Duration::from_secs(2);
/// How often somebody looks whether it has.
const LOOK: Duration = Duration::from_millis(500);

/// What came of a run.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Its seed.
    pub seed: u64,
    /// What was done.
    pub steps: Vec<Step>,
    /// The last word.
    pub verdict: Arc<Verdict>,
    /// What did not come to rest, in words.
    pub unrest: Option<String>,
    /// How many packets there were.
    pub packets: u64,
    /// How long it went on, in its own time.
    pub lasted: Duration,
}

/// In what way a run failed: what stays the same while its schedule is made smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// A promise was broken.
    Breach(BreachKind),
    /// Something never came to rest.
    Unrest,
}

impl Attempt {
    /// In what ways it failed, breaches that the scenario expects left out.
    #[must_use]
    pub fn failures(&self, expected: &[BreachKind]) -> Vec<Failure> {
        let breaches = self.verdict.breaches.iter().map(|breach| breach.kind);
        let breaches = breaches.filter(|kind| !expected.contains(kind)).map(Failure::Breach);
        let mut all: Vec<_> =
            breaches.chain(self.unrest.as_ref().map(|_| Failure::Unrest)).collect();
        all.sort();
        all.dedup();
        all
    }
}

/// Plays a schedule in a world of that seed.
///
/// # Panics
/// When the plan cannot be simulated; see [`World::new`].
#[must_use]
pub fn attempt(plan: &Arc<Plan>, seed: u64, steps: Vec<Step>) -> Attempt {
    let mut world = World::new(Arc::clone(plan), seed).expect("asked before");
    let mut claims = Claims::default();
    for step in &steps {
        let at = step.at.unwrap_or_default();
        world.run_until(at);
        // What cannot be done, like starting what runs, is part of the run.
        if !step.deed.is_wait() {
            world.obey(command(&step.deed));
        }
        drop(world.take_entries());
        claims.look(&world);
    }
    let unrest = conclude(&mut world);
    let verdict = claims.beside(world.verdict());
    let (packets, lasted) = (world.crossed(), world.now());
    Attempt { seed, steps, verdict, unrest, packets, lasted }
}

/// What programs claimed on the way, and nobody gave them: at rest it is made good.
#[derive(Debug, Default)]
pub struct Claims(Vec<Breach>);

impl Claims {
    /// Looks at what the programs claim now, unless something was found before.
    pub fn look(&mut self, world: &World) {
        if self.0.is_empty() {
            self.0 = claims(world.ledger(), world.faces());
        }
    }

    /// The last word, with what was found.
    #[must_use]
    pub fn beside(self, mut verdict: Arc<Verdict>) -> Arc<Verdict> {
        if !self.0.is_empty() {
            Arc::make_mut(&mut verdict).add(self.0);
        }
        verdict
    }
}

/// Mends everything, lets it come to rest, and has it judged; what did not come to rest, in words.
pub(super) fn conclude(world: &mut World) -> Option<String> {
    conclude_with(world, &mut drop)
}

/// The same for somebody who wants the entries.
pub fn conclude_with(world: &mut World, keep: &mut dyn FnMut(Vec<Arc<Entry>>)) -> Option<String> {
    mend(world);
    let unrest = rest(world, keep);
    world.obey(Command::Judge);
    unrest
}

/// Undoes every trouble that is left.
fn mend(world: &mut World) {
    let seen = world.snapshot();
    let faulty = seen.cables.into_iter().filter(|cable| !cable.faults.is_empty());
    for cable in faulty.map(|cable| cable.name) {
        world.obey(Command::Cable { cable, deed: cable::Deed::Mend });
    }
    for BoardView { name, power, broker, programs, .. } in seen.boards {
        if broker.disk.is_some() {
            world.obey(Command::Disk { board: name.clone(), trouble: None });
        }
        if !power {
            world.obey(Command::Power { board: name.clone(), on: true });
        } else if let Some(action) = cure(&broker.run) {
            world.obey(Command::Broker { board: name, action });
        }
        let stopped = broker.bridges.into_iter().filter(|it| it.state == BridgeState::Stopped);
        for bridge in stopped.map(|bridge| bridge.name) {
            world.obey(Command::Bridge { bridge, action: Action::Start });
        }
        for program in programs.into_iter().filter(|_| power) {
            if let Some(action) = cure(&program.run) {
                world.obey(Command::Program { program: program.name, action });
            }
        }
    }
}

/// What makes a part run again that has power.
fn cure(run: &Run) -> Option<Action> {
    match run {
        Run::Running => None,
        Run::Frozen => Some(Action::Thaw),
        Run::Stopped | Run::Failed(_) => Some(Action::Start),
    }
}

/// Waits until everybody is connected and nothing is under way; what still is not so, in words.
fn rest(world: &mut World, keep: &mut dyn FnMut(Vec<Arc<Entry>>)) -> Option<String> {
    // What was held begins to move: who is connected again has still to subscribe.
    world.run_until(world.now() + SETTLE);
    keep(world.take_entries());
    let until = world.now() + REST;
    let conditions = conditions(world.plan());
    let mut reconnected = false;
    loop {
        let snapshot = world.snapshot();
        let counts = snapshot.verdict.counts;
        let unrest = conditions.iter().find_map(|it| against(it, &snapshot));
        let unrest = unrest.or_else(|| {
            (counts.stalled > 0).then(|| format!("{} deliveries stall", counts.stalled))
        });
        if unrest.is_none() || world.now() >= until {
            return unrest;
        }
        // What was dropped on a living connection comes again on a new one only.
        if !reconnected && world.ledger().stalled().next().is_some() {
            reconnected = true;
            world.obey(Command::Reconnect);
        }
        world.run_until(world.now() + LOOK);
        keep(world.take_entries());
    }
}

/// What must hold of any system at rest.
fn conditions(plan: &Plan) -> Vec<Condition> {
    let programs = plan.seats().map(|seat| plan.program_at(seat).name.to_string());
    let bridges = plan.boards.iter().flat_map(|board| &board.bridges);
    // One that leads out of the plan has nobody at its other end.
    let inside = bridges.filter(|bridge| bridge.remote.is_some());
    let connected = inside.map(|bridge| Condition::Connected(bridge.name.to_string()));
    programs.map(Condition::Online).chain(connected).chain([Condition::Quiet]).collect()
}
