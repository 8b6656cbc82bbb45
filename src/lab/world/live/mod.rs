//! The live world: a plan's boards over real TCP, in real time.
//!
//! ```text
//! Command --> thread "world" (a tokio runtime)                         --> Snapshot
//!               World: boards -- programs (a driver each)
//!                        |
//!             thread "board", one for each: broker (owner task, store thread), cables
//! ```
//!
//! One task owns everything and carries out one command after the other; what brokers, programs and
//! cables report comes to it over channels.

mod board;
mod cables;
mod notes;
mod parts;
mod probe;
mod threads;
mod view;

pub use self::board::seed;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use time::{OffsetDateTime, UtcOffset};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use self::board::Board;
use self::cables::Ears;
use self::notes::{Note, Notes};
use self::threads::Threads;
use crate::lab::Command;
use crate::lab::data::Data;
use crate::lab::plan::Plan;
use crate::lab::snapshot::Snapshot;
use crate::lab::trace::{Event, Listener};
use crate::lab::world::commands::{carry_out, start_everything, stop_everything};
use crate::lab::world::outlet::Outlet;
use crate::lab::world::record::Record;
use crate::lab::world::seen::Seen;
use crate::net::{Clock, Lines};

/// So many commands may wait; whoever sends more waits too.
const COMMANDS: usize = 256;
/// Snapshots are made at most this often: as often as a screen shows them.
const SNAPSHOT_EVERY: Duration = Duration::from_millis(16);

/// Reports are looked at most this often: to be woken for each costs whoever reports more than to
/// carry a packet.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// How a live world is to run.
pub struct Options {
    /// Where its state lives.
    pub data: Data,
    /// Whether free ports are used in place of those of the conf files.
    pub auto_ports: bool,
    /// The local time's distance from UTC. A program can ask for it only before it has threads.
    pub offset: UtcOffset,
    /// The file of this program, which is also that of rumqttd.
    pub own: PathBuf,
    /// Called after each new snapshot; must not block.
    pub changed: Box<dyn Fn() + Send>,
    /// Given every entry of the trace as it comes.
    pub entries: Option<Listener>,
}

/// A live world, seen from outside.
#[derive(Debug)]
pub struct Live {
    /// Takes commands; when it is dropped the world ends.
    pub commands: Sender<Command>,
    /// Gives the newest snapshot; older ones that nobody took are dropped.
    pub snapshots: Receiver<Arc<Snapshot>>,
    thread: JoinHandle<()>,
}

impl Live {
    /// Starts everything in the plan. What cannot start shows in the snapshots.
    ///
    /// # Errors
    /// When the system gives no thread or no port on loopback.
    pub fn start(plan: Plan, options: Options) -> std::io::Result<Self> {
        let (commands, ordered) = bounded(COMMANDS);
        let (outlet, snapshots) = Outlet::new(options.changed);
        let entries = options.entries;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("world worker")
            .enable_all()
            .build()?;
        let threads = Threads::start(plan.boards.len())?;
        let Options { data, auto_ports, offset, own, .. } = options;
        let ground = Chosen { data, auto_ports, offset, own };
        let thread = thread::Builder::new().name("world".to_owned()).spawn(move || {
            runtime.block_on(async {
                match World::new(plan, ground, &threads, outlet) {
                    Ok(mut world) => {
                        world.entries = entries;
                        world.warn();
                        world.trouble = start_everything(&mut world).await.err();
                        world.run(forward(ordered)).await;
                    }
                    Err(error) => tracing::error!(%error, "the world could not begin"),
                }
            });
        })?;
        Ok(Self { commands, snapshots, thread })
    }

    /// Ends everything cleanly and waits for it.
    ///
    /// # Panics
    /// When the world's thread did, which is a defect.
    pub fn end(self) {
        if self.commands.send(Command::Quit).is_err() {
            tracing::debug!("the world has ended already");
        }
        if let Err(panic) = self.thread.join() {
            std::panic::resume_unwind(panic);
        }
    }
}

/// Brings commands from the windows' kind of channel to the tasks' kind.
fn forward(ordered: Receiver<Command>) -> mpsc::Receiver<Command> {
    let (sender, receiver) = mpsc::channel(COMMANDS);
    let forward = move || {
        for command in ordered {
            let last = command == Command::Quit;
            if sender.blocking_send(command).is_err() || last {
                return;
            }
        }
    };
    let spawned = thread::Builder::new().name("commands".to_owned()).spawn(forward);
    spawned.expect("a thread more than the one that just began");
    receiver
}

