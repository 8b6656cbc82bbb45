//! What a broker tells of itself: its part of the trace.

use crate::mqtt::{ClientId, Filter, QoS, Topic};

/// Something a broker decided or noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A client connected.
    Connected { client: ClientId, session_present: bool, clean_session: bool },
    /// A connection was not accepted.
    Refused { client: Option<ClientId>, reason: String },
    /// A client is gone, with or without a goodbye.
    Disconnected { client: ClientId, reason: String },
    /// A message entered this broker.
    Published { client: Option<ClientId>, topic: Topic, qos: QoS, retain: bool, size_bytes: usize },
    /// A session was refused a message: it was never promised to it.
    Dropped { client: ClientId, topic: Topic, qos: QoS, reason: DropReason },
    /// A bridge dials.
    BridgeDials { bridge: String, address: String },
    /// A bridge is connected.
    BridgeUp { bridge: String, session_present: bool },
    /// A bridge lost its connection, or could not get one.
    BridgeDown { bridge: String, reason: String },
    /// The far side of a bridge forgot a session it had promised to keep.
    RemoteForgot { bridge: String, in_flight: usize },
    /// The far broker did not grant a subscription that a bridge's rule needs.
    SubscriptionRefused { bridge: String, filter: Filter },
    /// Commits fail, for this reason; nothing that needs one is promised until they work again.
    StoreFails { reason: String },
    /// Commits work again.
    StoreWorks,
}

/// Why a message was not taken into a session's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DropReason {
    /// `max_queued_messages` or `max_queued_bytes`.
    QueueFull,
    /// The client does not read, and the message was sent with QoS 0.
    SlowReader,
    /// The packet would be larger than `max_packet_size`.
    TooLarge,
}
