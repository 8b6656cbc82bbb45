//! Strangers say whatever bytes to two brokers with a bridge between them, in simulated time: packets
//! of both versions of MQTT, good ones, bent ones and noise, whole and in pieces, while wires break
//! and power fails. Nothing panics, nothing grows beyond what the settings allow, and well-behaved
//! clients on the same brokers get each of their messages once and in order.
//!
//! `TWINBOARD_FUZZ_SECONDS` says how long the test goes on that is run by hand, an hour where it is
//! not set: `cargo test --release --test fuzz -- --ignored --nocapture`. `TWINBOARD_SEED` repeats a
//! run.

mod random;
mod words;
mod world;

use std::time::{Duration, Instant};

use random::Random;
use world::World;

/// Steps of a round, after which everything comes to rest and is looked at.
const STEPS: usize = 400;
/// Rounds of the short run.
const ROUNDS: u64 = 40;
/// Memory may grow by so much over the first rounds of a run, in MiB.
const GROWTH_MIB: usize = 128;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

fn start() -> World {
    let seed = number("TWINBOARD_SEED").unwrap_or_else(twinboard::lab::world::live::seed);
    println!("TWINBOARD_SEED={seed}");
    World::new(Random(seed))
}

#[test]
fn whatever_bytes_come() {
    let mut world = start();
    for _ in 0..ROUNDS {
        world.round(STEPS);
    }
    println!("{}", world.summary());
}

#[test]
#[ignore = "runs for hours, by hand"]
fn whatever_bytes_come_for_hours() {
    let mut world = start();
    let until =
        Instant::now() + Duration::from_secs(number("TWINBOARD_FUZZ_SECONDS").unwrap_or(3600));
    let mut first = None;
    let mut rounds: u64 = 0;
    while Instant::now() < until {
        world.round(STEPS);
        rounds += 1;
        if rounds.is_multiple_of(1000) {
            let mib = resident_mib();
            println!("{rounds} rounds, {mib} MiB, {}", world.summary());
            let first = *first.get_or_insert(mib);
            assert!(mib <= first + GROWTH_MIB, "memory grows: {first} MiB, then {mib} MiB");
        }
    }
    println!("{rounds} rounds, {}", world.summary());
}

/// The memory of this process, where the system tells it.
fn resident_mib() -> usize {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    kib.unwrap_or(0) / 1024
}
