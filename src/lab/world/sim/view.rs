//! The simulated world as a snapshot shows it.

use std::sync::Arc;

use super::NodeNumber;
use super::world::World;
use crate::broker::Broker;
use crate::broker::status::Status;
use crate::lab::snapshot::{BoardView, CableView};
use crate::lab::world::seen::Seen;
use crate::lab::world::view::{self, BoardNow, CableNow};

impl World {
    pub(super) fn board_views(&mut self) -> Vec<BoardView> {
        let now: Vec<_> = (0..self.boards.len()).map(|at| self.board_now(at)).collect();
        let state = |name: &_| self.sim.wires.cable(name).state();
        view::boards(&self.plan, &now, state, &Seen::default())
    }

    fn board_now(&mut self, at: usize) -> BoardNow {
        let (plan, node) = (&self.plan.boards[at], NodeNumber(at));
        let status: Option<Status> = self.sim.broker(node).map(Broker::status);
        let board = &mut self.boards[at];
        if let Some(status) = &status {
            board.holdings = view::holdings(plan, status);
        }
        let programs = board.programs.iter().map(|program| {
            let face = self.sim.face(program.client).unwrap_or(&program.face);
            (program.run.clone(), face.clone())
        });
        BoardNow {
            power: board.power,
            run: board.run.clone(),
            status,
            holdings: board.holdings,
            port: plan.listen.first().map_or(0, std::net::SocketAddr::port),
            disk: self.sim.disk(node).trouble(),
            programs: programs.collect(),
        }
    }

    pub(super) fn cable_views(&self) -> Vec<CableView> {
        let Some(recorded) = &self.sim.record else { return Vec::new() };
        let views = self.places.iter().map(|place| {
            let now = CableNow {
                place: Arc::clone(place),
                cable: self.sim.wires.cable(&place.cable),
                held: self.sim.wires.held(&place.cable),
            };
            view::cable(now, &recorded.record.scribe)
        });
        views.collect()
    }
}
