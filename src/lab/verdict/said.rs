//! What windows and programs say, held against what crossed the cables.

use super::breach::Breach;
use crate::card::{CountFace, Face, Link, Origin, payload};
use crate::conf::scenario::{BreachKind, Condition};
use crate::lab::condition::{against, disagreement};
use crate::lab::ledger::Ledger;
use crate::lab::name::ProgramName;
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
    let programs = snapshot.boards.iter().flat_map(|board| &board.programs);
    let faces = programs.map(|program| (&program.name, &program.face));
    let shows = shows.into_iter().chain(claims(ledger, faces));
    shows.chain(invented(ledger, snapshot)).collect()
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

/// Sensors that started as OK because nothing said otherwise, although their program had said so before,
/// and its broker had taken that over for good.
fn invented(ledger: &Ledger, snapshot: &Snapshot) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for board in snapshot.boards.iter().filter(|it| it.broker.persistent && it.broker.tells) {
        for program in &board.programs {
            for sensor in &program.face.own {
                let Some((Origin::Started, at)) = sensor.origin else { continue };
                let said = ledger.messages().filter(|message| {
                    message.at.board() == Some(&board.name)
                        && message.publisher.client.as_str() == program.name.as_str()
                        && (message.retain && message.promised)
                        && message.came.iter().all(|entry| entry.at < at)
                });
                let said = said.filter_map(|message| {
                    let states = payload::parse(&message.payload, &(1..=6)).ok()?;
                    states.get(sensor.number)
                });
                let (name, number) = (&program.name, sensor.number);
                if said.last() == Some(false) {
                    let what = format!(
                        "{name} started sensor {number} as OK, although it had said that it is KO, \
                         and {} had taken that over",
                        board.name,
                    );
                    breaches.push(Breach { kind: BreachKind::Shows, what, entries: Vec::new() });
                }
            }
        }
    }
    breaches
}

/// Counters that say more than arrived at them: at any time.
#[must_use]
pub fn claims<'a>(
    ledger: &Ledger,
    faces: impl IntoIterator<Item = (&'a ProgramName, &'a Face)>,
) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (name, face) in faces {
        let Some(CountFace::Counter(counter)) = &face.count else { continue };
        let sessions = ledger.books().flat_map(|(_, book)| &book.sessions);
        let mine = sessions.filter(|(client, _)| client.as_str() == name.as_str());
        let arrived: u64 = mine.map(|(_, session)| session.answered).sum();
        if counter.settings.qos > QoS::AtMostOnce && counter.acknowledged > arrived {
            let what = format!(
                "{name} says that {} messages are acknowledged, and {arrived} acknowledgements \
                 arrived",
                counter.acknowledged,
            );
            breaches.push(Breach { kind: BreachKind::Claims, what, entries: Vec::new() });
        }
    }
    breaches
}
