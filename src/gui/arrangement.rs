//! Where windows open: the monitors side by side, the Lab below them, or as a strip below the
//! shorter ones where the screen is small. Knows sizes, and no window.
//!
//! ```text
//! +--------+--------+---------+      +--------+--------+---------+
//! |        |        |         |      |        |        |         |
//! | board  | board  | display |      | board  | board  | display |
//! |        +--------+         |      +--------+--------+         |
//! +--------+        +---------+      | Lab             |         |
//! | Lab                       |      +-----------------+---------+
//! +---------------------------+
//! ```

use std::collections::BTreeMap;

use egui::{Pos2, Vec2, pos2, vec2};
use serde::{Deserialize, Serialize};

use crate::lab::snapshot::ProgramKind;
use crate::lab::{ProgramName, Snapshot};

/// Where a window is, in points; systems that do not tell positions leave that out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// The upper left corner of the window with its frame.
    pub pos: Option<Pos2>,
    /// The content's size.
    pub size: Vec2,
}

/// Where all windows go at first.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrangement {
    /// The programs' windows.
    pub monitors: BTreeMap<ProgramName, Place>,
    /// The Lab.
    pub lab: Place,
}

/// A window's title bar, with a little more than most have.
const TITLE_BAR: f32 = 36.0;
const GAP: f32 = 8.0;
/// A Lab lower than this is not worth the whole width.
const LAB_LOWEST: f32 = 240.0;
const LAB_HIGHEST: f32 = 640.0;
/// A Lab on a small screen has at least this height.
const STRIP: f32 = 200.0;
/// The three windows of the dual-board system take this much.
const SIDE_BY_SIDE: f32 = 1316.0;

/// The size of a program's window when it is opened for the first time.
pub fn first_size(kind: ProgramKind) -> Vec2 {
    match kind {
        ProgramKind::Card1 => vec2(400.0, 350.0),
        ProgramKind::Card2 => vec2(400.0, 450.0),
        ProgramKind::Display => vec2(500.0, 550.0),
        ProgramKind::Counter | ProgramKind::Tally => vec2(380.0, 400.0),
    }
}

/// Under this size a program's window would clip what it says.
pub fn least_size(kind: ProgramKind) -> Vec2 {
    match kind {
        ProgramKind::Card1 | ProgramKind::Card2 => vec2(300.0, 300.0),
        ProgramKind::Display => vec2(400.0, 400.0),
        ProgramKind::Counter | ProgramKind::Tally => vec2(300.0, 320.0),
    }
}

/// Its first size, or less of it on a screen that has no room for all windows side by side.
fn size(kind: ProgramKind, screen: Option<Vec2>) -> Vec2 {
    let (first, least) = (first_size(kind), least_size(kind));
    match screen {
        Some(screen) if screen.x < SIDE_BY_SIDE => {
            let height = screen.y - 2.0 * TITLE_BAR - GAP - STRIP;
            vec2(least.x, first.y.min(height).max(least.y))
        }
        _ => first,
    }
}

/// Arranges all windows on a screen, or only sizes them where the screen is not known.
pub fn arrange(snapshot: &Snapshot, screen: Option<Vec2>) -> Arrangement {
    let programs: Vec<_> = snapshot
        .boards
        .iter()
        .flat_map(|board| &board.programs)
        .map(|program| (program.name.clone(), size(program.kind, screen)))
        .collect();
    let total = programs.iter().map(|(_, size)| size.x + GAP).sum::<f32>() - GAP;
    let tallest = programs.iter().map(|(_, size)| size.y).fold(0.0, f32::max);
    let Some(screen) = screen else {
        let place = |(name, size)| (name, Place { pos: None, size });
        let monitors = programs.into_iter().map(place).collect();
        return Arrangement { monitors, lab: Place { pos: None, size: vec2(1300.0, 560.0) } };
    };
    let left = ((screen.x - total) / 2.0).max(0.0);
    let mut x = left;
    let mut monitors = BTreeMap::new();
    for (name, size) in &programs {
        // On a screen too narrow for all, the last ones overlap instead of leaving it.
        let at = pos2(x.min(screen.x - size.x).max(0.0), 0.0);
        monitors.insert(name.clone(), Place { pos: Some(at), size: *size });
        x += size.x + GAP;
    }
    let below = |height: f32| height + TITLE_BAR + GAP;
    let room = |top: f32| screen.y - top - TITLE_BAR;
    let full = below(tallest);
    let lab = if room(full) >= LAB_LOWEST {
        // It draws all boards, also those without a window.
        let width = total.max(SIDE_BY_SIDE).min(screen.x);
        let size = vec2(width, room(full).min(LAB_HIGHEST));
        Place { pos: Some(pos2((screen.x - width) / 2.0, full)), size }
    } else {
        // The windows before the first of the tallest leave room below them.
        let shorter: Vec<_> = programs.iter().take_while(|(_, size)| size.y < tallest).collect();
        let width = shorter.iter().map(|(_, size)| size.x + GAP).sum::<f32>() - GAP;
        let top = below(shorter.iter().map(|(_, size)| size.y).fold(0.0, f32::max));
        let size = vec2(width.clamp(600.0, screen.x.max(600.0)), room(top).max(180.0));
        Place { pos: Some(pos2(left, top.min(screen.y - size.y).max(0.0))), size }
    };
    Arrangement { monitors, lab }
}

#[cfg(test)]
mod tests {
    use egui::Rect;

    use super::*;
    use crate::gui::fixtures;

    fn rect(place: Place) -> Rect {
        Rect::from_min_size(place.pos.expect("a position"), place.size + vec2(0.0, TITLE_BAR))
    }

    #[test]
    fn windows_do_not_overlap_nor_leave_the_screen() {
        let check = |width: f32, height: f32, lab: (f32, f32)| {
            let screen = vec2(width, height);
            let made = arrange(&fixtures::dual_board(), Some(screen));
            assert_eq!((made.lab.size.x, made.lab.size.y), lab, "{screen}");
            let mut rects: Vec<_> = made.monitors.values().copied().map(rect).collect();
            rects.push(rect(made.lab));
            for (index, one) in rects.iter().enumerate() {
                let bounds = Rect::from_min_size(Pos2::ZERO, screen);
                assert!(bounds.contains_rect(*one), "{screen}: {one}");
                for other in &rects[index + 1..] {
                    assert!(!one.intersect(*other).is_positive(), "{screen}: {one} {other}");
                }
            }
        };
        check(1920.0, 1200.0, (1316.0, 570.0));
        check(1366.0, 768.0, (808.0, 238.0));
        check(3840.0, 2160.0, (1316.0, 640.0));
        check(1024.0, 600.0, (608.0, 200.0));
    }

    #[test]
    fn the_sizes_are_known_without_a_screen() {
        let made = arrange(&fixtures::dual_board(), None);
        let sizes: Vec<_> =
            made.monitors.values().map(|place| (place.size.x, place.size.y)).collect();
        assert_eq!(sizes, [(400.0, 350.0), (400.0, 450.0), (500.0, 550.0)]);
        assert!(made.monitors.values().all(|place| place.pos.is_none()));
    }
}
