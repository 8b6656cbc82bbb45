//! The window of a tally: how many numbers came, and in red what did not come, came twice or too
//! late. Knows what [`Plate`] says.

use egui::{Frame, Label, Margin, Panel, RichText, Ui, vec2};

use super::faceplate::{self, Plate};
use super::figure::{self, Meaning};
use super::theme;
use crate::card::{CountFace, TallyFace, TallySettings};
use crate::mqtt::Filter;

/// Shows the tally in all of `ui`.
pub fn show(ui: &mut Ui, plate: &Plate<'_>) {
    let salt = plate.program.name.as_str();
    let Some(CountFace::Tally(count)) = &plate.program.face.count else { return };
    Panel::bottom(("tally foot", salt))
        .frame(Frame::new().inner_margin(Margin { top: 8, ..Margin::ZERO }))
        .show_separator_line(false)
        .resizable(false)
        .show(ui, |ui| {
            runs(ui, count);
            odd(ui, plate, count);
            faceplate::foot(ui, plate);
        });
    faceplate::head(ui, plate);
    ui.label(RichText::new(told(&count.settings)).small().color(theme::palette(ui).weak));
    let (width, height) = (ui.available_width(), ui.available_height());
    let large = (height * 0.55 - theme::GAP).max(56.0);
    let small = (height - large - theme::GAP).max(48.0);
    ui.spacing_mut().item_spacing = vec2(theme::GAP, theme::GAP);
    figure::show(ui, count.received, "Received", Meaning::Plain, vec2(width, large));
    ui.horizontal(|ui| {
        let each = (width - 2.0 * theme::GAP) / 3.0;
        for (what, number) in [
            ("Missing", count.missing),
            ("Doubled", count.doubled),
            ("Out of order", count.out_of_order),
        ] {
            figure::show(ui, number, what, Meaning::of_faults(number), vec2(each, small));
        }
    });
}

/// Which numbers of which runs came.
fn runs(ui: &mut Ui, count: &TallyFace) {
    let palette = theme::palette(ui);
    if count.runs.is_empty() {
        let text = RichText::new("No number has come yet.").small().color(palette.weak);
        ui.label(text);
    }
    for run in &count.runs {
        let (first, last) = (figure::grouped(run.first), figure::grouped(run.last));
        let text = format!("Run {} on {}: {first} to {last}", run.run, run.topic);
        let text = RichText::new(text).small().color(palette.weak);
        ui.add(Label::new(text).truncate());
    }
}

/// The last number that was not as it should be.
fn odd(ui: &mut Ui, plate: &Plate<'_>, count: &TallyFace) {
    let Some(odd) = &count.odd else { return };
    let text = format!("{}: {odd}", plate.clock.hms(odd.at));
    ui.add(Label::new(RichText::new(text).small().color(theme::palette(ui).bad)).wrap());
}

/// What a tally was told, in one line: "count · QoS 2".
fn told(settings: &TallySettings) -> String {
    let filters: Vec<_> = settings.topics.iter().map(Filter::as_str).collect();
    let clean = if settings.clean_session { " · clean session" } else { "" };
    format!("{} · QoS {}{clean}", filters.join(", "), settings.qos as u8)
}
