//! A part of the trace as a ladder: participants as columns, packets as arrows, everything else as a
//! line across. Data alone; how it is drawn is others' business.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::trace::{Entry, Event, Party, Passage, remark};

/// A ladder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ladder {
    /// The columns, from left to right.
    pub columns: Vec<Party>,
    /// From top to bottom.
    pub rows: Vec<Row>,
}

/// One entry of the trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Its number.
    pub number: u64,
    /// When, counted from the first row.
    pub after: Duration,
    /// What.
    pub what: What,
}

/// What a row shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A packet from one column to another, by their places.
    Arrow {
        /// Whose it is.
        from: usize,
        /// Whom it is for.
        to: usize,
        /// The packet in words.
        text: String,
        /// Whether it got there.
        passage: Passage,
        /// What the cable did to it, in words; empty where it did nothing.
        remark: String,
    },
    /// Something that happened at one column, or to the whole.
    Line {
        /// Where.
        at: Option<usize>,
        /// In words.
        text: String,
        /// Whether something was broken.
        is_fault: bool,
    },
}

impl Ladder {
    /// The ladder of these entries. Events that are drawn by packets anyway have no row.
    #[must_use]
    pub fn of(entries: &[Arc<Entry>]) -> Self {
        let mut columns = Columns::default();
        for entry in entries {
            columns.see(entry);
        }
        let columns = columns.list();
        let start = entries.first().map_or(Duration::ZERO, |entry| entry.at);
        let rows = entries.iter().filter_map(|entry| Row::of(&columns, entry, start));
        Self { rows: rows.collect(), columns }
    }
}

impl Row {
    /// The row of an entry, its time counted from `start`; none where it has none.
    #[must_use]
    pub fn of(columns: &[Party], entry: &Entry, start: Duration) -> Option<Self> {
        let (number, after) = (entry.number, entry.at.saturating_sub(start));
        Some(Self { number, after, what: what(columns, entry)? })
    }
}

/// Everybody who sends or receives.
#[derive(Debug, Clone, Default)]
pub struct Columns {
    brokers: BTreeSet<Party>,
    /// The broker, and its client.
    clients: Vec<(Party, Party)>,
}

impl Columns {
    /// Whether somebody in this entry is new.
    pub fn see(&mut self, entry: &Entry) -> bool {
        let wire = match &entry.event {
            Event::Packet(crossing) => &crossing.wire,
            Event::WireEnded { wire, .. } => wire,
            _ => return false,
        };
        let mut is_new = self.brokers.insert(wire.target.clone());
        if wire.dialer.board().is_some() {
            is_new |= self.brokers.insert(wire.dialer.clone());
        } else {
            let client = (wire.target.clone(), wire.dialer.clone());
            if !self.clients.contains(&client) {
                self.clients.push(client);
                is_new = true;
            }
        }
        is_new
    }

    /// A client is gone, and needs no column any more.
    pub fn leave(&mut self, client: &Party) {
        self.clients.retain(|(_, it)| it != client);
    }

    /// From left to right, so that neighbours are those who speak with each other: brokers in the
    /// order of their names, each one's own clients beside it.
    #[must_use]
    pub fn list(&self) -> Vec<Party> {
        let mut columns: Vec<Party> = Vec::new();
        let count = self.brokers.len();
        for (at, broker) in self.brokers.iter().enumerate() {
            let mut own: Vec<Party> = Vec::new();
            for (_, client) in self.clients.iter().filter(|(target, _)| target == broker) {
                if !own.contains(client) && !columns.contains(client) {
                    own.push(client.clone());
                }
            }
            // The last broker's clients stand to its right; the first one's to its left, where there
            // are others, so that no arrow of a bridge crosses a client.
            let split = match (at, count) {
                (0, 1) => own.len().div_ceil(2).max(1),
                (0, _) => own.len(),
                (at, count) if at + 1 == count => 0,
                _ => own.len().div_ceil(2),
            };
            let right = own.split_off(split.min(own.len()));
            columns.extend(own);
            columns.push(broker.clone());
            columns.extend(right);
        }
        columns
    }
}

fn what(columns: &[Party], entry: &Entry) -> Option<What> {
    let place = |party: &Party| columns.iter().position(|it| it == party);
    let at = match &entry.event {
        Event::Packet(crossing) => {
            return Some(What::Arrow {
                from: place(crossing.from())?,
                to: place(crossing.to())?,
                text: crossing.words(),
                passage: crossing.passage,
                remark: remark(crossing),
            });
        }
        Event::Program { .. } => return None,
        Event::WireEnded { wire, .. } => place(&wire.dialer).min(place(&wire.target)),
        Event::Broker { board, .. }
        | Event::Power { board, .. }
        | Event::Disk { board, .. }
        | Event::EngineSays { board, .. }
        | Event::EngineDrops { board, .. } => place(&Party::Board(board.clone())),
        Event::Cable { .. }
        | Event::Asked { .. }
        | Event::Missed { .. }
        | Event::Fresh
        | Event::Note(_) => None,
    };
    Some(What::Line { at, text: entry.event.words(), is_fault: entry.event.is_deed() })
}
