//! A connection inside this process: what TCP does between a cable and a broker of the same program,
//! without the system's part in it.
//!
//! ```text
//! end --- bytes, goodbye or reset ---> end
//!     <--- bytes, goodbye or reset ---
//! ```
//!
//! It ends as TCP on one machine ends: what was written before a goodbye or a reset can still be
//! read, and an end that is dropped says goodbye, unless it is to reset or something is unread.

use std::future::poll_fn;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Buf, BytesMut};

/// So many bytes may wait in each direction: about what the system's buffers take.
const ROOM: usize = 256 * 1024;

/// Who waits for room is told when there is so much of it.
const ENOUGH: usize = ROOM / 2;

/// A buffer that grew beyond this is given back once it is empty.
const KEEP: usize = 64 * 1024;

/// One of the two ends. One task reads from it and one task writes to it, which may be the same.
#[derive(Debug)]
pub(super) struct Pipe {
    out: Arc<Way>,
    back: Arc<Way>,
    /// Whether it is to end with a reset.
    resets: AtomicBool,
}

/// One direction.
#[derive(Debug, Default)]
struct Way(Mutex<Flow>);

#[derive(Debug, Default)]
struct Flow {
    bytes: BytesMut,
    end: Option<End>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Its writer has no more to say.
    Goodbye,
    /// One of the ends is gone, and what is written does not arrive.
    Reset,
}

impl Pipe {
    /// Two ends of a new connection.
    pub(super) fn pair() -> (Self, Self) {
        let (out, back) = (Arc::<Way>::default(), Arc::<Way>::default());
        (Self::new(Arc::clone(&out), Arc::clone(&back)), Self::new(back, out))
    }

    fn new(out: Arc<Way>, back: Arc<Way>) -> Self {
        Self { out, back, resets: AtomicBool::new(false) }
    }

    /// When it is dropped, the other end is to be told that it is cut.
    pub(super) fn reset_when_dropped(&self) {
        self.resets.store(true, Ordering::Relaxed);
    }

    /// Waits until [`Self::try_read`] has something to tell.
    pub(super) async fn readable(&self) {
        poll_fn(|context| self.back.lock().poll_readable(context)).await;
    }

    /// Takes what there is, as far as `buffer` has room, waiting for it; 0 at the end.
    pub(super) async fn read(&self, buffer: &mut BytesMut) -> io::Result<usize> {
        poll_fn(|context| {
            let mut flow = self.back.lock();
            flow.poll_readable(context).map(|()| flow.take(buffer))
        })
        .await
    }

    /// Waits until [`Self::try_write`] has something to tell.
    pub(super) async fn writable(&self) {
        poll_fn(|context| self.out.lock().poll_writable(context)).await;
    }

    /// Gives away as many of the bytes as there is room for.
    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut flow = self.out.lock();
        if flow.end.is_some() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let count = bytes.len().min(ROOM.saturating_sub(flow.bytes.len()));
        if count == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        flow.bytes.extend_from_slice(&bytes[..count]);
        flow.tell_reader();
        Ok(count)
    }

    /// Says that nothing follows.
    pub(super) fn goodbye(&self) {
        let mut flow = self.out.lock();
        flow.end.get_or_insert(End::Goodbye);
        flow.tell_reader();
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let unread = {
            let mut back = self.back.lock();
            back.end.get_or_insert(End::Reset);
            back.tell_writer();
            !back.bytes.is_empty()
        };
        let reset = unread || *self.resets.get_mut();
        let mut out = self.out.lock();
        out.end.get_or_insert(if reset { End::Reset } else { End::Goodbye });
        out.tell_reader();
    }
}

impl Way {
    fn lock(&self) -> MutexGuard<'_, Flow> {
        // A panic under the lock is a defect that shows elsewhere; bytes are bytes.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flow {
    fn poll_readable(&mut self, context: &Context<'_>) -> Poll<()> {
        if !self.bytes.is_empty() || self.end.is_some() {
            return Poll::Ready(());
        }
        wait(&mut self.reader, context)
    }

    fn poll_writable(&mut self, context: &Context<'_>) -> Poll<()> {
        if self.bytes.len() <= ENOUGH || self.end.is_some() {
            return Poll::Ready(());
        }
        wait(&mut self.writer, context)
    }

