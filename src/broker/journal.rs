//! The records of changes that wait for the store, and which of them are durable.
//!
//! "Commit before speak" rests here: a packet that announces a change waits for [`Journal::latest`],
//! the number of the commit that the newest change belongs to. It does not matter whose change that
//! was: an answer to a repeated packet has no change of its own, yet must wait for the first one's.

use std::sync::Arc;

use super::bodies::Bodies;
use super::durable::{Commit, MessageId, Record};
use crate::mqtt::Message;

/// A message and its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbered {
    /// Its number in this broker.
    pub id: MessageId,
    /// The message itself, shared by all who are to receive it.
    pub message: Arc<Message>,
}

/// What waits to become durable. A broker without persistence has one that swallows everything and
/// is never behind.
#[derive(Debug, Clone)]
pub struct Journal {
    enabled: bool,
    records: Vec<Record>,
    taken: u64,
    /// How many records of what was taken are not durable yet.
    at_store: usize,
    committed: u64,
    /// The messages that retained ones, deliveries and wills refer to, durable or not.
    bodies: Bodies,
    trouble: Option<String>,
}

impl Journal {
    /// An empty journal; one that is not `enabled` keeps nothing.
    #[must_use]
    pub fn new(enabled: bool) -> Self {
        Self {
            enabled,
            records: Vec::new(),
            taken: 0,
            at_store: 0,
            committed: 0,
            bodies: Bodies::default(),
            trouble: None,
        }
    }

    /// Notes a change.
    pub fn record(&mut self, record: Record) {
        if self.enabled {
            self.records.push(record);
        }
    }

    /// Something is about to refer to `numbered`: where it is durable, the body goes first.
    pub fn refer(&mut self, numbered: &Numbered, durable: bool) {
        if self.bodies.hold(numbered, durable && self.enabled) {
            let (id, message) = (numbered.id, Arc::clone(&numbered.message));
            self.records.push(Record::Message { id, message });
        }
    }

    /// What the image already refers to, at a start.
    pub fn refer_again(&mut self, numbered: &Numbered) {
        self.bodies.hold(numbered, self.enabled);
    }

    /// Something no longer refers to that message.
    ///
    /// # Panics
    /// When nothing did, which is a bug here.
    pub fn forget(&mut self, numbered: &Numbered, durable: bool) {
        if self.bodies.let_go(numbered, durable && self.enabled) {
            self.records.push(Record::DropMessage { id: numbered.id });
        }
    }

    /// The messages that are referred to.
    pub fn bodies(&self) -> &Bodies {
        &self.bodies
    }

    /// The commit that the newest change belongs to, taken or still to be taken.
    #[must_use]
    pub fn latest(&self) -> u64 {
        if self.records.is_empty() { self.taken } else { self.taken + 1 }
    }

    /// Whether all up to that commit is durable.
    #[must_use]
    pub fn is_durable(&self, number: u64) -> bool {
        number <= self.committed
    }

    /// The changes since the last call.
    pub fn take(&mut self) -> Option<Commit> {
        if self.records.is_empty() {
            return None;
        }
        self.taken += 1;
        self.at_store += self.records.len();
        Some(Commit { number: self.taken, records: std::mem::take(&mut self.records) })
    }

    /// How many changes wait to be taken.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.records.len()
    }

    /// All up to commit `number` is durable. Gives back how many records more that are, and whether
    /// commits failed until now.
    pub fn committed(&mut self, number: u64) -> (usize, bool) {
        debug_assert!(number <= self.taken, "commit {number} was never given out");
        self.committed = self.committed.max(number);
        (std::mem::take(&mut self.at_store), self.trouble.take().is_some())
    }

    /// Commits fail. Gives back whether that is news.
    pub fn fails(&mut self, reason: String) -> bool {
        let news = self.trouble.as_ref() != Some(&reason);
        self.trouble = Some(reason);
        news
    }

    /// Why commits fail, while they do.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }
}
