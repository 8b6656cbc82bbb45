//! What windows and programs say, held against what crossed the cables.

use super::breach::Breach;
use crate::card::{CountFace, Link};
use crate::conf::scenario::{BreachKind, Condition};
use crate::lab::condition::{against, disagreement};
use crate::lab::ledger::Ledger;
use crate::lab::snapshot::{BridgeState, Run, Snapshot};
use crate::mqtt::QoS;

/// Once all is connected and nothing is under way, all programs show the same of each sensor; nobody
/// claims an acknowledgement that nobody gave.
#[must_use]
pub fn said(ledger: &Ledger, snapshot: &Snapshot) -> Vec<Breach> {
    // What nobody knows is no matter: its board may not be part of the scenario.
    let shows = is_at_rest(snapshot).then(|| disagreement(snapshot, false)).flatten();
    let shows = shows.map(|what| {
        let what = format!("all is connected and nothing is under way, but {what}");
        Breach { kind: BreachKind::Shows, what, entries: Vec::new() }
    });
    shows.into_iter().chain(claims(ledger, snapshot)).collect()
}

/// Whether everybody is there, and nothing waits.
fn is_at_rest(snapshot: &Snapshot) -> bool {
    let mut boards = snapshot.boards.iter();
    boards.all(|board| {
        let online = board.programs.iter().all(|program| {
            program.run == Run::Running && matches!(program.face.link, Link::Online { .. })
        });
        let mut bridges = board.broker.bridges.iter();
        let up = bridges.all(|it| matches!(it.state, BridgeState::Connected { .. }));
        online && up && board.broker.run == Run::Running
    }) && against(&Condition::Quiet, snapshot).is_none()
}

/// Counters that say more than arrived at them.
fn claims(ledger: &Ledger, snapshot: &Snapshot) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for program in snapshot.boards.iter().flat_map(|board| &board.programs) {
        let Some(CountFace::Counter(counter)) = &program.face.count else { continue };
        let sessions = ledger.books().flat_map(|(_, book)| &book.sessions);
        let mine = sessions.filter(|(client, _)| client.as_str() == program.name.as_str());
        let arrived: u64 = mine.map(|(_, session)| session.answered).sum();
        if counter.settings.qos > QoS::AtMostOnce && counter.acknowledged > arrived {
            let what = format!(
                "{} says that {} messages are acknowledged, and {arrived} acknowledgements arrived",
                program.name, counter.acknowledged,
            );
            breaches.push(Breach { kind: BreachKind::Claims, what, entries: Vec::new() });
        }
    }
    breaches
}
