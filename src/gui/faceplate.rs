//! What all monitors share: title and connection on top, statistics and notes at the bottom. Knows
//! a program's face and whether the program runs, and nothing of the rest of the world.

use egui::{Align, Label, Layout, RichText, Ui, vec2};

use super::clock::Clock;
use super::{figure, sensor, symbol, theme};
use crate::card::{CountFace, Face, Link};
use crate::lab::snapshot::{BoardView, ProgramKind, ProgramView};
use crate::lab::{BoardName, ProgramName, Snapshot};

/// Statistics and the time of the last update need this much to lie in one line; in points.
const BOTH: f32 = 320.0;

/// What one monitor's window is allowed to know.
#[derive(Debug, Clone, Copy)]
pub struct Plate<'a> {
    /// Puts times on the clock.
    pub clock: Clock,
    /// Its board, to give it power.
    pub board: &'a BoardName,
    /// Its board for people.
    pub board_title: &'a str,
    /// Whether the board has power.
    pub power: bool,
    /// The program.
    pub program: &'a ProgramView,
}

impl<'a> Plate<'a> {
    /// The plate of the program `name`, if `snapshot` has it.
    pub fn of(snapshot: &'a Snapshot, clock: Clock, name: &ProgramName) -> Option<Self> {
        let (board, program) = snapshot.program(name)?;
        Some(Self::new(board, program, clock))
    }

    /// The plate of `program` on `board`.
    pub fn new(board: &'a BoardView, program: &'a ProgramView, clock: Clock) -> Self {
        let (power, board_title) = (board.power, board.title.as_str());
        Self { clock, board: &board.name, board_title, power, program }
    }

    /// The window's title.
    pub fn title(&self) -> String {
        match self.program.kind {
            ProgramKind::Card1 | ProgramKind::Card2 => {
                format!("{} - 3 Sensors Monitor", self.board_title)
            }
            ProgramKind::Display => String::from("Global Display - All Sensors"),
            ProgramKind::Counter | ProgramKind::Tally => {
                format!("{} - {}", self.board_title, self.program.name)
            }
        }
    }

    /// What the window says above its content.
    pub fn heading(&self) -> String {
        match self.program.kind {
            ProgramKind::Card1 | ProgramKind::Card2 => self.board_title.to_owned(),
            ProgramKind::Display => String::from("All sensors"),
            ProgramKind::Counter | ProgramKind::Tally => self.program.name.to_string(),
        }
    }
}

/// The title of the window's content, and the connection.
pub fn head(ui: &mut Ui, plate: &Plate<'_>) {
    let palette = theme::palette(ui);
    ui.horizontal(|ui| {
        ui.label(RichText::new(plate.heading()).font(theme::title_font()).strong());
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let face = &plate.program.face;
            let (colour, words, more) = match &face.link {
                Link::Online { since, session_present } => (
                    palette.good,
                    "Connected",
                    format!(
                        "Since {}. {}",
                        plate.clock.hms(*since),
                        if *session_present {
                            "The broker had kept this program's session."
                        } else {
                            "The broker began a new session."
                        }
                    ),
                ),
                Link::Offline { since, reason } => (
                    palette.bad,
                    "Not connected",
                    format!("Since {}: {reason}", plate.clock.hms(*since)),
                ),
            };
            ui.label(RichText::new(words).color(colour)).on_hover_text(more);
            let (dot, _) = ui.allocate_exact_size(vec2(8.0, 8.0), egui::Sense::hover());
            match face.link {
                Link::Online { .. } => ui.painter().circle_filled(dot.center(), 4.0, colour),
                Link::Offline { .. } => {
                    ui.painter().circle_stroke(dot.center(), 3.5, egui::Stroke::new(1.5, colour))
                }
            };
        });
    });
    if let Link::Offline { reason, .. } = &plate.program.face.link {
        let text = RichText::new(reason).small().color(palette.bad);
        ui.add(Label::new(text).truncate());
    }
}

/// Statistics, the time of the last update, and what there is to say.
pub fn foot(ui: &mut Ui, plate: &Plate<'_>) {
    let face = &plate.program.face;
    let palette = theme::palette(ui);
    notes(ui, plate);
    theme::strip(palette.statistics).show(ui, |ui| {
        ui.set_min_width(ui.available_width());
        let updated = match face.updated {
            Some(at) => format!("Updated: {}", plate.clock.hms(at)),
            None => String::from("Not updated yet"),
        };
        let updated = RichText::new(updated).small().color(palette.weak);
        // Beside the statistics where there is room for both, otherwise below.
        let beside = ui.available_width() >= BOTH;
        ui.horizontal(|ui| {
            match &face.count {
                None => statistics(ui, face),
                Some(CountFace::Counter(count)) => {
                    ui.label(format!("Run {}", count.run));
                }
                Some(CountFace::Tally(count)) => {
                    ui.label(format!("Refreshed: {}", figure::grouped(count.refreshed)))
                        .on_hover_text(
                            "Retained messages that the broker told again when this program \
                             subscribed. They are no duplicates.",
                        );
                }
            }
            if beside {
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    ui.label(updated.clone());
                });
            }
        });
        if !beside {
            ui.label(updated);
        }
    });
}

/// "✓ OK: n | ✗ KO: n | ⚪ Unknown: n".
fn statistics(ui: &mut Ui, face: &Face) {
    let (ok, ko, unknown) = face.counts();
    let palette = theme::palette(ui);
    let counts = [(Some(true), ok), (Some(false), ko), (None, unknown)];
    ui.spacing_mut().item_spacing.x = 5.0;
    for (index, (state, count)) in counts.into_iter().enumerate() {
        if index > 0 {
            ui.label(RichText::new("|").color(palette.edge));
        }
        let (rect, _) = ui.allocate_exact_size(vec2(11.0, 11.0), egui::Sense::hover());
        symbol::state(ui.painter(), state, rect.center(), 10.0, palette.text);
        ui.label(format!("{}: {count}", sensor::word(state)));
    }
}

fn notes(ui: &mut Ui, plate: &Plate<'_>) {
    let face = &plate.program.face;
    let palette = theme::palette(ui);
    if !face.note.is_empty() {
        ui.label(RichText::new(&face.note).small().color(palette.weak));
    }
    if let Some(ignored) = &face.ignored {
        let what = if face.ignored_count == 1 { "message" } else { "messages" };
        let text = format!(
            "{} {what} ignored, the last at {} on {}: {}",
            face.ignored_count,
            plate.clock.hms(ignored.at),
            ignored.topic,
            ignored.reason
        );
        let text = RichText::new(text).small().color(palette.warn);
        ui.add(Label::new(text).wrap());
    }
}
