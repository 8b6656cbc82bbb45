//! Writing a run down: a name for its file, and the string that says the same. Knows no run; what it
//! shows was made for it.

use std::path::PathBuf;

use egui::{Button, Frame, Id, Label, Margin, Modal, RichText, Role, TextEdit, Ui, WidgetInfo};

use super::outbox::Outbox;
use super::theme;
use crate::lab::Command;
use crate::lab::transport::{Order, Shared, Transport};

/// Whether it is open, and what was entered.
#[derive(Debug, Default)]
pub struct SaveRun {
    open: bool,
    /// None until somebody enters something: the proposed name stands.
    file: Option<String>,
}

impl SaveRun {
    /// Opens it, and has the run written down.
    pub fn open(&mut self, outbox: &Outbox) {
        *self = Self { open: true, file: None };
        outbox.send(Command::Transport(Order::Share));
    }

    /// Shows it while it is open.
    pub fn show(&mut self, ui: &Ui, transport: &Transport, outbox: &Outbox) {
        if !self.open {
            return;
        }
        let frame = Frame::popup(ui.style()).inner_margin(Margin::same(18));
        let modal = Modal::new(Id::unique("save run")).frame(frame).show(ui.ctx(), |ui| {
            ui.set_width(460.0_f32.min(ui.ctx().content_rect().width() - 48.0));
            ui.spacing_mut().item_spacing.y = 8.0;
            ui.heading("Save this run");
            ui.label(format!(
                "The scenario, the seed {} and all that was done by hand: whoever has that has \
                 the same run.",
                transport.seed
            ));
            match &transport.shared {
                None => {
                    ui.label("Writing…");
                }
                Some(shared) => {
                    self.file(ui, shared, outbox);
                    string(ui, shared);
                }
            }
            ui.add_space(4.0);
            ui.button("Close").clicked()
        });
        // Esc, and a click beside it, close it too.
        if modal.should_close() || modal.inner {
            self.open = false;
        }
    }

    fn file(&mut self, ui: &mut Ui, shared: &Shared, outbox: &Outbox) {
        let palette = theme::palette(ui);
        ui.horizontal(|ui| {
            ui.label("File");
            let mut file = self.file.clone().unwrap_or_else(|| shared.proposed.clone());
            let width = ui.available_width() - 70.0;
            let edit = ui.add(TextEdit::singleline(&mut file).desired_width(width));
            edit.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "File of the run"));
            if edit.changed() {
                self.file = Some(file.clone());
            }
            if ui.add_enabled(!file.trim().is_empty(), Button::new("Save")).clicked() {
                let path = PathBuf::from(file.trim());
                // What was saved stays in sight until the next name is entered.
                self.file = Some(file);
                outbox.send(Command::Transport(Order::Save(path)));
            }
        });
        match &shared.saved {
            None => {
                let words = "A name alone is in the folder where Twinboard was started.";
                ui.label(RichText::new(words).small().color(palette.weak));
            }
            Some(Ok(path)) => {
                let words = format!("Saved. Again: twinboard replay {}", path.display());
                ui.add(Label::new(RichText::new(words).color(palette.good)).wrap());
            }
            Some(Err(why)) => {
                ui.add(Label::new(RichText::new(why).color(palette.bad)).wrap());
            }
        }
    }
}

fn string(ui: &mut Ui, shared: &Shared) {
    let palette = theme::palette(ui);
    ui.label("Or as a string, for a chat or a report:");
    match &shared.string {
        Err(why) => {
            ui.add(Label::new(RichText::new(why).color(palette.bad)).wrap());
        }
        Ok(string) => {
            ui.horizontal(|ui| {
                let copy = ui.button("Copy");
                copy.widget_info(|| WidgetInfo::labeled(Role::Button, true, "Copy the string"));
                if copy.clicked() {
                    ui.ctx().copy_text(string.clone());
                }
                ui.add(Label::new(RichText::new(string).monospace()).truncate());
            });
        }
    }
}
