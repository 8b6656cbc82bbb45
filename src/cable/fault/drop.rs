//! Packets that go nowhere while the connection lives. MQTT sends nothing again on a living
//! connection [MQTT-4.4.0-1], so a handshake may stall until it ends.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cable::pick::Pick;
use crate::cable::rule::{Rule, Seen, Verdict};

/// Drops the packets that are picked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Drop(Pick);

impl Drop {
    /// Drops these.
    #[must_use]
    pub fn of(pick: Pick) -> Self {
        Self(pick)
    }
}

impl Rule for Drop {
    fn judge(&mut self, seen: &Seen<'_>) -> Verdict {
        if self.0.meets(seen) { Verdict::Drop } else { Verdict::Pass }
    }

    fn is_spent(&self) -> bool {
        self.0.is_spent()
    }
}

impl fmt::Display for Drop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "drop {}", self.0)
    }
}
