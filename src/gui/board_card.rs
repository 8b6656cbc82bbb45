//! A board in the Lab's drawing: its power, its broker, its programs. Knows one board.

use egui::{Align, Label, Layout, Pos2, Rect, RichText, Shape, Stroke, Ui, UiBuilder, vec2};

use super::figure;
use super::outbox::{Ask, Outbox};
use super::theme::{self, Palette};
use super::{controls, counter};
use crate::card::CountFace;
use crate::lab::snapshot::{BoardView, BrokerView, ProgramView, Run};
use crate::lab::{Action, Command};

/// Where a board's parts came to be.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// All of it.
    pub outer: Rect,
    /// Its broker.
    pub broker: Rect,
    /// Its programs, in order.
    pub programs: Vec<Rect>,
}

/// How a board's parts lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// Programs left, broker right.
    BrokerRight,
    /// Broker left, programs right.
    BrokerLeft,
    /// Broker above, programs below.
    Stacked,
}

const INSET: f32 = 10.0;
/// Between a broker and the programs beside or below it: room for the arrows.
const ARROWS: f32 = 34.0;

/// Shows a board with its upper left corner at `at`. Its ground is painted by [`ground`] later,
/// when it is known how high the highest board is.
pub fn show(
    ui: &mut Ui,
    board: &BoardView,
    outbox: &Outbox,
    at: Pos2,
    width: f32,
    lie: Lie,
) -> Drawn {
    let inner = width - 2.0 * INSET;
    let head = part(ui, at + vec2(INSET, 6.0), inner, |ui| head(ui, board, outbox));
    let top = head.bottom() + 6.0;
    let left = at.x + INSET;
    let half = (inner - ARROWS) / 2.0;
    let (broker_at, programs_left, programs_width, broker_width) = match lie {
        Lie::BrokerRight => (left + half + ARROWS, left, half, half),
        Lie::BrokerLeft => (left, left + half + ARROWS, half, half),
        Lie::Stacked => (left, left, inner, inner),
    };
    let broker = card(ui, Pos2::new(broker_at, top), broker_width, |ui| {
        broker_part(ui, board, &board.broker, outbox);
    });
    let mut y = if lie == Lie::Stacked { broker.bottom() + ARROWS * 0.8 } else { top };
    let mut programs = Vec::new();
    for program in &board.programs {
        let rect = card(ui, Pos2::new(programs_left, y), programs_width, |ui| {
            program_part(ui, board, program, outbox);
        });
        y = rect.bottom() + theme::GAP;
        programs.push(rect);
    }
    let bottom = programs.last().map_or(broker.bottom(), |last| last.bottom().max(broker.bottom()));
    let outer = Rect::from_min_max(at, Pos2::new(at.x + width, bottom + INSET));
    Drawn { outer, broker, programs }
}

/// The ground a board stands on.
pub fn ground(palette: &Palette, rect: Rect, power: bool) -> Shape {
    let fill = if power { palette.board } else { palette.board.lerp_to_gamma(palette.dark, 0.22) };
    let frame = egui::Frame::new().fill(fill).stroke(Stroke::new(1.0, palette.edge));
    frame.corner_radius(10).paint(rect)
}

fn head(ui: &mut Ui, board: &BoardView, outbox: &Outbox) {
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let words = if board.power { "Power off" } else { "Power on" };
            if controls::named(ui, words, &board.title).clicked() {
                outbox.send(Command::Power { board: board.name.clone(), on: !board.power });
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let title = RichText::new(&board.title).font(theme::title_font());
                ui.add(Label::new(title).truncate());
            });
        });
    });
}

fn broker_part(ui: &mut Ui, board: &BoardView, broker: &BrokerView, outbox: &Outbox) {
    let palette = theme::palette(ui);
    ui.horizontal(|ui| {
        ui.label(RichText::new("Broker").strong());
        ui.label(RichText::new(format!(":{}", broker.port)).monospace())
            .on_hover_text(format!("Listens on 127.0.0.1:{}", broker.port));
        ui.add(Label::new(RichText::new(&broker.engine).small().color(palette.weak)).truncate());
    });
    controls::run(ui, palette, board.power, &broker.run);
    if !broker.persistent {
        theme::strip(palette.warn_fill).inner_margin(egui::Margin::symmetric(6, 2)).show(
            ui,
            |ui| {
                ui.label(RichText::new("Memory only").small().color(palette.warn)).on_hover_text(
                    "What this broker holds is gone when it stops. `persistence true` in its conf \
                 keeps it.",
                );
            },
        );
    }
    let held = broker.holdings;
    if let Some(text) = holds(board.power, broker) {
        ui.add(Label::new(RichText::new(text).small().color(palette.weak)).wrap());
    }
    if held.refused > 0 {
        let text = format!("{} refused by full queues", held.refused);
        ui.label(RichText::new(text).small().color(palette.bad));
    }
    if let Some(trouble) = &broker.store_trouble {
        ui.add(Label::new(RichText::new(trouble).small().color(palette.bad)).wrap());
    }
    guests(ui, board);
    if board.power
        && let Some(action) =
            controls::actions_and_frost(ui, &format!("{}'s broker", board.title), &broker.run)
    {
        outbox.send(Command::Broker { board: board.name.clone(), action });
    }
}

