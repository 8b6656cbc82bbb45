//! A message goes round in three live brokers: the verdict names its way while it does, the world
//! still does what it is told, and a fuse opens a bridge.

#[path = "common/client.rs"]
#[expect(dead_code, reason = "other tests use all of it")]
mod client;
#[path = "common/live.rs"]
mod live;

use std::fmt::Write;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use client::Client;
use twinboard::cable::Deed;
use twinboard::conf::Folder;
use twinboard::conf::scenario::BreachKind;
use twinboard::lab::plan::Plan;
use twinboard::lab::snapshot::{BridgeState, CableState};
use twinboard::lab::world::live::Live;
use twinboard::lab::{CableName, Command, Snapshot};
use twinboard::mqtt::QoS;

/// Only waited out when a test fails.
const PATIENCE: Duration = Duration::from_secs(30);
const BOARDS: [&str; 3] = ["north", "east", "west"];
const BRIDGES: [&str; 3] = ["to_east", "to_west", "to_north"];

/// The triangle, without programs: nothing is said but what the test says.
struct Triangle {
    live: Live,
    newest: Arc<Snapshot>,
}

impl Triangle {
    /// Starts it, and waits until all bridges are connected.
    fn start(folder: &Path, fuse: &str) -> Self {
        let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/triangle");
        let mut scenario = format!("title = 'Triangle'\n{fuse}\n");
        for board in BOARDS {
            let conf = format!("{board}.conf");
            std::fs::copy(files.join(&conf), folder.join(&conf)).expect("a file");
            writeln!(scenario, "[[board]]\nname = '{board}'\nconf = '{conf}'")
                .expect("a string takes all");
        }
        std::fs::write(folder.join("scenario.toml"), scenario).expect("a file");
        let opened = Folder::read(folder).expect("a folder").open("host").expect("a scenario");
        let plan = Plan::new("triangle", opened).expect("it fits together");
        let live = live::start(plan, &folder.join("data"));
        let newest = live.snapshots.recv_timeout(PATIENCE).expect("a first snapshot");
        let mut triangle = Self { live, newest };
        triangle.until("connected", |it| {
            let mut bridges = it.boards.iter().flat_map(|board| &board.broker.bridges);
            bridges.all(|it| matches!(it.state, BridgeState::Connected { .. }))
        });
        triangle
    }

    fn until(&mut self, what: &str, holds: impl Fn(&Snapshot) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !holds(&self.newest) {
            let left = until.saturating_duration_since(Instant::now());
            match self.live.snapshots.recv_timeout(left) {
                Ok(newer) => self.newest = newer,
                Err(error) => panic!("not {what}: {error}; {:#?}", self.newest.verdict.breaches),
            }
        }
    }

    /// One message from outside.
    fn publish(&self) {
        let mut client = Client::new("outside", true);
        let address = (Ipv4Addr::LOCALHOST, self.newest.boards[0].broker.port).into();
        client.connect(address).expect("a broker");
        client.publish("sensors/x", "1", QoS::AtLeastOnce, false).expect("a broker");
    }

    /// Waits until the verdict tells of the way round, and gives it back.
    fn until_told(&mut self) -> String {
        let told = |it: &Snapshot| {
            let mut breaches = it.verdict.breaches.iter();
            breaches.find(|it| it.kind == BreachKind::Loop).map(|it| it.what.clone())
        };
        self.until("told", |it| told(it).is_some());
        told(&self.newest).expect("it was there")
    }

    /// Does something to a cable, and waits until it is done.
    fn apply(&mut self, cable: &str, deed: Deed) {
        let before = self.newest.done;
        let command = Command::Cable { cable: CableName::new(cable), deed };
        self.live.commands.send(command).expect("the world goes on");
        self.until("done", |it| it.done > before);
        assert_eq!(self.newest.trouble, None);
    }
}

/// The bridges whose cables are cut.
fn cut(snapshot: &Snapshot) -> Vec<&str> {
    let cut = snapshot.cables.iter().filter(|it| it.state != CableState::Whole);
    cut.map(|it| it.name.as_str()).collect()
}

#[test]
fn a_message_that_goes_round_is_told_and_the_world_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut triangle = Triangle::start(folder.path(), "");
    triangle.publish();
    let told = triangle.until_told();
    assert!(told.starts_with("sensors/x goes round: it came back to "), "{told}");
    // A bridge that does not say who it is has its own messages sent back, too: whichever way
    // round is told first, its rules are told with it.
    assert!(told.contains("the way is ") && told.contains(" --(topic "), "{told}");
    assert_eq!(cut(&triangle.newest), [""; 0], "nobody asked for a fuse");
    for bridge in BRIDGES {
        triangle.apply(bridge, Deed::cut());
    }
    triangle.live.end();
}

#[test]
fn a_fuse_cuts_the_bridge_that_brings_a_message_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut triangle = Triangle::start(folder.path(), "fuse = 5");
    triangle.publish();
    triangle.until("cut", |it| !cut(it).is_empty());
    let (first, told) = (cut(&triangle.newest)[0].to_owned(), triangle.until_told());
    assert!(BRIDGES.contains(&first.as_str()), "{first}");
    assert!(told.contains("sensors/x goes round"), "{told}");
    triangle.live.end();
}
