//! What a broker tells of itself: its part of the trace.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::durable::MessageId;
use super::io::ConnId;
use crate::mqtt::{ClientId, Filter, PacketId, QoS, Topic};

/// Something a broker decided or noticed. The events marked with "trace" are told only where
/// [`Settings::trace`](super::Settings::trace) says so: there are several for each message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A client connected.
    Connected { client: ClientId, conn: ConnId, session_present: bool, clean_session: bool },
    /// A connection was not accepted.
    Refused { client: Option<ClientId>, reason: String },
    /// A client is gone, with or without a goodbye.
    Disconnected { client: ClientId, reason: String },
    /// A session outlived its connection for as long as it was to.
    SessionExpired { client: ClientId },
    /// Trace: a message entered this broker, under the topic it has here. What the broker counts of
    /// itself under `$SYS` does not: of that, only what subscribers have of it is told.
    Published {
        /// Its number in this broker.
        message: MessageId,
        /// The packet it came in; none for a will and for what the broker says itself.
        packet: Option<Box<Origin>>,
        /// Whose session it came by; none for what the broker says itself.
        client: Option<ClientId>,
        topic: Topic,
        qos: QoS,
        retain: bool,
        size_bytes: usize,
    },
    /// Trace: a bridge takes a message out by this rule, under the topic it has on the far side.
    /// Where that is another one it is a message of its own from here on: `becomes` differs.
    TakenOut {
        message: MessageId,
        becomes: MessageId,
        client: ClientId,
        rule: String,
        topic: Topic,
    },
    /// Trace: a message waits for a session.
    Queued { message: MessageId, client: ClientId, qos: QoS, cause: Cause, behind: Behind },
    /// Trace: a PUBLISH goes out on a connection; it is the next output. What still waits for a
    /// commit there is not sent, and where the connection ends before that it never is.
    Sent {
        /// None for what a bridge says of itself to its far broker, which is no message of this one.
        message: Option<MessageId>,
        client: ClientId,
        conn: ConnId,
        packet_id: Option<PacketId>,
        topic: Topic,
        qos: QoS,
        retain: bool,
        dup: bool,
        cause: Cause,
    },
    /// Trace: the other side has it: PUBACK or PUBCOMP came, or PUBREC had come from a far broker
    /// that then forgot the session.
    Delivered { message: MessageId, client: ClientId },
    /// A session was refused a message: it was never promised to it; or a message is no longer of use
    /// to it. Without a number where the message did not even enter.
    Dropped {
        message: Option<MessageId>,
        client: ClientId,
        topic: Topic,
        qos: QoS,
        reason: DropReason,
    },
    /// A client's session is subscribed to this filter from now on, or with this QoS.
    Subscribed { client: ClientId, filter: Filter, qos: QoS },
    /// It is not any more, because the client said so.
    Unsubscribed { client: ClientId, filter: Filter },
    /// Trace: everything up to this commit is durable: so many records more than before.
    Committed { number: u64, records: usize },
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

/// The packet that a message came in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// On which connection.
    pub conn: ConnId,
    /// Its packet id; none for QoS 0.
    pub packet_id: Option<PacketId>,
    /// The rule that let it in, where it came by a bridge.
    pub rule: Option<String>,
}

/// Why a message goes to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// It was published, and the session has a subscription.
    Live,
    /// It was retained when the session subscribed.
    Subscribed,
    /// It was retained when a bridge connected, or when a bridge had missed it.
    BridgeConnected,
}

/// What a message waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Behind {
    /// The session has no connection.
    Offline,
    /// Too much is in flight, or waits already.
    Window,
    /// The other side does not read as fast as it is written to.
    SlowReader,
}

/// Why a message was not taken into a session's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DropReason {
    /// `max_queued_messages` or `max_queued_bytes`.
    QueueFull,
    /// The client does not read, and the message was sent with QoS 0.
    SlowReader,
    /// The packet would be larger than `max_packet_size`.
    TooLarge,
    /// A client published under `$SYS`, where the broker alone speaks.
    BrokersOwn,
    /// Its Message Expiry Interval passed while it waited.
    Expired,
    /// The other side answered that it does not take it.
    Refused,
    /// The store does not take anything.
    Store,
    /// `memory_limit`.
    Memory,
}

