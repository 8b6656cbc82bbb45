//! Messages that come in, from clients and from the far brokers of bridges, and where they go.
//! [MQTT 3.1.1, sections 3.3 to 3.7, 4.3]

use std::sync::Arc;

use bytes::Bytes;

use super::Broker;
use super::durable::MessageId;
use super::event::{DropReason, Event};
use super::io::ConnId;
use super::journal::Numbered;
use super::outgoing::Answer;
use super::retained::Kept;
use super::sessions::SessionKey;
use super::subscribe::Subscriber;
use crate::mqtt::packet::Publish;
use crate::mqtt::{ClientId, Message, Packet, QoS, Topic};

/// Payloads up to this size are copied out of the buffer they were read into before they are kept,
/// lest a small message hold on to a large buffer.
const COPY_UP_TO_BYTES: usize = 16 * 1024;

/// Who published a message.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The session it came in by.
    pub session: SessionKey,
    /// That session's client.
    pub client: ClientId,
}

impl Broker {
    pub(super) fn client_packet(&mut self, conn: ConnId, key: SessionKey, packet: Packet) {
        match packet {
            Packet::Publish(publish) => self.client_publish(conn, key, &publish),
            Packet::Subscribe(id, filters) => self.subscribe(conn, key, id, &filters),
            Packet::Unsubscribe(id, filters) => self.unsubscribe(conn, key, id, &filters),
            Packet::PingReq => self.send(conn, Packet::PingResp, false),
            Packet::Disconnect => self.disconnect(conn),
            Packet::PubAck(_) | Packet::PubRec(_) | Packet::PubComp(_) | Packet::PubRel(_) => {
                self.handshake(conn, key, &packet);
            }
            Packet::Connect(_) => self.hang_up(conn, "a second CONNECT"), // [MQTT-3.1.0-2]
            Packet::ConnAck(_) | Packet::SubAck(..) | Packet::UnsubAck(_) | Packet::PingResp => {
                self.hang_up(conn, "a packet that only a broker sends");
            }
        }
    }

    fn client_publish(&mut self, conn: ConnId, key: SessionKey, publish: &Publish) {
        let limits = &self.settings.limits;
        if publish.qos > limits.max_qos {
            return self.hang_up(conn, "the QoS is above max_qos");
        }
        if publish.retain && !limits.retain_available {
            return self.hang_up(conn, "retained messages are not available");
        }
        let client = self.sessions[key].client.clone();
        let limit = limits.message_size_limit;
        let refused = if limit > 0 && publish.payload.len() > limit {
            Some(DropReason::TooLarge)
        } else {
            is_brokers_own(&publish.topic).then_some(DropReason::BrokersOwn)
        };
        if let Some(reason) = refused {
            let (topic, qos) = (publish.topic.clone(), publish.qos);
            self.tell(Event::Dropped { client, topic, qos, reason });
            return self.take_over(conn, key, publish, |_| {});
        }
        let message = message(publish, publish.topic.clone(), publish.qos);
        let origin = Origin { session: key, client };
        self.take_over(conn, key, publish, |broker| {
            broker.publish_message(message, Some(&origin));
        });
    }

    /// Takes over the responsibility for a message: `accept` passes it on, and the acknowledgement
    /// says so once that is durable. [MQTT-4.3.2-2, MQTT-4.3.3-2]
    pub(super) fn take_over(
        &mut self,
        conn: ConnId,
        key: SessionKey,
        publish: &Publish,
        accept: impl FnOnce(&mut Self),
    ) {
        if (publish.qos > QoS::AtMostOnce || publish.retain) && self.journal.trouble().is_some() {
            return self.hang_up(conn, "the store does not take anything");
        }
        match (publish.qos, publish.packet_id) {
            (QoS::AtLeastOnce, Some(id)) => {
                accept(self);
                self.send(conn, Packet::PubAck(id), true);
            }
            (QoS::ExactlyOnce, Some(id)) => {
                if self.sessions[key].receive(id, publish, &mut self.journal) {
                    accept(self);
                }
                self.send(conn, Packet::PubRec(id), true);
            }
            _ => accept(self),
        }
    }

