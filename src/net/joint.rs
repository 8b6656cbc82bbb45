//! One connection through a live cable: the accepted half joined with a dialled half, and the
//! packets of both directions moved under the cable's verdicts.
//!
//! ```text
//! dialer <--- near | pump to target ---> | far ---> target
//!                  | <--- pump to dialer |
//! ```
//!
//! What is held stays in the kernels' buffers and one buffer here for each direction, so it is
//! bounded by those and by the largest packet. Nothing here knows what a packet means.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::cable::{Cable, Direction, State, Verdict, frame};

/// How long the far end may take to accept.
const DIAL_LIMIT: Duration = Duration::from_secs(5);

/// How much is read at once, and how much is taken from a connection that has no far half yet.
const CHUNK: usize = 64 * 1024;

/// Carries one accepted connection until it ends or is reset. `born` is the count of cuts at which
/// it was accepted.
pub(super) async fn carry(
    near: TcpStream,
    target: watch::Receiver<SocketAddr>,
    cable: watch::Receiver<Cable>,
    born: u64,
) {
    let mut cuts = cable.clone();
    let whole = tokio::select! {
        biased;
        _ = cuts.wait_for(|cable| cable.cuts() != born) => None,
        ended = joined(&near, target, cable) => ended.ok(),
    };
    if whole.is_none() {
        reset(near);
    }
}

/// Ends a connection so that its other end is told at once.
pub(super) fn reset(stream: TcpStream) {
    if let Err(error) = stream.set_zero_linger() {
        tracing::debug!(%error, "this connection ends without a reset");
    }
    drop(stream);
}

/// Waits until the cable is whole, dials, and pumps both ways until both ends said goodbye.
async fn joined(
    near: &TcpStream,
    target: watch::Receiver<SocketAddr>,
    mut cable: watch::Receiver<Cable>,
) -> io::Result<()> {
    let mut early = BytesMut::new();
    hang(near, &mut early, &mut cable).await?;
    let target = *target.borrow();
    let far = match dial(target).await {
        Ok(far) => far,
        Err(error) => {
            // No news passes while the cable is silent, bad news included.
            let told = cable.wait_for(|cable| cable.state() == State::Whole).await;
            return Err(told.map_or_else(|_| stopped(), |_| error));
        }
    };
    let mut far = ResetUnlessClosed { stream: far, closed: false };
    let out = Pump {
        from: near,
        to: &far.stream,
        direction: Direction::ToTarget,
        buffer: early,
        foreign: false,
        cable: cable.clone(),
    };
    let back = Pump {
        from: &far.stream,
        to: near,
        direction: Direction::ToDialer,
        buffer: BytesMut::new(),
        foreign: false,
        cable,
    };
    tokio::try_join!(out.run(), back.run())?;
    far.closed = true;
    Ok(())
}

async fn dial(target: SocketAddr) -> io::Result<TcpStream> {
    let far = timeout(DIAL_LIMIT, TcpStream::connect(target)).await??;
    far.set_nodelay(true)?;
    Ok(far)
}

/// Waits while the cable is not whole. A dialer that gives up meanwhile is forgotten: what it sent
/// never reached anybody, and must not turn up at the far end when the cable is mended.
async fn hang(
    near: &TcpStream,
    early: &mut BytesMut,
    cable: &mut watch::Receiver<Cable>,
) -> io::Result<()> {
    if is_whole(cable) {
        return Ok(());
    }
    while !is_whole(cable) {
        tokio::select! {
            biased;
            changed = cable.changed() => changed.map_err(|_| stopped())?,
            ready = near.readable(), if early.len() < CHUNK => {
                ready?;
                take_early(near, early)?;
            }
        }
    }
    take_early(near, early)
}

fn take_early(near: &TcpStream, early: &mut BytesMut) -> io::Result<()> {
    early.reserve(CHUNK);
    match near.try_read_buf(early) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        Err(error) => Err(error),
    }
}

fn is_whole(cable: &watch::Receiver<Cable>) -> bool {
    cable.borrow().state() == State::Whole
}

fn stopped() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the cable was taken away")
}

/// The dialled half: whatever ends it, except goodbyes of both ends, ends it with a reset.
struct ResetUnlessClosed {
    stream: TcpStream,
    closed: bool,
}

impl Drop for ResetUnlessClosed {
    fn drop(&mut self) {
        if self.closed {
            return;
        }
        if let Err(error) = self.stream.set_zero_linger() {
            tracing::debug!(%error, "this connection ends without a reset");
        }
    }
}

/// One direction of a joint.
struct Pump<'a> {
    from: &'a TcpStream,
    to: &'a TcpStream,
    direction: Direction,
    /// What was read and has not been written.
    buffer: BytesMut,
    /// Whether the stream turned out not to be MQTT: then it passes as it comes.
    foreign: bool,
    cable: watch::Receiver<Cable>,
}

impl Pump<'_> {
    /// Moves packets until the source says goodbye, and passes that on too.
    async fn run(mut self) -> io::Result<()> {
        loop {
            self.forward().await?;
            if self.fill().await? == 0 {
                break;
            }
        }
        // The beginning of a packet that never got its end: whoever is to refuse it is at the end.
        self.write(self.buffer.len()).await?;
        self.whole().await?;
        SockRef::from(self.to).shutdown(Shutdown::Write)
    }

    /// Reads once; nothing while the cable is not whole.
    async fn fill(&mut self) -> io::Result<usize> {
        loop {
            self.whole().await?;
            tokio::select! {
                biased;
                changed = self.cable.changed() => {
                    changed.map_err(|_| stopped())?;
                    continue;
                }
                ready = self.from.readable() => ready?,
            }
            self.buffer.reserve(CHUNK);
            match self.from.try_read_buf(&mut self.buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
    }

    /// Writes the whole packets that may pass, and waits for those that are held.
    async fn forward(&mut self) -> io::Result<()> {
        loop {
            let (passing, stop) = self.judge();
            self.write(passing).await?;
            match stop {
                None | Some(Verdict::Pass) => return Ok(()),
                Some(Verdict::Hold) => self.whole().await?,
                Some(Verdict::Cut) => return Err(io::ErrorKind::ConnectionReset.into()),
            }
        }
    }

    /// How many bytes at the front may pass, and the verdict that ends them, if one does.
    fn judge(&mut self) -> (usize, Option<Verdict>) {
        let cable = *self.cable.borrow();
        let mut passing = 0;
        while !self.foreign {
            match frame::first(&self.buffer[passing..]) {
                Ok(Some(frame)) => match cable.verdict(self.direction, frame) {
                    Verdict::Pass => passing += frame.bytes().len(),
                    stop => return (passing, Some(stop)),
                },
                Ok(None) => return (passing, None),
                Err(_) => self.foreign = true,
            }
        }
        (self.buffer.len(), None)
    }

    /// Writes `count` bytes from the front; stops in the middle of a packet while the cable is not
    /// whole, as an unplugged cable does.
    async fn write(&mut self, mut count: usize) -> io::Result<()> {
        while count > 0 {
            self.whole().await?;
            match self.to.try_write(&self.buffer[..count]) {
                Ok(written) => {
                    self.buffer.advance(written);
                    count -= written;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    tokio::select! {
                        biased;
                        changed = self.cable.changed() => changed.map_err(|_| stopped())?,
                        ready = self.to.writable() => ready?,
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits until the cable is whole.
    async fn whole(&mut self) -> io::Result<()> {
        if is_whole(&self.cable) {
            return Ok(());
        }
        let whole = self.cable.wait_for(|cable| cable.state() == State::Whole).await;
        whole.map(drop).map_err(|_| stopped())
    }
}
