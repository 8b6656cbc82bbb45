//! `twinboard bench sim`: how fast simulated time is, and what a copy of a world takes.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use clap::Args;
use indicatif::HumanCount;

use crate::bench::figures::float;
use crate::bench::vitals;
use crate::card::SensorNumber;
use crate::cli::open;
use crate::lab::explore::search::Search;
use crate::lab::plan::Plan;
use crate::lab::world::sim::World;
use crate::lab::{Command, ProgramName};

/// So many copies are made to see what one takes.
const COPIES: u64 = 200;
/// So many packets are sent in a row.
const PACKETS: u64 = 1_000_000;

/// Measure simulated time: a long run, a million packets, random schedules, copies of a world.
#[derive(Debug, Args)]
pub struct Run {
    /// Try the random schedules of so many seeds
    #[arg(long, value_name = "COUNT", default_value_t = 5_000)]
    seeds: u64,
}

/// Runs it.
///
/// # Errors
/// When a built-in scenario cannot be simulated.
pub fn run(args: &Run) -> anyhow::Result<ExitCode> {
    let plan = |name: &str| anyhow::Ok(Arc::new(open::plan_on(name, &[], "lab")?));
    let (dual_board, counting) = (plan("dual-board")?, plan("counting")?);
    let world = ten_minutes(&dual_board)?;
    copies(&world);
    packets(&counting)?;
    for plan in [&dual_board, &counting] {
        seeds(plan, args.seeds);
    }
    Ok(ExitCode::SUCCESS)
}

fn begin(plan: &Arc<Plan>) -> anyhow::Result<World> {
    World::new(Arc::clone(plan), 1).map_err(|why| anyhow!(why))
}

fn ten_minutes(plan: &Arc<Plan>) -> anyhow::Result<World> {
    let mut world = begin(plan)?;
    let began = Instant::now();
    for second in 1..=600_u64 {
        world.run_until(Duration::from_secs(second));
        let (program, sensor) = if second % 2 == 0 {
            ("card1_monitor", 1 + second / 2 % 3)
        } else {
            ("card2_monitor", 4 + second / 2 % 3)
        };
        let sensor = SensorNumber(u8::try_from(sensor)?);
        world.obey(Command::Toggle { program: ProgramName::new(program), sensor });
        drop(world.take_entries());
    }
    let took = began.elapsed().as_secs_f64();
    let packets = HumanCount(world.crossed());
    println!("10 minutes of dual-board, a click a second, {packets} packets: {took:.3} s");
    Ok(world)
}

fn copies(world: &World) {
    let own = std::process::id();
    let before = vitals::memory(own);
    let began = Instant::now();
    let copies: Vec<World> = (0..COPIES).map(|_| world.clone()).collect();
    let micros = began.elapsed().as_secs_f64() * 1e6 / float(COPIES);
    let after = vitals::memory(own);
    let each = before.zip(after).map(|(before, after)| after.saturating_sub(before) / COPIES);
    drop(copies);
    let memory = each.map_or_else(|| "unknown".to_owned(), |it| format!("{} kB", it / 1024));
    println!("a copy of that world: {memory}, {micros:.0} us");
}

fn packets(plan: &Arc<Plan>) -> anyhow::Result<()> {
    let mut world = begin(plan)?;
    world.run_until(Duration::from_secs(3));
    let (began, first) = (Instant::now(), world.crossed());
    while world.crossed() - first < PACKETS {
        let program = ProgramName::new("counter");
        world.obey(Command::Publish { program, count: 500 });
        world.run_until(world.now() + Duration::from_secs(2));
        drop(world.take_entries());
    }
    let took = began.elapsed().as_secs_f64();
    println!("{} packets of counting, traced and judged: {took:.1} s", HumanCount(PACKETS));
    Ok(())
}

fn seeds(plan: &Arc<Plan>, count: u64) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let began = Instant::now();
    let search = Search { threads, counts: true, keeps: 1 };
    let found = search.run(plan, 0..count, |_| true);
    let rate = float(found.runs) / began.elapsed().as_secs_f64();
    let (packets, failed) = (found.packets / found.runs.max(1), found.failed);
    println!(
        "random schedules of {}, {threads} threads: {rate:.0} a second, {packets} packets each, \
         {failed} broke a promise",
        plan.name
    );
}
