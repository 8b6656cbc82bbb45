//! A bridge in the Lab's drawing: where it stands, what each end believes, its cable. Knows one
//! bridge and the board that dials.

use std::time::Duration;

use egui::{Label, RichText, Ui};

use super::clock::Clock;
use super::controls;
use super::outbox::Outbox;
use super::theme::{self, Palette};
use crate::cable::Deed;
use crate::lab::snapshot::{BoardView, BridgeState, BridgeView, CableState, Run};
use crate::lab::{CableName, Command, Snapshot};

/// Shows the bridge and what can be done to it.
pub fn show(
    ui: &mut Ui,
    snapshot: &Snapshot,
    board: &BoardView,
    bridge: &BridgeView,
    clock: Clock,
    outbox: &Outbox,
) {
    let palette = theme::palette(ui);
    ui.add(Label::new(RichText::new(bridge.name.as_str()).strong()).truncate());
    state(ui, palette, bridge, clock, outbox);
    beliefs(ui, palette, snapshot, board, bridge);
    let (out, inward) = bridge.crossed;
    let text = format!("{out} out · {inward} in · {} queued", bridge.queued);
    ui.label(RichText::new(text).small().color(palette.weak));
    if board.power && board.broker.run == Run::Running {
        let run = if bridge.state == BridgeState::Stopped { Run::Stopped } else { Run::Running };
        if let Some(action) = controls::actions(ui, bridge.name.as_str(), &run) {
            outbox.send(Command::Bridge { bridge: bridge.name.clone(), action });
        }
    }
    ui.separator();
    cable(ui, palette, bridge, outbox);
}

/// Whether packets can cross now.
pub fn carries(bridge: &BridgeView) -> bool {
    matches!(bridge.state, BridgeState::Connected { .. }) && bridge.cable == CableState::Whole
}

/// Where it stands, with the countdown to the next try.
fn state(ui: &mut Ui, palette: &Palette, bridge: &BridgeView, clock: Clock, outbox: &Outbox) {
    match &bridge.state {
        BridgeState::Stopped => {
            controls::status(ui, palette.weak, false, "Stopped");
        }
        BridgeState::Connecting => {
            controls::status(ui, palette.warn, false, "Connecting…");
        }
        BridgeState::Connected { since } => {
            let text = format!("Connected since {}", clock.hms(*since));
            controls::status(ui, palette.good, true, &text);
        }
        BridgeState::Waiting { until, reason } => {
            let text = format!("Not connected: {reason}");
            controls::status(ui, palette.bad, false, &text);
            let left = clock.until(*until);
            ui.horizontal_wrapped(|ui| {
                let seconds = left.as_secs_f32().ceil();
                let text = format!("Tries again in {seconds:.0} s");
                ui.label(RichText::new(text).small());
                // A run that is to be repeated has no word for it.
                if clock.ticks() && controls::named(ui, "Retry now", bridge.name.as_str()).clicked()
                {
                    outbox.send(Command::RetryNow { bridge: bridge.name.clone() });
                }
            });
            if clock.ticks() && !left.is_zero() {
                ui.ctx().request_repaint_after(until_next_number(left));
            }
        }
    }
}

/// How long the number of a countdown stands, a little rounded up, so that a second costs one
/// frame.
fn until_next_number(left: Duration) -> Duration {
    let rest = Duration::from_nanos(left.subsec_nanos().into());
    let stands = if rest.is_zero() { Duration::from_secs(1) } else { rest };
    stands + Duration::from_millis(5)
}

/// What each end takes the connection for; they differ after a silent cut.
fn beliefs(
    ui: &mut Ui,
    palette: &Palette,
    snapshot: &Snapshot,
    board: &BoardView,
    bridge: &BridgeView,
) {
    let alive = board.power && matches!(board.broker.run, Run::Running | Run::Frozen);
    let here = matches!(bridge.state, BridgeState::Connected { .. });
    let far = snapshot.boards.iter().find(|far| Some(&far.name) == bridge.remote.as_ref());
    let word = |believes| match believes {
        Some(true) => "connected",
        Some(false) => "not connected",
        None => "nothing; its broker is not running",
    };
    let wrong = bridge.remote_believes.is_some_and(|there| there != here)
        || (here && bridge.cable != CableState::Whole);
    let here = alive.then_some(here);
    let colour = if wrong { palette.warn } else { palette.weak };
    let ends = [(Some(board), here), (far, bridge.remote_believes)];
    let ends = ends.into_iter().filter_map(|(who, believes)| Some((who?, believes)));
    // Of another engine's broker nobody knows.
    for (who, believes) in ends.filter(|(who, _)| who.broker.tells) {
        let text = format!("{} believes: {}", who.title, word(believes));
        ui.add(Label::new(RichText::new(text).small().color(colour)).wrap());
    }
}

fn cable(ui: &mut Ui, palette: &Palette, bridge: &BridgeView, outbox: &Outbox) {
    let what = format!("the cable of {}", bridge.name);
    let (colour, words, deeds) = match bridge.cable {
        CableState::Whole => (
            palette.good,
            "Cable whole",
            vec![("Cut", Deed::cut()), ("Cut silently", Deed::cut_silently())],
        ),
        CableState::Cut => (palette.bad, "Cable cut", vec![("Mend", Deed::Mend)]),
        CableState::Silent => (
            palette.bad,
            "Cable cut, neither end was told",
            vec![("Mend", Deed::Mend), ("Cut loudly", Deed::cut())],
        ),
    };
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 5.0;
        controls::status(ui, colour, bridge.cable == CableState::Whole, words);
        for (words, deed) in deeds {
            if controls::named(ui, words, &what).clicked() {
                let cable = CableName::new(bridge.name.as_str());
                outbox.send(Command::Cable { cable, deed });
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_countdown_costs_a_frame_a_second() {
        let mut left = Duration::from_millis(60_300);
        let mut frames = 0;
        while !left.is_zero() {
            left = left.saturating_sub(until_next_number(left));
            frames += 1;
        }
        assert_eq!(frames, 61);
    }
}
