//! The breaches that a scenario may expect: it knows their names, and not how they are found.

use std::fmt;

/// A kind of promise that is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Breach {
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
}

impl Breach {
    /// All of them, with their names in a file.
    pub const ALL: [(&str, Self); 8] = [
        ("lost", Self::Lost),
        ("doubled", Self::Doubled),
        ("reordered", Self::Reordered),
        ("forgot", Self::Forgot),
        ("loop", Self::Loop),
        ("disagree", Self::Disagree),
        ("shows", Self::Shows),
        ("claims", Self::Claims),
    ];

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(it, _)| *it == name).map(|(_, kind)| *kind)
    }
}

impl fmt::Display for Breach {
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
        })
    }
}
