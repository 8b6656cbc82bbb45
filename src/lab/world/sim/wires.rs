//! Wires of the simulated world: packets as bytes, through the same cables and faults as live ones.
//!
//! ```text
//! send ---> its latency ---> arrive at the cable ---> Lane::step ---> deliver
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::strangers::StrangerNumber;
use super::{ClientNumber, Happening, NodeNumber, Sim};
use crate::broker::{ConnId, Input};
use crate::cable::state::Fate;
use crate::cable::{Cable, Deed, Direction, Lane, Line, State, Step};
use crate::lab::name::CableName;
use crate::lab::trace::{Event, Passage};
use crate::mqtt::packet::Level;
use crate::mqtt::{Packet, PacketKind, codec};

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

/// What goes wrong when a packet crosses, whatever its cable is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The packet arrives, then its wire breaks.
    CutAfter,
    /// The wire breaks, and the packet with it.
    CutBefore,
    /// The packet arrives, then this broker loses its power.
    PowerOff(NodeNumber),
}

/// A connection.
#[derive(Debug, Clone)]
pub(super) struct Wire {
    pub(super) dialer: End,
    pub(super) target: End,
    cable: CableName,
    /// The protocol level of its first CONNECT.
    level: Option<Level>,
    line: Line,
    lanes: [Lane; 2],
    /// When the last packet in each direction comes to the cable: none overtakes it.
    last: [Duration; 2],
    /// Whether the target knows of it: not before its cable lets anything through.
    accepted: bool,
    /// The end that is gone, while the other does not know.
    gone: Option<End>,
}

impl Wire {
    pub(super) fn other(&self, end: End) -> End {
        if end == self.dialer { self.target } else { self.dialer }
    }

    /// The direction of what goes to that end.
    fn towards(&self, end: End) -> Direction {
        if end == self.target { Direction::Out } else { Direction::In }
    }
}

/// All wires, and the cables they go through.
#[derive(Debug, Clone, Default)]
pub(super) struct Wires {
    all: BTreeMap<u64, Wire>,
    by_end: BTreeMap<End, u64>,
    cables: BTreeMap<CableName, Cable>,
    next: u64,
}

impl Wires {
    pub(super) fn get(&self, wire: u64) -> Option<&Wire> {
        self.all.get(&wire)
    }

    /// The wires that end at a broker.
    pub(super) fn of_node(&self, node: NodeNumber) -> Vec<u64> {
        let mine = |end: End| matches!(end, End::Node(it, _) if it == node);
        let all = self.all.iter().filter(|(_, wire)| mine(wire.dialer) || mine(wire.target));
        all.map(|(number, _)| *number).collect()
    }

    fn on(&self, cable: &CableName) -> Vec<u64> {
        let all = self.all.iter().filter(|(_, wire)| wire.cable == *cable);
        all.map(|(number, _)| *number).collect()
    }

    fn remove(&mut self, number: u64) -> Option<Wire> {
        let wire = self.all.remove(&number)?;
        for end in [wire.dialer, wire.target] {
            self.forget(end, number);
        }
        Some(wire)
    }

    /// An end has that wire no more. It may have another by now: a client that dialled again.
    fn forget(&mut self, end: End, number: u64) {
        if self.by_end.get(&end) == Some(&number) {
            self.by_end.remove(&end);
        }
    }

    /// The packets that wait at a cable, by connection and direction.
    pub(super) fn held(&self, name: &CableName) -> Vec<((u64, Direction), Vec<Bytes>)> {
        let wires = self.all.iter().filter(|(_, wire)| wire.cable == *name);
        let lanes = wires.flat_map(|(number, wire)| {
            let lane = |way: Direction| wire.lanes[way as usize].waiting().cloned().collect();
            Direction::BOTH.map(|way| ((*number, way), lane(way)))
        });
        lanes.filter(|(_, waiting): &(_, Vec<Bytes>)| !waiting.is_empty()).collect()
    }

