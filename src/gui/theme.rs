//! The look of all windows: colours, text sizes, distances. The only file that names a colour;
//! it must not know what is shown.

use egui::{
    Color32, Context, CornerRadius, FontFamily, FontId, Frame, Margin, Shadow, Stroke, Style,
    TextStyle, Theme, Ui, Visuals, vec2,
};

/// A sensor that is OK.
pub const OK: Color32 = Color32::from_rgb(0x4C, 0xAF, 0x50);
/// A sensor that is KO.
pub const KO: Color32 = Color32::from_rgb(0xF4, 0x43, 0x36);
/// A sensor nobody has told about.
pub const UNKNOWN: Color32 = Color32::from_rgb(0x9E, 0x9E, 0x9E);
/// Text and symbols on the three above: white would have a contrast under 4 to 1 on each.
pub const ON_STATE: Color32 = Color32::from_rgb(0x12, 0x15, 0x18);

/// Between neighbours, in points.
pub const GAP: f32 = 8.0;
/// Around a window's or a card's content, in points.
pub const MARGIN: i8 = 12;
/// The smallest height of what a finger is to hit, in points.
pub const FINGER: f32 = 48.0;
/// Corners of cards and sensors, in points.
pub const ROUND: u8 = 8;

/// The colours that differ between light and dark.
#[derive(Debug, Clone, Copy)]
pub struct Palette {
    /// Behind everything.
    pub window: Color32,
    /// A board on the window.
    pub board: Color32,
    /// A card on a window or a board.
    pub card: Color32,
    /// Around cards.
    pub edge: Color32,
    /// Behind statistics.
    pub statistics: Color32,
    /// Text.
    pub text: Color32,
    /// Text that matters less.
    pub weak: Color32,
    /// Focus, selection, what flows.
    pub accent: Color32,
    /// It runs, it is connected.
    pub good: Color32,
    /// It waits, it is not sure.
    pub warn: Color32,
    /// It failed, it is cut.
    pub bad: Color32,
    /// Behind a warning.
    pub warn_fill: Color32,
    /// Behind trouble.
    pub bad_fill: Color32,
    /// The window of a program that does not run.
    pub dark: Color32,
    /// Text on it.
    pub on_dark: Color32,
    /// Hatching over what may be out of date.
    pub hatch: Color32,
}

const LIGHT: Palette = Palette {
    window: Color32::from_rgb(0xF4, 0xF6, 0xF8),
    board: Color32::from_rgb(0xE9, 0xED, 0xF1),
    card: Color32::WHITE,
    edge: Color32::from_rgb(0xD3, 0xD9, 0xE0),
    statistics: Color32::from_rgb(0xF0, 0xF0, 0xF0),
    text: Color32::from_rgb(0x1C, 0x23, 0x2B),
    weak: Color32::from_rgb(0x5A, 0x66, 0x73),
    accent: Color32::from_rgb(0x19, 0x76, 0xD2),
    good: Color32::from_rgb(0x2E, 0x7D, 0x32),
    warn: Color32::from_rgb(0x9A, 0x5B, 0x00),
    bad: Color32::from_rgb(0xC6, 0x28, 0x28),
    warn_fill: Color32::from_rgb(0xFF, 0xF4, 0xD9),
    bad_fill: Color32::from_rgb(0xFD, 0xE7, 0xE5),
    dark: Color32::from_rgb(0x15, 0x18, 0x1C),
    on_dark: Color32::from_rgb(0xB4, 0xBE, 0xC9),
    hatch: Color32::from_black_alpha(90),
};

const DARK: Palette = Palette {
    window: Color32::from_rgb(0x17, 0x1A, 0x1E),
    board: Color32::from_rgb(0x1E, 0x22, 0x27),
    card: Color32::from_rgb(0x26, 0x2B, 0x31),
    edge: Color32::from_rgb(0x3A, 0x42, 0x4B),
    statistics: Color32::from_rgb(0x2C, 0x32, 0x39),
    text: Color32::from_rgb(0xE8, 0xEB, 0xEE),
    weak: Color32::from_rgb(0xA0, 0xAB, 0xB7),
    accent: Color32::from_rgb(0x64, 0xB5, 0xF6),
    good: Color32::from_rgb(0x81, 0xC7, 0x84),
    warn: Color32::from_rgb(0xFF, 0xCC, 0x66),
    bad: Color32::from_rgb(0xFF, 0x8A, 0x80),
    warn_fill: Color32::from_rgb(0x3A, 0x31, 0x1C),
    bad_fill: Color32::from_rgb(0x42, 0x23, 0x23),
    dark: Color32::from_rgb(0x0C, 0x0E, 0x10),
    on_dark: Color32::from_rgb(0x96, 0xA1, 0xAD),
    hatch: Color32::from_black_alpha(110),
};

/// The colours of the theme `ui` is shown in.
pub fn palette(ui: &Ui) -> &'static Palette {
    if ui.visuals().dark_mode { &DARK } else { &LIGHT }
}

