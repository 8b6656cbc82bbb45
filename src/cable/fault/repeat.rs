//! Packets that come once more, as a sender repeats them that has heard no answer.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::cable::pick::Pick;
use crate::cable::rule::{Direction, Rule, Seen, Verdict};

/// Packets of so many connections and directions are remembered, the newest ones.
const REMEMBERED: usize = 256;

/// When a packet passes that is picked, the last packets of its connection come once more: PUBLISH
/// of QoS 1 and 2 with DUP, and PUBREL.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Repeat {
    /// How many, the one that is picked included.
    pub last: usize,
    /// When.
    pub after: Pick,
    /// The last such packets of each connection and direction.
    #[serde(skip)]
    recent: BTreeMap<(u64, Direction), VecDeque<Bytes>>,
}

impl Default for Repeat {
    fn default() -> Self {
        Self { last: 1, after: Pick::default(), recent: BTreeMap::new() }
    }
}

impl Repeat {
    /// The last so many packets, once the picked one passes.
    #[must_use]
    pub fn of(last: usize, after: Pick) -> Self {
        Self { last, after, ..Self::default() }
    }
}

impl Rule for Repeat {
    fn judge(&mut self, seen: &Seen<'_>) -> Verdict {
        let Some(repeated) = seen.frame.repeated() else { return Verdict::Pass };
        if self.recent.len() == REMEMBERED {
            self.recent.pop_first();
        }
        let recent = self.recent.entry((seen.line, seen.direction)).or_default();
        recent.push_back(repeated);
        while recent.len() > self.last.max(1) {
            recent.pop_front();
        }
        if !self.after.meets(seen) {
            return Verdict::Pass;
        }
        Verdict::Again(recent.iter().cloned().collect())
    }

    fn is_spent(&self) -> bool {
        self.after.is_spent()
    }
}

impl fmt::Display for Repeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.last {
            0 | 1 => write!(f, "repeat {}", self.after),
            last => write!(f, "repeat the last {last} packets after {}", self.after),
        }
    }
}
