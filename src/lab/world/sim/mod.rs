//! The simulated world: brokers, bridges, clients, wires and disks in virtual time, in one thread.
//!
//! ```text
//! agenda (time, order) --> Happening --> a broker's Input / a client --> outputs --> agenda
//! ```
//!
//! The same inputs give the same run, byte for byte. Time goes to the next happening at once. A
//! disk keeps what was committed and nothing else, so cutting a broker's power is dropping its core.
//!
//! ```
//! use std::time::Duration;
//! use twinboard::broker::Settings;
//! use twinboard::lab::world::sim::{Fault, Sim, client::Client};
//! use twinboard::mqtt::{Message, QoS, Topic};
//!
//! let mut sim = Sim::new();
//! let broker = sim.add_broker(1883, Settings { persistence: true, ..Settings::default() });
//! let inbox = Client::new(broker, "inbox", false).subscribing("news", QoS::ExactlyOnce);
//! let inbox = sim.add_client(inbox);
//! let paper = sim.add_client(Client::new(broker, "paper", false));
//! sim.run_for(Duration::from_secs(1));
//!
//! // The broker loses its power as the next packet arrives: the PUBLISH itself.
//! sim.fault_at(sim.crossed() + 1, Fault::PowerOff(broker));
//! let news = Topic::parse("news").expect("a topic");
//! sim.client(paper).publish(Message::new(news, "hello", QoS::ExactlyOnce, false));
//! sim.poke(paper);
//! sim.run_for(Duration::from_secs(10));
//! assert_eq!(sim.client(inbox).payloads("news"), ["hello"]);
//! ```

pub mod client;
mod clients;
pub mod disk;
mod manners;
mod nodes;
mod orders;
mod parts;
mod programs;
mod stage;
#[cfg(test)]
mod storm_tests;
mod strangers;
#[cfg(test)]
mod teeth_tests;
#[cfg(test)]
mod tests;
mod view;
mod watch;
mod weather;
mod wires;
mod world;

pub use stage::{SNAPSHOT_EVERY, VirtualTime};
pub use strangers::StrangerNumber;
pub use wires::{End, Fault};
pub use world::World;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::BytesMut;

use crate::broker::{Address, BridgeNumber, Broker, Event, Input, Settings};
use crate::cable::Direction;
use crate::card::Program;
use crate::lab::name::BoardName;
use client::Client;
use clients::Late;
use disk::Disk;
use nodes::Node;
use strangers::Stranger;
use weather::Weather;
use wires::Wires;

/// A broker of the simulated world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeNumber(pub usize);

/// A client of the simulated world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientNumber(pub usize);

/// Brokers, clients, programs and wires, by their numbers.
#[derive(Clone)]
pub struct Sim {
    now: Duration,
    weather: Weather,
    order: u64,
    /// How many happenings there were.
    happened: u64,
    agenda: BTreeMap<(Duration, u64), Happening>,
    nodes: Vec<Node>,
    clients: Vec<Client>,
    /// The programs that speak through clients.
    programs: BTreeMap<ClientNumber, Box<dyn Program>>,
    /// What frozen clients have not noticed yet.
    frozen: BTreeMap<ClientNumber, Vec<Late>>,
    /// When a program is told the time.
    alarms: BTreeMap<ClientNumber, Duration>,
    strangers: BTreeMap<StrangerNumber, Stranger>,
    next_stranger: u64,
    wires: Wires,
    /// Packets that have crossed any wire.
    crossed: u64,
    faults: BTreeMap<u64, Fault>,
    events: Vec<(Duration, NodeNumber, Event)>,
    /// The trace, where somebody wants it.
    record: Option<watch::Recorded>,
}

#[derive(Debug, Clone)]
enum Happening {
    Arrive {
        wire: u64,
        to: End,
        bytes: BytesMut,
    },
    Break {
        wire: u64,
        to: End,
    },
    Lane {
        wire: u64,
        direction: Direction,
    },
    Committed {
        node: NodeNumber,
        start: u64,
    },
    Wake {
        node: NodeNumber,
        start: u64,
    },
    Dialed {
        node: NodeNumber,
        start: u64,
        bridge: BridgeNumber,
        address: Address,
    },
    ClientDials(ClientNumber),
    /// A client is to ping, unless it has dialled again.
    Ping {
        client: ClientNumber,
        dials: u64,
    },
    /// A client's patience may be at its end, unless it has dialled again.
    Unanswered {
        client: ClientNumber,
        dials: u64,
    },
    /// A program wanted to be told the time.
    Alarm(ClientNumber),
    PowerOn(NodeNumber),
}

impl Sim {
    /// A world without anything.
    #[must_use]
    pub fn new() -> Self {
        Self {
            now: Duration::ZERO,
            weather: Weather::default(),
            order: 0,
            happened: 0,
            agenda: BTreeMap::new(),
            nodes: Vec::new(),
            clients: Vec::new(),
            programs: BTreeMap::new(),
            frozen: BTreeMap::new(),
            alarms: BTreeMap::new(),
            strangers: BTreeMap::new(),
            next_stranger: 0,
            wires: Wires::default(),
            crossed: 0,
            faults: BTreeMap::new(),
            events: Vec::new(),
            record: None,
        }
    }

