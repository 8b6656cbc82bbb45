//! The question before a fresh start: what goes, that it is kept aside, and what can be put back.
//! Knows the brokers' holdings.

use egui::{Button, Frame, Id, Margin, Modal, RichText, ScrollArea, Ui};

use super::outbox::Outbox;
use super::theme;
use crate::lab::snapshot::{Holdings, Run};
use crate::lab::{Command, Snapshot};

/// Whether the question is open.
#[derive(Debug, Default)]
pub struct FreshStart {
    open: bool,
}

impl FreshStart {
    /// Asks the question.
    pub fn open(&mut self) {
        self.open = true;
    }

    /// Shows the question while it is open.
    pub fn show(&mut self, ui: &Ui, snapshot: &Snapshot, outbox: &Outbox) {
        if !self.open {
            return;
        }
        let frame = Frame::popup(ui.style()).inner_margin(Margin::same(18));
        let modal = Modal::new(Id::unique("fresh start")).frame(frame).show(ui.ctx(), |ui| {
            ui.set_width(440.0_f32.min(ui.ctx().content_rect().width() - 48.0));
            ui.spacing_mut().item_spacing.y = 8.0;
            ui.heading("Start fresh?");
            ui.label("Everything starts again on an empty state. This goes:");
            goes(ui, snapshot);
            ui.label("The old state is kept aside and can be put back.");
            let done = answer(ui, outbox);
            put_back(ui, snapshot, outbox) || done
        });
        // Esc, and a click beside it, are a Cancel.
        if modal.should_close() || modal.inner {
            self.open = false;
        }
    }
}

/// The two answers; whether one was given.
fn answer(ui: &mut Ui, outbox: &Outbox) -> bool {
    ui.horizontal(|ui| {
        let words = RichText::new("Start fresh").color(theme::ON_STATE);
        let sure = ui.add(Button::new(words).fill(theme::KO)).clicked();
        if sure {
            outbox.send(Command::FreshStart);
        }
        let cancel = ui.button("Cancel");
        // Whoever presses Enter without reading loses nothing.
        if ui.memory(|memory| memory.focused().is_none()) {
            cancel.request_focus();
        }
        sure || cancel.clicked()
    })
    .inner
}

/// "3 retained messages, 2 sessions, 4 queued".
pub fn in_words(holdings: Holdings) -> String {
    let plural = |count: usize, one: &str, more: &str| {
        let word = if count == 1 { one } else { more };
        format!("{count} {word}")
    };
    format!(
        "{}, {}, {} queued",
        plural(holdings.retained, "retained message", "retained messages"),
        plural(holdings.sessions, "session", "sessions"),
        holdings.queued
    )
}

fn goes(ui: &mut Ui, snapshot: &Snapshot) {
    theme::strip(theme::palette(ui).statistics).show(ui, |ui| {
        ui.set_min_width(ui.available_width());
        for board in &snapshot.boards {
            let broker = &board.broker;
            let unknown = !matches!(broker.run, Run::Running | Run::Frozen)
                && broker.holdings == Holdings::default();
            let words = if !broker.tells {
                String::from("whatever its broker holds, which does not say")
            } else if unknown && broker.persistent {
                String::from("whatever its broker, which does not run, left on disk")
            } else {
                in_words(broker.holdings)
            };
            ui.label(format!("{}: {words}", board.title));
        }
    });
}

/// The states kept aside; whether one is to be put back.
fn put_back(ui: &mut Ui, snapshot: &Snapshot, outbox: &Outbox) -> bool {
    if snapshot.aside.is_empty() {
        return false;
    }
    let mut done = false;
    ui.separator();
    ui.label("Kept aside:");
    ScrollArea::vertical().id_salt("aside").max_height(140.0).show(ui, |ui| {
        for aside in &snapshot.aside {
            ui.horizontal(|ui| {
                let name = aside.file_name().map_or_else(
                    || aside.display().to_string(),
                    |name| name.to_string_lossy().into_owned(),
                );
                let button = ui.button("Put back");
                button.widget_info(|| {
                    egui::WidgetInfo::labeled(egui::Role::Button, true, format!("Put back {name}"))
                });
                if button.clicked() {
                    outbox.send(Command::PutBack { aside: aside.clone() });
                    done = true;
                }
                ui.label(name).on_hover_text(aside.display().to_string());
            });
        }
    });
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holdings_are_named() {
        let check = |retained, sessions, queued, expected: &str| {
            let holdings = Holdings { retained, sessions, queued, refused: 0 };
            assert_eq!(in_words(holdings), expected);
        };
        check(3, 2, 4, "3 retained messages, 2 sessions, 4 queued");
        check(1, 1, 1, "1 retained message, 1 session, 1 queued");
        check(0, 0, 0, "0 retained messages, 0 sessions, 0 queued");
    }
}
