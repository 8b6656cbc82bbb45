//! A connection that is reset right before or right after a packet: every cut point of a handshake.
//! The cable itself stays whole, so the next connection passes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cable::pick::Pick;
use crate::cable::rule::{Rule, Seen, Verdict};

/// The packet that is picked is lost with its connection.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub struct CutBefore(Pick);

/// The packet that is picked arrives, and nothing after it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub struct CutAfter(Pick);

impl CutBefore {
    /// Cuts before these.
    #[must_use]
    pub fn of(pick: Pick) -> Self {
        Self(pick)
    }
}

impl CutAfter {
    /// Cuts after these.
    #[must_use]
    pub fn of(pick: Pick) -> Self {
        Self(pick)
    }
}

impl Rule for CutBefore {
    fn judge(&mut self, seen: &Seen<'_>) -> Verdict {
        if self.0.meets(seen) { Verdict::CutBefore } else { Verdict::Pass }
    }

    fn is_spent(&self) -> bool {
        self.0.is_spent()
    }
}

impl Rule for CutAfter {
    fn judge(&mut self, seen: &Seen<'_>) -> Verdict {
        if self.0.meets(seen) { Verdict::CutAfter } else { Verdict::Pass }
    }

    fn is_spent(&self) -> bool {
        self.0.is_spent()
    }
}

impl fmt::Display for CutBefore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cut before {}", self.0)
    }
}

impl fmt::Display for CutAfter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cut after {}", self.0)
    }
}
