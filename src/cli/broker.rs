//! `twinboard broker`: one broker, mosquitto's way.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;
use time::OffsetDateTime;

use super::open;
use super::signals::Signals;
use crate::broker::{Event, Image};
use crate::conf::mosquitto::Config;
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
    conf.settings.trace = args.verbose;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(serve(args, conf))?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(args: &Broker, conf: Config) -> anyhow::Result<()> {
    // Before it listens: whoever sees it listen may ask it to stop.
    let mut signals = Signals::take()?;
    let listeners = listeners(args, &conf)?;
    let (image, durable) = if conf.settings.persistence {
        let path = store_path(&conf);
        let (store, image) = Store::open(&path)?;
        log(&format!("the state is kept in {}", path.display()));
        (image, Some(net::saved_in(store, "broker")))
    } else {
        log("persistence is false: the state ends with this process");
        (Image::default(), None)
    };
    for listener in &listeners {
        log(&format!("listening on {}", listener.local_addr()?));
    }
    let verbose = args.verbose;
    let start = Start {
        name: "broker".to_owned(),
        settings: conf.settings,
        image,
        durable,
        listeners,
        seed: seed(),
        clock: Clock::start(),
        route: Box::new(|_| None),
        events: Box::new(move |_: Duration, event| {
            if verbose || is_trouble(&event) {
                log(&event.to_string());
            }
        }),
    };
    let handle = BrokerHandle::start(start).context("the broker could not start")?;
    signals.asked_to_stop().await;
    log("stopping");
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
    let bound = addresses.into_iter().map(net::bind);
    Ok(bound.collect::<Result<_, _>>()?)
}

/// Beside the place where mosquitto would keep its own, under another ending: the two cannot read
/// each other's files.
fn store_path(conf: &Config) -> PathBuf {
    let folder = conf.persistence_location.clone().unwrap_or_default();
    folder.join(&conf.persistence_file).with_extension("sqlite3")
}

fn is_trouble(event: &Event) -> bool {
    matches!(event, Event::StoreFails { .. } | Event::StoreWorks)
}

/// A line with the time on the wall, as mosquitto writes it: seconds since 1970.
fn log(line: &str) {
    eprintln!("{}: {line}", OffsetDateTime::now_utc().unix_timestamp());
}
