//! Wires of the simulated world: packets as bytes, in order, and what goes wrong with them.

use std::time::Duration;

use bytes::BytesMut;

use super::strangers::StrangerNumber;
use super::{ClientNumber, Happening, NodeNumber, Sim};
use crate::broker::{ConnId, Input};
use crate::lab::trace::Passage;
use crate::mqtt::packet::Level;
use crate::mqtt::{Packet, codec};

/// How long a packet is on a wire.
pub(super) const LATENCY: Duration = Duration::from_micros(500);

/// One end of a wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// A broker's connection.
    Node(NodeNumber, ConnId),
    /// A client's only connection.
    Client(ClientNumber),
    /// A stranger's.
    Stranger(StrangerNumber),
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

impl Sim {
    /// Lets `fault` happen when the `number`th packet from the start crosses.
    pub fn fault_at(&mut self, number: u64, fault: Fault) {
        self.faults.insert(number, fault);
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

    pub(super) fn arrive(&mut self, wire: u64, to: End, mut bytes: BytesMut) {
        let Some((from, _)) = self.wires.get(&wire).copied() else { return };
        self.crossed += 1;
        let fault = self.faults.remove(&self.crossed);
        let passage = match fault {
            Some(Fault::CutBefore) => Passage::Cut,
            Some(Fault::CutAfter) => Passage::ArrivedAndCut,
            Some(Fault::PowerOff(_)) | None => Passage::Arrived,
        };
        if let Some((from, _)) = self.other_way(wire, to) {
            self.note_packet(wire, from, &bytes, passage);
        }
        if fault == Some(Fault::CutBefore) {
            return self.cut_wire(wire);
        }
        if let (End::Stranger(stranger), End::Node(node, conn)) = (from, to) {
            self.overhear(wire, stranger, (node, conn), &bytes);
            return self.after(wire, fault);
        }
        let packet =
            codec::read(&mut bytes, self.level(wire), usize::MAX).expect("what a core wrote");
        let packet = packet.expect("a whole packet");
        match to {
            End::Node(node, conn) => self.input(node, Input::Packet { conn, packet }),
            End::Client(client) => {
                let answers = self.clients[client.0].packet(packet);
                self.send_from_client(client, answers);
                self.think(client);
            }
            End::Stranger(stranger) => self.hear(stranger, packet),
        }
        self.after(wire, fault);
    }

    /// What goes wrong once a packet has crossed.
    fn after(&mut self, wire: u64, fault: Option<Fault>) {
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
    pub(super) fn cut_wire(&mut self, wire: u64) {
        self.levels.remove(&wire);
        if let Some((a, b)) = self.wires.remove(&wire) {
            self.note_end(wire, "cut");
            self.broken(a);
            self.broken(b);
        }
    }

    pub(super) fn broken(&mut self, end: End) {
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
            End::Stranger(stranger) => {
                self.strangers.remove(&stranger);
            }
        }
    }

    /// Breaks a client's connection from its own side.
    pub(super) fn break_client(&mut self, client: ClientNumber) {
        if let Some((wire, _)) = self.other_end(End::Client(client)) {
            self.cut_wire(wire);
        }
    }

    pub(super) fn dial_soon(&mut self, client: ClientNumber) {
        self.later(LATENCY, Happening::ClientDials(client));
    }

    pub(super) fn client_dials(&mut self, client: ClientNumber) {
        let node = self.clients[client.0].node();
        if !self.clients[client.0].wants_to_connect() {
            return;
        }
        if self.nodes[node.0].broker.is_none() {
            return self.later(Duration::from_millis(20), Happening::ClientDials(client));
        }
        let conn = self.new_conn(node);
        let cable = self.clients[client.0].id().to_string();
        self.add_wire(&cable, End::Client(client), End::Node(node, conn));
        self.input(node, Input::Accepted { conn });
        let packets = self.clients[client.0].connected();
        self.send_from_client(client, packets);
    }

    pub(super) fn send_from_client(&mut self, client: ClientNumber, packets: Vec<Packet>) {
        for packet in packets {
            self.send(End::Client(client), &packet);
        }
    }

    pub(super) fn send(&mut self, from: End, packet: &Packet) {
        let Some((wire, to)) = self.other_end(from) else { return };
        if let Packet::Connect(connect) = packet {
            self.levels.insert(wire, connect.level);
        }
        let mut bytes = BytesMut::new();
        codec::write(packet, self.level(wire), &mut bytes);
        self.later(LATENCY, Happening::Arrive { wire, to, bytes });
    }

    /// One end closes: the other learns of it behind what is on the wire already.
    pub(super) fn close(&mut self, from: End) {
        if let Some((wire, to)) = self.other_end(from) {
            self.later(LATENCY, Happening::Break { wire, to });
        }
    }

    pub(super) fn other_end(&self, from: End) -> Option<(u64, End)> {
        self.wires.iter().find_map(|(wire, (a, b))| match from {
            it if it == *a => Some((*wire, *b)),
            it if it == *b => Some((*wire, *a)),
            _ => None,
        })
    }

    /// The level of the CONNECT that crossed a wire first.
    pub(super) fn level(&self, wire: u64) -> Level {
        self.levels.get(&wire).copied().unwrap_or_default()
    }

    /// The end that a packet to `to` came from.
    fn other_way(&self, wire: u64, to: End) -> Option<(End, End)> {
        let (dialer, target) = self.wires.get(&wire).copied()?;
        Some(if to == target { (dialer, target) } else { (target, dialer) })
    }

    /// A connection through the cable of that name; `a` dialled.
    pub(super) fn add_wire(&mut self, cable: &str, a: End, b: End) {
        self.wires.insert(self.next_wire, (a, b));
        self.note_wire(self.next_wire, cable, a, b);
        self.next_wire += 1;
    }
}
