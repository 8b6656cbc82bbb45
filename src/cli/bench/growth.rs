//! `twinboard bench growth`: what becomes of a broker as it has more to keep.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::{Format, Measure, print};
use crate::bench::figures::float;
use crate::bench::growth::Plan;
use crate::bench::options::Stop;
use crate::bench::table::{Style, thousands};
use crate::bench::target::Target;
use crate::cli::signals;

/// Measure what becomes of a broker as it has more to keep.
#[derive(Debug, Args)]
pub struct Run {
    /// native, durable, rumqttd, mosquitto or HOST:PORT; native and durable where none is named
    #[arg(long, value_name = "NAME", num_args = 1.., value_parser = str::parse::<Target>)]
    target: Vec<Target>,
    /// Grow to so many retained topics, and to so many subscriptions
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=9_999_999))]
    topics: u64,
    #[command(flatten)]
    measure: Measure,
    /// How to print the figures; progress goes to standard error
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Write the figures to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Draw them, too
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// Runs it. The exit status is 0 when every curve is whole.
///
/// # Errors
/// When it cannot begin, or its figures cannot be written.
pub fn run(args: &Run) -> anyhow::Result<ExitCode> {
    let named = !args.target.is_empty();
    let targets = if named { args.target.clone() } else { vec![Target::Native, Target::Durable] };
    let mut plan = Plan { options: args.measure.options()?, targets, topics: args.topics };
    if let Some(note) = plan.options.fit() {
        eprintln!("{note}");
    }
    let stop = Stop::default();
    let wish = stop.clone();
    signals::on_stop(move || wish.wish())?;
    let bar = ProgressBar::new(plan.points());
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed}: {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let growth = plan.run(&stop, |measure, target, point| {
        let (count, value) = (thousands(float(point.count)), point.value.median);
        let line = format!("{:10} {count:>10} {value:10.3} {}", target.to_string(), measure.what());
        bar.suspend(|| eprintln!("{line}"));
        bar.set_message(measure.what());
        bar.inc(1);
    });
    bar.finish_and_clear();
    if let Some(path) = &args.svg {
        let trouble = || format!("the chart cannot be written to {}", path.display());
        std::fs::write(path, growth.svg()).with_context(trouble)?;
    }
    let text = match args.format {
        Format::Table => growth.table(Style::Text),
        Format::Markdown => growth.table(Style::Markdown),
        Format::Json => growth.json(),
    };
    print(&text, args.out.as_ref())?;
    Ok(if growth.errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
