//! The system as a picture: boards side by side with their programs in them, bridges below as arcs
//! from who dials to who is dialled, with their rules.

use super::svg::{Svg, width};
use crate::report::detail::{BoardReport, Topology};

const GAP: f64 = 70.0;
const CHIP: f64 = 26.0;
const LINE: f64 = 17.0;
const TOP: f64 = 10.0;

/// Draws it.
pub fn svg(topology: &Topology) -> String {
    let mut boards: Vec<BoardReport> = topology.boards.clone();
    // Who is dialled and is no board stands beside them.
    for bridge in &topology.bridges {
        if boards.iter().all(|board| board.name != bridge.to) {
            let (name, title) = (bridge.to.clone(), bridge.to.clone());
            let (engine, programs) = (String::new(), Vec::new());
            boards.push(BoardReport { name, title, engine, programs });
        }
    }
    let sizes: Vec<f64> = boards.iter().map(board_width).collect();
    let most = boards.iter().map(|it| it.programs.len()).max().unwrap_or(0);
    let height = 48.0 + CHIP * wide(most) + 8.0;
    let bottom = TOP + height;
    let rules: f64 = topology.bridges.iter().map(|it| 44.0 + LINE * wide(it.rules.len())).sum();
    let mut lefts = Vec::new();
    let mut right = 10.0;
    for size in &sizes {
        lefts.push(right);
        right += size + GAP;
    }
    let words = topology.bridges.iter().map(|bridge| {
        let rules = bridge.rules.iter().map(|rule| width(rule)).fold(0.0, f64::max);
        rules.max(width(&bridge.name) + 160.0)
    });
    let right = words.fold(right - GAP + 10.0, |right, words| right.max(words + 60.0));
    let mut svg = Svg::new(right, bottom + rules + 20.0, "boards, programs and bridges");
    for ((board, left), size) in boards.iter().zip(&lefts).zip(&sizes) {
        draw_board(&mut svg, board, *left, (*size, height));
    }
    let mut y = bottom + 24.0;
    for (at, bridge) in topology.bridges.iter().enumerate() {
        let place = |name: &str| {
            let at = boards.iter().position(|it| it.name == name).unwrap_or_default();
            lefts[at] + sizes[at] / 2.0
        };
        // Two bridges of one board do not leave it at one point.
        let shift = 14.0 * wide(at % 5);
        let (from, to) = (place(&bridge.from) + shift, place(&bridge.to) + shift);
        let step = if to > from { 1.0 } else { -1.0 };
        svg.path("line", &format!("M{from:.1} {bottom:.1}V{y:.1}H{to:.1}V{:.1}", bottom + 8.0));
        svg.path("head", &triangle((to, bottom)));
        let left = from.min(to) + 8.0;
        let words = if step > 0.0 { "dials →" } else { "← dials" };
        svg.text("strong", "start", (left, y + 16.0), &bridge.name);
        let after = left + width(&bridge.name) + 12.0;
        svg.text("quiet", "start", (after, y + 16.0), words);
        let mut line = y + 16.0;
        for rule in &bridge.rules {
            line += LINE;
            svg.text("", "start", (left, line), rule);
        }
        y = line + 28.0;
    }
    svg.end()
}

fn triangle((x, y): (f64, f64)) -> String {
    format!("M{x:.1} {y:.1}L{:.1} {:.1}L{:.1} {:.1}Z", x - 4.5, y + 9.0, x + 4.5, y + 9.0)
}

fn draw_board(svg: &mut Svg, board: &BoardReport, left: f64, (size, height): (f64, f64)) {
    svg.rect("box", (left, TOP), (size, height), &board.name);
    svg.text("strong", "start", (left + 12.0, TOP + 20.0), &board.title);
    svg.text("quiet", "start", (left + 12.0, TOP + 37.0), &below(board));
    let mut y = TOP + 46.0;
    for (name, kind) in &board.programs {
        svg.rect("chip", (left + 10.0, y), (size - 20.0, CHIP - 5.0), kind);
        svg.text("", "start", (left + 18.0, y + 15.0), name);
        svg.text("quiet", "end", (left + size - 18.0, y + 15.0), kind);
        y += CHIP;
    }
}

/// The name and what its broker is, where that is not what the title says.
fn below(board: &BoardReport) -> String {
    let name = if board.title == board.name { "" } else { board.name.as_str() };
    let dot = if name.is_empty() || board.engine.is_empty() { "" } else { ", " };
    format!("{name}{dot}{}", board.engine)
}

fn board_width(board: &BoardReport) -> f64 {
    let chips = board.programs.iter().map(|(name, kind)| width(name) + width(kind) + 56.0);
    chips.fold(width(&board.title).max(width(&below(board))).max(140.0) + 24.0, f64::max)
}

fn wide(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
