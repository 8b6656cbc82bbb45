//! The one ordered stream of what happened: windows, ladders, passports, verdicts, reports and
//! exports read this and the snapshots, and nothing else.

mod crossing;
mod event;
mod scribe;
mod wire;
mod words;

pub use crossing::{Crossing, Passage};
pub use event::{Entry, Event};
pub use scribe::{Glimpse, Place, Scribe};
pub use wire::{Party, Wire};
pub use words::payload;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// So many entries are kept.
const KEPT: usize = 2_000;

/// The last entries of a world's trace, in order.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    entries: VecDeque<Arc<Entry>>,
    number: u64,
}

impl Trace {
    /// Adds what happened at `at`.
    pub fn add(&mut self, at: Duration, event: Event) -> Arc<Entry> {
        self.number += 1;
        if self.entries.len() == KEPT {
            self.entries.pop_front();
        }
        let entry = Arc::new(Entry { number: self.number, at, event });
        self.entries.push_back(Arc::clone(&entry));
        entry
    }

    /// The number of the newest entry; 0 before the first.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The last entries, oldest first.
    #[must_use]
    pub fn last(&self) -> VecDeque<Arc<Entry>> {
        self.entries.clone()
    }
}
