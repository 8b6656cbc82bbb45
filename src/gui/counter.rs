//! The window of a counter: how far it has counted, what its broker has of that, and buttons for
//! more. Knows what [`Plate`] says.

use std::time::Duration;

use egui::{Button, Frame, Margin, Panel, RichText, Ui, vec2};

use super::faceplate::{self, Plate};
use super::figure::{self, Meaning};
use super::outbox::Outbox;
use super::theme;
use crate::card::{CountFace, CounterSettings};
use crate::lab::Command;

/// From so many on, unacknowledged numbers are worth a look; a few are always under way.
pub const MANY: u64 = 20;

/// Shows the counter in all of `ui`.
pub fn show(ui: &mut Ui, plate: &Plate<'_>, outbox: &Outbox) {
    let salt = plate.program.name.as_str();
    Panel::bottom(("counter foot", salt))
        .frame(Frame::new().inner_margin(Margin { top: 8, ..Margin::ZERO }))
        .show_separator_line(false)
        .resizable(false)
        .show(ui, |ui| {
            buttons(ui, plate, outbox);
            ui.add_space(theme::GAP);
            faceplate::foot(ui, plate);
        });
    faceplate::head(ui, plate);
    let Some(CountFace::Counter(count)) = &plate.program.face.count else { return };
    ui.label(RichText::new(told(&count.settings)).small().color(theme::palette(ui).weak));
    let (width, height) = (ui.available_width(), ui.available_height());
    let large = (height * 0.55 - theme::GAP).max(56.0);
    let small = (height - large - theme::GAP).max(48.0);
    ui.spacing_mut().item_spacing = vec2(theme::GAP, theme::GAP);
    figure::show(ui, count.published, "Published", Meaning::Plain, vec2(width, large));
    ui.horizontal(|ui| {
        let open = |count, from| if count < from { Meaning::Plain } else { Meaning::Open };
        let figures = [
            ("Acknowledged", count.acknowledged, Meaning::Plain),
            ("Unacknowledged", count.unacknowledged(), open(count.unacknowledged(), MANY)),
            ("Waiting", count.waiting, open(count.waiting, 1)),
        ];
        // What is asked for and not counted yet is rare, and shown when there is some.
        let shown = if count.waiting == 0 { &figures[..2] } else { &figures[..] };
        let columns = if count.waiting == 0 { 2.0 } else { 3.0 };
        let each = (width - theme::GAP * (columns - 1.0)) / columns;
        for (what, number, meaning) in shown {
            figure::show(ui, *number, what, *meaning, vec2(each, small));
        }
    });
}

fn buttons(ui: &mut Ui, plate: &Plate<'_>, outbox: &Outbox) {
    ui.horizontal(|ui| {
        let each = (ui.available_width() - theme::GAP) / 2.0;
        for (words, count) in [("Publish one", 1), ("Publish 100", 100)] {
            let button = Button::new(RichText::new(words).size(15.0));
            if ui.add(button.min_size(vec2(each, theme::FINGER))).clicked() {
                let program = plate.program.name.clone();
                outbox.send(Command::Publish { program, count });
            }
        }
    });
}

/// What a counter was told, in one line: "count · QoS 2 · 10 a second up to 400".
fn told(settings: &CounterSettings) -> String {
    let CounterSettings { topic, every, qos, retain, limit, clean_session, .. } = settings;
    let mut told = vec![format!("{topic} · QoS {}", *qos as u8)];
    if *retain {
        told.push("retained".to_owned());
    }
    if *clean_session {
        told.push("clean session".to_owned());
    }
    told.push(match (every, limit) {
        (None, _) => "by hand".to_owned(),
        (Some(every), None) => pace(*every),
        (Some(every), Some(limit)) => format!("{} up to {}", pace(*every), figure::grouped(*limit)),
    });
    told.join(" · ")
}

/// A rate in words: "10 a second", "one in 2.5 s".
fn pace(every: Duration) -> String {
    let seconds = every.as_secs_f64();
    if seconds > 1.0 {
        return format!("one in {} s", short(seconds));
    }
    format!("{} a second", short(seconds.recip()))
}

/// A number with two digits behind the point at most.
fn short(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::{ClientId, QoS, Topic};

    #[test]
    fn what_a_counter_was_told() {
        let plain = CounterSettings {
            client_id: ClientId::new("counter"),
            topic: Topic::parse("count").expect("a topic"),
            every: Some(Duration::from_secs(1)),
            qos: QoS::ExactlyOnce,
            retain: false,
            limit: None,
            clean_session: false,
        };
        assert_eq!(told(&plain), "count · QoS 2 · 1 a second");
        let every = |ms| Some(Duration::from_millis(ms));
        let fast = CounterSettings { every: every(3), limit: Some(4_000), ..plain.clone() };
        assert_eq!(told(&fast), "count · QoS 2 · 333.33 a second up to 4,000");
        let slow = CounterSettings { every: every(2_500), retain: true, ..plain.clone() };
        assert_eq!(told(&slow), "count · QoS 2 · retained · one in 2.5 s");
        let hand = CounterSettings { every: None, limit: Some(9), clean_session: true, ..plain };
        assert_eq!(told(&hand), "count · QoS 2 · clean session · by hand");
    }
}
