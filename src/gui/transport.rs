//! The bar by which a run in simulated time is gone through: play and pause, steps, a slider over
//! what is known, speeds. Knows where the run stands, and not the run.

use std::time::Duration;

use egui::{Button, Response, RichText, Role, Slider, Ui, WidgetInfo};

use super::outbox::Outbox;
use super::theme;
use crate::lab::Command;
use crate::lab::transport::{Order, Speed, Transport};

/// From this width on, everything is in one row; in points.
const ONE_ROW: f32 = 1080.0;
/// The slider is at least this long, in points.
const SHORTEST: f32 = 80.0;
/// Where the run stands takes this much, in points; figures that change must not move the slider.
const FIGURES: f32 = 215.0;

/// What is said wherever time can be turned back.
const FORGETS: &str = "Whatever is clicked after going back begins another branch: what lay ahead \
                       is forgotten";

/// Shows the bar; whether the run is to be saved.
pub fn show(ui: &mut Ui, transport: &Transport, outbox: &Outbox) -> bool {
    let order = |order| outbox.send(Command::Transport(order));
    theme::card(theme::palette(ui))
        .show(ui, |ui| {
            ui.set_min_width(ui.available_width());
            let one_row = ui.available_width() >= ONE_ROW;
            let save = ui
                .horizontal(|ui| {
                    steps(ui, transport, order);
                    ui.separator();
                    speeds(ui, transport, order);
                    ui.separator();
                    let hint = "Write this run down, to play it again or to give it to somebody";
                    let save = button(ui, "Save run…", "Save run").on_hover_text(hint).clicked();
                    if one_row {
                        ui.separator();
                        way(ui, transport, order);
                    }
                    save
                })
                .inner;
            if !one_row {
                ui.horizontal(|ui| way(ui, transport, order));
            }
            save
        })
        .inner
}

/// A button whose accessible name differs from what is on it.
fn button(ui: &mut Ui, words: &str, name: &str) -> Response {
    let response = ui.add(Button::new(words));
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, name));
    response
}

fn steps(ui: &mut Ui, transport: &Transport, order: impl Fn(Order)) {
    let (words, playing, hint) = if transport.playing {
        ("Pause", Order::Pause, "Let no time pass")
    } else {
        ("Play", Order::Play, "Let time pass")
    };
    if button(ui, words, &format!("{words} the run")).on_hover_text(hint).clicked() {
        order(playing);
    }
    ui.separator();
    for (words, name, asked, hint) in [
        ("« Event", "Previous event", Order::Previous, "Back to the event before, of those below"),
        ("‹ Step", "One step back", Order::Back, "Take the last happening back"),
        ("Step ›", "One step forward", Order::Forward, "The next packet, commit, timer or deed"),
        ("Event »", "Next event", Order::Next, "On to the next event; at most a minute"),
    ] {
        let goes_back = matches!(asked, Order::Previous | Order::Back);
        let hint = if goes_back { format!("{hint}.\n{FORGETS}.") } else { hint.to_owned() };
        if button(ui, words, name).on_hover_text(hint).clicked() {
            order(asked);
        }
    }
}

fn speeds(ui: &mut Ui, transport: &Transport, order: impl Fn(Order)) {
    for speed in Speed::ALL {
        let selected = speed == transport.speed;
        let choice = ui.selectable_label(selected, speed.name());
        let hint = format!("{} of real time", speed.name());
        if choice.on_hover_text(hint).clicked() && !selected {
            order(Order::Speed(speed));
        }
    }
}

/// The slider, and in figures where it is.
fn way(ui: &mut Ui, transport: &Transport, order: impl Fn(Order)) {
    let known = transport.known.as_secs_f64();
    let mut at = transport.at.as_secs_f64();
    ui.spacing_mut().slider_width = (ui.available_width() - FIGURES).max(SHORTEST);
    let slider = Slider::new(&mut at, 0.0..=known).show_value(false).smart_aim(false);
    let slider = ui
        .add(slider.trailing_fill(true))
        .on_hover_text(format!("Go to any time of the {known:.3} s that are known.\n{FORGETS}."));
    slider.widget_info(|| WidgetInfo::slider(true, at, "Time of the run"));
    // What the slider rounds is no wish of anybody.
    if slider.changed()
        && let Ok(at) = Duration::try_from_secs_f64(at)
    {
        order(Order::Jump(at.min(transport.known)));
    }
    let palette = theme::palette(ui);
    let behind = transport.is_behind();
    let colour = if behind { palette.warn } else { palette.text };
    let figures = ui.label(RichText::new(figures(transport)).monospace().color(colour));
    let mut hint = format!(
        "Happening {} of {}, seed {}",
        transport.turn, transport.known_turns, transport.seed
    );
    if let Some((done, all)) = transport.script {
        hint = format!("{hint}; the script is at step {done} of {all}");
    }
    if behind {
        hint = format!("{hint}.\n{FORGETS}");
    }
    figures.on_hover_text(format!("{hint}."));
}

/// "12.345678 s of 60.000 s".
fn figures(transport: &Transport) -> String {
    let (at, known) = (transport.at.as_secs_f64(), transport.known.as_secs_f64());
    if transport.is_behind() { format!("{at:.6} s of {known:.3} s") } else { format!("{at:.6} s") }
}
