//! The simulated world as a stage: time passes while somebody waits for a snapshot.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use super::world::World;
use crate::lab::stage::Stage;
use crate::lab::{Command, Snapshot};

/// Snapshots are made at most this often, as in the live world.
pub const SNAPSHOT_EVERY: Duration = Duration::from_millis(16);

impl Stage for World {
    type Error = Infallible;

    fn now(&self) -> Duration {
        World::now(self)
    }

    fn send(&mut self, command: Command) -> Result<(), Infallible> {
        self.obey(command);
        Ok(())
    }

    fn next(&mut self, within: Duration) -> Result<Option<Arc<Snapshot>>, Infallible> {
        if within > Duration::ZERO {
            self.run_until(self.now() + within.min(SNAPSHOT_EVERY));
        }
        Ok(Some(Arc::new(self.snapshot())))
    }

    fn stuck(&self) -> Infallible {
        unreachable!("it carries out each command at once")
    }
}
