//! What a broker's shell asks of a store, and what the store tells back. Which store it is, and how
//! it commits, is not known here.

use std::io;

use tokio::sync::mpsc::UnboundedSender;

use super::inbox::Note;
use crate::broker::Commit;

/// A broker's store, on a thread of its own.
pub trait Durable: Send {
    /// Takes a commit without waiting for it; what comes of it goes to [`Reports`]. The next commit
    /// is given only after this one was reported as done.
    fn submit(&mut self, commit: Commit);

    /// Commits everything that was submitted and closes; blocks until that is done.
    ///
    /// # Errors
    /// In a sentence for people, when something that was submitted could not be made durable.
    fn stop(self: Box<Self>) -> Result<(), String>;

    /// Ends as by a pulled plug: nothing more is written. Blocks, but not for long.
    fn abandon(self: Box<Self>);
}

/// Starts the broker's store, given the way back to the broker.
pub type OpenDurable = Box<dyn FnOnce(Reports) -> io::Result<Box<dyn Durable>> + Send>;

/// The way from a store's thread back to its broker. A broker that is gone hears nothing, which is
/// no error.
#[derive(Debug, Clone)]
pub struct Reports(pub(super) UnboundedSender<Note>);

impl Reports {
    /// All commits up to and with this one are durable.
    pub fn committed(&self, number: u64) {
        self.tell(Note::Committed { number });
    }

    /// The oldest commit fails, and the store goes on trying.
    pub fn failing(&self, reason: String) {
        self.tell(Note::StoreFails { reason });
    }

    fn tell(&self, note: Note) {
        if self.0.send(note).is_err() {
            tracing::debug!("a store reported to a broker that is gone");
        }
    }
}
