//! A scenario played in a world of either kind, told as it goes, and reported.

use std::time::Duration;

use crate::conf::scenario::{BreachKind, Expectation, Step};
use crate::lab::explore::Attempt;
use crate::lab::plan::Plan;
use crate::lab::snapshot::Run as Runs;
use crate::lab::stage::{Player, Stage};
use crate::report::{ExpectationReport, Report, StepReport, VerdictReport};

/// See the module.
pub(super) struct Performance<'a, S: Stage> {
    /// Plays.
    pub(super) player: Player<'a, S>,
    /// The steps that were taken.
    pub(super) taken: Vec<StepReport>,
    began: Duration,
    /// Whether steps are told on standard error.
    tells: bool,
}

impl<'a, S: Stage> Performance<'a, S> {
    /// In a world that has begun; steps are told on standard error, where `tells`.
    ///
    /// # Errors
    /// When it shows nothing of itself.
    pub(super) fn begin(stage: &'a mut S, tells: bool) -> Result<Self, S::Error> {
        let began = stage.now();
        Ok(Self { player: Player::new(stage)?, taken: Vec::new(), began, tells })
    }

    /// Why the scenario cannot be played at all.
    pub(super) fn cannot_start(&self) -> Option<String> {
        self.player.seen.boards.iter().find_map(|board| match &board.broker.run {
            Runs::Failed(why) => Some(format!("{} cannot start: {why}", board.title)),
            _ => None,
        })
    }

    /// Seconds since it began, in the world's time.
    pub(super) fn seconds(&self) -> f64 {
        (self.player.stage.now().saturating_sub(self.began)).as_secs_f64()
    }

    /// Plays the script.
    ///
    /// # Errors
    /// When the world cannot go on.
    pub(super) fn play(&mut self, steps: Vec<Step>) -> Result<(), S::Error> {
        let (all, tells, began) = (steps.len(), self.tells, self.began);
        let taken = &mut self.taken;
        self.player.play(steps, |step, at, now, failed| {
            let (what, at_seconds) =
                (step.deed.to_string(), now.saturating_sub(began).as_secs_f64());
            if tells {
                if let Some(say) = &step.say {
                    eprintln!("\n  {say}");
                }
                eprintln!("  {:>3}/{all}  {at_seconds:6.2} s  {what}", at + 1);
                if let Some(why) = &failed {
                    eprintln!("           FAILED: {why}");
                }
            }
            taken.push(StepReport { number: at + 1, what, at_seconds, failed });
        })
    }

    /// Judges what came of it, once what is under way has had so long to arrive.
    ///
    /// # Errors
    /// When the world cannot go on.
    pub(super) fn report(
        mut self,
        scenario: String,
        (expectations, breaches): (&[Expectation], &[BreachKind]),
        settle: Duration,
    ) -> Result<Report, S::Error> {
        let outcome = self.player.conclude(expectations, settle)?;
        let verdict = VerdictReport::from(&*outcome.verdict).expecting(breaches);
        let judged = outcome.expectations.into_iter().map(|(it, why)| ExpectationReport {
            what: it.condition.to_string(),
            kept: why.is_none(),
            why,
        });
        let expected = breaches.iter().map(|kind| verdict.expectation(*kind));
        let expectations: Vec<_> = judged.chain(expected).collect();
        let passed = self.taken.iter().all(|step| step.failed.is_none())
            && expectations.iter().all(|expectation| expectation.kept)
            && verdict.as_expected;
        Ok(Report {
            scenario,
            passed,
            seconds: self.seconds(),
            findings: outcome.snapshot.findings.iter().map(Into::into).collect(),
            steps: self.taken,
            expectations,
            verdict,
            detail: None,
        })
    }
}

/// What an explorer's run comes to: no expectations of a script, but that everything comes to rest.
pub(super) fn attempted(plan: &Plan, attempt: &Attempt) -> Report {
    let what = "once everything is mended, it comes to rest".to_owned();
    let why = attempt.unrest.clone();
    let steps = attempt.steps.iter().enumerate().map(|(at, step)| StepReport {
        number: at + 1,
        what: step.deed.to_string(),
        at_seconds: step.at.unwrap_or_default().as_secs_f64(),
        failed: None,
    });
    Report {
        scenario: plan.name.clone(),
        passed: attempt.failures(&plan.breaches).is_empty(),
        seconds: attempt.lasted.as_secs_f64(),
        findings: plan.findings.iter().map(Into::into).collect(),
        steps: steps.collect(),
        expectations: vec![ExpectationReport { what, kept: why.is_none(), why }],
        verdict: VerdictReport::from(&*attempt.verdict).expecting(&plan.breaches),
        detail: None,
    }
}
