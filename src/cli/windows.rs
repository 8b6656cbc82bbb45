//! No command: the windows.

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use anyhow::Context;
use clap::Args;
use time::UtcOffset;

use super::{Place, Ports, open, signals};
use crate::gui;
use crate::lab::Command;
use crate::lab::world::live::{Live, Options};

/// Open the windows of a scenario.
#[derive(Debug, Args)]
pub struct Windows {
    /// A built-in scenario, or the folder of one
    #[arg(default_value = "dual-board")]
    scenario: String,
    #[command(flatten)]
    place: Place,
    /// Show the monitors in the Lab's window (F9 there and back)
    #[arg(long)]
    one_window: bool,
}

/// Opens the windows and waits until the Lab is closed.
///
/// # Errors
/// When there is no display, no such scenario, or no place for its state.
pub fn windows(windows: &Windows, offset: UtcOffset) -> anyhow::Result<ExitCode> {
    gui::display_available()?;
    let (plan, data, _claim) = open::open(&windows.scenario, &windows.place, offset)?;
    let options = gui::Options {
        title: plan.title.clone(),
        one_window: windows.one_window,
        memory: Some(data.folder().join("windows.ron")),
    };
    let waker: Arc<OnceLock<gui::Waker>> = Arc::default();
    let ready = Arc::clone(&waker);
    let changed = move || {
        if let Some(waker) = waker.get() {
            waker.wake();
        }
    };
    let auto_ports = windows.place.ports == Ports::Auto;
    let changed = Box::new(changed);
    let own = open::own()?;
    let live = Live::start(plan, Options { data, auto_ports, offset, own, changed, entries: None })
        .context("the world could not begin")?;
    let commands = live.commands.clone();
    signals::on_stop(move || {
        // Nobody is there to be told when the world has ended already.
        if commands.send(Command::Quit).is_err() {
            std::process::exit(1);
        }
    })?;
    let shown = gui::run(options, live.snapshots.clone(), live.commands.clone(), move |it| {
        if ready.set(it).is_err() {
            tracing::debug!("the windows began twice");
        }
    });
    live.end();
    shown.map(|()| ExitCode::SUCCESS)
}
