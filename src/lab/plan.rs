//! What a world is to run: a scenario and its boards' conf files, put together and resolved.

use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use super::findings;
use super::ledger::BridgeFacts;
use super::name::{BoardName, BridgeName, ProgramName};
use super::snapshot::ProgramKind;
use super::trace::Party;
use crate::broker::{Address, BridgeSettings, Settings};
use crate::card::{self, CounterSettings, TallySettings};
use crate::conf::mosquitto::Listener;
use crate::conf::scenario::{self, BreachKind, Budget, Expectation, Setup, Step};
use crate::conf::{ConfError, ConfText, Engine, Mistake, Opened, Sort};
use crate::engine;
use crate::lint::Finding;
use crate::mqtt::ClientId;

/// The port mosquitto listens on where nothing is said.
const DEFAULT_PORT: u16 = 1883;

/// A system to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The scenario's short name, which names its state's folder.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// How often a message may be at the same broker before the bridge that brings it back is cut.
    pub fuse: Option<u32>,
    /// What an explorer may do.
    pub budget: Budget,
    /// The boards.
    pub boards: Vec<BoardPlan>,
    /// The script.
    pub steps: Vec<Step>,
    /// What must hold after it.
    pub expectations: Vec<Expectation>,
    /// Breaches that it shows on purpose.
    pub breaches: Vec<BreachKind>,
    /// What is to be said of its files.
    pub findings: Arc<[Finding]>,
}

/// A board to run.
#[derive(Debug, Clone)]
pub struct BoardPlan {
    /// Its name.
    pub name: BoardName,
    /// Its name for people.
    pub title: String,
    /// Where its broker listens; the first is where its programs connect.
    pub listen: Vec<SocketAddr>,
    /// What its broker is told.
    pub settings: Settings,
    /// Which broker it runs.
    pub engine: Engine,
    /// Its conf file, as it was written.
    pub conf: ConfText,
    /// What its engine does less well than the conf asks, in words.
    pub weaker: Vec<String>,
    /// Its bridges, in the order of the settings.
    pub bridges: Vec<BridgePlan>,
    /// Its programs.
    pub programs: Vec<ProgramPlan>,
}

/// A bridge to run.
#[derive(Debug, Clone)]
pub struct BridgePlan {
    /// Its name.
    pub name: BridgeName,
    /// The board at its far end, by its place, where the plan has it.
    pub remote: Option<usize>,
}

/// A program to run.
#[derive(Debug, Clone)]
pub struct ProgramPlan {
    /// Its name.
    pub name: ProgramName,
    /// What it is, and what it is told.
    pub setup: ProgramSetup,
}

/// A program's place in a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seat {
    /// Its board's.
    pub board: usize,
    /// Its own, among its board's programs.
    pub program: usize,
}

/// What a program is, and what it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProgramSetup {
    /// Sensors 1 to 3.
    Card1,
    /// Sensors 4 to 6, and what board 1 says.
    Card2,
    /// All six.
    Display,
    /// Publishes 1, 2, 3 …
    Counter(CounterSettings),
    /// Says which of them came.
    Tally(TallySettings),
}

