//! The one ordered stream of what happened: windows, ladders, passports, verdicts, reports and
//! exports read this and the snapshots, and nothing else.

mod crossing;
mod event;
mod scribe;
mod wire;
mod words;

pub use crossing::{Crossing, Passage};
pub use event::{Entry, Event, Listener};
pub use scribe::{Glimpse, Place, Scribe};
pub use wire::{Party, Wire};
pub use words::{payload, remark};

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// So many notable entries are kept for people to read.
const NOTABLE: usize = 2_000;

/// The last notable entries of a world's trace, in order. All of them are for whoever is given each as
/// it comes: a file, a ledger.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    notable: VecDeque<Arc<Entry>>,
    number: u64,
}

impl Trace {
    /// Adds what happened at `at`.
    pub fn add(&mut self, at: Duration, event: Event) -> Arc<Entry> {
        self.number += 1;
        let entry = Arc::new(Entry { number: self.number, at, event });
        if !entry.event.is_detail() {
            if self.notable.len() == NOTABLE {
                self.notable.pop_front();
            }
            self.notable.push_back(Arc::clone(&entry));
        }
        entry
    }

    /// The number of the newest entry; 0 before the first.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The last notable entries, oldest first.
    #[must_use]
    pub fn last(&self) -> VecDeque<Arc<Entry>> {
        self.notable.clone()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::cable::Direction;
    use crate::lab::CableName;

    /// A packet, as a cable saw it.
    fn packet() -> Event {
        let mut scribe = Scribe::default();
        let cable = CableName::new("c");
        let place = Place { cable, dialer: None, target: Party::Outside("b".to_owned()) };
        scribe.begins(1, &place, "a".to_owned());
        let glimpse = Glimpse {
            direction: Direction::Out,
            came: Duration::ZERO,
            passage: Passage::Arrived,
            by: Vec::new(),
            repeated: false,
            bytes: Bytes::from_static(&[0xc0, 0]),
        };
        scribe.packet(1, glimpse).expect("it is followed")
    }

    fn note(number: u64) -> Event {
        Event::Note(number.to_string())
    }

    #[test]
    fn details_do_not_crowd_out_what_is_notable() {
        let mut trace = Trace::default();
        trace.add(Duration::ZERO, note(1));
        for _ in 0..=NOTABLE {
            trace.add(Duration::ZERO, packet());
        }
        let numbers: Vec<_> = trace.last().iter().map(|entry| entry.number).collect();
        assert_eq!(numbers, [1]);
        let first = trace.number() + 1;
        for number in 0..=NOTABLE {
            trace.add(Duration::ZERO, note(number as u64));
        }
        let last = trace.last();
        assert_eq!(last.len(), NOTABLE);
        assert_eq!(last.front().map(|entry| entry.number), Some(first + 1));
        assert_eq!(last.back().map(|entry| entry.number), Some(trace.number()));
    }
}
