//! Frozen brokers and programs, and disks that are full or slow, live: what is connected stays
//! connected, nothing is acknowledged that is not saved, and all goes on when it is over.

#[path = "common/client.rs"]
#[expect(dead_code, reason = "other tests use all of it")]
mod client;
#[path = "common/world.rs"]
mod world;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use client::{Client, Happened};
use twinboard::card::SensorNumber;
use twinboard::lab::snapshot::Run;
use twinboard::lab::{Action, BoardName, BridgeName, Command, DiskTrouble, ProgramName};
use twinboard::mqtt::QoS;
use twinboard::mqtt::packet::Level;
use world::{BRIDGE, CARD1, DISPLAY, World, board, dual_board, program};

/// Only waited out when a test fails.
const PATIENCE: Duration = Duration::from_secs(20);
/// Long enough that what can happen has; nothing fails where it was too short.
const MOMENT: Duration = Duration::from_millis(100);

fn on_broker(name: &str, action: Action) -> Command {
    Command::Broker { board: BoardName::new(name), action }
}

fn on_program(name: &str, action: Action) -> Command {
    Command::Program { program: ProgramName::new(name), action }
}

fn disk(name: &str, trouble: Option<DiskTrouble>) -> Command {
    Command::Disk { board: BoardName::new(name), trouble }
}

fn address(world: &World, name: &str) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, board(world.now(), name).broker.port).into()
}

/// Whether the next message is acknowledged within that time.
fn acknowledged(client: &mut Client, wait: Duration) -> bool {
    let until = Instant::now() + wait;
    while Instant::now() < until {
        let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        if let Happened::Acknowledged(_) = client.turn(left).expect("it is connected") {
            return true;
        }
    }
    false
}

fn refuses(world: &mut World, command: Command, expected: &str) {
    let said = world.tell(command).unwrap_or_default();
    assert!(said.contains(expected), "{said}");
}

#[test]
fn a_frozen_broker_does_nothing_and_goes_on() {
    let data = tempfile::tempdir().expect("a folder");
    let mut world = World::start(dual_board(), data.path());
    let address = address(&world, "board1");
    let mut guest = Client::new("guest", false).speaking(Level::V5);
    guest.connect(address).expect("it runs");

    world.ask(on_broker("board1", Action::Freeze));
    assert_eq!(board(world.now(), "board1").broker.run, Run::Frozen);
    guest.publish("t/x", "1", QoS::ExactlyOnce, false).expect("the connection is open");
    assert!(!acknowledged(&mut guest, MOMENT), "it is frozen");
    // A click is taken, and not sent.
    let card1 = ProgramName::new(CARD1);
    world.ask(Command::Set { program: card1, sensor: SensorNumber(1), ok: false });
    refuses(&mut world, on_broker("board1", Action::Freeze), "is frozen already");
    for action in [Action::Start, Action::Stop, Action::Restart] {
        refuses(&mut world, on_broker("board1", action), "thaw it first, or kill it");
    }
    world.ask(on_broker("board1", Action::Thaw));
    assert!(acknowledged(&mut guest, PATIENCE), "it goes on");
    refuses(&mut world, on_broker("board1", Action::Thaw), "is not frozen");
    world.until_shows(DISPLAY, 1, false);

    // Killed while it is frozen, it is as after any other kill.
    world.ask(on_broker("board1", Action::Freeze));
    world.ask(on_broker("board1", Action::Kill));
    assert_eq!(board(world.now(), "board1").broker.run, Run::Stopped);
    refuses(&mut world, on_broker("board1", Action::Freeze), "does not run: start it first");
    refuses(&mut world, on_broker("board1", Action::Thaw), "does not run: start it first");
    world.ask(on_broker("board1", Action::Start));
    world.until_agreed();
    let bridge = Command::Bridge { bridge: BridgeName::new(BRIDGE), action: Action::Freeze };
    refuses(&mut world, bridge, "freeze its broker");
    // Frozen with its power gone, and as everything ends.
    world.ask(on_broker("board1", Action::Freeze));
    world.ask(Command::Power { board: BoardName::new("board1"), on: false });
    world.ask(Command::Power { board: BoardName::new("board1"), on: true });
    world.until_agreed();
    world.ask(on_broker("board2", Action::Freeze));
    world.end();
}

