//! What waits to be written to one connection: between the owner task, which puts bytes in, and the
//! connection's own task, which takes everything there is and writes it at once.
//!
//! ```text
//! owner: put ---> [ staged | being written ] ---> written: connection
//!                  over HIGH: stalled ... down to LOW: drained
//! ```
//!
//! The lock is held for the move of a buffer, never across an await.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use tokio::sync::Notify;

/// A connection with more than this many bytes to write is stalled.
const HIGH: usize = 1024 * 1024;

/// A stalled connection with no more than this many bytes to write has drained.
const LOW: usize = HIGH / 4;

/// What a stalled connection is still sent are answers to its own packets. After this many bytes of
/// them nothing more is read from it.
const ANSWERS: usize = 64 * 1024;

/// A buffer that grew beyond this is given back once it is empty.
const KEEP: usize = 64 * 1024;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
    /// Told when there is something to write, or the end has come. One task waits.
    filled: Notify,
    /// Told when reading may go on. One task waits.
    resumed: Notify,
    /// Told when the owner closes. One task waits.
    closed: Notify,
}

#[derive(Debug, Default)]
struct State {
    staged: BytesMut,
    /// Bytes staged and being written.
    pending: usize,
    stalled: bool,
    /// Bytes put while stalled.
    answers: usize,
    closing: bool,
    broken: bool,
}

/// What is next for the connection's task.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The buffer is filled with what is to be written.
    Write,
    /// Everything was written, and the owner wants no more of this connection.
    Close,
}

impl Outbox {
    /// Moves all of `bytes` in; true where that makes the connection stall.
    pub(super) fn put(&self, bytes: &mut BytesMut) -> bool {
        let mut state = self.state();
        if state.broken {
            bytes.clear();
            return false;
        }
        state.pending += bytes.len();
        if state.stalled {
            state.answers += bytes.len();
        }
        if state.staged.is_empty() {
            std::mem::swap(&mut state.staged, bytes);
        } else {
            state.staged.extend_from_slice(bytes);
        }
        let stalls = !state.stalled && state.pending > HIGH;
        state.stalled |= stalls;
        drop(state);
        empty(bytes);
        self.filled.notify_one();
        stalls
    }

    /// The owner wants no more of this connection: what is in is written, then it ends.
    pub(super) fn close(&self) {
        self.state().closing = true;
        self.filled.notify_one();
        self.closed.notify_one();
    }

    /// Waits until the owner wants no more of this connection.
    pub(super) async fn closed(&self) {
        while !self.state().closing {
            self.closed.notified().await;
        }
    }

    /// Waits for something to write, and gives it in `buffer`, whatever that held before.
    pub(super) async fn next(&self, buffer: &mut BytesMut) -> Next {
        empty(buffer);
        loop {
            {
                let mut state = self.state();
                if !state.staged.is_empty() {
                    std::mem::swap(&mut state.staged, buffer);
                    return Next::Write;
                }
                if state.closing {
                    return Next::Close;
                }
            }
            self.filled.notified().await;
        }
    }

    /// So many bytes were written; true where a stalled connection has drained by that.
    pub(super) fn written(&self, count: usize) -> bool {
        let mut state = self.state();
        state.pending -= count;
        let drained = state.stalled && state.pending <= LOW;
        if drained {
            state.stalled = false;
            state.answers = 0;
            self.resumed.notify_one();
        }
        drained
    }

    /// Nothing can be written any more: what is in, and what comes, goes nowhere.
    pub(super) fn break_off(&self) {
        let mut state = self.state();
        *state = State { broken: true, closing: state.closing, ..State::default() };
        self.resumed.notify_one();
    }

    /// Waits until this connection may be read from.
    pub(super) async fn may_read(&self) {
        while self.state().answers > ANSWERS {
            self.resumed.notified().await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic under the lock is a defect that shows elsewhere; bytes are bytes.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn empty(buffer: &mut BytesMut) {
    if buffer.capacity() > KEEP {
        *buffer = BytesMut::new();
    } else {
        buffer.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(count: usize) -> BytesMut {
        BytesMut::from(&vec![b'x'; count][..])
    }

    #[tokio::test]
    async fn what_goes_in_comes_out_in_order() {
        let outbox = Outbox::default();
        let mut buffer = bytes(3);
        for part in ["ab", "cd"] {
            let mut part = BytesMut::from(part);
            assert!(!outbox.put(&mut part));
            assert!(part.is_empty());
        }
        outbox.close();
        assert_eq!(outbox.next(&mut buffer).await, Next::Write);
        assert_eq!(&buffer[..], b"abcd");
        assert!(!outbox.written(4));
        assert_eq!(outbox.next(&mut buffer).await, Next::Close);
    }

    #[tokio::test]
    async fn stalls_once_and_drains_once() {
        let outbox = Outbox::default();
        let mut buffer = BytesMut::new();
        assert!(!outbox.put(&mut bytes(HIGH)));
        assert!(outbox.put(&mut bytes(1)));
        assert!(!outbox.put(&mut bytes(1)));
        assert_eq!(outbox.next(&mut buffer).await, Next::Write);
        assert_eq!(buffer.len(), HIGH + 2);
        assert!(!outbox.written(HIGH - LOW + 1));
        assert!(outbox.written(1));
        assert!(!outbox.written(LOW));
    }

    #[tokio::test]
    async fn answers_of_a_stalled_connection_stop_its_reading() {
        let outbox = Outbox::default();
        let waits = async || {
            tokio::time::timeout(std::time::Duration::ZERO, outbox.may_read()).await.is_err()
        };
        assert!(outbox.put(&mut bytes(10 * HIGH)));
        assert!(!waits().await, "one large message is no reason");
        assert!(!outbox.put(&mut bytes(ANSWERS + 1)));
        assert!(waits().await);
        assert!(outbox.written(10 * HIGH));
        assert!(!waits().await);
        assert!(outbox.put(&mut bytes(HIGH)));
        assert!(!outbox.put(&mut bytes(ANSWERS + 1)));
        assert!(waits().await);
        outbox.break_off();
        assert!(!waits().await, "a broken connection is read to its end");
        assert!(!outbox.put(&mut bytes(10 * HIGH)), "and what is sent to it goes nowhere");
    }
}
