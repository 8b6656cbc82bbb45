//! A board of the live world: its broker, its programs and its cables.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::cables::{Cables, Ears};
use super::notes::{Note, Notes};
use crate::broker::{Address, BridgeNumber, Image};
use crate::card::{self, Face, driver};
use crate::conf::Engine;
use crate::engine::{EngineError, Process, Running, Said, Tell, mosquitto, rumqttd};
use crate::lab::data::Data;
use crate::lab::plan::{BoardPlan, Plan, ProgramPlan};
use crate::lab::snapshot::{Holdings, Run};
use crate::net::{self, BrokerHandle, Clock, Disk, Start, Target};
use crate::store::Store;

/// A board.
pub struct Board {
    /// Whether it has power.
    pub power: bool,
    /// Its broker, while it runs.
    pub broker: Option<Running>,
    /// Whether the broker runs.
    pub run: Run,
    /// What it holds, or held when it last ran.
    pub holdings: Holdings,
    /// Its programs, in the order of the plan.
    pub programs: Vec<Program>,
    /// Its cables.
    pub cables: Cables,
    /// The disk its state is on.
    pub disk: Disk,
    /// Its public ports.
    listen: Vec<SocketAddr>,
    /// Ports that were found free, held until the broker's first start.
    held: Vec<TcpListener>,
    /// Where its broker listens, behind the public ports' cable, while it runs.
    inside: Target,
    /// Where its broker and its cables run.
    thread: Handle,
}

/// What a board stands on: the world's plan, state, time and ears.
pub struct Ground<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Where state lives.
    pub data: &'a Data,
    /// The world's time.
    pub clock: Clock,
    /// Who hears what happens.
    pub notes: &'a Notes,
    /// This program's file.
    pub own: &'a Path,
}

/// A program of a board.
pub struct Program {
    /// Its driver, while it runs.
    pub handle: Option<driver::Handle>,
    /// Whether it runs.
    pub run: Run,
    /// What it knew when it last ran.
    pub face: Face,
}

impl Program {
    /// What it knows, or last knew.
    pub fn face(&self) -> Face {
        self.handle.as_ref().map_or_else(|| self.face.clone(), |it| (*it.face()).clone())
    }
}

impl Board {
    /// The board at that place of the plan, without power. With `auto_ports` it gets ports that are
    /// free now.
    ///
    /// # Errors
    /// When the system has no free port.
    pub fn new(
        plan: &Plan,
        at: usize,
        auto_ports: bool,
        ears: Ears,
        thread: Handle,
    ) -> io::Result<Self> {
        let within = thread.enter();
        let cables = Cables::new(plan, at, ears)?;
        drop(within);
        let plan = &plan.boards[at];
        let mut listen = plan.listen.clone();
        let mut held = Vec::new();
        // Port 0 stands for any: then it stays the same one.
        if auto_ports || listen.iter().any(|it| it.port() == 0) {
            for address in &mut listen {
                let listener =
                    net::bind(SocketAddr::new(address.ip(), 0)).map_err(io::Error::other)?;
                *address = listener.local_addr()?;
                held.push(listener);
            }
        }
        let program =
            |_: &ProgramPlan| Program { handle: None, run: Run::Stopped, face: Face::default() };
        Ok(Self {
            power: false,
            broker: None,
            run: Run::Stopped,
            holdings: Holdings::default(),
            programs: plan.programs.iter().map(program).collect(),
            cables,
            disk: Disk::default(),
            listen,
            held,
            inside: Target::Nowhere,
            thread,
        })
    }

