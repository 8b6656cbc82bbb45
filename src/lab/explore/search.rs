//! Many seeds on many threads.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use crossbeam_channel::unbounded;

use super::{Attempt, attempt, schedule};
use crate::lab::plan::Plan;

/// What a search has come to.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// How many runs there were.
    pub runs: u64,
    /// How many packets in all of them.
    pub packets: u64,
    /// How many of them failed.
    pub failed: u64,
    /// The first of these, by their seeds.
    pub first: Vec<Attempt>,
}

/// How a search goes on.
#[derive(Debug, Clone, Copy)]
pub struct Search {
    /// How many threads.
    pub threads: usize,
    /// Whether it goes on after a failure.
    pub counts: bool,
    /// How many failures are kept, those with the least seeds.
    pub keeps: usize,
}

impl Search {
    /// Tries the schedules of these seeds. `tell` hears of each run and says whether to go on.
    ///
    /// # Panics
    /// When a thread did, which is a defect.
    pub fn run(
        self,
        plan: &Arc<Plan>,
        seeds: Range<u64>,
        mut tell: impl FnMut(&Found) -> bool,
    ) -> Found {
        let (next, stop) = (AtomicU64::new(seeds.start), AtomicBool::new(false));
        let (sender, attempts) = unbounded();
        let mut found = Found::default();
        thread::scope(|scope| {
            for _ in 0..self.threads.max(1) {
                let (sender, next, stop, end) = (sender.clone(), &next, &stop, seeds.end);
                scope.spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= end {
                            break;
                        }
                        if sender.send(attempt(plan, seed, schedule(plan, seed))).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(sender);
            for attempt in attempts {
                let failed = !attempt.failures(&plan.breaches).is_empty();
                found.add(attempt, failed, self.keeps);
                if !tell(&found) || (failed && !self.counts) {
                    // What the other threads are at still comes: the least seed is the same on every
                    // machine then.
                    stop.store(true, Ordering::Relaxed);
                }
            }
        });
        found
    }
}

impl Found {
    fn add(&mut self, attempt: Attempt, failed: bool, keeps: usize) {
        self.runs += 1;
        self.packets += attempt.packets;
        if failed {
            self.failed += 1;
            self.first.push(attempt);
            self.first.sort_by_key(|it| it.seed);
            self.first.truncate(keeps);
        }
    }
}
