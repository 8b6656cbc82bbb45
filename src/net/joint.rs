//! One connection through a live cable: the accepted half joined with a dialled half, which is a
//! pipe where a broker of this program is the target.
//!
//! ```text
//! dialer <--- near | pump out ---> | far ---> target
//!                  | <--- pump in  |
//! ```

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

use super::cable::Target;
use super::dial;
use super::pump::{CHUNK, End, Pump};
use super::shared_cable::{Marks, SharedCable};
use super::sight::{Observer, What};
use super::wire::{Sink, Source, Wire};
use crate::cable::{Direction, Line, State};

/// How long the far end may take to accept.
const DIAL_LIMIT: Duration = Duration::from_secs(5);

/// One connection, from the moment it was accepted.
pub(super) struct Joint {
    /// Names the connection.
    pub(super) number: u64,
    /// What happens to the cable.
    pub(super) marks: watch::Receiver<Marks>,
    /// The count of cuts at which it was accepted.
    pub(super) born: u64,
    /// Where the cable leads.
    pub(super) target: watch::Receiver<Target>,
    /// The cable.
    pub(super) cable: SharedCable,
    /// Who is told.
    pub(super) observer: Observer,
}

impl Joint {
    /// Carries the connection until it ends or is reset.
    pub(super) async fn carry(mut self, mut near: TcpStream) {
        self.observer.see(self.number, What::Begins { peer: near.peer_addr().ok() });
        let (mut cuts, born) = (self.marks.clone(), self.born);
        let ended = tokio::select! {
            biased;
            _ = cuts.wait_for(|marks| marks.cuts != born) => Err(End::Cut),
            ended = self.joined(&mut near) => ended,
        };
        for direction in Direction::BOTH {
            self.cable.note_held(self.number, direction, &[]);
        }
        let how = match &ended {
            Ok(()) => "both ends said goodbye".to_owned(),
            Err(end) => end.to_string(),
        };
        self.observer.see(self.number, What::Ends { how });
        match ended {
            // After the last packet that way a goodbye, lest a reset overtake it.
            Ok(()) | Err(End::CutAfter(Direction::In)) => {}
            Err(_) => reset(near),
        }
    }

    /// Waits until there is a way, dials, and pumps both ways until both ends said goodbye.
    async fn joined(&mut self, near: &mut TcpStream) -> Result<(), End> {
        let mut early = BytesMut::new();
        self.hang(near, &mut early).await?;
        let target = self.target.borrow().clone();
        let far = match timeout(DIAL_LIMIT, dial_target(&target)).await {
            Ok(Ok(far)) => far,
            failed => {
                let why = failed.map_or_else(|_| "no answer".to_owned(), |it| it.unwrap_err());
                // No news passes while the cable is silent, bad news included.
                let told = self.marks.wait_for(|marks| marks.state != State::Silent).await;
                return Err(told.map_or(End::Stopped, |_| End::Unreachable(why)));
            }
        };
        let mut far = ResetUnlessClosed { wire: far, closed: false };
        let line = Arc::new(Mutex::new(Line::default()));
        let ((near_in, near_out), (far_in, far_out)) = (near.split(), far.wire.split());
        let (near_in, near_out) = (Source::Tcp(near_in), Sink::Tcp(near_out));
        let out = self.pump(near_in, far_out, Direction::Out, early, &line);
        let back = self.pump(far_in, near_out, Direction::In, BytesMut::new(), &line);
        let ended = tokio::try_join!(out.run(), back.run());
        // After the last packet that way a goodbye, lest a reset overtake it.
        far.closed = matches!(ended, Ok(_) | Err(End::CutAfter(Direction::Out)));
        ended.map(drop)
    }

    fn pump<'a>(
        &self,
        from: Source<'a>,
        to: Sink<'a>,
        direction: Direction,
        unread: BytesMut,
        line: &Arc<Mutex<Line>>,
    ) -> Pump<'a> {
        let (cable, marks) = (self.cable.clone(), self.marks.clone());
        let observer = self.observer.clone();
        Pump::new(from, to, (self.number, direction), unread, line.clone(), cable, marks, observer)
    }

    /// Waits while the cable is silent. A dialer that gives up meanwhile is forgotten: what it sent
    /// never reached anybody, and must not turn up at the far end when the cable is mended.
    async fn hang(&mut self, near: &TcpStream, early: &mut BytesMut) -> Result<(), End> {
        if self.marks.borrow().state != State::Silent {
            return Ok(());
        }
        while self.marks.borrow().state == State::Silent {
            tokio::select! {
                biased;
                changed = self.marks.changed() => changed.map_err(|_| End::Stopped)?,
                ready = near.readable(), if early.len() < CHUNK => {
                    ready?;
                    take_early(near, early)?;
                }
            }
        }
        take_early(near, early)
    }
}

/// Ends a connection so that its other end is told at once.
pub(super) fn reset(stream: TcpStream) {
    if let Err(error) = stream.set_zero_linger() {
        tracing::debug!(%error, "this connection ends without a reset");
    }
    drop(stream);
}

async fn dial_target(target: &Target) -> Result<Wire, String> {
    match target {
        Target::Nowhere => Err("there is nobody".to_owned()),
        Target::Inside(door) => door.enter().await.map(Wire::Pipe),
        Target::At(address) => dial::connect_now(*address).await.map(Wire::Tcp),
        Target::Host(address) => dial::dial(address, None).await.map(Wire::Tcp),
    }
}

fn take_early(near: &TcpStream, early: &mut BytesMut) -> Result<(), End> {
    early.reserve(CHUNK);
    match near.try_read_buf(early) {
        Ok(0) => Err(End::Broken(io::ErrorKind::UnexpectedEof.into())),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The dialled half: whatever ends it, except goodbyes of both ends, ends it with a reset.
struct ResetUnlessClosed {
    wire: Wire,
    closed: bool,
}

impl Drop for ResetUnlessClosed {
    fn drop(&mut self) {
        if !self.closed {
            self.wire.reset_when_dropped();
        }
    }
}
