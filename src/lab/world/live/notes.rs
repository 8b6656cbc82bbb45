//! What brokers and programs report to the world: events, which the trace keeps, and changes, of
//! which only that there were some matters.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::sleep;

use crate::broker;
use crate::cable::frame;
use crate::card;
use crate::lab::trace::Place;
use crate::lab::{BoardName, ProgramName};
use crate::net::{Sight, What};

/// So many reports may wait. When more come, they are counted, and the trace says how many it lost.
const WAITING: usize = 20_000;
/// And so many bytes of packets.
const WAITING_BYTES: usize = 32 << 20;
/// Whoever changes all the time is followed this often, which is more often than anybody looks.
const FOLLOW_EVERY: Duration = Duration::from_millis(5);

/// One report.
#[derive(Debug)]
pub enum Note {
    /// A broker told something of itself.
    Broker { at: Duration, board: BoardName, event: broker::Event },
    /// A program told something of itself.
    Program { at: Duration, program: ProgramName, event: card::Event },
    /// A broker that is not ours said something in its log.
    Said { at: Duration, board: BoardName, line: String },
    /// A cable saw something.
    Sight { place: Arc<Place>, sight: Sight },
}

/// The world's end that reports are given to.
#[derive(Debug, Clone)]
pub struct Notes {
    sender: mpsc::Sender<Note>,
    lost: Arc<AtomicU64>,
    /// Bytes of packets that wait to be looked at.
    waiting_bytes: Arc<AtomicUsize>,
    changed: Arc<Notify>,
}

impl Notes {
    /// Both ends.
    pub fn new() -> (Self, mpsc::Receiver<Note>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        let (lost, waiting_bytes, changed) = (Arc::default(), Arc::default(), Arc::default());
        (Self { sender, lost, waiting_bytes, changed }, receiver)
    }

    /// Gives a report; never waits.
    pub fn give(&self, note: Note) {
        if self.sender.try_send(note).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Gives what a cable saw; never waits.
    pub fn see(&self, place: &Arc<Place>, sight: Sight) {
        if let What::Passes { bytes, .. } = &sight.what {
            let before = self.waiting_bytes.fetch_add(bytes.len(), Ordering::Relaxed);
            if before > WAITING_BYTES {
                return self.miss(bytes);
            }
        }
        let note = Note::Sight { place: Arc::clone(place), sight };
        if let Err(TrySendError::Full(Note::Sight { sight, .. })) = self.sender.try_send(note) {
            match &sight.what {
                What::Passes { bytes, .. } => self.miss(bytes),
                _ => drop(self.lost.fetch_add(1, Ordering::Relaxed)),
            }
        }
    }

    /// Packets are not looked at.
    fn miss(&self, bytes: &Bytes) {
        self.waiting_bytes.fetch_sub(bytes.len(), Ordering::Relaxed);
        let (mut packets, mut from) = (0, 0);
        while let Ok(Some(frame)) = frame::first(&bytes[from..]) {
            (packets, from) = (packets + 1, from + frame.bytes().len());
        }
        self.lost.fetch_add(packets.max(1), Ordering::Relaxed);
    }

    /// These packets were looked at.
    pub fn seen(&self, bytes: &Bytes) {
        self.waiting_bytes.fetch_sub(bytes.len(), Ordering::Relaxed);
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

    /// Says that something changed whenever `number` does, but not for each of many changes, until
    /// its other end is gone.
    pub fn follow<T: Send + Sync + 'static>(&self, mut number: watch::Receiver<T>) {
        let notes = self.clone();
        tokio::spawn(async move {
            while number.changed().await.is_ok() {
                notes.touch();
                sleep(FOLLOW_EVERY).await;
            }
        });
    }
}
