//! Messages that come in, from clients and from the far brokers of bridges.
//! [MQTT 5.0, sections 3.3 to 3.7, 4.3 and 4.9]

use std::time::Duration;

use bytes::Bytes;

use super::Broker;
use super::connection::Who;
use super::event::{DropReason, Event};
use super::io::ConnId;
use super::outgoing::Answer;
use super::route::Origin;
use super::sessions::SessionKey;
use crate::mqtt::packet::{Ack, Level, Publish};
use crate::mqtt::{Message, Packet, PacketId, QoS, Reason, Topic};

/// Payloads up to this size are copied out of the buffer they were read into before they are kept,
/// lest a small message hold on to a large buffer.
const COPY_UP_TO_BYTES: usize = 16 * 1024;

impl Broker {
    pub(super) fn client_packet(&mut self, conn: ConnId, key: SessionKey, packet: Packet) {
        match packet {
            Packet::Publish(publish) => self.client_publish(conn, key, publish),
            Packet::Subscribe(packet) => self.subscribe(conn, key, &packet),
            Packet::Unsubscribe(packet) => self.unsubscribe(conn, key, &packet),
            Packet::PingReq => self.send(conn, Packet::PingResp, false),
            Packet::Disconnect(notice) => self.disconnect(conn, key, &notice),
            Packet::PubAck(_) | Packet::PubRec(_) | Packet::PubComp(_) | Packet::PubRel(_) => {
                self.handshake(conn, key, &packet);
            }
            Packet::Connect(_) => self.hang_up(conn, Reason::ProtocolError, "a second CONNECT"), // [MQTT-3.1.0-2]
            Packet::Auth(_) => {
                // [MQTT-4.12.0-7]
                let text = "AUTH, although CONNECT named no authentication method";
                self.hang_up(conn, Reason::ProtocolError, text);
            }
            Packet::ConnAck(_) | Packet::SubAck(_) | Packet::UnsubAck(_) | Packet::PingResp => {
                self.hang_up(conn, Reason::ProtocolError, "a packet that only a broker sends");
            }
        }
    }

    fn client_publish(&mut self, conn: ConnId, key: SessionKey, mut publish: Publish) {
        let limits = &self.settings.limits;
        if publish.qos > limits.max_qos {
            return self.hang_up(conn, Reason::QosNotSupported, "the QoS is above max_qos");
        }
        if publish.retain && !limits.retain_available {
            let text = "retained messages are not available";
            return self.hang_up(conn, Reason::RetainNotSupported, text);
        }
        if publish.properties.subscription_identifier().is_some() {
            // [MQTT-3.3.4-6]
            let text = "a client's PUBLISH has a subscription identifier";
            return self.hang_up(conn, Reason::ProtocolError, text);
        }
        if !self.enters(conn, &mut publish) {
            return;
        }
        let client = self.sessions[key].client.clone();
        let limit = self.settings.limits.message_size_limit;
        let refused = if limit > 0 && publish.payload.len() > limit {
            Some((DropReason::TooLarge, Reason::QuotaExceeded))
        } else {
            let brokers_own = is_brokers_own(&publish.topic);
            brokers_own.then_some((DropReason::BrokersOwn, Reason::NotAuthorized))
        };
        if let Some((reason, answer)) = refused {
            let (topic, qos) = (publish.topic.clone(), publish.qos);
            self.tell(Event::Dropped { message: None, client, topic, qos, reason });
            return self.take_over(conn, key, &publish, &publish.topic, |_| answer);
        }
        let message = self.message(&publish, publish.topic.clone(), publish.qos);
        let origin =
            Origin { packet: self.came_in(conn, &publish, None), ..Origin::of(key, client) };
        self.take_over(conn, key, &publish, &publish.topic, |broker| {
            if broker.publish_message(message, Some(&origin)) {
                Reason::Success
            } else {
                Reason::NoMatchingSubscribers
            }
        });
    }

