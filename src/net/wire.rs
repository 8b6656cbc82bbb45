//! What carries the bytes of a connection: TCP, or a pipe inside this process.

use std::io;
use std::net::Shutdown;

use bytes::BytesMut;
use socket2::SockRef;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};

use super::pipe::Pipe;

/// One end of a connection.
#[derive(Debug)]
pub(super) enum Wire {
    Tcp(TcpStream),
    Pipe(Pipe),
}

/// What comes of it.
#[derive(Debug)]
pub(super) enum Source<'a> {
    Tcp(ReadHalf<'a>),
    Pipe(&'a Pipe),
}

/// Where what is to go is put.
#[derive(Debug)]
pub(super) enum Sink<'a> {
    Tcp(WriteHalf<'a>),
    Pipe(&'a Pipe),
}

impl Wire {
    /// Its two directions.
    pub(super) fn split(&mut self) -> (Source<'_>, Sink<'_>) {
        match self {
            Self::Tcp(stream) => {
                let (source, sink) = stream.split();
                (Source::Tcp(source), Sink::Tcp(sink))
            }
            Self::Pipe(pipe) => (Source::Pipe(pipe), Sink::Pipe(pipe)),
        }
    }

    /// When it is dropped, the other end is to be told at once that it is cut.
    pub(super) fn reset_when_dropped(&self) {
        match self {
            Self::Tcp(stream) => {
                if let Err(error) = stream.set_zero_linger() {
                    tracing::debug!(%error, "this connection ends without a reset");
                }
            }
            Self::Pipe(pipe) => pipe.reset_when_dropped(),
        }
    }
}

impl Source<'_> {
    /// Waits until there is something to read, or the end.
    pub(super) async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(half) => half.readable().await,
            Self::Pipe(pipe) => {
                pipe.readable().await;
                Ok(())
            }
        }
    }

    /// Takes what there is, as far as `buffer` has room, waiting for it; 0 at the end.
    ///
    /// A read that brings less than there was room for is not tried again at once: the next one
    /// waits, and half of the calls to the system are saved.
    pub(super) async fn read(&mut self, buffer: &mut BytesMut) -> io::Result<usize> {
        match self {
            Self::Tcp(half) => half.read_buf(buffer).await,
            Self::Pipe(pipe) => pipe.read(buffer).await,
        }
    }
}

impl Sink<'_> {
    /// Waits until there is room, or nobody to write to.
    pub(super) async fn writable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(half) => half.writable().await,
            Self::Pipe(pipe) => {
                pipe.writable().await;
                Ok(())
            }
        }
    }

    /// Writes as many of the bytes as there is room for.
    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(half) => half.try_write(bytes),
            Self::Pipe(pipe) => pipe.try_write(bytes),
        }
    }

    /// Says that nothing follows.
    pub(super) fn goodbye(&self) -> io::Result<()> {
        match self {
            Self::Tcp(half) => SockRef::from(half.as_ref()).shutdown(Shutdown::Write),
            Self::Pipe(pipe) => {
                pipe.goodbye();
                Ok(())
            }
        }
    }
}
