//! What brokers and programs report to the world: events, which the trace keeps, and changes, of
//! which only that there were some matters.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};

use crate::broker;
use crate::card;
use crate::lab::{BoardName, ProgramName};

/// So many reports may wait. When more come, they are counted, and the trace says how many it lost.
const WAITING: usize = 20_000;

/// One report.
#[derive(Debug)]
pub enum Note {
    /// A broker told something of itself.
    Broker { at: Duration, board: BoardName, event: broker::Event },
    /// A program told something of itself.
    Program { at: Duration, program: ProgramName, event: card::Event },
}

/// The world's end that reports are given to.
#[derive(Debug, Clone)]
pub struct Notes {
    sender: mpsc::Sender<Note>,
    lost: Arc<AtomicU64>,
    changed: Arc<Notify>,
}

impl Notes {
    /// Both ends.
    pub fn new() -> (Self, mpsc::Receiver<Note>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        let (lost, changed) = (Arc::default(), Arc::default());
        (Self { sender, lost, changed }, receiver)
    }

    /// Gives a report; never waits.
    pub fn give(&self, note: Note) {
        if self.sender.try_send(note).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Says that something changed.
    pub fn touch(&self) {
        self.changed.notify_one();
    }

    /// Waits until something changed since the last call.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// How many reports were lost since the last call.
    pub fn take_lost(&self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed)
    }

    /// Says that something changed whenever `number` does, until its other end is gone.
    pub fn follow(&self, mut number: watch::Receiver<u64>) {
        let notes = self.clone();
        tokio::spawn(async move {
            while number.changed().await.is_ok() {
                notes.touch();
            }
        });
    }
}
