//! Every fault of a cable against clients that keep their own count: each on its own through a live
//! board, and in pairs through a broker and a cable. Whatever was acknowledged with QoS 2 arrives
//! exactly once and in order when the cable is mended and the connections are new.

#[path = "common/client.rs"]
#[expect(dead_code, reason = "other tests use all of it")]
mod client;
#[path = "common/live.rs"]
mod live;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use client::{Client, Happened};
use twinboard::broker::{Limits, Settings};
use twinboard::cable::fault::{
    Bandwidth, CutAfter, CutBefore, Delay, Drop, Hold, Lose, Repeat, Slice, SlowClose,
};
use twinboard::cable::{Deed, Direction, Fault, Kind, Pick, Random};
use twinboard::conf::Folder;
use twinboard::lab::plan::Plan;
use twinboard::lab::world::live::Live;
use twinboard::lab::{CableName, Command, Snapshot};
use twinboard::mqtt::{PacketKind, QoS};
use twinboard::net::{BrokerHandle, LiveCable, SharedCable, Start};

/// Only waited out when a test fails.
const PATIENCE: Duration = Duration::from_secs(20);
/// With so little happening under a fault, it is taken to have done what it does.
const QUIET: Duration = Duration::from_millis(25);
/// How long a look at one connection takes where nothing comes.
const LOOK: Duration = Duration::from_millis(1);
const MESSAGES: usize = 5;
const TOPIC: &str = "t/x";
const HANDSHAKE: [PacketKind; 4] =
    [PacketKind::PUBLISH, PacketKind::PUBREC, PacketKind::PUBREL, PacketKind::PUBCOMP];

/// A publisher and a subscriber, and what they saw.
struct Pair<'a> {
    address: SocketAddr,
    apply: &'a dyn Fn(Deed),
    publisher: Client,
    subscriber: Client,
    /// Whether each is connected, as far as it knows.
    up: [bool; 2],
    acknowledged: BTreeSet<String>,
    arrived: Vec<String>,
    last_event: Instant,
}

impl<'a> Pair<'a> {
    fn new(address: SocketAddr, case: &str, apply: &'a dyn Fn(Deed)) -> Self {
        let mut publisher = Client::new(&format!("p {case}"), false);
        let mut subscriber = Client::new(&format!("s {case}"), false);
        publisher.connect(address).expect("a broker");
        subscriber.connect(address).expect("a broker");
        subscriber.subscribe(TOPIC, QoS::ExactlyOnce).expect("a broker");
        let (acknowledged, arrived) = (BTreeSet::new(), Vec::new());
        let (up, last_event) = ([true; 2], Instant::now());
        Self { address, apply, publisher, subscriber, up, acknowledged, arrived, last_event }
    }

    fn publish(&mut self, payload: &str) {
        if self.publisher.publish(TOPIC, payload, QoS::ExactlyOnce, false).is_err() {
            self.up[0] = false;
        }
    }

    /// Looks once at each connection that is up.
    fn look(&mut self) {
        for at in 0..2 {
            let client = if at == 0 { &mut self.publisher } else { &mut self.subscriber };
            if !self.up[at] {
                continue;
            }
            match client.turn(LOOK) {
                Ok(Happened::Nothing) => continue,
                Ok(Happened::Acknowledged(publish)) => {
                    self.acknowledged.insert(text(&publish.payload));
                }
                Ok(Happened::Arrived(publish)) => self.arrived.push(text(&publish.payload)),
                Err(_) => self.up[at] = false,
            }
            self.last_event = Instant::now();
        }
    }

    fn connect(&mut self, at: usize) {
        let client = if at == 0 { &mut self.publisher } else { &mut self.subscriber };
        self.up[at] = client.connect(self.address).is_ok();
    }

    /// Lets the faults do what they do, until all is done or nothing happens any more.
    fn under_faults(&mut self, faults: &[Fault]) {
        let holds = |it: &Fault| matches!(it.kind, Kind::Hold(_));
        let blocks = |it: &Fault| matches!(it.kind, Kind::Cut(_) | Kind::Silent(_) | Kind::Hold(_));
        let (held, blocked) = (faults.iter().any(holds), faults.iter().any(blocks));
        for number in 0..MESSAGES {
            self.publish(&number.to_string());
        }
        let until = Instant::now() + 20 * QUIET;
        self.last_event = Instant::now();
        while self.last_event.elapsed() < QUIET && Instant::now() < until {
            if held {
                (self.apply)(Deed::Release { direction: None, packets: 1 });
            }
            for at in 0..2 {
                // Whoever dials through such a cable waits for it to be mended.
                if !self.up[at] && !blocked {
                    self.connect(at);
                }
            }
            self.look();
            if self.publisher.unfinished() == 0 && self.arrived.len() >= MESSAGES {
                break;
            }
        }
    }

