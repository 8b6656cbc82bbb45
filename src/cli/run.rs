//! `twinboard run`: a scenario without windows.

use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use clap::Args;
use crossbeam_channel::bounded;
use time::UtcOffset;

use super::by_hand::ByHand;
use super::performance::Performance;
use super::player::LiveStage;
use super::showing::Showing;
use super::{Place, Ports, open, signals};
use crate::conf::Engine;
use crate::conf::scenario::{BreachKind, Expectation, Step};
use crate::engine::derived::{Ends, derived};
use crate::engine::{free_ports, mosquitto};
use crate::lab::data::Data;
use crate::lab::world::live::{Live, Options};
use crate::report::Report;
use crate::report::detail::Topology;

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
    #[command(flatten)]
    showing: Showing,
    /// After the script go on with steps from standard input, one a line in the script's words;
    /// `help` lists them. Answers go to standard output, or beside a report that is no text
    #[arg(long)]
    by_hand: bool,
    /// Print the conf that this board's mosquitto would run with, and run nothing
    #[arg(long, value_name = "BOARD")]
    show_conf: Option<String>,
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
    let keeper = run.showing.keeper(&plan, offset)?;
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
    run.showing.show(report?, &title, topology, chronicle.as_ref(), offset)
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
    fn by_hand(&self) -> anyhow::Result<ByHand> {
        let answers: Box<dyn Write> = if self.showing.is_text() {
            Box::new(io::stdout())
        } else {
            // The report has standard output for itself.
            Box::new(io::stderr())
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