    /// What holds for every PUBLISH of either side: its alias is resolved, and it is counted against
    /// the Receive Maximum. Gives back whether it may go on.
    pub(super) fn enters(&mut self, conn: ConnId, publish: &mut Publish) -> bool {
        let most = self.settings.limits.max_inflight_messages;
        let Some(connection) = self.connections.get_mut(&conn) else { return false };
        if connection.level != Level::V5 {
            return true;
        }
        if let Err(reason) = connection.aliases.resolve(publish) {
            self.hang_up(conn, reason, "the topic alias stands for nothing"); // [MQTT-3.3.2-9]
            return false;
        }
        // A repeat is not counted: mosquitto 2.0's bridge goes beyond the limit with those when it
        // takes up its session, and would do so for ever.
        if publish.qos > QoS::AtMostOnce && !publish.dup {
            connection.unanswered = connection.unanswered.saturating_add(1);
            // Not a far broker: mosquitto 2.0 goes beyond it when it takes up a session, and a
            // bridge that hung up on that would do so for ever. The packet ids are bound enough.
            let client = matches!(connection.who, Who::Client(_));
            if client && most > 0 && connection.unanswered > most {
                // [MQTT-3.3.4-9]
                let text = "more messages are under way than the receive maximum allows";
                self.hang_up(conn, Reason::ReceiveMaximumExceeded, text);
                return false;
            }
        }
        true
    }

    /// Takes over the responsibility for a message: `accept` passes it on, and the acknowledgement
    /// says so once that is durable. `topic` is its name on this side.
    /// [MQTT-4.3.2-4, MQTT-4.3.3-8]
    pub(super) fn take_over(
        &mut self,
        conn: ConnId,
        key: SessionKey,
        publish: &Publish,
        topic: &Topic,
        accept: impl FnOnce(&mut Self) -> Reason,
    ) {
        if let Some(obstacle) = self.obstacle(key, publish, topic) {
            return self.refuse(conn, key, publish, obstacle);
        }
        match (publish.qos, publish.packet_id) {
            (QoS::AtLeastOnce, Some(id)) => {
                let reason = accept(self);
                let ack = self.answer(conn, id, reason);
                self.send(conn, Packet::PubAck(ack), true);
            }
            (QoS::ExactlyOnce, Some(id)) => {
                let mut reason = Reason::Success;
                if self.sessions[key].receive(id, publish, &mut self.journal) {
                    reason = accept(self);
                    if reason.is_error() && self.is_v5(conn) {
                        // That ends the exchange. [MQTT-4.3.3-9]
                        self.sessions[key].release(id, &mut self.journal);
                    }
                }
                let ack = self.answer(conn, id, reason);
                self.send(conn, Packet::PubRec(ack), true);
            }
            _ => {
                accept(self);
            }
        }
    }

    /// Why a message cannot be kept now. One that needs not be is never in the way.
    fn obstacle(&self, key: SessionKey, publish: &Publish, topic: &Topic) -> Option<DropReason> {
        if publish.qos == QoS::AtMostOnce && !publish.retain {
            return None;
        }
        if self.journal.trouble().is_some() {
            return Some(DropReason::Store);
        }
        if !self.is_memory_full(publish.topic.as_str().len() + publish.payload.len()) {
            return None;
        }
        // What was taken over before takes no more room, and what deletes makes some.
        let known = publish.qos == QoS::ExactlyOnce
            && publish.packet_id.is_some_and(|id| self.sessions[key].has_received(id, publish));
        let deletes = publish.retain && publish.payload.is_empty() && self.retained.holds(topic);
        (!known && !deletes).then_some(DropReason::Memory)
    }

    /// Whether `memory_limit` leaves no room for one more message of that size.
    pub(super) fn is_memory_full(&self, size_bytes: usize) -> bool {
        self.journal.bodies().is_full(self.settings.limits.memory_limit, size_bytes)
    }

