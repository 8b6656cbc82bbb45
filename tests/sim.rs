//! Simulated time from outside: the same bytes on every machine, and the same outcome as in real time.

#[path = "common/outcomes.rs"]
mod outcomes;

use std::path::Path;
use std::process::{Command, Output};

use outcomes::{Outcomes, outcomes};

const BUILT_IN: [&str; 2] = ["dual-board", "counting"];

fn twinboard(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinboard"));
    command.args(arguments).current_dir(folder).output().expect("it runs")
}

/// The bytes of a run's trace.
fn trace(arguments: &[&str], folder: &Path) -> Vec<u8> {
    let arguments: Vec<_> = arguments.iter().copied().chain(["--trace", "trace.jsonl"]).collect();
    let output = twinboard(&arguments, folder);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}{output:?}");
    std::fs::read(folder.join("trace.jsonl")).expect("it was written")
}

/// A number for these bytes, the same on every machine. (FNV-1a, by Fowler, Noll and Vo.)
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// What every machine has to come to. Who changes what brokers, programs or traces do changes these
/// numbers: the test says the new ones.
const HASHES: [(&str, u64, u64); 3] = [
    ("dual-board", 1, 10_927_755_254_594_933_442),
    ("dual-board", 2, 16_641_135_201_398_519_866),
    ("counting", 1, 5_961_286_496_103_488_578),
];

#[test]
fn the_same_seed_is_the_same_trace_on_every_machine() {
    let folder = tempfile::tempdir().expect("a folder");
    let now = HASHES.map(|(scenario, seed, _)| {
        let arguments = ["sim", scenario, "--seed", &seed.to_string()];
        let first = trace(&arguments, folder.path());
        assert!(first.len() > 100_000, "{scenario}: there is something in it");
        assert_eq!(first, trace(&arguments, folder.path()), "{scenario}, seed {seed}");
        (scenario, seed, hash(&first))
    });
    assert_eq!(now, HASHES, "traces are not what they were");
}

#[test]
fn real_and_simulated_time_come_to_the_same() {
    for scenario in BUILT_IN {
        let folder = tempfile::tempdir().expect("a folder");
        let live = ["run", scenario, "--data", "data", "--ports", "auto"];
        let live = outcomes(&trace(&live, folder.path()));
        for seed in ["1", "2", "3"] {
            let simulated = ["sim", scenario, "--seed", seed];
            let simulated = outcomes(&trace(&simulated, folder.path()));
            same(scenario, &live, &simulated);
        }
    }
}

fn same(scenario: &str, live: &Outcomes, simulated: &Outcomes) {
    assert_eq!(live.breaches, simulated.breaches, "{scenario}: the verdicts");
    assert!(live.messages.len() > 10, "{scenario}: there is something to compare");
    for (message, outcome) in &live.messages {
        let there = simulated.messages.get(message);
        assert_eq!(Some(outcome), there, "{scenario}: {message}, simulated on the right");
    }
    let more = simulated.messages.keys().find(|it| !live.messages.contains_key(*it));
    assert_eq!(more, None, "{scenario}: only in simulated time");
}
