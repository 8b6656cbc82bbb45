//! What is wrong with a file, said so that its author can mend it at once.
//!
//! ```text
//! board2.conf:7: `adress` is an option that neither mosquitto nor Twinboard knows
//!     adress localhost:1883
//!     help: did you mean `address`?
//! ```

use std::fmt;

use thiserror::Error;

/// What sort of mistake it is, for those who treat them differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// The file does not say what it must, or says what cannot be.
    #[default]
    Wrong,
    /// Mosquitto takes it, and Twinboard does not yet.
    Unsupported,
    /// An empty pattern without the two prefixes that it needs.
    EmptyPattern,
}

/// One thing that is wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// What sort of mistake it is.
    pub sort: Sort,
    /// The file, as its reader was told its name.
    pub file: String,
    /// The line, counted from 1; none where the file as a whole is meant.
    pub line: Option<usize>,
    /// The text of that line, without the spaces around it.
    pub text: String,
    /// What is wrong.
    pub what: String,
    /// What to do, where that does not go without saying.
    pub help: Option<String>,
}

impl Mistake {
    /// A mistake that belongs to no single line.
    #[must_use]
    pub fn of_file(file: &str, what: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            sort: Sort::Wrong,
            file: file.to_owned(),
            line: None,
            text: String::new(),
            what: what.into(),
            help: Some(help.into()),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file)?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}", self.what)?;
        if !self.text.is_empty() {
            write!(f, "\n    {}", self.text)?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n    help: {help}")?;
        }
        Ok(())
    }
}

/// Everything that is wrong with a file or a scenario's folder: at least one mistake, in the order
/// of the lines.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", .mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfError {
    /// What is wrong.
    pub mistakes: Vec<Mistake>,
}

impl From<Mistake> for ConfError {
    fn from(mistake: Mistake) -> Self {
        Self { mistakes: vec![mistake] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_like_a_compiler() {
        let first = Mistake {
            sort: Sort::Wrong,
            file: "a.conf".to_owned(),
            line: Some(7),
            text: "adress x".to_owned(),
            what: "no such option".to_owned(),
            help: Some("did you mean `address`?".to_owned()),
        };
        let second = Mistake::of_file("b.conf", "it is not there", "write it");
        let error = ConfError { mistakes: vec![first, second] };
        let expected = "a.conf:7: no such option\n    adress x\n    help: did you mean `address`?\n\
                        b.conf: it is not there\n    help: write it";
        assert_eq!(error.to_string(), expected);
    }
}
