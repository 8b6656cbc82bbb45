//! A slow cable: a packet arrives when its last byte could have.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cable::rule::{Rule, Seen, Verdict};

/// So many bytes a second, for all connections together; each direction has as much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Bandwidth {
    /// Bytes a second; 0 counts as 1.
    pub bytes_per_s: u64,
    /// When the last byte of what was judged is through: out, in.
    #[serde(skip)]
    busy_until: [Duration; 2],
}

impl Bandwidth {
    /// So many bytes a second.
    #[must_use]
    pub fn new(bytes_per_s: u64) -> Self {
        Self { bytes_per_s, busy_until: [Duration::ZERO; 2] }
    }
}

impl Rule for Bandwidth {
    fn judge(&mut self, seen: &Seen<'_>) -> Verdict {
        let bytes = u64::try_from(seen.frame.bytes().len()).unwrap_or(u64::MAX);
        let nanos = bytes.saturating_mul(1_000_000_000) / self.bytes_per_s.max(1);
        let busy_until = &mut self.busy_until[seen.direction as usize];
        *busy_until = (*busy_until).max(seen.arrived) + Duration::from_nanos(nanos);
        Verdict::Delay(*busy_until)
    }
}

impl fmt::Display for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "let {} bytes pass a second", self.bytes_per_s)
    }
}
