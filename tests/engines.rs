//! Boards that run rumqttd, mosquitto or a remote broker in a live world: started, stopped, killed,
//! frozen, and gone when they ought to be. Where there is no mosquitto on the machine, what needs one
//! is not tested. Processes are looked at as Linux shows them.

#![cfg(target_os = "linux")]

#[path = "common/client.rs"]
#[expect(dead_code, reason = "other tests use all of it")]
mod client;
#[path = "common/process.rs"]
mod process;
#[path = "common/world.rs"]
mod world;

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command as System;
use std::time::{Duration, Instant};

use client::{Client, Happened};
use process::{Process, free_port};
use twinboard::cable::Deed;
use twinboard::conf::{ConfText, Folder};
use twinboard::engine::mosquitto;
use twinboard::lab::plan::Plan;
use twinboard::lab::snapshot::{BridgeState, Run};
use twinboard::lab::trace::Event;
use twinboard::lab::{Action, BoardName, BridgeName, CableName, Command, ProgramName, Snapshot};
use twinboard::mqtt::QoS;
use world::{BRIDGE, CARD1, DISPLAY, World, board, bridge, dual_board, dual_board_on};

const PATIENCE: Duration = Duration::from_secs(20);

fn is_installed() -> bool {
    let found = mosquitto::find().is_ok();
    if !found {
        eprintln!("skipped: mosquitto is not installed");
    }
    found
}

fn broker(name: &str, action: Action) -> Command {
    Command::Broker { board: BoardName::new(name), action }
}

/// Starts a broker that was ended. Between its fork and its exec, a child of another test holds the
/// sockets of this process for a moment longer.
fn start(world: &mut World, name: &str) {
    let until = Instant::now() + PATIENCE;
    while let Some(why) = world.tell(broker(name, Action::Start)) {
        assert!(why.contains("is taken by") && Instant::now() < until, "{why}");
    }
}

fn runs(snapshot: &Snapshot, name: &str) -> Run {
    board(snapshot, name).broker.run.clone()
}

/// The folder of a board's broker, where it runs.
fn place(data: &Path, name: &str, engine: &str) -> PathBuf {
    let folder = data.join("dual-board/state").join(name).join(engine);
    folder.canonicalize().expect("it is made")
}

/// The system number of the broker that runs in that folder; none where none does.
fn find(folder: &Path) -> Option<u32> {
    let processes = std::fs::read_dir("/proc").expect("Linux has it").filter_map(Result::ok);
    let mut there = processes
        .filter(|it| std::fs::read_link(it.path().join("cwd")).is_ok_and(|place| place == folder));
    there.next()?.file_name().to_str()?.parse().ok()
}

/// The system number of a board's broker.
fn number(data: &Path, name: &str, engine: &str) -> u32 {
    find(&place(data, name, engine)).expect("it runs")
}

fn send(signal: &str, number: u32) {
    let sent = System::new("kill").args([signal, &number.to_string()]).status();
    assert!(sent.expect("there is a kill").success(), "it is there");
}

/// The state of a process in one letter; none when it is gone.
fn state(number: u32) -> Option<char> {
    let text = std::fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    text.rsplit_once(") ")?.1.chars().next()
}

/// What rumqttd can be a part of: it hangs up on bridges that say that they are.
fn without_private(engines: &[&str]) -> Plan {
    let mut folder = Folder::builtin("dual-board").expect("it is built in");
    folder.files.get_mut("board2.conf").expect("it is there").push_str("\ntry_private false\n");
    let engines: Vec<_> = engines.iter().map(|it| it.parse().expect("a choice")).collect();
    let opened = folder.open_with("host", &engines).expect("it opens");
    Plan::new("dual-board", opened).expect("it fits together")
}

