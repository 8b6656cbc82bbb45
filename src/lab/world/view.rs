//! A world as a snapshot shows it: from what the world knows of each board to views.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::seen::Seen;
use crate::broker::status::{BridgeStatus, LinkState, SessionStatus, Status};
use crate::cable::{Cable, Direction, State};
use crate::card::Face;
use crate::conf::Engine;
use crate::engine::{mosquitto, rumqttd};
use crate::lab::DiskTrouble;
use crate::lab::name::CableName;
use crate::lab::plan::{BoardPlan, Plan};
use crate::lab::snapshot::{
    BoardView, BridgeState, BridgeView, BrokerView, CableState, CableView, HeldView, Holdings,
    ProgramView, Run, SessionView,
};
use crate::lab::trace::{Place, Scribe};
use crate::mqtt::Topic;

/// What a world knows of a board at one moment.
#[derive(Debug, Clone)]
pub(super) struct BoardNow {
    /// Whether it has power.
    pub(super) power: bool,
    /// Whether its broker runs.
    pub(super) run: Run,
    /// What its broker says of itself: one that is ours and runs.
    pub(super) status: Option<Status>,
    /// What its broker holds, or held.
    pub(super) holdings: Holdings,
    /// Its public port.
    pub(super) port: u16,
    /// What is wrong with its disk.
    pub(super) disk: Option<DiskTrouble>,
    /// Its programs: whether each runs, and what it knows.
    pub(super) programs: Vec<(Run, Face)>,
}

/// What a world knows of a cable at one moment.
#[derive(Debug, Clone)]
pub(super) struct CableNow {
    /// Between whom.
    pub(super) place: Arc<Place>,
    /// With its faults.
    pub(super) cable: Cable,
    /// What waits there, by connection and direction.
    pub(super) held: Vec<((u64, Direction), Vec<Bytes>)>,
}

/// All boards. `seen` is what cables saw of brokers that say nothing of themselves.
pub(super) fn boards(
    plan: &Plan,
    boards: &[BoardNow],
    cable: impl Fn(&CableName) -> State,
    seen: &Seen,
) -> Vec<BoardView> {
    let views = plan.boards.iter().zip(boards).map(|(board_plan, board)| BoardView {
        name: board_plan.name.clone(),
        title: board_plan.title.clone(),
        power: board.power,
        broker: broker(plan, board_plan, (board, boards), &cable, seen),
        programs: programs(board_plan, board),
    });
    views.collect()
}

/// A cable.
pub(super) fn cable(now: CableNow, scribe: &Scribe) -> CableView {
    let held = now.held.into_iter().flat_map(|((wire, direction), waiting)| {
        let words = scribe.glance(wire, direction, &waiting);
        words.into_iter().map(move |words| HeldView { wire, direction, words })
    });
    CableView {
        name: now.place.cable.clone(),
        dialer: now.place.dialer.clone(),
        target: now.place.target.clone(),
        state: cable_state(now.cable.state()),
        faults: now.cable.faults().iter().map(ToString::to_string).collect(),
        held: held.collect(),
    }
}

/// How much a broker holds that says this of itself.
pub(super) fn holdings(plan: &BoardPlan, status: &Status) -> Holdings {
    let persistent = status.sessions.iter().filter(|it| it.persistent).count();
    let of_bridges = plan.settings.bridges.iter().filter(|it| !it.local_cleansession).count();
    Holdings {
        retained: status.retained,
        sessions: persistent + if status.bridges.is_empty() { 0 } else { of_bridges },
        queued: status.sessions.iter().map(|it| it.queued).sum::<usize>()
            + status.bridges.iter().map(|it| it.queued).sum::<usize>(),
        refused: status.refused,
    }
}

