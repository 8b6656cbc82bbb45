//! Where the windows are: where each opens, where it was last seen, and what of it is remembered
//! for the next time. Knows windows by their programs' names.

use std::collections::BTreeMap;

use eframe::Storage;
use egui::{Context, Pos2, Vec2, ViewportCommand, ViewportId, ViewportInfo, vec2};

use super::arrangement::{self, Place};
use crate::lab::snapshot::ProgramView;
use crate::lab::{ProgramName, Snapshot};

/// Under this key the places are remembered.
const KEY: &str = "places";

/// The places of all windows.
#[derive(Debug)]
pub struct Places {
    /// Where each window opens; fixed while it is open, so that it is only placed once.
    opening: BTreeMap<ProgramName, Place>,
    /// Where each window was last seen.
    seen: BTreeMap<ProgramName, Place>,
    /// Whether places of an earlier time are known, the Lab's among them.
    remembered: bool,
    /// Whether all windows have their first places.
    complete: bool,
    /// Where the Lab was before it took the monitors in.
    undocked: Option<Place>,
}

impl Places {
    /// The places of the last time, if `storage` has them.
    pub fn load(storage: Option<&dyn Storage>) -> Self {
        let saved: Option<BTreeMap<String, Place>> =
            storage.and_then(|storage| eframe::get_value(storage, KEY));
        let remembered = saved.is_some();
        let seen: BTreeMap<_, _> = saved
            .into_iter()
            .flatten()
            .map(|(name, place)| (ProgramName::new(&name), place))
            .collect();
        Self { opening: seen.clone(), seen, remembered, complete: false, undocked: None }
    }

    /// Keeps the places for the next time.
    pub fn save(&self, storage: &mut dyn Storage) {
        let places: BTreeMap<String, Place> =
            self.seen.iter().map(|(name, place)| (name.to_string(), *place)).collect();
        eframe::set_value(storage, KEY, &places);
    }

    /// Where this program's window opens.
    pub fn opening(&self, program: &ProgramView) -> Place {
        let first = Place { pos: None, size: arrangement::first_size(program.kind) };
        self.opening.get(&program.name).copied().unwrap_or(first)
    }

    /// This window will open again where it was.
    pub fn closed(&mut self, program: &ProgramName) {
        if let Some(place) = self.seen.get(program) {
            self.opening.insert(program.clone(), *place);
        }
    }

    /// All windows will open again where they were.
    fn all_closed(&mut self) {
        self.opening.extend(self.seen.iter().map(|(name, place)| (name.clone(), *place)));
    }

    /// Gives windows without a remembered place their first one.
    pub fn complete(&mut self, ctx: &Context, snapshot: &Snapshot, docked: bool) {
        if self.complete {
            return;
        }
        self.complete = true;
        let made = arrangement::arrange(snapshot, screen(ctx));
        for (name, place) in made.monitors {
            self.opening.entry(name).or_insert(place);
        }
        if !self.remembered {
            let pos = made.lab.pos.map(|_| Pos2::ZERO);
            let all = Place { pos, size: one_window(screen(ctx)) };
            move_to(ctx, ViewportId::ROOT, if docked { all } else { made.lab });
        }
    }

    /// Makes the Lab large enough for the monitors it takes in.
    pub fn dock(&mut self, ctx: &Context) {
        self.all_closed();
        self.undocked = ctx.input(|input| seen(input.viewport()));
        let size = one_window(screen(ctx));
        if self.undocked.is_none_or(|lab| lab.size.x < size.x || lab.size.y < size.y) {
            move_to(ctx, ViewportId::ROOT, Place { pos: Some(Pos2::ZERO), size });
        }
    }

    /// Puts the Lab back where it was before.
    pub fn undock(&mut self, ctx: &Context, snapshot: &Snapshot) {
        let first = || arrangement::arrange(snapshot, screen(ctx)).lab;
        let lab = self.undocked.take().unwrap_or_else(first);
        move_to(ctx, ViewportId::ROOT, lab);
    }

