//! The global display: all six sensors, by board. What board 1 said is hatched while the bridge is
//! said to be down. Knows what [`Plate`] says.

use std::time::Duration;

use egui::{Align, Frame, Layout, Margin, Panel, RichText, Ui, vec2};

use super::faceplate::{self, Plate};
use super::{sensor, theme};
use crate::card::SensorFace;

/// Shows the display in all of `ui`.
pub fn show(ui: &mut Ui, plate: &Plate<'_>) {
    let salt = plate.program.name.as_str();
    Panel::bottom(("display foot", salt))
        .frame(Frame::new().inner_margin(Margin { top: 8, ..Margin::ZERO }))
        .show_separator_line(false)
        .resizable(false)
        .show(ui, |ui| faceplate::foot(ui, plate));
    faceplate::head(ui, plate);
    let face = &plate.program.face;
    let as_of = match face.bridge {
        Some((false, at)) => Some(at),
        _ => None,
    };
    let sensors: Vec<_> = face.sensors().collect();
    let (first, second): (Vec<_>, Vec<_>) =
        sensors.into_iter().partition(|sensor| comes_by_bridge(sensor));
    ui.spacing_mut().item_spacing.x = 12.0;
    // Columns reach down to the end of what holds them, so it must be what the foot leaves.
    ui.allocate_ui(ui.available_size(), |ui| {
        ui.columns(2, |columns| {
            group(&mut columns[0], plate, "Board 1", &first, as_of);
            group(&mut columns[1], plate, "Board 2", &second, None);
        });
    });
}

/// Sensors 1 to 3 are board 1's, and reach the display through the bridge.
fn comes_by_bridge(sensor: &SensorFace) -> bool {
    sensor.number.0 <= 3
}

fn group(
    ui: &mut Ui,
    plate: &Plate<'_>,
    title: &str,
    sensors: &[&SensorFace],
    as_of: Option<Duration>,
) {
    let palette = theme::palette(ui);
    theme::card(palette).inner_margin(Margin::same(10)).show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.label(RichText::new(title).strong());
            if let Some(at) = as_of {
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    let text = format!("as of {}", plate.clock.hms(at));
                    ui.label(RichText::new(text).color(palette.warn)).on_hover_text(
                        "The bridge is down: board 1 may have changed since, and this display \
                         cannot know.",
                    );
                });
            }
        });
        let rows = u8::try_from(sensors.len()).map_or(1.0, f32::from).max(1.0);
        let room = ui.available_height() - 2.0;
        let each = ((room - theme::GAP * (rows - 1.0)) / rows).clamp(60.0, 140.0);
        ui.spacing_mut().item_spacing.y = theme::GAP;
        for face in sensors {
            sensor::tile(ui, plate.clock, face, vec2(ui.available_width(), each), as_of);
        }
    });
}
