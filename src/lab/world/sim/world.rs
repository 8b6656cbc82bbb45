//! A plan's boards in simulated time: what [`Live`](crate::lab::world::live::Live) is in real time.
//!
//! ```text
//! Command ---> carry_out ---+
//! step, run_until ----------+--> Sim (brokers, programs, wires, disks) ---> entries, Snapshot
//! ```
//!
//! The same plan, the same seed, and the same commands at the same times give the same entries, byte
//! for byte, on every machine. A world is a value: a copy of it goes on by itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use time::OffsetDateTime;

use super::client::Client;
use super::{ClientNumber, NodeNumber, Sim};
use crate::card::Face;
use crate::conf::Engine;
use crate::lab::Command;
use crate::lab::ledger::Ledger;
use crate::lab::name::{CableName, ProgramName};
use crate::lab::plan::{Plan, Seat};
use crate::lab::snapshot::{Holdings, Run, Snapshot};
use crate::lab::trace::{Entry, Event, Party, Place};
use crate::lab::verdict::Verdict;
use crate::lab::world::commands::{carry_out, start_everything};

/// See the module.
#[derive(Clone)]
pub struct World {
    pub(super) plan: Arc<Plan>,
    pub(super) sim: Sim,
    pub(super) boards: Vec<Board>,
    /// All cables, in the order in which they are shown.
    pub(super) places: Arc<[Arc<Place>]>,
    pub(super) trouble: Option<String>,
    done: u64,
    /// Up to which entry the fuse was looked at.
    fused: usize,
}

/// A board, beside what the simulation knows of its broker.
#[derive(Debug, Clone)]
pub(super) struct Board {
    pub(super) power: bool,
    pub(super) run: Run,
    /// What its broker held when it last ran.
    pub(super) holdings: Holdings,
    pub(super) programs: Vec<Program>,
}

/// A program, beside what the simulation knows of its client.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) client: ClientNumber,
    pub(super) run: Run,
    /// What it knew when it last ran.
    pub(super) face: crate::card::Face,
}

impl World {
    /// Everything in the plan, started. Latencies, the times of commits, and what programs draw come
    /// from the seed.
    ///
    /// # Errors
    /// In words, where a board does not run the native engine: others cannot be simulated.
    pub fn new(plan: Arc<Plan>, seed: u64) -> Result<Self, String> {
        Self::begin(plan, Sim::seeded(seed))
    }

    /// The same, where every packet and every commit takes as long as any other.
    ///
    /// # Errors
    /// As [`World::new`].
    pub fn steady(plan: Arc<Plan>, seed: u64) -> Result<Self, String> {
        Self::begin(plan, Sim::steady(seed))
    }

    fn begin(plan: Arc<Plan>, mut sim: Sim) -> Result<Self, String> {
        if let Some(board) = plan.boards.iter().find(|board| board.engine != Engine::Native) {
            return Err(format!(
                "{} runs {}, which is no part of this program and cannot be simulated: add \
                 `--engine {}=native`",
                board.name, board.engine, board.name
            ));
        }
        for board in &plan.boards {
            let ports = board.listen.iter().map(std::net::SocketAddr::port).collect();
            sim.add_board(board.name.clone(), ports, board.settings.clone());
        }
        sim.watch_bridges(plan.bridge_facts());
        let boards = plan.boards.iter().enumerate().map(|(at, board)| Board {
            power: false,
            run: Run::Stopped,
            holdings: Holdings::default(),
            programs: (0..board.programs.len())
                .map(|program| seat(&plan, Seat { board: at, program }, &mut sim))
                .collect(),
        });
        let boards = boards.collect();
        let places = places(&plan).into();
        let mut world = Self { plan, sim, boards, places, trouble: None, done: 0, fused: 0 };
        world.trouble = ready(start_everything(&mut world)).err();
        Ok(world)
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The names of all cables.
    #[must_use]
    pub fn cables(&self) -> Vec<CableName> {
        self.places.iter().map(|place| place.cable.clone()).collect()
    }

    /// The virtual time, from 0.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.sim.now
    }

    /// How many things have happened: packets that came to a cable, commits, timers.
    #[must_use]
    pub fn happened(&self) -> u64 {
        self.sim.happened
    }

