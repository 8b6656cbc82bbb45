//! No command: the windows.

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use anyhow::Context;
use clap::Args;
use crossbeam_channel::Sender;
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
    let (changed, ready) = waking();
    let auto_ports = windows.place.ports == Ports::Auto;
    let own = open::own()?;
    let live = Live::start(plan, Options { data, auto_ports, offset, own, changed, entries: None })
        .context("the world could not begin")?;
    end_on_signal(&live.commands)?;
    let shown = gui::run(options, live.snapshots.clone(), live.commands.clone(), ready);
    live.end();
    shown.map(|()| ExitCode::SUCCESS)
}

/// What a world calls after each snapshot, and what makes that wake the windows once they are there.
pub(super) fn waking() -> (Box<dyn Fn() + Send>, impl FnOnce(gui::Waker) + 'static) {
    let waker: Arc<OnceLock<gui::Waker>> = Arc::default();
    let ready = Arc::clone(&waker);
    let changed = move || {
        if let Some(waker) = waker.get() {
            waker.wake();
        }
    };
    let ready = move |it| {
        if ready.set(it).is_err() {
            tracing::debug!("the windows began twice");
        }
    };
    (Box::new(changed), ready)
}

/// Tells the world to end when the process is asked to.
///
/// # Errors
/// As [`signals::on_stop`].
pub(super) fn end_on_signal(commands: &Sender<Command>) -> std::io::Result<()> {
    let commands = commands.clone();
    signals::on_stop(move || {
        // Nobody is there to be told when the world has ended already.
        if commands.send(Command::Quit).is_err() {
            std::process::exit(1);
        }
    })
}
