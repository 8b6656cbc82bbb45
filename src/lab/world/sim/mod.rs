//! The simulated world: brokers, bridges, clients, wires and disks in virtual time, in one thread.
//!
//! ```text
//! agenda (time, order) --> Happening --> a broker's Input / a client --> outputs --> agenda
//! ```
//!
//! The same inputs give the same run, byte for byte. Time goes to the next happening at once. A
//! disk keeps what was committed and nothing else, so cutting a broker's power is dropping its core.

pub mod client;
pub mod disk;
mod programs;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::BytesMut;

use crate::broker::{
    Address, BridgeNumber, BridgeOrder, Broker, Commit, ConnId, Event, Input, Output, Settings,
};
use crate::card::Program;
use crate::mqtt::{Packet, codec};
use client::Client;
use disk::Disk;

/// How long a packet is on a wire.
const LATENCY: Duration = Duration::from_micros(500);
/// How long a commit takes.
const COMMIT: Duration = Duration::from_micros(800);

/// A broker of the simulated world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeNumber(pub usize);

/// A client of the simulated world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientNumber(pub usize);

/// One end of a wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// A broker's connection.
    Node(NodeNumber, ConnId),
    /// A client's only connection.
    Client(ClientNumber),
}

/// What goes wrong when the next packet crosses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The packet arrives, then its wire breaks.
    CutAfter,
    /// The wire breaks, and the packet with it.
    CutBefore,
    /// The packet arrives, then this broker loses its power.
    PowerOff(NodeNumber),
}

/// The world.
pub struct Sim {
    now: Duration,
    order: u64,
    agenda: BTreeMap<(Duration, u64), Happening>,
    nodes: Vec<Node>,
    clients: Vec<Client>,
    /// The programs that speak through clients.
    programs: BTreeMap<ClientNumber, Box<dyn Program>>,
    wires: BTreeMap<u64, (End, End)>,
    next_wire: u64,
    cut: BTreeSet<(NodeNumber, NodeNumber)>,
    /// Packets that have crossed any wire.
    crossed: u64,
    faults: BTreeMap<u64, Fault>,
    events: Vec<(Duration, NodeNumber, Event)>,
}

#[derive(Debug, Clone)]
struct Node {
    settings: Settings,
    port: u16,
    broker: Option<Broker>,
    disk: Disk,
    /// Counts its starts: what was on its way from an earlier one concerns nobody.
    start: u64,
    wake: Option<Duration>,
    commit: Option<Commit>,
    next_conn: u64,
}

