//! The trace of a simulated world, and the ledger that is kept of it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::wires::End;
use super::{ClientNumber, NodeNumber, Sim};
use crate::cable::Direction;
use crate::card;
use crate::lab::ledger::{BridgeFacts, Ledger};
use crate::lab::name::CableName;
use crate::lab::trace::{Entry, Event, Glimpse, Party, Passage, Place};
use crate::lab::world::record::Record;

/// What is written down, and the entries that nobody took yet.
#[derive(Debug, Clone)]
pub(super) struct Recorded {
    pub(super) record: Record,
    pub(super) entries: Vec<Arc<Entry>>,
}

impl Sim {
    /// Writes down from now on what happens: before anything else is added but brokers.
    pub fn watch(&mut self) {
        let mut bridges = Vec::new();
        for (at, node) in self.nodes.iter().enumerate() {
            for settings in &node.settings().bridges {
                let leads = |it: &super::Node| {
                    settings.addresses.first().is_some_and(|address| it.listens(address))
                };
                let remote = self.nodes.iter().position(leads);
                let remote =
                    remote.map_or(Party::Outside(String::new()), |at| self.party(NodeNumber(at)));
                bridges.push(BridgeFacts::new(settings, self.party(NodeNumber(at)), remote));
            }
        }
        self.watch_bridges(bridges);
    }

    /// The same, where what is to be known of the bridges is known already.
    pub(super) fn watch_bridges(&mut self, bridges: Vec<BridgeFacts>) {
        self.record = Some(Recorded { record: Record::new(bridges), entries: Vec::new() });
    }

    /// What is owed, once [`Sim::watch`] was called.
    #[must_use]
    pub fn ledger(&self) -> Option<&Ledger> {
        self.record.as_ref().map(|it| &it.record.ledger)
    }

    /// The whole trace, once [`Sim::watch`] was called.
    #[must_use]
    pub fn trace(&self) -> &[Arc<Entry>] {
        self.record.as_ref().map_or(&[], |record| &record.entries)
    }

    /// Forgets the trace so far, but not what the ledger made of it.
    pub(super) fn forget_trace(&mut self) {
        if let Some(recorded) = &mut self.record {
            recorded.entries.clear();
        }
    }

    /// Something happens now.
    pub(super) fn note(&mut self, event: Event) {
        let at = self.now;
        if let Some(recorded) = &mut self.record {
            let entry = recorded.record.add(at, event);
            recorded.entries.push(entry);
        }
    }

    /// A connection begins.
    pub(super) fn note_wire(&mut self, wire: u64, cable: &CableName, dialer: End, target: End) {
        let party = |end| match end {
            End::Node(node, _) => Some(self.party(node)),
            End::Client(client) => Some(self.clients[client.0].party.clone()),
            End::Stranger(_) => None,
        };
        let (dialer, target) = (party(dialer), party(target));
        if let (Some(record), Some(target)) = (&mut self.record, target) {
            let place = Place { cable: cable.clone(), dialer, target };
            record.record.scribe.begins(wire, &place, "a stranger".to_owned());
        }
    }

    /// A packet is through with its wire.
    pub(super) fn note_packet(
        &mut self,
        wire: u64,
        direction: Direction,
        bytes: &Bytes,
        passage: Passage,
    ) {
        let came = self.now;
        self.note_judged(wire, direction, bytes, passage, came, &[]);
    }

    /// A packet is through that a fault had a part in.
    pub(super) fn note_judged(
        &mut self,
        wire: u64,
        direction: Direction,
        bytes: &Bytes,
        passage: Passage,
        came: Duration,
        by: &[&str],
    ) {
        let by = by.iter().map(|name| (*name).to_owned()).collect();
        let bytes = bytes.clone();
        self.glimpse(wire, Glimpse { direction, came, passage, by, repeated: false, bytes });
    }

    /// The cable sends a packet once more.
    pub(super) fn note_repeated(&mut self, wire: u64, direction: Direction, bytes: &Bytes) {
        let (came, bytes) = (self.now, bytes.clone());
        let (passage, by) = (Passage::Arrived, Vec::new());
        self.glimpse(wire, Glimpse { direction, came, passage, by, repeated: true, bytes });
    }

    fn glimpse(&mut self, wire: u64, glimpse: Glimpse) {
        let event = self.record.as_mut().and_then(|it| it.record.scribe.packet(wire, glimpse));
        if let Some(event) = event {
            self.note(event);
        }
    }

    /// A connection ends.
    pub(super) fn note_end(&mut self, wire: u64, how: &str) {
        let ended = self.record.as_mut().and_then(|it| it.record.scribe.ends(wire, how.to_owned()));
        if let Some(event) = ended {
            self.note(event);
        }
    }

    /// A broker tells something of itself.
    pub(super) fn note_event(&mut self, node: NodeNumber, event: &crate::broker::Event) {
        if self.record.is_some() {
            let board = self.nodes[node.0].name.clone();
            self.note(Event::Broker { board, event: event.clone() });
        }
    }

    /// A program tells something of itself.
    pub(super) fn note_program(&mut self, client: ClientNumber, events: Vec<card::Event>) {
        if let Party::Program(program) = self.clients[client.0].party.clone() {
            for event in events {
                self.note(Event::Program { program: program.clone(), event });
            }
        }
    }

    fn party(&self, node: NodeNumber) -> Party {
        Party::Board(self.nodes[node.0].name.clone())
    }
}
