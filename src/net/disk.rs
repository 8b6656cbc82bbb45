//! A disk that can be broken on purpose: between a broker and its store, commits fail as on a full
//! disk, or take longer. It outlives the broker: what is wrong with it lasts until it is mended.
//!
//! ```text
//! owner --- submit ---> Guard --- as it comes, or when the disk lets it ---> store
//!   ^                     | full: the reason
//!   +---------------------+
//! ```
//!
//! Opening a store and folding its log are not in the way: a broker starts on a full disk, and
//! promises nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::durable::{Durable, OpenDurable, Reports};
use crate::broker::Commit;

/// What a commit meets on a full disk.
const FULL: &str = "the disk is full";

/// What is wrong with a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DiskState {
    /// Nothing.
    #[default]
    Works,
    /// Nothing can be written.
    Full,
    /// Each commit takes so much longer.
    Slow(Duration),
}

/// A disk. Copies are the same disk.
#[derive(Debug, Clone, Default)]
pub struct Disk(watch::Sender<DiskState>);

impl Disk {
    /// Breaks or mends it.
    pub fn set(&self, state: DiskState) {
        self.0.send_replace(state);
    }

    /// What is wrong with it.
    #[must_use]
    pub fn state(&self) -> DiskState {
        *self.0.borrow()
    }
}

/// The store that `open` opens, on that disk.
#[must_use]
pub fn on_disk(disk: Disk, open: OpenDurable) -> OpenDurable {
    Box::new(move |reports| {
        let store = Some(open(reports.clone())?);
        let door = Arc::new(Mutex::new(Door { store, waiting: None }));
        Ok(Box::new(Guard { disk, reports, door, waiter: None }))
    })
}

/// Stands before a store.
struct Guard {
    disk: Disk,
    reports: Reports,
    door: Arc<Mutex<Door>>,
    /// Waits for the disk with the last commit that had to wait.
    waiter: Option<JoinHandle<()>>,
}

struct Door {
    /// Until it ends.
    store: Option<Box<dyn Durable>>,
    /// The commit that the store has not got yet.
    waiting: Option<Commit>,
}

impl Door {
    fn pass_on(&mut self) {
        if let (Some(store), Some(commit)) = (&mut self.store, self.waiting.take()) {
            store.submit(commit);
        }
    }
}

impl Guard {
    fn door(&self) -> MutexGuard<'_, Door> {
        lock(&self.door)
    }

    /// Gives back the store and the commit it has not got.
    fn end(&self) -> (Option<Box<dyn Durable>>, Option<Commit>) {
        let mut door = self.door();
        (door.store.take(), door.waiting.take())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(waiter) = &self.waiter {
            waiter.abort();
        }
    }
}

impl Durable for Guard {
    fn submit(&mut self, commit: Commit) {
        let mut door = self.door();
        door.waiting = Some(commit);
        if self.disk.state() == DiskState::Works {
            return door.pass_on();
        }
        drop(door);
        let (state, reports) = (self.disk.0.subscribe(), self.reports.clone());
        let door = Arc::clone(&self.door);
        self.waiter = Some(tokio::spawn(async move {
            wait(state, &reports).await;
            lock(&door).pass_on();
        }));
    }

    fn stop(self: Box<Self>) -> Result<(), String> {
        let full = self.disk.state() == DiskState::Full;
        let (store, waiting) = self.end();
        let Some(mut store) = store else { return Ok(()) };
        match waiting {
            Some(_) if full => {
                store.stop()?;
                Err(format!(
                    "the broker's last changes could not be saved: {FULL}. None of them had been \
                     acknowledged; what had been is saved"
                ))
            }
            Some(commit) => {
                store.submit(commit);
                store.stop()
            }
            None => store.stop(),
        }
    }

    fn abandon(self: Box<Self>) {
        if let (Some(store), _) = self.end() {
            store.abandon();
        }
    }
}

/// Waits until the disk takes a commit.
async fn wait(mut state: watch::Receiver<DiskState>, reports: &Reports) {
    let mut told = false;
    loop {
        let now = *state.borrow_and_update();
        let changed = match now {
            DiskState::Works => return,
            DiskState::Slow(longer) => match timeout(longer, state.changed()).await {
                Ok(changed) => changed,
                Err(_) => return,
            },
            DiskState::Full => {
                if !told {
                    reports.failing(FULL.to_owned());
                    told = true;
                }
                state.changed().await
            }
        };
        if changed.is_err() {
            return; // Nobody can break it any more.
        }
    }
}

/// A panic under the lock is a defect that shows elsewhere.
fn lock(door: &Mutex<Door>) -> MutexGuard<'_, Door> {
    door.lock().unwrap_or_else(PoisonError::into_inner)
}
