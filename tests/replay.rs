//! `twinboard replay`: what somebody wrote down is the same run again, byte for byte.

use std::path::Path;
use std::process::{Command, Output};

use twinboard::conf::Folder;
use twinboard::lab::recipe::Recipe;

fn twinboard(args: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_twinboard");
    Command::new(program).args(args).output().expect("it runs")
}

fn recipe(seed: u64) -> Recipe {
    Recipe::new(Folder::builtin("dual-board").expect("it is there"), seed)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("it was written")
}

#[test]
fn a_file_and_a_string_are_the_run_that_sim_makes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("run.toml"), recipe(5).text().expect("text")).expect("a file");
    let sim = twinboard(&["sim", "dual-board", "--seed", "5", "--trace", &path("sim.jsonl")]);
    let file = twinboard(&["replay", &path("run.toml"), "--trace", &path("file.jsonl")]);
    let short = recipe(5).short().expect("a string");
    let string = twinboard(&["replay", &short, "--trace", &path("string.jsonl")]);
    for run in [&sim, &file, &string] {
        assert!(run.status.success(), "{run:?}");
        assert_eq!(run.stdout, sim.stdout, "the same report");
    }
    let trace = read(&folder.path().join("sim.jsonl"));
    assert!(trace.lines().count() > 500, "it is a trace");
    assert!(trace == read(&folder.path().join("file.jsonl")));
    assert!(trace == read(&folder.path().join("string.jsonl")));
}

#[test]
fn a_deed_by_hand_is_done_and_what_fails_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.toml").display().to_string();
    // Before the last wait of the script, which it cannot keep then.
    let by_hand = "\n[[by_hand]]\nat = 0.02\npower_off = \"board2\"\n";
    let text = recipe(5).text().expect("text") + by_hand;
    std::fs::write(&path, text).expect("a file");
    let run = twinboard(&["replay", &path, "--report", "json"]);
    assert_eq!(run.status.code(), Some(1), "{run:?}");
    let report: serde_json::Value = serde_json::from_slice(&run.stdout).expect("JSON");
    assert_eq!(report["passed"], false);
    let steps = report["steps"].as_array().expect("steps");
    let last = &steps[steps.len() - 1];
    assert_eq!(last["what"], "power off board2 (by hand)");
}

#[test]
fn what_is_no_run_is_said() {
    let check = |run: &str, expected: &str| {
        let output = twinboard(&["replay", run]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(expected), "{run}: {said}");
    };
    check("tb1:AAAA", "the string is damaged or not whole");
    check("tb7:AAAA", "version 7 of the form");
    check("no-such-file.toml", "no-such-file.toml cannot be read");
}
