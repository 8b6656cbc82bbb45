//! An application message, as a broker keeps and forwards it.

use std::time::Duration;

use bytes::Bytes;

use super::{Properties, QoS, Topic};

/// What somebody published: never changed, shared by everybody who is to receive it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where it was published to.
    pub topic: Topic,
    /// The application's bytes, which no broker reads.
    pub payload: Bytes,
    /// The `QoS` it was published with; a subscription may lower it for its own copy.
    pub qos: QoS,
    /// The retain flag it was published with.
    pub retain: bool,
    /// The MQTT 5 properties that travel with a message, in the order they came in. None for a
    /// message that came by MQTT 3.1.1.
    pub properties: Properties,
    /// When it is of no use any more, in the time of the broker that keeps it.
    /// [MQTT 5.0, section 3.3.2.3.3]
    pub expires_at: Option<Duration>,
}

impl Message {
    /// A message without properties.
    #[must_use]
    pub fn new(topic: Topic, payload: impl Into<Bytes>, qos: QoS, retain: bool) -> Self {
        let (payload, properties) = (payload.into(), Properties::NONE);
        Self { topic, payload, qos, retain, properties, expires_at: None }
    }

    /// Topic, payload and properties, in bytes: what the limits on queued and in-flight bytes count.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.topic.as_str().len() + self.payload.len() + self.properties.as_bytes().len()
    }
}
