//! What the linter found, as text and as JSON.

use std::fmt::Write;

use serde::Serialize;

use crate::lint::{Finding, Severity, explain};

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingReport {
    /// The check's id.
    pub id: &'static str,
    /// `error`, `warning` or `note`.
    pub severity: String,
    /// The file.
    pub file: String,
    /// The line, counted from 1; none where the file as a whole is meant.
    pub line: Option<usize>,
    /// What is the matter.
    pub what: String,
    /// Why it matters.
    pub why: &'static str,
    /// What to do.
    pub cure: String,
}

impl From<&Finding> for FindingReport {
    fn from(finding: &Finding) -> Self {
        Self {
            id: finding.id,
            severity: finding.severity.to_string(),
            file: finding.file.clone(),
            line: finding.line,
            what: finding.what.clone(),
            why: explain(finding.id).map_or("", |check| check.why),
            cure: finding.cure.clone(),
        }
    }
}

/// Findings for a terminal, and how many there are in so many files.
#[must_use]
pub fn text(findings: &[Finding], files: usize) -> String {
    let mut text = String::new();
    for finding in findings {
        // Writing to a string cannot fail.
        writeln!(text, "{finding}\n    cure: {}", finding.cure).expect("a string takes all");
    }
    let files = count(files, "file");
    let end = match findings.first() {
        None => format!("nothing found in {files}\n"),
        Some(first) => format!(
            "{} in {files}; `twinboard check --explain {}` says why it matters\n",
            counts(findings),
            first.id
        ),
    };
    text + &end
}

/// Findings for machines.
///
/// # Panics
/// Never: all keys are text.
#[must_use]
pub fn json(findings: &[Finding]) -> String {
    let all: Vec<_> = findings.iter().map(FindingReport::from).collect();
    serde_json::to_string_pretty(&all).expect("all keys are text") + "\n"
}

/// One line for whoever starts something that has this finding.
#[must_use]
pub fn line(finding: &Finding) -> String {
    format!("{finding} (`twinboard check --explain {}`)", finding.id)
}

/// How many there are of each severity: `1 error, 2 warnings`.
fn counts(findings: &[Finding]) -> String {
    let kinds = [Severity::Error, Severity::Warning, Severity::Note];
    let some = kinds.iter().filter_map(|kind| {
        let number = findings.iter().filter(|it| it.severity == *kind).count();
        (number > 0).then(|| count(number, &kind.to_string()))
    });
    some.collect::<Vec<_>>().join(", ")
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(severity: Severity, line: Option<usize>) -> Finding {
        let (what, cure) = ("it goes round".to_owned(), "stop it".to_owned());
        Finding { id: "loop", severity, file: "a.conf".to_owned(), line, what, cure }
    }

    #[test]
    fn text_counts_what_it_says() {
        let warning = finding(Severity::Warning, None);
        let found = [finding(Severity::Error, Some(3)), warning.clone(), warning];
        assert_eq!(
            text(&found, 1),
            "a.conf:3: error[loop]: it goes round\n    cure: stop it\n\
             a.conf: warning[loop]: it goes round\n    cure: stop it\n\
             a.conf: warning[loop]: it goes round\n    cure: stop it\n\
             1 error, 2 warnings in 1 file; `twinboard check --explain loop` says why it matters\n"
        );
        assert_eq!(text(&[], 2), "nothing found in 2 files\n");
        assert_eq!(
            line(&found[0]),
            "a.conf:3: error[loop]: it goes round (`twinboard check --explain loop`)"
        );
    }

    #[test]
    fn json_has_all_of_it() {
        let json = json(&[finding(Severity::Error, Some(3))]);
        let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        for (key, expected) in [("id", "loop"), ("severity", "error"), ("cure", "stop it")] {
            assert_eq!(json[0][key], expected);
        }
        assert_eq!(json[0]["line"], 3);
        assert!(json[0]["why"].as_str().is_some_and(|why| why.len() > 100));
    }
}
