//! The last word on a run.

use std::sync::Arc;

use super::World;
use super::probe;
use crate::cable::Deed;
use crate::lab::snapshot::Run;
use crate::lab::trace::{Event, Party};
use crate::lab::verdict::{Inspection, disagreements, judge, said};
use crate::net::Target;

impl World {
    /// Ends the connections on which a packet was dropped: only on new ones it is sent again.
    pub(super) fn reconnect_stalled(&mut self) {
        let mut cables: Vec<_> = self.ledger.stalled().map(|(_, cable)| cable.clone()).collect();
        cables.dedup();
        for name in cables {
            let mut all = self.boards.iter().flat_map(|board| board.cables.all());
            let Some(cable) = all.find(|it| it.name == name).map(|it| it.cable.clone()) else {
                continue;
            };
            drop(all);
            self.record(Event::Cable { cable: name, deed: Deed::Reset });
            cable.apply(Deed::Reset);
        }
    }

    /// Judges everything so far, with nothing more to come.
    pub(super) async fn judge(&mut self) {
        let mut inspection = Inspection::new();
        for (plan, board) in self.plan.boards.iter().zip(&self.boards) {
            let Target::At(address) = board.inside() else { continue };
            if board.run == Run::Frozen {
                continue; // It answers nothing.
            }
            match probe::retained(address).await {
                Ok(found) => {
                    inspection.insert(Party::Board(plan.name.clone()), found);
                }
                Err(error) => {
                    tracing::warn!(board = %plan.name, %error, "cannot ask what it retains");
                }
            }
        }
        self.catch_up();
        let mut verdict = judge(&self.ledger, true);
        let (breaches, notes) = disagreements(&self.ledger, &inspection);
        verdict.add(breaches);
        let snapshot = self.snapshot().await;
        verdict.add(said(&self.ledger, &snapshot));
        verdict.notes.extend(notes);
        (self.verdict, self.judged) = (Arc::new(verdict), self.trace.number());
    }
}
