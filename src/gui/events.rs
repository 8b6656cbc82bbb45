//! The running list of events: one line each, the newest at the bottom, with a filter. Knows the
//! trace of a snapshot.

use std::sync::Arc;

use egui::{Align, Color32, Label, Layout, RichText, ScrollArea, TextEdit, Ui};

use super::clock::Clock;
use super::sentence::{Sentence, Tone};
use super::theme::{self, Palette};
use crate::lab::Snapshot;
use crate::lab::trace::Entry;

/// The list, and what a person filters it by.
#[derive(Debug, Default)]
pub struct Events {
    filter: String,
    /// How many were listed in the last frame.
    listed: usize,
}

impl Events {
    /// Shows the list in all of `ui`.
    pub fn show(&mut self, ui: &mut Ui, snapshot: &Snapshot, clock: Clock) {
        let palette = theme::palette(ui);
        ui.horizontal(|ui| {
            ui.label(RichText::new("Events").font(theme::title_font()));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let hint = "Filter…";
                let width = ui.available_width().min(220.0);
                let edit = TextEdit::singleline(&mut self.filter).hint_text(hint);
                let edit = ui.add(edit.desired_width(width));
                edit.widget_info(|| {
                    egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Filter events")
                });
            });
        });
        theme::card(palette).show(ui, |ui| {
            ui.set_min_size(ui.available_size());
            self.list(ui, snapshot, clock, palette);
        });
    }

    fn list(&mut self, ui: &mut Ui, snapshot: &Snapshot, clock: Clock, palette: &Palette) {
        let words = self.filter.trim().to_lowercase();
        let wanted: Vec<&Arc<Entry>> = if words.is_empty() {
            snapshot.trace.iter().collect()
        } else {
            let matches =
                |entry: &&Arc<Entry>| Sentence::of(snapshot, &entry.event).contains(&words);
            snapshot.trace.iter().filter(matches).collect()
        };
        if wanted.is_empty() {
            let nothing = if words.is_empty() {
                "Nothing happened yet."
            } else {
                "No event has these words."
            };
            ui.label(RichText::new(nothing).color(palette.weak));
            return;
        }
        if self.listed != wanted.len() {
            // The list finds its new end one frame late, and nothing else may ask for that frame.
            self.listed = wanted.len();
            ui.ctx().request_repaint();
        }
        ui.spacing_mut().item_spacing.y = 3.0;
        let height = ui.text_style_height(&egui::TextStyle::Body);
        // A row is as high as it is said to be, or the list would not end where it ends.
        ui.spacing_mut().interact_size.y = height;
        ScrollArea::vertical()
            .id_salt("events")
            .auto_shrink([false, false])
            .stick_to_bottom(true)
            .show_rows(ui, height, wanted.len(), |ui, rows| {
                for entry in &wanted[rows] {
                    line(ui, snapshot, clock, palette, entry);
                }
            });
    }
}

fn line(ui: &mut Ui, snapshot: &Snapshot, clock: Clock, palette: &Palette, entry: &Entry) {
    let Sentence { who, text, tone } = Sentence::of(snapshot, &entry.event);
    ui.horizontal(|ui| {
        // In simulated time one goes from one to the next, and most of a day's start is one second.
        let at = if clock.ticks() { clock.hms(entry.at) } else { clock.hms_milli(entry.at) };
        let at = RichText::new(at).monospace().color(palette.weak);
        ui.label(at).on_hover_text(format!(
            "{}, event {}",
            clock.hms_milli(entry.at),
            entry.number
        ));
        ui.add(Label::new(RichText::new(who).strong()));
        let said = RichText::new(&text).color(colour(palette, tone));
        ui.add(Label::new(said).truncate()).on_hover_text(&text);
    });
}

fn colour(palette: &Palette, tone: Tone) -> Color32 {
    match tone {
        Tone::Plain => palette.text,
        Tone::Good => palette.good,
        Tone::Warn => palette.warn,
        Tone::Bad => palette.bad,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable;

    use super::*;
    use crate::gui::{fixtures, theme};
    use crate::lab::trace::Event;

    #[test]
    fn the_newest_line_comes_into_sight_by_itself() {
        let mut snapshot = fixtures::dual_board();
        let clock = fixtures::clock(&snapshot);
        let add = |snapshot: &mut Snapshot, number| {
            let (at, event) = (Duration::ZERO, Event::Note(format!("line {number}")));
            snapshot.trace.push_back(Arc::new(Entry { number, at, event }));
        };
        (2..60).for_each(|number| add(&mut snapshot, number));
        let state = (Events::default(), snapshot);
        let show = move |ui: &mut Ui, (events, snapshot): &mut (Events, Snapshot)| {
            theme::install(ui.ctx());
            events.show(ui, snapshot, clock);
        };
        let size = egui::vec2(500.0, 200.0);
        let mut harness = Harness::builder().with_size(size).build_ui_state(show, state);
        harness.run();
        for number in 60..63 {
            add(&mut harness.state_mut().1, number);
            // As many frames as are asked for, and not one more.
            harness.run();
            let line = harness.get_by_label(&format!("line {number}")).rect();
            assert!(line.bottom() <= size.y - 8.0, "{line} is cut off");
        }
    }
}
