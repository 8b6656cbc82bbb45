//! What the original of the dual-board system gets wrong, one test each.

use super::*;
use crate::card::payload::{ALL, CARD1};
use crate::card::{Origin, SensorFace};

fn kill(world: &mut World, parts: &[Part]) {
    for part in parts {
        world.kill(*part);
    }
}

fn start(world: &mut World, parts: &[Part]) {
    for part in parts {
        world.start(*part);
    }
}

fn states(sensors: &[SensorFace]) -> Vec<Option<bool>> {
    sensors.iter().map(|sensor| sensor.state).collect()
}

/// The model itself fails on any publication that replaces a state by a default.
#[test]
fn a_restarted_card_2_publishes_no_defaults() {
    let mut world = running(1);
    for _ in 0..5 {
        kill(&mut world, &[Part::Card2]);
        world.run();
        start(&mut world, &[Part::Card2]);
        assert_eq!(states(&world.face(1).own), [None; 3], "unknown until it is restored");
        world.run();
        world.check();
    }
    assert!(matches!(world.face(1).own[0].origin, Some((Origin::Restored, _))));
}

#[test]
fn broker_1_and_card_1_restart_before_the_bridge_is_back() {
    let mut world = running(2);
    kill(&mut world, &[Part::Bridge, Part::Card1, Part::Broker1]);
    start(&mut world, &[Part::Broker1, Part::Card1]);
    world.run();
    assert_eq!(states(&world.face(0).own), [Some(false), Some(true), Some(true)]);
    start(&mut world, &[Part::Bridge]);
    world.run();
    world.check();
}

#[test]
fn an_old_echo_does_not_overwrite_a_newer_click() {
    let mut world = running(3);
    kill(&mut world, &[Part::Bridge]);
    for _ in 0..4 {
        world.click(SensorNumber(2));
        world.run();
    }
    world.click(SensorNumber(2));
    world.run();
    // Four older states of sensor 2 come back by sensors/all after the bridge is mended.
    start(&mut world, &[Part::Bridge]);
    for _ in 0..200 {
        world.run_some();
        assert_eq!(world.face(0).own[1].state, Some(false));
    }
    world.run();
    world.check();
}

#[test]
fn a_click_with_the_bridge_cut_survives_a_restart_of_card_1() {
    let mut world = running(4);
    kill(&mut world, &[Part::Bridge]);
    world.click(SensorNumber(3));
    world.run();
    kill(&mut world, &[Part::Card1]);
    start(&mut world, &[Part::Card1]);
    world.run();
    assert_eq!(states(&world.face(0).own), [Some(false), Some(true), Some(false)]);
    assert_eq!(world.kept(0, ALL)(3), Some(true), "sensors/all is behind, and not believed");
    start(&mut world, &[Part::Bridge]);
    world.run();
    world.check();
}

#[test]
fn a_first_start_is_ok_and_says_so() {
    let mut world = World::new(5);
    start(&mut world, &[Part::Broker1, Part::Card1]);
    world.run();
    assert_eq!(states(&world.face(0).own), [None; 3]);
    assert!(!world.face(0).restored);
    assert!(world.face(0).note.contains("waiting for sensors/all"), "{}", world.face(0).note);
    assert_eq!(world.kept(0, CARD1)(1), None);
    start(&mut world, &PARTS);
    world.run();
    world.check();
    assert!(matches!(world.face(0).own[0].origin, Some((Origin::Started, _))));
    assert!(world.face(0).note.contains("started as OK"), "{}", world.face(0).note);
}

#[test]
fn a_click_before_anything_is_known_settles_its_sensor_alone() {
    let mut world = World::new(6);
    start(&mut world, &[Part::Broker1, Part::Card1]);
    world.click(SensorNumber(1));
    assert!(world.face(0).own[0].unsent);
    world.run();
    assert!(!world.face(0).own[0].unsent);
    world.click(SensorNumber(1));
    world.run();
    assert_eq!(states(&world.face(0).own), [Some(false), None, None]);
    start(&mut world, &PARTS);
    world.run();
    world.check();
}

#[test]
fn board_2_gives_back_what_a_wiped_broker_1_lost() {
    for bridge_first in [true, false] {
        let mut world = running(7);
        kill(&mut world, &[Part::Bridge, Part::Card1, Part::Broker1]);
        world.wipe(0);
        if bridge_first {
            start(&mut world, &[Part::Bridge, Part::Broker1]);
            world.run();
        }
        start(&mut world, &[Part::Broker1, Part::Card1]);
        world.run();
        if !bridge_first {
            assert_eq!(states(&world.face(0).own), [None; 3], "board 2 may know a KO");
        }
        start(&mut world, &[Part::Bridge]);
        world.run();
        world.check();
    }
}

#[test]
fn running_programs_give_back_what_wiped_brokers_lost() {
    for wiped in [&[0][..], &[1], &[0, 1]] {
        let mut world = running(8);
        for broker in wiped {
            kill(&mut world, &[[Part::Broker1, Part::Broker2][*broker]]);
            world.wipe(*broker);
        }
        start(&mut world, &PARTS);
        world.run();
        world.check();
    }
}

#[test]
fn what_nobody_can_know_is_said() {
    // A wiped broker 2 looks like a new one: broker 1 keeps sensors/all, but the bridge carries
    // that only the other way.
    let mut world = World::new(9);
    start(&mut world, &[Part::Broker2, Part::Card2]);
    world.run();
    let note = &world.face(1).note;
    assert!(note.contains("No broker kept a state of sensors 4, 5, 6: started as OK"), "{note}");
    assert!(note.contains("Waiting for sensors/card1 from board 1"), "{note}");
}

/// The old state of a broker was put back while its program waited with unknown sensors.
#[test]
fn a_waiting_card_1_does_not_wipe_a_state_that_was_put_back() {
    let mut world = running(10);
    kill(&mut world, &[Part::Bridge, Part::Card1, Part::Broker1]);
    let kept = world.put_aside(0);
    start(&mut world, &[Part::Broker1, Part::Card1]);
    world.click(SensorNumber(2));
    world.run();
    assert_eq!(states(&world.face(0).own), [None, Some(true), None]);
    kill(&mut world, &[Part::Broker1]);
    world.put_back(0, kept);
    start(&mut world, &[Part::Broker1]);
    world.run();
    assert_eq!(states(&world.face(0).own), [Some(false), Some(true), Some(true)]);
    start(&mut world, &[Part::Bridge]);
    world.run();
    world.check();
}
