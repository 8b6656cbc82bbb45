//! The simulated world plays what the live one plays.

use std::sync::Arc;
use std::time::Duration;

use super::World;
use crate::lab::fixtures::plan;
use crate::lab::stage::Player;
use crate::lab::{Command, ProgramName, Snapshot};

fn toggle(program: &str, sensor: u8) -> Command {
    let (program, sensor) = (ProgramName::new(program), crate::card::SensorNumber(sensor));
    Command::Toggle { program, sensor }
}

fn lines(world: &mut World) -> String {
    let entries = world.take_entries();
    entries.iter().map(|it| serde_json::to_string(&**it).expect("it is JSON") + "\n").collect()
}

/// The states that all programs show.
fn shown(snapshot: &Snapshot) -> Vec<(String, Vec<Option<bool>>)> {
    let programs = snapshot.boards.iter().flat_map(|board| &board.programs);
    programs
        .map(|it| (it.name.to_string(), it.face.sensors().map(|it| it.state).collect()))
        .collect()
}

#[test]
fn built_in_scenarios_keep_what_they_promise() {
    for name in ["dual-board", "counting"] {
        let plan = plan(name);
        for seed in 0..3 {
            let mut world = World::new(Arc::clone(&plan), seed).expect("it can be simulated");
            let mut player = Player::new(&mut world).expect("it goes on");
            let mut late = Vec::new();
            let Ok(()) = player.play(plan.steps.clone(), |step, _, _, why| {
                late.extend(why.map(|why| format!("{}: {why}", step.deed)));
            });
            assert_eq!(late, [""; 0], "{name}, seed {seed}");
            let Ok(outcome) = player.conclude(&plan.expectations, Duration::from_secs(10));
            let against: Vec<_> = outcome.expectations.iter().filter(|it| it.1.is_some()).collect();
            assert!(against.is_empty(), "{name}, seed {seed}: {against:?}");
            assert!(outcome.verdict.is_kept(), "{name}, seed {seed}: {:?}", outcome.verdict);
        }
    }
}

#[test]
fn the_same_seed_is_the_same_run_and_a_copy_goes_on_by_itself() {
    let plan = plan("dual-board");
    let begin = |seed| {
        let mut world = World::new(Arc::clone(&plan), seed).expect("it can be simulated");
        world.run_until(Duration::from_secs(3));
        world.obey(toggle("card1_monitor", 2));
        world.run_until(Duration::from_secs(4));
        world
    };
    let (mut one, mut same, mut other) = (begin(1), begin(1), begin(2));
    let first = lines(&mut one);
    assert_eq!(first, lines(&mut same));
    assert_ne!(first, lines(&mut other));

    let mut copy = one.clone();
    copy.obey(toggle("card2_monitor", 5));
    let until = Duration::from_secs(6);
    for world in [&mut one, &mut same, &mut copy] {
        world.run_until(until);
    }
    assert_eq!(lines(&mut one), lines(&mut same), "the copy's click concerns nobody else");
    let (one, copy) = (shown(&one.snapshot()), shown(&copy.snapshot()));
    assert_ne!(one, copy);
}