    /// Mends the cable, connects anew, and lets everything come to its end; a last message shows
    /// that nothing follows.
    fn mended(&mut self) {
        (self.apply)(Deed::Mend);
        self.up = [false; 2];
        self.until("all is done", |it| {
            it.publisher.unfinished() == 0 && it.arrived.len() >= MESSAGES
        });
        self.publish("end");
        self.until("the last message came", |it| {
            it.publisher.unfinished() == 0 && it.arrived.last().is_some_and(|it| it == "end")
        });
    }

    fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !holds(self) {
            assert!(Instant::now() < until, "not {what}; arrived: {:?}", self.arrived);
            for at in 0..2 {
                if !self.up[at] {
                    self.connect(at);
                }
            }
            self.look();
        }
    }

    /// What was acknowledged came once, and in order unless a message was dropped on a connection
    /// that lived: that one comes when it is sent again.
    fn check(mut self, faults: &[Fault]) {
        let words: Vec<String> = faults.iter().map(ToString::to_string).collect();
        let expected: Vec<String> =
            (0..MESSAGES).map(|it| it.to_string()).chain(["end".to_owned()]).collect();
        assert_eq!(self.acknowledged, expected.iter().cloned().collect(), "{words:?}");
        let overtakes =
            |it: &Fault| matches!(it.kind, Kind::Drop(_)) && it.to_string().contains("PUBLISH");
        if faults.iter().any(overtakes) {
            self.arrived.sort();
        }
        assert_eq!(self.arrived, expected, "{words:?}");
    }
}

fn text(payload: &[u8]) -> String {
    String::from_utf8_lossy(payload).into_owned()
}

/// Runs one case; `apply` does something to the cable before `address`, and has done it when it
/// returns.
fn run(address: SocketAddr, case: &str, apply: &dyn Fn(Deed), faults: &[Fault]) {
    let mut pair = Pair::new(address, case, apply);
    for fault in faults {
        apply(Deed::Set(fault.clone()));
    }
    pair.under_faults(faults);
    pair.mended();
    pair.check(faults);
}

fn next(packet: PacketKind) -> Pick {
    Pick { nth: 2, ..Pick::next(packet) }
}

/// Those that let connections live, or lose them by chance.
fn plain() -> Vec<Fault> {
    vec![
        Fault::both(Delay { ms: 2, jitter_ms: 2, seed: Random(3) }),
        Fault::both(Bandwidth::new(50_000)),
        Fault::both(Slice { bytes: 3 }),
        Fault::both(Hold::default()),
        Fault::one_way(Direction::In, Drop::of(next(PacketKind::PUBREC))),
        Fault::one_way(Direction::Out, Drop::of(next(PacketKind::PUBREC))),
        Fault::both(Repeat::of(1, next(PacketKind::PUBLISH))),
        Fault::both(SlowClose { ms: 10 }),
        Fault::both(Lose { chance: 0.05, seed: Random(11) }),
    ]
}

/// A cut before and after each packet of a handshake, each way.
fn cuts() -> Vec<Fault> {
    let mut cuts = Vec::new();
    for direction in Direction::BOTH {
        for packet in HANDSHAKE {
            cuts.push(Fault::one_way(direction, CutBefore::of(next(packet))));
            cuts.push(Fault::one_way(direction, CutAfter::of(next(packet))));
        }
    }
    cuts
}

/// A board whose broker is memory only, and a way to do something to the cable at its public port.
struct Board {
    live: Live,
    told: std::cell::Cell<u64>,
    address: SocketAddr,
}

impl Board {
    fn new(folder: &Path) -> Self {
        let scenario = "title = 'T'\n[[board]]\nname = 'one'\nconf = 'one.conf'\n";
        std::fs::write(folder.join("scenario.toml"), scenario).expect("a file");
        std::fs::write(folder.join("one.conf"), "allow_anonymous true\n").expect("a file");
        let opened = Folder::read(folder).expect("a folder").open("host").expect("a scenario");
        let plan = Plan::new("one", opened).expect("it fits together");
        let live = live::start(plan, &folder.join("data"));
        let first = live.snapshots.recv_timeout(PATIENCE).expect("a first snapshot");
        let address = (Ipv4Addr::LOCALHOST, first.boards[0].broker.port).into();
        Self { live, told: std::cell::Cell::new(first.done), address }
    }