#[test]
fn a_frozen_program_does_nothing_and_goes_on() {
    let data = tempfile::tempdir().expect("a folder");
    let mut world = World::start(dual_board(), data.path());
    world.ask(on_program(DISPLAY, Action::Freeze));
    assert_eq!(program(world.now(), DISPLAY).run, Run::Frozen);
    let shown = world::sensor(world.now(), DISPLAY, 2).state;
    let ok = shown != Some(true);
    world.set(CARD1, 2, ok);
    world.until_shows("card2_monitor", 2, ok);
    assert_eq!(world::sensor(world.now(), DISPLAY, 2).state, shown, "it is frozen");
    refuses(&mut world, on_program(DISPLAY, Action::Freeze), "is frozen already");
    refuses(&mut world, on_program(DISPLAY, Action::Stop), "thaw it first, or kill it");
    world.ask(on_program(DISPLAY, Action::Thaw));
    world.until_shows(DISPLAY, 2, ok);
    refuses(&mut world, on_program(DISPLAY, Action::Thaw), "is not frozen");

    world.ask(on_program(CARD1, Action::Freeze));
    let toggle = Command::Toggle { program: ProgramName::new(CARD1), sensor: SensorNumber(1) };
    refuses(&mut world, toggle, "is frozen: thaw it first");
    world.ask(on_program(CARD1, Action::Kill));
    refuses(&mut world, on_program(CARD1, Action::Freeze), "does not run");
    for action in [Action::Start, Action::Restart, Action::Stop, Action::Start] {
        world.ask(on_program(CARD1, action));
    }
    world.until_agreed();
    world.ask(on_program(CARD1, Action::Freeze));
    world.end();
}

#[test]
fn a_full_disk_keeps_promises_back_until_it_is_mended() {
    let data = tempfile::tempdir().expect("a folder");
    let mut world = World::start(dual_board(), data.path());
    let address = address(&world, "board1");
    let full = || disk("board1", Some(DiskTrouble::Full));
    let fails = |world: &mut World| {
        world.until("the store's trouble is told", |it| {
            board(it, "board1").broker.store_trouble.as_deref() == Some("the disk is full")
        });
    };
    let mut guest = Client::new("guest", false);
    guest.connect(address).expect("it runs");
    world.ask(full());
    assert_eq!(board(world.now(), "board1").broker.disk, Some(DiskTrouble::Full));
    guest.publish("t/x", "1", QoS::ExactlyOnce, true).expect("it runs");
    fails(&mut world);
    assert!(!acknowledged(&mut guest, MOMENT), "it is not saved");
    // It lasts over a kill, and a new broker on it promises nothing either.
    world.ask(on_broker("board1", Action::Kill));
    world.ask(on_broker("board1", Action::Start));
    fails(&mut world);
    world.ask(disk("board1", None));
    world.until("the trouble is over", |it| board(it, "board1").broker.store_trouble.is_none());
    while guest.connect(address).is_err() {}
    assert!(acknowledged(&mut guest, PATIENCE), "it is saved now");

    // A clean stop says what it could not keep.
    world.ask(full());
    guest.publish("t/x", "2", QoS::ExactlyOnce, true).expect("it runs");
    fails(&mut world);
    world.ask(on_broker("board1", Action::Stop));
    match &board(world.now(), "board1").broker.run {
        Run::Failed(why) => assert!(why.contains("could not be saved: the disk is full"), "{why}"),
        other => panic!("{other:?}"),
    }
    world.ask(Command::FreshStart);
    assert_eq!(board(world.now(), "board1").broker.disk, None, "a fresh start mends it");
    world.until_agreed();
    world.end();
}

#[test]
fn a_slow_disk_takes_its_time() {
    let data = tempfile::tempdir().expect("a folder");
    let mut plan = dual_board();
    plan.boards[0].settings.persistence = false;
    let mut world = World::start(plan, data.path());
    let mut guest = Client::new("guest", false);
    guest.connect(address(&world, "board2")).expect("it runs");
    let ms = 80;
    world.ask(disk("board2", Some(DiskTrouble::Slow { ms })));
    let begun = Instant::now();
    guest.publish("t/x", "1", QoS::AtLeastOnce, true).expect("it runs");
    assert!(acknowledged(&mut guest, PATIENCE));
    assert!(begun.elapsed() >= Duration::from_millis(ms), "no sooner");
    // Mended in the middle of a commit that would take an hour, it goes on at once.
    world.ask(disk("board2", Some(DiskTrouble::Slow { ms: 3_600_000 })));
    guest.publish("t/x", "2", QoS::AtLeastOnce, true).expect("it runs");
    assert!(!acknowledged(&mut guest, MOMENT));
    world.ask(disk("board2", None));
    assert!(acknowledged(&mut guest, PATIENCE));
    refuses(&mut world, disk("board1", Some(DiskTrouble::Full)), "memory only");
    refuses(&mut world, disk("nowhere", None), "there is no board nowhere");
    world.end();
}
