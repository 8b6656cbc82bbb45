//! MQTT's own nouns: topics, filters, `QoS`, messages, packets and their bytes.
//!
//! Everything here is a value or a function of values. Nothing here knows of brokers, sessions,
//! sockets or clocks.

pub mod codec;
pub mod filter;
pub mod identity;
pub mod kind;
pub mod message;
pub mod packet;
pub mod properties;
pub mod qos;
pub mod reason;
pub mod rule;
mod text;
pub mod topic;
pub mod topic_set;

pub use filter::Filter;
pub use identity::ClientId;
pub use kind::PacketKind;
pub use message::Message;
pub use packet::{Packet, PacketId};
pub use properties::{Properties, Property};
pub use qos::QoS;
pub use reason::Reason;
pub use rule::{Direction, Rule};
pub use topic::Topic;
pub use topic_set::TopicSet;
