//! What a report tells of a run besides its verdict: what was done to it and when, and how long
//! deliveries took. It is given every entry, and its memory is bounded.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::command::{Action, DiskTrouble};
use super::ledger::{BridgeFacts, Ledger, Leg, Message};
use super::trace::{Crossing, Entry, Event, Passage, remark};
use crate::cable::{Deed, Kind};
use crate::mqtt::PacketKind;

/// So many marks are kept; the rest is counted.
const MARKS: usize = 2_000;

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Chronicle {
    ledger: Ledger,
    between: Option<(Duration, Duration)>,
    marks: Vec<Mark>,
    left_out: u64,
}

/// Something that was done, or that a fault did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// When.
    pub at: Duration,
    /// To what: a cable, a board, a program.
    pub who: String,
    /// In words.
    pub what: String,
    /// What it begins or ends.
    pub turn: Turn,
}

/// What a mark begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// From here on it is not as it should be.
    Breaks,
    /// From here on it is again.
    Heals,
    /// It was for this moment alone.
    Moment,
}

/// How long deliveries took, from the publisher's PUBLISH at its broker to the PUBLISH that arrived.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Timings {
    /// By where the messages entered and where they went, in order of names.
    pub ways: Vec<WayTimes>,
    /// All of them, from the shortest.
    #[serde(skip)]
    pub all: Vec<Duration>,
}

/// The deliveries of one way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WayTimes {
    /// The broker where they entered.
    pub from: String,
    /// The client that got them.
    pub to: String,
    /// The broker that it got them from.
    pub by: String,
    /// How many.
    pub count: usize,
    /// Half of them took no longer.
    pub median: Duration,
    /// Of a hundred, one took longer.
    pub p99: Duration,
    /// The longest.
    pub longest: Duration,
}

impl Chronicle {
    /// Of a system with these bridges.
    #[must_use]
    pub fn new(bridges: Vec<BridgeFacts>) -> Self {
        Self { ledger: Ledger::new(bridges), ..Self::default() }
    }

    /// Takes in the next entry.
    pub fn take(&mut self, entry: &Arc<Entry>) {
        self.ledger.take(entry);
        let (first, _) = self.between.unwrap_or((entry.at, entry.at));
        self.between = Some((first, entry.at));
        let Some((who, what, turn)) = mark(&entry.event) else { return };
        if self.marks.len() == MARKS {
            self.left_out += 1;
        } else {
            self.marks.push(Mark { at: entry.at, who, what, turn });
        }
    }

    /// Who owes what to whom.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The first entry's time and the last one's.
    #[must_use]
    pub fn between(&self) -> (Duration, Duration) {
        self.between.unwrap_or_default()
    }

    /// What was done, in order, and how much more there was.
    #[must_use]
    pub fn marks(&self) -> (&[Mark], u64) {
        (&self.marks, self.left_out)
    }

    /// How long the deliveries took that are remembered. What came from a broker's queue or store
    /// counts like the rest: that it waited is what a run wants to know.
    #[must_use]
    pub fn timings(&self) -> Timings {
        let mut ways: BTreeMap<(String, String, String), Vec<Duration>> = BTreeMap::new();
        for message in self.ledger.messages() {
            let Some(came) = self.first(message).came.first().map(|entry| entry.at) else {
                continue;
            };
            let from = self.first(message).at.to_string();
            for leg in message.legs.iter().filter(|leg| !self.is_bridge(leg)) {
                let Some(at) = arrived(leg) else { continue };
                let way = (from.clone(), leg.to.client.to_string(), message.at.to_string());
                ways.entry(way).or_default().push(at.saturating_sub(came));
            }
        }
        let mut all: Vec<Duration> = ways.values().flatten().copied().collect();
        all.sort_unstable();
        let ways = ways.into_iter().map(|((from, to, by), mut times)| {
            times.sort_unstable();
            let (median, p99) = (percentile(&times, 50), percentile(&times, 99));
            let longest = times.last().copied().unwrap_or_default();
            WayTimes { from, to, by, count: times.len(), median, p99, longest }
        });
        Timings { ways: ways.collect(), all }
    }