    /// The other packets of QoS 1 and 2, which mean the same from a client and from a far broker.
    pub(super) fn handshake(&mut self, conn: ConnId, key: SessionKey, packet: &Packet) {
        let (outgoing, mut log) = self.sessions[key].sending(&mut self.journal);
        let answer = match packet {
            Packet::PubAck(id) => outgoing.acknowledged(*id, &mut log),
            Packet::PubRec(id) => outgoing.received(*id, &mut log),
            Packet::PubComp(id) => outgoing.completed(*id, &mut log),
            Packet::PubRel(id) => {
                self.sessions[key].release(*id, &mut self.journal);
                // Also for an id that is not known: the other side waits for it. [MQTT-4.3.3-2]
                return self.send(conn, Packet::PubComp(*id), true);
            }
            _ => return,
        };
        match (answer, packet) {
            // [MQTT 3.1.1, sections 4.3.2 and 4.3.3]
            (Answer::Misfit, _) => {
                self.hang_up(conn, "an acknowledgement of another QoS than was sent");
            }
            (_, Packet::PubRec(id)) => self.send(conn, Packet::PubRel(*id), true),
            (Answer::Fits, _) => {
                self.count_sent(key);
                self.pump(key);
            }
            (Answer::Unknown, _) => {}
        }
    }

    /// Publishes a message: keeps it where it is retained, and gives it to all who subscribed.
    pub(super) fn publish_message(&mut self, message: Message, origin: Option<&Origin>) {
        if self.settings.trace {
            let client = origin.map(|it| it.client.clone());
            let (topic, qos, retain) = (message.topic.clone(), message.qos, message.retain);
            let size_bytes = message.payload.len();
            self.tell(Event::Published { client, topic, qos, retain, size_bytes });
        }
        let id = MessageId(self.next_message);
        self.next_message += 1;
        let numbered = Numbered { id, message: Arc::new(message) };
        if numbered.message.retain && self.settings.limits.retain_available {
            self.retain(&numbered, origin);
        }
        for subscriber in self.subscribers_of(&numbered.message.topic) {
            let own = origin.is_some_and(|it| it.session == subscriber.session);
            if own && subscriber.options.no_local {
                continue;
            }
            let retain = numbered.message.retain && subscriber.options.retain_as_published;
            let qos = match self.sessions[subscriber.session].bridge {
                // A bridge's rule caps, it never promotes.
                Some(_) => numbered.message.qos.min(subscriber.options.qos),
                None => self.delivery_qos(numbered.message.qos, subscriber.options.qos),
            };
            self.deliver_as(subscriber, &numbered, qos, retain, true);
        }
    }

    /// [MQTT-3.8.4-6]; `upgrade_outgoing_qos` is mosquitto's.
    pub(super) fn delivery_qos(&self, published: QoS, subscribed: QoS) -> QoS {
        if self.settings.limits.upgrade_outgoing_qos {
            subscribed
        } else {
            published.min(subscribed)
        }
    }

    /// [MQTT-3.3.1-5, -10, -11]
    fn retain(&mut self, numbered: &Numbered, origin: Option<&Origin>) {
        let message = &numbered.message;
        if message.payload.is_empty() {
            self.retained.clear(&message.topic, &mut self.journal);
        } else {
            let origin = origin.map(|it| it.client.clone());
            let kept = Kept { numbered: numbered.clone(), origin };
            self.retained.set(kept, &mut self.journal);
        }
    }

    fn subscribers_of(&self, topic: &Topic) -> Vec<Subscriber> {
        let mut found = Vec::new();
        self.subscribers.matching(topic, |list| found.extend_from_slice(list));
        if found.len() > 1 && !self.settings.limits.allow_duplicate_messages {
            // The copy with the highest QoS stays. [MQTT-3.3.5-1]
            found.sort_by_key(|it| (it.session, it.rule, std::cmp::Reverse(it.options.qos)));
            found.dedup_by_key(|it| (it.session, it.rule));
        }
        found
    }
}

/// Whether a topic is one that brokers speak on of themselves; what bridges say there of themselves
/// comes from outside. [MQTT 3.1.1, section 4.7.2]
pub(super) fn is_brokers_own(topic: &Topic) -> bool {
    let mut levels = topic.levels();
    levels.next() == Some("$SYS") && {
        let rest: Vec<_> = levels.collect();
        !matches!(rest[..], ["broker", "connection", _, "state"])
    }
}

/// The message a PUBLISH carries, under the name and the QoS it has here.
pub(super) fn message(publish: &Publish, topic: Topic, qos: QoS) -> Message {
    let kept = publish.retain || qos > QoS::AtMostOnce;
    let payload = if kept && publish.payload.len() <= COPY_UP_TO_BYTES {
        Bytes::copy_from_slice(&publish.payload)
    } else {
        publish.payload.clone()
    };
    Message::new(topic, payload, qos, publish.retain)
}