impl Plan {
    /// Puts a scenario together.
    ///
    /// # Errors
    /// In words, when a listener's address cannot be resolved, or when an engine cannot do what a
    /// conf asks.
    pub fn new(name: &str, opened: Opened) -> Result<Self, String> {
        let findings = findings::of(&opened).into();
        let mut boards = Vec::new();
        let mut mistakes = Vec::new();
        let files = opened.confs.into_iter().zip(opened.texts);
        let mut begins = Vec::new();
        for (board, (conf, text)) in opened.scenario.boards.into_iter().zip(files) {
            begins.push(conf.lines.bridges.iter().map(|it| it.connection).collect());
            let fit = engine::fits(&board.engine, &text);
            mistakes.extend(fit.mistakes);
            boards.push(BoardPlan {
                name: BoardName::new(&board.name),
                title: board.title,
                listen: match &board.conf {
                    Some(_) => listen(&conf.listeners)?,
                    // The address is somebody else's, so any port does in front of it.
                    None => vec![(Ipv4Addr::LOCALHOST, 0).into()],
                },
                weaker: fit.weaker.iter().map(ToString::to_string).collect(),
                engine: board.engine,
                conf: text,
                settings: Settings { trace: true, ..conf.settings },
                bridges: Vec::new(),
                programs: board.programs.iter().map(ProgramPlan::new).collect(),
            });
        }
        for at in 0..boards.len() {
            let settings = &boards[at].settings;
            let plan = |bridge: &crate::broker::BridgeSettings| BridgePlan {
                name: BridgeName::new(&bridge.name),
                remote: bridge.addresses.iter().find_map(|address| find(&boards, address)),
            };
            boards[at].bridges = settings.bridges.iter().map(plan).collect();
        }
        mistakes.extend(refused(&boards, &begins));
        if !mistakes.is_empty() {
            return Err(ConfError { mistakes }.to_string());
        }
        let scenario::Scenario { title, fuse, budget, steps, expectations, breaches, .. } =
            opened.scenario;
        let name = name.to_owned();
        Ok(Self { name, title, fuse, budget, boards, steps, expectations, breaches, findings })
    }

    /// What a ledger has to know of the bridges.
    #[must_use]
    pub fn bridge_facts(&self) -> Vec<BridgeFacts> {
        let party = |at: usize| Party::Board(self.boards[at].name.clone());
        let mut facts = Vec::new();
        for (at, board) in self.boards.iter().enumerate() {
            for (bridge, settings) in board.bridges.iter().zip(&board.settings.bridges) {
                let remote = match (bridge.remote, settings.addresses.first()) {
                    (Some(remote), _) => party(remote),
                    (None, address) => {
                        Party::Outside(address.map(ToString::to_string).unwrap_or_default())
                    }
                };
                facts.push(BridgeFacts::new(settings, party(at), remote));
            }
        }
        facts
    }

    /// The seats of all programs, board by board.
    pub fn seats(&self) -> impl Iterator<Item = Seat> + use<> {
        let sizes: Vec<_> = self.boards.iter().map(|board| board.programs.len()).collect();
        let of = |(board, size)| (0..size).map(move |program| Seat { board, program });
        sizes.into_iter().enumerate().flat_map(of)
    }

    /// The program at a seat.
    #[must_use]
    pub fn program_at(&self, seat: Seat) -> &ProgramPlan {
        &self.boards[seat.board].programs[seat.program]
    }

    /// The place of a board.
    ///
    /// # Errors
    /// In words, where there is none of that name.
    pub fn board(&self, name: &BoardName) -> Result<usize, String> {
        let found = self.boards.iter().position(|board| board.name == *name);
        found.ok_or_else(|| format!("there is no board {name}"))
    }

    /// The seat of a program.
    ///
    /// # Errors
    /// In words, where there is none of that name.
    pub fn seat(&self, name: &ProgramName) -> Result<Seat, String> {
        let found = self.seats().find(|seat| self.program_at(*seat).name == *name);
        found.ok_or_else(|| format!("there is no program {name}"))
    }

    /// The place of a bridge: its board's, and its own among that board's bridges.
    ///
    /// # Errors
    /// In words, where there is none of that name.
    pub fn bridge(&self, name: &BridgeName) -> Result<(usize, usize), String> {
        let mut boards = self.boards.iter().enumerate();
        let found = boards.find_map(|(at, board)| {
            Some((at, board.bridges.iter().position(|bridge| bridge.name == *name)?))
        });
        found.ok_or_else(|| format!("there is no bridge {name}"))
    }

    /// The board that listens at an address of this machine.
    #[must_use]
    pub fn board_at(&self, address: &Address) -> Option<usize> {
        find(&self.boards, address)
    }
}

