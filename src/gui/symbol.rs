//! Symbols painted as shapes, because the fonts that are shipped have not got them. Knows no
//! state and no colour of its own.

use egui::{Color32, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, Vec2, pos2, vec2};

/// The symbol of a sensor's state, about `size` points high: a tick, a cross or an empty ring.
pub fn state(painter: &Painter, state: Option<bool>, centre: Pos2, size: f32, colour: Color32) {
    let stroke = Stroke::new((size * 0.17).max(1.8), colour);
    let half = size * 0.5;
    let at = |x: f32, y: f32| centre + vec2(x, y) * half;
    match state {
        Some(true) => {
            painter.add(Shape::line(vec![at(-0.85, 0.1), at(-0.25, 0.7), at(0.9, -0.65)], stroke));
        }
        Some(false) => {
            painter.line_segment([at(-0.7, -0.7), at(0.7, 0.7)], stroke);
            painter.line_segment([at(-0.7, 0.7), at(0.7, -0.7)], stroke);
        }
        None => {
            painter.circle_stroke(centre, half * 0.8, stroke);
        }
    }
}

/// The outline of a sensor's state: one line for OK, a thick double one for KO, dashes for unknown.
pub fn outline(painter: &Painter, state: Option<bool>, rect: Rect, round: f32, colour: Color32) {
    match state {
        Some(true) => {
            painter.rect_stroke(rect, round, Stroke::new(1.5, colour), StrokeKind::Inside);
        }
        Some(false) => {
            painter.rect_stroke(rect, round, Stroke::new(3.0, colour), StrokeKind::Inside);
            let inner = rect.shrink(5.0);
            painter.rect_stroke(inner, round - 4.0, Stroke::new(1.5, colour), StrokeKind::Inside);
        }
        None => {
            let rect = rect.shrink(1.0);
            let corners =
                [rect.left_top(), rect.right_top(), rect.right_bottom(), rect.left_bottom()];
            let path = round_path(corners, round);
            painter.extend(Shape::dashed_line(&path, Stroke::new(2.0, colour), 7.0, 5.0));
        }
    }
}

/// Diagonal lines over `rect`: what is under them may be out of date.
pub fn hatch(painter: &Painter, rect: Rect, colour: Color32) {
    let painter = painter.with_clip_rect(rect.intersect(painter.clip_rect()));
    let stroke = Stroke::new(2.0, colour);
    let mut x = rect.left() - rect.height();
    while x < rect.right() {
        painter.line_segment([pos2(x, rect.bottom()), pos2(x + rect.height(), rect.top())], stroke);
        x += 11.0;
    }
}

/// An arrow from `from` to `to` with a filled head; dashed where nothing flows.
pub fn arrow(painter: &Painter, from: Pos2, to: Pos2, stroke: Stroke, dashed: bool) {
    let way = to - from;
    if way.length() < 1.0 {
        return;
    }
    let along = way.normalized();
    let across = Vec2::new(-along.y, along.x);
    let neck = to - along * 7.0;
    if dashed {
        painter.extend(Shape::dashed_line(&[from, neck], stroke, 5.0, 4.0));
    } else {
        painter.line_segment([from, neck], stroke);
    }
    let head = vec![to, neck + across * 4.0, neck - across * 4.0];
    painter.add(Shape::convex_polygon(head, stroke.color, Stroke::NONE));
}

/// A closed path along `corners`, with each corner cut by a few short steps of an arc.
fn round_path(corners: [Pos2; 4], round: f32) -> Vec<Pos2> {
    let mut path = Vec::with_capacity(4 * 5 + 1);
    for index in 0..4 {
        let (before, corner, after) =
            (corners[(index + 3) % 4], corners[index], corners[(index + 1) % 4]);
        let start = corner + (before - corner).normalized() * round;
        let end = corner + (after - corner).normalized() * round;
        for step in [0.0_f32, 0.25, 0.5, 0.75, 1.0] {
            let left = start.lerp(corner, step);
            path.push(left.lerp(corner.lerp(end, step), step));
        }
    }
    path.push(path[0]);
    path
}