    /// The store is stuck, or memory is full: nothing new is promised. MQTT 3.1.1 has no words for
    /// that, nor has QoS 0.
    fn refuse(&mut self, conn: ConnId, key: SessionKey, publish: &Publish, reason: DropReason) {
        let text = reason.to_string();
        let Some(id) = publish.packet_id.filter(|_| self.is_v5(conn)) else {
            return self.hang_up(conn, Reason::QuotaExceeded, &text);
        };
        let two = publish.qos == QoS::ExactlyOnce;
        if two && self.sessions[key].has_received(id, publish) {
            // It was taken over before, and the answer waits for that to be durable.
            return self.send(conn, Packet::PubRec(id.into()), true);
        }
        let client = self.sessions[key].client.clone();
        let (topic, qos) = (publish.topic.clone(), publish.qos);
        self.tell(Event::Dropped { message: None, client, topic, qos, reason });
        let connection = &self.connections[&conn];
        let properties = connection.reason_string(&text);
        let ack = Ack { id, reason: Reason::QuotaExceeded, properties };
        let packet = if two { Packet::PubRec(ack) } else { Packet::PubAck(ack) };
        self.send(conn, packet, false);
    }

    /// An acknowledgement, in MQTT 5 with its reason.
    fn answer(&self, conn: ConnId, id: PacketId, reason: Reason) -> Ack {
        if self.is_v5(conn) { Ack::because(id, reason) } else { id.into() }
    }

    pub(super) fn is_v5(&self, conn: ConnId) -> bool {
        self.connections.get(&conn).is_some_and(|it| it.level == Level::V5)
    }

    /// The other packets of QoS 1 and 2, which mean the same from a client and from a far broker.
    pub(super) fn handshake(&mut self, conn: ConnId, key: SessionKey, packet: &Packet) {
        let (outgoing, mut log) = self.sessions[key].sending(&mut self.journal);
        let answer = match packet {
            Packet::PubAck(ack) => outgoing.acknowledged(ack, &mut log),
            Packet::PubRec(ack) => outgoing.received(ack, &mut log),
            Packet::PubComp(ack) => outgoing.completed(ack.id, &mut log),
            Packet::PubRel(ack) => {
                let known = self.sessions[key].release(ack.id, &mut self.journal);
                // Also for an id that is not known: the other side waits for it. [MQTT-4.3.3-11]
                let reason = if known { Reason::Success } else { Reason::PacketIdentifierNotFound };
                let ack = self.answer(conn, ack.id, reason);
                return self.send(conn, Packet::PubComp(ack), true);
            }
            _ => return,
        };
        match (answer, packet) {
            // [MQTT 5.0, sections 4.3.2 and 4.3.3]
            (Answer::Misfit, _) => {
                let text = "an acknowledgement of another QoS than was sent";
                self.hang_up(conn, Reason::ProtocolError, text);
            }
            (Answer::Refused(numbered, qos), _) => {
                self.drop_message(key, &numbered, qos, DropReason::Refused);
                self.pump(key);
            }
            // A refusal ends the exchange: no PUBREL follows.
            (Answer::Unknown, Packet::PubRec(ack)) if ack.reason.is_error() => {}
            (Answer::Unknown, Packet::PubRec(ack)) => {
                let ack = self.answer(conn, ack.id, Reason::PacketIdentifierNotFound);
                self.send(conn, Packet::PubRel(ack), true);
            }
            (Answer::Fits, Packet::PubRec(ack)) => {
                self.send(conn, Packet::PubRel(ack.id.into()), true);
            }
            (Answer::Done(message), _) => {
                self.tell_delivered(key, message);
                self.count_sent(key);
                self.pump(key);
            }
            (Answer::Fits | Answer::Unknown, _) => {}
        }
    }

    /// The message a PUBLISH carries, under the name and the QoS it has here.
    pub(super) fn message(&self, publish: &Publish, topic: Topic, qos: QoS) -> Message {
        let kept = publish.retain || qos > QoS::AtMostOnce;
        let payload = if kept && publish.payload.len() <= COPY_UP_TO_BYTES {
            Bytes::copy_from_slice(&publish.payload)
        } else {
            publish.payload.clone()
        };
        let mut message = Message::new(topic, payload, qos, publish.retain);
        if !publish.properties.is_empty() {
            message.properties = publish.properties.travelling();
            let expiry = publish.properties.message_expiry_s();
            message.expires_at =
                expiry.map(|seconds| self.now + Duration::from_secs(seconds.into()));
        }
        message
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
