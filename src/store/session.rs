//! The numbers that stand for clients in a store's tables, kept in memory so that no record has to
//! look them up. Knows nothing of SQLite.

use std::collections::HashMap;

use crate::mqtt::ClientId;

/// Every session's number, those included that are only in the log.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    ids: HashMap<ClientId, i64>,
    /// The highest number given; none is given twice.
    last: i64,
}

impl Sessions {
    /// Takes over a session that is in the table.
    pub(super) fn insert_stored(&mut self, client: ClientId, id: i64) {
        self.last = self.last.max(id);
        self.ids.insert(client, id);
    }

    /// The number of a client's session.
    pub(super) fn get(&self, client: &ClientId) -> Option<i64> {
        self.ids.get(client).copied()
    }

    /// Gives a number to a new session; none when the client has one.
    pub(super) fn open(&mut self, client: &ClientId) -> Option<i64> {
        if self.ids.contains_key(client) {
            return None;
        }
        self.last += 1;
        self.ids.insert(client.clone(), self.last);
        Some(self.last)
    }

    /// Forgets a session, and says what its number was.
    pub(super) fn drop(&mut self, client: &ClientId) -> Option<i64> {
        self.ids.remove(client)
    }
}
