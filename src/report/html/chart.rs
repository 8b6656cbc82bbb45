//! How long deliveries took, as a picture: so many in each range of times, which grow by a quarter of
//! a power of ten.

use std::time::Duration;

use super::svg::Svg;
use crate::lab::chronicle::percentile;
use crate::report::detail::ms;

const WIDTH: f64 = 620.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 20.0;
/// Ranges for each power of ten.
const PARTS: i32 = 4;

/// Draws it.
pub fn svg(times: &[Duration]) -> String {
    let part = |time: Duration| parts(time).floor();
    let (Some(first), Some(last)) = (times.first(), times.last()) else { return String::new() };
    // Whole powers of ten at both ends.
    let whole = f64::from(PARTS);
    let low = (part(*first) / whole).floor() * whole;
    let high = ((part(*last) + 1.0) / whole).ceil() * whole;
    let mut counts: Vec<u32> = Vec::new();
    for time in times {
        let at = index(part(*time) - low);
        counts.resize(counts.len().max(at + 1), 0);
        counts[at] += 1;
    }
    let scale = (WIDTH - 2.0 * LEFT) / (high - low);
    let most = f64::from(counts.iter().copied().max().unwrap_or(1));
    let mut svg = Svg::new(WIDTH, HEIGHT + 44.0, "how many deliveries took how long");
    for (at, count) in (0_u32..).zip(&counts) {
        let height = f64::from(*count) / most * (HEIGHT - 30.0);
        let x = LEFT + f64::from(at) * scale;
        if *count > 0 {
            let size = (scale - 2.0, height.max(1.5));
            let tip = format!("{count} deliveries");
            svg.rect("bar", (x + 1.0, HEIGHT - size.1), size, &tip);
        }
    }
    svg.line("rail", (LEFT, HEIGHT), (WIDTH - LEFT, HEIGHT));
    let mut at = low;
    while at <= high {
        let x = LEFT + (at - low) * scale;
        svg.line("rail", (x, HEIGHT), (x, HEIGHT + 5.0));
        svg.text("quiet", "middle", (x, HEIGHT + 19.0), &whole_time(10_f64.powf(at / whole)));
        at += whole;
    }
    for (of_100, name, y) in [(50, "median", 12.0), (99, "99 %", 26.0)] {
        let found = percentile(times, of_100);
        let x = LEFT + (parts(found) - low) * scale;
        svg.line("mid", (x, y + 3.0), (x, HEIGHT));
        let words = format!("{name} {}", time(ms(found)));
        let (anchor, x) = if x > WIDTH * 0.7 { ("end", x - 4.0) } else { ("start", x + 4.0) };
        svg.text("", anchor, (x, y + 2.0), &words);
    }
    svg.end()
}

/// A power of ten.
fn whole_time(ms: f64) -> String {
    time(ms).replace(".0 ", " ")
}

/// How many parts of powers of ten a time is from a millisecond.
fn parts(time: Duration) -> f64 {
    ms(time).max(0.001).log10() * f64::from(PARTS)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and positive")]
fn index(parts: f64) -> usize {
    parts.max(0.0) as usize
}

/// Milliseconds as people read them.
pub fn time(ms: f64) -> String {
    if ms < 0.9995 {
        format!("{:.0} µs", ms * 1_000.0)
    } else if ms < 9.995 {
        format!("{ms:.1} ms")
    } else if ms < 999.5 {
        format!("{ms:.0} ms")
    } else if ms < 99_950.0 {
        format!("{:.1} s", ms / 1_000.0)
    } else {
        format!("{:.0} s", ms / 1_000.0)
    }
}
