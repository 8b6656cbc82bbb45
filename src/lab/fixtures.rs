//! A world for tests: the dual-board scenario at one moment, as plain values.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use crate::card::Event as ProgramEvent;
use crate::card::{
    CountFace, Counter, CounterFace, CounterSettings, Face, Input, Link, Origin, Output, Program,
    SensorFace, SensorNumber, Tally, TallyFace, TallySettings,
};
use crate::conf::Folder;
use crate::lab::plan::Plan;
use crate::lab::snapshot::{
    BoardView, BridgeState, BridgeView, BrokerView, CableState, Holdings, ProgramKind, ProgramView,
    Run, SessionView,
};
use crate::lab::trace::{Entry, Event};
use crate::lab::{BoardName, BridgeName, ProgramName, Snapshot};
use crate::mqtt::{ClientId, Filter, QoS, Topic};

/// The plan of a built-in scenario.
pub fn plan(name: &str) -> Arc<Plan> {
    let folder = Folder::builtin(name).expect("it is there");
    let opened = folder.open("lab").expect("it is right");
    Arc::new(Plan::new(name, opened).expect("it fits"))
}

/// Everything runs; sensor 2 is KO. Its times count from noon UTC.
pub fn dual_board() -> Snapshot {
    let board1 = BoardView {
        name: BoardName::new("board1"),
        title: String::from("Board 1"),
        power: true,
        broker: broker(1883, &["card1_monitor"], Vec::new()),
        programs: vec![program("card1_monitor", ProgramKind::Card1, 1..4, 0..0)],
    };
    let bridge = BridgeView {
        name: bridge_name(),
        state: BridgeState::Connected { since: secs(1) },
        remote: Some(BoardName::new("board1")),
        rules: vec![
            String::from("topic sensors/card1 in 2"),
            String::from("topic sensors/all out 2"),
        ],
        queued: 0,
        crossed: (5, 7),
        remote_believes: Some(true),
        cable: CableState::Whole,
    };
    let board2 = BoardView {
        name: BoardName::new("board2"),
        title: String::from("Board 2"),
        power: true,
        broker: broker(1884, &["card2_monitor", "global_display"], vec![bridge]),
        programs: vec![
            program("card2_monitor", ProgramKind::Card2, 4..7, 1..4),
            program("global_display", ProgramKind::Display, 0..0, 1..7),
        ],
    };
    let event = Event::Program {
        program: ProgramName::new("card1_monitor"),
        event: ProgramEvent::Sensor { sensor: SensorNumber(2), state: Some(false) },
    };
    Snapshot {
        title: String::from("Dual board"),
        epoch: OffsetDateTime::UNIX_EPOCH + Duration::from_hours(12),
        now: secs(60),
        data: PathBuf::from("data"),
        boards: vec![board1, board2],
        cables: Vec::new(),
        trace: VecDeque::from([Arc::new(Entry { number: 1, at: secs(4), event })]),
        verdict: Arc::default(),
        findings: Arc::default(),
        aside: Vec::new(),
        trouble: None,
        done: 0,
        transport: None,
    }
}

/// The same, with a counter on board 1 and a tally on board 2 in the place of its programs.
pub fn counting() -> Snapshot {
    let mut snapshot = dual_board();
    let settings = CounterSettings {
        client_id: ClientId::new("counter"),
        topic: Topic::parse("count").expect("a topic"),
        every: Some(Duration::from_millis(100)),
        qos: QoS::ExactlyOnce,
        retain: false,
        limit: None,
        clean_session: false,
    };
    let mut counter = Counter::new(settings, 0x3f9a);
    let mut tally = Tally::new(TallySettings {
        client_id: ClientId::new("tally"),
        topics: vec![Filter::parse("count").expect("a filter")],
        qos: QoS::ExactlyOnce,
        clean_session: false,
    });
    let connected = Input::Connected { session_present: false };
    counter.handle(secs(1), connected.clone());
    tally.handle(secs(1), connected);
    tally.handle(secs(1), Input::Subscribed);
    for output in counter.handle(secs(4), Input::Publish(1_234)) {
        let Output::Publish { token, topic, payload, .. } = output else { continue };
        counter.handle(secs(4), Input::Sent(token));
        tally.handle(secs(4), Input::Message { topic, payload, retain: false });
    }
    let view = |name: &str, kind, face: &Face| {
        let (name, face) = (ProgramName::new(name), face.clone());
        ProgramView { name, kind, run: Run::Running, face }
    };
    snapshot.boards[0].programs = vec![view("counter", ProgramKind::Counter, counter.face())];
    snapshot.boards[1].programs = vec![view("tally", ProgramKind::Tally, tally.face())];
    snapshot
}

/// The counter of [`counting`], to be changed.
pub fn counter_mut(snapshot: &mut Snapshot) -> &mut CounterFace {
    match &mut program_mut(snapshot, "counter").face.count {
        Some(CountFace::Counter(count)) => count,
        other => panic!("{other:?}"),
    }
}

/// The tally of [`counting`], to be changed.
pub fn tally_mut(snapshot: &mut Snapshot) -> &mut TallyFace {
    match &mut program_mut(snapshot, "tally").face.count {
        Some(CountFace::Tally(count)) => count,
        other => panic!("{other:?}"),
    }
}

/// The bridge of [`dual_board`].
pub fn bridge_name() -> BridgeName {
    BridgeName::new("bridge_to_broker1")
}

/// The program `name`, to be changed.
pub fn program_mut<'a>(snapshot: &'a mut Snapshot, name: &str) -> &'a mut ProgramView {
    let mut programs = snapshot.boards.iter_mut().flat_map(|board| &mut board.programs);
    programs.find(|program| program.name.as_str() == name).expect("a program of the scenario")
}

/// The bridge, to be changed.
pub fn bridge_mut(snapshot: &mut Snapshot) -> &mut BridgeView {
    &mut snapshot.boards[1].broker.bridges[0]
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn broker(port: u16, clients: &[&str], bridges: Vec<BridgeView>) -> BrokerView {
    let session =
        |client: &&str| SessionView { client_id: (*client).to_owned(), connected: true, queued: 0 };
    BrokerView {
        run: Run::Running,
        engine: String::from("native"),
        tells: true,
        port,
        persistent: true,
        holdings: Holdings { retained: 3, sessions: 2, queued: 4, refused: 0 },
        disk: None,
        store_trouble: None,
        sessions: clients.iter().map(session).collect(),
        bridges,
    }
}

fn program(
    name: &str,
    kind: ProgramKind,
    own: std::ops::Range<u8>,
    heard: std::ops::Range<u8>,
) -> ProgramView {
    let sensor = |origin: Origin| {
        move |number: u8| SensorFace {
            number: SensorNumber(number),
            state: Some(number != 2),
            origin: Some((origin, secs(4))),
            unsent: false,
        }
    };
    let face = Face {
        link: Link::Online { since: secs(1), session_present: true },
        own: own.map(sensor(Origin::Clicked)).collect(),
        heard: heard.map(sensor(Origin::Live)).collect(),
        updated: Some(secs(4)),
        restored: true,
        bridge: (kind == ProgramKind::Display).then_some((true, secs(1))),
        ..Face::default()
    };
    ProgramView { name: ProgramName::new(name), kind, run: Run::Running, face }
}
