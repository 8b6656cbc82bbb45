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
    /// The wills of its clients, also of earlier connections.
    pub wills: Vec<Will>,
}

/// A will that a broker was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Will {
    /// Its topic.
    pub topic: Topic,
    /// What it says.
    pub payload: Bytes,
    /// The connection that it came by.
    pub wire: u64,
    /// The entry of the goodbye that takes it back. [MQTT-3.14.4-3]
    pub goodbye: Option<u64>,
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
