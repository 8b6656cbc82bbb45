//! `twinboard cable`: a cable without faults as a process of its own, to be measured. Not for people.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use anyhow::Context;
use clap::Args;
use crossbeam_channel::bounded;

use crate::net::{Clock, Lines, LiveCable, Observer, SharedCable, Target};

/// So much of what is seen may wait to be looked at, as in a lab.
const WAITING: usize = 20_000;

/// Run a cable until the process ends.
#[derive(Debug, Args)]
pub struct Cable {
    /// The port of 127.0.0.1 that it listens on
    #[arg(long)]
    port: u16,
    /// Where it leads
    #[arg(long, value_name = "HOST:PORT")]
    to: SocketAddr,
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
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("no threads")?;
    let observer = if args.seen { somebody()? } else { Observer::nobody() };
    runtime.block_on(async {
        let target = Target::At(args.to);
        let end = LiveCable::listen(listener, SharedCable::default(), target, observer);
        let end = end.context("the port is of no use")?;
        std::future::pending::<()>().await;
        end.stop().await;
        Ok(ExitCode::SUCCESS)
    })
}

/// Somebody who takes all that is seen off a channel.
fn somebody() -> anyhow::Result<Observer> {
    let (sender, sights) = bounded(WAITING);
    let look = move || sights.into_iter().for_each(drop);
    thread::Builder::new().name("looks".to_owned()).spawn(look).context("no thread")?;
    let tell = Arc::new(move |sight| {
        if sender.try_send(sight).is_err() {
            tracing::trace!("too much to look at");
        }
    });
    Ok(Observer { clock: Clock::start(), lines: Lines::default(), tell })
}
