//! Simulated worlds as stages: time passes while somebody waits for a snapshot.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use super::world::World;
use crate::lab::stage::Stage;
use crate::lab::{Command, Snapshot};

/// Snapshots are made at most this often, as in the live world.
pub const SNAPSHOT_EVERY: Duration = Duration::from_millis(16);

/// Something whose time passes only when it is told so.
pub trait VirtualTime {
    /// Its time now.
    fn now(&self) -> Duration;
    /// Carries out a command.
    fn obey(&mut self, command: Command);
    /// Lets everything happen until then.
    fn run_until(&mut self, until: Duration);
    /// As scripts see it.
    fn snapshot(&mut self) -> Snapshot;
}

impl VirtualTime for World {
    fn now(&self) -> Duration {
        World::now(self)
    }

    fn obey(&mut self, command: Command) {
        World::obey(self, command);
    }

    fn run_until(&mut self, until: Duration) {
        World::run_until(self, until);
    }

    fn snapshot(&mut self) -> Snapshot {
        World::snapshot(self)
    }
}

impl<T: VirtualTime> Stage for T {
    type Error = Infallible;

    fn now(&self) -> Duration {
        VirtualTime::now(self)
    }

    fn send(&mut self, command: Command) -> Result<(), Infallible> {
        self.obey(command);
        Ok(())
    }

    fn next(&mut self, within: Duration) -> Result<Option<Arc<Snapshot>>, Infallible> {
        if within > Duration::ZERO {
            self.run_until(VirtualTime::now(self) + within.min(SNAPSHOT_EVERY));
        }
        Ok(Some(Arc::new(self.snapshot())))
    }

    fn stuck(&self) -> Infallible {
        unreachable!("it carries out each command at once")
    }
}
