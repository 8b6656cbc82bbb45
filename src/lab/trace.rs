//! The one ordered stream of what happened.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::command::{Action, CableFault};
use super::name::{BoardName, BridgeName, ProgramName};
use crate::{broker, card};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Counts the entries of a world from 1.
    pub number: u64,
    /// When, since 1970.
    pub at: Duration,
    /// What.
    pub event: Event,
}

/// What can happen in a world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A broker decided or noticed something.
    Broker { board: BoardName, event: broker::Event },
    /// A program did something or something was done to it.
    Program { program: ProgramName, event: card::Event },
    /// A cable was cut or mended.
    Cable { bridge: BridgeName, fault: CableFault },
    /// A board's power went on or off.
    Power { board: BoardName, on: bool },
    /// Something was started, stopped or killed by hand or by a script.
    Asked { what: String, action: Action },
    /// A line for people: trouble, a fresh start, a step of a script.
    Note(String),
}

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
    pub fn add(&mut self, at: Duration, event: Event) {
        self.number += 1;
        if self.entries.len() == KEPT {
            self.entries.pop_front();
        }
        self.entries.push_back(Arc::new(Entry { number: self.number, at, event }));
    }

    /// The last entries, oldest first.
    #[must_use]
    pub fn last(&self) -> VecDeque<Arc<Entry>> {
        self.entries.clone()
    }
}
