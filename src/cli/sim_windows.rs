//! The windows of a run in simulated time, for `twinboard sim` and `twinboard replay`.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use clap::Args;

use super::windows;
use crate::gui;
use crate::lab::plan::Plan;
use crate::lab::recipe::Recipe;
use crate::lab::timeline::{Host, Timeline};

/// Whether there are windows, and how many.
#[derive(Debug, Args)]
pub(super) struct SimWindows {
    /// Open the windows, with a bar to pause, step, go back, hurry, and save the run
    #[arg(long, conflicts_with_all = ["tui", "report", "output", "passports", "trace", "pcapng"])]
    pub(super) windows: bool,
    /// With --windows: show the monitors in the Lab's window (F9 there and back)
    #[arg(long, requires = "windows")]
    one_window: bool,
}

impl SimWindows {
    /// Opens the windows and waits until the Lab is closed.
    ///
    /// # Errors
    /// When there is no display, or the run cannot be simulated.
    pub(super) fn show(&self, plan: Arc<Plan>, recipe: Recipe) -> anyhow::Result<ExitCode> {
        gui::display_available()?;
        let title = format!("{} in simulated time", plan.title);
        let options = gui::Options { title, one_window: self.one_window, memory: None };
        let timeline = Timeline::new(plan, recipe).map_err(|why| anyhow!(why))?;
        let (changed, ready) = windows::waking();
        let host = Host::start(timeline, changed).context("the run could not begin")?;
        windows::end_on_signal(&host.commands)?;
        let shown = gui::run(options, host.snapshots.clone(), host.commands.clone(), ready);
        host.end();
        shown.map(|()| ExitCode::SUCCESS)
    }
}
