//! Which programs' windows are open. A window is closed by a person alone; a program that is
//! started again after that gets its window back. Knows no toolkit.

use std::collections::BTreeMap;

use crate::lab::snapshot::Run;
use crate::lab::{ProgramName, Snapshot};

/// The windows that were closed; all others are open.
#[derive(Debug, Default)]
pub struct Windows {
    closed: BTreeMap<ProgramName, Closed>,
}

/// How far the closing went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closed {
    /// The program was asked to stop, and was last seen running.
    Stopping,
    /// The program was seen not to run; the next time it runs, the window comes back.
    Stopped,
}

impl Windows {
    /// Whether this program's window is open.
    pub fn is_open(&self, name: &ProgramName) -> bool {
        !self.closed.contains_key(name)
    }

    /// A person closed the window; whether the program must be asked to stop.
    #[must_use]
    pub fn close(&mut self, name: &ProgramName, snapshot: &Snapshot) -> bool {
        let running = runs(snapshot, name);
        let state = if running { Closed::Stopping } else { Closed::Stopped };
        self.closed.insert(name.clone(), state);
        running
    }

    /// The window is to be seen again.
    pub fn reopen(&mut self, name: &ProgramName) {
        self.closed.remove(name);
    }

    /// Follows the world: every snapshot in turn, so that no stop between two starts is missed.
    pub fn follow(&mut self, snapshot: &Snapshot) {
        self.closed.retain(|name, state| match (*state, runs(snapshot, name)) {
            (Closed::Stopping, false) => {
                *state = Closed::Stopped;
                true
            }
            (Closed::Stopped, true) => false,
            _ => true,
        });
    }
}

fn runs(snapshot: &Snapshot, name: &ProgramName) -> bool {
    snapshot
        .program(name)
        .is_some_and(|(board, program)| board.power && program.run == Run::Running)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gui::fixtures;

    fn world(runs: bool) -> Snapshot {
        let mut snapshot = fixtures::dual_board();
        let program = fixtures::program_mut(&mut snapshot, "card2_monitor");
        program.run = if runs { Run::Running } else { Run::Stopped };
        snapshot
    }

    #[test]
    fn closing_stops_and_starting_reopens() {
        let name = ProgramName::new("card2_monitor");
        let mut windows = Windows::default();
        assert!(windows.close(&name, &world(true)), "a running program must be stopped");
        // The world has not stopped it yet: that is no reason to open the window again.
        windows.follow(&world(true));
        assert!(!windows.is_open(&name));
        windows.follow(&world(false));
        assert!(!windows.is_open(&name));
        windows.follow(&world(true));
        assert!(windows.is_open(&name));
    }

    #[test]
    fn a_dark_window_closes_without_a_stop() {
        let name = ProgramName::new("card2_monitor");
        let mut windows = Windows::default();
        assert!(!windows.close(&name, &world(false)));
        windows.follow(&world(false));
        assert!(!windows.is_open(&name));
        windows.follow(&world(true));
        assert!(windows.is_open(&name));
    }

    #[test]
    fn a_stop_from_elsewhere_closes_nothing() {
        let name = ProgramName::new("card2_monitor");
        let mut windows = Windows::default();
        windows.follow(&world(false));
        assert!(windows.is_open(&name));
        assert!(windows.close(&name, &world(true)));
        windows.reopen(&name);
        assert!(windows.is_open(&name));
    }
}
