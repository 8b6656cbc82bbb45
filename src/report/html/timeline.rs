//! A run from left to right: the script's steps, and a lane for whatever something was done to, with
//! bars for as long as it was not as it should be.

use super::svg::{Svg, cut, width};
use crate::lab::chronicle::Turn;
use crate::report::Report;
use crate::report::detail::{Detail, MarkReport};

/// So many marks are listed below the picture.
pub const LISTED: usize = 200;
/// So many lanes are drawn.
const LANES: usize = 24;

const LANE: f64 = 26.0;
const WIDTH: f64 = 1_000.0;
const NAMES: f64 = 250.0;

/// Draws it.
pub fn svg(report: &Report, detail: &Detail) -> String {
    let mut lanes: Vec<&str> = Vec::new();
    for mark in &detail.timeline {
        if !lanes.contains(&mark.who.as_str()) && lanes.len() < LANES {
            lanes.push(&mark.who);
        }
    }
    let names = lanes.iter().map(|it| width(it)).fold(width("steps"), f64::max).min(NAMES) + 24.0;
    let longest = report.steps.last().map_or(0.0, |step| step.at_seconds).max(detail.seconds);
    let seconds = longest.max(report.seconds).max(0.001);
    let axis = Axis { left: names, scale: (WIDTH - names - 20.0) / seconds, seconds };
    let rows = f64::from(u32::try_from(lanes.len() + 1).unwrap_or(u32::MAX));
    let mut svg = Svg::new(WIDTH, rows * LANE + 40.0, "what was done when");
    axis.draw(&mut svg, rows * LANE + 8.0);
    svg.text("strong", "end", (names - 12.0, LANE / 2.0 + 8.0), "steps");
    let mut free = 0.0;
    for step in &report.steps {
        let x = axis.x(step.at_seconds);
        let class = if step.failed.is_some() { "tick bad" } else { "tick" };
        svg.line(class, (x, 14.0), (x, LANE));
        let number = step.number.to_string();
        if x - width(&number) / 2.0 > free {
            svg.text("quiet", "middle", (x, 11.0), &number);
            free = x + width(&number) / 2.0 + 3.0;
        }
    }
    for (at, lane) in (1_u32..).zip(&lanes) {
        let y = f64::from(at) * LANE + 8.0;
        svg.text("", "end", (names - 12.0, y + 12.0), &cut(lane, NAMES));
        let marks: Vec<_> = detail.timeline.iter().filter(|mark| mark.who == **lane).collect();
        draw_lane(&mut svg, &axis, y, &marks);
    }
    svg.end()
}

fn draw_lane(svg: &mut Svg, axis: &Axis, y: f64, marks: &[&MarkReport]) {
    let mut broken: Option<&MarkReport> = None;
    let bar = |svg: &mut Svg, from: &MarkReport, until: f64| {
        let (x, end) = (axis.x(from.at_seconds), axis.x(until));
        let tip = format!("{} from {:.2} s to {until:.2} s", from.what, from.at_seconds);
        let size = (end - x).max(3.0);
        svg.rect("fault", (x, y), (size, LANE - 9.0), &tip);
        if size > 40.0 {
            svg.text("bad", "start", (x + 5.0, y + 12.5), &cut(&from.what, size - 10.0));
        }
    };
    for mark in marks {
        match mark.turn {
            Turn::Breaks if broken.is_none() => broken = Some(mark),
            Turn::Breaks => {}
            Turn::Heals => {
                if let Some(from) = broken.take() {
                    bar(svg, from, mark.at_seconds);
                } else {
                    let x = axis.x(mark.at_seconds);
                    svg.line("tick", (x, y), (x, y + LANE - 9.0));
                }
            }
            Turn::Moment => {
                let x = axis.x(mark.at_seconds);
                svg.line("tick bad", (x, y), (x, y + LANE - 9.0));
            }
        }
    }
    if let Some(from) = broken {
        bar(svg, from, axis.seconds);
    }
}

struct Axis {
    left: f64,
    /// So many units of the picture are a second.
    scale: f64,
    seconds: f64,
}

impl Axis {
    fn x(&self, seconds: f64) -> f64 {
        self.left + seconds.clamp(0.0, self.seconds) * self.scale
    }

    fn draw(&self, svg: &mut Svg, bottom: f64) {
        let step = step(self.seconds);
        let mut at = 0.0;
        while at <= self.seconds {
            let x = self.x(at);
            svg.line("rail", (x, LANE), (x, bottom));
            let words = if step < 1.0 { format!("{at:.1} s") } else { format!("{at:.0} s") };
            svg.text("quiet", "middle", (x, bottom + 16.0), &words);
            at += step;
        }
    }
}

/// A round number of seconds, of which there are at most ten.
fn step(seconds: f64) -> f64 {
    let mut step = 0.1;
    for factor in [2.0, 2.5, 2.0].into_iter().cycle().take(30) {
        if seconds / step <= 10.0 {
            break;
        }
        step *= factor;
    }
    step
}
