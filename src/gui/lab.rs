//! The Lab: the drawing of the boards, the running list of events, trouble, findings, and what
//! concerns the whole world. Knows the truth of a snapshot.

use std::collections::BTreeSet;

use egui::{Align, CentralPanel, Frame, Layout, Margin, Panel, RichText, ScrollArea, Ui};

use super::clock::Clock;
use super::controls;
use super::events::Events;
use super::fresh_start::FreshStart;
use super::outbox::{Ask, Outbox};
use super::save_run::SaveRun;
use super::{findings, theme, topology, transport};
use crate::lab::Snapshot;
use crate::lab::snapshot::Run;

/// From this height on, the events lie below the drawing; in points.
const TALL: f32 = 460.0;
/// From this width on, a low Lab has the events beside the drawing; in points.
const WIDE: f32 = 1150.0;

/// From this width on, the title row has room for all themes; in points.
const ALL_THEMES: f32 = 780.0;

/// What the Lab remembers between frames.
#[derive(Debug, Default)]
pub struct Lab {
    events: Events,
    fresh_start: FreshStart,
    save_run: SaveRun,
    /// A low and narrow Lab shows one of drawing and events.
    events_in_front: bool,
    /// Trouble that was read and put away.
    dismissed: BTreeSet<String>,
    /// A command that could not be handed over.
    unsent: Option<String>,
}

/// What a person asked the application for in the Lab's title row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Put all windows where they first were.
    Arrange,
}

impl Lab {
    /// A command could not be handed over.
    pub fn trouble(&mut self, words: String) {
        self.unsent = Some(words);
    }

    /// Shows the Lab in all of `ui`.
    pub fn show(
        &mut self,
        ui: &mut Ui,
        snapshot: &Snapshot,
        clock: Clock,
        outbox: &Outbox,
        docked: bool,
    ) -> Option<Wish> {
        let low = ui.available_height() < TALL;
        let tabs = low && ui.available_width() < WIDE;
        let bare = Frame::new();
        let wish = Panel::top("lab head")
            .frame(bare.inner_margin(Margin { bottom: 8, ..Margin::ZERO }))
            .show_separator_line(false)
            .resizable(false)
            .show(ui, |ui| {
                let wish = self.head(ui, snapshot, outbox, docked, tabs);
                self.troubles(ui, snapshot);
                findings::show(ui, &snapshot.findings);
                wish
            })
            .inner;
        self.transport(ui, snapshot, outbox);
        let drawing = |ui: &mut Ui| {
            ScrollArea::both().id_salt("drawing").auto_shrink([false, false]).show(ui, |ui| {
                topology::show(ui, snapshot, clock, outbox);
            });
        };
        if tabs {
            if self.events_in_front {
                self.events.show(ui, snapshot, clock);
            } else {
                drawing(ui);
            }
        } else if low {
            let half = ui.available_width() * 0.36;
            Panel::right("lab events beside")
                .frame(bare.inner_margin(Margin { left: 10, ..Margin::ZERO }))
                .show_separator_line(false)
                .default_size(half)
                .show(ui, |ui| self.events.show(ui, snapshot, clock));
            CentralPanel::default().frame(bare).show(ui, drawing);
        } else {
            let height = (ui.available_height() * 0.34).clamp(125.0, 400.0);
            Panel::bottom("lab events below")
                .frame(bare.inner_margin(Margin { top: 8, ..Margin::ZERO }))
                .show_separator_line(false)
                .resizable(true)
                .default_size(height)
                .min_size(110.0)
                .show(ui, |ui| self.events.show(ui, snapshot, clock));
            CentralPanel::default().frame(bare).show(ui, drawing);
        }
        self.fresh_start.show(ui, snapshot, outbox);
        wish
    }

    /// The bar to go through the run, where that can be done.
    fn transport(&mut self, ui: &mut Ui, snapshot: &Snapshot, outbox: &Outbox) {
        let Some(stands) = &snapshot.transport else { return };
        let save = Panel::bottom("lab transport")
            .frame(Frame::new().inner_margin(Margin { top: 8, ..Margin::ZERO }))
            .show_separator_line(false)
            .resizable(false)
            .show(ui, |ui| transport::show(ui, stands, outbox))
            .inner;
        if save {
            self.save_run.open(outbox);
        }
        self.save_run.show(ui, stands, outbox);
    }

