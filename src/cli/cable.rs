//! `twinboard cable`: a cable without faults, to be measured: before a broker inside the same process,
//! as a lab has ours, or as a process of its own, as it has the others. Not for people.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use crossbeam_channel::{Receiver, bounded};

use super::open;
use crate::conf::mosquitto::Config;
use crate::net::{
    BrokerHandle, Clock, Lines, LiveCable, Observer, SharedCable, Sight, Start, Target,
};

/// So much of what is seen may wait to be looked at, as in a lab.
const WAITING: usize = 20_000;
/// It is looked at most this often, as in a lab.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// Run a cable until the process ends.
#[derive(Debug, Args)]
pub struct Cable {
    /// The port of 127.0.0.1 that it listens on
    #[arg(long)]
    port: u16,
    /// Where it leads
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "config_file")]
    to: Option<SocketAddr>,
    /// The mosquitto.conf of the broker that it leads to, inside this process and in memory
    #[arg(short, long, value_name = "FILE")]
    config_file: Option<PathBuf>,
    /// Let somebody look at everything that passes
    #[arg(long)]
    seen: bool,
}

/// Runs it.
///
/// # Errors
/// When its port is taken, or the system has no threads for it.
pub fn run(args: &Cable) -> anyhow::Result<ExitCode> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).context("no port")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let observer = if args.seen { somebody()? } else { Observer::nobody() };
    runtime.block_on(async {
        let broker = args.config_file.as_deref().map(broker).transpose()?;
        let target = broker.as_ref().map_or_else(
            || args.to.map_or(Target::Nowhere, Target::At),
            |broker| Target::Inside(broker.door()),
        );
        let end = LiveCable::listen(listener, SharedCable::default(), target, observer);
        let end = end.context("the port is of no use")?;
        std::future::pending::<()>().await;
        end.stop().await;
        drop(broker);
        Ok(ExitCode::SUCCESS)
    })
}

fn broker(file: &Path) -> anyhow::Result<BrokerHandle> {
    let conf = Config::load(file, &open::host())?;
    let start = Start::in_memory("broker", conf.settings, Vec::new());
    BrokerHandle::start(start).context("the broker could not start")
}

/// Somebody who takes all that is seen off a channel.
fn somebody() -> anyhow::Result<Observer> {
    let (sender, sights) = bounded(WAITING);
    thread::Builder::new()
        .name("looks".to_owned())
        .spawn(move || look(&sights))
        .context("no thread")?;
    let tell = Arc::new(move |sight| {
        if sender.try_send(sight).is_err() {
            tracing::trace!("too much to look at");
        }
    });
    Ok(Observer { clock: Clock::start(), lines: Lines::default(), tell })
}

fn look(sights: &Receiver<Sight>) {
    while let Ok(sight) = sights.recv() {
        drop(sight);
        sights.try_iter().for_each(drop);
        thread::sleep(LOOK_EVERY);
    }
}
