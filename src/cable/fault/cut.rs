//! A cut cable: every connection is reset, and none begins.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cable::rule::{Rule, Seen, Verdict};

/// Both ends notice at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Cut {}

impl Rule for Cut {
    fn judge(&mut self, _seen: &Seen<'_>) -> Verdict {
        Verdict::CutBefore
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cut")
    }
}