    fn take(&mut self, buffer: &mut BytesMut) -> io::Result<usize> {
        if self.bytes.is_empty() {
            return match self.end {
                Some(End::Reset) => Err(io::ErrorKind::ConnectionReset.into()),
                _ => Ok(0),
            };
        }
        let room = buffer.capacity() - buffer.len();
        let count = self.bytes.len().min(room);
        buffer.extend_from_slice(&self.bytes[..count]);
        if count < self.bytes.len() {
            self.bytes.advance(count);
        } else if self.bytes.capacity() > KEEP {
            self.bytes = BytesMut::new();
        } else {
            self.bytes.clear();
        }
        if self.bytes.len() <= ENOUGH {
            self.tell_writer();
        }
        Ok(count)
    }

    fn tell_reader(&mut self) {
        if let Some(waker) = self.reader.take() {
            waker.wake();
        }
    }

    fn tell_writer(&mut self) {
        if let Some(waker) = self.writer.take() {
            waker.wake();
        }
    }
}

fn wait(place: &mut Option<Waker>, context: &Context<'_>) -> Poll<()> {
    match place {
        Some(waker) => waker.clone_from(context.waker()),
        None => *place = Some(context.waker().clone()),
    }
    Poll::Pending
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(end: &Pipe) -> io::Result<BytesMut> {
        let mut buffer = BytesMut::with_capacity(4);
        end.read(&mut buffer).await.map(|_| buffer)
    }

    #[tokio::test]
    async fn bytes_go_both_ways_and_goodbyes_behind_them() {
        let (near, far) = Pipe::pair();
        assert_eq!(near.try_write(b"abcdef").expect("open"), 6);
        assert_eq!(far.try_write(b"gh").expect("open"), 2);
        near.goodbye();
        assert!(near.try_write(b"i").is_err(), "nothing follows a goodbye");
        assert_eq!(&read(&far).await.expect("open")[..], b"abcd");
        far.readable().await;
        assert_eq!(&read(&far).await.expect("open")[..], b"ef");
        assert_eq!(&read(&far).await.expect("said goodbye")[..], b"");
        // The other direction goes on.
        assert_eq!(far.try_write(b"jk").expect("open"), 2);
        assert_eq!(&read(&near).await.expect("open")[..], b"ghjk");
        far.goodbye();
        drop(far);
        assert_eq!(&read(&near).await.expect("said goodbye")[..], b"");
    }

    #[tokio::test]
    async fn resets_come_behind_what_was_written() {
        let (near, far) = Pipe::pair();
        assert_eq!(far.try_write(b"ab").expect("open"), 2);
        far.reset_when_dropped();
        drop(far);
        near.readable().await;
        assert_eq!(&read(&near).await.expect("it came before the end")[..], b"ab");
        let error = read(&near).await.expect_err("a reset");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        near.writable().await;
        let error = near.try_write(b"c").expect_err("nobody is there");
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }

    #[tokio::test]
    async fn an_end_that_goes_without_a_word_says_goodbye_if_it_has_read_all() {
        for unread in [false, true] {
            let (near, far) = Pipe::pair();
            if unread {
                assert_eq!(near.try_write(b"a").expect("open"), 1);
            }
            drop(far);
            assert_eq!(read(&near).await.is_err(), unread);
            assert!(near.try_write(b"c").is_err(), "nobody is there");
        }
    }

    #[tokio::test]
    async fn who_writes_waits_for_who_reads() {
        let (near, far) = Pipe::pair();
        let all = vec![b'x'; 3 * ROOM];
        let write = async {
            let mut rest = &all[..];
            while !rest.is_empty() {
                match near.try_write(rest) {
                    Ok(count) => rest = &rest[count..],
                    Err(error) => {
                        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                        near.writable().await;
                    }
                }
            }
            near.goodbye();
        };
        let read = async {
            let mut came = 0;
            let mut buffer = BytesMut::with_capacity(ROOM);
            while far.read(&mut buffer).await.expect("no reset") > 0 {
                came += buffer.len();
                buffer.clear();
            }
            came
        };
        assert_eq!(tokio::join!(write, read).1, all.len());
    }
}
