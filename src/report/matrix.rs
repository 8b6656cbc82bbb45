//! What came of the trials: a table of engines, and a ladder for each failure.

use std::fmt::Write;

use serde::Serialize;

use super::verdict::BreachReport;
use super::{VerdictReport, ladder};
use crate::lab::verdict::Counts;

/// All trials on all engines.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MatrixReport {
    /// The engines, with their versions.
    pub engines: Vec<String>,
    /// The trials, in their order.
    pub trials: Vec<TrialReport>,
}

/// One trial on all engines.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrialReport {
    /// Which.
    pub name: String,
    /// What came of it, in the order of the engines.
    pub outcomes: Vec<Outcome>,
}

/// What came of a trial on one engine.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// It ran.
    Ran {
        /// What was promised, and whether it was kept.
        verdict: Box<VerdictReport>,
        /// The step that did not come true in time; none where all did.
        stuck: Option<String>,
    },
    /// The engine cannot do what the trial asks, or is not installed.
    Cannot {
        /// Why, in words.
        why: String,
    },
}

impl Outcome {
    /// "kept", "2 lost, 1 doubled", "40 refused", "stuck", "cannot".
    #[must_use]
    pub fn word(&self) -> String {
        let Self::Ran { verdict, stuck } = self else { return "cannot".to_owned() };
        let Counts { lost, doubled, reordered, forgot, over_limit, .. } = verdict.counts;
        let other = verdict.breaches.iter().filter(|it| it.is_other()).count();
        let told = [
            (lost, "lost"),
            (doubled, "doubled"),
            (reordered, "reordered"),
            (forgot, "forgot"),
            (u64::try_from(other).unwrap_or(u64::MAX), "disagree"),
            (over_limit, "refused"),
        ];
        let told = told.iter().filter(|(count, _)| *count > 0);
        let words: Vec<String> = told.map(|(count, word)| format!("{count} {word}")).collect();
        match (words.is_empty(), stuck) {
            (false, _) => words.join(", "),
            (true, Some(_)) => "stuck".to_owned(),
            (true, None) => "kept".to_owned(),
        }
    }

    /// Whether every promise was kept and all came in time. What a full queue refused was not
    /// promised.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        matches!(self, Self::Ran { verdict, stuck: None } if verdict.kept)
    }
}

impl BreachReport {
    fn is_other(&self) -> bool {
        use crate::conf::scenario::BreachKind::{Claims, Conduct, Disagree, Loop, Shows};
        matches!(self.kind, Disagree | Shows | Claims | Loop | Conduct)
    }
}

impl MatrixReport {
    /// How many trials each engine kept.
    fn sums(&self) -> Vec<String> {
        let kept = |at: usize| self.trials.iter().filter(|it| it.outcomes[at].is_kept()).count();
        (0..self.engines.len()).map(|at| format!("{} of {}", kept(at), self.trials.len())).collect()
    }

    fn rows(&self) -> Vec<Vec<String>> {
        let head = [String::from("trial")].into_iter().chain(self.engines.iter().cloned());
        let mut rows = vec![head.collect::<Vec<_>>()];
        for trial in &self.trials {
            let outcomes = trial.outcomes.iter().map(Outcome::word);
            rows.push([trial.name.clone()].into_iter().chain(outcomes).collect());
        }
        rows.push([String::from("kept")].into_iter().chain(self.sums()).collect());
        rows
    }

    /// A table for a terminal, and each failure with its ladder.
    #[must_use]
    pub fn text(&self) -> String {
        let rows = self.rows();
        let widths: Vec<usize> = (0..=self.engines.len())
            .map(|at| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0))
            .collect();
        let mut text = String::new();
        for row in &rows {
            let cells: Vec<String> =
                row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
            writeln!(text, "{}", cells.join("  ").trim_end()).expect("a string takes all");
        }
        for trial in &self.trials {
            for (engine, outcome) in self.engines.iter().zip(&trial.outcomes) {
                text.push_str(&failure(&trial.name, engine, outcome));
            }
        }
        text
    }

    /// The table alone, in Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        for (at, row) in self.rows().iter().enumerate() {
            writeln!(text, "| {} |", row.join(" | ")).expect("a string takes all");
            if at == 0 {
                let rule = vec!["---"; row.len()].join(" | ");
                writeln!(text, "| {rule} |").expect("a string takes all");
            }
        }
        text
    }

    /// All of it for machines.
    ///
    /// # Panics
    /// Never: all keys are text.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("all keys are text")
    }
}

/// What went wrong, with the ladder of the first breach. Empty where nothing did.
fn failure(trial: &str, engine: &str, outcome: &Outcome) -> String {
    let mut text = String::new();
    match outcome {
        Outcome::Cannot { why } => {
            writeln!(text, "\n{trial}, {engine}: {why}").expect("a string takes all");
        }
        Outcome::Ran { .. } if outcome.is_kept() => {}
        Outcome::Ran { verdict, stuck } => {
            writeln!(text, "\n{trial}, {engine}: {}", outcome.word()).expect("a string takes all");
            if let Some(stuck) = stuck {
                writeln!(text, "  {stuck}").expect("a string takes all");
            }
            if let Some(breach) = verdict.breaches.first() {
                writeln!(text, "  {}", breach.what).expect("a string takes all");
                for line in ladder::text(&breach.ladder).lines() {
                    writeln!(text, "  {line}").expect("a string takes all");
                }
            }
        }
    }
    text
}
