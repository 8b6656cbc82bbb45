//! A connection whose end takes long: one side has closed it, the other does not know yet.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cable::rule::Rule;

/// The end of a connection arrives later; packets do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SlowClose {
    /// By how much.
    pub ms: u64,
}

impl Rule for SlowClose {
    fn close_delay(&self) -> Duration {
        Duration::from_millis(self.ms)
    }
}

impl fmt::Display for SlowClose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "let the end of a connection arrive {} ms later", self.ms)
    }
}
