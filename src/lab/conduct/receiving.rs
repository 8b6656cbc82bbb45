//! What came to one side and may be acknowledged by it: at most as much, for a side may be dead when
//! something comes.

use std::collections::{BTreeMap, BTreeSet};

use crate::mqtt::{Packet, PacketId, QoS};

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Receiving {
    /// Whether all that ever came in this session is known.
    pub(super) whole: bool,
    /// QoS 1 messages that PUBACK may come for, so often.
    once: BTreeMap<PacketId, u32>,
    /// QoS 2 messages that came.
    twice: BTreeSet<PacketId>,
    /// PUBRELs that came.
    released: BTreeSet<PacketId>,
}

impl Receiving {
    /// A session in which nothing came yet.
    pub(super) fn new() -> Self {
        Self { whole: true, ..Self::default() }
    }

    /// A packet comes.
    pub(super) fn came(&mut self, packet: &Packet) {
        match packet {
            Packet::Publish(publish) => match (publish.packet_id, publish.qos) {
                (Some(id), QoS::AtLeastOnce) => *self.once.entry(id).or_default() += 1,
                (Some(id), QoS::ExactlyOnce) => drop(self.twice.insert(id)),
                _ => {}
            },
            Packet::PubRel(ack) => drop(self.released.insert(ack.id)),
            _ => {}
        }
    }

    /// An acknowledgement is sent. Gives back whether it may be.
    pub(super) fn answers(&mut self, packet: &Packet) -> bool {
        let fits = match packet {
            Packet::PubAck(ack) => match self.once.get_mut(&ack.id) {
                Some(count) if *count > 0 => {
                    *count -= 1;
                    true
                }
                _ => false,
            },
            Packet::PubRec(ack) => self.twice.contains(&ack.id),
            Packet::PubComp(ack) => self.released.contains(&ack.id),
            _ => true,
        };
        fits || !self.whole
    }
}
