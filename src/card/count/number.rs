//! One counted message: `{"n": 17, "run": "3f9a07c1"}`, so that `mosquitto_sub` shows it as well.
//!
//! It knows nothing of who sends it or who counts it.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::card::payload::MAX_BYTES;

/// The largest number: what every reader of JSON keeps exactly.
pub const LARGEST: u64 = (1 << 53) - 1;
/// The longest name of a run, in characters.
const LONGEST_RUN: usize = 32;

/// The life of a counter's process, which begins with 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Run(Arc<str>);

impl Run {
    /// The run of a process whose `seed` no other process has.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        // Eight digits are read at a glance, and two runs of a thousand that share a name are one
        // case in ten thousand.
        Self(format!("{:08x}", seed & 0xffff_ffff).into())
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A number of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    /// Which, from 1.
    pub n: u64,
    /// Whose.
    pub run: Run,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    n: u64,
    run: String,
}

impl Number {
    /// The message.
    #[must_use]
    pub fn print(&self) -> Bytes {
        format!("{{\"n\": {}, \"run\": \"{}\"}}", self.n, self.run).into()
    }

    /// Reads a message.
    ///
    /// # Errors
    /// In words, why it is none.
    pub fn parse(payload: &[u8]) -> Result<Self, String> {
        if payload.is_empty() {
            return Err("it is empty: somebody cleared the retained message".to_owned());
        }
        if payload.len() > MAX_BYTES {
            let bytes = payload.len();
            return Err(format!("{bytes} bytes are too many, at most {MAX_BYTES} are read"));
        }
        let none = |why: &str| Err(format!("not a counted message: {why}"));
        let Ok(Raw { n, run }) = serde_json::from_slice(payload) else {
            return none("one is {\"n\": 17, \"run\": \"3f9a\"}");
        };
        if !(1..=LARGEST).contains(&n) {
            return none(&format!("n is 1 to {LARGEST}"));
        }
        let word = run.chars().all(|c| c.is_ascii_alphanumeric());
        if run.is_empty() || run.len() > LONGEST_RUN || !word {
            return none(&format!("a run's name is 1 to {LONGEST_RUN} letters and digits"));
        }
        Ok(Self { n, run: Run(run.into()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_again() {
        let number = Number { n: 17, run: Run::new(0xffff_0000_3f9a_07c1) };
        let text = number.print();
        assert_eq!(text, r#"{"n": 17, "run": "3f9a07c1"}"#);
        assert_eq!(Number::parse(&text), Ok(number));
    }

    #[test]
    fn what_is_no_number_says_why() {
        let check = |payload: &str, reason: &str| {
            let said = Number::parse(payload.as_bytes()).expect_err(payload);
            assert!(said.contains(reason), "{payload}: {said}");
            assert!(said.len() < 120, "{said:?} is too long for a window");
        };
        check("", "cleared the retained message");
        check("17", "one is {");
        check(r#"{"n": 1}"#, "one is {");
        check(r#"{"n": -1, "run": "a"}"#, "one is {");
        check(r#"{"n": 1, "run": "a", "x": 1}"#, "one is {");
        check(r#"{"n": 0, "run": "a"}"#, "n is 1 to");
        check(r#"{"n": 9007199254740992, "run": "a"}"#, "n is 1 to");
        check(r#"{"n": 1, "run": ""}"#, "letters and digits");
        check(r#"{"n": 1, "run": "a b"}"#, "letters and digits");
        check(&format!(r#"{{"n": 1, "run": "{}"}}"#, "a".repeat(33)), "letters and digits");
        check(&" ".repeat(MAX_BYTES + 1), "too many");
    }
}
