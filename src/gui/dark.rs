//! The window of a program that does not run: dark, with the one button that helps. Knows what a
//! monitor may know.

use egui::{Button, Frame, RichText, Ui, vec2};

use super::faceplate::Plate;
use super::outbox::{Ask, Outbox};
use super::theme;
use crate::lab::snapshot::Run;
use crate::lab::{Action, Command};

/// Whether the window of this program is dark.
pub fn is_dark(plate: &Plate<'_>) -> bool {
    !plate.power || plate.program.run != Run::Running
}

/// Shows why the program does not run, and how to make it run.
pub fn show(ui: &mut Ui, plate: &Plate<'_>, outbox: &Outbox) {
    let palette = theme::palette(ui);
    let size = ui.available_size();
    Frame::new().fill(palette.dark).corner_radius(theme::ROUND).show(ui, |ui| {
        ui.set_min_size(size);
        ui.vertical_centered(|ui| {
            ui.add_space((size.y * 0.5 - 64.0).max(16.0));
            ui.label(
                RichText::new(plate.heading()).font(theme::title_font()).color(palette.on_dark),
            );
            let (words, verb) = if plate.power {
                match &plate.program.run {
                    Run::Failed(why) => (why.clone(), "Start"),
                    Run::Frozen => (format!("{} is frozen", plate.program.name), "Thaw"),
                    _ => (format!("{} is stopped", plate.program.name), "Start"),
                }
            } else {
                (format!("{} has no power", plate.board_title), "Power on")
            };
            ui.label(RichText::new(words).color(palette.on_dark));
            ui.add_space(theme::GAP);
            let button = Button::new(RichText::new(verb).size(15.0));
            if ui.add(button.min_size(vec2(140.0, theme::FINGER))).clicked() {
                outbox.send(if plate.power {
                    let program = plate.program.name.clone();
                    let frozen = plate.program.run == Run::Frozen;
                    let action = if frozen { Action::Thaw } else { Action::Start };
                    Command::Program { program, action }
                } else {
                    Command::Power { board: plate.board.clone(), on: true }
                });
                outbox.ask(Ask::Reopen(plate.program.name.clone()));
            }
        });
    });
}