    /// A world without anything, where what takes time takes as long as is drawn from that seed.
    fn seeded(seed: u64) -> Self {
        Self { weather: Weather::seeded(seed), ..Self::new() }
    }

    /// The same, where what takes time takes always as long.
    fn steady(seed: u64) -> Self {
        Self { weather: Weather::steady(seed), ..Self::new() }
    }

    /// A seed for a process of its own.
    fn draw_seed(&mut self) -> u64 {
        self.weather.seed()
    }

    /// Adds a broker that listens on `port`, and starts it.
    pub fn add_broker(&mut self, port: u16, settings: Settings) -> NodeNumber {
        let name = BoardName::new(&format!("board{}", self.nodes.len() + 1));
        let number = self.add_board(name, vec![port], settings);
        self.power_on(number);
        number
    }

    /// Adds a broker that listens on these ports of loopback once it is started.
    fn add_board(&mut self, name: BoardName, ports: Vec<u16>, settings: Settings) -> NodeNumber {
        let number = NodeNumber(self.nodes.len());
        self.nodes.push(Node::new(name, ports, settings));
        number
    }

    /// Adds a client, which connects at once and again whenever it is cut off.
    pub fn add_client(&mut self, client: Client) -> ClientNumber {
        let number = ClientNumber(self.clients.len());
        self.clients.push(client);
        self.dial_soon(number);
        number
    }

    /// A client, to look at or to give something to do; call [`Sim::poke`] afterwards.
    pub fn client(&mut self, number: ClientNumber) -> &mut Client {
        &mut self.clients[number.0]
    }

    /// Lets a client send what it was given to do.
    pub fn poke(&mut self, number: ClientNumber) {
        let packets = self.clients[number.0].poke();
        self.send_from_client(number, packets);
    }

    /// What brokers told of themselves.
    #[must_use]
    pub fn events(&self) -> &[(Duration, NodeNumber, Event)] {
        &self.events
    }

    /// Forgets what brokers told so far, and the trace, in a run without an end.
    pub fn forget_events(&mut self) {
        self.forget_trace();
        self.events.clear();
    }

    /// How many packets have crossed a wire.
    #[must_use]
    pub fn crossed(&self) -> u64 {
        self.crossed
    }

    /// The virtual time.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.now
    }

    /// A broker's core, while it has power.
    #[must_use]
    pub fn broker(&self, node: NodeNumber) -> Option<&Broker> {
        self.nodes[node.0].broker.as_ref()
    }

    /// A broker's disk.
    #[must_use]
    pub fn disk(&self, node: NodeNumber) -> &Disk {
        &self.nodes[node.0].disk
    }

    /// Lets everything happen that is due within `time` from now.
    pub fn run_for(&mut self, time: Duration) {
        let until = self.now + time;
        while self.step_until(until) {}
    }

    /// When the next thing happens.
    fn next_at(&self) -> Option<Duration> {
        self.agenda.first_key_value().map(|((at, _), _)| *at)
    }

    /// Lets the next thing happen, if it is due until then; otherwise it is that time.
    fn step_until(&mut self, until: Duration) -> bool {
        match self.agenda.first_entry() {
            Some(entry) if entry.key().0 <= until => {
                let ((at, _), happening) = entry.remove_entry();
                self.now = at;
                self.happened += 1;
                self.happen(happening);
                true
            }
            _ => {
                self.now = self.now.max(until);
                false
            }
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Arrive { wire, to, bytes } => self.arrive(wire, to, bytes),
            Happening::Break { wire, to } => self.goodbye(wire, to),
            Happening::Lane { wire, direction } => self.run_lane(wire, direction),
            Happening::Committed { node, start } => self.committed(node, start),
            Happening::Wake { node, start } => {
                if self.nodes[node.0].still_runs(start) {
                    self.nodes[node.0].wake = None;
                    self.input(node, Input::Time);
                }
            }
            Happening::Dialed { node, start, bridge, address } => {
                if self.nodes[node.0].still_runs(start) {
                    self.dial(node, bridge, &address);
                }
            }
            Happening::ClientDials(client) => self.client_dials(client),
            Happening::Ping { client, dials } => self.ping(client, dials),
            Happening::Unanswered { client, dials } => self.unanswered(client, dials),
            Happening::Alarm(program) => self.alarm(program),
            Happening::PowerOn(node) => self.power_on(node),
        }
    }

    fn later(&mut self, after: Duration, happening: Happening) {
        self.order += 1;
        self.agenda.insert((self.now + after, self.order), happening);
    }
}

impl Default for Sim {
    fn default() -> Self {
        Self::new()
    }
}
