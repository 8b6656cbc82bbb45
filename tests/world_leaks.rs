//! A live world leaves nothing behind, whatever is done to its boards and when it ends. A test of its
//! own process, as it counts the process's threads and files.

#![cfg(target_os = "linux")]

#[path = "common/world.rs"]
mod world;

use std::time::{Duration, Instant};

use twinboard::lab::{BoardName, Command};
use world::{CARD1, DISPLAY, World, board, bridge, dual_board, program};

const ROUNDS: usize = 20;

fn count(what: &str) -> usize {
    std::fs::read_dir(what).expect("Linux has it").count()
}

/// Files and threads.
fn counts() -> (usize, usize) {
    (count("/proc/self/fd"), count("/proc/self/task"))
}

/// Connections and threads that end by themselves do so in a moment of their own.
fn settles_at(most: (usize, usize), when: &str) {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let now = counts();
        if now.0 <= most.0 && now.1 <= most.1 {
            return;
        }
        assert!(Instant::now() < until, "{when}: {now:?} files and threads, not {most:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn one_world(rounds: usize) {
    let data = tempfile::tempdir().expect("a folder");
    let mut world = World::start(dual_board(), data.path());
    let up = counts();
    for round in 0..rounds {
        let name = ["board1", "board2"][round % 2];
        world.ask(Command::Power { board: BoardName::new(name), on: false });
        assert!(!board(world.now(), name).power);
        world.ask(Command::Power { board: BoardName::new(name), on: true });
        world.until_agreed();
        // Threads of the runtime that wait for a blocking call end after seconds without one.
        settles_at((up.0, up.1 + 2), &format!("round {round}"));
    }
    world.set(CARD1, 1, false);
    world.until_shows(DISPLAY, 1, false);
    assert!(bridge(world.now()).queued <= 1 && program(world.now(), DISPLAY).face.restored);
    world.end();
}

#[test]
fn power_off_and_on_and_the_end_leave_nothing() {
    // The first one brings up what a process makes once.
    one_world(0);
    let before = counts();
    one_world(ROUNDS);
    settles_at(before, "after the end");
}
