//! Where a message goes: to the retained ones, and to all who subscribed.
//! [MQTT 5.0, sections 3.3.1.3, 3.3.4 and 4.8.2]

use super::Broker;
use super::durable::Subscription;
use super::event::Event;
use super::item::Terms;
use super::journal::Numbered;
use super::retained::Kept;
use super::sessions::SessionKey;
use super::subscribers::Subscriber;
use super::{MessageId, timers::Timer};
use crate::mqtt::{ClientId, Message, QoS, Topic};

/// Who published a message.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The session it came in by.
    pub session: SessionKey,
    /// That session's client.
    pub client: ClientId,
}

/// A copy of a message that is to be delivered.
struct Match {
    subscriber: Subscriber,
    /// The identifiers of further subscriptions that this copy stands for.
    more_ids: Vec<u32>,
}

impl Broker {
    /// Publishes a message: keeps it where it is retained, and gives it to all who subscribed. Gives
    /// back whether there was anybody.
    pub(super) fn publish_message(&mut self, message: Message, origin: Option<&Origin>) -> bool {
        if self.settings.trace {
            let client = origin.map(|it| it.client.clone());
            let (topic, qos, retain) = (message.topic.clone(), message.qos, message.retain);
            let size_bytes = message.payload.len();
            self.tell(Event::Published { client, topic, qos, retain, size_bytes });
        }
        let numbered = self.number(message);
        self.route(&numbered, origin)
    }

    /// Does so with a message that has its number, and tells nobody.
    pub(super) fn route(&mut self, numbered: &Numbered, origin: Option<&Origin>) -> bool {
        if numbered.message.retain && self.settings.limits.retain_available {
            self.retain(numbered, origin);
        }
        let matches = self.matches_of(&numbered.message.topic, numbered.message.qos, origin);
        let anybody = !matches.is_empty();
        for Match { subscriber, more_ids } in matches {
            let Subscription { retain_as_published, identifier, .. } = subscriber.options;
            let terms = Terms {
                qos: self.copy_qos(&subscriber, numbered.message.qos),
                // [MQTT-3.3.1-12, -13]
                retain: numbered.message.retain && retain_as_published,
                subscription_ids: identifier.into_iter().chain(more_ids).collect(),
                limited: true,
            };
            self.deliver_as(subscriber, numbered, terms);
        }
        anybody
    }

    /// Gives a message its number.
    pub(super) fn number(&mut self, message: Message) -> Numbered {
        let id = MessageId(self.next_message);
        self.next_message += 1;
        Numbered { id, message: message.into() }
    }

    /// A bridge's rule caps, it never promotes.
    fn copy_qos(&self, subscriber: &Subscriber, published: QoS) -> QoS {
        match self.sessions[subscriber.session].bridge {
            Some(_) => published.min(subscriber.options.qos),
            None => self.delivery_qos(published, subscriber.options.qos),
        }
    }

    /// [MQTT-3.8.4-8]; `upgrade_outgoing_qos` is mosquitto's.
    pub(super) fn delivery_qos(&self, published: QoS, subscribed: QoS) -> QoS {
        if self.settings.limits.upgrade_outgoing_qos {
            subscribed
        } else {
            published.min(subscribed)
        }
    }

    /// [MQTT-3.3.1-5 to -8]
    fn retain(&mut self, numbered: &Numbered, origin: Option<&Origin>) {
        let message = &numbered.message;
        if message.payload.is_empty() {
            return self.retained.clear(&message.topic, &mut self.journal);
        }
        let origin = origin.map(|it| it.client.clone());
        let kept = Kept { numbered: numbered.clone(), origin };
        self.retained.set(kept, &mut self.journal);
        self.wake_retained();
    }

    /// Sets the one timer of all that is retained.
    pub(super) fn wake_retained(&mut self) {
        let at = self.retained.next_expiry();
        if at == self.retained_wakes_at {
            return;
        }
        if let Some(before) = std::mem::replace(&mut self.retained_wakes_at, at) {
            self.timers.cancel(before, Timer::Retained);
        }
        if let Some(at) = at {
            self.timers.set(at, Timer::Retained);
        }
    }

    /// Who gets a copy of a message on `topic`.
    fn matches_of(&mut self, topic: &Topic, qos: QoS, origin: Option<&Origin>) -> Vec<Match> {
        let (mut found, mut groups) = (Vec::new(), Vec::new());
        self.subscribers.matching(topic, |subscribers| {
            found.extend_from_slice(subscribers.single());
            groups.extend(subscribers.turns());
        });
        found.extend(groups.iter().filter_map(|members| self.pick(members, qos)));
        // Before copies are put together: it is an option of one subscription. [MQTT-3.8.3-3]
        let own = |it: &Subscriber| origin.is_some_and(|origin| origin.session == it.session);
        found.retain(|it| !it.options.no_local || !own(it));
        let alone = |subscriber| Match { subscriber, more_ids: Vec::new() };
        if found.len() < 2 || self.settings.limits.allow_duplicate_messages {
            return found.into_iter().map(alone).collect();
        }
        // One copy, with the highest QoS and all identifiers. [MQTT-3.3.4-2 to -4]
        found.sort_by_key(|it| (it.session, it.rule, std::cmp::Reverse(it.options.qos)));
        let mut matches: Vec<Match> = Vec::new();
        for subscriber in found {
            match matches.last_mut().filter(|last| last.subscriber.is_same_as(&subscriber)) {
                Some(last) => last.more_ids.extend(subscriber.options.identifier),
                None => matches.push(alone(subscriber)),
            }
        }
        matches
    }

    /// Who of a group gets the message: whoever can take it now, or else whose session keeps it. One
    /// who subscribed with QoS 0 keeps nothing.
    /// [MQTT 5.0, section 4.8.2]
    fn pick(&self, members: &[Subscriber], qos: QoS) -> Option<Subscriber> {
        let limits = &self.settings.limits;
        let unkept = |it: &Subscriber| self.delivery_qos(qos, it.options.qos) == QoS::AtMostOnce;
        let now = |it: &&Subscriber| {
            let session = &self.sessions[it.session];
            let room = unkept(it) || session.outgoing.takes_more(limits);
            room && session.conn.is_some_and(|conn| self.reads(conn))
        };
        let online = |it: &&Subscriber| self.sessions[it.session].conn.is_some();
        let later = |it: &&Subscriber| {
            let session = &self.sessions[it.session];
            let keeps = !unkept(it) || limits.queue_qos0_messages && session.persistent;
            keeps && !session.outgoing.is_full(limits, 0)
        };
        let find =
            |fits: &dyn Fn(&&Subscriber) -> bool| members.iter().find(|it| fits(it)).copied();
        find(&now)
            .or_else(|| find(&|it| online(it) && later(it)))
            .or_else(|| find(&later))
            .or_else(|| members.first().copied())
    }
}