    fn head(
        &mut self,
        ui: &mut Ui,
        snapshot: &Snapshot,
        outbox: &Outbox,
        docked: bool,
        tabs: bool,
    ) -> Option<Wish> {
        let mut wish = None;
        let room = ui.available_width() >= ALL_THEMES;
        ui.horizontal(|ui| {
            let title = ui.label(RichText::new(&snapshot.title).heading());
            title.on_hover_text(match &snapshot.transport {
                None => format!("State is kept in {}", snapshot.data.display()),
                Some(it) => format!("In simulated time, seed {}: nothing is kept", it.seed),
            });
            if tabs {
                ui.selectable_value(&mut self.events_in_front, false, "Drawing");
                ui.selectable_value(&mut self.events_in_front, true, "Events");
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                // In simulated time one goes back to the beginning.
                if snapshot.transport.is_none() {
                    if controls::named(ui, "Fresh start…", "").clicked() {
                        self.fresh_start.open();
                    }
                    ui.separator();
                }
                let words = if docked { "Undock" } else { "Dock" };
                let hint = "One window for everything, or a window for each (F9)";
                if controls::named(ui, words, "windows").on_hover_text(hint).clicked() {
                    outbox.ask(Ask::ToggleDock);
                }
                if !docked {
                    let hint = "Monitors side by side, the Lab below";
                    if controls::named(ui, "Arrange", "windows").on_hover_text(hint).clicked() {
                        wish = Some(Wish::Arrange);
                    }
                }
                ui.separator();
                if room {
                    theme_choice(ui);
                } else {
                    ui.menu_button("Theme", theme_choice);
                }
            });
        });
        wish
    }

    /// Everything that could not be done, in full, until it is read.
    fn troubles(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        let current = troubles(snapshot);
        // The same words are news again when they come again.
        self.dismissed.retain(|words| current.iter().any(|(_, now)| now == words));
        for (title, words) in current {
            if !self.dismissed.contains(&words) && strip(ui, &title, &words) {
                self.dismissed.insert(words);
            }
        }
        if let Some(words) = &self.unsent
            && strip(ui, "Not done", words)
        {
            self.unsent = None;
        }
    }
}

/// What failed, and in which words. The world's own trouble is left out where the part that has it
/// says the same.
fn troubles(snapshot: &Snapshot) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for board in snapshot.boards.iter().filter(|board| board.power) {
        let broker = (format!("{}'s broker", board.title), &board.broker.run);
        let programs = board.programs.iter().map(|it| (it.name.to_string(), &it.run));
        for (who, run) in std::iter::once(broker).chain(programs) {
            if let Run::Failed(why) = run {
                all.push((format!("{who} failed"), why.clone()));
            }
        }
    }
    let told = |words: &String| all.iter().any(|(_, why)| words.contains(why.as_str()));
    if let Some(words) = snapshot.trouble.as_ref().filter(|words| !told(words)) {
        all.insert(0, (String::from("Trouble"), words.clone()));
    }
    all
}

/// Light, dark, or as the system is.
fn theme_choice(ui: &mut Ui) {
    let mut choice = ui.ctx().options(|options| options.theme_preference);
    let before = choice;
    // From right to left, as the row is laid out.
    for (preference, words) in [
        (egui::ThemePreference::Dark, "Dark"),
        (egui::ThemePreference::Light, "Light"),
        (egui::ThemePreference::System, "System"),
    ] {
        ui.selectable_value(&mut choice, preference, words);
    }
    if choice != before {
        ui.ctx().set_theme(choice);
        // The other windows follow when the application sees the change.
        ui.ctx().request_repaint();
    }
}

/// A strip that can be put away; whether it was.
fn strip(ui: &mut Ui, title: &str, words: &str) -> bool {
    let palette = theme::palette(ui);
    theme::strip(palette.bad_fill)
        .show(ui, |ui| {
            ui.horizontal(|ui| {
                let dismissed = controls::named(ui, "Dismiss", title).clicked();
                ui.label(RichText::new(title).strong().color(palette.bad));
                ui.add(egui::Label::new(words).wrap());
                dismissed
            })
            .inner
        })
        .inner
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gui::fixtures;

    #[test]
    fn each_trouble_is_told_once() {
        let check = |trouble: Option<&str>, failed: Option<&str>, expected: &[(&str, &str)]| {
            let mut snapshot = fixtures::dual_board();
            snapshot.trouble = trouble.map(str::to_owned);
            if let Some(why) = failed {
                snapshot.boards[0].broker.run = Run::Failed(why.to_owned());
            }
            let told = troubles(&snapshot);
            let told: Vec<_> = told.iter().map(|(who, why)| (who.as_str(), why.as_str())).collect();
            assert_eq!(told, expected);
        };
        check(None, None, &[]);
        check(Some("no"), None, &[("Trouble", "no")]);
        check(Some("taken"), Some("taken"), &[("Board 1's broker failed", "taken")]);
        let both = [("Trouble", "no"), ("Board 1's broker failed", "taken")];
        check(Some("no"), Some("taken"), &both);
    }
}
