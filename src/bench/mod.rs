//! `twinboard bench`: loads against brokers, side by side. Speaks to them over sockets alone, and
//! imports nothing of ours: what it measures is a process.
//!
//! # How it measures
//!
//! ```text
//! for each load: for each round: for each target:
//!     start its process(es) fresh -> connect -> warm up -> measure -> drain -> count -> end them
//! ```
//!
//! - Every broker is a process of its own, on loopback: ours by this very program with a conf file,
//!   rumqttd by this program, mosquitto as it is installed. All get the same generous limits, and
//!   none writes a log.
//! - The targets take turns within a round, so what else the machine does hits all alike. The figure
//!   is the median of the rounds.
//! - The load is one thread with one poll over all its connections. It writes packets from templates
//!   in batches, finds frames in what it reads without copying them, and allocates nothing for a
//!   message.
//! - A payload begins with its publisher's number and its own, so losses, duplicates and messages
//!   out of order are counted exactly, for each publisher and subscriber, over the whole run, warm-up
//!   and drain included. Throughput counts what arrived while it was measured.
//! - Publishers are closed loops: at QoS 1 and 2 a window of unacknowledged messages, and at every
//!   QoS no more than a fixed number of messages ahead of the slowest subscriber. A broker that is
//!   slow is not flooded, it is measured.
//! - Against `durable`, clients keep their sessions, so every message of QoS 1 and 2 is written to
//!   disk before it is acknowledged. All other targets get clean sessions.
//! - Latency is the time from before the write of a PUBLISH to after the read that brings it to the
//!   subscriber, both on the load's one thread, with nothing else under way.
//! - Processor time and memory are the kernel's books of the broker's processes, both of a bridge
//!   together.
//!
//! `bench growth` grows one broker step by step instead, and measures at each step.
//!
//! # What it cannot
//!
//! - Load and brokers share the machine. On few processors the load takes a part that a broker could
//!   have used: figures compare brokers on that machine, they are no limits.
//! - It says nothing of networks: loopback has no delay and loses nothing.
//! - Closed loops hide what an open one would show: the queue before a broker that is overrun.
//! - Processor time comes in ticks of usually 10 ms; runs below a second or so round it coarsely.
//! - Memory is the process's own; what the kernel keeps for its sockets is not in it.
//! - A durable broker is as fast as its disk. `fsync` is timed in the same run, every round, and is
//!   to be read beside its figures.
//! - Of an address it knows neither process, and it does not know what others do there.

mod bed;
mod chart;
pub mod curve;
pub mod figures;
mod flood;
mod frame;
mod fsync;
pub mod growth;
mod idle;
mod latency;
mod ledger;
pub mod load;
mod net;
pub mod options;
mod packet;
mod process;
mod publisher;
pub mod report;
mod storm;
mod stream;
mod subscriber;
pub mod table;
pub mod target;
mod traffic;
mod trouble;
pub mod vitals;

use figures::{Figures, float, percentile};
use load::Load;
use options::{Options, Stop};
use report::{Cell, Machine, Report};
use target::Target;
use trouble::Trouble;

/// What is measured against what.
pub struct Bench {
    pub options: Options,
    pub loads: Vec<Load>,
    pub targets: Vec<Target>,
}

/// What a bench tells while it runs.
pub enum Progress<'a> {
    /// A run begins: the load, the round counted from 1, the target.
    Begins(&'a Load, u32, &'a Target),
    /// It ended with this figure, or for this reason without a good one.
    Ended(&'a Load, u32, &'a Target, Result<f64, String>),
}

impl Bench {
    /// How many runs there are.
    pub fn runs(&self) -> u64 {
        let rounds = u64::from(self.options.rounds);
        self.loads.len() as u64 * self.targets.len() as u64 * rounds
    }

    /// Measures all, or what there is time for until somebody wishes to stop.
    pub fn run(&self, stop: &Stop, mut tell: impl FnMut(Progress<'_>)) -> Report {
        let mut report = self.blank();
        let mut fsyncs = Vec::new();
        let durable = self.targets.contains(&Target::Durable);
        for (number, load) in self.loads.iter().enumerate() {
            let row = number * self.targets.len();
            for round in 1..=self.options.rounds {
                if durable && !stop.wished() {
                    fsyncs.extend(self.fsyncs().unwrap_or_default());
                }
                for (place, target) in self.targets.iter().enumerate() {
                    let cell = &mut report.cells[row + place];
                    if cell.absent.is_none() && !stop.wished() {
                        tell(Progress::Begins(load, round, target));
                        let told = self.turn(load, target, cell, stop);
                        if let Err(why) = &told
                            && !stop.wished()
                        {
                            report.errors.push(format!("{} on {target}: {why}", load.name));
                        }
                        tell(Progress::Ended(load, round, target, told));
                    }
                }
            }
        }
        fsyncs.sort_unstable();
        let us = |share| percentile(&fsyncs, share).map(|it| float(it) / 1e3);
        (report.machine.fsync_p50_us, report.machine.fsync_p99_us) = (us(0.5), us(0.99));
        report.ended_early = stop.wished();
        report
    }

    /// One run: what it measured goes to its cell, and what was wrong with it comes back.
    fn turn(
        &self,
        load: &Load,
        target: &Target,
        cell: &mut Cell,
        stop: &Stop,
    ) -> Result<f64, String> {
        match self.measure(load, target, stop) {
            Ok(figures) => {
                let (value, breach) = (figures.value, load.breach(&figures));
                cell.push(figures);
                breach.map_or(Ok(value), Err)
            }
            Err(Trouble::Stopped) => Err("ended early".to_owned()),
            Err(trouble) => {
                cell.absent = Some("failed".to_owned());
                Err(trouble.to_string())
            }
        }
    }

    fn measure(&self, load: &Load, target: &Target, stop: &Stop) -> Result<Figures, Trouble> {
        let system = target.start(&self.options, load.bridged(), stop)?;
        load.run(&system.bed(&self.options, stop))
    }

    fn fsyncs(&self) -> Option<Vec<u64>> {
        let folder = target::folder(&self.options).ok()?;
        fsync::times(folder.path()).ok()
    }

    fn blank(&self) -> Report {
        let missing: Vec<_> = self.targets.iter().map(|it| (it, it.missing())).collect();
        let cells = self.loads.iter().flat_map(|load| {
            missing.iter().map(|(target, missing)| {
                let mut cell = Cell::new(load, target.to_string());
                cell.absent = missing.or(target.unfit(load.kind)).map(str::to_owned);
                cell
            })
        });
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Report {
            options: self.options.clone(),
            machine: Machine {
                system: std::env::consts::OS,
                processors,
                fsync_p50_us: None,
                fsync_p99_us: None,
            },
            ended_early: false,
            errors: Vec::new(),
            cells: cells.collect(),
        }
    }
}
