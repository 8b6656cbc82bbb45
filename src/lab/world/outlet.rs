//! Where a world's snapshots go: one at a time, the newest.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::lab::snapshot::Snapshot;

/// See the module.
pub struct Outlet {
    sender: Sender<Arc<Snapshot>>,
    stale: Receiver<Arc<Snapshot>>,
    changed: Box<dyn Fn() + Send>,
}

impl Outlet {
    /// An outlet that calls `changed` after each new snapshot, and where they come out.
    pub fn new(changed: Box<dyn Fn() + Send>) -> (Self, Receiver<Arc<Snapshot>>) {
        let (sender, snapshots) = bounded(1);
        (Self { sender, stale: snapshots.clone(), changed }, snapshots)
    }

    /// This is the newest now.
    pub fn put(&self, snapshot: Snapshot) {
        let snapshot = Arc::new(snapshot);
        // Full: nobody took the last one, and nobody needs it any more.
        while self.sender.try_send(Arc::clone(&snapshot)).is_err() {
            drop(self.stale.try_recv());
        }
        (self.changed)();
    }

    /// There are no more; whoever waits to be told looks once more, and sees that.
    pub fn close(self) {
        let Self { sender, stale, changed } = self;
        drop((sender, stale));
        changed();
    }
}
