//! A store that cannot be written, live: somebody else holds the boards' files. Nothing is
//! acknowledged meanwhile, the lab says so, and all goes on when it is over.

#[path = "common/client.rs"]
mod client;
#[path = "common/world.rs"]
mod world;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use client::{Client, Happened};
use rusqlite::Connection;
use twinboard::card::SensorNumber;
use twinboard::lab::{BoardName, Command, ProgramName};
use twinboard::mqtt::QoS;
use twinboard::mqtt::packet::Level;
use world::{BRIDGE, CARD1, DISPLAY, World, board, bridge, dual_board, program};

const PATIENCE: Duration = Duration::from_secs(20);
const MESSAGES: usize = 20;

/// Somebody else who writes to the file: until this is dropped, commits fail.
fn in_the_way(data: &Path, board: &str) -> Connection {
    let file = data.join("dual-board/state").join(board).join("broker.db");
    let other = Connection::open(file).expect("a database");
    other.busy_timeout(PATIENCE).expect("an option");
    other.execute_batch("BEGIN IMMEDIATE").expect("a lock");
    other
}

fn address(world: &World, name: &str) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, board(world.now(), name).broker.port).into()
}

fn store_fails(world: &mut World, name: &str) {
    world.until("the store's trouble is told", |it| {
        let trouble = &board(it, name).broker.store_trouble;
        trouble.as_ref().is_some_and(|it| it.contains("locked"))
    });
}

fn store_works(world: &mut World, name: &str) {
    world.until("the trouble is over", |it| board(it, name).broker.store_trouble.is_none());
}

/// Reads until `count` messages are acknowledged, or for so long; gives back their payloads.
fn acknowledged(client: &mut Client, count: usize, wait: Duration) -> Vec<Bytes> {
    let mut seen = Vec::new();
    let until = Instant::now() + wait;
    while seen.len() < count && Instant::now() < until {
        let left = until.saturating_duration_since(Instant::now());
        let left = left.max(Duration::from_millis(1));
        if let Happened::Acknowledged(publish) = client.turn(left).expect("it is connected") {
            seen.push(publish.payload);
        }
    }
    seen
}

/// The payloads of the next messages.
fn arrived(client: &mut Client, count: usize) -> Vec<Bytes> {
    let mut seen = Vec::new();
    let until = Instant::now() + PATIENCE;
    while seen.len() < count && Instant::now() < until {
        if let Happened::Arrived(publish) = client.turn(PATIENCE).expect("it is connected") {
            seen.push(publish.payload);
        }
    }
    seen
}

#[test]
fn nothing_is_acknowledged_while_nothing_can_be_saved() {
    let data = tempfile::tempdir().expect("a folder");
    let mut world = World::start(dual_board(), data.path());
    let address = address(&world, "board1");
    let mut subscriber = Client::new("subscriber", false).speaking(Level::V5);
    subscriber.connect(address).expect("it runs");
    subscriber.subscribe("t/+", QoS::ExactlyOnce).expect("it runs");
    let mut publisher = Client::new("publisher", false);
    publisher.connect(address).expect("it runs");

    let other = in_the_way(data.path(), "board1");
    for number in 0..MESSAGES {
        let qos = if number % 2 == 0 { QoS::AtLeastOnce } else { QoS::ExactlyOnce };
        publisher.publish("t/x", &number.to_string(), qos, false).expect("it runs");
    }
    store_fails(&mut world, "board1");
    // Neither is the publisher answered nor the subscriber told of what may yet be lost.
    let answers = acknowledged(&mut publisher, 1, Duration::from_millis(300));
    assert!(answers.is_empty(), "{answers:?}");
    let early = subscriber.turn(Duration::from_millis(1)).expect("it is connected");
    assert!(matches!(early, Happened::Nothing), "{early:?}");
    drop(other);
    let expected: Vec<_> = (0..MESSAGES).map(|it| it.to_string()).collect();
    assert_eq!(acknowledged(&mut publisher, MESSAGES, PATIENCE), expected);
    store_works(&mut world, "board1");
    assert_eq!(arrived(&mut subscriber, MESSAGES), expected);
    world.end();
}

/// A click waits for its store, and so does a message for its bridge's; power that goes meanwhile
/// takes what was not promised, and nothing else.
#[test]
fn clicks_wait_for_the_store() {
    let data = tempfile::tempdir().expect("a folder");
    let mut world = World::start(dual_board(), data.path());
    world.set(CARD1, 2, false);
    world.until_shows(DISPLAY, 2, false);
    let other = in_the_way(data.path(), "board1");
    let click = |number| Command::Set {
        program: ProgramName::new(CARD1),
        sensor: SensorNumber(number),
        ok: false,
    };
    world.ask(click(1));
    store_fails(&mut world, "board1");
    world.until("the click shows that it is not sent", |it| {
        program(it, CARD1).face.own[0].unsent && bridge(it).name.as_str() == BRIDGE
    });
    drop(other);
    world.until_agreed();
    world.until_shows(DISPLAY, 1, false);
    store_works(&mut world, "board1");

    // The same at the bridge's end, and then its power goes.
    let other = in_the_way(data.path(), "board2");
    world.ask(click(3));
    store_fails(&mut world, "board2");
    world.ask(Command::Power { board: BoardName::new("board2"), on: false });
    drop(other);
    world.ask(Command::Power { board: BoardName::new("board2"), on: true });
    world.until_agreed();
    for number in 1..=3 {
        world.until_shows(DISPLAY, number, false);
    }
    world.end();
}

/// Everything ends although nothing can be saved, and what was acknowledged is there.
#[test]
fn an_end_with_a_store_in_trouble_loses_nothing_acknowledged() {
    let data = tempfile::tempdir().expect("a folder");
    let mut world = World::start(dual_board(), data.path());
    let at = address(&world, "board1");
    let mut publisher = Client::new("publisher", false);
    publisher.connect(at).expect("it runs");
    publisher.publish("kept", "1", QoS::ExactlyOnce, true).expect("it runs");
    assert_eq!(acknowledged(&mut publisher, 1, PATIENCE), ["1"]);
    let other = in_the_way(data.path(), "board1");
    publisher.publish("kept", "2", QoS::ExactlyOnce, true).expect("it runs");
    store_fails(&mut world, "board1");
    world.end();
    drop(other);
    let world = World::start(dual_board(), data.path());
    let mut reader = Client::new("reader", true);
    reader.connect(address(&world, "board1")).expect("it runs");
    reader.subscribe("kept", QoS::ExactlyOnce).expect("it runs");
    assert_eq!(arrived(&mut reader, 1), ["1"], "the retained message");
    let present = publisher.connect(address(&world, "board1")).expect("it runs");
    assert!(present && publisher.unfinished() > 0);
    assert_eq!(acknowledged(&mut publisher, 1, PATIENCE), ["2"]);
    assert_eq!(arrived(&mut reader, 1), ["2"], "what was sent again");
    world.end();
}
