//! One window for everything: the monitors side by side, the Lab below. Knows which windows are
//! open.

use egui::{Align, Layout, Rect, RichText, ScrollArea, Ui, UiBuilder, vec2};

use super::app;
use super::clock::Clock;
use super::controls;
use super::faceplate::Plate;
use super::outbox::{Ask, Outbox};
use super::theme;
use super::windows::Windows;
use crate::lab::Snapshot;

/// A column under this width would clip its sensors' words; in points.
const NARROWEST: f32 = 310.0;
/// Heights of the monitors' row, in points.
const MONITORS: (f32, f32) = (420.0, 560.0);
/// The Lab gets at least this height, in points.
const LAB: f32 = 470.0;

/// Shows the open monitors, and below them what `lab` shows.
pub fn show<R>(
    ui: &mut Ui,
    snapshot: &Snapshot,
    clock: Clock,
    outbox: &Outbox,
    windows: &Windows,
    lab: impl FnOnce(&mut Ui) -> R,
) -> R {
    let height = ui.available_height();
    ScrollArea::vertical()
        .id_salt("dock")
        .auto_shrink([false, false])
        .show(ui, |ui| {
            let plates = open(snapshot, clock, windows);
            let mut rest = height;
            if !plates.is_empty() {
                let row = (height - LAB - theme::GAP).clamp(MONITORS.0, MONITORS.1);
                monitors(ui, &plates, outbox, row);
                rest = height - row - theme::GAP;
            }
            let size = vec2(ui.available_width(), rest.max(LAB));
            let (_, taken) = ui.allocate_space(size);
            inside(ui, taken, lab)
        })
        .inner
}

fn open<'a>(snapshot: &'a Snapshot, clock: Clock, windows: &Windows) -> Vec<Plate<'a>> {
    snapshot
        .boards
        .iter()
        .flat_map(|board| board.programs.iter().map(move |it| Plate::new(board, it, clock)))
        .filter(|plate| windows.is_open(&plate.program.name))
        .collect()
}

fn monitors(ui: &mut Ui, plates: &[Plate<'_>], outbox: &Outbox, height: f32) {
    let count = u8::try_from(plates.len()).map_or(1.0, f32::from);
    let gaps = theme::GAP * (count - 1.0);
    let each = ((ui.available_width() - gaps) / count).max(NARROWEST);
    ScrollArea::horizontal().id_salt("docked monitors").show(ui, |ui| {
        let (_, all) = ui.allocate_space(vec2(each * count + gaps, height));
        let mut left = all.left();
        for plate in plates {
            let rect = Rect::from_min_size(egui::pos2(left, all.top()), vec2(each, height));
            inside(ui, rect, |ui| column(ui, plate, outbox));
            left += each + theme::GAP;
        }
    });
}

/// One monitor, with the title and the cross that its own window would have.
fn column(ui: &mut Ui, plate: &Plate<'_>, outbox: &Outbox) {
    let palette = theme::palette(ui);
    let ground = theme::card(palette).fill(palette.window);
    ground.show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.label(RichText::new(plate.title()).small().color(palette.weak));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if controls::named(ui, "Close", &plate.title()).clicked() {
                    outbox.ask(Ask::Closed(plate.program.name.clone()));
                }
            });
        });
        let (_, taken) = ui.allocate_space(ui.available_size());
        inside(ui, taken, |ui| app::show_content(ui, plate, outbox));
    });
}

/// Shows `content` in `rect`, which is taken already.
fn inside<R>(ui: &mut Ui, rect: Rect, content: impl FnOnce(&mut Ui) -> R) -> R {
    let layout = Layout::top_down(Align::Min);
    let mut child = ui.new_child(UiBuilder::new().max_rect(rect).layout(layout));
    content(&mut child)
}
