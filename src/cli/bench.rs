//! `twinboard bench`: brokers under load, side by side.

mod growth;
mod sim;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use super::signals;
use crate::bench::load::{LOADS, Load};
use crate::bench::options::{Options, Protocol, Stop};
use crate::bench::report::Report;
use crate::bench::table::{self, Style, thousands};
use crate::bench::target::Target;
use crate::bench::{Bench, Progress};

/// What is measured where nothing is said.
const TARGETS: [Target; 4] = [Target::Native, Target::Durable, Target::Rumqttd, Target::Mosquitto];

/// Measure brokers under load, side by side.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Run {
    #[command(subcommand)]
    more: Option<More>,
    /// The loads to run; all of them where none is named
    #[arg(long, value_name = "NAME", num_args = 1.., value_parser = load)]
    load: Vec<Load>,
    /// Tell which loads there are
    #[arg(long)]
    list: bool,
    /// native, durable, rumqttd, mosquitto or HOST:PORT; the four brokers where none is named. Also
    /// cabled and cabled-seen: native behind a lab's cable, and one that somebody looks at;
    /// cabled-apart: behind one that is not in its process, as a lab's other brokers are
    #[arg(long, value_name = "NAME", num_args = 1.., value_parser = str::parse::<Target>)]
    target: Vec<Target>,
    #[command(flatten)]
    measure: Measure,
    /// How to print the figures; progress goes to standard error
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Write the figures to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum More {
    /// Measure what becomes of a broker as it has more to keep
    Growth(growth::Run),
    /// Measure simulated time: a long run, a million packets, random schedules, copies of a world
    Sim(sim::Run),
}

/// How to measure.
#[derive(Debug, Args)]
struct Measure {
    /// How long each run measures
    #[arg(long, default_value_t = 2.0, value_parser = seconds)]
    seconds: f64,
    /// How often each load meets each target; figures are medians
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Bytes of each payload
    #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = payload)]
    payload: usize,
    /// Unacknowledged messages of each publisher at QoS 1 and 2
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    window: u16,
    /// Messages a publisher may be ahead of the slowest subscriber
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..))]
    lag: u64,
    /// The protocol that the load speaks
    #[arg(long, value_enum, default_value_t = Version::V311)]
    protocol: Version,
    /// Messages of the retained flood
    #[arg(long, value_name = "COUNT", default_value_t = 50_000)]
    retained: u64,
    /// Connections that idle
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    connections: usize,
    /// Where durable brokers keep their state, and whose disk's fsync is timed
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
    Markdown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Version {
    #[value(name = "3.1.1")]
    V311,
    #[value(name = "5")]
    V5,
}

/// Runs the bench. The exit status is 0 when every run had its figures and no broker broke a promise.
///
/// # Errors
/// When it cannot begin, or its figures cannot be written.
pub fn run(args: &Run) -> anyhow::Result<ExitCode> {
    match &args.more {
        Some(More::Growth(growth)) => return growth::run(growth),
        Some(More::Sim(sim)) => return sim::run(sim),
        None => {}
    }
    if args.list {
        for load in LOADS {
            println!("{:16} {}", load.name, load.what);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut bench = args.bench()?;
    if let Some(note) = bench.options.fit() {
        eprintln!("{note}");
    }
    for target in &bench.targets {
        if let Some(why) = target.missing() {
            eprintln!("{target} is left out: {why}");
        }
    }
    let stop = Stop::default();
    let wish = stop.clone();
    signals::on_stop(move || wish.wish())?;
    let report = measure(&bench, &stop);
    args.print(&report)?;
    Ok(if report.errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Run {
    fn bench(&self) -> anyhow::Result<Bench> {
        let options = self.measure.options()?;
        let loads = if self.load.is_empty() { LOADS.to_vec() } else { self.load.clone() };
        let targets = if self.target.is_empty() { TARGETS.to_vec() } else { self.target.clone() };
        Ok(Bench { options, loads, targets })
    }

    fn print(&self, report: &Report) -> anyhow::Result<()> {
        let text = match self.format {
            Format::Table => table::draw(report, Style::Text),
            Format::Markdown => table::draw(report, Style::Markdown),
            Format::Json => report.json(),
        };
        print(&text, self.out.as_ref())
    }
}

impl Measure {
    /// The same for the bench.
    fn options(&self) -> anyhow::Result<Options> {
        if let Some(folder) = &self.folder
            && !folder.is_dir()
        {
            bail!("{} is no folder; make it first", folder.display());
        }
        Ok(Options {
            seconds: self.seconds,
            rounds: self.rounds,
            payload_bytes: self.payload,
            window: self.window,
            lag: self.lag,
            protocol: match self.protocol {
                Version::V311 => Protocol::V311,
                Version::V5 => Protocol::V5,
            },
            retained: self.retained,
            connections: self.connections,
            folder: self.folder.clone(),
        })
    }
}

/// Writes to a file, or to standard output where none is named.
fn print(text: &str, out: Option<&PathBuf>) -> anyhow::Result<()> {
    if let Some(path) = out {
        let trouble = || format!("the figures cannot be written to {}", path.display());
        return std::fs::write(path, text).with_context(trouble);
    }
    print!("{text}");
    Ok(())
}

/// Runs it with a bar and a line for each run on standard error.
fn measure(bench: &Bench, stop: &Stop) -> Report {
    let bar = ProgressBar::new(bench.runs());
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed}, {eta} left: {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let line = |text: String| bar.suspend(|| eprintln!("{text}"));
    let report = bench.run(stop, |progress| match progress {
        Progress::Begins(load, round, target) => {
            bar.set_message(format!("{} on {target}, round {round}", load.name));
        }
        Progress::Ended(load, round, target, told) => {
            let told = told.map_or_else(|why| format!("FAILED: {why}"), thousands);
            line(format!("{:16} {round:>3}  {:12} {told:>12}", load.name, target.to_string()));
            bar.inc(1);
        }
    });
    bar.finish_and_clear();
    report
}

fn load(name: &str) -> Result<Load, String> {
    Load::named(name).ok_or_else(|| {
        let names: Vec<_> = LOADS.iter().map(|it| it.name).collect();
        format!("there are {}", names.join(", "))
    })
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "it is a number of seconds".to_owned())?;
    if (0.01..=3600.0).contains(&seconds) {
        Ok(seconds)
    } else {
        Err("it is from 0.01 to 3600".to_owned())
    }
}

fn payload(text: &str) -> Result<usize, String> {
    let bytes: usize = text.parse().map_err(|_| "it is a number of bytes".to_owned())?;
    if (10..=100_000).contains(&bytes) {
        Ok(bytes)
    } else {
        Err("it is from 10, for the numbers in it, to 100000".to_owned())
    }
}
