//! `twinboard replay`: a run in simulated time again, from the file or the string that says it.

use std::convert::Infallible;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use clap::Args;
use indicatif::HumanCount;
use time::UtcOffset;

use super::keep::Keeper;
use super::performance::{Performance, attempted};
use super::showing::Showing;
use super::sim_windows::SimWindows;
use crate::lab::explore::{Attempt, Claims, conclude_with};
use crate::lab::plan::Plan;
use crate::lab::recipe::{ByHand, Recipe};
use crate::lab::stage::Stage;
use crate::lab::timeline::{Course, Timeline};
use crate::lab::world::sim::VirtualTime;
use crate::lab::{Command, Snapshot};
use crate::report::detail::Topology;
use crate::report::{Report, StepReport};

/// How long after the script the expectations have to come true.
const SETTLE: Duration = Duration::from_secs(10);
/// How often somebody looks whether all that was done by hand is done.
const LOOK: Duration = Duration::from_millis(16);

/// Play a run again that somebody wrote down: the same one, byte for byte.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Replay {
    /// The file of the run, its string (`tb1:…`), or `-` for either on standard input
    #[arg(value_name = "FILE|STRING")]
    run: String,
    /// Go through it in this terminal: forward, back, faster, and otherwise
    #[arg(long, conflicts_with_all = ["trace", "pcapng", "report", "output", "passports"])]
    tui: bool,
    #[command(flatten)]
    windows: SimWindows,
    #[command(flatten)]
    showing: Showing,
}

const AFTER_HELP: &str = "\
Examples:
  twinboard replay run.toml --trace run.jsonl
  twinboard replay run.toml --tui
  twinboard replay run.toml --windows";

/// Plays it. The exit status is 0 when everything expected held, 1 when not.
///
/// # Errors
/// When it cannot be read, or not be played.
pub fn run(replay: &Replay, offset: UtcOffset) -> anyhow::Result<ExitCode> {
    let recipe = Recipe::read(&text(&replay.run)?)?;
    let plan = Arc::new(recipe.plan()?);
    if replay.tui {
        return watch(plan, recipe);
    }
    if replay.windows.windows {
        return replay.windows.show(plan, recipe);
    }
    play(&plan, &recipe, &replay.showing, offset)
}

/// Plays a run to its end and shows what came of it.
///
/// # Errors
/// When it cannot be simulated, or what it comes to cannot be written.
pub(super) fn play(
    plan: &Arc<Plan>,
    recipe: &Recipe,
    showing: &Showing,
    offset: UtcOffset,
) -> anyhow::Result<ExitCode> {
    let course = Course::without_script(Arc::clone(plan), recipe).map_err(|why| anyhow!(why))?;
    let keeper = showing.keeper_in_virtual_time(plan)?;
    let began = Instant::now();
    let mut told = Told { course, keeper: keeper.clone() };
    let report = if recipe.steps.is_some() {
        told.attempt(plan, recipe)
    } else {
        let Ok(report) = told.perform(plan, &recipe.by_hand);
        report
    };
    let chronicle = keeper.finish();
    let world = told.course.world();
    eprintln!(
        "\n  {} packets and {:.1} s of simulated time in {:.3} s",
        HumanCount(world.crossed()),
        world.now().as_secs_f64(),
        began.elapsed().as_secs_f64()
    );
    let topology = Topology::of(plan);
    showing.show(report, &plan.title, topology, chronicle.as_ref(), offset)
}

/// Shows a run in this terminal until somebody has seen enough.
///
/// # Errors
/// When it cannot be simulated, or this is no terminal.
pub(super) fn watch(plan: Arc<Plan>, recipe: Recipe) -> anyhow::Result<ExitCode> {
    let timeline = Timeline::new(plan, recipe).map_err(|why| anyhow!(why))?;
    crate::tui::run(timeline).context("this terminal cannot show it")?;
    Ok(ExitCode::SUCCESS)
}

/// What a run is written down as: the argument itself, or what it names.
fn text(run: &str) -> anyhow::Result<String> {
    if run == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("standard input cannot be read")?;
        return Ok(text);
    }
    let path = Path::new(run);
    // A string that is too new or damaged is no file's name either.
    if run.starts_with("tb") && run.contains(':') && !path.exists() {
        return Ok(run.to_owned());
    }
    std::fs::read_to_string(path).with_context(|| format!("{run} cannot be read"))
}

/// A run whose entries are kept.
struct Told {
    course: Course,
    keeper: Keeper,
}

