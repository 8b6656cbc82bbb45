//! A number large enough to be read from across a room, with what it counts below. Knows neither
//! who counts nor what is good.

use egui::{
    Color32, CornerRadius, FontId, Role, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, pos2,
};

use super::theme;

/// How a number is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// It is as it should be.
    Plain,
    /// Something is still to come.
    Open,
    /// Something is wrong.
    Wrong,
}

impl Meaning {
    /// Wrong, when there is any.
    pub fn of_faults(count: u64) -> Self {
        if count == 0 { Self::Plain } else { Self::Wrong }
    }
}

/// Shows `count` of `what`, `size` points large.
pub fn show(ui: &mut Ui, count: u64, what: &str, meaning: Meaning, size: Vec2) {
    let palette = theme::palette(ui);
    let (fill, edge, text, weak) = match meaning {
        Meaning::Plain => (palette.card, palette.edge, palette.text, palette.weak),
        Meaning::Open => (palette.warn_fill, palette.warn, palette.warn, palette.warn),
        Meaning::Wrong => (theme::KO, theme::outline(theme::KO), theme::ON_STATE, theme::ON_STATE),
    };
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let words = grouped(count);
    let label = format!("{what}: {words}");
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &label));
    let corners = CornerRadius::same(theme::ROUND);
    ui.painter().rect(rect, corners, fill, Stroke::new(1.0, edge), StrokeKind::Inside);
    let caption = FontId::proportional(12.5);
    let room = rect.width() - 16.0;
    let put = |middle: f32, words: String, font: FontId, colour: Color32| {
        let galley = ui.painter().layout_no_wrap(words, font, colour);
        let at = pos2(rect.center().x - galley.size().x / 2.0, middle - galley.size().y / 2.0);
        ui.painter().galley(at, galley, colour);
    };
    let wanted = (rect.height() * 0.5).clamp(20.0, 64.0);
    let measured = ui.painter().layout_no_wrap(words.clone(), theme::state_font(wanted), text);
    let points = wanted * (room / measured.size().x.max(1.0)).min(1.0);
    put(rect.center().y - 9.0, words, theme::state_font(points), text);
    put(rect.bottom() - 15.0, what.to_owned(), caption, weak);
}

/// 1234567 as 1,234,567.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_are_read_in_groups() {
        for (count, expected) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")]
        {
            assert_eq!(grouped(count), expected);
        }
    }
}