/// The next report, from then on.
async fn hear(heard: &mut mpsc::Receiver<Note>, from: Instant) -> Option<Note> {
    if from > Instant::now() {
        sleep_until(from).await;
    }
    heard.recv().await
}

/// The options that a world keeps.
struct Chosen {
    data: Data,
    auto_ports: bool,
    offset: UtcOffset,
    own: PathBuf,
}

/// The world itself.
struct World {
    plan: Plan,
    data: Data,
    clock: Clock,
    epoch: OffsetDateTime,
    boards: Vec<Board>,
    notes: Notes,
    heard: mpsc::Receiver<Note>,
    record: Record,
    /// When a newer verdict is worth its while.
    judge_again: Duration,
    seen: Seen,
    own: PathBuf,
    /// States kept aside: read when that may have changed, not with each snapshot.
    aside: Vec<PathBuf>,
    trouble: Option<String>,
    done: u64,
    outlet: Outlet,
    entries: Option<Listener>,
}

impl World {
    fn new(plan: Plan, chosen: Chosen, threads: &Threads, outlet: Outlet) -> std::io::Result<Self> {
        let Chosen { data, auto_ports, offset, own } = chosen;
        let (notes, heard) = Notes::new();
        let clock = Clock::start();
        let ears = Ears { clock, lines: Lines::default(), notes: notes.clone() };
        let boards = (0..plan.boards.len())
            .map(|at| Board::new(&plan, at, auto_ports, ears.clone(), threads.of(at)))
            .collect::<std::io::Result<Vec<_>>>()?;
        for named in boards.iter().flat_map(|board| board.cables.all()) {
            // What is held there makes no report of its own.
            notes.follow(named.cable.watch());
        }
        let record = Record::new(plan.bridge_facts());
        Ok(Self {
            plan,
            clock,
            epoch: OffsetDateTime::UNIX_EPOCH.to_offset(offset),
            boards,
            notes,
            heard,
            record,
            judge_again: Duration::ZERO,
            seen: Seen::default(),
            own,
            aside: data.asides(),
            data,
            trouble: None,
            done: 0,
            outlet,
            entries: None,
        })
    }

    /// Says what engines do less well than confs ask.
    fn warn(&mut self) {
        let weaker: Vec<_> = self.plan.boards.iter().flat_map(|it| it.weaker.clone()).collect();
        for words in weaker {
            self.note_now(Event::Note(words));
        }
    }

    async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut dirty = true;
        let (mut next, mut look) = (Instant::now(), Instant::now());
        loop {
            tokio::select! {
                command = commands.recv() => match command {
                    None | Some(Command::Quit) => break,
                    Some(command) => {
                        self.obey(command).await;
                        dirty = true;
                    }
                },
                Some(note) = hear(&mut self.heard, look) => {
                    self.note(note);
                    dirty = true;
                    self.catch_up();
                    look = Instant::now() + LOOK_EVERY;
                }
                () = self.notes.changed() => dirty = true,
                () = sleep_until(next), if dirty => {
                    self.publish().await;
                    next = Instant::now() + SNAPSHOT_EVERY;
                    // A verdict that was too early is given again.
                    dirty = self.record.is_verdict_stale();
                    if dirty {
                        next = next.max(Instant::from_std(self.clock.instant(self.judge_again)));
                    }
                }
            }
        }
        stop_everything(&mut self).await;
        self.publish().await;
        for board in self.boards {
            board.cables.stop().await;
        }
        self.outlet.close();
    }

    /// Carries out a command; what went wrong shows as the world's trouble.
    async fn obey(&mut self, command: Command) {
        self.record.go_on();
        self.trouble = carry_out(self, command).await.err();
        if let Some(trouble) = self.trouble.clone() {
            self.note_now(Event::Note(trouble));
        }
        self.done += 1;
    }

    /// Writes down what was heard so far, and nothing that comes meanwhile: a message that goes
    /// round would never let it end.
    fn catch_up(&mut self) {
        for _ in 0..self.heard.len() {
            if let Ok(note) = self.heard.try_recv() {
                self.note(note);
            }
        }
    }

    async fn publish(&mut self) {
        self.catch_up();
        let snapshot = self.snapshot().await;
        self.outlet.put(snapshot);
    }
}
