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
pub mod disk;
mod nodes;
mod programs;
mod strangers;
mod watch;
mod wires;

pub use strangers::StrangerNumber;
pub use wires::{End, Fault};

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::BytesMut;

use crate::broker::{Address, BridgeNumber, Broker, Event, Input, Settings};
use crate::cable::Direction;
use crate::card::Program;
use client::Client;
use disk::Disk;
use nodes::Node;
use strangers::Stranger;
use wires::Wires;

/// A broker of the simulated world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeNumber(pub usize);

/// A client of the simulated world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientNumber(pub usize);

/// The world.
pub struct Sim {
    now: Duration,
    order: u64,
    agenda: BTreeMap<(Duration, u64), Happening>,
    nodes: Vec<Node>,
    clients: Vec<Client>,
    /// The programs that speak through clients.
    programs: BTreeMap<ClientNumber, Box<dyn Program>>,
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
    record: Option<watch::Record>,
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
            order: 0,
            agenda: BTreeMap::new(),
            nodes: Vec::new(),
            clients: Vec::new(),
            programs: BTreeMap::new(),
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

    /// Adds a broker that listens on `port`, and starts it.
    pub fn add_broker(&mut self, port: u16, settings: Settings) -> NodeNumber {
        let number = NodeNumber(self.nodes.len());
        self.nodes.push(Node::new(port, settings));
        self.power_on(number);
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
        while let Some(entry) = self.agenda.first_entry() {
            if entry.key().0 > until {
                break;
            }
            let ((at, _), happening) = entry.remove_entry();
            self.now = at;
            self.happen(happening);
        }
        self.now = until;
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
