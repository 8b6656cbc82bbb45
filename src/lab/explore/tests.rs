//! Random schedules of the built-in scenarios break no promise.

use std::sync::Arc;

use super::exhaustive::{self, Exhaustive};
use super::search::Search;
use super::{attempt, schedule, shrink};
use crate::conf::scenario::Trouble;
use crate::lab::fixtures::plan;

#[test]
fn a_seed_is_a_schedule() {
    let plan = plan("dual-board");
    assert_eq!(schedule(&plan, 7), schedule(&plan, 7));
    assert_ne!(schedule(&plan, 7), schedule(&plan, 8));
    let steps = schedule(&plan, 7);
    assert!(steps.is_sorted_by_key(|step| step.at));
}

#[test]
fn built_in_scenarios_keep_their_promises_whatever_happens() {
    for name in ["dual-board", "counting"] {
        let plan = plan(name);
        let search = Search { threads: 2, counts: false, keeps: 1 };
        let found = search.run(&plan, 0..40, |_| true);
        let said = found.first.iter().map(|it| {
            let steps: Vec<_> =
                it.steps.iter().map(|step| format!("{:?} {}", step.at, step.deed)).collect();
            (it.seed, it.unrest.clone(), it.verdict.breaches.clone(), steps)
        });
        assert_eq!(found.failed, 0, "{name}: {:#?}", said.collect::<Vec<_>>());
    }
}

#[test]
fn the_smallest_schedule_needs_each_of_its_steps() {
    // What no TCP does breaks promises that MQTT builds on it.
    let mut plan = Arc::unwrap_or_clone(plan("dual-board"));
    plan.budget.may = vec![Trouble::Drop, Trouble::Kill];
    let plan = Arc::new(plan);
    let find = |threads| {
        let search = Search { threads, counts: false, keeps: 1 };
        search.run(&plan, 0..5_000, |_| true).first.pop().expect("one breaks a promise")
    };
    let (found, same) = (find(1), find(2));
    assert_eq!((found.seed, &found.steps), (same.seed, &same.steps), "the least seed, always");
    let smallest = shrink::shrink(&plan, &found, |_| {});
    assert!(smallest.steps.len() <= found.steps.len());
    let failures = |steps| attempt(&plan, found.seed, steps).failures(&[]);
    let wanted = failures(smallest.steps.clone());
    assert!(wanted.iter().any(|it| found.failures(&[]).contains(it)), "{wanted:?}");
    for at in 0..smallest.steps.len() {
        let mut steps = smallest.steps.clone();
        let left_out = steps.remove(at);
        let still = failures(steps);
        assert!(!still.iter().any(|it| wanted.contains(it)), "without {}", left_out.deed);
    }
}

#[test]
fn every_order_and_every_cut_of_a_click() {
    let plan = plan("dual-board");
    let visit = |threads| {
        let search = Exhaustive { depth: 6, threads, seed: 0 };
        exhaustive::run(&plan, search, |_| true).expect("it begins behind a click")
    };
    let (one, two) = (visit(1), visit(2));
    assert!(one.states > 100 && one.again > 50 && one.ends > 50, "{one:?}");
    assert_eq!((one.states, one.again, one.ends), (two.states, two.again, two.ends));
    assert_eq!(one.failed, 0, "{:?}", one.first);
}
