//! The application: takes snapshots in, decides which windows exist, hands each what it may know.
//! Owns no part of the world.
//!
//! ```text
//! world --- Snapshot ---> App::tick --- the last one ---> windows (deferred viewports)
//! world <-- Command ----- Outbox <------------------------ clicks
//! ```

use std::sync::Arc;

use crossbeam_channel::{Receiver, TryRecvError};
use eframe::Storage;
use egui::{CentralPanel, Context, Key, Ui, ViewportBuilder, ViewportCommand, ViewportId};

use super::clock::Clock;
use super::faceplate::Plate;
use super::lab::{Lab, Wish};
use super::outbox::{Ask, Outbox};
use super::places::{Places, viewport};
use super::windows::Windows;
use super::{arrangement, counter, dark, display, dock, monitor, tally, theme};
use crate::lab::snapshot::{BoardView, ProgramKind, ProgramView};
use crate::lab::{Action, Command, Snapshot};

/// All windows' state.
#[derive(Debug)]
pub struct App {
    snapshots: Receiver<Arc<Snapshot>>,
    asked: Receiver<Ask>,
    outbox: Outbox,
    seen: Option<(Arc<Snapshot>, Clock)>,
    windows: Windows,
    lab: Lab,
    docked: bool,
    places: Places,
    quitting: bool,
    theme: Option<egui::Theme>,
}

impl App {
    /// The application over these snapshots; `storage` has the places of the last time.
    pub fn new(
        snapshots: Receiver<Arc<Snapshot>>,
        (outbox, asked): (Outbox, Receiver<Ask>),
        one_window: bool,
        storage: Option<&dyn Storage>,
    ) -> Self {
        Self {
            snapshots,
            asked,
            outbox,
            seen: None,
            windows: Windows::default(),
            lab: Lab::default(),
            docked: one_window,
            places: Places::load(storage),
            quitting: false,
            theme: None,
        }
    }

    /// Takes in what came since the last frame. Shows nothing.
    pub fn tick(&mut self, ctx: &Context) {
        self.receive(ctx);
        if let Some((snapshot, _)) = &self.seen {
            self.places.look(ctx, snapshot);
        }
        self.follow_theme(ctx);
        while let Ok(ask) = self.asked.try_recv() {
            self.answer(ctx, ask);
        }
        if ctx.input(|input| input.viewport().close_requested()) {
            self.quit();
        }
    }

    /// Shows the Lab, and has the other windows shown.
    pub fn show(&mut self, ui: &mut Ui) {
        if ui.input(|input| input.key_pressed(Key::F9)) {
            self.outbox.ask(Ask::ToggleDock);
        }
        let ground = theme::ground(theme::palette(ui));
        let Some((snapshot, clock)) = self.seen.clone() else {
            CentralPanel::default().frame(ground).show(ui, |ui| {
                ui.centered_and_justified(|ui| ui.label("Starting…"));
            });
            return;
        };
        self.places.complete(ui.ctx(), &snapshot, self.docked);
        let wish = CentralPanel::default()
            .frame(ground)
            .show(ui, |ui| {
                let Self { lab, outbox, windows, docked, .. } = self;
                if !*docked {
                    return lab.show(ui, &snapshot, clock, outbox, false);
                }
                dock::show(ui, &snapshot, clock, outbox, windows, |ui| {
                    lab.show(ui, &snapshot, clock, outbox, true)
                })
            })
            .inner;
        if wish == Some(Wish::Arrange) {
            self.places.arrange(ui.ctx(), &snapshot);
        }
        if !self.docked {
            self.show_monitors(ui.ctx(), &snapshot, clock);
        }
    }

    /// Tells the world to end, once.
    pub fn quit(&mut self) {
        if !self.quitting {
            self.quitting = true;
            self.outbox.send_quit();
        }
    }

    fn receive(&mut self, ctx: &Context) {
        let before = self.seen.as_ref().map(|(snapshot, _)| Arc::clone(snapshot));
        loop {
            match self.snapshots.try_recv() {
                Ok(snapshot) => {
                    self.windows.follow(&snapshot);
                    let clock = Clock::new(&snapshot);
                    self.seen = Some((snapshot, clock));
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    // The world has ended; there is nothing left to show.
                    self.quitting = true;
                    ctx.send_viewport_cmd_to(ViewportId::ROOT, ViewportCommand::Close);
                    break;
                }
            }
        }
        let Some((now, _)) = &self.seen else { return };
        if self.docked || before.as_ref().is_some_and(|before| Arc::ptr_eq(before, now)) {
            return;
        }
        for (board, program) in programs(now) {
            let same = before
                .as_ref()
                .and_then(|before| before.program(&program.name))
                .is_some_and(|(old_board, old)| {
                    old_board.power == board.power
                        && old.run == program.run
                        && old.face == program.face
                });
            if !same {
                ctx.request_repaint_of(viewport(&program.name));
            }
        }
    }

