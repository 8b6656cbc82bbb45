//! One direction of a connection through a live cable: bytes in, packets judged, bytes out.
//!
//! While no fault is set, whole packets go on as they come. What waits is bounded: by the kernels'
//! buffers, by [`WAITING_BYTES`] here, and by one packet more, however large.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::shared_cable::{Marks, SharedCable};
use super::sight::{Observer, What};
use super::wire::{Sink, Source};
use crate::cable::state::{End as Fated, Fate};
use crate::cable::{Direction, Lane, Line, Step, frame};
use crate::mqtt::PacketKind;

/// How much is read at once, and how much is taken from a connection that has no far half yet.
pub(super) const CHUNK: usize = 64 * 1024;

/// With more bytes than this waiting here, nothing is read.
const WAITING_BYTES: usize = 1024 * 1024;

/// So many of the packets that are held are shown to people.
const SHOWN: usize = 64;

/// How a connection ends, goodbyes aside.
#[derive(Debug, Error)]
pub(super) enum End {
    /// A fault cut it, or somebody did.
    #[error("cut")]
    Cut,
    /// A fault cut it behind a packet that went this way.
    #[error("cut")]
    CutAfter(Direction),
    /// Nobody answers at the far end.
    #[error("{0}")]
    Unreachable(String),
    /// One of the ends broke it.
    #[error("{0}")]
    Broken(#[from] io::Error),
    /// The cable is taken away.
    #[error("the cable was taken away")]
    Stopped,
}

/// See the module.
pub(super) struct Pump<'a> {
    from: Source<'a>,
    to: Sink<'a>,
    number: u64,
    direction: Direction,
    /// What was read and is no whole packet yet.
    unread: BytesMut,
    /// Whether the stream turned out not to be MQTT: then it passes as it comes.
    foreign: bool,
    lane: Lane,
    line: Arc<Mutex<Line>>,
    /// Whether the sender ended without a goodbye.
    broken: Option<io::Error>,
    ended: bool,
    holding: bool,
    cable: SharedCable,
    marks: watch::Receiver<Marks>,
    observer: Observer,
}

impl<'a> Pump<'a> {
    #[expect(clippy::too_many_arguments, reason = "each is one thing, and there is one caller")]
    pub(super) fn new(
        from: Source<'a>,
        to: Sink<'a>,
        (number, direction): (u64, Direction),
        unread: BytesMut,
        line: Arc<Mutex<Line>>,
        cable: SharedCable,
        marks: watch::Receiver<Marks>,
        observer: Observer,
    ) -> Self {
        let (foreign, broken, ended, holding) = (false, None, false, false);
        Self {
            from,
            to,
            number,
            direction,
            unread,
            foreign,
            lane: Lane::new(number, direction),
            line,
            broken,
            ended,
            holding,
            cable,
            marks,
            observer,
        }
    }

    /// Moves packets until the source says goodbye, and passes that on too.
    pub(super) async fn run(mut self) -> Result<(), End> {
        self.take_whole();
        loop {
            let now = self.observer.clock.now();
            let step = {
                let line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
                self.cable.ask(|cable| self.lane.step(now, &line, cable))
            };
            self.show_held(&step);
            match step {
                Step::Packet { bytes, arrived, fate } => self.judged(bytes, arrived, fate).await?,
                Step::Wait(until) => self.wait(Some(until)).await?,
                Step::Empty if self.is_clear() => self.pass().await?,
                Step::Held | Step::Empty => self.wait(None).await?,
                Step::End => return self.end(),
            }
        }
    }

    fn is_clear(&self) -> bool {
        self.marks.borrow().clear
    }

    /// Passes packets on as they come, until a fault is set or the source ends.
    async fn pass(&mut self) -> Result<(), End> {
        while self.is_clear() && !self.ended {
            self.fill(None).await?;
            let count = self.whole_bytes();
            if count == 0 {
                continue;
            }
            let chunk = self.unread.split_to(count);
            let bytes = Bytes::copy_from_slice(&chunk);
            self.introduce(&bytes);
            self.observer.see(self.number, What::Passes { direction: self.direction, bytes });
            self.write(&chunk).await?;
        }
        self.take_whole();
        Ok(())
    }

    /// Waits for something to come, for the cable to change, or for the time.
    async fn wait(&mut self, until: Option<Duration>) -> Result<(), End> {
        self.fill(until).await?;
        self.take_whole();
        Ok(())
    }

    /// Reads once, or notes that the source ended; or returns as soon as something else happens.
    async fn fill(&mut self, until: Option<Duration>) -> Result<(), End> {
        let until = until.map(|at| Instant::from_std(self.observer.clock.instant(at)));
        let told = self.marks.borrow().tells[self.direction as usize];
        let may_read = !self.ended && told && self.lane.waiting_bytes() < WAITING_BYTES;
        if may_read {
            self.unread.reserve(CHUNK);
        }
        let read = tokio::select! {
            biased;
            changed = self.marks.changed() => return changed.map_err(|_| End::Stopped),
            () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => {
                return Ok(());
            }
            read = self.from.read(&mut self.unread), if may_read => read,
        };
        match read {
            Ok(0) => self.ended = true,
            Ok(_) => {}
            Err(error) => (self.broken, self.ended) = (Some(error), true),
        }
        Ok(())
    }

