//! A verdict for terminals and for machines.

use std::fmt::Write;

use serde::Serialize;

use super::{ExpectationReport, ladder};
use crate::conf::scenario::BreachKind;
use crate::lab::ladder::Ladder;
use crate::lab::verdict::{Counts, Verdict};

/// A verdict, its breaches as ladders.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerdictReport {
    /// Whether everything that was promised was kept.
    pub kept: bool,
    /// Whether nothing was broken but what the scenario expects to be.
    pub as_expected: bool,
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
    pub kind: BreachKind,
    /// Whether the scenario shows it on purpose.
    pub expected: bool,
    /// What happened, as a sentence.
    pub what: String,
    /// The part of the trace that shows it.
    pub ladder: Ladder,
}

impl From<&Verdict> for VerdictReport {
    fn from(verdict: &Verdict) -> Self {
        let breaches = verdict.breaches.iter().map(|breach| BreachReport {
            kind: breach.kind,
            expected: false,
            what: breach.what.clone(),
            ladder: Ladder::of(&breach.entries),
        });
        Self {
            kept: verdict.is_kept(),
            as_expected: verdict.is_kept(),
            counts: verdict.counts,
            breaches: breaches.collect(),
            notes: verdict.notes.clone(),
        }
    }
}

impl VerdictReport {
    /// The same for a scenario that shows such breaches on purpose.
    #[must_use]
    pub fn expecting(mut self, kinds: &[BreachKind]) -> Self {
        for breach in &mut self.breaches {
            breach.expected = kinds.contains(&breach.kind);
        }
        self.as_expected = self.breaches.iter().all(|it| it.expected);
        self
    }

    /// Whether a breach of an expected kind was found.
    #[must_use]
    pub fn expectation(&self, expected: BreachKind) -> ExpectationReport {
        let kept = self.breaches.iter().any(|it| it.kind == expected);
        let why = (!kept).then(|| "nothing of the kind was found".to_owned());
        ExpectationReport { what: expected.to_string(), kept, why }
    }

    /// How many breaches more there were of the kinds of which only the first are told.
    #[must_use]
    pub fn untold(&self) -> Option<String> {
        use BreachKind::{Doubled, Forgot, Lost, Reordered};
        let Counts { lost, doubled, reordered, forgot, .. } = self.counts;
        let counted = [(lost, Lost), (doubled, Doubled), (reordered, Reordered), (forgot, Forgot)];
        let more = counted.into_iter().filter_map(|(count, kind)| {
            let told = self.breaches.iter().filter(|it| it.kind == kind).count();
            let more = count.saturating_sub(u64::try_from(told).unwrap_or(u64::MAX));
            (more > 0).then(|| format!("{more} more {}", kind.name()))
        });
        let more: Vec<_> = more.collect();
        (!more.is_empty()).then(|| format!("… and {}", more.join(", ")))
    }

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
            let expected = as_expected(self.as_expected);
            writeln!(text, "  broken  {}{expected}: {sum}", self.sum())
                .expect("a string takes all");
        }
        for breach in &self.breaches {
            let (kind, expected) = (breach.kind.name(), as_expected(breach.expected));
            writeln!(text, "\n  {kind}{expected}: {}", breach.what).expect("a string takes all");
            let width = width.map(|it| it.saturating_sub(2));
            for line in ladder::text_within(&breach.ladder, width).lines() {
                writeln!(text, "  {line}").expect("a string takes all");
            }
        }
        if let Some(untold) = self.untold() {
            writeln!(text, "\n  {untold}").expect("a string takes all");
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
        let told = self.breaches.iter().filter(|it| it.kind > BreachKind::Loop).count();
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

/// What is added where something is shown on purpose.
pub(super) fn as_expected(expected: bool) -> &'static str {
    if expected { ", as expected" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::verdict::Breach;

    #[test]
    fn what_is_expected_fails_no_run() {
        let breach = |kind| Breach { kind, what: "so it was".to_owned(), entries: Vec::new() };
        let of = |kinds: &[BreachKind]| {
            let breaches = kinds.iter().map(|kind| breach(*kind)).collect();
            let counts = Counts { lost: 1, ..Counts::default() };
            VerdictReport::from(&Verdict { counts, breaches, ..Verdict::default() })
        };
        let lost = [BreachKind::Lost];
        let check = |found: &[BreachKind], expected: &[BreachKind], passes: bool, met: bool| {
            let report = of(found).expecting(expected);
            let all = expected.iter().all(|kind| report.expectation(*kind).kept);
            assert_eq!((report.as_expected, all), (passes, met), "{found:?}, {expected:?}");
            assert_eq!(report.kept, found.is_empty());
        };
        check(&[], &[], true, true);
        check(&[], &lost, true, false);
        check(&[BreachKind::Lost], &[], false, true);
        check(&[BreachKind::Lost, BreachKind::Lost], &lost, true, true);
        check(&[BreachKind::Lost, BreachKind::Forgot], &lost, false, true);
        check(&[BreachKind::Lost, BreachKind::Forgot], &[lost[0], BreachKind::Forgot], true, true);
        let text = of(&[BreachKind::Lost]).expecting(&lost).text();
        assert!(text.contains("  broken  1 lost, as expected: 0 published"), "{text}");
        assert!(text.contains("\n  lost, as expected: so it was\n"), "{text}");
        assert_eq!(of(&[BreachKind::Lost]).untold(), None);
        assert_eq!(of(&[]).untold().as_deref(), Some("… and 1 more lost"));
    }
}
