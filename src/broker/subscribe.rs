//! SUBSCRIBE and UNSUBSCRIBE. [MQTT 3.1.1, sections 3.8 to 3.11]

use super::Broker;
use super::durable::{Record, Subscription};
use super::event::{DropReason, Event};
use super::io::ConnId;
use super::sessions::SessionKey;
use crate::mqtt::{Filter, Packet, PacketId, QoS};

/// Somebody who wants the messages of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscriber {
    /// Whose.
    pub session: SessionKey,
    /// For a bridge's session: by which of its rules. 0 for clients.
    pub rule: usize,
    /// How.
    pub options: Subscription,
}

impl Broker {
    pub(super) fn subscribe(
        &mut self,
        conn: ConnId,
        key: SessionKey,
        id: PacketId,
        filters: &[(Filter, QoS)],
    ) {
        let bridge = self.connections.get(&conn).is_some_and(|it| it.bridge_bit);
        // Retained messages cannot be promised to a session that cannot be kept.
        let refuse = self.sessions[key].persistent && self.journal.trouble().is_some();
        let options = |qos| Subscription { qos, no_local: bridge, retain_as_published: bridge };
        let mut codes = Vec::with_capacity(filters.len());
        for (filter, qos) in filters {
            let granted = !refuse && self.has_room_for(filter, key);
            codes.push(granted.then_some(*qos));
            if granted {
                self.add_subscription(filter, key, options(*qos));
            }
        }
        let granted = codes.clone();
        self.send(conn, Packet::SubAck(id, codes), true); // [MQTT-3.8.4-1]
        for ((filter, qos), _) in filters.iter().zip(granted).filter(|(_, code)| code.is_some()) {
            self.deliver_retained(key, filter, options(*qos));
        }
    }

    /// `max_subscriptions_per_client`; a filter that is there already takes no more room.
    fn has_room_for(&self, filter: &Filter, key: SessionKey) -> bool {
        let limit = self.settings.limits.max_subscriptions_per_client;
        let subscriptions = &self.sessions[key].subscriptions;
        limit == 0 || subscriptions.len() < limit || subscriptions.contains_key(filter)
    }

    pub(super) fn unsubscribe(
        &mut self,
        conn: ConnId,
        key: SessionKey,
        id: PacketId,
        filters: &[Filter],
    ) {
        for filter in filters {
            if self.sessions[key].subscriptions.remove(filter).is_some() {
                self.remove_subscriber(filter, key);
                let filter = filter.clone();
                self.sessions[key]
                    .log(&mut self.journal)
                    .record(|client| Record::Unsubscribe { client, filter });
            }
        }
        self.send(conn, Packet::UnsubAck(id), true); // [MQTT-3.10.4-4, -5]
    }

    /// [MQTT-3.8.4-3]: a filter that is subscribed to again gets the new options.
    fn add_subscription(&mut self, filter: &Filter, key: SessionKey, options: Subscription) {
        let before = self.sessions[key].subscriptions.insert(filter.clone(), options);
        if before != Some(options) {
            self.add_subscriber(filter, key, 0, options);
            let filter = filter.clone();
            self.sessions[key].log(&mut self.journal).record(|client| Record::Subscribe {
                client,
                filter,
                options,
            });
        }
    }

    /// The retained messages of a filter, at each SUBSCRIBE anew. [MQTT-3.3.1-6, -8] A bridge gets
    /// none that it published itself: an old one coming back would overwrite what has been
    /// published on its side since.
    fn deliver_retained(&mut self, key: SessionKey, filter: &Filter, options: Subscription) {
        // A session whose queue is full gets none; another gets all, however many there are, for
        // the broker holds them anyway.
        let full = self.sessions[key].outgoing.is_full(&self.settings.limits, 0);
        for kept in self.retained.matched_by(filter) {
            if options.no_local && kept.origin.as_ref() == Some(&self.sessions[key].client) {
                continue;
            }
            let qos = self.delivery_qos(kept.numbered.message.qos, options.qos);
            if full && qos > QoS::AtMostOnce {
                let topic = kept.numbered.message.topic.clone();
                self.drop_message(key, topic, qos, DropReason::QueueFull);
            } else {
                self.deliver(key, &kept.numbered, qos, true, false);
            }
        }
    }

    /// Notes that a message was not taken into a session's queue.
    pub(super) fn drop_message(
        &mut self,
        key: SessionKey,
        topic: crate::mqtt::Topic,
        qos: QoS,
        reason: DropReason,
    ) {
        self.refused += 1;
        let client = self.sessions[key].client.clone();
        self.tell(Event::Dropped { client, topic, qos, reason });
    }

    pub(super) fn add_subscriber(
        &mut self,
        filter: &Filter,
        session: SessionKey,
        rule: usize,
        options: Subscription,
    ) {
        let list = self.subscribers.entry(filter.levels()).get_or_insert_default();
        list.retain(|it| (it.session, it.rule) != (session, rule));
        list.push(Subscriber { session, rule, options });
    }

    pub(super) fn remove_subscriber(&mut self, filter: &Filter, session: SessionKey) {
        let Some(list) = self.subscribers.get_mut(filter.levels()) else { return };
        list.retain(|it| it.session != session);
        if list.is_empty() {
            self.subscribers.remove(filter.levels());
        }
    }
}