    /// How many of the bytes that were read are whole packets.
    fn whole_bytes(&mut self) -> usize {
        let mut count = 0;
        while !self.foreign {
            match frame::first(&self.unread[count..]) {
                Ok(Some(frame)) => count += frame.bytes().len(),
                Ok(None) => return count,
                Err(_) => self.foreign = true,
            }
        }
        self.unread.len()
    }

    /// Puts what was read into the lane; at the end of the stream, the beginning of a packet too:
    /// whoever is to refuse it is at the other end.
    fn take_whole(&mut self) {
        let now = self.observer.clock.now();
        while !self.foreign
            && let Some(size) = self.first_size()
        {
            let bytes = self.unread.split_to(size).freeze();
            let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
            let known = line.read(self.direction, &bytes);
            self.lane.push(now, bytes, known.topic);
        }
        if (self.foreign || self.ended) && !self.unread.is_empty() {
            self.lane.push(now, self.unread.split().freeze(), None);
        }
        if self.ended {
            self.lane.end(now);
        }
    }

    fn first_size(&mut self) -> Option<usize> {
        let Ok(frame) = frame::first(&self.unread) else {
            self.foreign = true;
            return None;
        };
        frame.map(|frame| frame.bytes().len())
    }

    /// Lets the line know who speaks: a fault that is set later asks for it.
    fn introduce(&self, bytes: &Bytes) {
        if PacketKind::of(bytes[0]) == PacketKind::CONNECT
            && let Ok(Some(frame)) = frame::first(bytes)
        {
            let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
            line.read(self.direction, &bytes.slice(..frame.bytes().len()));
        }
    }

    async fn judged(&mut self, bytes: Bytes, came: Duration, fate: Fate) -> Result<(), End> {
        let (direction, end, again) = (self.direction, fate.end, fate.again.clone());
        let copy = Bytes::copy_from_slice(&bytes);
        self.observer.see(self.number, What::Judged { direction, bytes: copy, came, fate });
        match end {
            Fated::Dropped => return Ok(()),
            Fated::Cut => return Err(End::Cut),
            Fated::Arrives | Fated::ArrivesAndCuts => self.write(&bytes).await?,
        }
        for bytes in again {
            self.observer.see(self.number, What::Repeated { direction, bytes: bytes.clone() });
            self.write(&bytes).await?;
        }
        if end == Fated::ArrivesAndCuts { Err(End::CutAfter(direction)) } else { Ok(()) }
    }

    /// Writes all of it; stops in the middle of a packet while nothing gets through, as an unplugged
    /// cable does.
    async fn write(&mut self, mut bytes: &[u8]) -> Result<(), End> {
        let clear = self.is_clear();
        let ask = || self.cable.ask(|cable| cable.piece_bytes(self.direction));
        let piece = if clear { None } else { ask() };
        while !bytes.is_empty() {
            let direction = self.direction as usize;
            if !self.marks.borrow().tells[direction] {
                let told = self.marks.wait_for(|marks| marks.tells[direction]).await;
                told.map_err(|_| End::Stopped)?;
            }
            let most = piece.unwrap_or(usize::MAX).min(bytes.len());
            match self.to.try_write(&bytes[..most]) {
                Ok(written) => {
                    bytes = &bytes[written..];
                    if piece.is_some() {
                        tokio::task::yield_now().await;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    tokio::select! {
                        biased;
                        changed = self.marks.changed() => changed.map_err(|_| End::Stopped)?,
                        ready = self.to.writable() => ready?,
                    }
                }
                Err(error) => return self.nobody_reads(error).await,
            }
        }
        Ok(())
    }

    /// The receiver is gone. If that takes its time to get through, the other direction is to hear
    /// of it first.
    async fn nobody_reads(&self, error: io::Error) -> Result<(), End> {
        let back = self.direction.back();
        let slow = self.cable.ask(|cable| !cable.close_delay(back).is_zero() || !cable.tells(back));
        if slow { std::future::pending().await } else { Err(error.into()) }
    }

    fn end(self) -> Result<(), End> {
        match self.broken {
            Some(error) => Err(error.into()),
            None => Ok(self.to.goodbye()?),
        }
    }

    fn show_held(&mut self, step: &Step) {
        let holds = *step == Step::Held && self.lane.waiting_bytes() > 0;
        if holds || self.holding {
            let shown: Vec<Bytes> = self.lane.waiting().take(SHOWN).cloned().collect();
            self.cable.note_held(self.number, self.direction, if holds { &shown } else { &[] });
        }
        self.holding = holds;
    }
}