    /// A window that is left alone would keep the colours it was last painted in.
    fn follow_theme(&mut self, ctx: &Context) {
        let theme = Some(ctx.theme());
        if self.theme != theme {
            self.theme = theme;
            let Some((snapshot, _)) = &self.seen else { return };
            for (_, program) in programs(snapshot) {
                ctx.request_repaint_of(viewport(&program.name));
            }
        }
    }

    fn answer(&mut self, ctx: &Context, ask: Ask) {
        match ask {
            Ask::Closed(program) => {
                let Some((snapshot, _)) = &self.seen else { return };
                self.places.closed(&program);
                if self.windows.close(&program, snapshot) {
                    self.outbox.send(Command::Program { program, action: Action::Stop });
                }
            }
            Ask::Reopen(program) => self.windows.reopen(&program),
            Ask::ToggleDock => {
                let Some((snapshot, _)) = &self.seen else { return };
                self.docked = !self.docked;
                if self.docked {
                    self.places.dock(ctx);
                } else {
                    self.places.undock(ctx, snapshot);
                }
                ctx.request_repaint();
            }
            Ask::Trouble(words) => self.lab.trouble(words),
        }
    }

    fn show_monitors(&self, ctx: &Context, snapshot: &Arc<Snapshot>, clock: Clock) {
        for (board, program) in programs(snapshot) {
            if !self.windows.is_open(&program.name) {
                continue;
            }
            let title = Plate::new(board, program, clock).title();
            let place = self.places.opening(program);
            let mut builder = ViewportBuilder::default()
                .with_title(title)
                .with_app_id("twinboard")
                .with_inner_size(place.size)
                .with_min_inner_size(arrangement::least_size(program.kind));
            if let Some(pos) = place.pos {
                builder = builder.with_position(pos);
            }
            let (snapshot, outbox) = (Arc::clone(snapshot), self.outbox.clone());
            let name = program.name.clone();
            ctx.show_viewport_deferred(viewport(&program.name), builder, move |ui, _| {
                if let Some(plate) = Plate::of(&snapshot, clock, &name) {
                    show_window(ui, &plate, &outbox);
                }
            });
        }
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &Context, _frame: &mut eframe::Frame) {
        self.tick(ctx);
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.show(ui);
    }

    fn save(&mut self, storage: &mut dyn Storage) {
        self.places.save(storage);
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        self.quit();
    }
}

/// Shows a program's content: its monitor or display, or the dark in which it is not running.
pub fn show_content(ui: &mut Ui, plate: &Plate<'_>, outbox: &Outbox) {
    if dark::is_dark(plate) {
        dark::show(ui, plate, outbox);
        return;
    }
    match plate.program.kind {
        ProgramKind::Card1 | ProgramKind::Card2 => monitor::show(ui, plate, outbox),
        ProgramKind::Display => display::show(ui, plate),
        ProgramKind::Counter => counter::show(ui, plate, outbox),
        ProgramKind::Tally => tally::show(ui, plate),
    }
}

fn show_window(ui: &mut Ui, plate: &Plate<'_>, outbox: &Outbox) {
    let (close, dock) =
        ui.input(|input| (input.viewport().close_requested(), input.key_pressed(Key::F9)));
    if close {
        outbox.ask(Ask::Closed(plate.program.name.clone()));
    }
    if dock {
        outbox.ask(Ask::ToggleDock);
    }
    let palette = theme::palette(ui);
    let fill = if dark::is_dark(plate) { palette.dark } else { palette.window };
    let ground = theme::ground(palette).fill(fill);
    CentralPanel::default().frame(ground).show(ui, |ui| show_content(ui, plate, outbox));
}

fn programs(snapshot: &Snapshot) -> impl Iterator<Item = (&BoardView, &ProgramView)> {
    snapshot
        .boards
        .iter()
        .flat_map(|board| board.programs.iter().map(move |program| (board, program)))
}
