//! Where the changes of one session are noted.

use super::durable::Record;
use super::journal::Journal;
use crate::mqtt::ClientId;

/// Where the changes of one session are noted: nowhere, for a session that ends with its connection.
#[derive(Debug)]
pub struct Log<'a> {
    /// The broker's journal.
    pub journal: &'a mut Journal,
    /// Whose session it is.
    pub client: &'a ClientId,
    /// Whether the session is kept.
    pub persistent: bool,
}

impl Log<'_> {
    /// Notes a change of this session.
    pub fn record(&mut self, record: impl FnOnce(ClientId) -> Record) {
        if self.persistent {
            self.journal.record(record(self.client.clone()));
        }
    }
}
