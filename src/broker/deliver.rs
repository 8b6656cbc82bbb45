//! Messages that go out to sessions. [MQTT 3.1.1, sections 4.3 and 4.6]

use super::Broker;
use super::event::DropReason;
use super::io::ConnId;
use super::journal::Numbered;
use super::outgoing::Offer;
use super::sessions::SessionKey;
use super::subscribe::Subscriber;
use crate::mqtt::codec::{MAX_PACKET_SIZE, publish_size};
use crate::mqtt::packet::Publish;
use crate::mqtt::{Packet, QoS};

/// So many packets may wait on one connection for a commit before it counts as one that reads too
/// slowly.
const HELD_AT_MOST: usize = 10_000;
/// And so many bytes of payloads.
const HELD_BYTES_AT_MOST: usize = 64 << 20;

impl Broker {
    /// Gives a message to a subscriber, through the bridge's rule where it is one.
    pub(super) fn deliver_as(
        &mut self,
        subscriber: Subscriber,
        numbered: &Numbered,
        qos: QoS,
        retain: bool,
        limited: bool,
    ) {
        let key = subscriber.session;
        match self.sessions[key].bridge {
            None => self.deliver(key, numbered, qos, retain, limited),
            Some(bridge) => {
                let rule = subscriber.rule;
                self.deliver_out(bridge, rule, numbered, qos, retain, limited);
            }
        }
    }

    /// Gives a message to a session. `limited` says whether a full queue may refuse it.
    pub(super) fn deliver(
        &mut self,
        key: SessionKey,
        numbered: &Numbered,
        qos: QoS,
        retain: bool,
        limited: bool,
    ) {
        let message = &numbered.message;
        let size = publish_size(message.topic.as_str().len(), message.payload.len(), qos);
        // A bridge's prefix may make a packet longer than any can be.
        if size > self.settings.limits.max_packet_size.min(MAX_PACKET_SIZE) {
            return self.drop_message(key, message.topic.clone(), qos, DropReason::TooLarge);
        }
        let conn = self.sessions[key].conn;
        let ready = conn.is_some_and(|conn| self.reads(conn));
        if qos == QoS::AtMostOnce {
            return self.deliver_once_at_most(key, numbered, retain, conn, ready);
        }
        if conn.is_none() && !self.sessions[key].persistent {
            // Only a bridge with local_cleansession is without a connection and not persistent.
            return;
        }
        let (outgoing, mut log) = self.sessions[key].sending(&mut self.journal);
        let limits = (&self.settings.limits, limited);
        match outgoing.offer(numbered, qos, retain, ready, limits, &mut log) {
            Offer::Send(packet) => {
                if let Some(conn) = conn {
                    self.send(conn, packet, true);
                }
            }
            Offer::Queued => {}
            Offer::Full => {
                self.forget_established(key, numbered);
                self.drop_message(key, message.topic.clone(), qos, DropReason::QueueFull);
            }
        }
    }

    fn deliver_once_at_most(
        &mut self,
        key: SessionKey,
        numbered: &Numbered,
        retain: bool,
        conn: Option<ConnId>,
        ready: bool,
    ) {
        let (message, qos) = (&numbered.message, QoS::AtMostOnce);
        let session = &self.sessions[key];
        let may_wait = self.settings.limits.queue_qos0_messages && session.persistent;
        // What waits goes before what comes. [MQTT-4.6.0-6]
        let in_line = may_wait && session.outgoing.waits();
        match conn {
            Some(conn) if ready && !in_line => {
                let publish = Publish {
                    dup: false,
                    qos,
                    retain,
                    topic: message.topic.clone(),
                    packet_id: None,
                    payload: message.payload.clone(),
                };
                self.count_sent(key);
                self.send(conn, Packet::Publish(publish), false);
            }
            Some(_) if !in_line => {
                self.forget_established(key, numbered);
                self.drop_message(key, message.topic.clone(), qos, DropReason::SlowReader);
            }
            _ if may_wait => {
                let (outgoing, mut log) = self.sessions[key].sending(&mut self.journal);
                let limits = (&self.settings.limits, true);
                let offer = outgoing.offer(numbered, qos, retain, false, limits, &mut log);
                if offer == Offer::Full {
                    self.forget_established(key, numbered);
                    self.drop_message(key, message.topic.clone(), qos, DropReason::QueueFull);
                }
            }
            _ => self.forget_established(key, numbered),
        }
    }

    /// Sends what waits for a session, as far as its window goes.
    pub(super) fn pump(&mut self, key: SessionKey) {
        let Some(conn) = self.sessions[key].conn else { return };
        while self.reads(conn) {
            let (outgoing, mut log) = self.sessions[key].sending(&mut self.journal);
            let Some(packet) = outgoing.pump(&self.settings.limits, &mut log) else { return };
            self.send(conn, packet, true);
        }
    }

    /// Whether the other side of a connection keeps up.
    fn reads(&self, conn: ConnId) -> bool {
        let connection = self.connections.get(&conn);
        connection.is_some_and(|it| {
            !it.stalled && it.held() < HELD_AT_MOST && it.held_bytes() < HELD_BYTES_AT_MOST
        })
    }
}