    fn apply(&self, deed: Deed) -> Arc<Snapshot> {
        let cable = CableName::new("one");
        self.live.commands.send(Command::Cable { cable, deed }).expect("the world goes on");
        self.told.set(self.told.get() + 1);
        loop {
            let newest = self.live.snapshots.recv_timeout(PATIENCE).expect("a snapshot");
            if newest.done >= self.told.get() {
                assert_eq!(newest.trouble, None);
                return newest;
            }
        }
    }

    /// A snapshot that is newer than all that happened.
    fn look(&self) -> Arc<Snapshot> {
        self.apply(Deed::Clear("cut".to_owned()))
    }
}

/// How many faults are in force.
fn faults(snapshot: &Snapshot) -> usize {
    let named = snapshot.cables.iter().find(|it| it.name.as_str() == "one");
    named.expect("the cable at the public port").faults.len()
}

/// How many messages are under way to that session.
fn under_way(snapshot: &Snapshot, client: &str) -> usize {
    let mut sessions = snapshot.boards[0].broker.sessions.iter();
    sessions.find(|it| it.client_id == client).expect("it subscribed").queued
}

#[test]
fn each_fault_on_its_own_through_a_live_board() {
    let folder = tempfile::tempdir().expect("a folder");
    let board = Board::new(folder.path());
    let apply = |deed| drop(board.apply(deed));
    let once: Vec<Fault> = Direction::BOTH
        .into_iter()
        .flat_map(|way| HANDSHAKE.map(|packet| Fault::one_way(way, Drop::of(next(packet)))))
        .chain(cuts())
        .chain([Fault::both(Repeat::of(1, next(PacketKind::PUBREL)))])
        .collect();
    for (at, fault) in once.iter().enumerate() {
        let mut pair = Pair::new(board.address, &format!("once {at}"), &apply);
        board.apply(Deed::Set(fault.clone()));
        pair.under_faults(std::slice::from_ref(fault));
        let seen = board.look();
        assert_eq!(faults(&seen), 0, "it met its packet: {fault}");
        if matches!(fault.kind, Kind::Drop(_)) {
            let client = format!("s once {at}");
            let unfinished = pair.publisher.unfinished();
            // The last answers of the other messages may be under way still.
            let begun = Instant::now();
            let mut stalled = unfinished + under_way(&seen, &client);
            while stalled > 1 && begun.elapsed() < PATIENCE {
                stalled = unfinished + under_way(&board.look(), &client);
            }
            assert_eq!(stalled, 1, "its handshake waits for a new connection: {fault}");
        }
        pair.mended();
        pair.check(std::slice::from_ref(fault));
    }
    let cut = |deed| match deed {
        Deed::Set(fault) => fault,
        other => panic!("{other} is no fault"),
    };
    let lasting = plain().into_iter().chain([cut(Deed::cut()), cut(Deed::cut_silently())]);
    for (at, fault) in lasting.enumerate() {
        run(board.address, &format!("lasting {at}"), &apply, &[fault]);
    }
    board.live.end();
}

#[test]
fn faults_in_pairs() {
    let plain = plain();
    let all: Vec<Fault> = plain.iter().cloned().chain(cuts()).collect();
    let same = |one: &Fault, other: &Fault| {
        one.kind.name() == other.kind.name() && one.direction == other.direction
    };
    let mut pairs = Vec::new();
    for (at, one) in all.iter().enumerate() {
        // The later of two of one kind takes the place of the first: that is no pair.
        let others = all[at + 1..].iter().filter(|other| !same(one, other));
        pairs.extend(others.map(|other| [one.clone(), other.clone()]));
    }
    assert!(pairs.len() > 200, "{}", pairs.len());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("threads");
    let left = Mutex::new(pairs.into_iter().enumerate().collect::<Vec<_>>());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| pairs_of_one_broker(runtime.handle(), &left));
        }
    });
}

/// Takes one pair after the other, through a broker and a cable of its own.
fn pairs_of_one_broker(runtime: &tokio::runtime::Handle, left: &Mutex<Vec<(usize, [Fault; 2])>>) {
    let settings = Settings {
        limits: Limits { max_inflight_messages: 0, ..Limits::default() },
        ..Settings::default()
    };
    let inside = runtime.enter();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let broker = Start::in_memory("b", settings, vec![listener]);
    let broker = BrokerHandle::start(broker).expect("a listener");
    let (cable, end): (SharedCable, _) = LiveCable::unseen(broker.addresses()[0]).expect("a port");
    drop(inside);
    let apply = |deed| cable.apply(deed);
    loop {
        let Some((at, faults)) = left.lock().expect("no panic").pop() else { break };
        run(end.address(), &at.to_string(), &apply, &faults);
    }
    runtime.block_on(async {
        end.stop().await;
        broker.kill().await;
    });
}
