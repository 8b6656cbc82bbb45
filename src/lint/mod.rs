//! The linter: what conf files that belong together will do that their authors may not want.
//!
//! ```text
//! System (conf files, their programs) ---> each Check in turn ---> Findings (file, line, cure)
//! ```
//!
//! A check has a file in `checks`, an id that is its name, and a line in [`CHECKS`]. It says what can
//! be proved from the files, and how sure that is by its severity. It reads no files and knows no
//! world: whoever has a scenario makes a [`System`] of it.

mod checks;
pub mod finding;
#[cfg(test)]
pub(crate) mod fixtures;
mod flow;
mod graph;
mod search;
pub mod system;
#[cfg(test)]
mod tests;

pub use checks::CHECKS;
pub use finding::{Finding, Severity};
pub use system::{Client, Node, System};

/// Something that is looked for.
#[derive(Debug)]
pub struct Check {
    /// Its name, in lower case with hyphens.
    pub id: &'static str,
    /// What it looks for, in one line.
    pub about: &'static str,
    /// Why that matters, in a paragraph or more.
    pub why: &'static str,
    /// Looks for it.
    pub find: fn(&System) -> Vec<Finding>,
}

/// Everything that all checks find: the worst first, then by file and line.
#[must_use]
pub fn check(system: &System) -> Vec<Finding> {
    let mut findings: Vec<_> = CHECKS.iter().flat_map(|check| (check.find)(system)).collect();
    findings.sort_by(|one, other| {
        let key = |it: &Finding| (std::cmp::Reverse(it.severity), it.file.clone(), it.line);
        key(one).cmp(&key(other))
    });
    findings
}

/// The check of that id.
#[must_use]
pub fn explain(id: &str) -> Option<&'static Check> {
    CHECKS.iter().find(|check| check.id == id).copied()
}
