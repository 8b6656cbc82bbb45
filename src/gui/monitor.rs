//! The monitor of one board: its own sensors as buttons, and below them what it hears from the
//! other board. Knows what [`Plate`] says.

use egui::{Frame, Key, Margin, Panel, RichText, ScrollArea, Ui, vec2};

use super::faceplate::{self, Plate};
use super::outbox::Outbox;
use super::{sensor, theme};
use crate::card::SensorFace;
use crate::lab::Command;

/// How high a sensor's button may become in a tall window, in points.
const TALLEST: f32 = 110.0;

/// Shows the monitor in all of `ui`.
pub fn show(ui: &mut Ui, plate: &Plate<'_>, outbox: &Outbox) {
    let salt = plate.program.name.as_str();
    let bare = Frame::new();
    Panel::bottom(("monitor foot", salt))
        .frame(bare.inner_margin(Margin { top: 8, ..Margin::ZERO }))
        .show_separator_line(false)
        .resizable(false)
        .show(ui, |ui| faceplate::foot(ui, plate));
    faceplate::head(ui, plate);
    ScrollArea::vertical().id_salt(("monitor", salt)).auto_shrink([false, false]).show(ui, |ui| {
        // Room for the ring around a button that has the focus.
        ui.add_space(4.0);
        let heard = &plate.program.face.heard;
        let below = if heard.is_empty() { 0.0 } else { 98.0 };
        own(ui, plate, outbox, ui.available_height() - below);
        if !heard.is_empty() {
            received(ui, plate, heard);
        }
    });
    keys(ui, plate, outbox);
}

fn own(ui: &mut Ui, plate: &Plate<'_>, outbox: &Outbox, height: f32) {
    let sensors = &plate.program.face.own;
    let rows = u8::try_from(sensors.len()).map_or(1.0, f32::from).max(1.0);
    let each = (height / rows - theme::GAP).clamp(theme::FINGER, TALLEST);
    ui.spacing_mut().item_spacing.y = theme::GAP;
    for face in sensors {
        let inset = 4.0;
        ui.horizontal(|ui| {
            ui.add_space(inset);
            let size = vec2(ui.available_width() - inset, each);
            if sensor::button(ui, plate.clock, face, size).clicked() {
                toggle(plate, outbox, face);
            }
        });
    }
}

fn received(ui: &mut Ui, plate: &Plate<'_>, heard: &[SensorFace]) {
    let palette = theme::palette(ui);
    ui.label(RichText::new("Received from board 1").small().color(palette.weak));
    ui.horizontal(|ui| {
        ui.add_space(4.0);
        let count = u8::try_from(heard.len()).map_or(1.0, f32::from);
        let width = (ui.available_width() - 4.0 - theme::GAP * (count - 1.0)) / count;
        for face in heard {
            sensor::tile(ui, plate.clock, face, vec2(width, 64.0), None);
        }
    });
}

/// The keys 1 to 6 toggle the sensor of that number, unless somebody is writing.
fn keys(ui: &Ui, plate: &Plate<'_>, outbox: &Outbox) {
    if ui.ctx().text_edit_focused() {
        return;
    }
    let numbers = [Key::Num1, Key::Num2, Key::Num3, Key::Num4, Key::Num5, Key::Num6];
    for face in &plate.program.face.own {
        let key = usize::from(face.number.0).checked_sub(1).and_then(|index| numbers.get(index));
        if key.is_some_and(|key| ui.input(|input| input.key_pressed(*key))) {
            toggle(plate, outbox, face);
        }
    }
}

fn toggle(plate: &Plate<'_>, outbox: &Outbox, face: &SensorFace) {
    let (program, sensor) = (plate.program.name.clone(), face.number);
    outbox.send(Command::Toggle { program, sensor });
}
