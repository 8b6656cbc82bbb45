//! Messages that go out to sessions. [MQTT 5.0, sections 4.3 and 4.6]

use super::Broker;
use super::event::{Behind, DropReason};
use super::io::ConnId;
use super::item::{Tag, Terms, copy, properties};
use super::journal::Numbered;
use super::outgoing::{Next, Offer};
use super::sessions::SessionKey;
use super::subscribers::Subscriber;
use crate::defect::{self, Defect};
use crate::mqtt::codec::{MAX_PACKET_SIZE, publish_size};
use crate::mqtt::packet::{Level, Publish};
use crate::mqtt::{Packet, QoS};

/// So many packets may wait on one connection for a commit before it counts as one that reads too
/// slowly.
const HELD_AT_MOST: usize = 10_000;
/// And so many bytes of payloads.
const HELD_BYTES_AT_MOST: usize = 64 << 20;

impl Broker {
    /// Gives a message to a subscriber, through the bridge's rule where it is one.
    pub(super) fn deliver_as(&mut self, subscriber: Subscriber, numbered: &Numbered, terms: Terms) {
        let key = subscriber.session;
        match self.sessions[key].bridge {
            None => self.deliver(key, numbered, terms),
            Some(bridge) => self.deliver_out(bridge, subscriber.rule, numbered, terms),
        }
    }

    /// Gives a message to a session.
    pub(super) fn deliver(&mut self, key: SessionKey, numbered: &Numbered, terms: Terms) {
        let (qos, tag) = (terms.qos, Tag { message: Some(numbered.id), cause: terms.cause });
        let conn = self.sessions[key].conn;
        if !self.fits(conn, numbered, &terms) {
            return self.drop_message(key, numbered, qos, DropReason::TooLarge);
        }
        let ready = conn.is_some_and(|conn| self.reads(conn));
        if qos == QoS::AtMostOnce {
            return self.deliver_once_at_most(key, numbered, terms, conn, ready);
        }
        if conn.is_none() && !self.sessions[key].persistent {
            // Only a bridge with local_cleansession is without a connection and not persistent.
            return;
        }
        if terms.limited && self.has_no_room_for(numbered) {
            return self.miss(key, numbered, qos, DropReason::Memory);
        }
        match self.offer(key, numbered, terms, ready) {
            Offer::Send(packet) => {
                if let Some(conn) = conn {
                    self.send_message(conn, packet, tag, true);
                }
            }
            Offer::Queued => self.tell_queued(key, tag, qos, behind(conn, ready)),
            Offer::Full => self.miss(key, numbered, qos, DropReason::QueueFull),
        }
    }

    /// Offers a message to what is on its way to a session. `ready` says whether it could be sent
    /// now.
    fn offer(&mut self, key: SessionKey, numbered: &Numbered, terms: Terms, ready: bool) -> Offer {
        let (outgoing, mut log) = self.sessions[key].sending(&mut self.journal);
        let limits = &self.settings.limits;
        if terms.limited && outgoing.is_full(limits, numbered.message.size_bytes()) {
            for (numbered, qos) in outgoing.drop_expired(self.now, &mut log) {
                self.drop_message(key, &numbered, qos, DropReason::Expired);
            }
        }
        let (outgoing, mut log) = self.sessions[key].sending(&mut self.journal);
        outgoing.offer(numbered, terms, ready, &self.settings.limits, self.now, &mut log)
    }

    /// A session does not get a message that a bridge's far side may have to be sent later.
    fn miss(&mut self, key: SessionKey, numbered: &Numbered, qos: QoS, reason: DropReason) {
        self.missed(key, numbered);
        if defect::on(Defect::RefusesSilently) {
            return;
        }
        self.drop_message(key, numbered, qos, reason);
    }

