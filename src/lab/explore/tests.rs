//! Random schedules of the built-in scenarios break no promise.

use std::sync::Arc;

use super::schedule;
use super::search::Search;
use crate::conf::Folder;
use crate::lab::plan::Plan;

fn plan(name: &str) -> Arc<Plan> {
    let folder = Folder::builtin(name).expect("it is there");
    let opened = folder.open("lab").expect("it is right");
    Arc::new(Plan::new(name, opened).expect("it fits"))
}

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
