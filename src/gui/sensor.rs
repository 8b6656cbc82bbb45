//! One sensor: a button large enough for a finger, or a tile that only shows. Knows one sensor as
//! its program knows it, and the clock.
//!
//! State is told by colour, by symbol, by outline and in words.

use std::time::Duration;

use egui::{
    Align2, FontId, Pos2, Rect, Response, Role, Sense, Stroke, StrokeKind, TextStyle, Ui, Vec2,
    WidgetInfo, pos2, vec2,
};

use super::clock::Clock;
use super::{symbol, theme};
use crate::card::{Origin, SensorFace};

/// Shows a sensor that can be clicked, `size` points large.
pub fn button(ui: &mut Ui, clock: Clock, sensor: &SensorFace, size: Vec2) -> Response {
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let label = label(clock, sensor, None);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &label));
    let pressed = response.is_pointer_button_down_on();
    let fill = theme::touched(theme::state_fill(sensor.state), response.hovered(), pressed);
    paint(ui, rect, sensor, clock, fill);
    if response.has_focus() {
        let stroke = Stroke::new(3.0, theme::palette(ui).accent);
        let round = f32::from(theme::ROUND) + 3.0;
        ui.painter().rect_stroke(rect.expand(3.0), round, stroke, StrokeKind::Middle);
    }
    response
        .on_hover_cursor(egui::CursorIcon::PointingHand)
        .on_hover_text(format!("Click or press {} to toggle", sensor.number.0))
}

/// Shows a sensor that is only heard of. With `as_of` it is hatched: the state is that old, and
/// may have changed since.
pub fn tile(
    ui: &mut Ui,
    clock: Clock,
    sensor: &SensorFace,
    size: Vec2,
    as_of: Option<Duration>,
) -> Response {
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let label = label(clock, sensor, as_of);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &label));
    let fill = theme::state_fill(sensor.state);
    paint(ui, rect, sensor, clock, fill);
    if as_of.is_some() {
        symbol::hatch(ui.painter(), rect.shrink(2.0), theme::palette(ui).hatch);
        // The text once more, above the lines, on ground of its own.
        text(ui, rect, sensor, clock, Some(fill));
    }
    response.on_hover_text(label)
}

/// The state in words.
pub fn word(state: Option<bool>) -> &'static str {
    match state {
        Some(true) => "OK",
        Some(false) => "KO",
        None => "Unknown",
    }
}

/// How the program came to the state, and when: "clicked here 12:03:04".
pub fn provenance(clock: Clock, sensor: &SensorFace) -> String {
    let Some((origin, at)) = sensor.origin else {
        return String::from("nothing known yet");
    };
    let how = match origin {
        Origin::Clicked => "clicked here",
        Origin::Live => "arrived live",
        Origin::Restored => "restored",
        Origin::Started => "started as OK",
    };
    format!("{how} {}", clock.hms(at))
}

/// What a screen reader says: "Sensor 2: KO, clicked here 12:03:04, not sent yet".
fn label(clock: Clock, sensor: &SensorFace, as_of: Option<Duration>) -> String {
    let mut label = format!(
        "Sensor {}: {}, {}",
        sensor.number.0,
        word(sensor.state),
        provenance(clock, sensor)
    );
    if sensor.unsent {
        label += ", not sent yet";
    }
    if let Some(at) = as_of {
        label += ", as of ";
        label += &clock.hms(at);
    }
    label
}

fn paint(ui: &Ui, rect: Rect, sensor: &SensorFace, clock: Clock, fill: egui::Color32) {
    let round = f32::from(theme::ROUND);
    ui.painter().rect_filled(rect, round, fill);
    symbol::outline(ui.painter(), sensor.state, rect, round, theme::outline(fill));
    text(ui, rect, sensor, clock, None);
}

