//! What a run comes to, and what the linter found: for terminals, machines, browsers, Wireshark.

pub mod detail;
mod escape;
pub mod findings;
#[cfg(test)]
mod fixtures;
pub mod html;
pub mod jsonl;
pub mod junit;
pub mod ladder;
pub mod line;
pub mod matrix;
pub mod passport;
pub mod pcapng;
pub mod recorder;
pub mod verdict;

use std::fmt::Write;

use serde::Serialize;

use detail::Detail;
use findings::FindingReport;
pub use verdict::VerdictReport;

/// The outcome of a scenario's run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The scenario's short name.
    pub scenario: String,
    /// Whether every step was done and every expectation kept.
    pub passed: bool,
    /// Seconds from the start to the verdict.
    pub seconds: f64,
    /// What the linter says of the scenario's files.
    pub findings: Vec<FindingReport>,
    /// The steps that were taken.
    pub steps: Vec<StepReport>,
    /// The expectations.
    pub expectations: Vec<ExpectationReport>,
    /// What was promised, and whether it was kept.
    pub verdict: VerdictReport,
    /// More, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Detail>,
}

/// A step of the script.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepReport {
    /// Counted from 1.
    pub number: usize,
    /// What was done, in words.
    pub what: String,
    /// Seconds since the start.
    pub at_seconds: f64,
    /// Why it failed; none when it did not.
    pub failed: Option<String>,
}

/// An expectation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExpectationReport {
    /// What was expected, in words.
    pub what: String,
    /// Whether it held at the end.
    pub kept: bool,
    /// What stood against it; none when it held.
    pub why: Option<String>,
}

impl Report {
    /// A table for a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        self.text_within(None)
    }

    /// The same for a terminal with lines of so many letters.
    #[must_use]
    pub fn text_within(&self, width: Option<usize>) -> String {
        let columns = width;
        let mut text = String::new();
        let width = self.expectations.iter().map(|it| it.what.chars().count()).max().unwrap_or(0);
        for it in &self.expectations {
            let verdict = if it.kept { "kept" } else { "broken" };
            let why = it.why.as_deref().unwrap_or_default();
            let line = format!("  {verdict:6}  {:width$}  {why}", it.what);
            // Writing to a string cannot fail.
            writeln!(text, "{}", line.trim_end()).expect("a string takes all");
        }
        text.push_str(&self.verdict.text_within(columns));
        let kept = self.expectations.iter().filter(|it| it.kept).count();
        let all = self.expectations.len();
        let failed = self.steps.iter().filter_map(|it| it.failed.as_ref()).count();
        let steps = match failed {
            0 => format!("{} steps done", self.steps.len()),
            _ => format!("the script stopped at step {}", self.steps.len()),
        };
        let verdict = if self.passed { "PASSED" } else { "FAILED" };
        let (name, seconds) = (&self.scenario, self.seconds);
        writeln!(
            text,
            "{verdict}: {name}, {steps}, {kept} of {all} expectations kept, {seconds:.1} s"
        )
        .expect("a string takes all");
        text
    }

    /// The same for machines.
    ///
    /// # Panics
    /// Never: all keys are text.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("all keys are text")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::verdict::Verdict;

    fn report(kept: bool) -> Report {
        Report {
            scenario: "dual-board".to_owned(),
            passed: kept,
            seconds: 1.25,
            findings: Vec::new(),
            steps: vec![StepReport {
                number: 1,
                what: "toggle".to_owned(),
                at_seconds: 0.5,
                failed: None,
            }],
            expectations: vec![ExpectationReport {
                what: "all agree".to_owned(),
                kept,
                why: (!kept).then(|| "one does not".to_owned()),
            }],
            verdict: VerdictReport::from(&Verdict::default()),
            detail: None,
        }
    }

    #[test]
    fn text_says_what_was_kept() {
        let good = "  kept    all agree\n\
                    \x20 kept    every promise: 0 published, 0 bridged, 0 delivered\n\
                    PASSED: dual-board, 1 steps done, 1 of 1 expectations kept, 1.2 s\n";
        assert_eq!(report(true).text(), good);
        let bad = report(false).text();
        assert!(bad.contains("broken  all agree  one does not"), "{bad}");
        assert!(bad.contains("FAILED"), "{bad}");
    }

    #[test]
    fn json_has_all_of_it() {
        let json: serde_json::Value = serde_json::from_str(&report(false).json()).expect("JSON");
        assert_eq!(json["passed"], false);
        assert_eq!(json["expectations"][0]["why"], "one does not");
        assert_eq!(json["steps"][0]["number"], 1);
    }
}