    /// A cable by its name; whole where nobody did anything to it.
    pub(super) fn cable(&self, name: &CableName) -> Cable {
        self.cables.get(name).cloned().unwrap_or_default()
    }
}

impl Sim {
    /// Lets `fault` happen when the `number`th packet from the start crosses.
    pub fn fault_at(&mut self, number: u64, fault: Fault) {
        self.faults.insert(number, fault);
    }

    /// Does something to a cable: a bridge's by its name, a client's by its id.
    pub fn apply(&mut self, cable: &str, deed: Deed) {
        let name = CableName::new(cable);
        self.note(Event::Cable { cable: name.clone(), deed: deed.clone() });
        self.do_to_cable(&name, deed);
    }

    /// The same, of which the trace has heard.
    pub(super) fn do_to_cable(&mut self, name: &CableName, deed: Deed) {
        let cable = self.wires.cables.entry(name.clone()).or_default();
        let cuts = cable.cuts();
        cable.apply(deed);
        let (is_cut, silent) = (cable.cuts() != cuts, cable.state() == State::Silent);
        for wire in self.wires.on(name) {
            if is_cut {
                self.cut_wire(wire);
                continue;
            }
            if !silent {
                self.accept(wire);
            }
            for direction in Direction::BOTH {
                self.run_lane(wire, direction);
            }
        }
    }

    /// A cable as it is now.
    #[must_use]
    pub fn cable(&self, name: &str) -> Cable {
        self.wires.cable(&CableName::new(name))
    }

    /// Cuts the cables of the bridges between two brokers: both ends notice, and no dial gets
    /// through.
    pub fn cut_cable(&mut self, a: NodeNumber, b: NodeNumber) {
        for cable in self.between(a, b) {
            self.apply(&cable, Deed::cut());
        }
    }

    /// Makes the cables of the bridges between two brokers whole.
    pub fn mend_cable(&mut self, a: NodeNumber, b: NodeNumber) {
        for cable in self.between(a, b) {
            self.apply(&cable, Deed::Mend);
        }
    }

    fn between(&self, a: NodeNumber, b: NodeNumber) -> Vec<String> {
        let mut names = Vec::new();
        for (from, to) in [(a, b), (b, a)] {
            let bridges = &self.nodes[from.0].settings().bridges;
            let leads = |it: &&crate::broker::BridgeSettings| {
                it.addresses.iter().any(|address| self.nodes[to.0].listens(address))
            };
            names.extend(bridges.iter().filter(leads).map(|it| it.name.clone()));
        }
        names
    }

    /// Kills a client's process: it comes back with its name and nothing else.
    pub fn kill_client(&mut self, number: ClientNumber) {
        self.clients[number.0].lose_memory();
        self.break_client(number);
    }

