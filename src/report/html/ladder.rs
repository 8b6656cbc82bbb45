//! A ladder as a picture: columns from top to bottom, packets as arrows, what did not arrive broken off.

use super::svg::{Svg, cut, width};
use crate::lab::ladder::{Ladder, Row, What};
use crate::lab::trace::Passage;

const ROW: f64 = 30.0;
const TOP: f64 = 34.0;
/// Room for the times.
const LEFT: f64 = 78.0;
const GAPS: (f64, f64) = (120.0, 400.0);

/// Draws it.
pub fn svg(ladder: &Ladder) -> String {
    let places = places(ladder);
    let last = places.last().copied().unwrap_or(LEFT);
    let right = ladder.rows.iter().map(|row| beyond(&places, row)).fold(last + 60.0, f64::max);
    let count = f64::from(u32::try_from(ladder.rows.len()).unwrap_or(u32::MAX));
    let height = TOP + ROW * count + 16.0;
    let mut svg = Svg::new(right, height, "the packets, in the order they were sent");
    for (party, x) in ladder.columns.iter().zip(&places) {
        svg.text("strong", "middle", (*x, 16.0), party.name());
        svg.line("rail", (*x, 24.0), (*x, height - 4.0));
    }
    let mut y = TOP;
    for row in &ladder.rows {
        y += ROW;
        let ms = row.after.as_secs_f64() * 1_000.0;
        svg.text("quiet", "end", (LEFT - 26.0, y + 4.0), &format!("{ms:.1}"));
        draw(&mut svg, &places, row, y);
    }
    svg.text("quiet", "end", (LEFT - 26.0, 16.0), "ms");
    svg.end()
}

/// Where each column stands: as far from the one before as the longest packet between them needs.
fn places(ladder: &Ladder) -> Vec<f64> {
    let names: Vec<f64> = ladder.columns.iter().map(|party| width(party.name())).collect();
    let mut places = vec![LEFT + names.first().map_or(0.0, |it| it / 2.0 - 6.0).max(0.0)];
    for at in 1..ladder.columns.len() {
        let mut gap = f64::midpoint(names[at - 1], names[at]) + 24.0;
        for row in &ladder.rows {
            if let What::Arrow { from, to, text, .. } = &row.what
                && from.abs_diff(*to) == 1
                && *from.max(to) == at
            {
                gap = gap.max(width(text) + 30.0);
            }
        }
        places.push(places[at - 1] + gap.clamp(GAPS.0, GAPS.1));
    }
    places
}

/// How far to the right a row goes.
fn beyond(places: &[f64], row: &Row) -> f64 {
    match &row.what {
        What::Arrow { remark, .. } if remark.is_empty() => 0.0,
        What::Arrow { remark, .. } => {
            places.last().copied().unwrap_or_default() + 24.0 + width(remark)
        }
        What::Line { at, text, .. } => begin(places, *at) + width(text) + 24.0,
    }
}

fn begin(places: &[f64], at: Option<usize>) -> f64 {
    at.and_then(|at| places.get(at))
        .map_or_else(|| places.first().copied().unwrap_or(LEFT) + 12.0, |x| x + 12.0)
}

fn draw(svg: &mut Svg, places: &[f64], row: &Row, y: f64) {
    match &row.what {
        What::Arrow { from, to, text, passage, remark } => {
            let (x1, x2) = (places[*from], places[*to]);
            let step = if x2 > x1 { 1.0 } else { -1.0 };
            let room = (x2 - x1).abs() - 20.0;
            let left = x1.min(x2);
            svg.text("", "start", (left + 12.0, y - 5.0), &cut(text, room));
            if passage.arrived() {
                svg.line("line", (x1, y), (x2 - 6.0 * step, y));
                svg.head((x2, y), step);
            } else {
                let end = x1 + (x2 - x1) * 0.7;
                svg.line("line lost", (x1, y), (end, y));
                svg.cross((end, y));
            }
            let class = if *passage == Passage::Arrived { "quiet" } else { "bad" };
            if !remark.is_empty() {
                let x = places.last().copied().unwrap_or_default();
                svg.text(class, "start", (x + 14.0, y + 4.0), remark);
            }
        }
        What::Line { at, text, is_fault } => {
            let x = begin(places, *at);
            let class = if *is_fault { "fault" } else { "box" };
            svg.rect(class, (x - 4.0, y - 12.0), (width(text) + 12.0, 20.0), "");
            let class = if *is_fault { "bad" } else { "quiet" };
            svg.text(class, "start", (x + 2.0, y + 2.0), text);
        }
    }
}