    fn deliver_once_at_most(
        &mut self,
        key: SessionKey,
        numbered: &Numbered,
        terms: Terms,
        conn: Option<ConnId>,
        ready: bool,
    ) {
        let (qos, tag) = (QoS::AtMostOnce, Tag { message: Some(numbered.id), cause: terms.cause });
        let session = &self.sessions[key];
        let may_wait = self.settings.limits.queue_qos0_messages && session.persistent;
        // What waits goes before what comes. [MQTT-4.6.0-6]
        let in_line = may_wait && session.outgoing.waits();
        match conn {
            Some(conn) if ready && !in_line => {
                let Terms { retain, subscription_ids, .. } = terms;
                let publish = copy(numbered, qos, retain, &subscription_ids, self.now);
                self.count_sent(key);
                self.send_message(conn, Packet::Publish(publish), tag, false);
            }
            Some(_) if !in_line => self.miss(key, numbered, qos, DropReason::SlowReader),
            _ if may_wait && self.has_no_room_for(numbered) => {
                self.miss(key, numbered, qos, DropReason::Memory);
            }
            _ if may_wait => {
                let terms = Terms { limited: true, ..terms };
                match self.offer(key, numbered, terms, false) {
                    Offer::Full => self.miss(key, numbered, qos, DropReason::QueueFull),
                    _ => self.tell_queued(key, tag, qos, behind(conn, ready)),
                }
            }
            _ => self.missed(key, numbered),
        }
    }

    /// Whether a message that was let in although memory is full, with QoS 0, would have to be kept
    /// all the same: `queue_qos0_messages` and `upgrade_outgoing_qos` make it wait.
    fn has_no_room_for(&self, numbered: &Numbered) -> bool {
        let message = &numbered.message;
        message.qos == QoS::AtMostOnce && self.is_memory_full(message.size_bytes())
    }

    /// Sends what waits for a session, as far as its window goes.
    pub(super) fn pump(&mut self, key: SessionKey) {
        let Some(conn) = self.sessions[key].conn else { return };
        while self.reads(conn) {
            let connection = &self.connections[&conn];
            let (level, most) = (connection.level, self.largest(Some(conn)));
            let fits = |publish: &Publish| size_of_publish(publish, level) <= most;
            let (outgoing, mut log) = self.sessions[key].sending(&mut self.journal);
            match outgoing.pump(&self.settings.limits, self.now, fits, &mut log) {
                None => return,
                Some(Next::Send(packet, tag)) => self.send_message(conn, packet, tag, true),
                Some(Next::Dropped(numbered, qos, reason)) => {
                    self.drop_message(key, &numbered, qos, reason);
                }
            }
        }
    }

    /// Whether a message makes a packet that may be sent. A bridge's prefix may make it longer than
    /// any can be. [MQTT-3.1.2-25]
    fn fits(&self, conn: Option<ConnId>, numbered: &Numbered, terms: &Terms) -> bool {
        let message = &numbered.message;
        let (topic_len, payload_len) = (message.topic.as_str().len(), message.payload.len());
        let v5 = conn.is_some_and(|conn| self.is_v5(conn));
        let (level, properties_len) = if v5 {
            let properties = properties(numbered, &terms.subscription_ids, self.now);
            (Level::V5, properties.as_bytes().len())
        } else {
            (Level::V311, 0)
        };
        let size = publish_size(topic_len, properties_len, payload_len, terms.qos, level);
        size <= self.largest(conn)
    }

    /// The largest packet that may be sent on a connection, in bytes.
    fn largest(&self, conn: Option<ConnId>) -> usize {
        let ours = self.settings.limits.max_packet_size.min(MAX_PACKET_SIZE);
        let theirs = conn.and_then(|conn| self.connections.get(&conn));
        theirs.map_or(ours, |it| it.max_packet_size.min(ours))
    }

    /// Whether the other side of a connection keeps up.
    pub(super) fn reads(&self, conn: ConnId) -> bool {
        let connection = self.connections.get(&conn);
        connection.is_some_and(|it| {
            !it.stalled && it.held() < HELD_AT_MOST && it.held_bytes() < HELD_BYTES_AT_MOST
        })
    }
}

/// What a message waits for that does not go at once.
fn behind(conn: Option<ConnId>, ready: bool) -> Behind {
    match conn {
        None => Behind::Offline,
        Some(_) if !ready => Behind::SlowReader,
        Some(_) => Behind::Window,
    }
}

fn size_of_publish(publish: &Publish, level: Level) -> usize {
    let properties_len = publish.properties.as_bytes().len();
    let topic_len = publish.topic.as_str().len();
    publish_size(topic_len, properties_len, publish.payload.len(), publish.qos, level)
}
