//! What a broker says of itself when asked: for snapshots, never for decisions.

use std::time::Duration;

use crate::mqtt::ClientId;

/// A broker at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// Retained messages, those under `$SYS` left out.
    pub retained: usize,
    /// Messages refused because a queue was full, since the start.
    pub refused: u64,
    /// Why commits fail, while they do.
    pub store_trouble: Option<String>,
    /// Clients' sessions in order of their ids, bridges' own left out.
    pub sessions: Vec<SessionStatus>,
    /// Bridges, in the order of the settings.
    pub bridges: Vec<BridgeStatus>,
}

/// A session at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionStatus {
    /// Whose.
    pub client: ClientId,
    /// Whether it has a connection.
    pub connected: bool,
    /// Whether it outlives its connections.
    pub persistent: bool,
    /// Messages queued or in flight to it.
    pub queued: usize,
}

/// A bridge at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeStatus {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub state: LinkState,
    /// Messages queued or in flight to the far broker.
    pub queued: usize,
    /// Messages taken out to the far broker since the start.
    pub sent: u64,
    /// Messages brought in from the far broker since the start.
    pub received: u64,
}

/// Where a bridge's link stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkState {
    /// Nobody wants it to be connected.
    Stopped,
    /// Dialling, or waiting for CONNACK.
    Connecting,
    /// Connected.
    Connected { since: Duration },
    /// It dials again at `until`.
    Waiting { until: Duration, reason: String },
}
