//! The built-in dual-board system as a live world, on free ports, in a folder of the test's own.

#[path = "live.rs"]
pub mod live;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use twinboard::card::{SensorFace, SensorNumber};
use twinboard::conf::Folder;
use twinboard::lab::condition::against;
use twinboard::lab::plan::Plan;
use twinboard::lab::snapshot::{BoardView, BridgeState, BridgeView, ProgramView};
use twinboard::lab::world::live::Live;
use twinboard::lab::{BoardName, BridgeName, Command, ProgramName, Snapshot};

/// How long what must happen may take; only waited out when a test fails.
const PATIENCE: Duration = Duration::from_secs(30);

pub const CARD1: &str = "card1_monitor";
pub const DISPLAY: &str = "global_display";
pub const BRIDGE: &str = "bridge_to_broker1";

pub struct World {
    live: Live,
    told: u64,
    newest: Arc<Snapshot>,
}

/// The built-in system.
pub fn dual_board() -> Plan {
    dual_board_on(&[])
}

/// The same on other brokers, chosen as on the command line.
pub fn dual_board_on(engines: &[&str]) -> Plan {
    let folder = Folder::builtin("dual-board").expect("it is built in");
    let engines: Vec<_> = engines.iter().map(|it| it.parse().expect("a choice")).collect();
    let opened = folder.open_with("host", &engines).expect("it opens");
    Plan::new("dual-board", opened).expect("it fits together")
}

impl World {
    /// Starts it, and waits until its parts agree.
    pub fn start(plan: Plan, data: &Path) -> Self {
        let live = live::start(plan, data);
        let newest = live.snapshots.recv_timeout(PATIENCE).expect("a first snapshot");
        let mut world = Self { live, told: newest.done, newest };
        world.until_agreed();
        world
    }

    /// Asks for something, and waits until it is done; gives back the trouble it made.
    pub fn tell(&mut self, command: Command) -> Option<String> {
        self.live.commands.send(command).expect("the world goes on");
        self.told += 1;
        let told = self.told;
        self.until("a command is carried out", |it| it.done >= told);
        self.newest.trouble.clone()
    }

    /// The same for what must make no trouble.
    pub fn ask(&mut self, command: Command) {
        let said = format!("{command:?}");
        assert_eq!(self.tell(command), None, "{said}");
    }

    /// Waits for a snapshot in which this holds.
    pub fn until(&mut self, what: &str, holds: impl Fn(&Snapshot) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !holds(&self.newest) {
            let left = until.saturating_duration_since(Instant::now());
            match self.live.snapshots.recv_timeout(left) {
                Ok(newer) => self.newest = newer,
                Err(error) => panic!("not {what}: {error}; last seen: {:#?}", self.newest.boards),
            }
        }
    }

    /// Waits until the bridge is connected and all programs say the same; whoever waits to dial is
    /// told to do it now.
    pub fn until_agreed(&mut self) {
        use twinboard::conf::scenario::Condition::{Agree, Connected, Quiet};
        self.until_connected();
        let conditions = [Agree, Quiet, Connected(BRIDGE.to_owned())];
        self.until("all agree", |it| conditions.iter().all(|one| against(one, it).is_none()));
    }

    /// Waits until the bridge is connected.
    pub fn until_connected(&mut self) {
        let waits = |it: &Snapshot| matches!(bridge(it).state, BridgeState::Waiting { .. });
        let connected = |it: &Snapshot| matches!(bridge(it).state, BridgeState::Connected { .. });
        loop {
            self.until("the bridge gets anywhere", |it| waits(it) || connected(it));
            if connected(&self.newest) {
                return;
            }
            self.ask(Command::RetryNow { bridge: BridgeName::new(BRIDGE) });
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until a program shows that state.
    pub fn until_shows(&mut self, program: &str, number: u8, state: bool) {
        let what = format!("{program} shows sensor {number} as {state}");
        self.until(&what, |it| sensor(it, program, number).state == Some(state));
    }

    /// Clicks a sensor to a state, and waits until its broker has it.
    pub fn set(&mut self, program: &str, number: u8, ok: bool) {
        let name = ProgramName::new(program);
        self.ask(Command::Set { program: name, sensor: SensorNumber(number), ok });
        self.until("a click is taken over", |it| {
            let sensor = sensor(it, program, number);
            sensor.state == Some(ok) && !sensor.unsent
        });
    }

    /// What it looks like now.
    pub fn now(&self) -> &Snapshot {
        &self.newest
    }

    /// Ends it, and waits for that.
    pub fn end(self) {
        self.live.end();
    }
}

pub fn bridge(snapshot: &Snapshot) -> &BridgeView {
    snapshot.bridge(&BridgeName::new(BRIDGE)).expect("it has the bridge").1
}

pub fn board<'a>(snapshot: &'a Snapshot, name: &str) -> &'a BoardView {
    let name = BoardName::new(name);
    snapshot.boards.iter().find(|it| it.name == name).expect("it has the board")
}

pub fn program<'a>(snapshot: &'a Snapshot, name: &str) -> &'a ProgramView {
    snapshot.program(&ProgramName::new(name)).expect("it has the program").1
}

pub fn sensor<'a>(snapshot: &'a Snapshot, name: &str, number: u8) -> &'a SensorFace {
    let mut sensors = program(snapshot, name).face.sensors();
    sensors.find(|it| it.number == SensorNumber(number)).expect("it shows the sensor")
}