    /// Puts all windows where they first were.
    pub fn arrange(&mut self, ctx: &Context, snapshot: &Snapshot) {
        let made = arrangement::arrange(snapshot, screen(ctx));
        for (name, place) in made.monitors {
            move_to(ctx, viewport(&name), place);
            self.opening.insert(name, place);
        }
        move_to(ctx, ViewportId::ROOT, made.lab);
    }

    /// Looks where the windows are now. A minimised or maximised one keeps the place it had.
    pub fn look(&mut self, ctx: &Context, snapshot: &Snapshot) {
        ctx.input(|input| {
            for program in snapshot.boards.iter().flat_map(|board| &board.programs) {
                let Some(info) = input.raw.viewports.get(&viewport(&program.name)) else {
                    continue;
                };
                if let Some(place) = seen(info) {
                    self.seen.insert(program.name.clone(), place);
                }
            }
        });
    }
}

/// The viewport of a program's window.
pub fn viewport(program: &ProgramName) -> ViewportId {
    ViewportId::from_hash_of(program.as_str())
}

fn screen(ctx: &Context) -> Option<Vec2> {
    ctx.input(|input| input.viewport().monitor_size)
}

/// Where a window is, unless it is minimised or maximised.
fn seen(info: &ViewportInfo) -> Option<Place> {
    let aside = info.minimized.unwrap_or(false) || info.maximized.unwrap_or(false);
    let inner = info.inner_rect.filter(|_| !aside)?;
    Some(Place { pos: info.outer_rect.map(|outer| outer.min), size: inner.size() })
}

/// One window for everything takes as much of the screen as it can use.
fn one_window(screen: Option<Vec2>) -> Vec2 {
    let wanted = vec2(1340.0, 1060.0);
    screen.map_or(wanted, |screen| wanted.min(screen - vec2(16.0, 64.0)))
}

fn move_to(ctx: &Context, viewport: ViewportId, place: Place) {
    ctx.send_viewport_cmd_to(viewport, ViewportCommand::InnerSize(place.size));
    if let Some(pos) = place.pos {
        ctx.send_viewport_cmd_to(viewport, ViewportCommand::OuterPosition(pos));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gui::fixtures;

    #[derive(Default)]
    struct Notes(BTreeMap<String, String>);

    impl Storage for Notes {
        fn get_string(&self, key: &str) -> Option<String> {
            self.0.get(key).cloned()
        }

        fn set_string(&mut self, key: &str, value: String) {
            self.0.insert(key.to_owned(), value);
        }

        fn remove_string(&mut self, key: &str) {
            self.0.remove(key);
        }

        fn flush(&mut self) {}
    }

    #[test]
    fn places_are_remembered() {
        let snapshot = fixtures::dual_board();
        let program = &snapshot.boards[0].programs[0];
        let mut places = Places::load(None);
        assert_eq!(places.opening(program).size, vec2(400.0, 350.0));
        for pos in [Some(Pos2::new(7.0, 9.0)), None] {
            let place = Place { pos, size: vec2(500.0, 360.5) };
            places.seen.insert(program.name.clone(), place);
            let mut notes = Notes::default();
            places.save(&mut notes);
            assert_eq!(Places::load(Some(&notes)).opening(program), place);
        }
    }

    #[test]
    fn a_window_comes_back_where_it_was_closed() {
        let snapshot = fixtures::dual_board();
        let program = &snapshot.boards[0].programs[0];
        let mut places = Places::load(None);
        let place = Place { pos: Some(Pos2::new(3.0, 4.0)), size: vec2(410.0, 420.0) };
        places.seen.insert(program.name.clone(), place);
        assert_ne!(places.opening(program), place, "an open window must not be placed again");
        places.closed(&program.name);
        assert_eq!(places.opening(program), place);
    }
}
