//! The Lab's drawing: boards as boxes, bridges between them, arrows for what flows. Knows the
//! truth of a snapshot; scales with the width it is given.
//!
//! ```text
//! +-- Board 1 ------------+            +-- Board 2 ------------+
//! | program <---> broker  | <-- rule --|  broker <---> program |
//! |                       |-- rule --> |         <---> program |
//! +-----------------------+  [bridge]  +-----------------------+
//! ```

use egui::{Align2, FontId, Pos2, Rect, Shape, Stroke, Ui, pos2, vec2};

use super::board_card::{self, Drawn, Lie};
use super::bridge_card;
use super::clock::Clock;
use super::outbox::Outbox;
use super::symbol;
use super::theme::{self, Palette};
use crate::lab::Snapshot;
use crate::lab::snapshot::{BoardView, BridgeView, ProgramKind};

/// In a board of this width, programs lie beside their broker; in points.
const WIDE: f32 = 405.0;
/// Boards that would be narrower than this lie below each other; in points.
const NARROW: f32 = 250.0;
/// The arrows of this many rules are drawn; more would leave no room for the bridge itself.
const RULES_DRAWN: usize = 3;
const RULE_HEIGHT: f32 = 32.0;

/// Shows the drawing.
pub fn show(ui: &mut Ui, snapshot: &Snapshot, clock: Clock, outbox: &Outbox) {
    let (width, origin) = (ui.available_width(), ui.cursor().min);
    let bottom = if shares(snapshot.boards.len(), width).0 < NARROW {
        column(ui, snapshot, clock, outbox, origin, width)
    } else {
        row(ui, snapshot, clock, outbox, origin, width)
    };
    let all = Rect::from_min_max(origin, pos2(origin.x + width, bottom));
    ui.advance_cursor_after_rect(all);
}

/// How wide each of so many boards side by side is, and the gap between two.
fn shares(boards: usize, width: f32) -> (f32, f32) {
    let n = u8::try_from(boards.max(1)).map_or(f32::from(u8::MAX), f32::from);
    let gap = (width * 0.5 / n).clamp(190.0, 340.0);
    ((width - gap * (n - 1.0)) / n, gap)
}

/// Boards side by side, with bridges between neighbours in the gaps; other bridges go below.
fn row(
    ui: &mut Ui,
    snapshot: &Snapshot,
    clock: Clock,
    outbox: &Outbox,
    origin: Pos2,
    width: f32,
) -> f32 {
    let count = snapshot.boards.len();
    let (each, gap) = shares(count, width);
    let grounds: Vec<_> = snapshot.boards.iter().map(|_| ui.painter().add(Shape::Noop)).collect();
    let mut drawn = Vec::new();
    let mut x = origin.x;
    for (index, board) in snapshot.boards.iter().enumerate() {
        let lie = match (each >= WIDE, index * 2 < count) {
            (false, _) => Lie::Stacked,
            (true, true) => Lie::BrokerRight,
            (true, false) => Lie::BrokerLeft,
        };
        drawn.push(board_card::show(ui, board, outbox, pos2(x, origin.y), each, lie));
        x += each + gap;
    }
    let mut bottom = drawn.iter().map(|it| it.outer.bottom()).fold(origin.y, f32::max);
    let mut others = Vec::new();
    for (index, board) in snapshot.boards.iter().enumerate() {
        for bridge in &board.broker.bridges {
            match far_end(snapshot, bridge).filter(|far| far.abs_diff(index) == 1) {
                Some(far) => {
                    let span = Span::between(&drawn[index], &drawn[far], far < index);
                    let end = between(ui, snapshot, board, bridge, clock, outbox, span);
                    bottom = bottom.max(end);
                }
                None => others.push((board, bridge)),
            }
        }
    }
    if others.is_empty() {
        // No band of nothing between the boards and what lies below.
        bottom = bottom.max(origin.y + ui.available_height() - 1.0);
    }
    let palette = theme::palette(ui);
    for ((board, parts), ground) in snapshot.boards.iter().zip(&mut drawn).zip(grounds) {
        parts.outer.max.y = bottom;
        ui.painter().set(ground, board_card::ground(palette, parts.outer, board.power));
        connections(ui, palette, board, parts);
    }
    for (board, bridge) in others {
        let at = pos2(origin.x, bottom + theme::GAP);
        let card = |ui: &mut Ui| bridge_card::show(ui, snapshot, board, bridge, clock, outbox);
        bottom = board_card::card(ui, at, width, card).bottom();
    }
    bottom
}

