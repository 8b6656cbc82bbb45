//! The truth about a world at one moment, as windows and reports show it.
//!
//! Times count from 1970; [`Snapshot::epoch`] puts them on the clock.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use super::command::DiskTrouble;
use super::name::{BoardName, BridgeName, CableName, ProgramName};
use super::trace::{Entry, Party};
use super::transport::Transport;
use super::verdict::Verdict;
use crate::cable::Direction;
use crate::card::Face;
use crate::lint::Finding;

/// A world at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The scenario's title.
    pub title: String,
    /// What times count from, by the local clock.
    pub epoch: OffsetDateTime,
    /// The moment of this snapshot.
    pub now: Duration,
    /// Where the state lives.
    pub data: PathBuf,
    /// The boards, in the order of the scenario.
    pub boards: Vec<BoardView>,
    /// The cables, board by board.
    pub cables: Vec<CableView>,
    /// The last entries of the trace, oldest first.
    pub trace: VecDeque<Arc<Entry>>,
    /// What was promised so far, and whether it was kept.
    pub verdict: Arc<Verdict>,
    /// What is to be said of the scenario's files, the worst first.
    pub findings: Arc<[Finding]>,
    /// States kept aside by fresh starts, newest first.
    pub aside: Vec<PathBuf>,
    /// A request that could not be carried out, in words: what failed and what to do.
    pub trouble: Option<String>,
    /// How many requests have been carried out, or could not be.
    pub done: u64,
    /// How it is gone through, where that can be done: in simulated time, by hand.
    pub transport: Option<Transport>,
}

/// One board.
#[derive(Debug, Clone)]
pub struct BoardView {
    /// Its name.
    pub name: BoardName,
    /// Its name for people: "Board 1".
    pub title: String,
    /// Whether it has power.
    pub power: bool,
    /// Its broker.
    pub broker: BrokerView,
    /// Its programs, in the order of the scenario.
    pub programs: Vec<ProgramView>,
}

/// Whether a part runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Run {
    /// It runs.
    Running,
    /// It was frozen: it is there, and does nothing at all.
    Frozen,
    /// It was stopped or killed, or has no power.
    Stopped,
    /// It could not start or could not go on; in words, with what to do.
    Failed(String),
}

/// A board's broker.
#[derive(Debug, Clone)]
pub struct BrokerView {
    /// Whether it runs.
    pub run: Run,
    /// Which it is, with its version where it is not ours: "native", "mosquitto 2.0.11".
    pub engine: String,
    /// Whether it says what it holds: ours alone does. Of others, cables show who is connected.
    pub tells: bool,
    /// Its public port on loopback.
    pub port: u16,
    /// Whether its state outlives it; otherwise it is memory only.
    pub persistent: bool,
    /// What it holds; what it left on disk, when it does not run.
    pub holdings: Holdings,
    /// What was done to the disk that its state is on.
    pub disk: Option<DiskTrouble>,
    /// A store that fails to commit, in words.
    pub store_trouble: Option<String>,
    /// Its clients, connected or remembered, in order of their ids; bridges' own sessions left out.
    pub sessions: Vec<SessionView>,
    /// The bridges it dials out for.
    pub bridges: Vec<BridgeView>,
}

/// How much a broker holds: what a fresh start would take away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Holdings {
    /// Retained messages, `$SYS` left out.
    pub retained: usize,
    /// Persistent sessions, bridges' included.
    pub sessions: usize,
    /// Messages queued or in flight to sessions.
    pub queued: usize,
    /// Messages refused because a queue was full, since the start.
    pub refused: u64,
}

/// A session at a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionView {
    /// The client id.
    pub client_id: String,
    /// Whether the broker believes the client to be connected.
    pub connected: bool,
    /// Messages queued or in flight to it.
    pub queued: usize,
}

/// A bridge as its own broker knows it, and what the far end believes.
#[derive(Debug, Clone)]
pub struct BridgeView {
    /// Its `connection` name.
    pub name: BridgeName,
    /// Where it stands.
    pub state: BridgeState,
    /// The board at the far end, where the scenario has it.
    pub remote: Option<BoardName>,
    /// The `topic` lines.
    pub rules: Vec<String>,
    /// Messages queued or in flight towards the far broker.
    pub queued: usize,
    /// Messages that crossed since the start: out and in.
    pub crossed: (u64, u64),
    /// What the far broker believes, where the scenario has it and it runs.
    pub remote_believes: Option<bool>,
    /// The cable.
    pub cable: CableState,
}

/// Where a bridge stands, as its own end believes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BridgeState {
    /// Stopped by hand, or its broker does not run.
    Stopped,
    /// Dialling, or waiting for CONNACK.
    Connecting,
    /// Connected.
    Connected {
        /// Since when.
        since: Duration,
    },
    /// Waiting before it dials again.
    Waiting {
        /// When it will dial.
        until: Duration,
        /// Why the last connection or attempt ended.
        reason: String,
    },
}

/// A cable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CableState {
    /// Packets pass.
    #[default]
    Whole,
    /// Cut, and both ends were told.
    Cut,
    /// Cut, and neither end was told.
    Silent,
}

/// A cable of any kind: a bridge's, a program's, or the one at a board's public ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CableView {
    /// Its name.
    pub name: CableName,
    /// Who dials; none where anybody may.
    pub dialer: Option<Party>,
    /// Who listens.
    pub target: Party,
    /// How it looks from far away.
    pub state: CableState,
    /// The faults in force, in words, in the order they were set.
    pub faults: Vec<String>,
    /// The packets that wait for somebody to let them go: the first of each connection and
    /// direction, in their order.
    pub held: Vec<HeldView>,
}

/// A packet that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldView {
    /// On which connection: the number that the trace has, too.
    pub wire: u64,
    /// Which way it goes.
    pub direction: Direction,
    /// What it is, in words.
    pub words: String,
}

/// One program of a board.
#[derive(Debug, Clone)]
pub struct ProgramView {
    /// Its name.
    pub name: ProgramName,
    /// What it is.
    pub kind: ProgramKind,
    /// Whether it runs.
    pub run: Run,
    /// What it knows; the last it knew, when it does not run.
    pub face: Face,
}

/// The programs there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProgramKind {
    /// Sensors 1 to 3.
    Card1,
    /// Sensors 4 to 6, and what board 1 says.
    Card2,
    /// All six.
    Display,
    /// Publishes 1, 2, 3 …
    Counter,
    /// Says which of them came.
    Tally,
}

impl Snapshot {
    /// A program of any board.
    #[must_use]
    pub fn program(&self, name: &ProgramName) -> Option<(&BoardView, &ProgramView)> {
        self.boards.iter().find_map(|board| {
            board.programs.iter().find(|program| program.name == *name).map(|found| (board, found))
        })
    }

    /// A bridge of any board.
    #[must_use]
    pub fn bridge(&self, name: &BridgeName) -> Option<(&BoardView, &BridgeView)> {
        self.boards.iter().find_map(|board| {
            board.broker.bridges.iter().find(|bridge| bridge.name == *name).map(|it| (board, it))
        })
    }
}
