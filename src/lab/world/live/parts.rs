//! What the parts of the live world do.

use std::path::Path;
use std::time::Duration;

use time::OffsetDateTime;

use super::World;
use super::board::Ground;
use super::cables::NamedCable;
use super::probe;
use crate::broker::{BridgeNumber, BridgeOrder};
use crate::cable::Deed;
use crate::card::{Input, Link};
use crate::conf::Engine;
use crate::lab::DiskTrouble;
use crate::lab::name::CableName;
use crate::lab::plan::{Plan, Seat};
use crate::lab::snapshot::{Holdings, Run};
use crate::lab::trace::{Event, Party};
use crate::lab::verdict::Inspection;
use crate::lab::world::parts::Parts;
use crate::mqtt::Message;
use crate::net::DiskState;

impl Parts for World {
    fn plan(&self) -> &Plan {
        &self.plan
    }

    fn record(&mut self, event: Event) {
        self.note_now(event);
    }

    fn has_power(&self, board: usize) -> bool {
        self.boards[board].power
    }

    fn set_power(&mut self, board: usize, on: bool) {
        self.boards[board].power = on;
    }

    fn broker_run(&self, board: usize) -> &Run {
        &self.boards[board].run
    }

    async fn start_broker(&mut self, board: usize) {
        let Self { plan, data, clock, notes, own, .. } = self;
        let ground = Ground { plan, data, clock: *clock, notes, own };
        self.boards[board].start_broker(board, &ground).await;
        self.lead_cables(board);
    }

    async fn end_broker(&mut self, board: usize, politely: bool) {
        self.boards[board].end_broker(politely).await;
    }

    async fn freeze_broker(&mut self, board: usize, frozen: bool) -> Result<(), String> {
        self.boards[board].freeze_broker(frozen).await
    }

    fn order(&mut self, board: usize, bridge: usize, order: BridgeOrder) -> Result<(), String> {
        let Some(broker) = &self.boards[board].broker else { return Ok(()) };
        broker.order(BridgeNumber(bridge), order).map_err(|error| error.to_string())
    }

    fn program_run(&self, seat: Seat) -> &Run {
        &self.boards[seat.board].programs[seat.program].run
    }

    fn link(&self, seat: Seat) -> Link {
        self.boards[seat.board].programs[seat.program].face().link
    }

    fn start_program(&mut self, seat: Seat) {
        let plan = &self.plan.boards[seat.board];
        self.boards[seat.board].start_program(seat.program, plan, self.clock, &self.notes);
    }

    async fn end_program(&mut self, seat: Seat, politely: bool) {
        self.boards[seat.board].end_program(seat.program, politely).await;
    }

    fn freeze_program(&mut self, seat: Seat, frozen: bool) {
        self.boards[seat.board].freeze_program(seat.program, frozen);
    }

    fn tell(&mut self, seat: Seat, input: Input) -> Result<(), String> {
        let program = &self.boards[seat.board].programs[seat.program];
        let Some(handle) = &program.handle else { return Ok(()) };
        handle.tell(input).map_err(|error| error.to_string())
    }

    fn say(&mut self, seat: Seat, message: Message) -> Result<(), String> {
        let program = &self.boards[seat.board].programs[seat.program];
        let Some(handle) = &program.handle else { return Ok(()) };
        handle.say(message).map_err(|error| error.to_string())
    }

    fn has_cable(&self, name: &CableName) -> bool {
        self.cable(name).is_some()
    }

    fn apply(&mut self, name: &CableName, deed: Deed) {
        if let Some(named) = self.cable(name) {
            named.cable.apply(deed);
        }
    }

    fn mend_cables(&mut self, board: usize) {
        self.boards[board].cables.mend();
    }

    fn set_disk(&mut self, board: usize, trouble: Option<DiskTrouble>) {
        self.boards[board].disk.set(match trouble {
            None => DiskState::Works,
            Some(DiskTrouble::Full) => DiskState::Full,
            Some(DiskTrouble::Slow { ms }) => DiskState::Slow(Duration::from_millis(ms)),
        });
    }

    fn stalled(&self) -> Vec<CableName> {
        self.record.ledger.stalled().map(|(_, cable)| cable.clone()).collect()
    }

    async fn judge(&mut self) {
        let mut inspection = Inspection::new();
        for (plan, board) in self.plan.boards.iter().zip(&self.boards) {
            let Some(broker) = &board.broker else { continue };
            if board.run == Run::Frozen {
                continue; // It answers nothing.
            }
            let found = match (broker.address(), &plan.engine) {
                (Some(address), _) => probe::retained(address).await,
                (None, Engine::Remote(there)) => {
                    probe::retained((there.host.as_str(), there.port)).await
                }
                (None, _) => continue,
            };
            match found {
                Ok(found) => {
                    inspection.insert(Party::Board(plan.name.clone()), found);
                }
                Err(error) => {
                    tracing::warn!(board = %plan.name, %error, "cannot ask what it retains");
                }
            }
        }
        self.catch_up();
        let snapshot = self.snapshot().await;
        self.record.conclude(&inspection, &snapshot);
    }

    fn set_aside(&mut self) -> Result<String, String> {
        let moved = self.data.set_aside(self.local_time());
        self.begin_anew();
        Ok(match moved.map_err(|error| error.to_string())? {
            Some(aside) => format!("A fresh start; the old state is kept in {}", aside.display()),
            None => "A fresh start; there was no state to keep".to_owned(),
        })
    }

    fn put_back(&mut self, aside: &Path) -> Result<String, String> {
        let moved = self.data.put_back(aside, self.local_time());
        self.begin_anew();
        moved.map_err(|error| error.to_string())?;
        Ok(format!("The state of {} is back", aside.display()))
    }
}

impl World {
    /// A cable by its name.
    pub(super) fn cable(&self, name: &CableName) -> Option<&NamedCable> {
        self.boards.iter().flat_map(|board| board.cables.all()).find(|it| it.name == *name)
    }

    /// Leads the cables of all bridges to this board to its broker, or nowhere.
    fn lead_cables(&self, to: usize) {
        let target = self.boards[to].inside();
        for bridge in self.boards.iter().flat_map(|board| &board.cables.bridges) {
            for (_, _, end) in bridge.ends.iter().filter(|(_, remote, _)| *remote == Some(to)) {
                end.set_target(target.clone());
            }
        }
    }

    /// What was is over: nothing of it is told as what comes.
    fn begin_anew(&mut self) {
        self.aside = self.data.asides();
        for board in &mut self.boards {
            board.holdings = Holdings::default();
        }
        self.catch_up();
    }

    /// The time on the wall, for the names of folders.
    fn local_time(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc().to_offset(self.epoch.offset())
    }
}