/// Boards below each other, each followed by its bridges.
fn column(
    ui: &mut Ui,
    snapshot: &Snapshot,
    clock: Clock,
    outbox: &Outbox,
    origin: Pos2,
    width: f32,
) -> f32 {
    let palette = theme::palette(ui);
    let mut y = origin.y;
    for board in &snapshot.boards {
        let ground = ui.painter().add(Shape::Noop);
        let lie = if width > 430.0 { Lie::BrokerLeft } else { Lie::Stacked };
        let drawn = board_card::show(ui, board, outbox, pos2(origin.x, y), width, lie);
        ui.painter().set(ground, board_card::ground(palette, drawn.outer, board.power));
        connections(ui, palette, board, &drawn);
        y = drawn.outer.bottom() + theme::GAP;
        for bridge in &board.broker.bridges {
            let card = |ui: &mut Ui| bridge_card::show(ui, snapshot, board, bridge, clock, outbox);
            y = board_card::card(ui, pos2(origin.x, y), width, card).bottom() + theme::GAP;
        }
    }
    y
}

/// Where in the gap between two boards a bridge lies.
#[derive(Debug, Clone, Copy)]
struct Span {
    /// The edges of the two brokers, left and right.
    brokers: (f32, f32),
    /// The gap itself.
    gap: (f32, f32),
    top: f32,
    /// Whether the far end is left of the end that dials.
    far_is_left: bool,
}

impl Span {
    fn between(own: &Drawn, far: &Drawn, far_is_left: bool) -> Self {
        let (left, right) = if far_is_left { (far, own) } else { (own, far) };
        Self {
            brokers: (left.broker.right(), right.broker.left()),
            gap: (left.outer.right(), right.outer.left()),
            top: left.broker.top().min(right.broker.top()),
            far_is_left,
        }
    }
}

/// A bridge between neighbours: an arrow for each rule, and the bridge's card; where it ends.
fn between(
    ui: &mut Ui,
    snapshot: &Snapshot,
    board: &BoardView,
    bridge: &BridgeView,
    clock: Clock,
    outbox: &Outbox,
    span: Span,
) -> f32 {
    let palette = theme::palette(ui);
    let mut y = span.top + 2.0;
    for rule in bridge.rules.iter().take(RULES_DRAWN) {
        rule_arrow(ui, palette, rule, y, span, bridge_card::carries(bridge));
        y += RULE_HEIGHT;
    }
    let inset = 14.0;
    let width = span.gap.1 - span.gap.0 - 2.0 * inset;
    let card = board_card::card(ui, pos2(span.gap.0 + inset, y + 4.0), width, |ui| {
        for rule in bridge.rules.iter().skip(RULES_DRAWN) {
            ui.label(egui::RichText::new(rule).monospace().small());
        }
        bridge_card::show(ui, snapshot, board, bridge, clock, outbox);
    });
    card.bottom()
}

