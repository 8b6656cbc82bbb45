//! Strangers of the simulated world: somebody who connects to a broker and says whatever bytes.
//! They are read as a broker's shell reads them.

use bytes::BytesMut;

use super::wires::End;
use super::{Happening, NodeNumber, Sim};
use crate::broker::{ConnId, Input};
use crate::lab::name::CableName;
use crate::mqtt::{Packet, codec};

/// A stranger of the simulated world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StrangerNumber(pub u64);

/// What is known of one.
#[derive(Debug, Clone, Default)]
pub(super) struct Stranger {
    /// What the broker has heard of it and is no whole packet yet.
    unread: BytesMut,
    /// What it has heard since somebody asked.
    heard: Vec<Packet>,
}

impl Sim {
    /// Somebody connects to that broker, which has power.
    pub fn add_stranger(&mut self, node: NodeNumber) -> StrangerNumber {
        let number = StrangerNumber(self.next_stranger);
        self.next_stranger += 1;
        self.strangers.insert(number, Stranger::default());
        let conn = self.new_conn(node);
        self.add_wire(&CableName::new("stranger"), End::Stranger(number), End::Node(node, conn));
        number
    }

    /// Whether its connection has not ended.
    #[must_use]
    pub fn is_connected(&self, stranger: StrangerNumber) -> bool {
        self.strangers.contains_key(&stranger)
    }

    /// It says that, as far as it is connected.
    pub fn say(&mut self, stranger: StrangerNumber, bytes: &[u8]) {
        if let Some((wire, to)) = self.other_end(End::Stranger(stranger)) {
            let bytes = BytesMut::from(bytes);
            self.travel(wire, to, Happening::Arrive { wire, to, bytes });
        }
    }

    /// What it has heard since the last call.
    pub fn heard(&mut self, stranger: StrangerNumber) -> Vec<Packet> {
        let known = self.strangers.get_mut(&stranger);
        known.map(|it| std::mem::take(&mut it.heard)).unwrap_or_default()
    }

    /// Its connection breaks.
    pub fn break_stranger(&mut self, stranger: StrangerNumber) {
        if let Some((wire, _)) = self.other_end(End::Stranger(stranger)) {
            self.cut_wire(wire);
        }
    }

    /// A broker hears bytes that are packets or not.
    pub(super) fn overhear(
        &mut self,
        wire: u64,
        stranger: StrangerNumber,
        (node, conn): (NodeNumber, ConnId),
        bytes: &[u8],
    ) {
        let most = self.nodes[node.0].max_packet_size();
        let Some(known) = self.strangers.get_mut(&stranger) else { return };
        known.unread.extend_from_slice(bytes);
        // The core does not listen any more to one whom it has hung up on.
        loop {
            let level = self.level(wire);
            let Some(known) = self.strangers.get_mut(&stranger) else { return };
            match codec::read(&mut known.unread, level, most) {
                Ok(Some(packet)) => {
                    if let Packet::Connect(connect) = &packet {
                        self.set_level(wire, connect.level);
                    }
                    self.input(node, Input::Packet { conn, packet });
                }
                Ok(None) => return,
                Err(error) => return self.input(node, Input::Malformed { conn, error }),
            }
        }
    }

    pub(super) fn hear(&mut self, stranger: StrangerNumber, packet: Packet) {
        if let Some(known) = self.strangers.get_mut(&stranger) {
            known.heard.push(packet);
        }
    }
}