    /// A packet comes to its cable.
    pub(super) fn arrive(&mut self, wire: u64, to: End, bytes: BytesMut) {
        let Some(known) = self.wires.all.get(&wire) else { return };
        let (from, direction) = (known.other(to), known.towards(to));
        self.crossed += 1;
        let fault = self.faults.remove(&self.crossed);
        if let (End::Stranger(stranger), End::Node(node, conn)) = (from, to) {
            if fault == Some(Fault::CutBefore) {
                return self.cut_wire(wire);
            }
            self.overhear(wire, stranger, (node, conn), &bytes);
            return self.after(wire, fault);
        }
        let bytes = bytes.freeze();
        if fault == Some(Fault::CutBefore) {
            self.note_packet(wire, direction, &bytes, Passage::Cut);
            return self.cut_wire(wire);
        }
        let clear = self.wires.cables.get(&known.cable).is_none_or(Cable::is_clear);
        let Some(known) = self.wires.all.get_mut(&wire) else { return };
        let begins = PacketKind::of(bytes[0]) == PacketKind::CONNECT;
        let lane = &mut known.lanes[direction as usize];
        if clear && lane.waiting_bytes() == 0 {
            if begins {
                known.line.read(direction, &bytes);
            }
            let cut = fault == Some(Fault::CutAfter);
            let passage = if cut { Passage::ArrivedAndCut } else { Passage::Arrived };
            self.note_packet(wire, direction, &bytes, passage);
            self.deliver(wire, to, &bytes);
        } else {
            let topic = known.line.read(direction, &bytes).topic;
            lane.push(self.now, bytes, topic);
            self.run_lane(wire, direction);
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

    /// Does what there is to do for the packets that wait at a cable.
    pub(super) fn run_lane(&mut self, wire: u64, direction: Direction) {
        loop {
            let now = self.now;
            let Some(known) = self.wires.all.get_mut(&wire) else { return };
            let to = if direction == Direction::Out { known.target } else { known.dialer };
            let cable = self.wires.cables.entry(known.cable.clone()).or_default();
            match known.lanes[direction as usize].step(now, &known.line, cable) {
                Step::Packet { bytes, arrived, fate } => {
                    self.judged(wire, to, &bytes, arrived, &fate);
                }
                Step::Wait(until) => {
                    let wait = until.saturating_sub(now);
                    return self.later(wait, Happening::Lane { wire, direction });
                }
                Step::Held | Step::Empty => return,
                Step::End => {
                    if self.wires.remove(wire).is_some() {
                        self.note_end(wire, "closed");
                        self.broken(to);
                    }
                    return;
                }
            }
        }
    }

    fn judged(&mut self, wire: u64, to: End, bytes: &Bytes, came: Duration, fate: &Fate) {
        let Some(known) = self.wires.all.get(&wire) else { return };
        let direction = known.towards(to);
        let passage = Passage::from(fate.end);
        self.note_judged(wire, direction, bytes, passage, came, &fate.by);
        if passage.arrived() {
            self.deliver(wire, to, bytes);
            for again in &fate.again {
                self.note_repeated(wire, direction, again);
                self.deliver(wire, to, again);
            }
        }
        if matches!(passage, Passage::Cut | Passage::ArrivedAndCut) {
            self.cut_wire(wire);
        }
    }

    /// A packet is through.
    fn deliver(&mut self, wire: u64, to: End, bytes: &Bytes) {
        self.accept(wire);
        let Some(known) = self.wires.all.get(&wire) else { return };
        if known.gone == Some(to) {
            return;
        }
        let packet =
            codec::whole(bytes, known.level.unwrap_or_default()).expect("what a core wrote");
        match to {
            End::Node(node, conn) => self.input(node, Input::Packet { conn, packet }),
            End::Client(client) => self.hand_to_client(client, packet),
            End::Stranger(stranger) => self.hear(stranger, packet),
        }
    }

    /// Lets the target know of a connection that hung so far.
    fn accept(&mut self, wire: u64) {
        let Some(known) = self.wires.all.get_mut(&wire) else { return };
        let End::Node(node, conn) = known.target else { return };
        if std::mem::replace(&mut known.accepted, true) {
            return;
        }
        if self.nodes[node.0].broker.is_some() {
            self.input(node, Input::Accepted { conn });
        } else {
            self.cut_wire(wire);
        }
    }

    /// Both ends of a wire notice at once that it is gone; what is on it is lost.
    pub(super) fn cut_wire(&mut self, number: u64) {
        let Some(wire) = self.wires.remove(number) else { return };
        self.note_end(number, "cut");
        let ends = [wire.dialer, wire.target];
        for end in ends.into_iter().filter(|end| wire.gone != Some(*end)) {
            if wire.accepted || end == wire.dialer {
                self.broken(end);
            }
        }
    }

    /// One end is gone without a goodbye. The other notices, unless nothing gets through.
    pub(super) fn drop_end(&mut self, number: u64, end: End) {
        let Some(wire) = self.wires.all.get_mut(&number) else { return };
        let direction = wire.towards(wire.other(end));
        let tells = self.wires.cables.get(&wire.cable).is_none_or(|cable| cable.tells(direction));
        if tells {
            self.cut_wire(number);
        } else {
            wire.gone = Some(end);
            wire.lanes[direction as usize].end(self.now);
            self.wires.forget(end, number);
            self.broken(end);
        }
    }

    pub(super) fn broken(&mut self, end: End) {
        match end {
            End::Node(node, conn) => {
                if self.nodes[node.0].broker.is_some() {
                    self.input(node, Input::Closed { conn, reason: "cut".to_owned() });
                }
            }
            End::Client(client) => self.client_is_cut_off(client),
            End::Stranger(stranger) => {
                self.strangers.remove(&stranger);
            }
        }
    }

    pub(super) fn send(&mut self, from: End, packet: &Packet) {
        let Some((number, to)) = self.other_end(from) else { return };
        let Some(wire) = self.wires.all.get_mut(&number) else { return };
        if let Packet::Connect(connect) = packet {
            wire.level.get_or_insert(connect.level);
        }
        let mut bytes = BytesMut::new();
        codec::write(packet, wire.level.unwrap_or_default(), &mut bytes);
        self.travel(number, to, Happening::Arrive { wire: number, to, bytes });
    }

    /// Something sets out for that end of a wire. What set out before it comes before it.
    pub(super) fn travel(&mut self, wire: u64, to: End, what: Happening) {
        let due = self.now + self.weather.latency();
        let Some(known) = self.wires.all.get_mut(&wire) else { return };
        let direction = known.towards(to);
        let last = &mut known.last[direction as usize];
        *last = due.max(*last);
        let wait = last.saturating_sub(self.now);
        self.later(wait, what);
    }

    /// One end closes: the other learns of it behind what is on the wire already.
    pub(super) fn close(&mut self, from: End) {
        if let Some((wire, to)) = self.other_end(from) {
            if let Some(known) = self.wires.all.get_mut(&wire) {
                known.gone = Some(from);
            }
            self.wires.by_end.remove(&from);
            self.travel(wire, to, Happening::Break { wire, to });
        }
    }

    /// The goodbye of the other end comes to the cable.
    pub(super) fn goodbye(&mut self, wire: u64, to: End) {
        let now = self.now;
        if let Some(known) = self.wires.all.get_mut(&wire) {
            let direction = known.towards(to);
            known.lanes[direction as usize].end(now);
            self.run_lane(wire, direction);
        }
    }

    pub(super) fn other_end(&self, from: End) -> Option<(u64, End)> {
        let wire = *self.wires.by_end.get(&from)?;
        Some((wire, self.wires.all.get(&wire)?.other(from)))
    }

    /// The level of the CONNECT that crossed a wire first.
    pub(super) fn level(&self, wire: u64) -> Level {
        self.wires.get(wire).and_then(|it| it.level).unwrap_or_default()
    }

    /// A stranger's CONNECT says so.
    pub(super) fn set_level(&mut self, wire: u64, level: Level) {
        if let Some(wire) = self.wires.all.get_mut(&wire) {
            wire.level.get_or_insert(level);
        }
    }

    /// A connection through the cable of that name. Its target hears of it at once, unless nothing
    /// gets through.
    pub(super) fn add_wire(&mut self, cable: &CableName, dialer: End, target: End) {
        let number = self.wires.next;
        self.wires.next += 1;
        let silent = self.wires.cable(cable).state() == State::Silent;
        let wire = Wire {
            dialer,
            target,
            cable: cable.clone(),
            level: None,
            line: Line::default(),
            lanes: Direction::BOTH.map(|direction| Lane::new(number, direction)),
            last: [Duration::ZERO; 2],
            accepted: false,
            gone: None,
        };
        self.wires.all.insert(number, wire);
        self.wires.by_end.insert(dialer, number);
        self.wires.by_end.insert(target, number);
        self.note_wire(number, cable, dialer, target);
        if !silent {
            self.accept(number);
        }
    }
}
