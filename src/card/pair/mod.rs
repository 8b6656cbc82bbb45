//! Tests of the three programs together, on two perfect brokers joined by a perfect bridge.
//!
//! The model keeps what a broker with persistence keeps: retained messages, sessions and the
//! bridge's queues. Who goes next is drawn from a seed, so that orders nobody thought of are
//! tried too. Every publication is checked as it becomes retained.

mod hazards;
mod model;

use super::SensorNumber;
use model::{Part, World};

const PARTS: [Part; 6] =
    [Part::Card1, Part::Card2, Part::Display, Part::Broker1, Part::Broker2, Part::Bridge];

/// Every sequence of `length` parts.
fn sequences(length: usize) -> Vec<Vec<Part>> {
    if length == 0 {
        return vec![Vec::new()];
    }
    let longer = |shorter: Vec<Part>| {
        PARTS.map(|part| shorter.iter().copied().chain([part]).collect::<Vec<_>>())
    };
    sequences(length - 1).into_iter().flat_map(longer).collect()
}

/// Both boards run, sensors 1 and 4 are KO.
fn running(seed: u64) -> World {
    let mut world = World::new(seed);
    for part in PARTS {
        world.start(part);
    }
    world.run();
    world.click(SensorNumber(1));
    world.click(SensorNumber(4));
    world.run();
    world.check();
    world
}

#[test]
fn one_restart_after_the_other() {
    for sequence in sequences(2).into_iter().chain(sequences(3)) {
        let mut world = running(1);
        for (turn, part) in (1..).zip(&sequence) {
            world.kill(*part);
            world.run();
            world.click(SensorNumber(turn));
            world.click(SensorNumber(turn + 3));
            world.run();
            world.start(*part);
            world.run();
            world.check();
        }
    }
}

#[test]
fn restarts_that_overlap() {
    for (number, sequence) in (0..).zip(sequences(2).into_iter().chain(sequences(3))) {
        for seed in 0..8 {
            let mut world = running(1_000 * number + seed);
            let clicked = SensorNumber(1 + u8::try_from(seed % 6).expect("below six"));
            for part in &sequence {
                world.kill(*part);
                world.run_some();
            }
            world.click(clicked);
            world.run_some();
            let mut starts = sequence.clone();
            if seed % 2 == 1 {
                starts.reverse();
            }
            for part in starts {
                world.start(part);
                world.run_some();
                world.click(SensorNumber(7 - clicked.0));
            }
            world.run();
            world.check();
        }
    }
}

#[test]
fn programs_that_are_killed_while_they_restore() {
    for seed in 0..400 {
        let mut world = running(seed);
        for turn in 0..6 {
            let part =
                [Part::Card1, Part::Card2, Part::Display][(turn + usize::from(seed % 2 == 1)) % 3];
            for _ in 0..=seed % 3 {
                world.kill(part);
                world.start(part);
                world.run_some();
            }
        }
        world.run();
        world.check();
    }
}

#[test]
fn the_whole_application_restarts_in_every_order() {
    fn orders(rest: &[Part]) -> Vec<Vec<Part>> {
        if rest.is_empty() {
            return vec![Vec::new()];
        }
        let with_first = |first: &Part| {
            let others: Vec<_> = rest.iter().copied().filter(|part| part != first).collect();
            let join = |mut order: Vec<Part>| {
                order.insert(0, *first);
                order
            };
            orders(&others).into_iter().map(join).collect::<Vec<_>>()
        };
        rest.iter().flat_map(with_first).collect()
    }
    for (seed, order) in (0..).zip(orders(&PARTS)) {
        let mut world = running(seed);
        world.click(SensorNumber(2));
        world.run_some();
        for part in PARTS {
            world.kill(part);
        }
        for part in order {
            world.start(part);
            if seed % 3 == 0 {
                world.run();
            } else {
                world.run_some();
            }
        }
        world.run();
        world.check();
    }
}
