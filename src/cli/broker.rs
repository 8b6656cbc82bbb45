//! `twinboard broker`: one broker, mosquitto's way.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;

use super::log::Log;
use super::open;
use super::signals::Signals;
use crate::broker::Image;
use crate::conf::mosquitto::Config;
use crate::conf::mosquitto::log::LogType;
use crate::lab::plan::listen_address;
use crate::lab::world::live::seed;
use crate::net::{self, BrokerHandle, Clock, Start};
use crate::store::Store;

/// The port where nothing names one.
const DEFAULT_PORT: u16 = 1883;

/// Run one broker until it is asked to end.
#[derive(Debug, Args)]
pub struct Broker {
    /// A mosquitto.conf
    #[arg(short, long, value_name = "FILE")]
    config_file: Option<PathBuf>,
    /// Listen on this port of 127.0.0.1, where FILE has no listener (1883 where nothing is said)
    #[arg(short, long)]
    port: Option<u16>,
    /// Tell everything that happens, overriding what FILE says of logging
    #[arg(short, long)]
    verbose: bool,
}

/// Runs the broker. Ends cleanly on SIGINT and SIGTERM.
///
/// # Errors
/// When the file has mistakes, a port is taken, or the store cannot be opened.
pub fn broker(args: &Broker) -> anyhow::Result<ExitCode> {
    let mut conf = match &args.config_file {
        Some(file) => Config::load(file, &open::host())?,
        None => Config::default(),
    };
    for note in &conf.notes {
        eprintln!("{note}");
    }
    let log = Log::open(conf.log.clone(), args.verbose)?;
    conf.settings.trace = log.wants(LogType::Debug);
    // One broker is one thread, and its store's: a packet then wakes no other thread on its way,
    // which counts for more than what a second one could do meanwhile.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(args, conf, log))?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(args: &Broker, conf: Config, mut log: Log) -> anyhow::Result<()> {
    // Before it listens: whoever sees it listen may ask it to stop.
    let mut signals = Signals::take()?;
    let listeners = listeners(args, &conf)?;
    let mut note = |text: &str| log.line(LogType::Notice, text);
    if args.port.is_some() && !conf.listeners.is_empty() {
        note("-p is not used, because the file has a listener");
    }
    let (image, durable) = if conf.settings.persistence {
        let path = store_path(&conf);
        let (store, image) = Store::open(&path)?;
        note(&format!("the state is kept in {}", path.display()));
        (image, Some(net::saved_in(store, "broker")))
    } else {
        note("persistence is false: the state ends with this process");
        (Image::default(), None)
    };
    for listener in &listeners {
        note(&format!("listening on {}", listener.local_addr()?));
    }
    let start = Start {
        name: "broker".to_owned(),
        settings: conf.settings,
        image,
        durable,
        listeners,
        seed: seed(),
        clock: Clock::start(),
        route: Box::new(|_, _| None),
        events: Box::new(move |_: Duration, event| log.event(&event)),
    };
    let handle = BrokerHandle::start(start).context("the broker could not start")?;
    signals.asked_to_stop().await;
    handle.stop().await?;
    Ok(())
}

fn listeners(args: &Broker, conf: &Config) -> anyhow::Result<Vec<TcpListener>> {
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for listener in &conf.listeners {
        addresses.push(listen_address(listener).map_err(|error| anyhow!(error))?);
    }
    if addresses.is_empty() {
        addresses.push((Ipv4Addr::LOCALHOST, args.port.unwrap_or(DEFAULT_PORT)).into());
    }
    let bound = addresses.iter().copied().map(net::bind);
    let mut bound: Vec<_> = bound.collect::<Result<_, _>>()?;
    // Every interface means IPv6's too, on machines that have it.
    let everywhere = addresses.iter().filter(|it| it.ip() == Ipv4Addr::UNSPECIFIED);
    let six = everywhere.map(|it| net::bind((Ipv6Addr::UNSPECIFIED, it.port()).into()));
    bound.extend(six.filter_map(Result::ok));
    Ok(bound)
}

/// Beside the place where mosquitto would keep its own, under another ending: the two cannot read
/// each other's files.
fn store_path(conf: &Config) -> PathBuf {
    let folder = conf.persistence_location.clone().unwrap_or_default();
    folder.join(&conf.persistence_file).with_extension("sqlite3")
}
