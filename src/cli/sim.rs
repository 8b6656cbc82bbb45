//! `twinboard sim`: a scenario in simulated time, once or with thousands of random schedules.

use std::ops::Range;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};
use clap::{Args, ValueEnum};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use time::UtcOffset;

use super::showing::Showing;
use super::sim_windows::SimWindows;
use super::{open, replay, signals, terminal};
use crate::conf::Choice;
use crate::lab::explore::exhaustive::{self, Exhaustive};
use crate::lab::explore::search::{Found, Search};
use crate::lab::explore::{Attempt, shrink};
use crate::lab::plan::Plan;
use crate::lab::recipe::Recipe;
use crate::lab::world::sim::World;
use crate::report::VerdictReport;

/// With `--count`, so many failing runs are told one by one.
const TOLD: usize = 3;

/// Run a scenario in simulated time: repeatable from a seed, thousands of times faster than real.
#[derive(Debug, Args)]
pub struct Sim {
    /// A built-in scenario, or the folder of one
    #[arg(default_value = "dual-board")]
    scenario: String,
    /// What latencies, commits and programs draw from: the same seed is the same run, byte for byte
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Instead of the script, try the random schedule of each of these seeds: clicks, cuts, power
    /// failures and more, as the scenario's [explore] table allows; stop at the first broken promise
    #[arg(long, value_name = "A..B", value_parser = seeds, conflicts_with = "windows")]
    seeds: Option<Range<u64>>,
    /// With --seeds: go on after a broken promise, and count them
    #[arg(long, requires = "seeds")]
    count: bool,
    /// With --seeds: reduce a schedule that breaks a promise to the smallest one that still does
    #[arg(long, requires = "seeds")]
    shrink: bool,
    /// Instead of chance, try every order and every cut of the next deliveries after the script's
    /// first click
    #[arg(long, value_enum, conflicts_with_all = ["seeds", "windows"])]
    explore: Option<How>,
    /// With --explore: so many deliveries
    #[arg(long, default_value_t = 6, value_name = "N")]
    depth: u32,
    /// With --seeds and --explore: so many threads; one for each processor, where nothing is said
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Go through the run in this terminal: forward, back, faster, and otherwise
    #[arg(
        long,
        conflicts_with_all = [
            "seeds", "explore", "trace", "pcapng", "report", "output", "passports",
        ]
    )]
    tui: bool,
    #[arg(long, value_name = "[BOARD=]ENGINE", hide = true)]
    engine: Vec<Choice>,
    #[command(flatten)]
    windows: SimWindows,
    /// With --windows: leave the script out, and do everything by hand
    #[arg(long, requires = "windows")]
    by_hand: bool,
    #[command(flatten)]
    showing: Showing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum How {
    /// Every order, every cut
    Exhaustive,
}

/// `3..20`, or one seed.
fn seeds(text: &str) -> Result<Range<u64>, String> {
    let number = |text: &str| text.parse::<u64>().map_err(|_| format!("`{text}` is no number"));
    let (from, to) = match text.split_once("..") {
        Some((from, to)) => (number(from)?, number(to)?),
        None => (number(text)?, number(text)?.saturating_add(1)),
    };
    if from >= to { Err("it is empty: `0..1000` has a thousand".to_owned()) } else { Ok(from..to) }
}

/// Runs it. The exit status is 0 when no promise was broken, 1 when one was.
///
/// # Errors
/// When the scenario cannot be opened or cannot be simulated.
pub fn run(sim: &Sim, offset: UtcOffset) -> anyhow::Result<ExitCode> {
    let plan = Arc::new(open::plan_on(&sim.scenario, &sim.engine, "lab")?);
    // Says at once what cannot be simulated.
    drop(World::new(Arc::clone(&plan), sim.seed).map_err(|why| anyhow!(why))?);
    if sim.windows.windows {
        let recipe = sim.recipe(sim.seed)?;
        let recipe = if sim.by_hand { recipe.with_steps(Vec::new()) } else { recipe };
        return sim.windows.show(plan, recipe);
    }
    match (&sim.seeds, sim.explore) {
        (Some(seeds), _) => sim.search(&plan, seeds.clone()),
        (None, Some(How::Exhaustive)) => sim.exhaust(&plan),
        (None, None) if sim.tui => replay::watch(plan, sim.recipe(sim.seed)?),
        (None, None) => replay::play(&plan, &sim.recipe(sim.seed)?, &sim.showing, offset),
    }
}

impl Sim {
    /// This seed, with the script.
    fn recipe(&self, seed: u64) -> anyhow::Result<Recipe> {
        Ok(Recipe::new(open::folder(&self.scenario)?, seed))
    }

