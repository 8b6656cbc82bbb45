//! The kinds of breach: a scenario may expect them, and a verdict finds them. It knows their names,
//! and not how they are found.

use std::fmt;

use serde::Serialize;

/// A kind of promise that is not kept, the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BreachKind {
    /// A message did not come.
    Lost,
    /// One came more than once.
    Doubled,
    /// One came behind another that was published after it.
    Reordered,
    /// A broker does not know a session that it had promised to keep.
    Forgot,
    /// A message goes round without an end.
    Loop,
    /// Two ends of a bridge retain different messages.
    Disagree,
    /// A window shows another state than the board.
    Shows,
    /// A program claims what nobody acknowledged.
    Claims,
    /// Somebody does what the standard forbids.
    Conduct,
}

impl BreachKind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Lost,
        Self::Doubled,
        Self::Reordered,
        Self::Forgot,
        Self::Loop,
        Self::Disagree,
        Self::Shows,
        Self::Claims,
        Self::Conduct,
    ];

    /// Its name in files and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Doubled => "doubled",
            Self::Reordered => "reordered",
            Self::Forgot => "forgot",
            Self::Loop => "loop",
            Self::Disagree => "disagree",
            Self::Shows => "shows",
            Self::Claims => "claims",
            Self::Conduct => "conduct",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for BreachKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lost => "a message is lost",
            Self::Doubled => "a message is doubled",
            Self::Reordered => "a message is reordered",
            Self::Forgot => "a broker forgets a session",
            Self::Loop => "a message goes round",
            Self::Disagree => "the ends of a bridge disagree",
            Self::Shows => "a window shows what is not so",
            Self::Claims => "a program claims what nobody acknowledged",
            Self::Conduct => "somebody does what the standard forbids",
        })
    }
}