impl Told {
    /// The scenario's script, with what was done by hand beside it.
    fn perform(&mut self, plan: &Plan, by_hand: &[ByHand]) -> Result<Report, Infallible> {
        let mut performance = Performance::begin(self, true)?;
        performance.play(plan.steps.clone())?;
        while !performance.player.stage.course.is_done() {
            if let Some(seen) = performance.player.stage.next(LOOK)? {
                performance.player.seen = seen;
            }
        }
        for ByHand { at, deed, .. } in by_hand {
            let (number, what) = (performance.taken.len() + 1, format!("{deed} (by hand)"));
            let at_seconds = at.as_secs_f64();
            eprintln!("   by hand  {at_seconds:6.2} s  {deed}");
            performance.taken.push(StepReport { number, what, at_seconds, failed: None });
        }
        performance.report(plan.name.clone(), (&plan.expectations, &plan.breaches), SETTLE)
    }

    /// A schedule, which ends as it does for the explorer: everything is mended and comes to rest.
    fn attempt(&mut self, plan: &Plan, recipe: &Recipe) -> Report {
        let (mut claims, mut done) = (Claims::default(), 0);
        while !self.course.is_done() && self.course.step_until(None) {
            self.keep();
            if self.course.scheduled() > done {
                done = self.course.scheduled();
                claims.look(self.course.world());
            }
        }
        let Self { course, keeper } = self;
        let unrest = conclude_with(course.world_mut(), &mut |entries| {
            for entry in &entries {
                keeper.take(entry);
            }
        });
        self.keep();
        let world = self.course.world();
        let (packets, lasted) = (world.crossed(), world.now());
        let by_hand = recipe.by_hand.iter().map(ByHand::step);
        let mut steps: Vec<_> = recipe.steps.iter().flatten().cloned().chain(by_hand).collect();
        steps.sort_by_key(|step| step.at);
        let verdict = claims.beside(world.verdict());
        attempted(plan, &Attempt { seed: recipe.seed, steps, verdict, unrest, packets, lasted })
    }

    fn keep(&mut self) {
        for entry in self.course.take_entries() {
            self.keeper.take(&entry);
        }
    }
}

impl VirtualTime for Told {
    fn now(&self) -> Duration {
        self.course.now()
    }

    fn obey(&mut self, command: Command) {
        self.course.obey(command);
        self.keep();
    }

    fn run_until(&mut self, until: Duration) {
        self.course.run_until(until);
        self.keep();
    }

    fn snapshot(&mut self) -> Snapshot {
        self.course.snapshot()
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::conf::Folder;
    use crate::conf::scenario::BreachKind;
    use crate::lab::explore::{Failure, attempt, schedule};
    use crate::report::VerdictReport;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        showing: Showing,
    }

    /// The schedule of a seed, played by the explorer and played again from its string.
    fn same(scenario: &str, seed: u64) -> Attempt {
        let recipe = Recipe::new(Folder::builtin(scenario).expect("it is there"), seed);
        let plan = Arc::new(recipe.plan().expect("it fits"));
        let steps = schedule(&plan, seed);
        let explored = attempt(&plan, seed, steps.clone());
        let recipe = recipe.with_steps(steps);
        let recipe = Recipe::read(&recipe.short().expect("a string")).expect("the same");
        let Line { showing } = Line::parse_from(["replay"]);
        let keeper = showing.keeper_in_virtual_time(&plan).expect("it keeps nothing");
        let course = Course::without_script(Arc::clone(&plan), &recipe).expect("it plays");
        let mut told = Told { course, keeper };
        let report = told.attempt(&plan, &recipe);
        assert_eq!(told.course.world().crossed(), explored.packets, "seed {seed}");
        assert_eq!(told.course.now(), explored.lasted, "seed {seed}");
        assert_eq!(report.verdict, VerdictReport::from(&*explored.verdict).expecting(&[]));
        assert_eq!(report.passed, explored.failures(&[]).is_empty());
        explored
    }

    #[test]
    fn a_schedule_comes_to_what_it_came_to_for_the_explorer() {
        for seed in 0..8 {
            same("dual-board", seed);
        }
    }

    #[test]
    fn what_a_program_claimed_on_the_way_comes_again() {
        let _planted = crate::defect::plant(crate::defect::Defect::CountsUnacknowledged);
        let claims = Failure::Breach(BreachKind::Claims);
        assert!(same("counting", 0).failures(&[]).contains(&claims));
    }
}
