//! `twinboard run`: a scenario without windows.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use crossbeam_channel::{bounded, select};
use time::UtcOffset;

use super::{Place, Ports, open, signals};
use crate::conf::scenario::{Expectation, Step};
use crate::lab::condition::against;
use crate::lab::script::{Script, Turn};
use crate::lab::snapshot::Run as Runs;
use crate::lab::world::live::{Live, Options};
use crate::lab::{Command, Snapshot};
use crate::report::{ExpectationReport, Report, StepReport, VerdictReport};

/// How long after the script the expectations have to come true.
const SETTLE: Duration = Duration::from_secs(10);
/// How long the world may take for one command.
const PATIENCE: Duration = Duration::from_secs(30);

/// Run a scenario's script without windows.
#[derive(Debug, Args)]
pub struct Run {
    /// A built-in scenario, or the folder of one
    #[arg(default_value = "dual-board")]
    scenario: String,
    #[command(flatten)]
    place: Place,
    /// How to print the outcome; progress goes to standard error
    #[arg(long, value_enum, default_value_t = Form::Text)]
    report: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Text,
    Json,
}

/// Runs the scenario. The exit status is 0 when everything expected held, 1 when not.
///
/// # Errors
/// When the scenario cannot be opened or cannot run at all.
pub fn run(run: &Run, offset: UtcOffset) -> anyhow::Result<ExitCode> {
    let (plan, data, _claim) = open::open(&run.scenario, &run.place, offset)?;
    let (name, steps, expectations) =
        (plan.name.clone(), plan.steps.clone(), plan.expectations.clone());
    let auto_ports = run.place.ports == Ports::Auto;
    let options = Options { data, auto_ports, offset, changed: Box::new(|| {}) };
    let (stop, stopped) = bounded(1);
    signals::on_stop(move || drop(stop))?;
    let live = Live::start(plan, options).context("the world could not begin")?;
    let player = Player { live: &live, stopped, started: Instant::now() };
    let report = player.play(name, steps, &expectations);
    live.end();
    let report = report?;
    print!("{}", if run.report == Form::Json { report.json() + "\n" } else { report.text() });
    Ok(if report.passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Player<'a> {
    live: &'a Live,
    stopped: crossbeam_channel::Receiver<()>,
    started: Instant,
}

impl Player<'_> {
    fn play(
        &self,
        scenario: String,
        steps: Vec<Step>,
        expectations: &[Expectation],
    ) -> anyhow::Result<Report> {
        let mut snapshot = self.next(PATIENCE)?;
        let mut received = Instant::now();
        for board in &snapshot.boards {
            if let Runs::Failed(why) = &board.broker.run {
                bail!("{} cannot start: {why}", board.title);
            }
        }
        let mut script = Script::new(steps, snapshot.done);
        let mut taken = Vec::new();
        loop {
            let now = snapshot.now + received.elapsed();
            match script.turn(&snapshot, now) {
                Turn::Do(at, command) => {
                    taken.push(self.tell(&script, at, None));
                    self.send(command)?;
                }
                Turn::Held(at) => taken.push(self.tell(&script, at, None)),
                Turn::Wait { until } => {
                    let wait = until.map_or(PATIENCE, |until| until.saturating_sub(now));
                    if let Some(newer) = self.next_within(wait)? {
                        (snapshot, received) = (newer, Instant::now());
                    } else if until.is_none() {
                        bail!("the world did not carry out a command within {PATIENCE:?}");
                    }
                }
                Turn::Late(at) => {
                    let why = script.late(at, &snapshot);
                    taken.push(self.tell(&script, at, Some(why)));
                    break;
                }
                Turn::Done => break,
            }
        }
        let mut done = script.commands_sent();
        let snapshot = self.settle(snapshot, &mut done)?;
        let (expectations, snapshot) = self.judge(expectations, snapshot)?;
        let findings = snapshot.findings.iter().map(Into::into).collect();
        let verdict = self.verdict(snapshot, done)?;
        let passed = taken.iter().all(|step| step.failed.is_none())
            && expectations.iter().all(|expectation| expectation.kept)
            && verdict.kept;
        let seconds = self.started.elapsed().as_secs_f64();
        Ok(Report { scenario, passed, seconds, findings, steps: taken, expectations, verdict })
    }

    /// Lets what is under way arrive. Where a packet was dropped on a connection that lives, it is
    /// sent again on a new one only.
    fn settle(&self, mut snapshot: Arc<Snapshot>, done: &mut u64) -> anyhow::Result<Arc<Snapshot>> {
        let until = Instant::now() + SETTLE;
        let mut reconnected = false;
        loop {
            let counts = snapshot.verdict.counts;
            let left = until.saturating_duration_since(Instant::now());
            if (counts.under_way == 0 && counts.stalled == 0 && snapshot.done >= *done)
                || left.is_zero()
            {
                return Ok(snapshot);
            }
            if counts.stalled > 0 && !reconnected {
                reconnected = true;
                *done += 1;
                self.send(Command::Reconnect)?;
            }
            let Some(newer) = self.next_within(left)? else { return Ok(snapshot) };
            snapshot = newer;
        }
    }

    /// The last word on what was promised.
    fn verdict(&self, mut snapshot: Arc<Snapshot>, done: u64) -> anyhow::Result<VerdictReport> {
        self.send(Command::Judge)?;
        while snapshot.done <= done {
            snapshot = self.next(PATIENCE)?;
        }
        Ok(VerdictReport::from(&*snapshot.verdict))
    }

    fn send(&self, command: Command) -> anyhow::Result<()> {
        self.live.commands.send(command).context("the world has ended")
    }

    /// Gives the expectations time to come true.
    fn judge(
        &self,
        expectations: &[Expectation],
        mut snapshot: Arc<Snapshot>,
    ) -> anyhow::Result<(Vec<ExpectationReport>, Arc<Snapshot>)> {
        let until = Instant::now() + SETTLE;
        loop {
            let open = expectations.iter().any(|it| against(&it.condition, &snapshot).is_some());
            let left = until.saturating_duration_since(Instant::now());
            if !open || left.is_zero() {
                break;
            }
            let Some(newer) = self.next_within(left)? else { break };
            snapshot = newer;
        }
        let report = |it: &Expectation| {
            let why = against(&it.condition, &snapshot);
            ExpectationReport { what: it.condition.to_string(), kept: why.is_none(), why }
        };
        Ok((expectations.iter().map(report).collect(), snapshot))
    }

    fn tell(&self, script: &Script, at: usize, failed: Option<String>) -> StepReport {
        let (step, all) = (&script.steps()[at], script.steps().len());
        let seconds = self.started.elapsed().as_secs_f64();
        if let Some(say) = &step.say {
            eprintln!("\n  {say}");
        }
        let what = step.deed.to_string();
        eprintln!("  {:>3}/{all}  {seconds:6.2} s  {what}", at + 1);
        if let Some(why) = &failed {
            eprintln!("           FAILED: {why}");
        }
        StepReport { number: at + 1, what, at_seconds: seconds, failed }
    }

    fn next(&self, within: Duration) -> anyhow::Result<Arc<Snapshot>> {
        self.next_within(within)?.context("the world shows nothing of itself")
    }

    fn next_within(&self, wait: Duration) -> anyhow::Result<Option<Arc<Snapshot>>> {
        select! {
            recv(self.live.snapshots) -> snapshot => {
                Ok(Some(snapshot.context("the world has ended")?))
            }
            recv(self.stopped) -> _ => bail!("stopped by a signal; everything was ended cleanly"),
            default(wait) => Ok(None),
        }
    }
}
