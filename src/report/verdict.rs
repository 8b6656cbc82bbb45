//! A verdict for terminals and for machines.

use std::fmt::Write;

use serde::Serialize;

use super::ladder;
use crate::lab::ladder::Ladder;
use crate::lab::verdict::{Counts, Kind, Verdict};

/// A verdict, its breaches as ladders.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerdictReport {
    /// Whether everything that was promised was kept.
    pub kept: bool,
    /// In numbers.
    pub counts: Counts,
    /// What was not kept.
    pub breaches: Vec<BreachReport>,
    /// What looks like a breach and is none.
    pub notes: Vec<String>,
}

/// A promise that was not kept.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BreachReport {
    /// Which.
    pub kind: Kind,
    /// What happened, as a sentence.
    pub what: String,
    /// The part of the trace that shows it.
    pub ladder: Ladder,
}

impl From<&Verdict> for VerdictReport {
    fn from(verdict: &Verdict) -> Self {
        let breaches = verdict.breaches.iter().map(|breach| BreachReport {
            kind: breach.kind,
            what: breach.what.clone(),
            ladder: Ladder::of(&breach.entries),
        });
        Self {
            kept: verdict.is_kept(),
            counts: verdict.counts,
            breaches: breaches.collect(),
            notes: verdict.notes.clone(),
        }
    }
}

impl VerdictReport {
    /// For a terminal: a line on what was promised, each breach with its ladder, and the notes.
    #[must_use]
    pub fn text(&self) -> String {
        self.text_within(None)
    }

    /// The same for a terminal with lines of so many letters.
    #[must_use]
    pub fn text_within(&self, width: Option<usize>) -> String {
        let mut text = String::new();
        let Counts { published, bridged, delivered, .. } = self.counts;
        let sum = format!("{published} published, {bridged} bridged, {delivered} delivered");
        if self.kept {
            writeln!(text, "  kept    every promise: {sum}").expect("a string takes all");
        } else {
            writeln!(text, "  broken  {}: {sum}", self.sum()).expect("a string takes all");
        }
        for breach in &self.breaches {
            writeln!(text, "\n  {}: {}", breach.kind, breach.what).expect("a string takes all");
            let width = width.map(|it| it.saturating_sub(2));
            for line in ladder::text_within(&breach.ladder, width).lines() {
                writeln!(text, "  {line}").expect("a string takes all");
            }
        }
        if !self.breaches.is_empty() {
            text.push('\n');
        }
        for note in &self.notes {
            writeln!(text, "  note    {note}").expect("a string takes all");
        }
        text
    }

    /// "2 lost, 1 doubled".
    fn sum(&self) -> String {
        let Counts { lost, doubled, reordered, forgot, looped, .. } = self.counts;
        let told = self.breaches.iter().filter(|it| it.kind > Kind::Loop).count();
        let told = u64::try_from(told).unwrap_or(u64::MAX);
        let all = [
            (lost, "lost"),
            (doubled, "doubled"),
            (reordered, "reordered"),
            (forgot, "sessions forgotten"),
            (looped, "went round"),
            (told, "other breaches"),
        ];
        let words = all.iter().filter(|(count, _)| *count > 0);
        words.map(|(count, word)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
    }
}