/// Symbol and words. A sensor that is wide has them in one line, a narrow one stacked; `ground`
/// is painted behind each where something else was painted there before.
fn text(ui: &Ui, rect: Rect, sensor: &SensorFace, clock: Clock, ground: Option<egui::Color32>) {
    let small = TextStyle::Small.resolve(ui.style());
    let name = format!("Sensor {}", sensor.number.0);
    let put = |at: Pos2, align: Align2, words: String, font: FontId| {
        let galley = ui.painter().layout_no_wrap(words, font, theme::ON_STATE);
        let place = align.anchor_size(at, galley.size());
        if let Some(fill) = ground {
            ui.painter().rect_filled(place.expand2(vec2(5.0, 1.0)), 4.0, fill);
        }
        ui.painter().galley(place.min, galley, theme::ON_STATE);
    };
    let origin = |at: Pos2, align: Align2, font: FontId| {
        if sensor.unsent {
            unsent(ui, sensor.state, at, align, font);
        } else {
            put(at, align, origin_in(ui, rect.width() - 16.0, sensor, clock, &font), font);
        }
    };
    let inner = rect.shrink2(vec2(16.0, 8.0));
    let points = (rect.height() * 0.3).clamp(17.0, 28.0);
    let state = word(sensor.state).to_owned();
    let symbol = |centre: Pos2| {
        if let Some(fill) = ground {
            ui.painter().circle_filled(centre, points * 0.72, fill);
        }
        symbol::state(ui.painter(), sensor.state, centre, points * 0.82, theme::ON_STATE);
    };
    // A low one has no room for three lines.
    let wide = if rect.height() < 72.0 { 220.0 } else { 280.0 };
    if rect.width() >= wide {
        let middle = inner.center().y;
        symbol(pos2(inner.left() + points * 0.5, middle));
        let left = inner.left() + points * 1.4;
        put(pos2(left, middle), Align2::LEFT_CENTER, state, theme::state_font(points));
        let right = inner.right();
        put(pos2(right, middle - 1.0), Align2::RIGHT_BOTTOM, name, theme::title_font());
        origin(pos2(right, middle + 3.0), Align2::RIGHT_TOP, small);
    } else if rect.width() >= 170.0 {
        // Three lines around the middle, so that a tall tile is not torn apart.
        let line = rect.center().y;
        let apart = points * 0.5 + (rect.height() * 0.05).clamp(0.0, 6.0);
        symbol(pos2(inner.left() + points * 0.5, line));
        let left = inner.left() + points * 1.4;
        put(pos2(left, line), Align2::LEFT_CENTER, state, theme::state_font(points));
        let (above, below) = (pos2(inner.left(), line - apart), pos2(inner.left(), line + apart));
        put(above, Align2::LEFT_BOTTOM, name, theme::title_font());
        origin(below, Align2::LEFT_TOP, small);
    } else {
        let inner = rect.shrink2(vec2(10.0, 7.0));
        put(inner.left_top(), Align2::LEFT_TOP, name, small.clone());
        let line = inner.center().y + 1.0;
        symbol(pos2(inner.left() + 8.0, line));
        put(pos2(inner.left() + 22.0, line), Align2::LEFT_CENTER, state, theme::title_font());
        origin(inner.left_bottom(), Align2::LEFT_BOTTOM, FontId::proportional(10.5));
    }
}

/// The provenance, or only its time where it is too narrow for more; the rest is in the hover text.
fn origin_in(ui: &Ui, room: f32, sensor: &SensorFace, clock: Clock, font: &FontId) -> String {
    let words = provenance(clock, sensor);
    let all = ui.painter().layout_no_wrap(words.clone(), font.clone(), theme::ON_STATE);
    match sensor.origin {
        Some((_, when)) if all.size().x > room => clock.hms(when),
        _ => words,
    }
}

/// What counts for nobody else yet stands out: dark, in the state's colour.
fn unsent(ui: &Ui, state: Option<bool>, at: Pos2, align: Align2, font: FontId) {
    let colour = theme::state_fill(state);
    let galley = ui.painter().layout_no_wrap(String::from("not sent yet"), font, colour);
    let place = align.anchor_size(at, galley.size());
    ui.painter().rect_filled(place.expand2(vec2(7.0, 1.0)), 6.0, theme::ON_STATE);
    ui.painter().galley(place.min, galley, colour);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::SensorNumber;
    use crate::gui::fixtures;

    #[test]
    fn a_sensor_in_words() {
        let clock = fixtures::clock(&fixtures::dual_board());
        let check = |state, origin: Option<Origin>, unsent, as_of: Option<u64>, expected: &str| {
            let sensor = SensorFace {
                number: SensorNumber(2),
                state,
                origin: origin.map(|origin| (origin, Duration::from_secs(4))),
                unsent,
            };
            assert_eq!(label(clock, &sensor, as_of.map(Duration::from_secs)), expected);
        };
        let (ok, ko) = (Some(true), Some(false));
        check(
            ko,
            Some(Origin::Clicked),
            true,
            None,
            "Sensor 2: KO, clicked here 12:00:04, not sent yet",
        );
        check(ok, Some(Origin::Live), false, None, "Sensor 2: OK, arrived live 12:00:04");
        check(
            ok,
            Some(Origin::Restored),
            false,
            Some(9),
            "Sensor 2: OK, restored 12:00:04, as of 12:00:09",
        );
        check(ok, Some(Origin::Started), false, None, "Sensor 2: OK, started as OK 12:00:04");
        check(None, None, false, None, "Sensor 2: Unknown, nothing known yet");
    }
}
