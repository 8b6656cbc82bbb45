//! Who is connected to a broker that says nothing of itself, as its cables show it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::cable::Direction;
use crate::lab::trace::{Crossing, Wire};
use crate::lab::{BoardName, BridgeName};
use crate::mqtt::Packet;

/// The connections that a CONNACK has let in, by their numbers.
#[derive(Debug, Default)]
pub struct Seen {
    wires: BTreeMap<u64, (Arc<Wire>, Duration)>,
}

impl Seen {
    /// A packet ended at its cable.
    pub fn packet(&mut self, at: Duration, crossing: &Crossing) {
        let accepts = crossing.direction == Direction::In
            && crossing.passage.arrived()
            && matches!(crossing.packet(), Some(Packet::ConnAck(it)) if !it.reason.is_error());
        if accepts {
            self.wires.insert(crossing.wire.number, (Arc::clone(&crossing.wire), at));
        }
    }

    /// A connection ended.
    pub fn ends(&mut self, number: u64) {
        self.wires.remove(&number);
    }

    /// Since when that bridge has been connected.
    pub fn bridge(&self, name: &BridgeName) -> Option<Duration> {
        let mut wires = self.wires.values();
        wires.find(|(wire, _)| wire.cable.as_str() == name.as_str()).map(|(_, since)| *since)
    }

    /// The ids of the clients that are connected to that board, in their order.
    pub fn clients(&self, board: &BoardName) -> Vec<String> {
        let there = self.wires.values().filter(|(wire, _)| wire.target.board() == Some(board));
        let mut clients: Vec<_> =
            there.filter_map(|(wire, _)| Some(wire.client.as_ref()?.to_string())).collect();
        clients.sort();
        clients.dedup();
        clients
    }
}
