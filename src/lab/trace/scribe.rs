//! From what cables see to entries of the trace: whole packets told apart, decoded, and put on the
//! wire they belong to. Both worlds, and whoever only watches, use the same.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::crossing::{Crossing, Passage};
use super::event::Event;
use super::wire::{Party, Wire};
use crate::cable::line::Known;
use crate::cable::{Direction, Line, frame};
use crate::lab::name::CableName;
use crate::mqtt::Packet;

/// Between whom a cable lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The cable.
    pub cable: CableName,
    /// Who dials; none where anybody may.
    pub dialer: Option<Party>,
    /// Who listens.
    pub target: Party,
}

/// A packet as its cable saw it.
#[derive(Debug, Clone)]
pub struct Glimpse {
    /// Which way.
    pub direction: Direction,
    /// When it came.
    pub came: Duration,
    /// How it ended.
    pub passage: Passage,
    /// The faults that had a part in it.
    pub by: Vec<String>,
    /// Whether the cable repeated it.
    pub repeated: bool,
    /// Its bytes: of one whole packet.
    pub bytes: Bytes,
}

/// Follows all connections of a world.
#[derive(Debug, Clone, Default)]
pub struct Scribe {
    lines: BTreeMap<u64, Followed>,
}

#[derive(Debug, Clone)]
struct Followed {
    line: Line,
    wire: Arc<Wire>,
}

impl Scribe {
    /// Somebody dials; `peer` says from where.
    pub fn begins(&mut self, number: u64, place: &Place, peer: String) {
        let wire = Wire {
            number,
            cable: place.cable.clone(),
            dialer: place.dialer.clone().unwrap_or(Party::Outside(peer)),
            target: place.target.clone(),
            client: None,
        };
        self.lines.insert(number, Followed { line: Line::default(), wire: Arc::new(wire) });
    }

    /// Whole packets pass as they come.
    pub fn passes(
        &mut self,
        number: u64,
        direction: Direction,
        at: Duration,
        bytes: &Bytes,
    ) -> Vec<Event> {
        let mut events = Vec::new();
        let mut from = 0;
        while from < bytes.len() {
            let frame = frame::first(&bytes[from..]);
            let size = frame.ok().flatten().map_or(bytes.len() - from, |it| it.bytes().len());
            let glimpse = Glimpse {
                direction,
                came: at,
                passage: Passage::Arrived,
                by: Vec::new(),
                repeated: false,
                bytes: bytes.slice(from..from + size),
            };
            events.extend(self.packet(number, glimpse));
            from += size;
        }
        events
    }

    /// A packet ended at its cable. None where the connection is not followed.
    pub fn packet(&mut self, number: u64, glimpse: Glimpse) -> Option<Event> {
        let followed = self.lines.get_mut(&number)?;
        let Glimpse { direction, came, passage, by, repeated, bytes } = glimpse;
        let level = followed.line.level();
        let known = followed.line.read(direction, &bytes);
        followed.name(&known);
        let wire = Arc::clone(&followed.wire);
        // A CONNECT brings its own level.
        let level = match &known.packet {
            Ok(Packet::Connect(connect)) => connect.level,
            _ => level,
        };
        Some(Event::Packet(Crossing {
            wire,
            direction,
            came,
            passage,
            by,
            repeated,
            level,
            bytes,
            known,
        }))
    }

    /// The packets that wait in one direction of a connection, in words. None of them has been told
    /// yet, so nothing is learnt from them here.
    #[must_use]
    pub fn glance(&self, number: u64, direction: Direction, waiting: &[Bytes]) -> Vec<String> {
        let Some(followed) = self.lines.get(&number) else { return Vec::new() };
        let mut ahead = Self { lines: BTreeMap::from([(number, followed.clone())]) };
        let words = waiting.iter().filter_map(|bytes| {
            let glimpse = Glimpse {
                direction,
                came: Duration::ZERO,
                passage: Passage::Arrived,
                by: Vec::new(),
                repeated: false,
                bytes: bytes.clone(),
            };
            match ahead.packet(number, glimpse)? {
                Event::Packet(crossing) => Some(crossing.words()),
                _ => None,
            }
        });
        words.collect()
    }

    /// A connection ended. None where no packet ever crossed it.
    pub fn ends(&mut self, number: u64, how: String) -> Option<Event> {
        let followed = self.lines.remove(&number)?;
        followed.line.client().is_some().then_some(Event::WireEnded { wire: followed.wire, how })
    }
}

impl Followed {
    /// CONNECT says who dialled, and CONNACK may.
    fn name(&mut self, known: &Known) {
        let introduces = matches!(known.packet, Ok(Packet::Connect(_) | Packet::ConnAck(_)));
        let Some(client) = self.line.client().filter(|id| introduces && !id.as_str().is_empty())
        else {
            return;
        };
        if self.wire.client.as_ref() == Some(client) {
            return;
        }
        let mut wire = Wire::clone(&self.wire);
        if matches!(wire.dialer, Party::Outside(_)) {
            wire.dialer = Party::Client(client.clone());
        }
        wire.client = Some(client.clone());
        self.wire = Arc::new(wire);
    }
}
