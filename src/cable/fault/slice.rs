//! Small segments: a packet arrives in pieces, as TCP may cut any stream.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cable::rule::Rule;

/// So many bytes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Slice {
    /// Bytes of a piece; 0 counts as 1.
    pub bytes: usize,
}

impl Rule for Slice {
    fn piece_bytes(&self) -> Option<usize> {
        Some(self.bytes.max(1))
    }
}

impl fmt::Display for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "send {} bytes at once", self.bytes.max(1))
    }
}
