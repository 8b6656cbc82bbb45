//! The built-in dual-board system as people run it: real brokers and programs over TCP, the
//! program's own command line, everything stopped, killed, cut and started again.

#[path = "common/world.rs"]
mod world;

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Command as Process, Output, Stdio};

use twinboard::cable::Deed;
use twinboard::card::SensorNumber;
use twinboard::lab::snapshot::{BridgeState, CableState, Run, Snapshot};
use twinboard::lab::{Action, BoardName, BridgeName, CableName, Command, ProgramName};

use world::{BRIDGE, CARD1, DISPLAY, World, board, bridge, dual_board, program};

const CARD2: &str = "card2_monitor";

/// The parts of a folder that is a scenario.
const BOARD1: &str = "title = \"One\"\n[[board]]\nname = \"board1\"\nconf = \"board1.conf\"\n\
                      [[board.program]]\nname = \"card1_monitor\"\nkind = \"card1\"\n";
const BOARD2: &str = "[[board]]\nname = \"board2\"\nconf = \"board2.conf\"\n\
                      [[board.program]]\nname = \"card2_monitor\"\nkind = \"card2\"\n\
                      [[board.program]]\nname = \"global_display\"\nkind = \"display\"\n";

fn twinboard(arguments: &[&str], scenario: &Path, data: &Path) -> Process {
    let mut process = Process::new(env!("CARGO_BIN_EXE_twinboard"));
    process.arg("run").arg(scenario).args(arguments).arg("--data").arg(data);
    process.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    process
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A folder that is a scenario.
fn scenario(text: &str, conf1: &str, conf2: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in [("scenario.toml", text), ("board1.conf", conf1), ("board2.conf", conf2)] {
        std::fs::write(folder.path().join(name), text).expect("a file");
    }
    folder
}

#[test]
fn the_script_passes() {
    let data = tempfile::tempdir().expect("a folder");
    let arguments = ["--ports", "auto", "--report", "json"];
    let output = twinboard(&arguments, Path::new("dual-board"), data.path()).output();
    let output = output.expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["passed"], true);
    let kept = report["expectations"].as_array().expect("a list");
    assert!(kept.len() > 5 && kept.iter().all(|it| it["kept"] == true), "{report:#}");
}

#[test]
fn a_broken_expectation_is_status_1() {
    let text = format!(
        "{BOARD1}[[step]]\nwait_until = {{ online = \"card1_monitor\" }}\n\
         [[step]]\nset = {{ program = \"card1_monitor\", sensor = 1, ok = true }}\n\
         [[expect]]\nonline = \"card1_monitor\"\n\
         [[expect]]\nshows = {{ program = \"card1_monitor\", sensor = 1, as = \"ko\" }}\n"
    );
    let folder = scenario(&text, "allow_anonymous true\n", "");
    let arguments = ["--ports", "auto", "--report", "json"];
    let output = twinboard(&arguments, folder.path(), &folder.path().join("data")).output();
    let output = output.expect("it runs");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["passed"], false);
    assert_eq!(report["expectations"][0]["kept"], true, "{report:#}");
    let why = report["expectations"][1]["why"].as_str().expect("a reason");
    assert_eq!(why, "card1_monitor shows sensor 1 as OK");
}

#[test]
fn a_taken_port_and_a_broken_conf_are_errors_in_words() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = taken.local_addr().expect("bound").port();
    let check = |conf: &str, words: &[&str]| {
        let folder = scenario(BOARD1, conf, "");
        let output = twinboard(&[], folder.path(), &folder.path().join("data")).output();
        let output = output.expect("it runs");
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(words.iter().all(|it| said.contains(it)), "{words:?} in: {said}");
    };
    let conf = format!("listener {port} 127.0.0.1\nallow_anonymous true\n");
    check(&conf, &[&format!("port {port}"), "--ports auto"]);
    check("allow_anonymous true\n\npersistance true\n", &["board1.conf:3", "`persistence`"]);
    check("listener 0x5b 127.0.0.1\n", &["board1.conf:1", "0x5b"]);
}