/// Through everything that can be done to a board's broker; what was said before is known after it.
fn lives(plan: Plan, name: &str, engine: &str, remembers: bool) {
    let data = tempfile::tempdir().expect("a folder");
    let mut world = World::start(plan, data.path());
    let view = &board(world.now(), name).broker;
    assert!(view.engine.starts_with(engine) && !view.tells, "{view:?}");
    world.set(CARD1, 1, false);
    world.until_shows(DISPLAY, 1, false);
    for polite in [true, false] {
        let first = number(data.path(), name, engine);
        let port = board(world.now(), name).broker.port;
        world.ask(broker(name, if polite { Action::Stop } else { Action::Kill }));
        assert_eq!(runs(world.now(), name), Run::Stopped);
        assert_eq!(state(first), None, "{engine} is gone");
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "nobody listens");
        start(&mut world, name);
        assert_eq!(runs(world.now(), name), Run::Running);
        TcpStream::connect(("127.0.0.1", port)).expect("on the same port");
        if remembers {
            world.until_agreed();
        } else {
            world.until_connected();
        }
        assert_ne!(number(data.path(), name, engine), first);
    }
    world.ask(broker(name, Action::Freeze));
    let id = number(data.path(), name, engine);
    assert_eq!(state(id), Some('T'), "{engine} is frozen");
    world.ask(broker(name, Action::Thaw));
    world.set(CARD1, 2, false);
    world.until_shows(DISPLAY, 2, false);
    world.ask(broker(name, Action::Freeze));
    assert_eq!(runs(world.now(), name), Run::Frozen);
    world.ask(broker(name, Action::Kill));
    assert_eq!(state(id), None, "what is frozen can be killed");
    start(&mut world, name);
    world.until_connected();
    world.ask(Command::Power { board: BoardName::new(name), on: false });
    if world.tell(Command::Power { board: BoardName::new(name), on: true }).is_some() {
        start(&mut world, name);
    }
    world.until_connected();
    ends_by_itself(&mut world, data.path(), name, engine);
    let id = number(data.path(), name, engine);
    world.end();
    assert_eq!(state(id), None, "the world leaves no broker behind");
}

fn ends_by_itself(world: &mut World, data: &Path, name: &str, engine: &str) {
    send("-9", number(data, name, engine));
    world.until("it is seen to have ended", |it| runs(it, name) != Run::Running);
    let Run::Failed(why) = runs(world.now(), name) else { panic!("{:?}", runs(world.now(), name)) };
    assert!(why.starts_with(&format!("{engine} ended by itself (signal: 9")), "{why}");
    start(world, name);
    world.until_connected();
}

#[test]
fn mosquitto_on_the_first_board() {
    if is_installed() {
        lives(dual_board_on(&["board1=mosquitto"]), "board1", "mosquitto", true);
    }
}

#[test]
fn mosquitto_on_the_board_with_the_bridge() {
    if is_installed() {
        lives(dual_board_on(&["board2=mosquitto"]), "board2", "mosquitto", true);
    }
}

#[test]
fn rumqttd() {
    lives(without_private(&["board1=rumqttd"]), "board1", "rumqttd", false);
}

/// Mosquitto says in its log when it drops what it has no room for, and for whom.
#[test]
fn what_mosquitto_drops_is_told() {
    if !is_installed() {
        return;
    }
    let mut folder = Folder::builtin("dual-board").expect("it is built in");
    let conf = folder.files.get_mut("board2.conf").expect("it is there");
    conf.insert_str(0, "max_queued_messages 1\n");
    let choice = ["board2=mosquitto".parse().expect("a choice")];
    let plan = Plan::new("dual-board", folder.open_with("host", &choice).expect("it opens"));
    let data = tempfile::tempdir().expect("a folder");
    let mut world = World::start(plan.expect("it fits together"), data.path());
    world.ask(Command::Program { program: ProgramName::new(DISPLAY), action: Action::Kill });
    let told = |it: &Snapshot| {
        it.trace.iter().any(|entry| {
            matches!(&entry.event, Event::EngineDrops { board, client }
                if board.as_str() == "board2" && client.as_str() == DISPLAY)
        })
    };
    for ok in [false, true].into_iter().cycle().take(60) {
        if told(world.now()) {
            break;
        }
        world.set(CARD1, 1, ok);
    }
    world.until("what is dropped is told", told);
    world.end();
}