    /// How many commands were carried out, or could not be.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done
    }

    /// How many packets have come to a cable.
    #[must_use]
    pub fn crossed(&self) -> u64 {
        self.sim.crossed
    }

    /// When the next thing happens, if anything is to happen at all.
    #[must_use]
    pub fn next_at(&self) -> Option<Duration> {
        self.sim.next_at()
    }

    /// Lets the next thing happen, if it is due until then; otherwise it is that time.
    pub fn step_until(&mut self, until: Duration) -> bool {
        let stepped = self.sim.step_until(until);
        self.watch_fuse();
        stepped
    }

    /// Lets everything happen until then.
    pub fn run_until(&mut self, until: Duration) {
        while self.step_until(until) {}
    }

    /// Carries out a command; what went wrong shows as the world's trouble.
    pub fn obey(&mut self, command: Command) {
        self.sim.recorded().record.go_on();
        self.trouble = ready(carry_out(self, command)).err();
        if let Some(trouble) = self.trouble.clone() {
            self.sim.note(Event::Note(trouble));
        }
        self.done += 1;
    }

    /// What could not be carried out last, in words.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// The entries of the trace since they were last taken.
    pub fn take_entries(&mut self) -> Vec<Arc<Entry>> {
        self.fused = 0;
        // They are among the entries; a copy of the world need not have them too.
        self.sim.events.clear();
        std::mem::take(&mut self.sim.recorded().entries)
    }

    /// What is owed.
    ///
    /// # Panics
    /// Never: a world is watched from its beginning.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        self.sim.ledger().expect("a world is watched from its beginning")
    }

    /// The last verdict that was given: with [`Command::Judge`], the last word.
    #[must_use]
    pub fn verdict(&self) -> Arc<Verdict> {
        self.sim.record.as_ref().map(|it| it.record.verdict()).unwrap_or_default()
    }

    /// What the programs that run know.
    pub fn faces(&self) -> impl Iterator<Item = (&ProgramName, &Face)> {
        let programs =
            self.plan.boards.iter().zip(&self.boards).flat_map(|(plan, board)| {
                plan.programs.iter().map(|it| &it.name).zip(&board.programs)
            });
        programs.filter_map(|(name, program)| Some((name, self.sim.face(program.client)?)))
    }

    /// As windows and scripts see it.
    pub fn snapshot(&mut self) -> Snapshot {
        let recorded = self.sim.recorded();
        if recorded.record.is_verdict_stale() {
            recorded.record.judge();
        }
        let (verdict, trace) = (recorded.record.verdict(), recorded.record.trace.last());
        Snapshot {
            title: self.plan.title.clone(),
            epoch: OffsetDateTime::UNIX_EPOCH,
            now: self.now(),
            data: PathBuf::new(),
            cables: self.cable_views(),
            boards: self.board_views(),
            trace,
            verdict,
            findings: self.plan.findings.clone(),
            aside: Vec::new(),
            trouble: self.trouble.clone(),
            done: self.done,
            transport: None,
        }
    }

    /// A message that goes round for too long opens the bridge by which it comes back.
    fn watch_fuse(&mut self) {
        let Some(most) = self.plan.fuse else { return };
        let entries = &self.sim.recorded().entries;
        let is_packet = |entry: &Arc<Entry>| matches!(entry.event, Event::Packet(_));
        let new = entries.get(self.fused..).unwrap_or_default().iter().any(is_packet);
        self.fused = entries.len();
        if new {
            self.blow_fuse(most);
        }
    }
}

/// A program's client, at its seat.
fn seat(plan: &Plan, seat: Seat, sim: &mut Sim) -> Program {
    let name = &plan.program_at(seat).name;
    let identity = plan.boards[seat.board].program(seat.program, 0).identity();
    let node = NodeNumber(seat.board);
    let client = Client::new(node, identity.client_id.as_str(), identity.clean_session);
    let cable = CableName::new(name.as_str());
    let client = client.of_program(Party::Program(name.clone()), cable, identity.keep_alive);
    let client = sim.seat_program(client);
    Program { client, run: Run::Stopped, face: crate::card::Face::default() }
}

/// The cables of all boards, as the live world lists them.
fn places(plan: &Plan) -> Vec<Arc<Place>> {
    let mut places = Vec::new();
    let facts = plan.bridge_facts();
    for board in &plan.boards {
        let here = || Party::Board(board.name.clone());
        for bridge in &board.bridges {
            let cable = CableName::new(bridge.name.as_str());
            let remote = facts.iter().find(|it| it.cable == cable).map(|it| it.remote.clone());
            let target = remote.unwrap_or(Party::Outside(String::new()));
            places.push(Place { cable, dialer: Some(here()), target });
        }
        for program in &board.programs {
            let cable = CableName::new(program.name.as_str());
            let dialer = Some(Party::Program(program.name.clone()));
            places.push(Place { cable, dialer, target: here() });
        }
        let cable = CableName::new(board.name.as_str());
        places.push(Place { cable, dialer: None, target: here() });
    }
    places.into_iter().map(Arc::new).collect()
}

/// What comes of work that waits for nothing: in virtual time, time passes within it.
fn ready<T>(work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    match work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => unreachable!("nothing in the simulated world waits"),
    }
}