/// Gives all windows of `ctx` this look, in light and in dark.
pub fn install(ctx: &Context) {
    ctx.set_visuals_of(Theme::Light, visuals(Visuals::light(), &LIGHT));
    ctx.set_visuals_of(Theme::Dark, visuals(Visuals::dark(), &DARK));
    ctx.all_styles_mut(sizes);
    // Where the system does not say which it prefers.
    ctx.options_mut(|options| options.fallback_theme = Theme::Light);
}

/// The fill of a sensor's button.
pub fn state_fill(state: Option<bool>) -> Color32 {
    match state {
        Some(true) => OK,
        Some(false) => KO,
        None => UNKNOWN,
    }
}

/// A tone of `colour` for outlines, dark enough to stand against the fill.
pub fn outline(colour: Color32) -> Color32 {
    colour.lerp_to_gamma(Color32::BLACK, 0.45)
}

/// `colour`, a little lighter under the pointer, a little darker while it is pressed.
pub fn touched(colour: Color32, hovered: bool, pressed: bool) -> Color32 {
    match (hovered, pressed) {
        (_, true) => colour.lerp_to_gamma(Color32::BLACK, 0.12),
        (true, false) => colour.lerp_to_gamma(Color32::WHITE, 0.14),
        (false, false) => colour,
    }
}

/// A card on a window or on a board.
pub fn card(palette: &Palette) -> Frame {
    Frame::new()
        .fill(palette.card)
        .stroke(Stroke::new(1.0, palette.edge))
        .corner_radius(CornerRadius::same(ROUND))
        .inner_margin(Margin::symmetric(MARGIN, 8))
}

/// A quiet box for a line of text, in `fill`.
pub fn strip(fill: Color32) -> Frame {
    Frame::new()
        .fill(fill)
        .corner_radius(CornerRadius::same(6))
        .inner_margin(Margin::symmetric(10, 6))
}

/// What all of a window stands on.
pub fn ground(palette: &Palette) -> Frame {
    Frame::new().fill(palette.window).inner_margin(Margin::same(MARGIN))
}

/// The text of a window's or card's title.
pub fn title_font() -> FontId {
    FontId::new(16.0, FontFamily::Proportional)
}

/// The text of a sensor's state, in points high.
pub fn state_font(points: f32) -> FontId {
    FontId::new(points, FontFamily::Proportional)
}

fn visuals(base: Visuals, palette: &Palette) -> Visuals {
    let mut visuals = base;
    visuals.panel_fill = palette.window;
    visuals.window_fill = palette.card;
    visuals.window_stroke = Stroke::new(1.0, palette.edge);
    visuals.window_corner_radius = CornerRadius::same(ROUND);
    visuals.window_shadow =
        Shadow { offset: [0, 6], blur: 18, spread: 0, color: Color32::from_black_alpha(60) };
    visuals.extreme_bg_color = palette.card;
    visuals.faint_bg_color = palette.board;
    visuals.weak_text_color = Some(palette.weak);
    visuals.hyperlink_color = palette.accent;
    visuals.warn_fg_color = palette.warn;
    visuals.error_fg_color = palette.bad;
    visuals.selection.stroke = Stroke::new(1.0, palette.text);
    visuals.selection.bg_fill = palette.card.lerp_to_gamma(palette.accent, 0.28);
    let widgets = &mut visuals.widgets;
    widgets.noninteractive.fg_stroke.color = palette.text;
    widgets.noninteractive.bg_stroke = Stroke::new(1.0, palette.edge);
    let button = palette.card.lerp_to_gamma(palette.edge, 0.35);
    for (state, fill, edge) in [
        (&mut widgets.inactive, button, palette.edge),
        (&mut widgets.open, button, palette.edge),
        (&mut widgets.hovered, button.lerp_to_gamma(palette.accent, 0.18), palette.accent),
        (&mut widgets.active, button.lerp_to_gamma(palette.accent, 0.34), palette.accent),
    ] {
        state.weak_bg_fill = fill;
        state.bg_fill = fill;
        state.bg_stroke = Stroke::new(1.0, edge);
        state.fg_stroke.color = palette.text;
        state.corner_radius = CornerRadius::same(5);
        state.expansion = 0.0;
    }
    // The focused button has the look of the active one; it must be seen from afar.
    widgets.active.bg_stroke.width = 2.0;
    visuals
}

fn sizes(style: &mut Style) {
    style.spacing.item_spacing = vec2(GAP, 6.0);
    style.spacing.button_padding = vec2(9.0, 3.0);
    style.spacing.interact_size.y = 24.0;
    for (text, points) in [
        (TextStyle::Small, 12.0),
        (TextStyle::Body, 13.5),
        (TextStyle::Button, 13.0),
        (TextStyle::Heading, 18.0),
    ] {
        style.text_styles.insert(text, FontId::new(points, FontFamily::Proportional));
    }
    style.text_styles.insert(TextStyle::Monospace, FontId::new(12.0, FontFamily::Monospace));
}
