//! Connections that break now and then, by chance.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cable::random::Random;
use crate::cable::rule::{Rule, Seen, Verdict};

/// Each packet may be the one with which its connection is lost.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Lose {
    /// How likely: 0 for never, 1 for always.
    pub chance: f64,
    /// What the draws begin from.
    #[serde(default)]
    pub seed: Random,
}

impl Rule for Lose {
    fn judge(&mut self, _seen: &Seen<'_>) -> Verdict {
        if self.seed.fraction() < self.chance { Verdict::CutBefore } else { Verdict::Pass }
    }
}

impl fmt::Display for Lose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lose a connection with {} % of the packets", self.chance * 100.0)
    }
}