/// What it holds, or what it had on disk when it last ran.
fn holds(power: bool, broker: &BrokerView) -> Option<String> {
    if !broker.tells {
        return None;
    }
    let held = broker.holdings;
    let text =
        format!("{} retained · {} sessions · {} queued", held.retained, held.sessions, held.queued);
    let known = held.retained + held.sessions + held.queued > 0;
    let alive = matches!(broker.run, Run::Running | Run::Frozen);
    match (power && alive, broker.persistent) {
        (true, _) => Some(text),
        (false, true) if known => Some(format!("On disk: {text}")),
        (false, _) => None,
    }
}

/// Clients that are none of the board's own programs.
fn guests(ui: &mut Ui, board: &BoardView) {
    let palette = theme::palette(ui);
    let own = |id: &str| board.programs.iter().any(|program| program.name.as_str() == id);
    for session in board.broker.sessions.iter().filter(|session| !own(&session.client_id)) {
        let state = if session.connected { "connected" } else { "away" };
        let queued = match session.queued {
            0 => String::new(),
            queued => format!(", {queued} queued"),
        };
        let text = format!("{}: {state}{queued}", session.client_id);
        ui.add(Label::new(RichText::new(text).small().color(palette.weak)).wrap());
    }
}

fn program_part(ui: &mut Ui, board: &BoardView, program: &ProgramView, outbox: &Outbox) {
    let palette = theme::palette(ui);
    ui.add(Label::new(RichText::new(program.name.as_str()).strong()).truncate());
    let session =
        board.broker.sessions.iter().find(|session| session.client_id == program.name.as_str());
    match session {
        Some(session) if board.power && program.run == Run::Running => {
            let queued = match session.queued {
                0 => String::new(),
                queued => format!(", {queued} queued"),
            };
            if session.connected {
                controls::status(ui, palette.good, true, &format!("Connected{queued}"));
            } else {
                controls::status(ui, palette.warn, false, &format!("Not connected{queued}"));
            }
        }
        None if board.power && program.run == Run::Running => {
            controls::status(ui, palette.warn, false, "Not connected");
        }
        _ => controls::run(ui, palette, board.power, &program.run),
    }
    if let Some((text, wrong)) = counted(program) {
        let colour = if wrong { palette.bad } else { palette.weak };
        ui.add(Label::new(RichText::new(text).small().color(colour)).wrap());
    }
    if board.power
        && let Some(action) = controls::actions_and_frost(ui, program.name.as_str(), &program.run)
    {
        outbox.send(Command::Program { program: program.name.clone(), action });
        if matches!(action, Action::Start | Action::Restart) {
            outbox.ask(Ask::Reopen(program.name.clone()));
        }
    }
}

/// What a counting program has counted, and whether something is wrong with that.
fn counted(program: &ProgramView) -> Option<(String, bool)> {
    let number = figure::grouped;
    match program.face.count.as_ref()? {
        CountFace::Counter(count) => {
            let unacknowledged = match count.unacknowledged() {
                0..counter::MANY => String::new(),
                open => format!(" · {} unacknowledged", number(open)),
            };
            Some((format!("{} published{unacknowledged}", number(count.published)), false))
        }
        CountFace::Tally(count) => {
            let faults = [
                (count.missing, "missing"),
                (count.doubled, "doubled"),
                (count.out_of_order, "out of order"),
            ];
            let faults = faults.iter().filter(|(faults, _)| *faults > 0);
            let mut text = vec![format!("{} received", number(count.received))];
            text.extend(faults.map(|(faults, what)| format!("{} {what}", number(*faults))));
            Some((text.join(" · "), text.len() > 1))
        }
    }
}

/// A card of the drawing, `width` points wide and as high as its content.
pub fn card(ui: &mut Ui, at: Pos2, width: f32, content: impl FnOnce(&mut Ui)) -> Rect {
    let palette = theme::palette(ui);
    part(ui, at, width, |ui| {
        theme::card(palette).show(ui, |ui| {
            ui.set_min_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = 4.0;
            content(ui);
        });
    })
}

/// A part of the drawing that takes no room in the flow of `ui`.
fn part(ui: &mut Ui, at: Pos2, width: f32, content: impl FnOnce(&mut Ui)) -> Rect {
    let room = Rect::from_min_size(at, vec2(width, 2000.0));
    let layout = Layout::top_down(Align::Min);
    let mut child = ui.new_child(UiBuilder::new().max_rect(room).layout(layout));
    content(&mut child);
    child.min_rect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gui::fixtures;
    use crate::lab::snapshot::Holdings;

    #[test]
    fn what_a_broker_holds_or_left() {
        let check = |power, run: Run, persistent, holdings, expected: Option<&str>| {
            let mut broker = fixtures::dual_board().boards[0].broker.clone();
            (broker.run, broker.persistent, broker.holdings) = (run, persistent, holdings);
            assert_eq!(holds(power, &broker).as_deref(), expected);
        };
        let some = Holdings { retained: 3, sessions: 2, queued: 4, refused: 0 };
        let words = "3 retained · 2 sessions · 4 queued";
        let on_disk = "On disk: 3 retained · 2 sessions · 4 queued";
        check(true, Run::Running, true, some, Some(words));
        check(true, Run::Running, false, some, Some(words));
        check(true, Run::Frozen, false, some, Some(words));
        check(true, Run::Stopped, true, some, Some(on_disk));
        check(false, Run::Running, true, some, Some(on_disk));
        check(true, Run::Stopped, false, some, None);
        check(true, Run::Stopped, true, Holdings::default(), None);
    }
}
