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
/// So many entries are kept in all.
const KEPT: usize = 100_000;
/// And so many bytes of packets in them.
const KEPT_BYTES: usize = 64 << 20;

/// The last entries of a world's trace, in order: the notable ones, and all.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    notable: VecDeque<Arc<Entry>>,
    all: VecDeque<Arc<Entry>>,
    bytes: usize,
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
        self.bytes += entry.event.packet_bytes();
        self.all.push_back(Arc::clone(&entry));
        while self.all.len() > KEPT || self.bytes > KEPT_BYTES {
            let Some(oldest) = self.all.pop_front() else { break };
            self.bytes -= oldest.event.packet_bytes();
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

    /// The last entries of all, details included, oldest first.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &Arc<Entry>> + ExactSizeIterator {
        self.all.iter()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::cable::Direction;
    use crate::lab::CableName;

    /// A PUBLISH of so many bytes, as a cable saw it.
    fn packet(size: usize) -> Event {
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
            bytes: Bytes::from(vec![0x30; size]),
        };
        scribe.packet(1, glimpse).expect("it is followed")
    }

    fn note(number: u64) -> Event {
        Event::Note(number.to_string())
    }

    fn numbers<'a>(entries: impl IntoIterator<Item = &'a Arc<Entry>>) -> Vec<u64> {
        entries.into_iter().map(|entry| entry.number).collect()
    }

    #[test]
    fn details_do_not_crowd_out_what_is_notable() {
        let mut trace = Trace::default();
        trace.add(Duration::ZERO, note(1));
        for _ in 0..KEPT {
            trace.add(Duration::ZERO, packet(10));
        }
        assert_eq!(numbers(&trace.last()), [1]);
        assert_eq!((trace.all().len(), trace.bytes), (KEPT, 10 * KEPT));
        assert_eq!(trace.all().next().map(|entry| entry.number), Some(2));
        let first = trace.number() + 1;
        for number in 0..=NOTABLE {
            trace.add(Duration::ZERO, note(number as u64));
        }
        let last = trace.last();
        assert_eq!(last.len(), NOTABLE);
        assert_eq!(last.front().map(|entry| entry.number), Some(first + 1));
        assert_eq!(trace.all().next_back().map(|entry| entry.number), Some(trace.number()));
    }

    #[test]
    fn large_packets_are_fewer() {
        let mut trace = Trace::default();
        for _ in 0..5 {
            trace.add(Duration::ZERO, packet(KEPT_BYTES / 3));
        }
        assert_eq!(numbers(trace.all()), [3, 4, 5]);
        trace.add(Duration::ZERO, packet(KEPT_BYTES + 1));
        assert_eq!((numbers(trace.all()), trace.bytes), (vec![], 0));
        trace.add(Duration::ZERO, note(1));
        assert_eq!(numbers(trace.all()), [7]);
    }
}
