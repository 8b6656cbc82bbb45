//! `twinboard run`: a scenario without windows.

use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use clap::{Args, ValueEnum};
use crossbeam_channel::bounded;
use time::UtcOffset;

use super::by_hand::ByHand;
use super::keep::{Keep, Keeper};
use super::performance::Performance;
use super::player::LiveStage;
use super::{Place, Ports, open, signals, terminal};
use crate::conf::Engine;
use crate::conf::scenario::{BreachKind, Expectation, Step};
use crate::engine::derived::{Ends, derived};
use crate::engine::{free_ports, mosquitto};
use crate::lab::chronicle::Chronicle;
use crate::lab::data::Data;
use crate::lab::passport;
use crate::lab::plan::Plan;
use crate::lab::world::live::{Live, Options};
use crate::report::detail::{Detail, Topology};
use crate::report::jsonl::Header;
use crate::report::{self, Report, html, junit};

/// How long after the script the expectations have to come true.
const SETTLE: Duration = Duration::from_secs(10);

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
    /// Write the outcome to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Before the outcome, print the way of every message: each hop, each packet, each end
    #[arg(long)]
    passports: bool,
    #[command(flatten)]
    keep: Keep,
    /// After the script go on with steps from standard input, one a line in the script's words;
    /// `help` lists them. Answers go to standard output, or beside a report that is no text
    #[arg(long)]
    by_hand: bool,
    /// Print the conf that this board's mosquitto would run with, and run nothing
    #[arg(long, value_name = "BOARD")]
    show_conf: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A table for people
    Text,
    /// For machines
    Json,
    /// Test cases, as Jenkins and GitLab read them
    Junit,
    /// One page with pictures, for screens and paper
    Html,
}

/// Runs the scenario. The exit status is 0 when everything expected held, 1 when not.
///
/// # Errors
/// When the scenario cannot be opened or cannot run at all.
pub fn run(run: &Run, offset: UtcOffset) -> anyhow::Result<ExitCode> {
    if let Some(board) = &run.show_conf {
        print!("{}", run.conf_of(board)?);
        return Ok(ExitCode::SUCCESS);
    }
    let (plan, data, _claim) = open::open(&run.scenario, &run.place, offset)?;
    let by_hand = if run.by_hand { Some(run.by_hand()?) } else { None };
    let (name, steps, expectations, breaches) =
        (plan.name.clone(), plan.steps.clone(), plan.expectations.clone(), plan.breaches.clone());
    let keeper = run.keeper(&plan, offset)?;
    let (title, topology) = (plan.title.clone(), Topology::of(&plan));
    let auto_ports = run.place.ports == Ports::Auto;
    let (changed, entries, own) = (Box::new(|| {}), keeper.listener(), open::own()?);
    let options = Options { data, auto_ports, offset, own, changed, entries };
    let (stop, stopped) = bounded(1);
    signals::on_stop(move || drop(stop))?;
    let live = Live::start(plan, options).context("the world could not begin")?;
    let mut stage = LiveStage { live: &live, stopped, started: Instant::now() };
    let report = perform(&mut stage, name, steps, (&expectations, &breaches), by_hand);
    // What ending everything does is no part of the run.
    let chronicle = keeper.finish();
    live.end();
    let mut report = report?;
    if run.report != Form::Text {
        report.detail = chronicle.as_ref().map(|it| Detail::new(&title, topology, it));
    }
    run.print(&report, chronicle.as_ref(), offset)?;
    Ok(if report.passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn perform(
    stage: &mut LiveStage<'_>,
    name: String,
    steps: Vec<Step>,
    expected: (&[Expectation], &[BreachKind]),
    by_hand: Option<ByHand>,
) -> anyhow::Result<Report> {
    let mut performance = Performance::begin(stage, true)?;
    if let Some(why) = performance.cannot_start() {
        bail!(why);
    }
    performance.play(steps)?;
    if let Some(by_hand) = by_hand {
        by_hand.run(&mut performance)?;
    }
    performance.report(name, expected, SETTLE)
}

impl Run {
    fn keeper(&self, plan: &Plan, offset: UtcOffset) -> anyhow::Result<Keeper> {
        // The others have no place for it.
        let wanted = self.passports || matches!(self.report, Form::Json | Form::Html);
        let chronicle = wanted.then(|| Chronicle::new(plan.bridge_facts()));
        self.keep.begin(&Header::of_plan(plan, offset.whole_seconds()), chronicle)
    }

    fn print(
        &self,
        report: &Report,
        chronicle: Option<&Chronicle>,
        offset: UtcOffset,
    ) -> anyhow::Result<()> {
        let width = if self.output.is_none() { terminal::width() } else { None };
        let mut text = match self.report {
            Form::Text => report.text_within(width),
            Form::Json => report.json() + "\n",
            Form::Junit => junit::xml(report),
            Form::Html => html::page(report, offset),
        };
        let mut passports = String::new();
        if let Some(chronicle) = chronicle.filter(|_| self.passports) {
            for stop in passport::passports(chronicle.ledger(), |_| true) {
                passports.push_str(&report::passport::text(&stop, offset));
            }
        }
        match self.report {
            Form::Text => text = passports + &text,
            // The report has its place for itself.
            _ => eprint!("{passports}"),
        }
        match &self.output {
            None => io::stdout().write_all(text.as_bytes())?,
            Some(path) => std::fs::write(path, text)
                .with_context(|| format!("{} cannot be written", path.display()))?,
        }
        Ok(())
    }

    fn by_hand(&self) -> anyhow::Result<ByHand> {
        let answers: Box<dyn Write> = match self.report {
            Form::Text => Box::new(io::stdout()),
            // The report has standard output for itself.
            Form::Json | Form::Junit | Form::Html => Box::new(io::stderr()),
        };
        let folder = open::folder(&self.scenario)?;
        ByHand::begin(folder.open_with(&open::host(), &self.place.engine)?, answers)
    }

    /// The conf of a board's mosquitto, with ports that are free now: each start chooses its own.
    fn conf_of(&self, name: &str) -> anyhow::Result<String> {
        let plan = open::plan(&self.scenario, &self.place.engine)?;
        let Some(board) = plan.boards.iter().find(|board| board.name.as_str() == name) else {
            bail!("there is no board `{name}`");
        };
        if board.engine != Engine::Mosquitto {
            let engine = board.engine.name();
            let help = format!("add `--engine {name}=mosquitto`");
            bail!("{name} runs {engine}, for which no conf is derived; {help}");
        }
        let ports = free_ports(board.listen.len())?;
        let bridges = board.settings.bridges.iter().map(|bridge| {
            let ports = free_ports(bridge.addresses.len())?;
            Ok(ports.iter().map(|port| (Ipv4Addr::LOCALHOST, *port).into()).collect())
        });
        let bridges = bridges.collect::<anyhow::Result<Vec<_>>>()?;
        let data = Data::new(self.place.data.as_deref(), &plan.name);
        let folder = data.map_err(|error| anyhow!(error))?.engine(&board.name, "mosquitto");
        let root = mosquitto::is_root();
        let ends = Ends { ports: &ports, bridges: &bridges, folder: &folder, root };
        Ok(derived(&board.conf.text, &ends))
    }
}
