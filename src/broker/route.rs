//! Where a message goes: to the retained ones, and to all who subscribed.
//! [MQTT 5.0, sections 3.3.1.3, 3.3.4 and 4.8.2]

use smallvec::SmallVec;

use super::Broker;
use super::event::{self, Cause, Event};
use super::item::Terms;
use super::journal::Numbered;
use super::retained::Kept;
use super::sessions::SessionKey;
use super::subscribers::Subscriber;
use super::{MessageId, timers::Timer};
use crate::defect::{self, Defect};
use crate::mqtt::{ClientId, Filter, Message, QoS};

/// Who published a message.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The session it came in by.
    pub session: SessionKey,
    /// That session's client.
    pub client: ClientId,
    /// The packet it came in, where the trace wants to know; none for a will and for what a bridge
    /// says of itself.
    pub packet: Option<Box<event::Origin>>,
}

impl Origin {
    /// A session that publishes of itself.
    pub fn of(session: SessionKey, client: ClientId) -> Self {
        Self { session, client, packet: None }
    }
}

/// Subscribers of one message; mostly there are few.
type Found = SmallVec<[Subscriber; 8]>;

impl Broker {
    /// Publishes a message: keeps it where it is retained, and gives it to all who subscribed. Gives
    /// back whether there was anybody.
    pub(super) fn publish_message(&mut self, message: Message, origin: Option<&Origin>) -> bool {
        let numbered = self.number(message);
        if self.settings.trace {
            let message = &numbered.message;
            let client = origin.map(|it| it.client.clone());
            let (topic, qos, retain) = (message.topic.clone(), message.qos, message.retain);
            let size_bytes = message.payload.len();
            self.tell(Event::Published {
                message: numbered.id,
                packet: origin.and_then(|it| it.packet.clone()),
                client,
                topic,
                qos,
                retain,
                size_bytes,
            });
        }
        self.route(&numbered, origin)
    }

    /// Does so with a message that has its number, and tells nobody.
    pub(super) fn route(&mut self, numbered: &Numbered, origin: Option<&Origin>) -> bool {
        if numbered.message.retain && self.settings.limits.retain_available {
            self.retain(numbered, origin);
        }
        let found = self.subscribers_of(numbered, origin);
        let anybody = !found.is_empty();
        if found.len() < 2 || self.settings.limits.allow_duplicate_messages {
            for subscriber in found {
                let ids = subscriber.options.identifier.into_iter().collect();
                self.deliver_copy(subscriber, numbered, ids);
            }
        } else {
            for (subscriber, ids) in put_together(found) {
                self.deliver_copy(subscriber, numbered, ids);
            }
        }
        anybody
    }

    /// Gives a message to whoever's turn it is in the group of a shared subscription.
    pub(super) fn give_to_group(&mut self, filter: &Filter, numbered: &Numbered) {
        let group = filter.group().unwrap_or_default();
        let subscribers = self.subscribers.get_mut(filter.levels());
        let Some(members) = subscribers.and_then(|it| it.turn_of(group)) else { return };
        if let Some(member) = self.pick(&members, numbered.message.qos) {
            let ids = member.options.identifier.into_iter().collect();
            self.deliver_copy(member, numbered, ids);
        }
    }

    fn deliver_copy(&mut self, to: Subscriber, numbered: &Numbered, subscription_ids: Vec<u32>) {
        let terms = Terms {
            qos: self.copy_qos(&to, numbered.message.qos),
            // [MQTT-3.3.1-12, -13]
            retain: numbered.message.retain
                && (to.options.retain_as_published || defect::on(Defect::KeepsRetainFlag)),
            subscription_ids,
            limited: true,
            cause: Cause::Live,
        };
        self.deliver_as(to, numbered, terms);
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
        if defect::on(Defect::RaisesQos) {
            published
        } else if defect::on(Defect::LowersQos) {
            published.min(subscribed).min(QoS::AtLeastOnce)
        } else if self.settings.limits.upgrade_outgoing_qos {
            subscribed
        } else {
            published.min(subscribed)
        }
    }

    /// [MQTT-3.3.1-5 to -8]
    fn retain(&mut self, numbered: &Numbered, origin: Option<&Origin>) {
        let message = &numbered.message;
        if message.payload.is_empty() {
            if defect::on(Defect::IgnoresDelete) {
                return;
            }
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

    /// Who gets a copy of a message, for each matching subscription.
    fn subscribers_of(&mut self, numbered: &Numbered, origin: Option<&Origin>) -> Found {
        let message = &numbered.message;
        let (mut found, mut groups) = (Found::new(), Vec::new());
        self.subscribers.matching(&message.topic, |subscribers| {
            found.extend_from_slice(subscribers.single());
            groups.extend(subscribers.turns());
        });
        found.extend(groups.iter().filter_map(|members| self.pick(members, message.qos)));
        // Before copies are put together: it is an option of one subscription. [MQTT-3.8.3-3]
        let own = |it: &Subscriber| origin.is_some_and(|origin| origin.session == it.session);
        found.retain(|it| !it.options.no_local || !own(it));
        found
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

/// One copy for each session, with the highest QoS, and the identifiers of all its subscriptions
/// that match. [MQTT-3.3.4-2 to -4]
fn put_together(mut found: Found) -> Vec<(Subscriber, Vec<u32>)> {
    found.sort_by_key(|it| (it.session, it.rule, std::cmp::Reverse(it.options.qos)));
    let mut copies: Vec<(Subscriber, Vec<u32>)> = Vec::new();
    for subscriber in found {
        let ids = subscriber.options.identifier;
        match copies.last_mut().filter(|(last, _)| last.is_same_as(&subscriber)) {
            Some((_, all)) => all.extend(ids),
            None => copies.push((subscriber, ids.into_iter().collect())),
        }
    }
    copies
}
