//! What the live world hears, and as what it shows itself.

use std::sync::Arc;
use std::time::Duration;

use super::World;
use super::notes::Note;
use crate::broker::status::Status;
use crate::cable::{Deed, State};
use crate::engine::{Running, mosquitto};
use crate::lab::DiskTrouble;
use crate::lab::snapshot::{CableView, Snapshot};
use crate::lab::trace::{Event, Place};
use crate::lab::verdict::Verdict;
use crate::lab::world::sights;
use crate::lab::world::view::{self, BoardNow, CableNow};
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
        for event in sights::events(&mut self.record.scribe, place, sight) {
            self.add(at, event);
        }
    }

    fn add(&mut self, at: Duration, event: Event) {
        if let Event::Packet(crossing) = &event {
            self.seen.packet(at, crossing);
        }
        let entry = self.record.add(at, event);
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
        let Some((cable, topic)) = self.record.beyond(most) else { return };
        let Some(named) = self.cable(&cable) else { return };
        if named.cable.watch().borrow().state != State::Whole {
            return;
        }
        named.cable.apply(Deed::cut());
        self.note_now(Event::Note(view::fuse_blows(&cable, &topic, most)));
        self.note_now(Event::Cable { cable, deed: Deed::cut() });
    }

    pub(super) fn note_now(&mut self, event: Event) {
        self.add(self.clock.now(), event);
    }

    pub(super) async fn snapshot(&mut self) -> Snapshot {
        let lost = self.notes.take_lost();
        if lost > 0 {
            self.note_now(Event::Missed { packets: lost });
        }
        let mut boards = Vec::new();
        for at in 0..self.boards.len() {
            boards.push(self.board_now(at).await);
        }
        let state = |name: &_| {
            self.cable(name).map_or(State::Whole, |named| named.cable.watch().borrow().state)
        };
        Snapshot {
            title: self.plan.title.clone(),
            epoch: self.epoch,
            now: self.clock.now(),
            data: self.data.folder().to_owned(),
            cables: self.cable_views(),
            boards: view::boards(&self.plan, &boards, state, &self.seen),
            trace: self.record.trace.last(),
            verdict: self.verdict(),
            findings: self.plan.findings.clone(),
            aside: self.aside.clone(),
            trouble: self.trouble.clone(),
            done: self.done,
            transport: None,
        }
    }

    async fn board_now(&mut self, at: usize) -> BoardNow {
        let (plan, board) = (&self.plan.boards[at], &mut self.boards[at]);
        if let Some(why) = board.broker.as_mut().and_then(Running::ended) {
            board.lose_broker(why).await;
        }
        let status = match &board.broker {
            Some(broker @ Running::Native(_)) => Some(broker.status().await),
            _ => None,
        };
        // Without a broker, the status is empty, and so is what a memory-only one left.
        if board.broker.is_some() || !plan.settings.persistence {
            board.holdings = view::holdings(plan, status.as_ref().unwrap_or(&Status::default()));
        }
        BoardNow {
            power: board.power,
            run: board.run.clone(),
            status,
            holdings: board.holdings,
            port: board.address().port(),
            disk: match board.disk.state() {
                DiskState::Works => None,
                DiskState::Full => Some(DiskTrouble::Full),
                DiskState::Slow(longer) => Some(DiskTrouble::Slow { ms: view::whole_ms(longer) }),
            },
            programs: board.programs.iter().map(|it| (it.run.clone(), it.face())).collect(),
        }
    }

    /// The verdict so far, not newer than people can read it; or the last word.
    fn verdict(&mut self) -> Arc<Verdict> {
        let now = self.clock.now();
        if self.record.is_verdict_stale() && now >= self.judge_again {
            self.record.judge();
            self.judge_again = now + JUDGE_EVERY;
        }
        self.record.verdict()
    }

    fn cable_views(&self) -> Vec<CableView> {
        let cables = self.boards.iter().flat_map(|board| board.cables.all());
        let views = cables.map(|named| {
            let (cable, held) = (named.cable.now(), named.cable.held());
            let now = CableNow {
                place: Arc::clone(&named.place),
                cable,
                held: held.into_iter().collect(),
            };
            view::cable(now, &self.record.scribe)
        });
        views.collect()
    }
}
