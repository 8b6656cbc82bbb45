//! The numbers that stand for clients in a store's tables, kept in memory so that no record has to
//! look them up. Knows nothing of SQLite.

use std::collections::{BTreeMap, HashMap};

use crate::mqtt::ClientId;

/// Every session's number, in step with the `session` table: what a transaction changes is undone
/// when it is rolled back.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    ids: HashMap<ClientId, i64>,
    /// The highest number ever given; one that was rolled back is not given again.
    last: i64,
    /// What was there before each change of the transaction that runs.
    before: Vec<(ClientId, Option<i64>)>,
}

impl Sessions {
    /// Takes over a session that is in the table.
    pub(super) fn insert_stored(&mut self, client: ClientId, id: i64) {
        self.last = self.last.max(id);
        self.ids.insert(client, id);
    }

    /// The clients by their sessions' numbers.
    pub(super) fn by_id(&self) -> BTreeMap<i64, ClientId> {
        self.ids.iter().map(|(client, id)| (*id, client.clone())).collect()
    }

    /// The number of a client's session.
    pub(super) fn get(&self, client: &ClientId) -> Option<i64> {
        self.ids.get(client).copied()
    }

    /// Gives a number to a new session.
    pub(super) fn open(&mut self, client: &ClientId) -> i64 {
        self.last += 1;
        let before = self.ids.insert(client.clone(), self.last);
        self.before.push((client.clone(), before));
        self.last
    }

    /// Forgets a session, and says what its number was.
    pub(super) fn drop(&mut self, client: &ClientId) -> Option<i64> {
        let id = self.ids.remove(client)?;
        self.before.push((client.clone(), Some(id)));
        Some(id)
    }

    /// The transaction was committed.
    pub(super) fn keep(&mut self) {
        self.before.clear();
    }

    /// The transaction was rolled back.
    pub(super) fn undo(&mut self) {
        while let Some((client, before)) = self.before.pop() {
            match before {
                Some(id) => self.ids.insert(client, id),
                None => self.ids.remove(&client),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rollback_gives_back_what_was_there() {
        let [kept, dropped, fresh] = ["kept", "dropped", "fresh"].map(ClientId::new);
        let mut sessions = Sessions::default();
        sessions.insert_stored(kept.clone(), 3);
        sessions.insert_stored(dropped.clone(), 7);
        assert_eq!(sessions.drop(&dropped), Some(7));
        assert_eq!(sessions.open(&dropped), 8);
        assert_eq!(sessions.drop(&dropped), Some(8));
        assert_eq!(sessions.open(&fresh), 9);
        sessions.undo();
        let all = [&kept, &dropped, &fresh].map(|client| sessions.get(client));
        assert_eq!(all, [Some(3), Some(7), None]);
        let id = sessions.open(&fresh);
        sessions.keep();
        sessions.undo();
        assert_eq!(sessions.get(&fresh), Some(id), "what was kept is not undone");
    }
}
