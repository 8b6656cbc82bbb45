//! One message on its way to one session, and the packets that carry it.

use std::time::Duration;

use super::durable::{MessageId, Stage};
use super::event::Cause;
use super::journal::Numbered;
use crate::defect::{self, Defect};
use crate::mqtt::packet::Publish;
use crate::mqtt::{Packet, PacketId, Properties, Property, QoS};

/// How a message is to be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// With which `QoS`.
    pub qos: QoS,
    /// With which retain flag.
    pub retain: bool,
    /// The identifiers of the subscriptions it is delivered for.
    pub subscription_ids: Vec<u32>,
    /// Whether a full queue may refuse it: not what answers a SUBSCRIBE, for that is bounded by
    /// what the broker retains.
    pub limited: bool,
    /// Why it is delivered.
    pub cause: Cause,
}

impl Terms {
    /// Those of a retained message that is sent because somebody connected or subscribed.
    pub fn retained(qos: QoS, cause: Cause) -> Self {
        let retain = !defect::on(Defect::LosesRetainFlag);
        Self { qos, retain, subscription_ids: Vec::new(), limited: false, cause }
    }
}

/// What the trace says of a PUBLISH beside what stands in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag {
    /// The message it carries; none where that is none of this broker's.
    pub message: Option<MessageId>,
    /// Why it is sent.
    pub cause: Cause,
}

/// One message on its way.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its place in the session's order.
    pub number: u64,
    /// The message.
    pub numbered: Numbered,
    /// See [`Terms`].
    pub qos: QoS,
    /// See [`Terms`].
    pub retain: bool,
    /// See [`Terms`].
    pub subscription_ids: Vec<u32>,
    /// See [`Terms`]. No store keeps it: after a restart it is forgotten.
    pub cause: Cause,
    /// How far it has come.
    pub stage: Stage,
}

impl Item {
    /// What the trace says of its packets.
    pub fn tag(&self) -> Tag {
        Tag { message: Some(self.numbered.id), cause: self.cause }
    }

    /// The packet id it is in flight under.
    pub fn packet_id(&self) -> Option<PacketId> {
        match self.stage {
            Stage::Queued => None,
            Stage::Published(id) | Stage::Released(id) => Some(id),
        }
    }

    /// What is to be sent of it: PUBREL once PUBREC has come.
    pub fn packet(&self, again: bool, now: Duration) -> Packet {
        match self.stage {
            Stage::Released(id) if !(again && defect::on(Defect::ResendsAfterRelease)) => {
                Packet::PubRel(id.into())
            }
            Stage::Queued | Stage::Published(_) | Stage::Released(_) => {
                let packet_id = self.packet_id();
                let (qos, retain) = (self.qos, self.retain);
                let mut publish = copy(&self.numbered, qos, retain, &self.subscription_ids, now);
                let dup = again && !defect::on(Defect::ResendsWithoutDup);
                let dup = dup || defect::on(Defect::MarksFirstAsRepeat) && qos > QoS::AtMostOnce;
                (publish.dup, publish.packet_id) = (dup, packet_id);
                Packet::Publish(publish)
            }
        }
    }
}

/// A message as one subscriber gets it: with the time it is still of use, and for which
/// subscriptions. [MQTT-3.3.2-6, MQTT-3.3.4-3]
pub fn copy(
    numbered: &Numbered,
    qos: QoS,
    retain: bool,
    subscription_ids: &[u32],
    now: Duration,
) -> Publish {
    let message = &numbered.message;
    Publish {
        dup: false,
        qos,
        retain,
        topic: message.topic.clone(),
        packet_id: None,
        properties: properties(numbered, subscription_ids, now),
        payload: message.payload.clone(),
    }
}

/// The properties of such a copy.
pub fn properties(numbered: &Numbered, subscription_ids: &[u32], now: Duration) -> Properties {
    let message = &numbered.message;
    if message.expires_at.is_none() && subscription_ids.is_empty() {
        return message.properties.clone();
    }
    let expiry = message.expires_at.map(|at| {
        // Rounded up: what is left of the last second counts.
        let left = at.saturating_sub(now).as_nanos().div_ceil(1_000_000_000);
        Property::MessageExpiryInterval(u32::try_from(left).unwrap_or(u32::MAX))
    });
    let ids = subscription_ids.iter().map(|id| Property::SubscriptionIdentifier(*id));
    let more: Vec<_> = expiry.into_iter().chain(ids).collect();
    message.properties.with(&more)
}
