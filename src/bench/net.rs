//! The sockets of a load: one thread, one poll, thousands of connections. Knows frames, and nothing
//! of what they mean.
//!
//! ```text
//! dial --> link ..> turn: read, split, hand over each frame; write what was answered
//! ```

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::frame::Frame;
use super::trouble::Trouble;

/// What is read at once, and the longest packet there may be.
const READ_BYTES: usize = 512 * 1024;
const EVENTS: usize = 1024;

/// A connection's number. It is free for another once it is closed.
pub type At = usize;

/// What a connection brings.
#[derive(Debug)]
pub enum Heard<'a> {
    Packet(Frame<'a>),
    /// The other end has closed it, and it is gone.
    End,
}

/// All connections of a load.
pub struct Net {
    poll: Poll,
    events: Events,
    links: Vec<Option<Link>>,
    free: Vec<At>,
    buffer: Box<[u8]>,
}

struct Link {
    stream: TcpStream,
    /// The beginning of a packet whose end has not come.
    rest: Vec<u8>,
    out: Vec<u8>,
    /// How much of `out` is written.
    written: usize,
    /// Whether the socket takes no more for now.
    blocked: bool,
}

impl Net {
    /// No connection yet.
    pub fn new() -> Result<Self, Trouble> {
        let poll = Poll::new().map_err(|error| Trouble::Io("no way to wait for sockets", error))?;
        let buffer = vec![0; READ_BYTES].into_boxed_slice();
        let events = Events::with_capacity(EVENTS);
        Ok(Self { poll, events, links: Vec::new(), free: Vec::new(), buffer })
    }

    /// Begins a connection; what is written meanwhile leaves once it is there.
    pub fn dial(&mut self, address: SocketAddr) -> Result<At, Trouble> {
        let trouble = |error| Trouble::Io("no connection to the broker", error);
        let mut stream = TcpStream::connect(address).map_err(trouble)?;
        stream.set_nodelay(true).map_err(trouble)?;
        let at = self.free.pop().unwrap_or_else(|| {
            self.links.push(None);
            self.links.len() - 1
        });
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(at), both).map_err(trouble)?;
        let link = Link { stream, rest: Vec::new(), out: Vec::new(), written: 0, blocked: true };
        self.links[at] = Some(link);
        Ok(at)
    }

    /// Ends a connection.
    pub fn close(&mut self, at: At) {
        if self.links[at].take().is_some() {
            self.free.push(at);
        }
    }

    /// Whether the broker is behind with reading.
    pub fn blocked(&self, at: At) -> bool {
        self.links[at].as_ref().is_none_or(|it| it.blocked)
    }

    /// Where to write what [`Self::flush`] is to send.
    ///
    /// # Panics
    /// When that connection is closed.
    pub fn out(&mut self, at: At) -> &mut Vec<u8> {
        &mut self.links[at].as_mut().expect("a connection that is open").out
    }

    /// Sends what was written, as far as the socket takes it; the rest follows by itself.
    pub fn flush(&mut self, at: At) -> Result<(), Trouble> {
        self.links[at].as_mut().map_or(Ok(()), Link::flush)
    }

    /// Waits at most so long for something to come, hands it over, and sends what was written in
    /// answer. Gives back how many packets came.
    pub fn turn(
        &mut self,
        wait: Duration,
        mut hear: impl FnMut(At, Heard<'_>, &mut Vec<u8>) -> Result<(), Trouble>,
    ) -> Result<usize, Trouble> {
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => {
                return Err(Trouble::Io("no way to wait for sockets", error));
            }
            _ => {}
        }
        let mut packets = 0;
        for event in &self.events {
            let at = event.token().0;
            let Some(link) = &mut self.links[at] else { continue };
            if event.is_writable() {
                link.blocked = false;
            }
            let mut open = true;
            if event.is_readable() {
                open = link.read(&mut self.buffer, |frame, out| {
                    packets += 1;
                    hear(at, Heard::Packet(frame), out)
                })?;
            }
            if open {
                link.flush()?;
            } else {
                self.links[at] = None;
                self.free.push(at);
                hear(at, Heard::End, &mut Vec::new())?;
            }
        }
        Ok(packets)
    }
}

impl Link {
    /// Reads until there is nothing more; false at the end.
    fn read(
        &mut self,
        buffer: &mut [u8],
        mut hear: impl FnMut(Frame<'_>, &mut Vec<u8>) -> Result<(), Trouble>,
    ) -> Result<bool, Trouble> {
        loop {
            let kept = self.rest.len();
            if kept == buffer.len() {
                return Err(Trouble::Garbled);
            }
            buffer[..kept].copy_from_slice(&self.rest);
            let count = match self.stream.read(&mut buffer[kept..]) {
                Ok(0) => return Ok(false),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if is_end(&error) => return Ok(false),
                Err(error) => return Err(Trouble::Io("reading from the broker", error)),
            };
            let all = kept + count;
            let mut from = 0;
            while let Some(frame) = Frame::split(&buffer[from..all])? {
                hear(frame, &mut self.out)?;
                from += frame.length;
            }
            self.rest.clear();
            self.rest.extend_from_slice(&buffer[from..all]);
            // Where readiness is told on change, a short read has emptied the socket; mio's
            // stand-in for that on Windows has to hear that it would block.
            if cfg!(unix) && all < buffer.len() {
                return Ok(true);
            }
            self.flush()?;
        }
    }

    fn flush(&mut self) -> Result<(), Trouble> {
        while !self.blocked && self.written < self.out.len() {
            match self.stream.write(&self.out[self.written..]) {
                Ok(count) => self.written += count,
                // A socket that is not connected yet says either.
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) =>
                {
                    self.blocked = true;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // What came before the end is still to be read, and then the end.
                Err(error) if is_end(&error) => self.blocked = true,
                Err(error) => return Err(Trouble::Io("writing to the broker", error)),
            }
        }
        if self.written == self.out.len() {
            self.out.clear();
            self.written = 0;
        }
        Ok(())
    }
}

fn is_end(error: &io::Error) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(error.kind(), ConnectionReset | ConnectionAborted | BrokenPipe)
}