#[test]
fn a_native_broker_says_what_it_is() {
    let data = tempfile::tempdir().expect("a folder");
    let world = World::start(dual_board(), data.path());
    for board in &world.now().boards {
        assert_eq!((board.broker.engine.as_str(), board.broker.tells), ("native", true));
    }
    world.end();
}

#[test]
fn mosquitto_on_both_boards() {
    if !is_installed() {
        return;
    }
    let data = tempfile::tempdir().expect("a folder");
    let mut world = World::start(dual_board_on(&["mosquitto"]), data.path());
    let since = match bridge(world.now()).state {
        BridgeState::Connected { since } => since,
        ref other => panic!("{other:?}"),
    };
    assert!(since > Duration::ZERO, "its cable shows since when");
    let sessions = |it: &Snapshot, name: &str| {
        let sessions = &board(it, name).broker.sessions;
        sessions.iter().map(|it| it.client_id.clone()).collect::<Vec<_>>()
    };
    world.until("the clients are seen", |it| {
        sessions(it, "board1") == ["board2_bridge", CARD1]
            && sessions(it, "board2") == ["card2_monitor", DISPLAY]
    });
    let says_its_version = |it: &Snapshot| {
        it.trace.iter().any(|entry| {
            matches!(&entry.event, Event::EngineSays { board, line }
                if board.as_str() == "board1" && line.starts_with("mosquitto version"))
        })
    };
    world.until("its log is heard", says_its_version);
    let refused =
        world.tell(Command::Bridge { bridge: BridgeName::new(BRIDGE), action: Action::Stop });
    let refused = refused.expect("mosquitto's bridges take no orders");
    assert!(refused.contains("cut their cables") && refused.contains("native"), "{refused}");
    world.end();
}

#[test]
fn a_broker_of_somebody_elses() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut remote =
        Process::new(env!("CARGO_BIN_EXE_twinboard"), folder.path(), "far", free_port(), "");
    remote.start();
    let choice = format!("board1=remote:{}", remote.address());
    let data = tempfile::tempdir().expect("a folder");
    let mut world = World::start(dual_board_on(&[&choice]), data.path());
    let view = board(world.now(), "board1").broker.clone();
    assert_eq!(view.engine, format!("remote, {}", remote.address()));
    world.set(CARD1, 1, false);
    world.until_shows(DISPLAY, 1, false);
    TcpStream::connect(("127.0.0.1", view.port)).expect("its public port leads there");
    for action in [Action::Stop, Action::Kill, Action::Restart, Action::Freeze] {
        let why = world.tell(broker("board1", action)).expect("it is not ours");
        assert!(why.contains("Board 1 is run by somebody else, at 127.0.0.1:"), "{why}");
    }
    let off = Command::Power { board: BoardName::new("board1"), on: false };
    assert!(world.tell(off).expect("it is not ours").contains("cut its cable"));
    world.set(CARD1, 2, false);
    world.until_shows(DISPLAY, 2, false);
    // What it retains is asked of it as of any other, however it came there.
    let cable = CableName::new(BRIDGE);
    world.ask(Command::Cable { cable, deed: Deed::cut() });
    let mut stranger = Client::new("stranger", true);
    stranger.connect(remote.address()).expect("a broker");
    stranger.publish("sensors/all", "other", QoS::AtLeastOnce, true).expect("a broker");
    let told = stranger.turn(PATIENCE).expect("an answer");
    assert!(matches!(told, Happened::Acknowledged(_)), "{told:?}");
    world.ask(Command::Judge);
    let (told, notes) = (", board1 retains sensors/all = other", &world.now().verdict.notes);
    assert!(notes.iter().any(|note| note.contains(told)), "{notes:?}");
    world.end();
    TcpStream::connect(remote.address()).expect("it goes on");
    remote.end(true);
}