    /// Where clients from outside connect to its broker.
    pub fn address(&self) -> SocketAddr {
        let first = self.listen[0];
        if first.ip().is_unspecified() {
            return SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), first.port());
        }
        first
    }

    /// Starts its broker; what prevents it shows in `run`.
    pub async fn start_broker(&mut self, at: usize, ground: &Ground<'_>) {
        if self.broker.is_some() {
            return;
        }
        match self.open_broker(at, ground).await {
            Ok(running) => {
                if let Running::Native(handle) = &running {
                    ground.notes.follow(handle.changes());
                }
                self.broker = Some(running);
                self.run = Run::Running;
                for program in self.programs.iter().filter_map(|it| it.handle.as_ref()) {
                    if let Err(error) = program.retry_now() {
                        tracing::debug!(%error, "a program will dial by itself");
                    }
                }
            }
            Err(why) => self.run = Run::Failed(why),
        }
    }

    /// Where cables lead to its broker.
    pub fn inside(&self) -> Target {
        self.inside.clone()
    }

    async fn open_broker(&mut self, at: usize, ground: &Ground<'_>) -> Result<Running, String> {
        let public = self.listeners()?;
        let board = &ground.plan.boards[at];
        let running = match &board.engine {
            Engine::Native => Running::Native(self.open_native(board, ground)?),
            Engine::Remote(address) => Running::Remote(Target::Host(address.clone())),
            engine => {
                let (process, addresses) = match engine {
                    Engine::Mosquitto => self.open_mosquitto(board, public.len(), ground).await,
                    _ => open_rumqttd(board, ground).await,
                }
                .map_err(|error| error.to_string())?;
                Running::Process { engine: engine.clone(), process, addresses }
            }
        };
        self.inside = running.target(0);
        let within = self.thread.enter();
        let opened = self.cables.open_front(public, |port| running.target(port));
        drop(within);
        opened.map_err(|error| error.to_string())?;
        self.cables.lead_programs(&self.inside());
        Ok(running)
    }

    async fn open_mosquitto(
        &self,
        board: &BoardPlan,
        listeners: usize,
        ground: &Ground<'_>,
    ) -> Result<(Process, Vec<SocketAddr>), EngineError> {
        let bridges = self.cables.bridges.iter();
        let bridges: Vec<Vec<_>> = bridges
            .map(|bridge| bridge.ends.iter().map(|(_, _, end)| end.address()).collect())
            .collect();
        let start = mosquitto::Start {
            conf: &board.conf,
            listeners,
            bridges: &bridges,
            state: &ground.data.engine(&board.name, board.engine.name()),
            own: ground.own,
            tell: tell(board, ground),
        };
        mosquitto::start(start).await
    }

    fn open_native(&self, board: &BoardPlan, ground: &Ground) -> Result<BrokerHandle, String> {
        let Ground { data, clock, notes, .. } = *ground;
        // Cables have a door to it. This port is for who asks it what it retains, unseen.
        let unseen = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let listeners = vec![unseen.map_err(|error| error.to_string())?];
        let (image, durable) = if board.settings.persistence {
            let (store, image) =
                Store::open(&data.store(&board.name)).map_err(|error| error.to_string())?;
            let saved = net::saved_in(store, board.name.as_str());
            (image, Some(net::on_disk(self.disk.clone(), saved)))
        } else {
            (Image::default(), None)
        };
        let (name, notes) = (board.name.clone(), notes.clone());
        let start = Start {
            name: name.to_string(),
            settings: board.settings.clone(),
            image,
            durable,
            listeners,
            seed: seed(),
            clock,
            route: self.route(),
            events: Box::new(move |at, event| {
                notes.give(Note::Broker { at, board: name.clone(), event });
            }),
        };
        let _within = self.thread.enter();
        BrokerHandle::start(start).map_err(|error| error.to_string())
    }

    fn listeners(&mut self) -> Result<Vec<TcpListener>, String> {
        if !self.held.is_empty() {
            return Ok(std::mem::take(&mut self.held));
        }
        let bound = self.listen.iter().map(|address| net::bind(*address));
        bound.collect::<Result<_, _>>().map_err(|error| match error {
            net::BindError::Taken { .. } => format!("{error}, or let `--ports auto` choose"),
            other => other.to_string(),
        })
    }

    /// Bridges reach whoever it may be through their cables.
    fn route(&self) -> net::Route {
        let bridges = self.cables.bridges.iter();
        let ends: Vec<Vec<(Address, SocketAddr)>> = bridges
            .map(|it| it.ends.iter().map(|(to, _, end)| (to.clone(), end.address())).collect())
            .collect();
        Box::new(move |bridge: BridgeNumber, address: &Address| {
            ends[bridge.0].iter().find(|(to, _)| to == address).map(|(_, end)| *end)
        })
    }

    /// Starts a program.
    pub fn start_program(&mut self, at: usize, plan: &BoardPlan, clock: Clock, notes: &Notes) {
        if self.programs[at].handle.is_some() {
            return;
        }
        let (name, notes) = (plan.programs[at].name.clone(), notes.clone());
        let report = move |report| match report {
            driver::Report::Face(_) => notes.touch(),
            driver::Report::Event { at, event } => {
                notes.give(Note::Program { at, program: name.clone(), event });
            }
        };
        let program = plan.program(at, seed());
        let cable = self.cables.programs[at].end.address();
        let (_, address) = watch::channel(Some(cable));
        let handle = driver::spawn(program, address, move || clock.now(), report);
        self.programs[at].handle = Some(handle);
        self.programs[at].run = Run::Running;
    }

    /// Ends a program, politely or not.
    pub async fn end_program(&mut self, at: usize, politely: bool) {
        let program = &mut self.programs[at];
        if let Some(handle) = program.handle.take() {
            let mut face = (*handle.face()).clone();
            face.link = card::Link::default();
            program.face = face;
            program.run = Run::Stopped;
            if politely { handle.stop().await } else { handle.kill().await }
        }
    }

    /// Ends its broker, politely or not.
    pub async fn end_broker(&mut self, politely: bool) {
        self.held.clear();
        self.run = Run::Stopped;
        let Some(handle) = self.broker.take() else { return };
        self.inside = Target::Nowhere;
        self.cables.lead_programs(&Target::Nowhere);
        if politely {
            if let Err(why) = handle.stop().await {
                self.run = Run::Failed(why);
            }
        } else {
            handle.kill().await;
        }
        self.cables.close_front().await;
    }

    /// Freezes its broker or lets it go on.
    ///
    /// # Errors
    /// In words, when it cannot be frozen.
    pub async fn freeze_broker(&mut self, frozen: bool) -> Result<(), String> {
        let Some(broker) = self.broker.as_ref().filter(|_| (self.run == Run::Frozen) != frozen)
        else {
            return Ok(());
        };
        let done = if frozen { broker.freeze().await } else { broker.thaw() };
        done.map_err(|error| error.to_string())?;
        self.run = if frozen { Run::Frozen } else { Run::Running };
        Ok(())
    }

    /// Freezes a program or lets it go on.
    pub fn freeze_program(&mut self, at: usize, frozen: bool) {
        let program = &mut self.programs[at];
        let Some(handle) = program.handle.as_ref().filter(|it| it.is_frozen() != frozen) else {
            return;
        };
        handle.freeze(frozen);
        program.run = if frozen { Run::Frozen } else { Run::Running };
    }

    /// Its broker has ended by itself.
    pub async fn lose_broker(&mut self, why: String) {
        self.broker = None;
        self.inside = Target::Nowhere;
        self.run = Run::Failed(why);
        self.cables.lead_programs(&Target::Nowhere);
        self.cables.close_front().await;
    }
}

async fn open_rumqttd(
    board: &BoardPlan,
    ground: &Ground<'_>,
) -> Result<(Process, Vec<SocketAddr>), EngineError> {
    let state = ground.data.engine(&board.name, board.engine.name());
    let (process, address) = rumqttd::start(ground.own, &state, tell(board, ground)).await?;
    Ok((process, vec![address]))
}

/// Brings what a broker of another kind says to the world.
fn tell(board: &BoardPlan, ground: &Ground) -> Tell {
    let (name, clock, notes) = (board.name.clone(), ground.clock, ground.notes.clone());
    Box::new(move |said| match said {
        Said::Line(line) => notes.give(Note::Said { at: clock.now(), board: name.clone(), line }),
        Said::Ended => notes.touch(),
    })
}

/// Some number that is another at each start.
pub fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0)
}