fn broker(
    plan: &Plan,
    board_plan: &BoardPlan,
    (board, all): (&BoardNow, &[BoardNow]),
    cable: &impl Fn(&CableName) -> State,
    seen: &Seen,
) -> BrokerView {
    let bridges = (0..board_plan.bridges.len())
        .map(|at| bridge(plan, board_plan, at, (board, all), cable, seen))
        .collect();
    let tells = board_plan.engine == Engine::Native;
    let sessions = if tells {
        let sessions = board.status.iter().flat_map(|status| &status.sessions);
        sessions.map(session_view).collect()
    } else {
        let clients = seen.clients(&board_plan.name).into_iter();
        clients.map(|client_id| SessionView { client_id, connected: true, queued: 0 }).collect()
    };
    BrokerView {
        run: board.run.clone(),
        engine: engine_name(&board_plan.engine),
        tells,
        port: board.port,
        persistent: match board_plan.engine {
            Engine::Native | Engine::Mosquitto => board_plan.settings.persistence,
            Engine::Rumqttd => false,
            // Whoever runs it knows.
            Engine::Remote(_) => true,
        },
        holdings: board.holdings,
        disk: board.disk,
        store_trouble: board.status.as_ref().and_then(|status| status.store_trouble.clone()),
        sessions,
        bridges,
    }
}

fn bridge(
    plan: &Plan,
    board_plan: &BoardPlan,
    at: usize,
    (board, all): (&BoardNow, &[BoardNow]),
    cable: &impl Fn(&CableName) -> State,
    seen: &Seen,
) -> BridgeView {
    let (bridge, settings) = (&board_plan.bridges[at], &board_plan.settings.bridges[at]);
    let ours = board.status.as_ref().and_then(|status| status.bridges.get(at));
    let far = bridge.remote.and_then(|remote| all[remote].status.as_ref());
    let remote_believes = far.map(|far| {
        far.sessions.iter().any(|it| it.client == settings.remote_clientid && it.connected)
    });
    BridgeView {
        name: bridge.name.clone(),
        state: match ours {
            Some(ours) => bridge_state(ours),
            None if matches!(board.run, Run::Stopped | Run::Failed(_)) => BridgeState::Stopped,
            // As its cable shows it.
            None => seen
                .bridge(&bridge.name)
                .map_or(BridgeState::Connecting, |since| BridgeState::Connected { since }),
        },
        remote: bridge.remote.map(|remote| plan.boards[remote].name.clone()),
        rules: settings.rules.iter().map(ToString::to_string).collect(),
        queued: ours.map_or(0, |it| it.queued),
        crossed: ours.map_or((0, 0), |it| (it.sent, it.received)),
        remote_believes,
        cable: cable_state(cable(&CableName::new(bridge.name.as_str()))),
    }
}

fn cable_state(state: State) -> CableState {
    match state {
        State::Whole => CableState::Whole,
        State::Cut => CableState::Cut,
        State::Silent => CableState::Silent,
    }
}

/// That the fuse cuts a bridge's cable.
pub(super) fn fuse_blows(cable: &CableName, topic: &Topic, most: u32) -> String {
    format!("the fuse cuts {cable}: {topic} came back more than {most} times")
}

/// In whole milliseconds.
pub(super) fn whole_ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What a broker is called, with its version where it is not ours.
fn engine_name(engine: &Engine) -> String {
    match engine {
        Engine::Mosquitto => mosquitto::version().to_owned(),
        Engine::Rumqttd => rumqttd::VERSION.to_owned(),
        Engine::Remote(address) => format!("remote, {address}"),
        Engine::Native => engine.to_string(),
    }
}

fn session_view(session: &SessionStatus) -> SessionView {
    SessionView {
        client_id: session.client.to_string(),
        connected: session.connected,
        queued: session.queued,
    }
}

fn bridge_state(status: &BridgeStatus) -> BridgeState {
    match &status.state {
        LinkState::Stopped => BridgeState::Stopped,
        LinkState::Connecting => BridgeState::Connecting,
        LinkState::Connected { since } => BridgeState::Connected { since: *since },
        LinkState::Waiting { until, reason } => {
            BridgeState::Waiting { until: *until, reason: reason.clone() }
        }
    }
}

fn programs(plan: &BoardPlan, board: &BoardNow) -> Vec<ProgramView> {
    let programs = plan.programs.iter().zip(&board.programs);
    programs
        .map(|(plan, (run, face))| ProgramView {
            name: plan.name.clone(),
            kind: plan.kind(),
            run: run.clone(),
            face: face.clone(),
        })
        .collect()
}