/// As a sentence about the broker: "card1_monitor connected and takes up its session again".
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected { client, session_present, clean_session, .. } => {
                let session = match (clean_session, session_present) {
                    (true, _) => "with a clean session",
                    (false, true) => "and takes up its session again",
                    (false, false) => "and begins a session that is kept",
                };
                write!(f, "{client} connected {session}")
            }
            Self::Refused { client: Some(client), reason } => {
                write!(f, "refused {client}: {reason}")
            }
            Self::Refused { client: None, reason } => write!(f, "refused a connection: {reason}"),
            Self::Disconnected { client, reason } => write!(f, "{client} is gone: {reason}"),
            Self::SessionExpired { client } => write!(f, "the session of {client} has expired"),
            Self::Subscribed { client, filter, qos } => {
                write!(f, "{client} is subscribed to {filter} ({qos})")
            }
            Self::Unsubscribed { client, filter } => {
                write!(f, "{client} is not subscribed to {filter} any more")
            }
            Self::Committed { number, records } => {
                write!(f, "commit {number} is durable ({records} records)")
            }
            Self::BridgeDials { bridge, address } => write!(f, "{bridge} dials {address}"),
            Self::BridgeUp { bridge, session_present } => {
                let session = if *session_present {
                    "the far broker had kept its session"
                } else {
                    "the far broker began a new session"
                };
                write!(f, "{bridge} is connected; {session}")
            }
            Self::BridgeDown { bridge, reason } => write!(f, "{bridge} is not connected: {reason}"),
            Self::RemoteForgot { bridge, in_flight } => {
                write!(f, "the far broker of {bridge} forgot its session; ")?;
                match in_flight {
                    0 => f.write_str("nothing was under way"),
                    1 => f.write_str("1 message goes again"),
                    n => write!(f, "{n} messages go again"),
                }
            }
            Self::SubscriptionRefused { bridge, filter } => {
                write!(f, "the far broker of {bridge} refused a subscription to {filter}")
            }
            Self::StoreFails { reason } => {
                write!(f, "cannot commit, so it promises nothing for now: {reason}")
            }
            Self::StoreWorks => f.write_str("commits work again"),
            Self::Published { .. }
            | Self::Dropped { .. }
            | Self::TakenOut { .. }
            | Self::Queued { .. }
            | Self::Sent { .. }
            | Self::Delivered { .. } => self.say_of_message(f),
        }
    }
}

impl Event {
    /// The sentence of an event that is one message's, and nothing for the others.
    fn say_of_message(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Published { client, topic, qos, retain, size_bytes, packet, .. } => {
                let who = client.as_ref().map_or("the broker", ClientId::as_str);
                let retained = if *retain { ", retained" } else { "" };
                let bytes = if *size_bytes == 1 { "byte" } else { "bytes" };
                write!(f, "{who} published {topic} ({qos}{retained}, {size_bytes} {bytes})")?;
                match packet.as_ref().and_then(|it| it.rule.as_ref()) {
                    Some(rule) => write!(f, ", let in by {rule}"),
                    None => Ok(()),
                }
            }
            Self::Dropped { client, topic, qos, reason, .. } => {
                write!(f, "{topic} ({qos}) was not queued for {client}: {reason}")
            }
            Self::TakenOut { client, rule, topic, .. } => {
                write!(f, "goes out by {client} as {topic} ({rule})")
            }
            Self::Queued { client, behind, .. } => write!(f, "waits for {client}: {behind}"),
            Self::Sent { client, topic, qos, cause, .. } => {
                write!(f, "sent {topic} ({qos}) to {client}{cause}")
            }
            Self::Delivered { client, .. } => write!(f, "{client} has acknowledged it"),
            _ => Ok(()),
        }
    }
}

/// What follows "sent to somebody": nothing where it is what everybody expects.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Live => "",
            Self::Subscribed => ", retained, because it subscribed",
            Self::BridgeConnected => ", retained, because the bridge connected",
        })
    }
}

impl fmt::Display for Behind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Offline => "it is not connected",
            Self::Window => "too much is in flight",
            Self::SlowReader => "it does not read",
        })
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::QueueFull => "its queue is full",
            Self::SlowReader => "it does not read",
            Self::TooLarge => "it is too large for max_packet_size",
            Self::BrokersOwn => "only the broker publishes there",
            Self::Expired => "it has expired",
            Self::Refused => "the other side refused it",
            Self::Store => "the store does not take anything",
            Self::Memory => "memory_limit is reached",
        })
    }
}