    /// The message as it entered from outside.
    fn first<'a>(&'a self, mut message: &'a Message) -> &'a Message {
        // A message that goes round has been at a broker before; a chain longer than this is one.
        for _ in 0..100 {
            match message.parent.and_then(|it| self.ledger.message(it)) {
                Some(parent) => message = parent,
                None => break,
            }
        }
        message
    }

    fn is_bridge(&self, leg: &Leg) -> bool {
        leg.child.is_some() || self.ledger.bridges().iter().any(|it| it.far(&leg.to).is_some())
    }
}

/// Of these times, from the shortest: so many of a hundred are no longer than this.
#[must_use]
pub fn percentile(times: &[Duration], of_100: usize) -> Duration {
    let rank = (times.len() * of_100).div_ceil(100).max(1);
    times.get(rank - 1).copied().unwrap_or_default()
}

/// When its PUBLISH first arrived.
fn arrived(leg: &Leg) -> Option<Duration> {
    leg.packets.iter().find(|entry| passed(entry)).map(|entry| entry.at)
}

fn passed(entry: &Entry) -> bool {
    let Event::Packet(crossing) = &entry.event else { return false };
    let is_publish = crossing.packet().is_some_and(|it| it.kind() == PacketKind::PUBLISH);
    is_publish && crossing.passage.arrived()
}

fn mark(event: &Event) -> Option<(String, String, Turn)> {
    let (who, what, turn) = match event {
        Event::Cable { cable, deed } => (cable.to_string(), deed.to_string(), deed_turn(deed)),
        Event::Power { board, on: false } => {
            (board.to_string(), "power off".to_owned(), Turn::Breaks)
        }
        Event::Power { board, on: true } => (board.to_string(), "power on".to_owned(), Turn::Heals),
        Event::Disk { board, trouble } => match trouble {
            None => (format!("{board}'s disk"), "works again".to_owned(), Turn::Heals),
            Some(DiskTrouble::Full) => (format!("{board}'s disk"), "full".to_owned(), Turn::Breaks),
            Some(DiskTrouble::Slow { ms }) => {
                (format!("{board}'s disk"), format!("{ms} ms slower"), Turn::Breaks)
            }
        },
        Event::Asked { what, action } => {
            let turn = match action {
                Action::Stop | Action::Kill | Action::Freeze => Turn::Breaks,
                Action::Start | Action::Thaw => Turn::Heals,
                Action::Restart => Turn::Moment,
            };
            (what.clone(), action.to_string(), turn)
        }
        Event::Packet(crossing) if is_met(crossing) => {
            let what = format!("{}: {}", crossing.words(), remark(crossing));
            (crossing.wire.cable.to_string(), what, Turn::Moment)
        }
        Event::Missed { packets } => {
            ("lab".to_owned(), format!("{packets} packets not seen"), Turn::Moment)
        }
        Event::Fresh => ("lab".to_owned(), "everything begins again".to_owned(), Turn::Moment),
        _ => return None,
    };
    Some((who, what, turn))
}

/// Whether a cable lost it, or cut behind it.
fn is_met(crossing: &Crossing) -> bool {
    crossing.passage != Passage::Arrived || crossing.repeated
}

/// A fault that is for a few packets has its effect when these come.
fn deed_turn(deed: &Deed) -> Turn {
    match deed {
        Deed::Set(fault) => match fault.kind {
            Kind::Drop(_) | Kind::CutBefore(_) | Kind::CutAfter(_) | Kind::Repeat(_) => {
                Turn::Moment
            }
            _ => Turn::Breaks,
        },
        Deed::Mend | Deed::Clear(_) => Turn::Heals,
        Deed::Release { .. } | Deed::Reset => Turn::Moment,
    }
}