/// Whoever starts a broker takes it along, even when he is killed.
#[test]
fn a_killed_lab_leaves_no_broker() {
    if !is_installed() {
        return;
    }
    let data = tempfile::tempdir().expect("a folder");
    let mut lab = System::new(env!("CARGO_BIN_EXE_twinboard"));
    lab.args(["run", "dual-board", "--engine", "board1=mosquitto", "--ports", "auto", "--data"]);
    let quiet = || std::process::Stdio::null();
    let mut lab = lab.arg(data.path()).stdout(quiet()).stderr(quiet()).spawn().expect("it runs");
    let wait = |what: &str, holds: &dyn Fn() -> bool| {
        let until = Instant::now() + PATIENCE;
        while !holds() {
            assert!(Instant::now() < until, "{what}");
            std::thread::sleep(Duration::from_millis(2));
        }
    };
    let store = data.path().join("dual-board/state/board2/broker.db");
    wait("board 2 comes after board 1", &|| store.exists());
    let id = number(data.path(), "board1", "mosquitto");
    assert!(matches!(state(id), Some('S' | 'R' | 'D')), "it runs");
    lab.kill().and_then(|()| lab.wait()).expect("it can be killed");
    wait("it ends too", &|| matches!(state(id), None | Some('Z' | 'X')));
}

#[test]
fn what_an_engine_cannot_is_said_with_file_and_line() {
    let run = |arguments: &[&str]| {
        let mut command = System::new(env!("CARGO_BIN_EXE_twinboard"));
        let told = command.args(["run", "dual-board"]).args(arguments).output().expect("it runs");
        assert!(!told.status.success());
        String::from_utf8(told.stderr).expect("text")
    };
    let told = run(&["--engine", "board2=rumqttd"]);
    assert!(told.contains("board2.conf:"), "{told}");
    assert!(told.contains("rumqttd cannot keep up a bridge"), "{told}");
    assert!(told.contains("help: native and mosquitto can"), "{told}");
    let told = run(&["--engine", "board1=rumqttd"]);
    assert!(told.contains("it leads to board1: rumqttd hangs up on"), "{told}");
    assert!(told.contains("help: add `try_private false`"), "{told}");
    let told = run(&["--engine", "board3=rumqttd"]);
    assert!(told.contains("there is no board `board3`"), "{told}");
}

#[test]
fn the_conf_of_a_mosquitto_is_shown() {
    let mut command = System::new(env!("CARGO_BIN_EXE_twinboard"));
    command.args(["run", "dual-board", "--engine", "mosquitto", "--show-conf", "board2"]);
    let shown = command.output().expect("it runs");
    let shown = String::from_utf8(shown.stdout).expect("text");
    for expected in [
        "# Twinboard: in place of `listener 1884 127.0.0.1`\nlistener ",
        "# Twinboard: in place of `address localhost:1883`\naddress 127.0.0.1:",
        "\ntopic sensors/card1 in 2\n",
        "\npersistence_file board2.db\n",
    ] {
        assert!(shown.contains(expected), "{expected:?} is not in\n{shown}");
    }
}

#[test]
fn a_broker_that_does_not_start_says_why() {
    if !is_installed() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let state = tempfile::tempdir().expect("a folder");
    let text = "listener 1\nallow_anonymous true\nno_such_option 1\n".to_owned();
    let conf = ConfText { file: "b.conf".to_owned(), text, folder: None };
    let (bridges, state) = (&[][..], state.path());
    let own = Path::new(env!("CARGO_BIN_EXE_twinboard"));
    let start =
        mosquitto::Start { conf: &conf, listeners: 1, bridges, state, own, tell: Box::new(|_| {}) };
    let error = runtime.expect("a runtime").block_on(mosquitto::start(start)).map(drop);
    let error = error.expect_err("it does not start").to_string();
    assert!(error.starts_with("mosquitto ended by itself (exit status: "), "{error}");
    assert!(error.contains("Unknown configuration variable \"no_such_option\""), "{error}");
}
