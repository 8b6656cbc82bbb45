//! The world as a snapshot shows it.

use std::sync::Arc;
use std::time::Duration;

use super::World;
use super::board::Board;
use super::cables::NamedCable;
use super::notes::Note;
use crate::broker::status::{BridgeStatus, LinkState, Status};
use crate::cable::{Deed, State};
use crate::conf::Engine;
use crate::engine::{Running, mosquitto, rumqttd};
use crate::lab::DiskTrouble;
use crate::lab::plan::BoardPlan;
use crate::lab::snapshot::{
    BoardView, BridgeState, BridgeView, BrokerView, CableState, CableView, HeldView, Holdings,
    ProgramView, SessionView, Snapshot,
};
use crate::lab::trace::{Event, Place};
use crate::lab::verdict::{Verdict, judge};
use crate::lab::world::sights;
use crate::mqtt::ClientId;
use crate::net::{DiskState, Sight, What};

/// A verdict that is not the last word is at most so old.
const JUDGE_EVERY: Duration = Duration::from_millis(250);

impl World {
    pub(super) fn note(&mut self, note: Note) {
        match note {
            Note::Broker { at, board, event } => {
                self.add(at, Event::Broker { board, event });
            }
            Note::Program { at, program, event } => {
                self.add(at, Event::Program { program, event });
            }
            Note::Said { at, board, line } => {
                if let Some(client) = mosquitto::drops(&line) {
                    let client = ClientId::new(client);
                    self.add(at, Event::EngineDrops { board: board.clone(), client });
                }
                self.add(at, Event::EngineSays { board, line });
            }
            Note::Sight { place, sight } => self.see(&place, sight),
        }
    }

    fn see(&mut self, place: &Place, sight: Sight) {
        let at = sight.at;
        if let What::Passes { bytes, .. } = &sight.what {
            self.notes.seen(bytes);
        }
        if let What::Ends { .. } = &sight.what {
            self.seen.ends(sight.line);
        }
        for event in sights::events(&mut self.scribe, place, sight) {
            self.add(at, event);
        }
    }

    fn add(&mut self, at: Duration, event: Event) {
        if let Event::Packet(crossing) = &event {
            self.seen.packet(at, crossing);
        }
        let entry = self.trace.add(at, event);
        self.ledger.take(&entry);
        if let Some(entries) = &mut self.entries {
            entries(&entry);
        }
        if let Some(most) = self.plan.fuse
            && matches!(entry.event, Event::Packet(_))
        {
            self.watch_fuse(most);
        }
    }

    /// A message that goes round for too long opens the bridge by which it comes back.
    fn watch_fuse(&mut self, most: u32) {
        let Some((cable, topic)) = self.ledger.beyond(most) else { return };
        let mut all = self.boards.iter().flat_map(|board| board.cables.all());
        let Some(named) = all.find(|it| it.name == *cable) else { return };
        if named.cable.watch().borrow().state != State::Whole {
            return;
        }
        named.cable.apply(Deed::cut());
        let text = format!("the fuse cuts {cable}: {topic} came back more than {most} times");
        let cable = cable.clone();
        drop(all);
        self.record(Event::Note(text));
        self.record(Event::Cable { cable, deed: Deed::cut() });
    }

    pub(super) fn record(&mut self, event: Event) {
        self.add(self.clock.now(), event);
    }

