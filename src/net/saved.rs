//! The store in SQLite as a broker's shell wants it. How it commits is the store's business, what
//! it commits the core's.

use super::durable::{Durable, OpenDurable};
use crate::broker::Commit;
use crate::store::{Done, Store, Writer};

/// Keeps a broker in `store`, by a thread that bears the broker's name.
#[must_use]
pub fn saved_in(store: Store, name: &str) -> OpenDurable {
    let name = name.to_owned();
    Box::new(move |reports| {
        let tell = move |done| match done {
            Done::Committed { number } => reports.committed(number),
            Done::Failing { number: _, reason } => reports.failing(reason),
        };
        Ok(Box::new(Writer::spawn(&name, store, tell)?))
    })
}

impl Durable for Writer {
    fn submit(&mut self, commit: Commit) {
        Self::submit(self, commit);
    }

    fn stop(self: Box<Self>) -> Result<(), String> {
        Self::stop(*self).map_err(|unsaved| unsaved.to_string())
    }

    fn abandon(self: Box<Self>) {
        Self::abandon(*self);
    }
}
