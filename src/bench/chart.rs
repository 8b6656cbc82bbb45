//! Lines over logarithmic axes, as SVG. Knows nothing of brokers.

use super::table::thousands;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 40.0;
const TOP: f64 = 48.0;
const BOTTOM: f64 = 56.0;
/// Height of a line of the legend.
const ENTRY: f64 = 18.0;
/// Told apart by people who do not see all colours (Okabe and Ito, 2008), without the yellow.
const COLOURS: [&str; 7] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000"];

/// One diagram.
pub struct Panel {
    pub title: String,
    pub x: String,
    pub y: String,
    pub lines: Vec<Line>,
}

/// One line of it; what is not above 0 has no place on it.
pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

/// The panels that have a point, side by side.
pub fn draw(panels: &[Panel]) -> String {
    let shown: Vec<_> = panels.iter().filter(|it| it.values().next().is_some()).collect();
    let entries = shown.iter().map(|it| it.lines.len()).max().unwrap_or(0);
    let height = HEIGHT + ENTRY * count(entries);
    let width = WIDTH * count(shown.len().max(1));
    let mut svg = vec![format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">"
    )];
    svg.push("<rect width=\"100%\" height=\"100%\" fill=\"white\"/>".to_owned());
    for (number, panel) in shown.iter().enumerate() {
        svg.push(format!("<g transform=\"translate({} 0)\">", WIDTH * count(number)));
        panel.draw(&mut svg);
        svg.push("</g>".to_owned());
    }
    svg.push("</svg>\n".to_owned());
    svg.join("\n")
}

/// Powers of ten from below the smallest value to above the largest one.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Axis {
    from: i32,
    to: i32,
}

impl Axis {
    fn around(values: impl Iterator<Item = f64>) -> Self {
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values {
            (least, most) = (least.min(value.log10()), most.max(value.log10()));
        }
        #[expect(clippy::cast_possible_truncation, reason = "a logarithm of what can be counted")]
        let (from, to) = (least.floor() as i32, most.ceil() as i32);
        Self { from, to: to.max(from + 1) }
    }

    /// Where a value lies, from 0 to 1.
    fn place(self, value: f64) -> f64 {
        (value.log10() - f64::from(self.from)) / f64::from(self.to - self.from)
    }

    fn ticks(self) -> impl Iterator<Item = f64> {
        (self.from..=self.to).map(|it| 10_f64.powi(it))
    }
}

impl Panel {
    /// The points that can be shown.
    fn values(&self) -> impl Iterator<Item = (f64, f64)> {
        let points = self.lines.iter().flat_map(|it| it.points.iter().copied());
        points.filter(|(x, y)| *x > 0.0 && *y > 0.0)
    }

    fn draw(&self, svg: &mut Vec<String>) {
        let (x, y) = (
            Axis::around(self.values().map(|it| it.0)),
            Axis::around(self.values().map(|it| it.1)),
        );
        let across = |value| LEFT + x.place(value) * (WIDTH - LEFT - RIGHT);
        let up = |value| HEIGHT - BOTTOM - y.place(value) * (HEIGHT - TOP - BOTTOM);
        let middle = LEFT.midpoint(WIDTH - RIGHT);
        svg.push(text(middle, 26.0, "middle", "font-size=\"16\"", &self.title));
        for tick in x.ticks() {
            let at = across(tick);
            svg.push(rule((at, TOP), (at, HEIGHT - BOTTOM)));
            svg.push(text(at, HEIGHT - BOTTOM + 18.0, "middle", "", &number(tick)));
        }
        for tick in y.ticks() {
            let at = up(tick);
            svg.push(rule((LEFT, at), (WIDTH - RIGHT, at)));
            svg.push(text(LEFT - 8.0, at + 4.0, "end", "", &number(tick)));
        }
        svg.push(text(middle, HEIGHT - BOTTOM + 40.0, "middle", "", &self.x));
        let turned = format!("transform=\"rotate(-90 18 {})\"", TOP.midpoint(HEIGHT - BOTTOM));
        svg.push(text(18.0, TOP.midpoint(HEIGHT - BOTTOM), "middle", &turned, &self.y));
        for (place, line) in self.lines.iter().enumerate() {
            let colour = COLOURS[place % COLOURS.len()];
            let points = line.points.iter().filter(|(x, y)| *x > 0.0 && *y > 0.0);
            let points: Vec<_> = points.map(|(x, y)| (across(*x), up(*y))).collect();
            let path: Vec<_> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
            svg.push(format!(
                "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" points=\"{}\"/>",
                path.join(" ")
            ));
            for (x, y) in points {
                svg.push(format!(
                    "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>"
                ));
            }
            let at = HEIGHT + ENTRY * count(place);
            svg.push(format!(
                "<circle cx=\"{}\" cy=\"{}\" r=\"4\" fill=\"{colour}\"/>",
                LEFT + 4.0,
                at - 4.0
            ));
            svg.push(text(LEFT + 16.0, at, "start", "", &line.name));
        }
    }
}

fn rule(from: (f64, f64), to: (f64, f64)) -> String {
    format!(
        "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"#dddddd\"/>",
        from.0, from.1, to.0, to.1
    )
}

fn text(x: f64, y: f64, anchor: &str, more: &str, words: &str) -> String {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" {more}>{words}</text>")
}

fn number(value: f64) -> String {
    if value >= 1.0 { thousands(value) } else { format!("{value}") }
}

fn count(number: usize) -> f64 {
    super::figures::float(number as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_reaches_around_its_values() {
        let check = |values: &[f64], from, to| {
            assert_eq!(Axis::around(values.iter().copied()), Axis { from, to }, "{values:?}");
        };
        check(&[1.0], 0, 1);
        check(&[1.0, 10.0], 0, 1);
        check(&[0.02, 1_000_001.0], -2, 7);
        let axis = Axis { from: 0, to: 4 };
        assert!((axis.place(100.0) - 0.5).abs() < 1e-9);
        assert_eq!(axis.ticks().collect::<Vec<_>>(), [1.0, 10.0, 100.0, 1000.0, 10000.0]);
    }

    fn panel(title: &str, points: &[(f64, f64)]) -> Panel {
        let line = Line { name: "a < b".to_owned(), points: points.to_vec() };
        Panel {
            title: title.to_owned(),
            x: "x in s".to_owned(),
            y: "y".to_owned(),
            lines: vec![line],
        }
    }

    #[test]
    fn a_line_has_its_points_its_name_and_its_axes() {
        let svg = draw(&[panel("Title", &[(1.0, 2.0), (10.0, 4.0), (100.0, 0.0)])]);
        assert_eq!(svg.matches("<polyline").count(), 1);
        // Two points, for nothing has no logarithm, and the legend's.
        assert_eq!(svg.matches("<circle").count(), 3);
        for said in ["Title", "x in s", "a &lt; b", ">10</text>", "width=\"640\""] {
            assert!(svg.contains(said), "{said} in {svg}");
        }
        let (open, closed) = (svg.matches("<text").count(), svg.matches("</text>").count());
        assert_eq!(open, closed);
    }

    #[test]
    fn a_panel_without_points_is_left_out() {
        let svg = draw(&[panel("One", &[(1.0, 1.0)]), panel("Two", &[])]);
        assert!(svg.contains("One") && !svg.contains("Two"), "{svg}");
        assert!(draw(&[]).ends_with("</svg>\n"));
    }
}
