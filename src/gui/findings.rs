//! What the linter says of the scenario's files: one quiet line, and all of it when it is opened.
//! Knows findings as a snapshot has them.

use egui::{CollapsingHeader, Color32, Label, RichText, ScrollArea, Ui};

use super::theme::{self, Palette};
use crate::lint::{Finding, Severity};

/// The most of the Lab's height that the list takes, in points.
const MOST: f32 = 180.0;

/// Shows the findings, if there are any.
pub fn show(ui: &mut Ui, findings: &[Finding]) {
    if findings.is_empty() {
        return;
    }
    let palette = theme::palette(ui);
    let worst = findings.iter().map(|it| it.severity).max().unwrap_or(Severity::Note);
    let title = RichText::new(title(findings)).color(colour(palette, worst));
    CollapsingHeader::new(title).id_salt("findings").show(ui, |ui| {
        // Without a least height it would stay as low as the panel was when it was closed.
        let list = ScrollArea::vertical().id_salt("findings list").max_height(MOST);
        list.min_scrolled_height(MOST).show(ui, |ui| {
            for finding in findings {
                one(ui, palette, finding);
            }
        });
    });
}

/// How many there are.
fn title(findings: &[Finding]) -> String {
    match findings.len() {
        1 => String::from("1 finding in the conf files"),
        more => format!("{more} findings in the conf files"),
    }
}

fn one(ui: &mut Ui, palette: &Palette, finding: &Finding) {
    ui.horizontal_wrapped(|ui| {
        let id = RichText::new(finding.id).strong().color(colour(palette, finding.severity));
        ui.label(id).on_hover_text(format!("twinboard check --explain {}", finding.id));
        let place = match finding.line {
            Some(line) => format!("{}:{line}", finding.file),
            None => finding.file.clone(),
        };
        ui.label(RichText::new(place).monospace().color(palette.weak));
    });
    ui.add(Label::new(&finding.what).wrap());
    let cure = RichText::new(format!("Cure: {}", finding.cure)).color(palette.weak);
    ui.add(Label::new(cure).wrap());
}

fn colour(palette: &Palette, severity: Severity) -> Color32 {
    match severity {
        Severity::Note => palette.weak,
        Severity::Warning => palette.warn,
        Severity::Error => palette.bad,
    }
}
