//! `twinboard matrix`: the same trials on every engine.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use clap::{Args, ValueEnum};
use crossbeam_channel::{Receiver, unbounded};
use indicatif::{ProgressBar, ProgressStyle};
use time::UtcOffset;

use super::performance::Performance;
use super::player::LiveStage;
use super::{open, signals};
use crate::conf::scenario::Step;
use crate::conf::{Choice, Engine, Folder};
use crate::engine::mosquitto;
use crate::lab::data::Data;
use crate::lab::matrix::{self, Trial};
use crate::lab::plan::Plan;
use crate::lab::world::live::{Live, Options};
use crate::report::Report;
use crate::report::matrix::{MatrixReport, Outcome, TrialReport};

/// How long what is under way has to arrive, once nothing more is done.
const SETTLE: Duration = Duration::from_secs(2);
/// Most of a trial is waiting for reconnects, so several run at once.
const AT_ONCE: usize = 4;

/// Put brokers to the same trials, and say what each kept, lost, doubled, reordered, refused.
#[derive(Debug, Args)]
pub struct Matrix {
    /// The engines, as columns
    #[arg(long, value_delimiter = ',', default_value = "native,rumqttd,mosquitto")]
    engines: Vec<Engine>,
    /// Only trials whose name has these words
    #[arg(long, value_name = "WORDS")]
    only: Option<String>,
    /// How to print the outcome; progress goes to standard error
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Text,
    Json,
    Markdown,
}

/// Runs the trials. The exit status says only whether they ran: that an engine fails one is what
/// the table is for.
///
/// # Errors
/// When they cannot run at all.
pub fn run(args: &Matrix, offset: UtcOffset) -> anyhow::Result<ExitCode> {
    let (stop, stopped) = unbounded();
    signals::on_stop(move || drop(stop))?;
    let wanted = |trial: &Trial| args.only.as_ref().is_none_or(|words| trial.name.contains(words));
    let trials: Vec<Trial> = matrix::all().into_iter().filter(wanted).collect();
    if trials.is_empty() {
        let names: Vec<String> = matrix::all().into_iter().map(|it| it.name).collect();
        return Err(anyhow!("no trial has these words; there are:\n  {}", names.join("\n  ")));
    }
    let jobs: Vec<(&Trial, &Engine)> =
        trials.iter().flat_map(|trial| args.engines.iter().map(move |it| (trial, it))).collect();
    let outcomes = outcomes(&jobs, &stopped, offset)?;
    let mut outcomes = outcomes.into_iter();
    let trials = trials.iter().map(|trial| TrialReport {
        name: trial.name.clone(),
        outcomes: outcomes.by_ref().take(args.engines.len()).collect(),
    });
    let trials = trials.collect();
    let report = MatrixReport { engines: args.engines.iter().map(versioned).collect(), trials };
    print!(
        "{}",
        match args.format {
            Form::Text => report.text(),
            Form::Json => report.json() + "\n",
            Form::Markdown => report.markdown(),
        }
    );
    Ok(ExitCode::SUCCESS)
}

fn versioned(engine: &Engine) -> String {
    match engine {
        Engine::Native => format!("native {}", env!("CARGO_PKG_VERSION")),
        Engine::Rumqttd => "rumqttd 0.20".to_owned(),
        Engine::Mosquitto => mosquitto::version().to_owned(),
        Engine::Remote(address) => format!("remote {address}"),
    }
}

/// Runs all jobs, several at once; what came of each, in their order.
fn outcomes(
    jobs: &[(&Trial, &Engine)],
    stopped: &Receiver<()>,
    offset: UtcOffset,
) -> anyhow::Result<Vec<Outcome>> {
    let bar = ProgressBar::new(u64::try_from(jobs.len()).unwrap_or(u64::MAX));
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed}, {eta} left: {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(jobs.len()) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some((trial, engine)) = jobs.get(at) else { return };
                    bar.set_message(format!("{}, {engine}", trial.name));
                    let outcome = outcome(trial, engine, stopped, offset);
                    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                    done.push((at, outcome));
                    bar.inc(1);
                }
            });
        }
    });
    bar.finish_and_clear();
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

/// One trial on one engine, in a folder of its own.
fn outcome(
    trial: &Trial,
    engine: &Engine,
    stopped: &Receiver<()>,
    offset: UtcOffset,
) -> anyhow::Result<Outcome> {
    let choice = Choice { board: None, engine: engine.clone() };
    let folder = Folder::of("trial", trial.files.clone());
    let cannot = |why: String| Ok(Outcome::Cannot { why });
    let opened = match folder.open_with(&open::host(), &[choice]) {
        Ok(opened) => opened,
        Err(error) => return cannot(error.to_string()),
    };
    let plan = match Plan::new("trial", opened) {
        Ok(plan) => plan,
        Err(why) => return cannot(why),
    };
    let root = tempfile::tempdir().context("no folder for a trial's state")?;
    let data = Data::new(Some(root.path()), "trial").map_err(|error| anyhow!(error))?;
    let steps = plan.steps.clone();
    let (own, changed) = (open::own()?, Box::new(|| {}));
    let live =
        Live::start(plan, Options { data, auto_ports: true, offset, own, changed, entries: None })
            .context("the world could not begin")?;
    let (stopped, started) = (stopped.clone(), Instant::now());
    let mut stage = LiveStage { live: &live, stopped, started };
    let played = perform(&mut stage, trial.name.clone(), steps);
    live.end();
    let report = match played? {
        Ok(report) => report,
        Err(why) => return cannot(why),
    };
    let failed = report.steps.iter().find_map(|step| {
        step.failed.as_ref().map(|why| format!("step {}, {}: {why}", step.number, step.what))
    });
    Ok(Outcome::Ran { verdict: Box::new(report.verdict), stuck: failed })
}

/// What came of a trial, or why it cannot be made.
fn perform(
    stage: &mut LiveStage<'_>,
    name: String,
    steps: Vec<Step>,
) -> anyhow::Result<Result<Report, String>> {
    let mut performance = Performance::begin(stage, false)?;
    if let Some(why) = performance.cannot_start() {
        return Ok(Err(why));
    }
    performance.play(steps)?;
    Ok(Ok(performance.report(name, (&[], &[]), SETTLE)?))
}
