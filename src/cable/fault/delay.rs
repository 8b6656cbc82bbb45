//! Packets arrive later. The order stays.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cable::random::Random;
use crate::cable::rule::{Rule, Seen, Verdict};

/// Delays every packet, by a time that may differ from packet to packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Delay {
    /// By how much.
    pub ms: u64,
    /// Give or take so much, drawn evenly.
    #[serde(default)]
    pub jitter_ms: u64,
    /// What the draws begin from.
    #[serde(default)]
    pub seed: Random,
}

impl Rule for Delay {
    fn judge(&mut self, seen: &Seen<'_>) -> Verdict {
        let jitter = Duration::from_millis(self.jitter_ms).mul_f64(2.0 * self.seed.fraction());
        let delay = Duration::from_millis(self.ms) + jitter;
        let delay = delay.saturating_sub(Duration::from_millis(self.jitter_ms));
        Verdict::Delay(seen.arrived + delay)
    }
}

impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "delay packets by {} ms", self.ms)?;
        match self.jitter_ms {
            0 => Ok(()),
            jitter => write!(f, ", give or take {jitter} ms"),
        }
    }
}
