//! A [`Cable`] that several tasks share: those that carry its connections, and whoever does
//! something to it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

use crate::cable::{Cable, Deed, Direction, State};

/// A cable. Copies are the same cable.
#[derive(Debug, Clone)]
pub struct SharedCable(Arc<Core>);

#[derive(Debug)]
struct Core {
    cable: Mutex<Cable>,
    /// What changes seldom, to be looked at without the lock.
    marks: watch::Sender<Marks>,
    held: Mutex<BTreeMap<(u64, Direction), Vec<Bytes>>>,
}

/// What the carriers of connections look at all the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Marks {
    /// Counts the changes.
    pub changes: u64,
    /// See [`Cable::cuts`].
    pub cuts: u64,
    /// See [`Cable::state`].
    pub state: State,
    /// See [`Cable::is_clear`].
    pub clear: bool,
    /// See [`Cable::tells`], out and in.
    pub tells: [bool; 2],
}

impl Marks {
    fn of(cable: &Cable, changes: u64) -> Self {
        Self {
            changes,
            cuts: cable.cuts(),
            state: cable.state(),
            clear: cable.is_clear(),
            tells: Direction::BOTH.map(|direction| cable.tells(direction)),
        }
    }
}

impl Default for SharedCable {
    fn default() -> Self {
        let cable = Cable::default();
        let marks = watch::Sender::new(Marks::of(&cable, 0));
        Self(Arc::new(Core { cable: Mutex::new(cable), marks, held: Mutex::default() }))
    }
}

impl SharedCable {
    /// Does something to it.
    pub fn apply(&self, deed: Deed) {
        let mut cable = self.lock();
        cable.apply(deed);
        self.mark(&cable);
    }

    /// The cable as it is now.
    #[must_use]
    pub fn now(&self) -> Cable {
        self.lock().clone()
    }

    /// The packets that wait at it: the connection, which way, and the first of them.
    #[must_use]
    pub fn held(&self) -> BTreeMap<(u64, Direction), Vec<Bytes>> {
        lock(&self.0.held).clone()
    }

    /// Follows what changes.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Marks> {
        self.0.marks.subscribe()
    }

    /// Asks the cable; what that changes is made known.
    pub(super) fn ask<T>(&self, question: impl FnOnce(&mut Cable) -> T) -> T {
        let mut cable = self.lock();
        let before = cable.faults().len();
        let answer = question(&mut cable);
        if cable.faults().len() != before {
            self.mark(&cable);
        }
        answer
    }

    /// Notes what waits in a direction of a connection; nothing, when it is empty.
    pub(super) fn note_held(&self, line: u64, direction: Direction, packets: &[Bytes]) {
        let mut held = lock(&self.0.held);
        let before = if packets.is_empty() {
            held.remove(&(line, direction)).unwrap_or_default()
        } else {
            held.insert((line, direction), packets.to_vec()).unwrap_or_default()
        };
        drop(held);
        if before != packets {
            self.0.marks.send_modify(|marks| marks.changes += 1);
        }
    }

    fn mark(&self, cable: &Cable) {
        self.0.marks.send_modify(|marks| *marks = Marks::of(cable, marks.changes + 1));
    }

    fn lock(&self) -> MutexGuard<'_, Cable> {
        lock(&self.0.cable)
    }
}

/// A panic under the lock is a defect that shows elsewhere.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
