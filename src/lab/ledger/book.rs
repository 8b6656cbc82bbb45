//! What is known of one broker.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::message::MessageKey;
use super::session::{Expected, Session};
use crate::mqtt::{ClientId, Topic};

/// A broker's sessions and retained messages.
#[derive(Debug, Clone, Default)]
pub struct Book {
    /// Its sessions, bridges' own ones included.
    pub sessions: BTreeMap<ClientId, Session>,
    /// What it should retain, as far as it was seen.
    pub retained: BTreeMap<Topic, Retained>,
}

/// What should be retained for a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retained {
    /// The last payload; empty where it was deleted.
    pub payload: Bytes,
    /// The message that set it.
    pub by: MessageKey,
    /// Whether it was ever set here by somebody else than each bridge: a bridge's session by its
    /// name, and whether a message came by another way than by that.
    pub written: BTreeMap<ClientId, u64>,
}

impl Book {
    /// The broker says that it hands a PUBLISH to a client's connection.
    pub fn expect_sent(&mut self, client: &ClientId, expected: Expected) {
        let session = self.sessions.entry(client.clone()).or_default();
        session.expected.push_back(expected);
    }

    /// The client has a new connection: what was handed to the last one may never have left.
    pub fn expect_nothing(&mut self, client: &ClientId) {
        if let Some(session) = self.sessions.get_mut(client) {
            session.expected.clear();
        }
    }
}