/// `kill -9` of the whole program in the middle, and a new start: nothing is lost.
#[test]
fn killed_as_a_whole_it_knows_everything_again() {
    let system = format!("{BOARD1}{BOARD2}");
    let ko = |program: &str, sensor: u8| {
        format!("shows = {{ program = \"{program}\", sensor = {sensor}, as = \"ko\" }}")
    };
    let first = format!(
        "{system}[[step]]\nwait_until = {{ agree = true }}\nwithin = 30\n\
         [[step]]\ntoggle = {{ program = \"card1_monitor\", sensor = 2 }}\n\
         [[step]]\ntoggle = {{ program = \"card2_monitor\", sensor = 5 }}\n\
         [[step]]\nwait_until = {{ {} }}\nwithin = 30\n\
         [[step]]\nwait_until = {{ {} }}\nwithin = 30\n\
         [[step]]\nwait_until = {{ {} }}\nwithin = 600\n",
        ko(DISPLAY, 2),
        ko(DISPLAY, 5),
        ko(DISPLAY, 1)
    );
    let builtin = twinboard::conf::Folder::builtin("dual-board").expect("it is built in");
    let folder = scenario(&first, &builtin.files["board1.conf"], &builtin.files["board2.conf"]);
    let data = folder.path().join("data");
    let mut child = twinboard(&["--ports", "auto"], folder.path(), &data).spawn().expect("it runs");
    let lines = BufReader::new(child.stderr.take().expect("it is a pipe")).lines();
    let before = "5/6";
    let mut told: Vec<String> = Vec::new();
    for line in lines {
        told.push(line.expect("text"));
        if told.last().is_some_and(|it| it.contains(before)) {
            break;
        }
    }
    child.kill().and_then(|()| child.wait()).expect("it can be killed");
    assert!(told.last().is_some_and(|it| it.contains(before)), "{}", told.join("\n"));

    let waits = [(CARD1, 2), (CARD2, 2), (DISPLAY, 2), (CARD2, 5), (DISPLAY, 5)].map(
        |(program, sensor)| {
            format!("[[step]]\nwait_until = {{ {} }}\nwithin = 30\n", ko(program, sensor))
        },
    );
    let mut second = system + &waits.concat();
    second += "[[step]]\nwait_until = { agree = true }\nwithin = 30\n[[expect]]\nagree = true\n";
    std::fs::write(folder.path().join("scenario.toml"), second).expect("a file");
    let output = twinboard(&["--ports", "auto"], folder.path(), &data).output().expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

#[test]
fn ended_and_started_again_it_knows_everything() {
    let data = tempfile::tempdir().expect("a folder");
    let mut world = World::start(dual_board(), data.path());
    world.set(CARD1, 1, false);
    world.set(CARD2, 6, false);
    // What is clicked last has no time to cross.
    world.set(CARD1, 3, false);
    world.end();
    let mut world = World::start(dual_board(), data.path());
    for (sensor, ok) in [(1, false), (2, true), (3, false), (4, true), (5, true), (6, false)] {
        world.until_shows(if sensor <= 3 { CARD1 } else { CARD2 }, sensor, ok);
        world.until_shows(DISPLAY, sensor, ok);
    }
    world.end();
}

#[test]
fn a_fresh_start_forgets_and_can_be_put_back() {
    let data = tempfile::tempdir().expect("a folder");
    let mut world = World::start(dual_board(), data.path());
    world.set(CARD1, 2, false);
    world.until_shows(DISPLAY, 2, false);
    let holdings = board(world.now(), "board2").broker.holdings;
    assert!(holdings.retained >= 2 && holdings.sessions == 3, "{holdings:?}");
    world.ask(Command::FreshStart);
    world.until_agreed();
    world.until_shows(CARD1, 2, true);
    world.until_shows(DISPLAY, 2, true);
    let aside = world.now().aside[0].clone();
    world.ask(Command::PutBack { aside: aside.clone() });
    world.until_agreed();
    world.until_shows(CARD1, 2, false);
    world.until_shows(DISPLAY, 2, false);
    let trouble = world.tell(Command::PutBack { aside }).expect("it is not there any more");
    assert!(trouble.contains("not there any more") && trouble.contains("--data"), "{trouble}");
    world.until_agreed();
    world.until_shows(DISPLAY, 2, false);
    world.end();
}

fn power(board: &str, on: bool) -> Command {
    Command::Power { board: BoardName::new(board), on }
}

fn broker(board: &str, action: Action) -> Command {
    Command::Broker { board: BoardName::new(board), action }
}

fn to_bridge(action: Action) -> Command {
    Command::Bridge { bridge: BridgeName::new(BRIDGE), action }
}

fn to_program(name: &str, action: Action) -> Command {
    Command::Program { program: ProgramName::new(name), action }
}

fn cable(deed: Deed) -> Command {
    Command::Cable { cable: CableName::new(BRIDGE), deed }
}

fn disconnected(snapshot: &Snapshot) -> bool {
    !matches!(bridge(snapshot).state, BridgeState::Connected { .. })
}

/// Each part taken away and given back, with a click while it is away.
#[test]
fn whatever_is_taken_away_and_given_back_nothing_is_lost() {
    let data = tempfile::tempdir().expect("a folder");
    let mut world = World::start(dual_board(), data.path());
    let cases: [(Command, Command, &str, u8); 11] = [
        (power("board1", false), power("board1", true), CARD2, 4),
        (power("board2", false), power("board2", true), CARD1, 1),
        (broker("board1", Action::Stop), broker("board1", Action::Start), CARD1, 2),
        (broker("board1", Action::Kill), broker("board1", Action::Restart), CARD1, 2),
        (broker("board2", Action::Stop), broker("board2", Action::Start), CARD2, 5),
        (broker("board2", Action::Kill), broker("board2", Action::Start), CARD1, 3),
        (to_bridge(Action::Stop), to_bridge(Action::Start), CARD1, 1),
        (to_bridge(Action::Kill), to_bridge(Action::Restart), CARD2, 6),
        (cable(Deed::cut()), cable(Deed::Mend), CARD1, 2),
        (to_program(CARD2, Action::Kill), to_program(CARD2, Action::Start), CARD1, 3),
        (to_program(DISPLAY, Action::Stop), to_program(DISPLAY, Action::Restart), CARD2, 4),
    ];
    let mut states = [true; 6];
    for (away, back, clicked, sensor) in cases {
        let case = format!("{away:?}");
        world.ask(away);
        let state = &mut states[usize::from(sensor) - 1];
        *state = !*state;
        let ok = *state;
        let program = ProgramName::new(clicked);
        world.ask(Command::Set { program, sensor: SensorNumber(sensor), ok });
        world.ask(back);
        world.until_agreed();
        for (number, ok) in (1..).zip(states) {
            println!("{case}: sensor {number} is to be {ok}");
            world.until_shows(DISPLAY, number, ok);
            world.until_shows(if number <= 3 { CARD1 } else { CARD2 }, number, ok);
        }
    }
    for restarted in [broker("board1", Action::Restart), to_bridge(Action::Restart)] {
        world.ask(restarted);
        world.until_agreed();
    }
    world.end();
}

#[test]
fn parts_that_do_not_run_say_so() {
    let data = tempfile::tempdir().expect("a folder");
    let mut world = World::start(dual_board(), data.path());
    let click = |program: &str| Command::Toggle {
        program: ProgramName::new(program),
        sensor: SensorNumber(1),
    };
    world.ask(to_program(CARD1, Action::Stop));
    assert_eq!(program(world.now(), CARD1).run, Run::Stopped);
    let mut check = |command: Command, words: &str| {
        let said = format!("{command:?}");
        let trouble = world.tell(command).expect("it cannot be done");
        assert!(trouble.contains(words), "{said}: {trouble}");
    };
    check(click(CARD1), "card1_monitor does not run: start it first");
    check(click("nobody"), "there is no program nobody");
    check(broker("nowhere", Action::Start), "there is no board nowhere");
    check(Command::RetryNow { bridge: BridgeName::new("none") }, "there is no bridge none");
    world.ask(power("board2", false));
    assert!(!board(world.now(), "board2").power);
    assert_eq!(board(world.now(), "board2").broker.run, Run::Stopped);
    let mut check = |command: Command, words: &str| {
        let said = format!("{command:?}");
        let trouble = world.tell(command).expect("it cannot be done");
        assert!(trouble.contains(words), "{said}: {trouble}");
    };
    check(to_program(DISPLAY, Action::Start), "Board 2 has no power: switch it on first");
    check(broker("board2", Action::Start), "Board 2 has no power: switch it on first");
    check(to_bridge(Action::Start), "the broker of board2 does: start that first");
    check(
        Command::RetryNow { bridge: BridgeName::new(BRIDGE) },
        "the broker of board2 does: start that first",
    );
    world.ask(power("board2", true));
    world.ask(to_program(CARD1, Action::Start));
    world.until_agreed();
    world.end();
}

/// Cut silently both ends go on believing; each finds out in its own time.
#[test]
fn what_both_ends_believe_of_a_cut_cable() {
    let data = tempfile::tempdir().expect("a folder");
    let mut world = World::start(dual_board(), data.path());
    assert_eq!(bridge(world.now()).remote_believes, Some(true));
    world.ask(cable(Deed::cut_silently()));
    world.set(CARD1, 1, false);
    let seen = bridge(world.now());
    assert_eq!((seen.cable, seen.remote_believes), (CableState::Silent, Some(true)));
    assert!(matches!(seen.state, BridgeState::Connected { .. }), "{:?}", seen.state);
    // The near end gives up; the far one goes on believing.
    world.ask(to_bridge(Action::Kill));
    world.until("the near end knows", disconnected);
    assert_eq!(bridge(world.now()).remote_believes, Some(true));
    world.ask(to_bridge(Action::Start));
    world.ask(cable(Deed::Mend));
    world.until_agreed();
    world.until_shows(DISPLAY, 1, false);
    assert_eq!(bridge(world.now()).remote_believes, Some(true));
    // Cut with both ends told, both know.
    world.ask(cable(Deed::cut()));
    world.until("both ends know", |it| {
        disconnected(it) && bridge(it).remote_believes == Some(false)
    });
    world.until(
        "the near end waits",
        |it| matches!(&bridge(it).state, BridgeState::Waiting { reason, .. } if !reason.is_empty()),
    );
    world.until("the display is told", |it| {
        program(it, DISPLAY).face.bridge.is_some_and(|(up, _)| !up)
    });
    world.ask(broker("board1", Action::Stop));
    assert_eq!(bridge(world.now()).remote_believes, None);
    world.ask(broker("board1", Action::Start));
    world.ask(cable(Deed::Mend));
    world.until_agreed();
    world.until("the display is told", |it| {
        program(it, DISPLAY).face.bridge.is_some_and(|(up, _)| up)
    });
    world.end();
}

#[test]
fn a_board_that_is_memory_only_says_so_and_is_told_by_the_other() {
    let data = tempfile::tempdir().expect("a folder");
    let mut plan = dual_board();
    plan.boards[0].settings.persistence = false;
    let mut world = World::start(plan, data.path());
    assert!(!board(world.now(), "board1").broker.persistent);
    assert!(board(world.now(), "board2").broker.persistent);
    world.set(CARD1, 2, false);
    world.until_shows(DISPLAY, 2, false);
    world.until_agreed();
    world.ask(power("board1", false));
    world.ask(power("board1", true));
    world.until_agreed();
    world.until_shows(CARD1, 2, false);
    world.until_shows(DISPLAY, 2, false);
    world.end();
    assert!(!data.path().join("dual-board/state/board1").exists(), "it kept something");
}

#[test]
fn who_is_woken_by_snapshots_sees_the_end() {
    let data = tempfile::tempdir().expect("a folder");
    let (wake, woken) = crossbeam_channel::unbounded();
    let changed = move || wake.send(()).expect("the test listens");
    let live = world::live::start_with(dual_board(), data.path(), changed);
    let (commands, snapshots) = (live.commands.clone(), live.snapshots.clone());
    commands.send(Command::Quit).expect("it runs");
    // As the windows do: they look when they are woken, and at no other time.
    loop {
        let patience = std::time::Duration::from_secs(30);
        woken.recv_timeout(patience).expect("woken once more when it is over");
        let last = std::iter::from_fn(|| match snapshots.try_recv() {
            Err(crossbeam_channel::TryRecvError::Disconnected) => Some(true),
            Err(crossbeam_channel::TryRecvError::Empty) => None,
            Ok(_) => Some(false),
        });
        if last.take(10).any(|over| over) {
            break;
        }
    }
    live.end();
}
