//! The buttons that start, stop, restart and kill a part, and the dot that says whether it runs.
//! Knows a part by its name and its run.

use egui::{Button, Color32, Label, Response, RichText, Role, Sense, Stroke, Ui, WidgetInfo, vec2};

use super::theme::Palette;
use crate::lab::Action;
use crate::lab::snapshot::Run;

/// A button whose accessible name says what it acts upon: "Stop card1_monitor".
pub fn named(ui: &mut Ui, words: &str, what: &str) -> Response {
    let response = ui.add(Button::new(words));
    let label = format!("{} {what}", words.trim_end_matches('…'));
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, label.trim_end()));
    response
}

/// The buttons that make sense now; which one was clicked.
pub fn actions(ui: &mut Ui, what: &str, run: &Run) -> Option<Action> {
    buttons(ui, what, choices(run))
}

/// The same for a part that can be frozen, too.
pub fn actions_and_frost(ui: &mut Ui, what: &str, run: &Run) -> Option<Action> {
    let freeze: &[Choice] = if *run == Run::Running { &[("Freeze", Action::Freeze)] } else { &[] };
    buttons(ui, what, choices(run).iter().chain(freeze))
}

type Choice = (&'static str, Action);

fn choices(run: &Run) -> &'static [Choice] {
    match run {
        Run::Running => {
            &[("Stop", Action::Stop), ("Restart", Action::Restart), ("Kill", Action::Kill)]
        }
        Run::Frozen => &[("Thaw", Action::Thaw), ("Kill", Action::Kill)],
        Run::Stopped | Run::Failed(_) => &[("Start", Action::Start)],
    }
}

fn buttons<'a>(
    ui: &mut Ui,
    what: &str,
    choices: impl IntoIterator<Item = &'a Choice>,
) -> Option<Action> {
    let mut chosen = None;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 5.0;
        for (words, action) in choices {
            if named(ui, words, what).clicked() {
                chosen = Some(*action);
            }
        }
    });
    chosen
}

/// A dot, full or empty, and words.
pub fn status(ui: &mut Ui, colour: Color32, full: bool, words: &str) -> Response {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        let (dot, _) = ui.allocate_exact_size(vec2(8.0, 8.0), Sense::hover());
        if full {
            ui.painter().circle_filled(dot.center(), 4.0, colour);
        } else {
            ui.painter().circle_stroke(dot.center(), 3.5, Stroke::new(1.5, colour));
        }
        ui.add(Label::new(RichText::new(words).small().color(colour)).wrap())
    })
    .inner
}

/// Whether a part runs, in a dot and words; a failure is said in full.
pub fn run(ui: &mut Ui, palette: &Palette, power: bool, run: &Run) {
    match (power, run) {
        (false, _) => status(ui, palette.weak, false, "No power"),
        (true, Run::Running) => status(ui, palette.good, true, "Running"),
        (true, Run::Frozen) => status(ui, palette.warn, false, "Frozen"),
        (true, Run::Stopped) => status(ui, palette.weak, false, "Stopped"),
        (true, Run::Failed(why)) => {
            status(ui, palette.bad, false, "Failed");
            ui.add(Label::new(RichText::new(why).small().color(palette.bad)).wrap())
        }
    };
}