    pub(super) async fn snapshot(&mut self) -> Snapshot {
        let lost = self.notes.take_lost();
        if lost > 0 {
            self.record(Event::Missed { packets: lost });
        }
        let mut statuses = Vec::new();
        for board in &mut self.boards {
            if let Some(why) = board.broker.as_mut().and_then(Running::ended) {
                board.lose_broker(why).await;
            }
            statuses.push(match &board.broker {
                Some(broker) => broker.status().await,
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
            cables: self.cable_views(),
            boards: boards.collect(),
            trace: self.trace.last(),
            verdict: self.verdict(),
            findings: self.plan.findings.clone(),
            aside: self.aside.clone(),
            trouble: self.trouble.clone(),
            done: self.done,
        }
    }

    /// The verdict so far, not newer than people can read it; or the last word.
    fn verdict(&mut self) -> Arc<Verdict> {
        let now = self.clock.now();
        if self.is_verdict_stale() && now >= self.judge_again {
            self.verdict = Arc::new(judge(&self.ledger, false));
            self.judged = self.trace.number();
            self.judge_again = now + JUDGE_EVERY;
        }
        Arc::clone(&self.verdict)
    }

    pub(super) fn is_verdict_stale(&self) -> bool {
        self.judged != self.trace.number()
    }

    fn cable_views(&self) -> Vec<CableView> {
        let cables = self.boards.iter().flat_map(|board| board.cables.all());
        let view = |named: &NamedCable| {
            let cable = named.cable.now();
            let held = named.cable.held().into_iter().flat_map(|((wire, direction), waiting)| {
                let words = self.scribe.glance(wire, direction, &waiting);
                words.into_iter().map(move |words| HeldView { wire, direction, words })
            });
            CableView {
                name: named.name.clone(),
                dialer: named.place.dialer.clone(),
                target: named.place.target.clone(),
                state: cable_state(cable.state()),
                faults: cable.faults().iter().map(ToString::to_string).collect(),
                held: held.collect(),
            }
        };
        cables.map(view).collect()
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
            let tells =
                |remote: &usize| matches!(self.boards[*remote].broker, Some(Running::Native(_)));
            let remote = bridge.remote.filter(tells);
            let remote_believes = remote.map(|remote| {
                let mut sessions = all[remote].sessions.iter();
                sessions.any(|it| it.client == settings.remote_clientid && it.connected)
            });
            BridgeView {
                name: bridge.name.clone(),
                state: match ours {
                    Some(ours) => bridge_state(ours),
                    None if board.broker.is_none() => BridgeState::Stopped,
                    // As its cable shows it.
                    None => self
                        .seen
                        .bridge(&bridge.name)
                        .map_or(BridgeState::Connecting, |since| BridgeState::Connected { since }),
                },
                remote: bridge.remote.map(|remote| self.plan.boards[remote].name.clone()),
                rules: settings.rules.iter().map(ToString::to_string).collect(),
                queued: ours.map_or(0, |it| it.queued),
                crossed: ours.map_or((0, 0), |it| (it.sent, it.received)),
                remote_believes,
                cable: cable_state(board.cables.bridges[at].named.cable.watch().borrow().state),
            }
        });
        let bridges: Vec<_> = bridges.collect();
        let tells = plan.engine == Engine::Native;
        let sessions = if tells {
            status.sessions.iter().map(session_view).collect()
        } else {
            let clients = self.seen.clients(&plan.name).into_iter();
            clients.map(|client_id| SessionView { client_id, connected: true, queued: 0 }).collect()
        };
        BrokerView {
            run: board.run.clone(),
            engine: engine_name(&plan.engine),
            tells,
            port: board.address().port(),
            persistent: match plan.engine {
                Engine::Native | Engine::Mosquitto => plan.settings.persistence,
                Engine::Rumqttd => false,
                // Whoever runs it knows.
                Engine::Remote(_) => true,
            },
            holdings: board.holdings,
            disk: match board.disk.state() {
                DiskState::Works => None,
                DiskState::Full => Some(DiskTrouble::Full),
                DiskState::Slow(longer) => Some(DiskTrouble::Slow { ms: whole_ms(longer) }),
            },
            store_trouble: status.store_trouble.clone(),
            sessions,
            bridges,
        }
    }
}

fn cable_state(state: State) -> CableState {
    match state {
        State::Whole => CableState::Whole,
        State::Cut => CableState::Cut,
        State::Silent => CableState::Silent,
    }
}

fn whole_ms(time: Duration) -> u64 {
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
            kind: plan.kind(),
            run: program.run.clone(),
            face: program.face(),
        })
        .collect()
}
