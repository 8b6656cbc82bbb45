//! All sessions of a broker, by number and by client id.

use std::collections::HashMap;
use std::ops::{Index, IndexMut};

use super::session::Session;
use crate::mqtt::ClientId;

/// A session's place while it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey(usize);

/// The sessions.
#[derive(Debug, Clone, Default)]
pub struct Sessions {
    slots: Vec<Option<Session>>,
    free: Vec<usize>,
    by_client: HashMap<ClientId, SessionKey>,
}

impl Sessions {
    /// Adds a session; its client has none yet.
    pub fn add(&mut self, session: Session) -> SessionKey {
        let at = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        let before = self.by_client.insert(session.client.clone(), SessionKey(at));
        debug_assert!(before.is_none(), "a client has one session");
        self.slots[at] = Some(session);
        SessionKey(at)
    }

    /// Takes a session out.
    ///
    /// # Panics
    /// When it is not there, which is a bug here.
    pub fn remove(&mut self, key: SessionKey) -> Session {
        let session = self.slots[key.0].take().expect("a session that is there");
        self.by_client.remove(&session.client);
        self.free.push(key.0);
        session
    }

    /// A client's session.
    pub fn find(&self, client: &ClientId) -> Option<SessionKey> {
        self.by_client.get(client).copied()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_client.len()
    }

    /// All sessions, in the order of their places.
    pub fn iter(&self) -> impl Iterator<Item = &Session> {
        self.slots.iter().flatten()
    }
}

impl Index<SessionKey> for Sessions {
    type Output = Session;

    fn index(&self, key: SessionKey) -> &Session {
        self.slots[key.0].as_ref().expect("a session that is there")
    }
}

impl IndexMut<SessionKey> for Sessions {
    fn index_mut(&mut self, key: SessionKey) -> &mut Session {
        self.slots[key.0].as_mut().expect("a session that is there")
    }
}