/// A rule's text, and below it an arrow from broker to broker in the direction it lets cross.
fn rule_arrow(ui: &Ui, palette: &Palette, rule: &str, y: f32, span: Span, carries: bool) {
    let colour = if carries { palette.accent } else { palette.weak };
    let words = rule.strip_prefix("topic ").unwrap_or(rule);
    let middle = f32::midpoint(span.gap.0, span.gap.1);
    let font = FontId::monospace(11.5);
    let room = span.gap.1 - span.gap.0 - 12.0;
    let mut job = egui::text::LayoutJob::simple_singleline(words.to_owned(), font, palette.text);
    job.wrap = egui::text::TextWrapping::truncate_at_width(room);
    let galley = ui.painter().layout_job(job);
    let at = Align2::CENTER_TOP.anchor_size(pos2(middle, y), galley.size());
    ui.painter().galley(at.min, galley, palette.text);
    let line = y + 21.0;
    let (left, right) = (pos2(span.brokers.0 + 2.0, line), pos2(span.brokers.1 - 2.0, line));
    let (own, far) = if span.far_is_left { (right, left) } else { (left, right) };
    let stroke = Stroke::new(1.8, colour);
    // Mosquitto's default is out. [mosquitto.conf manual, `topic`]
    match rule.split_whitespace().nth(2).unwrap_or("out") {
        "in" => symbol::arrow(ui.painter(), far, own, stroke, !carries),
        "both" => {
            symbol::arrow(ui.painter(), own, far, stroke, !carries);
            symbol::arrow(ui.painter(), far, own, stroke, !carries);
        }
        _ => symbol::arrow(ui.painter(), own, far, stroke, !carries),
    }
}

/// The arrows between a board's broker and its programs.
fn connections(ui: &Ui, palette: &Palette, board: &BoardView, drawn: &Drawn) {
    for (program, rect) in board.programs.iter().zip(&drawn.programs) {
        let id = program.name.as_str();
        let session = board.broker.sessions.iter().find(|session| session.client_id == id);
        let connected = board.power && session.is_some_and(|session| session.connected);
        let colour = if connected { palette.accent } else { palette.weak };
        let stroke = Stroke::new(1.5, colour);
        let Some((from, to, aside)) = ends(drawn.broker, *rect) else {
            rail(ui, drawn.broker, *rect, stroke, connected);
            continue;
        };
        // A counter only speaks; the display and a tally only listen.
        if program.kind != ProgramKind::Counter {
            symbol::arrow(ui.painter(), from + aside, to + aside, stroke, !connected);
        }
        if !matches!(program.kind, ProgramKind::Display | ProgramKind::Tally) {
            symbol::arrow(ui.painter(), to - aside, from - aside, stroke, !connected);
        }
    }
}

/// The way to a program that another one hides from its broker: around, along their left edge.
fn rail(ui: &Ui, broker: Rect, program: Rect, stroke: Stroke, connected: bool) {
    let x = program.left() - 5.0;
    let y = program.center().y;
    let corner = pos2(x, y);
    let way =
        [pos2(broker.left(), broker.bottom() - 12.0), pos2(x, broker.bottom() - 12.0), corner];
    if connected {
        ui.painter().line(way.to_vec(), stroke);
    } else {
        ui.painter().extend(Shape::dashed_line(&way, stroke, 5.0, 4.0));
    }
    symbol::arrow(ui.painter(), corner, pos2(program.left() + 2.0, y), stroke, false);
}

/// Where an arrow from `broker` to `program` begins and ends, and how far two of them part. There
/// is none where another part lies between them.
fn ends(broker: Rect, program: Rect) -> Option<(Pos2, Pos2, egui::Vec2)> {
    let apart = 5.0;
    let overlaps = program.left() < broker.right() && broker.left() < program.right();
    if overlaps && program.top() >= broker.bottom() {
        let x = broker.center().x;
        let near = program.top() - broker.bottom() < 60.0;
        return near.then(|| {
            let (from, to) = (pos2(x, broker.bottom() + 2.0), pos2(x, program.top() - 2.0));
            (from, to, vec2(apart, 0.0))
        });
    }
    let y = program.center().y.clamp(broker.top() + 12.0, broker.bottom() - 12.0);
    let (from, to) = if program.left() > broker.right() {
        (pos2(broker.right() + 2.0, y), pos2(program.left() - 2.0, program.center().y))
    } else {
        (pos2(broker.left() - 2.0, y), pos2(program.right() + 2.0, program.center().y))
    };
    Some((from, to, vec2(0.0, apart)))
}

fn far_end(snapshot: &Snapshot, bridge: &BridgeView) -> Option<usize> {
    let remote = bridge.remote.as_ref()?;
    snapshot.boards.iter().position(|board| board.name == *remote)
}
