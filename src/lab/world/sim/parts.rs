//! What the parts of the simulated world do.

use std::path::Path;

use super::world::World;
use super::{NodeNumber, Sim};
use crate::broker::BridgeOrder;
use crate::cable::{Deed, State};
use crate::card::{Input, Link};
use crate::lab::DiskTrouble;
use crate::lab::name::CableName;
use crate::lab::plan::{Plan, Seat};
use crate::lab::snapshot::{Holdings, Run};
use crate::lab::trace::{Event, Party};
use crate::lab::verdict::Inspection;
use crate::lab::world::parts::Parts;
use crate::lab::world::view;
use crate::mqtt::Message;

impl Parts for World {
    fn plan(&self) -> &Plan {
        &self.plan
    }

    fn record(&mut self, event: Event) {
        self.sim.note(event);
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
        self.sim.power_on(NodeNumber(board));
        self.boards[board].run = Run::Running;
        for program in &self.boards[board].programs {
            if program.run == Run::Running {
                self.sim.dial_soon(program.client);
            }
        }
    }

    async fn end_broker(&mut self, board: usize, politely: bool) {
        let node = NodeNumber(board);
        if self.sim.broker(node).is_none() {
            return;
        }
        if politely {
            self.sim.shut_down(node);
        } else {
            self.sim.power_off(node);
        }
        if !self.plan.boards[board].settings.persistence {
            self.sim.empty_disk(node);
            self.boards[board].holdings = Holdings::default();
        }
        self.boards[board].run = Run::Stopped;
    }

    async fn freeze_broker(&mut self, board: usize, frozen: bool) -> Result<(), String> {
        self.sim.freeze_node(NodeNumber(board), frozen);
        self.boards[board].run = if frozen { Run::Frozen } else { Run::Running };
        Ok(())
    }

    fn order(&mut self, board: usize, bridge: usize, order: BridgeOrder) -> Result<(), String> {
        self.sim.order(NodeNumber(board), bridge, order);
        Ok(())
    }

    fn program_run(&self, seat: Seat) -> &Run {
        &self.boards[seat.board].programs[seat.program].run
    }

    fn link(&self, seat: Seat) -> Link {
        let client = self.boards[seat.board].programs[seat.program].client;
        self.sim.face(client).map(|face| face.link.clone()).unwrap_or_default()
    }

    fn start_program(&mut self, seat: Seat) {
        let state = &mut self.boards[seat.board].programs[seat.program];
        if matches!(state.run, Run::Running | Run::Frozen) {
            return;
        }
        state.run = Run::Running;
        let program = self.plan.boards[seat.board].program(seat.program, self.sim.draw_seed());
        self.sim.revive_program(state.client, program);
    }

    async fn end_program(&mut self, seat: Seat, politely: bool) {
        let state = &mut self.boards[seat.board].programs[seat.program];
        if !matches!(state.run, Run::Running | Run::Frozen) {
            return;
        }
        state.run = Run::Stopped;
        let client = state.client;
        if politely {
            self.sim.finish_program(client);
        }
        if let Some(face) = self.sim.face(client) {
            state.face = face.clone();
            state.face.link = Link::default();
        }
        if politely {
            self.sim.end_program(client);
        } else {
            self.sim.kill_program(client);
        }
    }

    fn freeze_program(&mut self, seat: Seat, frozen: bool) {
        let state = &mut self.boards[seat.board].programs[seat.program];
        state.run = if frozen { Run::Frozen } else { Run::Running };
        self.sim.freeze_client(state.client, frozen);
    }

    fn tell(&mut self, seat: Seat, input: Input) -> Result<(), String> {
        self.sim.tell_program(self.boards[seat.board].programs[seat.program].client, input);
        Ok(())
    }

    fn say(&mut self, seat: Seat, message: Message) -> Result<(), String> {
        self.sim.say_as(self.boards[seat.board].programs[seat.program].client, message);
        Ok(())
    }

    fn has_cable(&self, name: &CableName) -> bool {
        self.places.iter().any(|place| place.cable == *name)
    }

    fn apply(&mut self, name: &CableName, deed: Deed) {
        self.sim.do_to_cable(name, deed);
    }

    fn mend_cables(&mut self, board: usize) {
        let board = &self.plan.boards[board].name;
        let whose = |party: &Party| party.board() == Some(board);
        for place in &*self.places {
            let own = match &place.dialer {
                Some(Party::Board(dialer)) => dialer == board,
                _ => whose(&place.target),
            };
            if own {
                self.sim.do_to_cable(&place.cable, Deed::Mend);
            }
        }
    }

    fn set_disk(&mut self, board: usize, trouble: Option<DiskTrouble>) {
        self.sim.set_disk(NodeNumber(board), trouble);
    }

    fn stalled(&self) -> Vec<CableName> {
        self.ledger().stalled().map(|(_, cable)| cable.clone()).collect()
    }

    async fn judge(&mut self) {
        let mut inspection = Inspection::new();
        for (at, plan) in self.plan.boards.iter().enumerate() {
            let Some(broker) = self.sim.broker(NodeNumber(at)) else { continue };
            if self.boards[at].run == Run::Frozen {
                continue; // It answers nothing.
            }
            inspection.insert(Party::Board(plan.name.clone()), broker.retains());
        }
        let snapshot = self.snapshot();
        self.sim.recorded().record.conclude(&inspection, &snapshot);
    }

    fn set_aside(&mut self) -> Result<String, String> {
        for board in 0..self.boards.len() {
            self.sim.empty_disk(NodeNumber(board));
            self.boards[board].holdings = Holdings::default();
        }
        Ok("A fresh start on empty disks".to_owned())
    }

    fn put_back(&mut self, _aside: &Path) -> Result<String, String> {
        Err("a simulated world keeps no states aside: go back in time instead".to_owned())
    }
}

impl World {
    /// Cuts the bridge by which a topic's messages come back more than so many times.
    pub(super) fn blow_fuse(&mut self, most: u32) {
        let Some((cable, topic)) = self.sim.recorded().record.beyond(most) else { return };
        if self.sim.wires.cable(&cable).state() != State::Whole {
            return;
        }
        self.sim.do_to_cable(&cable, Deed::cut());
        self.sim.note(Event::Note(view::fuse_blows(&cable, &topic, most)));
        self.sim.note(Event::Cable { cable, deed: Deed::cut() });
    }
}

impl Sim {
    /// What is written down of a watched world.
    pub(super) fn recorded(&mut self) -> &mut super::watch::Recorded {
        self.record.as_mut().expect("a world is watched from its beginning")
    }
}