impl ProgramPlan {
    fn new(program: &scenario::Program) -> Self {
        // The name tells its sessions from those of other programs at the same broker.
        let client_id = ClientId::new(&program.name);
        let setup = match program.setup.clone() {
            Setup::Card1 => ProgramSetup::Card1,
            Setup::Card2 => ProgramSetup::Card2,
            Setup::Display => ProgramSetup::Display,
            Setup::Counter(it) => ProgramSetup::Counter(CounterSettings {
                client_id,
                topic: it.topic,
                every: it.every,
                qos: it.qos,
                retain: it.retain,
                limit: it.limit,
                clean_session: it.clean_session,
            }),
            Setup::Tally(it) => ProgramSetup::Tally(TallySettings {
                client_id,
                topics: it.topics,
                qos: it.qos,
                clean_session: it.clean_session,
            }),
        };
        Self { name: ProgramName::new(&program.name), setup }
    }

    /// What it is, without the rest.
    #[must_use]
    pub fn kind(&self) -> ProgramKind {
        match self.setup {
            ProgramSetup::Card1 => ProgramKind::Card1,
            ProgramSetup::Card2 => ProgramKind::Card2,
            ProgramSetup::Display => ProgramKind::Display,
            ProgramSetup::Counter(_) => ProgramKind::Counter,
            ProgramSetup::Tally(_) => ProgramKind::Tally,
        }
    }
}

impl BoardPlan {
    /// A new process of one of its programs, which knows nothing yet; `seed` differs from process
    /// to process.
    #[must_use]
    pub fn program(&self, at: usize, seed: u64) -> Box<dyn card::Program> {
        match self.programs[at].setup.clone() {
            ProgramSetup::Card1 => Box::new(card::Card1::new(seed)),
            ProgramSetup::Card2 => Box::new(card::Card2::new(seed)),
            ProgramSetup::Display => {
                let bridge = self.settings.bridges.iter().find(|it| it.notifications);
                Box::new(card::Display::new(seed, bridge.map(BridgeSettings::notification_topic)))
            }
            ProgramSetup::Counter(settings) => Box::new(card::Counter::new(settings, seed)),
            ProgramSetup::Tally(settings) => Box::new(card::Tally::new(settings)),
        }
    }
}

/// Bridges that the engines at their far ends do not take; `begins` are their lines.
fn refused(boards: &[BoardPlan], begins: &[Vec<usize>]) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    for (board, begins) in boards.iter().zip(begins) {
        let bridges = board.bridges.iter().zip(&board.settings.bridges).zip(begins);
        for ((bridge, settings), line) in bridges {
            let Some(remote) = bridge.remote else { continue };
            let Some((what, help)) = engine::refuses(&boards[remote].engine, settings) else {
                continue;
            };
            mistakes.push(Mistake {
                sort: Sort::Unsupported,
                file: board.conf.file.clone(),
                line: Some(*line),
                text: format!("connection {}", bridge.name),
                what: format!("it leads to {}: {what}", boards[remote].name),
                help: Some(help),
            });
        }
    }
    mistakes
}

fn find(boards: &[BoardPlan], address: &Address) -> Option<usize> {
    let here = address.is_loopback();
    let listens =
        |board: &BoardPlan| here && board.listen.iter().any(|it| it.port() == address.port);
    let is_there = |board: &BoardPlan| board.engine == Engine::Remote(address.clone());
    boards.iter().position(is_there).or_else(|| boards.iter().position(listens))
}

fn listen(listeners: &[Listener]) -> Result<Vec<SocketAddr>, String> {
    if listeners.is_empty() {
        return Ok(vec![(Ipv4Addr::LOCALHOST, DEFAULT_PORT).into()]);
    }
    listeners.iter().map(listen_address).collect()
}

/// The address of a listener; every interface where the conf names none.
///
/// # Errors
/// In words, when the host it names is not known.
pub fn listen_address(listener: &Listener) -> Result<SocketAddr, String> {
    let Some(host) = &listener.bind_address else {
        return Ok((Ipv4Addr::UNSPECIFIED, listener.port).into());
    };
    let unknown = |why: String| {
        format!("the listener on port {} names {host:?}, which is no address: {why}", listener.port)
    };
    let mut found =
        (host.as_str(), listener.port).to_socket_addrs().map_err(|e| unknown(e.to_string()))?;
    found.next().ok_or_else(|| unknown("the name stands for none".to_owned()))
}
