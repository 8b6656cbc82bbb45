//! The verdict has teeth: each mistake that can be planted is found in a scene of simulated time, and
//! nothing is found where none is.

use super::storm_tests::{Scene, counting_alone, dual_board, foreign_word, forgetful, storm};
use crate::defect::{Defect, plant};

/// So many seeds of a scene are tried at most.
const SEEDS: u64 = 40;

/// The scene in which a mistake shows.
fn scene(defect: Defect) -> Scene {
    match defect {
        Defect::BridgeStaysUnsubscribed | Defect::DropsWhenForgotten | Defect::SubscribesOnce => {
            forgetful
        }
        Defect::PublishesDefaults => dual_board,
        Defect::SuppressesEqual => foreign_word,
        Defect::CountsUnacknowledged => counting_alone,
        _ => storm,
    }
}

#[test]
fn every_mistake_is_found() {
    let mut missed = Vec::new();
    for defect in Defect::ALL {
        let _planted = plant(defect);
        let found =
            (0..SEEDS).find_map(|seed| Some((seed, scene(defect)(seed).into_iter().next()?)));
        let Some((seed, breach)) = found else {
            missed.push(defect);
            continue;
        };
        println!("{defect:?}: seed {seed}: {}: {}", breach.kind.name(), breach.what);
    }
    assert!(missed.is_empty(), "not found: {missed:?}");
}

#[test]
fn without_a_mistake_nothing_is_found() {
    for scene in [storm, forgetful, foreign_word, counting_alone] as [Scene; 4] {
        for seed in 0..SEEDS {
            let found: Vec<_> = scene(seed).into_iter().map(|it| it.what).collect();
            assert!(found.is_empty(), "seed {seed}: {found:#?}");
        }
    }
}
