//! The world as a snapshot shows it.

use super::World;
use super::board::Board;
use super::notes::Note;
use crate::broker::status::{BridgeStatus, LinkState, Status};
use crate::cable::State;
use crate::lab::plan::BoardPlan;
use crate::lab::snapshot::{
    BoardView, BridgeState, BridgeView, BrokerView, CableState, Holdings, ProgramView, Run,
    SessionView, Snapshot,
};
use crate::lab::trace::Event;

impl World {
    pub(super) fn note(&mut self, note: Note) {
        match note {
            Note::Broker { at, board, event } => {
                self.trace.add(at, Event::Broker { board, event });
            }
            Note::Program { at, program, event } => {
                self.trace.add(at, Event::Program { program, event });
            }
        }
    }

    pub(super) fn record(&mut self, event: Event) {
        self.trace.add(self.clock.now(), event);
    }

    pub(super) async fn snapshot(&mut self) -> Snapshot {
        let lost = self.notes.take_lost();
        if lost > 0 {
            self.record(Event::Note(format!("{lost} events came too fast and are not shown")));
        }
        let mut statuses = Vec::new();
        for board in &mut self.boards {
            if board.broker.as_ref().is_some_and(crate::net::BrokerHandle::has_ended) {
                board.broker = None;
                board.run = Run::Failed("the broker ended by a defect; start it again".to_owned());
            }
            statuses.push(match &board.broker {
                Some(broker) => broker.status().await.unwrap_or_default(),
                None => Status::default(),
            });
        }
        for (at, status) in statuses.iter().enumerate() {
            let (plan, board) = (&self.plan.boards[at], &mut self.boards[at]);
            // Without a broker, the status is empty, and so is what a memory-only one left.
            if board.broker.is_some() || !plan.settings.persistence {
                board.holdings = holdings(plan, status);
            }
        }
        let boards = self.plan.boards.iter().zip(&self.boards).zip(&statuses);
        let boards = boards.map(|((plan, board), status)| BoardView {
            name: plan.name.clone(),
            title: plan.title.clone(),
            power: board.power,
            broker: self.broker_view(plan, board, status, &statuses),
            programs: program_views(plan, board),
        });
        Snapshot {
            title: self.plan.title.clone(),
            epoch: self.epoch,
            now: self.clock.now(),
            data: self.data.folder().to_owned(),
            boards: boards.collect(),
            trace: self.trace.last(),
            findings: self.plan.findings.clone(),
            aside: self.aside.clone(),
            trouble: self.trouble.clone(),
            done: self.done,
        }
    }

    fn broker_view(
        &self,
        plan: &BoardPlan,
        board: &Board,
        status: &Status,
        all: &[Status],
    ) -> BrokerView {
        let bridges = plan.bridges.iter().enumerate().map(|(at, bridge)| {
            let settings = &plan.settings.bridges[at];
            let ours = status.bridges.get(at);
            let remote = bridge.remote.filter(|remote| self.boards[*remote].broker.is_some());
            let remote_believes = remote.map(|remote| {
                let mut sessions = all[remote].sessions.iter();
                sessions.any(|it| it.client == settings.remote_clientid && it.connected)
            });
            BridgeView {
                name: bridge.name.clone(),
                state: ours.map_or(BridgeState::Stopped, bridge_state),
                remote: bridge.remote.map(|remote| self.plan.boards[remote].name.clone()),
                rules: settings.rules.iter().map(ToString::to_string).collect(),
                queued: ours.map_or(0, |it| it.queued),
                crossed: ours.map_or((0, 0), |it| (it.sent, it.received)),
                remote_believes,
                cable: board.cables[at].as_ref().map_or(CableState::Whole, |it| match it.state() {
                    State::Whole => CableState::Whole,
                    State::Cut => CableState::Cut,
                    State::Silent => CableState::Silent,
                }),
            }
        });
        let bridges: Vec<_> = bridges.collect();
        let sessions: Vec<_> = status.sessions.iter().map(session_view).collect();
        BrokerView {
            run: board.run.clone(),
            port: board.address().port(),
            persistent: plan.settings.persistence,
            holdings: board.holdings,
            store_trouble: status.store_trouble.clone(),
            sessions,
            bridges,
        }
    }
}

fn holdings(plan: &BoardPlan, status: &Status) -> Holdings {
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

fn session_view(session: &crate::broker::status::SessionStatus) -> SessionView {
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

fn program_views(plan: &BoardPlan, board: &Board) -> Vec<ProgramView> {
    let programs = plan.programs.iter().zip(&board.programs);
    programs
        .map(|(plan, program)| ProgramView {
            name: plan.name.clone(),
            kind: plan.kind,
            run: program.run.clone(),
            face: program.face(),
        })
        .collect()
}
