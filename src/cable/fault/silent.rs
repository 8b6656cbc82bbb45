//! A silent cut: a black hole. Neither end is told, and what each believes goes on until its
//! keep-alive runs out. What is sent meanwhile waits, as TCP's repeats would let it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cable::frame::Frame;
use crate::cable::rule::{Direction, Rule};

/// Nothing passes, goodbyes and resets included; a connection that is dialled hangs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Silent {}

impl Rule for Silent {
    fn holds(&self, _direction: Direction, _frame: Frame<'_>) -> bool {
        true
    }
}

impl fmt::Display for Silent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("let nothing pass and tell nobody")
    }
}