#[derive(Debug, Clone)]
enum Happening {
    Arrive { wire: u64, to: End, bytes: BytesMut },
    Break { wire: u64, to: End },
    Committed { node: NodeNumber, start: u64 },
    Wake { node: NodeNumber, start: u64 },
    Dialed { node: NodeNumber, start: u64, bridge: BridgeNumber, address: Address },
    ClientDials(ClientNumber),
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
            wires: BTreeMap::new(),
            next_wire: 0,
            cut: BTreeSet::new(),
            crossed: 0,
            faults: BTreeMap::new(),
            events: Vec::new(),
        }
    }

    /// Adds a broker that listens on `port`, and starts it.
    pub fn add_broker(&mut self, port: u16, settings: Settings) -> NodeNumber {
        let number = NodeNumber(self.nodes.len());
        self.nodes.push(Node {
            settings,
            port,
            broker: None,
            disk: Disk::default(),
            start: 0,
            wake: None,
            commit: None,
            next_conn: 0,
        });
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

    /// Gives a bridge an order.
    pub fn order(&mut self, node: NodeNumber, bridge: usize, order: BridgeOrder) {
        self.input(node, Input::Bridge { bridge: BridgeNumber(bridge), order });
    }

    /// Lets `fault` happen when the `number`th packet from the start crosses.
    pub fn fault_at(&mut self, number: u64, fault: Fault) {
        self.faults.insert(number, fault);
    }

    /// Pulls a broker's plug: no goodbye, no flush.
    pub fn power_off(&mut self, node: NodeNumber) {
        let state = &mut self.nodes[node.0];
        (state.broker, state.commit, state.wake) = (None, None, None);
        let mine = |end: &End| matches!(end, End::Node(it, _) if *it == node);
        let broken: Vec<u64> =
            self.wires.iter().filter(|(_, (a, b))| mine(a) || mine(b)).map(|(w, _)| *w).collect();
        for wire in broken {
            self.cut_wire(wire);
        }
    }

    /// Pulls a broker's plug and puts an empty disk in.
    pub fn replace_disk(&mut self, node: NodeNumber) {
        self.power_off(node);
        self.nodes[node.0].disk = Disk::default();
    }

    /// Kills a client's process: it comes back with its name and nothing else.
    pub fn kill_client(&mut self, number: ClientNumber) {
        let mine = |(a, b): &(End, End)| [*a, *b].contains(&End::Client(number));
        let wire = self.wires.iter().find(|(_, ends)| mine(ends)).map(|(wire, _)| *wire);
        self.clients[number.0].lose_memory();
        if let Some(wire) = wire {
            self.cut_wire(wire);
        }
    }

    /// Gives a broker power, `after` some time.
    pub fn power_on_after(&mut self, node: NodeNumber, after: Duration) {
        self.later(after, Happening::PowerOn(node));
    }

    /// Cuts the cable between two brokers: both ends notice, and no dial gets through.
    pub fn cut_cable(&mut self, a: NodeNumber, b: NodeNumber) {
        self.cut.insert((a.min(b), a.max(b)));
        let between = |(x, y): &(End, End)| match (x, y) {
            (End::Node(x, _), End::Node(y, _)) => (*x.min(y), *x.max(y)) == (a.min(b), a.max(b)),
            _ => false,
        };
        let broken: Vec<u64> =
            self.wires.iter().filter(|(_, ends)| between(ends)).map(|(wire, _)| *wire).collect();
        for wire in broken {
            self.cut_wire(wire);
        }
    }

    /// Makes the cable between two brokers whole.
    pub fn mend_cable(&mut self, a: NodeNumber, b: NodeNumber) {
        self.cut.remove(&(a.min(b), a.max(b)));
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
            Happening::Break { wire, to } => {
                let _known = self.wires.remove(&wire);
                self.broken(to);
            }
            Happening::Committed { node, start } => self.committed(node, start),
            Happening::Wake { node, start } => {
                if self.nodes[node.0].start == start && self.nodes[node.0].broker.is_some() {
                    self.nodes[node.0].wake = None;
                    self.input(node, Input::Time);
                }
            }
            Happening::Dialed { node, start, bridge, address } => {
                if self.nodes[node.0].start == start && self.nodes[node.0].broker.is_some() {
                    self.dial(node, bridge, &address);
                }
            }
            Happening::ClientDials(client) => self.client_dials(client),
            Happening::PowerOn(node) => self.power_on(node),
        }
    }

    fn power_on(&mut self, node: NodeNumber) {
        let now = self.now;
        let state = &mut self.nodes[node.0];
        if state.broker.is_some() {
            return;
        }
        state.start += 1;
        let seed = state.start;
        let image = state.disk.open();
        state.broker = Some(Broker::new(now, state.settings.clone(), &image, seed));
        self.settle(node, Vec::new());
    }

    fn arrive(&mut self, wire: u64, to: End, mut bytes: BytesMut) {
        if !self.wires.contains_key(&wire) {
            return;
        }
        self.crossed += 1;
        let fault = self.faults.remove(&self.crossed);
        if fault == Some(Fault::CutBefore) {
            return self.cut_wire(wire);
        }
        let packet = codec::read(&mut bytes, usize::MAX).expect("what a core wrote");
        let packet = packet.expect("a whole packet");
        match to {
            End::Node(node, conn) => self.input(node, Input::Packet { conn, packet }),
            End::Client(client) => {
                let answers = self.clients[client.0].packet(packet);
                self.send_from_client(client, answers);
                self.think(client);
            }
        }
        match fault {
            Some(Fault::CutAfter) => self.cut_wire(wire),
            Some(Fault::PowerOff(node)) => {
                self.power_off(node);
                self.power_on_after(node, Duration::from_millis(40));
            }
            Some(Fault::CutBefore) | None => {}
        }
    }

    /// Both ends of a wire notice at once that it is gone; what is on it is lost.
    fn cut_wire(&mut self, wire: u64) {
        if let Some((a, b)) = self.wires.remove(&wire) {
            self.broken(a);
            self.broken(b);
        }
    }

    fn broken(&mut self, end: End) {
        match end {
            End::Node(node, conn) => {
                if self.nodes[node.0].broker.is_some() {
                    self.input(node, Input::Closed { conn, reason: "cut".to_owned() });
                }
            }
            End::Client(client) => {
                self.clients[client.0].disconnected();
                self.think(client);
                self.later(Duration::from_millis(20), Happening::ClientDials(client));
            }
        }
    }

    /// Breaks a client's connection from its own side.
    fn break_client(&mut self, client: ClientNumber) {
        if let Some((wire, _)) = self.other_end(End::Client(client)) {
            self.cut_wire(wire);
        }
    }

    fn dial_soon(&mut self, client: ClientNumber) {
        self.later(LATENCY, Happening::ClientDials(client));
    }

    fn client_dials(&mut self, client: ClientNumber) {
        let node = self.clients[client.0].node();
        if !self.clients[client.0].wants_to_connect() {
            return;
        }
        if self.nodes[node.0].broker.is_none() {
            return self.later(Duration::from_millis(20), Happening::ClientDials(client));
        }
        let conn = self.new_conn(node);
        self.add_wire(End::Client(client), End::Node(node, conn));
        self.input(node, Input::Accepted { conn });
        let packets = self.clients[client.0].connected();
        self.send_from_client(client, packets);
    }

    fn dial(&mut self, node: NodeNumber, bridge: BridgeNumber, address: &Address) {
        let far = self.nodes.iter().position(|it| it.port == address.port).map(NodeNumber);
        let reachable = far.filter(|far| {
            self.nodes[far.0].broker.is_some()
                && !self.cut.contains(&(node.min(*far), node.max(*far)))
        });
        let Some(far) = reachable else {
            let reason = format!("connection refused at {address}");
            return self.input(node, Input::DialFailed { bridge, reason });
        };
        let (near_conn, far_conn) = (self.new_conn(node), self.new_conn(far));
        self.add_wire(End::Node(node, near_conn), End::Node(far, far_conn));
        self.input(far, Input::Accepted { conn: far_conn });
        self.input(node, Input::Dialed { bridge, conn: near_conn });
    }

    fn committed(&mut self, node: NodeNumber, start: u64) {
        let state = &mut self.nodes[node.0];
        if state.start != start {
            return;
        }
        if let Some(commit) = state.commit.take() {
            state.disk.commit(&commit.records);
            self.input(node, Input::Committed { number: commit.number });
        }
    }

    fn input(&mut self, node: NodeNumber, input: Input) {
        let now = self.now;
        if let Some(broker) = &mut self.nodes[node.0].broker {
            let mut outputs = Vec::new();
            broker.handle(now, input, &mut outputs);
            self.settle(node, outputs);
        }
    }

    /// Carries out what a core asked for.
    fn settle(&mut self, node: NodeNumber, outputs: Vec<Output>) {
        let start = self.nodes[node.0].start;
        for output in outputs {
            match output {
                Output::Send { conn, packet } => self.send(End::Node(node, conn), &packet),
                Output::Close { conn, .. } => self.close(End::Node(node, conn)),
                Output::Dial { bridge, address } => {
                    let dialed = Happening::Dialed { node, start, bridge, address };
                    self.later(LATENCY, dialed);
                }
                Output::Event(event) => self.events.push((self.now, node, event)),
            }
        }
        let now = self.now;
        let state = &mut self.nodes[node.0];
        let Some(broker) = &mut state.broker else { return };
        let deadline = broker.deadline();
        if state.commit.is_none() {
            state.commit = broker.take_commit();
            if state.commit.is_some() {
                self.later(COMMIT, Happening::Committed { node, start });
            }
        }
        let state = &mut self.nodes[node.0];
        if let Some(at) = deadline
            && state.wake.is_none_or(|wake| at < wake)
        {
            state.wake = Some(at);
            self.later(at.saturating_sub(now), Happening::Wake { node, start });
        }
    }

    fn send_from_client(&mut self, client: ClientNumber, packets: Vec<Packet>) {
        for packet in packets {
            self.send(End::Client(client), &packet);
        }
    }

    fn send(&mut self, from: End, packet: &Packet) {
        let Some((wire, to)) = self.other_end(from) else { return };
        let mut bytes = BytesMut::new();
        codec::write(packet, &mut bytes);
        self.later(LATENCY, Happening::Arrive { wire, to, bytes });
    }

    /// One end closes: the other learns of it behind what is on the wire already.
    fn close(&mut self, from: End) {
        if let Some((wire, to)) = self.other_end(from) {
            self.later(LATENCY, Happening::Break { wire, to });
        }
    }

    fn other_end(&self, from: End) -> Option<(u64, End)> {
        self.wires.iter().find_map(|(wire, (a, b))| match from {
            it if it == *a => Some((*wire, *b)),
            it if it == *b => Some((*wire, *a)),
            _ => None,
        })
    }

    fn add_wire(&mut self, a: End, b: End) {
        self.wires.insert(self.next_wire, (a, b));
        self.next_wire += 1;
    }

    fn new_conn(&mut self, node: NodeNumber) -> ConnId {
        let state = &mut self.nodes[node.0];
        state.next_conn += 1;
        ConnId(state.next_conn)
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
