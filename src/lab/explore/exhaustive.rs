//! Every order of the next few deliveries, and every cut and power failure that one of them can meet.
//!
//! It begins behind the first thing that the scenario's script does. After so many deliveries time goes
//! on as usual, everything is mended, and what came of it is judged.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use super::attempt::conclude;
use crate::lab::plan::Plan;
use crate::lab::script::command;
use crate::lab::stage::Player;
use crate::lab::verdict::Verdict;
use crate::lab::world::sim::World;

/// How far it goes.
#[derive(Debug, Clone, Copy)]
pub struct Exhaustive {
    /// So many deliveries.
    pub depth: u32,
    /// So many threads.
    pub threads: usize,
    /// What programs draw from.
    pub seed: u64,
}

/// What it came to so far.
#[derive(Debug, Clone, Default)]
pub struct Visited {
    /// How many states.
    pub states: u64,
    /// How often one of them was met again on another way.
    pub again: u64,
    /// How many ends were judged.
    pub ends: u64,
    /// How many of these broke a promise.
    pub failed: u64,
    /// The shortest way to one that did.
    pub first: Option<Failed>,
}

/// A way to a broken promise.
#[derive(Debug, Clone)]
pub struct Failed {
    /// What came next, each time, in words.
    pub choices: Vec<String>,
    /// The last word.
    pub verdict: Arc<Verdict>,
    /// What did not come to rest.
    pub unrest: Option<String>,
}

/// A state to go on from.
struct State {
    world: World,
    way: Vec<String>,
    /// Whether a fault may still come.
    whole: bool,
}

/// Tries them all; `tell` hears of it and says whether to go on.
///
/// # Errors
/// In words, where the script does nothing to begin behind, or does not come that far.
///
/// # Panics
/// When a thread did, which is a defect.
pub fn run(
    plan: &Arc<Plan>,
    search: Exhaustive,
    tell: impl Fn(&Visited) -> bool + Sync,
) -> Result<Visited, String> {
    let world = begin(plan, search.seed)?;
    let work = Work {
        plan,
        depth: usize::try_from(search.depth).unwrap_or(usize::MAX),
        open: Mutex::new(Open {
            states: vec![State { world, way: Vec::new(), whole: true }],
            busy: 0,
        }),
        changed: Condvar::new(),
        met: Mutex::default(),
        visited: Mutex::default(),
        stopped: AtomicBool::new(false),
    };
    thread::scope(|scope| {
        for _ in 0..search.threads.max(1) {
            scope.spawn(|| work.go_on(&tell));
        }
    });
    Ok(work.visited.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// The world behind the first thing that the script does.
fn begin(plan: &Arc<Plan>, seed: u64) -> Result<World, String> {
    let Some(first) = plan.steps.iter().position(|step| !step.deed.is_wait()) else {
        return Err("the script does nothing: it needs a click to begin behind".to_owned());
    };
    let mut world = World::steady(Arc::clone(plan), seed)?;
    let mut player = match Player::new(&mut world) {
        Ok(player) => player,
        Err(never) => match never {},
    };
    let mut late = None;
    let Ok(()) = player.play(plan.steps[..first].to_vec(), |step, _, _, why| {
        late = late.take().or(why.map(|why| format!("{}: {why}", step.deed)));
    });
    world.obey(command(&plan.steps[first].deed));
    drop(world.take_entries());
    late.map_or(Ok(world), Err)
}

struct Work<'a> {
    plan: &'a Arc<Plan>,
    depth: usize,
    open: Mutex<Open>,
    changed: Condvar,
    met: Mutex<HashSet<(u64, usize, bool)>>,
    visited: Mutex<Visited>,
    stopped: AtomicBool,
}

struct Open {
    states: Vec<State>,
    /// How many threads may bring more.
    busy: usize,
}

impl Work<'_> {
    fn go_on(&self, tell: &impl Fn(&Visited) -> bool) {
        while let Some(state) = self.next() {
            let more = self.visit(state);
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.states.extend(more);
            open.busy -= 1;
            drop(open);
            self.changed.notify_all();
            let visited = self.visited.lock().unwrap_or_else(PoisonError::into_inner);
            if !tell(&visited) {
                self.stopped.store(true, Ordering::Relaxed);
            }
        }
        self.changed.notify_all();
    }

    /// The next state; none when all are visited.
    fn next(&self) -> Option<State> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if self.stopped.load(Ordering::Relaxed) {
                return None;
            }
            if let Some(state) = open.states.pop() {
                open.busy += 1;
                return Some(state);
            }
            if open.busy == 0 {
                return None;
            }
            open = self.changed.wait(open).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The states that follow; none behind an end, which is judged.
    fn visit(&self, state: State) -> Vec<State> {
        let choices = if state.way.len() < self.depth {
            state.world.choices(state.whole)
        } else {
            Vec::new()
        };
        if choices.is_empty() {
            self.judge(state);
            return Vec::new();
        }
        let mut more = Vec::new();
        for choice in choices {
            let mut world = state.world.clone();
            world.choose(&choice);
            drop(world.take_entries());
            let whole = state.whole && !choice.is_fault();
            let key = (world.fingerprint(), state.way.len(), whole);
            let new = self.met.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
            let mut visited = self.visited.lock().unwrap_or_else(PoisonError::into_inner);
            visited.states += u64::from(new);
            visited.again += u64::from(!new);
            drop(visited);
            if new {
                let way = state.way.iter().cloned().chain([choice.words.clone()]).collect();
                more.push(State { world, way, whole });
            }
        }
        more
    }

    fn judge(&self, mut state: State) {
        let unrest = conclude(&mut state.world);
        let verdict = state.world.verdict();
        let kept = verdict.breaches.iter().all(|it| self.plan.breaches.contains(&it.kind));
        let mut visited = self.visited.lock().unwrap_or_else(PoisonError::into_inner);
        visited.ends += 1;
        if kept && unrest.is_none() {
            return;
        }
        visited.failed += 1;
        // By length and by words, so that it is the same whichever thread comes first.
        let shorter = visited.first.as_ref().is_none_or(|first| {
            (state.way.len(), &state.way) < (first.choices.len(), &first.choices)
        });
        if shorter {
            visited.first = Some(Failed { choices: state.way, verdict, unrest });
        }
    }
}
