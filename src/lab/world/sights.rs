//! From what live cables tell to events of the trace.

use bytes::Bytes;

use crate::cable::Direction;
use crate::lab::trace::{Event, Glimpse, Passage, Place, Scribe};
use crate::net::{Sight, What};

/// What there is to write down of it, in its order.
pub fn events(scribe: &mut Scribe, place: &Place, sight: Sight) -> Vec<Event> {
    let Sight { line, at, what } = sight;
    let mut seen = Glimpse {
        direction: Direction::Out,
        came: at,
        passage: Passage::Arrived,
        by: Vec::new(),
        repeated: false,
        bytes: Bytes::new(),
    };
    let event = match what {
        What::Begins { peer } => {
            let peer = peer.map_or_else(|| "somebody".to_owned(), |peer| peer.to_string());
            scribe.begins(line, place, peer);
            None
        }
        What::Passes { direction, bytes } => return scribe.passes(line, direction, at, &bytes),
        What::Judged { direction, bytes, came, fate } => {
            seen = Glimpse { direction, came, bytes, ..seen };
            seen.passage = fate.end.into();
            seen.by = fate.by.into_iter().map(str::to_owned).collect();
            scribe.packet(line, seen)
        }
        What::Repeated { direction, bytes } => {
            seen = Glimpse { direction, repeated: true, bytes, ..seen };
            scribe.packet(line, seen)
        }
        What::Ends { how } => scribe.ends(line, how),
    };
    event.into_iter().collect()
}