    /// Random schedules.
    fn search(&self, plan: &Arc<Plan>, seeds: Range<u64>) -> anyhow::Result<ExitCode> {
        let stopped = signals::stopped()?;
        eprintln!("  {}: {}", plan.title, plan.budget);
        let bar = progress(seeds.end - seeds.start);
        let search = Search { threads: self.threads(), counts: self.count, keeps: TOLD };
        let began = Instant::now();
        let found = search.run(plan, seeds, |found| {
            bar.set_position(found.runs);
            if found.failed > 0 {
                bar.set_message(format!("{} failed", found.failed));
            }
            !stopped.load(Ordering::Relaxed)
        });
        bar.finish_and_clear();
        told(&found, began.elapsed());
        for attempt in &found.first {
            self.tell(plan, attempt);
        }
        if stopped.load(Ordering::Relaxed) {
            bail!("stopped by a signal");
        }
        Ok(if found.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn tell(&self, plan: &Arc<Plan>, attempt: &Attempt) {
        println!("\nseed {} breaks a promise, with {} steps", attempt.seed, attempt.steps.len());
        let smallest;
        let mut shown = attempt;
        if self.shrink {
            let bar = ProgressBar::new_spinner();
            smallest = shrink::shrink(plan, attempt, |left| {
                bar.set_message(format!("{left} steps still break it"));
                bar.tick();
            });
            bar.finish_and_clear();
            println!("{} of them are enough:", smallest.steps.len());
            shown = &smallest;
        }
        for step in &shown.steps {
            println!("  {:9.6} s  {}", step.at.unwrap_or_default().as_secs_f64(), step.deed);
        }
        if let Some(unrest) = &shown.unrest {
            println!("\nWith everything mended it does not come to rest: {unrest}");
        }
        let verdict = VerdictReport::from(&*shown.verdict).expecting(&plan.breaches);
        println!("\n{}", verdict.text_within(terminal::width()));
        let recipe = self.recipe(shown.seed).map(|it| it.with_steps(shown.steps.clone()));
        match recipe.and_then(|it| Ok(it.short()?)) {
            Ok(run) => println!("Again: twinboard replay {run}"),
            Err(why) => println!("This run cannot be written down: {why:#}"),
        }
    }

    /// Every order and every cut.
    fn exhaust(&self, plan: &Arc<Plan>) -> anyhow::Result<ExitCode> {
        let stopped = signals::stopped()?;
        let bar = ProgressBar::new_spinner();
        let began = Instant::now();
        let search = Exhaustive { depth: self.depth, threads: self.threads(), seed: self.seed };
        let seen = exhaustive::run(plan, search, |seen| {
            bar.set_message(format!(
                "{} states, {} ends",
                HumanCount(seen.states),
                HumanCount(seen.ends)
            ));
            bar.tick();
            !stopped.load(Ordering::Relaxed)
        });
        bar.finish_and_clear();
        let seen = seen.map_err(|why| anyhow!(why))?;
        if stopped.load(Ordering::Relaxed) {
            bail!("stopped by a signal");
        }
        println!(
            "{} states ({} met again), {} ends judged, {:.1} s: {}",
            HumanCount(seen.states),
            HumanCount(seen.again),
            HumanCount(seen.ends),
            began.elapsed().as_secs_f64(),
            if seen.failed == 0 {
                "no promise broken".to_owned()
            } else {
                format!("{} ends with a broken promise", seen.failed)
            }
        );
        let Some(first) = seen.first else { return Ok(ExitCode::SUCCESS) };
        println!("\nThe shortest way to one:");
        for choice in &first.choices {
            println!("  {choice}");
        }
        if let Some(unrest) = &first.unrest {
            println!("\nWith everything mended it does not come to rest: {unrest}");
        }
        let verdict = VerdictReport::from(&*first.verdict).expecting(&plan.breaches);
        println!("\n{}", verdict.text_within(terminal::width()));
        Ok(ExitCode::FAILURE)
    }

    fn threads(&self) -> usize {
        let all = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.unwrap_or_else(all)
    }
}

fn progress(runs: u64) -> ProgressBar {
    let bar = ProgressBar::new(runs);
    let style = "{bar:30} {human_pos}/{human_len} {per_sec}, {eta} left {msg}";
    let style = ProgressStyle::with_template(style);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

fn told(found: &Found, took: Duration) {
    let seconds = took.as_secs_f64().max(0.001);
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let rate = found.runs as f64 / seconds;
    println!(
        "{} runs, {} packets in {seconds:.1} s, {rate:.0} runs a second: {}",
        HumanCount(found.runs),
        HumanCount(found.packets),
        match found.failed {
            0 => "no promise broken".to_owned(),
            1 => "one run broke a promise".to_owned(),
            some => format!("{some} runs broke a promise"),
        }
    );
}
