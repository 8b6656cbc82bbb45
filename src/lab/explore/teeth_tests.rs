//! The explorer has teeth: it finds the mistakes that can be planted by random schedules of whole
//! scenarios. What a scenario's programs never use (wills, clean sessions, MQTT 5) is found by the
//! scenes of `lab::world::sim`'s own tests.

use std::path::Path;
use std::sync::Arc;

use super::{attempt, schedule};
use crate::conf::Folder;
use crate::defect::{Defect, plant};
use crate::lab::fixtures::plan;
use crate::lab::plan::Plan;

/// A mistake, and in which scenario it is found within how many seeds. README has the same table.
const FOUND: [(Defect, &str, u64); 28] = [
    (Defect::AcksBeforeCommit, "dual-board", 3),
    (Defect::ForgetsInbound, "dual-board", 1),
    (Defect::LeavesOutReceive, "dual-board", 45),
    (Defect::ResendsWithoutDup, "dual-board", 1),
    (Defect::MarksFirstAsRepeat, "dual-board", 1),
    (Defect::ResendsAfterRelease, "dual-board", 1),
    (Defect::ForgetsRelease, "dual-board", 1),
    (Defect::ResendsInDisorder, "counting", 3),
    (Defect::ReusesIds, "dual-board", 1),
    (Defect::DropsOldest, "teeth", 3),
    (Defect::RefusesSilently, "teeth", 3),
    (Defect::LowersQos, "dual-board", 1),
    (Defect::KeepsRetainFlag, "dual-board", 1),
    (Defect::LosesRetainFlag, "dual-board", 1),
    (Defect::AnswersTooFew, "dual-board", 1),
    (Defect::ForgetsSubscriptions, "dual-board", 1),
    (Defect::KeepsStaleRetained, "dual-board", 1),
    (Defect::RetainsInMemory, "dual-board", 1),
    (Defect::IgnoresDelete, "teeth", 1),
    (Defect::KeepsDeletesHere, "teeth", 5),
    (Defect::EchoesBack, "teeth", 1),
    (Defect::RefreshesAlways, "dual-board", 1),
    (Defect::CapsBridge, "dual-board", 1),
    (Defect::DiskLosesStages, "dual-board", 9),
    (Defect::PublishesDefaults, "dual-board", 8),
    (Defect::SuppressesEqual, "dual-board", 1),
    (Defect::SubscribesOnce, "teeth", 22),
    (Defect::CountsUnacknowledged, "counting", 1),
];

fn teeth() -> Arc<Plan> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/teeth");
    let opened = Folder::read(&path).expect("it is there").open("lab").expect("it is right");
    Arc::new(Plan::new("teeth", opened).expect("it fits"))
}

fn fails(plan: &Arc<Plan>, seed: u64) -> bool {
    !attempt(plan, seed, schedule(plan, seed)).failures(&plan.breaches).is_empty()
}

#[test]
fn each_mistake_is_found_within_its_seeds() {
    let plans = [("dual-board", plan("dual-board")), ("counting", plan("counting"))];
    let plans = plans.into_iter().chain([("teeth", teeth())]).collect::<Vec<_>>();
    for (defect, scenario, within) in FOUND {
        let _planted = plant(defect);
        let (_, plan) = plans.iter().find(|(name, _)| *name == scenario).expect("one of them");
        let seed = (0..within).find(|seed| fails(plan, *seed));
        println!("{defect:?} in {scenario}: seed {seed:?}");
        assert!(seed.is_some(), "{defect:?} is not found in {within} seeds of {scenario}");
    }
}

#[test]
fn without_a_mistake_nothing_is_found_there() {
    let teeth = teeth();
    assert_eq!((0..30).find(|seed| fails(&teeth, *seed)), None);
}
