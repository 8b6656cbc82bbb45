//! A cable with the faults that are in force, and what is done to it.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::fault::{Cut, Fault, Kind, Silent};
use super::frame::Frame;
use super::rule::{Direction, Seen, Verdict};

/// How a cable looks from far away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum State {
    /// Packets pass, whatever else may happen to them.
    #[default]
    Whole,
    /// Cut, and both ends were told.
    Cut,
    /// Cut in one direction at least, and neither end was told.
    Silent,
}

/// What can be done to a cable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// A fault begins. One of the same kind and direction is replaced.
    Set(Fault),
    /// All faults of this kind end; see [`fault::NAMES`](super::fault::NAMES).
    Clear(String),
    /// So many of the packets that are held may go.
    Release {
        /// In this direction; both, where none is named.
        direction: Option<Direction>,
        /// How many in each.
        packets: u64,
    },
    /// All connections are reset, once.
    Reset,
    /// All faults end.
    Mend,
}

impl Deed {
    /// All connections are reset, and none begins until it is mended.
    #[must_use]
    pub fn cut() -> Self {
        Self::Set(Fault::both(Cut {}))
    }

    /// Nothing passes until it is mended, and nobody is told.
    #[must_use]
    pub fn cut_silently() -> Self {
        Self::Set(Fault::both(Silent {}))
    }
}

/// What becomes of one packet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fate {
    /// It does not leave before.
    pub not_before: Duration,
    /// How it ends.
    pub end: End,
    /// What comes after it.
    pub again: Vec<Bytes>,
    /// The faults that had a part in it, by their names.
    pub by: Vec<&'static str>,
}

/// How a packet ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum End {
    /// It arrives.
    #[default]
    Arrives,
    /// It arrives, and its connection is reset.
    ArrivesAndCuts,
    /// It goes nowhere.
    Dropped,
    /// It is lost with its connection.
    Cut,
}

/// A cable.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cable {
    faults: Vec<Fault>,
    cuts: u64,
}

impl Cable {
    /// The faults in force, in the order they were set.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Whether everything passes as it comes.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        self.faults.is_empty()
    }

    /// How it looks from far away.
    #[must_use]
    pub fn state(&self) -> State {
        let has = |is: fn(&Kind) -> bool| self.faults.iter().any(|fault| is(&fault.kind));
        if has(|kind| matches!(kind, Kind::Cut(_))) {
            State::Cut
        } else if has(|kind| matches!(kind, Kind::Silent(_))) {
            State::Silent
        } else {
            State::Whole
        }
    }

    /// How often all its connections were reset. One that began at another count was reset, even
    /// where the cable was mended before anybody looked.
    #[must_use]
    pub fn cuts(&self) -> u64 {
        self.cuts
    }

    /// Does something to it.
    pub fn apply(&mut self, deed: Deed) {
        match deed {
            Deed::Set(fault) => {
                self.cuts += u64::from(matches!(fault.kind, Kind::Cut(_)));
                let same = |it: &Fault| {
                    it.direction == fault.direction && it.kind.name() == fault.kind.name()
                };
                self.faults.retain(|it| !same(it));
                self.faults.push(fault);
            }
            Deed::Clear(name) => self.faults.retain(|it| it.kind.name() != name),
            Deed::Release { direction, packets } => self.release(direction, packets),
            Deed::Reset => self.cuts += 1,
            Deed::Mend => self.faults.clear(),
        }
    }

    fn release(&mut self, direction: Option<Direction>, packets: u64) {
        for fault in &mut self.faults {
            for way in Direction::BOTH {
                if let Kind::Hold(hold) = &mut fault.kind
                    && direction.is_none_or(|it| it == way)
                {
                    hold.release(way, packets);
                }
            }
        }
    }

    /// Whether the packet at the head of a lane must wait until the cable changes.
    #[must_use]
    pub fn holds(&self, direction: Direction, frame: Frame<'_>) -> bool {
        self.concerned(direction).any(|kind| kind.rule().holds(direction, frame))
    }

    /// Whether a goodbye, or a dial, gets through.
    #[must_use]
    pub fn tells(&self, direction: Direction) -> bool {
        !self.concerned(direction).any(|kind| matches!(kind, Kind::Silent(_)))
    }

    /// Judges a packet by all faults, in their order. The first that ends it is the last asked.
    pub fn judge(&mut self, seen: &Seen<'_>) -> Fate {
        let mut fate = Fate::default();
        for fault in self.faults.iter_mut().filter(|it| it.concerns(seen.direction)) {
            let verdict = fault.kind.rule_mut().judge(seen);
            if verdict != Verdict::Pass {
                fate.by.push(fault.kind.name());
            }
            match verdict {
                Verdict::Pass => {}
                Verdict::Delay(until) => fate.not_before = fate.not_before.max(until),
                Verdict::CutAfter => fate.end = End::ArrivesAndCuts,
                Verdict::Again(packets) => fate.again.extend(packets),
                Verdict::Drop => fate.end = End::Dropped,
                Verdict::CutBefore => fate.end = End::Cut,
            }
            if matches!(fate.end, End::Dropped | End::Cut) {
                break;
            }
        }
        self.faults.retain(|it| !it.kind.rule().is_spent());
        fate
    }

    /// A packet leaves.
    pub fn left(&mut self, direction: Direction) {
        for fault in self.faults.iter_mut().filter(|it| it.concerns(direction)) {
            fault.kind.rule_mut().left(direction);
        }
    }

    /// How many bytes are sent at once; none for as many as there are.
    #[must_use]
    pub fn piece_bytes(&self, direction: Direction) -> Option<usize> {
        self.concerned(direction).filter_map(|kind| kind.rule().piece_bytes()).min()
    }

    /// How long the end of a connection takes.
    #[must_use]
    pub fn close_delay(&self, direction: Direction) -> Duration {
        self.concerned(direction).map(|kind| kind.rule().close_delay()).sum()
    }

    fn concerned(&self, direction: Direction) -> impl Iterator<Item = &Kind> {
        self.faults.iter().filter(move |it| it.concerns(direction)).map(|it| &it.kind)
    }
}

/// "drop the next PUBREC (in)", "mend".
impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set(fault) => fault.fmt(f),
            Self::Clear(name) => write!(f, "no {name} any more"),
            Self::Release { direction, packets } => {
                let plural = if *packets == 1 { "" } else { "s" };
                write!(f, "let {packets} packet{plural} go")?;
                direction.map_or(Ok(()), |direction| write!(f, " ({direction})"))
            }
            Self::Reset => f.write_str("reset all connections"),
            Self::Mend => f.write_str("mend"),
        }
    }
}
