//! The windows: they read a [`Snapshot`] and send [`Command`]s. No I/O, no locks, no domain logic.
//!
//! ```text
//! world --- Arc<Snapshot> ---> App --- Plate -----> monitor, display, counter, tally (a face)
//!                               |---- Snapshot ---> lab                  (the truth)
//! world <----- Command ------ Outbox <--- clicks, keys
//! ```
//!
//! A program's window knows what its face says, and whether the program runs. The Lab knows the
//! truth; of a run in simulated time also where it stands, and has the bar to go through it. The
//! application repaints when the world wakes it, when somebody touches it, and once a second while a
//! countdown is in sight.

mod app;
mod arrangement;
mod board_card;
mod bridge_card;
mod clock;
mod controls;
mod counter;
mod dark;
mod display;
mod dock;
mod events;
mod faceplate;
mod figure;
mod findings;
#[cfg(test)]
mod fixtures;
mod fresh_start;
mod lab;
mod monitor;
mod outbox;
mod places;
mod save_run;
pub mod screen;
mod sensor;
mod sentence;
mod symbol;
mod tally;
#[cfg(test)]
mod tests;
mod theme;
mod topology;
mod transport;
mod windows;

use std::path::PathBuf;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};
use egui::{Context, ViewportBuilder, ViewportId};

use crate::lab::{Command, Snapshot};
use app::App;
use outbox::Outbox;
pub use screen::{NoWindows, display_available};

/// How the windows are to open.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The Lab's title bar: the scenario's name goes behind "Twinboard - ".
    pub title: String,
    /// Dock the monitors in the Lab from the start.
    pub one_window: bool,
    /// The file that remembers sizes and places; none means the system's usual place.
    pub memory: Option<PathBuf>,
}

/// Wakes the windows after a snapshot was sent. Cheap; any thread may have one.
#[derive(Debug, Clone)]
pub struct Waker {
    ctx: Context,
}

impl Waker {
    /// Has the windows look for new snapshots.
    pub fn wake(&self) {
        // The Lab is the one that looks, and wakes those windows that show something new.
        self.ctx.request_repaint_of(ViewportId::ROOT);
    }
}

/// Opens the windows and returns after the last one is closed; for the main thread alone.
///
/// `on_ready` is given the waker before the first frame. Closing the Lab sends [`Command::Quit`];
/// a world that drops its end of `snapshots` closes the windows. The caller waits for the world to
/// end after this returns.
///
/// # Errors
/// [`NoWindows`], where there is no display, with the command that needs none.
pub fn run(
    options: Options,
    snapshots: Receiver<Arc<Snapshot>>,
    commands: Sender<Command>,
    on_ready: impl FnOnce(Waker) + 'static,
) -> anyhow::Result<()> {
    display_available()?;
    let Options { title, one_window, memory } = options;
    let native = eframe::NativeOptions {
        viewport: ViewportBuilder::default()
            .with_title(format!("Twinboard - {title}"))
            .with_app_id("twinboard")
            .with_inner_size([1300.0, 560.0])
            .with_min_inner_size([620.0, 200.0]),
        renderer: eframe::Renderer::Glow,
        persistence_path: memory,
        ..eframe::NativeOptions::default()
    };
    let made = eframe::run_native(
        "twinboard",
        native,
        Box::new(move |cc| {
            theme::install(&cc.egui_ctx);
            on_ready(Waker { ctx: cc.egui_ctx.clone() });
            let outbox = Outbox::new(&cc.egui_ctx, commands);
            Ok(Box::new(App::new(snapshots, outbox, one_window, cc.storage)))
        }),
    );
    made.map_err(|error| NoWindows::from_toolkit(&error).into())
}
