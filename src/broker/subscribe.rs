//! SUBSCRIBE and UNSUBSCRIBE. [MQTT 5.0, sections 3.8 to 3.11]

use super::Broker;
use super::durable::{Record, Subscription};
use super::event::{Cause, DropReason, Event};
use super::io::ConnId;
use super::item::Terms;
use super::sessions::SessionKey;
use super::subscribers::Subscriber;
use crate::defect::{self, Defect};
use crate::mqtt::packet::{Answers, RetainHandling, Subscribe, SubscribeOptions, Unsubscribe};
use crate::mqtt::{Filter, Packet, QoS, Reason};

impl Broker {
    pub(super) fn subscribe(&mut self, conn: ConnId, key: SessionKey, packet: &Subscribe) {
        let bridge = self.connections.get(&conn).is_some_and(|it| it.bridge_bit);
        let identifier = packet.properties.subscription_identifier();
        let mut reasons = Vec::with_capacity(packet.filters.len());
        let mut wanted = Vec::with_capacity(packet.filters.len());
        for (filter, options) in &packet.filters {
            let subscription = Subscription {
                qos: options.qos,
                no_local: options.no_local || bridge && filter.group().is_none(),
                retain_as_published: options.retain_as_published || bridge,
                identifier,
            };
            let new = !self.sessions[key].subscriptions.contains_key(filter);
            let refusal = self.refusal(filter, key);
            reasons.push(refusal.unwrap_or(granted(options.qos)));
            if refusal.is_none() {
                self.add_subscription(filter, key, subscription);
                let (client, filter) = (self.sessions[key].client.clone(), filter.clone());
                self.tell(Event::Subscribed { client, filter, qos: options.qos });
            }
            if refusal.is_none() && sends_retained(filter, *options, new) {
                wanted.push((filter, subscription));
            }
        }
        if defect::on(Defect::AnswersTooFew) && reasons.len() > 1 {
            reasons.pop();
        }
        let answers = Answers::new(packet.id, reasons);
        let kept = self.sessions[key].persistent;
        self.send(conn, Packet::SubAck(answers), kept); // [MQTT-3.8.4-1]
        for (filter, subscription) in wanted {
            self.deliver_retained(key, filter, subscription);
        }
    }

    /// Why a subscription is not granted.
    fn refusal(&self, filter: &Filter, key: SessionKey) -> Option<Reason> {
        // Retained messages cannot be promised to a session that cannot be kept.
        let stuck = self.sessions[key].persistent && self.journal.trouble().is_some();
        (stuck || !self.has_room_for(filter, key)).then_some(Reason::QuotaExceeded)
    }

    /// `max_subscriptions_per_client`; a filter that is there already takes no more room.
    fn has_room_for(&self, filter: &Filter, key: SessionKey) -> bool {
        let limit = self.settings.limits.max_subscriptions_per_client;
        let subscriptions = &self.sessions[key].subscriptions;
        limit == 0 || subscriptions.len() < limit || subscriptions.contains_key(filter)
    }

    pub(super) fn unsubscribe(&mut self, conn: ConnId, key: SessionKey, packet: &Unsubscribe) {
        let mut reasons = Vec::with_capacity(packet.filters.len());
        for filter in &packet.filters {
            if self.sessions[key].subscriptions.remove(filter).is_none() {
                reasons.push(Reason::NoSubscriptionExisted);
                continue;
            }
            reasons.push(Reason::Success);
            if !defect::on(Defect::IgnoresUnsubscribe) {
                self.remove_subscriber(filter, key);
            }
            let filter = filter.clone();
            let client = self.sessions[key].client.clone();
            self.tell(Event::Unsubscribed { client, filter: filter.clone() });
            self.sessions[key]
                .log(&mut self.journal)
                .record(|client| Record::Unsubscribe { client, filter });
        }
        let answers = Answers::new(packet.id, reasons);
        let kept = self.sessions[key].persistent;
        self.send(conn, Packet::UnsubAck(answers), kept); // [MQTT-3.10.4-4, -5]
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

    /// The retained messages of a filter. [MQTT-3.3.1-9] A bridge gets none that it published
    /// itself: an old one coming back would overwrite what has been published on its side since.
    fn deliver_retained(&mut self, key: SessionKey, filter: &Filter, options: Subscription) {
        self.retained.expire(self.now, &mut self.journal);
        // A session whose queue is full gets none; another gets all, however many there are, for
        // the broker holds them anyway.
        let full = self.sessions[key].outgoing.is_full(&self.settings.limits, 0);
        for kept in self.retained.matched_by(filter) {
            if options.no_local && kept.origin.as_ref() == Some(&self.sessions[key].client) {
                continue;
            }
            let qos = self.delivery_qos(kept.numbered.message.qos, options.qos);
            if full && qos > QoS::AtMostOnce {
                self.drop_message(key, &kept.numbered, qos, DropReason::QueueFull);
            } else {
                let subscription_ids = options.identifier.into_iter().collect();
                let terms = Terms { subscription_ids, ..Terms::retained(qos, Cause::Subscribed) };
                self.deliver(key, &kept.numbered, terms);
            }
        }
    }

    pub(super) fn add_subscriber(
        &mut self,
        filter: &Filter,
        session: SessionKey,
        rule: usize,
        options: Subscription,
    ) {
        let subscribers = self.subscribers.entry(filter.levels()).get_or_insert_default();
        let new = subscribers.add(filter.group(), Subscriber { session, rule, options });
        *self.counters.subscriptions(filter.group().is_some()) += usize::from(new);
    }

    pub(super) fn remove_subscriber(&mut self, filter: &Filter, session: SessionKey) {
        let Some(subscribers) = self.subscribers.get_mut(filter.levels()) else { return };
        let gone = subscribers.remove(filter.group(), session);
        *self.counters.subscriptions(filter.group().is_some()) -= gone;
        if subscribers.is_empty() {
            self.subscribers.remove(filter.levels());
        }
    }
}

/// What SUBACK says of a subscription with this `QoS`.
fn granted(qos: QoS) -> Reason {
    match qos {
        QoS::AtMostOnce => Reason::Success,
        QoS::AtLeastOnce => Reason::GrantedQos1,
        QoS::ExactlyOnce => Reason::GrantedQos2,
    }
}

/// Whether a SUBSCRIBE is answered with retained messages. [MQTT-3.3.1-9 to -11; section 4.8.2 for
/// shared subscriptions]
fn sends_retained(filter: &Filter, options: SubscribeOptions, new: bool) -> bool {
    filter.group().is_none()
        && match options.retain_handling {
            RetainHandling::Send => true,
            RetainHandling::SendIfNew => new,
            RetainHandling::DoNotSend => false,
        }
}
