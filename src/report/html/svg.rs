//! The few shapes that the pictures are made of.

use std::fmt::Write;

use crate::report::escape::escape;

/// How wide a letter is: the pictures' text is of one width.
pub const LETTER: f64 = 7.3;

/// A picture that grows.
pub struct Svg {
    body: String,
    width: f64,
    height: f64,
    label: String,
}

impl Svg {
    /// An empty one of that size; `label` is for those who cannot see it.
    pub fn new(width: f64, height: f64, label: &str) -> Self {
        Self { body: String::new(), width, height, label: escape(label) }
    }

    /// The element.
    pub fn end(self) -> String {
        let Self { body, width, height, label } = self;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
             width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\" aria-label=\"{label}\">\n\
             {body}</svg>"
        )
    }

    fn put(&mut self, what: std::fmt::Arguments<'_>) {
        self.body.write_fmt(what).expect("a string takes all");
        self.body.push('\n');
    }

    /// A straight line.
    pub fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.put(format_args!(
            "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
        ));
    }

    /// A box with round corners.
    pub fn rect(&mut self, class: &str, at: (f64, f64), size: (f64, f64), tip: &str) {
        let ((x, y), (width, height)) = (at, size);
        self.put(format_args!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
             height=\"{height:.1}\" rx=\"4\">{}</rect>",
            title(tip)
        ));
    }

    /// A line of text; `anchor` is `start`, `middle` or `end`.
    pub fn text(&mut self, class: &str, anchor: &str, at: (f64, f64), text: &str) {
        let (x, y) = at;
        self.put(format_args!(
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>",
            escape(text)
        ));
    }

    /// An arrow's head at its tip; `step` is 1 to the right and -1 to the left.
    pub fn head(&mut self, tip: (f64, f64), step: f64) {
        let (x, y) = tip;
        let back = x - 8.0 * step;
        self.put(format_args!(
            "<path class=\"head\" d=\"M{x:.1} {y:.1}L{back:.1} {:.1}L{back:.1} {:.1}Z\"/>",
            y - 4.0,
            y + 4.0
        ));
    }

    /// A path, from its own words.
    pub fn path(&mut self, class: &str, words: &str) {
        self.put(format_args!("<path class=\"{class}\" d=\"{words}\"/>"));
    }

    /// What did not arrive ends with this.
    pub fn cross(&mut self, at: (f64, f64)) {
        let (x, y) = at;
        self.line("cross", (x - 5.0, y - 5.0), (x + 5.0, y + 5.0));
        self.line("cross", (x - 5.0, y + 5.0), (x + 5.0, y - 5.0));
    }
}

fn title(tip: &str) -> String {
    if tip.is_empty() { String::new() } else { format!("<title>{}</title>", escape(tip)) }
}

/// How wide a text is.
pub fn width(text: &str) -> f64 {
    f64::from(u32::try_from(text.chars().count()).unwrap_or(u32::MAX)) * LETTER
}

/// As much of a text as has room.
pub fn cut(text: &str, room: f64) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let mut kept = String::new();
    for letter in text.chars() {
        if width(&kept) + 2.0 * LETTER > room {
            break;
        }
        kept.push(letter);
    }
    kept + "…"
}
