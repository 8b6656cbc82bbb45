//! What a check finds: what is the matter, where, and what to do about it.

use std::fmt;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Something will be lost, doubled or open to strangers.
    Warning,
    /// It cannot work.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One thing that a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The check's id, which `twinboard check --explain` takes.
    pub id: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// The file, as its reader was told its name.
    pub file: String,
    /// The line, counted from 1; none where the file as a whole is meant.
    pub line: Option<usize>,
    /// What is the matter.
    pub what: String,
    /// What to do.
    pub cure: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file)?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}[{}]: {}", self.severity, self.id, self.what)
    }
}
