//! The task of one connection: packets in, bytes out, and a goodbye that arrives.
//!
//! ```text
//! socket ---> read buffer ---> codec ---> batch ---> owner
//! socket <--- one write <--- everything in the outbox <--- owner
//! ```
//!
//! The task ends when the owner closes the outbox, and only then: what the owner still had to say
//! is written first. It knows packets' bytes, not their meaning.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{sleep, timeout};

use super::inbox::{Heard, Inbox, Note};
use super::outbox::{Next, Outbox};
use super::wire::{Sink, Source, Wire};
use crate::broker::ConnId;
use crate::mqtt::Packet;
use crate::mqtt::codec::{DecodeError, Reader};
use crate::mqtt::packet::Level;

/// How long a connection that was closed has to take what is waiting for it.
const FLUSH_LIMIT: Duration = Duration::from_secs(1);

/// How long to wait for the goodbye of the other side after that.
const LINGER_LIMIT: Duration = Duration::from_millis(250);

/// The least and the most that is read at once, in bytes.
const READ_BYTES: (usize, usize) = (4 * 1024, 64 * 1024);

/// The most that is written at once, in bytes. Only a write that has returned counts as written, so
/// a long one would make a connection seem stalled whose other side has read most of it already.
const WRITE_BYTES: usize = 128 * 1024;

/// The most packets in one batch.
const BATCH: usize = 1024;

/// A socket that ends with a reset when its broker has been killed.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) wire: Wire,
    pub(super) killed: Arc<AtomicBool>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.killed.load(Ordering::Acquire) {
            self.wire.reset_when_dropped();
        }
    }
}

/// One connection.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) conn: ConnId,
    pub(super) outbox: Arc<Outbox>,
    pub(super) inbox: Inbox,
    pub(super) notes: UnboundedSender<Note>,
    /// How what comes is to be read, unless a CONNECT says it.
    pub(super) level: Level,
    /// In bytes.
    pub(super) max_packet_size: usize,
}

impl Link {
    /// Runs until the owner has closed the connection and it is written out.
    pub(super) async fn run(self, mut socket: Socket) {
        let (mut source, sink) = socket.wire.split();
        let closed = async {
            self.outbox.closed().await;
            sleep(FLUSH_LIMIT).await;
        };
        tokio::select! {
            never = self.listen(&mut source) => match never {},
            () = self.speak(&sink) => linger(self.conn, &mut source, &sink).await,
            () = closed => tracing::debug!(conn = self.conn.0, "closed before all was written"),
        }
    }

    /// Reads until the other side ends or breaks the protocol, and tells the owner.
    async fn listen(&self, source: &mut Source<'_>) -> Infallible {
        let conn = self.conn;
        let last = match self.read(source).await {
            End::Closed(reason) => Heard::Closed { conn, reason },
            End::Malformed(error) => Heard::Malformed { conn, error },
        };
        if !self.inbox.tell(last).await {
            tracing::trace!("a broker that ended was told something");
        }
        pending().await
    }

    async fn read(&self, source: &mut Source<'_>) -> End {
        let (least, most) = READ_BYTES;
        let mut size = least;
        let mut buffer = BytesMut::new();
        let mut reader = Reader::new(self.level, self.max_packet_size);
        loop {
            self.outbox.may_read().await;
            if buffer.is_empty() && size == least {
                // Who says little holds no buffer while it says nothing.
                buffer = BytesMut::new();
            }
            if let Err(error) = source.readable().await {
                return End::Closed(in_words(&error));
            }
            buffer.reserve(size);
            match source.read(&mut buffer).await {
                Ok(0) => return End::Closed("the other side closed the connection".to_owned()),
                // Small buffers for those who say little, as a payload that is kept holds its
                // whole buffer; large ones for those who say much.
                Ok(count) if count >= size => size = (size * 2).min(most),
                Ok(count) if count < size / 4 => size = (size / 2).max(least),
                Ok(_) => {}
                Err(error) => return End::Closed(in_words(&error)),
            }
            if let Err(error) = self.pass_on(&mut buffer, &mut reader).await {
                return End::Malformed(error);
            }
        }
    }

    /// Passes on the whole packets in `buffer`.
    async fn pass_on(&self, buffer: &mut BytesMut, reader: &mut Reader) -> Result<(), DecodeError> {
        loop {
            let before = buffer.len();
            let (packets, end) = batch(buffer, reader);
            let full = packets.len() == BATCH;
            if !packets.is_empty() {
                self.inbox.packets(self.conn, packets, before - buffer.len()).await;
            }
            end?;
            if !full {
                return Ok(());
            }
        }
    }

    /// Writes what the owner puts into the outbox, until that is closed and empty.
    async fn speak(&self, sink: &Sink<'_>) {
        let mut buffer = BytesMut::new();
        while self.outbox.next(&mut buffer).await == Next::Write {
            if let Err(error) = self.write(sink, &buffer).await {
                // Reading goes on: what the other side sent before it went is to be heard.
                tracing::debug!(conn = self.conn.0, %error, "cannot write");
                self.outbox.break_off();
            }
        }
    }

    async fn write(&self, sink: &Sink<'_>, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match sink.try_write(&rest[..rest.len().min(WRITE_BYTES)]) {
                Ok(count) => {
                    rest = &rest[count..];
                    if self.outbox.written(count) {
                        self.tell_drained();
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    sink.writable().await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn tell_drained(&self) {
        if self.notes.send(Note::Drained { conn: self.conn }).is_err() {
            tracing::trace!("a broker that ended was told something");
        }
    }
}

/// Says goodbye and waits for the other side's. Closing at once, with input unread, would be a
/// reset, which destroys what was sent last: the CONNACK that says why, for one.
async fn linger(conn: ConnId, source: &mut Source<'_>, sink: &Sink<'_>) {
    if sink.goodbye().is_err() {
        return; // The other side was faster.
    }
    let goodbye = async {
        let mut unread = BytesMut::with_capacity(READ_BYTES.0);
        while !matches!(source.read(&mut unread).await, Ok(0) | Err(_)) {
            unread.clear();
        }
    };
    if timeout(LINGER_LIMIT, goodbye).await.is_err() {
        tracing::debug!(conn = conn.0, "the other side says no goodbye");
    }
}

/// How a connection ended, for people.
fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => "the connection was cut".to_owned(),
        io::ErrorKind::TimedOut => "the other side was not heard any more".to_owned(),
        _ => error.to_string(),
    }
}

/// How reading ends.
enum End {
    Closed(String),
    Malformed(DecodeError),
}

/// Takes up to [`BATCH`] packets off `buffer`.
fn batch(buffer: &mut BytesMut, reader: &mut Reader) -> (Vec<Packet>, Result<(), DecodeError>) {
    let mut packets = Vec::new();
    while packets.len() < BATCH {
        match reader.read(buffer) {
            Ok(Some(packet)) => packets.push(packet),
            Ok(None) => break,
            Err(error) => return (packets, Err(error)),
        }
    }
    (packets, Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_told_in_words() {
        let check = |kind: io::ErrorKind, expected: &str| {
            assert_eq!(in_words(&io::Error::from(kind)), expected);
        };
        check(io::ErrorKind::ConnectionReset, "the connection was cut");
        check(io::ErrorKind::BrokenPipe, "the connection was cut");
        check(io::ErrorKind::TimedOut, "the other side was not heard any more");
        let raw = in_words(&io::Error::from_raw_os_error(104));
        assert!(cfg!(not(target_os = "linux")) || raw == "the connection was cut", "{raw}");
    }
}
