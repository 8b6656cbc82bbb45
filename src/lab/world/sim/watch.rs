//! The trace of a simulated world, and the ledger that is kept of it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::wires::End;
use super::{NodeNumber, Sim};
use crate::cable::Direction;
use crate::lab::ledger::{BridgeFacts, Ledger};
use crate::lab::name::{BoardName, CableName};
use crate::lab::trace::{Entry, Event, Glimpse, Party, Passage, Place, Scribe};

/// What is written down of a world.
#[derive(Debug, Clone, Default)]
pub(super) struct Record {
    scribe: Scribe,
    ledger: Ledger,
    entries: Vec<Arc<Entry>>,
    /// How many entries there were.
    count: u64,
}

impl Sim {
    /// Writes down from now on what happens: before anything else is added but brokers.
    pub fn watch(&mut self) {
        let mut bridges = Vec::new();
        for (at, node) in self.nodes.iter().enumerate() {
            for settings in &node.settings().bridges {
                let port = settings.addresses.first().map(|address| address.port);
                let remote = self.nodes.iter().position(|it| Some(it.port()) == port);
                let remote =
                    remote.map_or(Party::Outside(String::new()), |at| board(NodeNumber(at)));
                bridges.push(BridgeFacts::new(settings, board(NodeNumber(at)), remote));
            }
        }
        let ledger = Ledger::new(bridges);
        self.record = Some(Record { ledger, ..Record::default() });
    }

    /// What is owed, once [`Sim::watch`] was called.
    #[must_use]
    pub fn ledger(&self) -> Option<&Ledger> {
        self.record.as_ref().map(|record| &record.ledger)
    }

    /// The whole trace, once [`Sim::watch`] was called.
    #[must_use]
    pub fn trace(&self) -> &[Arc<Entry>] {
        self.record.as_ref().map_or(&[], |record| &record.entries)
    }

    /// Forgets the trace so far, but not what the ledger made of it.
    pub(super) fn forget_trace(&mut self) {
        if let Some(record) = &mut self.record {
            record.entries.clear();
        }
    }

    /// Something happens now.
    pub(super) fn note(&mut self, event: Event) {
        let at = self.now;
        if let Some(record) = &mut self.record {
            record.count += 1;
            let entry = Arc::new(Entry { number: record.count, at, event });
            record.ledger.take(&entry);
            record.entries.push(entry);
        }
    }

    /// A connection begins.
    pub(super) fn note_wire(&mut self, wire: u64, cable: &str, dialer: End, target: End) {
        let party = |end| match end {
            End::Node(node, _) => Some(board(node)),
            End::Client(client) => Some(Party::Client(self.clients[client.0].id())),
            End::Stranger(_) => None,
        };
        let (dialer, target) = (party(dialer), party(target));
        if let (Some(record), Some(target)) = (&mut self.record, target) {
            let place = Place { cable: CableName::new(cable), dialer, target };
            record.scribe.begins(wire, &place, "a stranger".to_owned());
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
        let event = self.record.as_mut().and_then(|it| it.scribe.packet(wire, glimpse));
        if let Some(event) = event {
            self.note(event);
        }
    }

    /// A connection ends.
    pub(super) fn note_end(&mut self, wire: u64, how: &str) {
        let ended = self.record.as_mut().and_then(|it| it.scribe.ends(wire, how.to_owned()));
        if let Some(event) = ended {
            self.note(event);
        }
    }

    /// A broker tells something of itself.
    pub(super) fn note_event(&mut self, node: NodeNumber, event: &crate::broker::Event) {
        if self.record.is_some() {
            let board = BoardName::new(&format!("board{}", node.0 + 1));
            self.note(Event::Broker { board, event: event.clone() });
        }
    }
}

/// Nodes are called board1, board2, …
fn board(node: NodeNumber) -> Party {
    Party::Board(BoardName::new(&format!("board{}", node.0 + 1)))
}
