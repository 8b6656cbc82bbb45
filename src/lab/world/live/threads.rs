//! The threads of a live world's boards: each runs one board's broker and cables.
//!
//! A packet on its way through cable and broker then wakes no other thread, which counts for more
//! than what a second one could do meanwhile; and a board does not wait for another.

use std::io;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// The threads, in the order of the boards. Dropping them ends them, and whatever runs there still.
pub struct Threads(Vec<Thread>);

struct Thread {
    handle: Handle,
    end: Option<oneshot::Sender<()>>,
    joined: Option<JoinHandle<()>>,
}

impl Threads {
    /// A thread for each of so many boards.
    ///
    /// # Errors
    /// When the system has none.
    pub fn start(count: usize) -> io::Result<Self> {
        (0..count).map(|_| Thread::start()).collect::<io::Result<_>>().map(Self)
    }

    /// Where to start what belongs to the board at that place.
    pub fn of(&self, board: usize) -> Handle {
        self.0[board].handle.clone()
    }
}

impl Thread {
    fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel();
        // The end comes in the one way or the other.
        let work = move || drop(runtime.block_on(ended));
        let thread = thread::Builder::new().name("board".to_owned()).spawn(work)?;
        Ok(Self { handle, end: Some(end), joined: Some(thread) })
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.joined.take()
            && thread.join().is_err()
        {
            // Its tasks' panics are passed on where they are waited for.
            tracing::error!("a board's thread panicked");
        }
    }
}
