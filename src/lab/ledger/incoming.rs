//! Messages that come to a broker, and the acknowledgements by which it answers for them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::book::Retained;
use super::message::{Fate, Leg, Message, MessageKey, Publisher};
use super::session::{Incoming, LegKey, SessionKey};
use super::wires::End;
use super::{Ledger, Loop};
use crate::broker::MessageId;
use crate::broker::event::{DropReason, Origin};
use crate::lab::trace::{Entry, Party};
use crate::mqtt::packet::Publish;
use crate::mqtt::{ClientId, QoS, Reason, Rule, Topic};

impl Ledger {
    /// A PUBLISH arrives at a broker. `leg` is what it is to the broker that sent it.
    pub(super) fn came(
        &mut self,
        end: &End,
        publish: &Publish,
        sent_topic: &Topic,
        entry: &Arc<Entry>,
        wire: u64,
        leg: Option<LegKey>,
    ) {
        if sent_topic.is_dollar() {
            return;
        }
        let session = self.session(&end.session);
        if let Some(id) = publish.packet_id
            && let Some(known) = session.incoming.get(&id)
            && session.repeats(known, publish, sent_topic, wire)
        {
            // Once more: of QoS 2 the broker knows it; of QoS 1 it may pass it on again.
            let known = Incoming { wire, ..known.clone() };
            let message = known.message;
            session.incoming.insert(id, known);
            self.reconsider(&end.session, message);
            return self.add_packet(message, entry);
        }
        let (topic, rule) = if end.is_bridge {
            let facts = self.bridges.iter().find(|it| it.is_local(&end.session));
            let Some((rule, topic)) = facts.and_then(|it| it.comes_in(sent_topic)) else { return };
            (topic, Some((rule.to_string(), sent_topic.clone())))
        } else {
            (sent_topic.clone(), None)
        };
        let publisher = Publisher { client: end.session.client.clone(), rule };
        let key = self.enter(&end.session, publish, &topic, publisher, entry, leg);
        let session = self.session(&end.session);
        if publish.qos == QoS::ExactlyOnce {
            session.news_on = Some(wire);
        }
        match publish.packet_id {
            Some(id) => {
                let sent = (sent_topic.clone(), publish.payload.clone());
                session.incoming.insert(id, Incoming { message: key, sent, wire });
            }
            None => session.unnumbered.push_back(key),
        }
    }

    /// A message that nobody acknowledged comes once more, and may be new to its broker: who has
    /// unsubscribed since is not sure to get it.
    fn reconsider(&mut self, by: &SessionKey, key: MessageKey) {
        let Some(message) = self.messages.get(key).filter(|it| !it.promised) else { return };
        let now = self.legs(by, &message.topic, message.qos);
        let Some(message) = self.messages.get_mut(key) else { return };
        for leg in message.legs.iter_mut().filter(|leg| leg.owed) {
            leg.owed = now.iter().any(|it| it.owed && (&it.to, &it.topic) == (&leg.to, &leg.topic));
        }
    }

    /// A message is new to a broker.
    fn enter(
        &mut self,
        by: &SessionKey,
        publish: &Publish,
        topic: &Topic,
        publisher: Publisher,
        entry: &Arc<Entry>,
        leg: Option<LegKey>,
    ) -> MessageKey {
        let at = by.broker.clone();
        let qos = match &publisher.rule {
            Some(_) => self.capped(by, publish.qos, topic),
            None => publish.qos,
        };
        let parent = leg.map(|(message, _)| message);
        let mut visits: BTreeMap<Party, u32> = parent
            .and_then(|it| self.messages.get(it))
            .map(|it| it.visits.clone())
            .unwrap_or_default();
        *visits.entry(at.clone()).or_default() += 1;
        let passes = visits[&at];
        let legs = self.legs(by, topic, qos);
        let counts = self.messages.counts_mut();
        *(if parent.is_some() { &mut counts.bridged } else { &mut counts.published }) += 1;
        let key = self.messages.add(Message {
            key: MessageKey(0),
            at: at.clone(),
            topic: topic.clone(),
            payload: publish.payload.clone(),
            qos,
            retain: publish.retain,
            expires_at: publish
                .properties
                .message_expiry_s()
                .map(|seconds| entry.at + Duration::from_secs(seconds.into())),
            publisher,
            came: vec![Arc::clone(entry)],
            promised: false,
            number: None,
            also: Vec::new(),
            parent,
            visits,
            refused: None,
            legs,
        });
        self.open_legs(key);
        if publish.retain {
            self.may_miss(key);
        }
        if let Some((message, leg)) = leg
            && let Some(leg) = self.messages.get_mut(message).and_then(|it| it.legs.get_mut(leg))
        {
            leg.child = Some(key);
        }
        if publish.retain {
            self.retain(by, topic, publish, key);
        }
        if passes > 1 {
            self.went_round(key, passes, entry);
        }
        key
    }

    fn capped(&self, by: &SessionKey, qos: QoS, topic: &Topic) -> QoS {
        let facts = self.bridges.iter().find(|it| it.is_local(by));
        let rules = facts.into_iter().flat_map(|it| &it.rules);
        let caps = rules.filter(|rule| rule.direction().comes_in() && rule.local().matches(topic));
        caps.map(Rule::qos).max().map_or(qos, |cap| cap.min(qos))
    }

    /// To whom a message is owed, or may go.
    fn legs(&self, by: &SessionKey, topic: &Topic, qos: QoS) -> Vec<Leg> {
        let Some(book) = self.books.get(&by.broker) else { return Vec::new() };
        let mut legs = Vec::new();
        let mut groups: Vec<(ClientId, QoS, bool)> = Vec::new();
        for (client, session) in &book.sessions {
            let reachable = session.kept || session.wire.is_some();
            for (there, qos, rule, sure) in session.takes(topic, qos, *client == by.client) {
                let to = SessionKey { broker: by.broker.clone(), client: client.clone() };
                let owed = sure && reachable && qos > QoS::AtMostOnce;
                legs.push(Leg::new(to, there, qos, rule, owed));
            }
            for (filter, subscribed) in &session.subscriptions {
                if filter.group().is_none() || !filter.matches(topic) {
                    continue;
                }
                let group = ClientId::new(filter.as_str());
                let owed = subscribed.sure && subscribed.options.qos.min(qos) > QoS::AtMostOnce;
                match groups.iter_mut().find(|(it, ..)| *it == group) {
                    Some((_, _, all)) => *all &= owed,
                    None => groups.push((group, subscribed.options.qos.min(qos), owed)),
                }
            }
        }
        for (group, qos, owed) in groups {
            let to = SessionKey { broker: by.broker.clone(), client: group };
            legs.push(Leg::new(to, topic.clone(), qos, None, owed));
        }
        legs
    }

    fn open_legs(&mut self, key: MessageKey) {
        let Some(message) = self.messages.get(key) else { return };
        let to: Vec<SessionKey> = message.legs.iter().map(|leg| leg.to.clone()).collect();
        for (at, to) in to.into_iter().enumerate() {
            self.session(&to).open.insert((key, at));
        }
    }

    /// A bridge may have missed a retained message of QoS 0, which waits for nobody.
    fn may_miss(&mut self, key: MessageKey) {
        let legs = self.messages.get(key).into_iter().flat_map(|it| &it.legs);
        let unkept = legs.filter(|leg| leg.qos == QoS::AtMostOnce);
        for to in unkept.map(|leg| leg.to.clone()).collect::<Vec<_>>() {
            self.session(&to).may_refresh = true;
        }
    }

    fn retain(&mut self, by: &SessionKey, topic: &Topic, publish: &Publish, key: MessageKey) {
        let book = self.books.entry(by.broker.clone()).or_default();
        let retained = book.retained.entry(topic.clone()).or_insert_with(|| Retained {
            payload: publish.payload.clone(),
            by: key,
            written: BTreeMap::new(),
        });
        (retained.payload, retained.by) = (publish.payload.clone(), key);
        *retained.written.entry(by.client.clone()).or_default() += 1;
    }

    /// A message is at a broker where it was before.
    fn went_round(&mut self, key: MessageKey, passes: u32, entry: &Arc<Entry>) {
        let Some(message) = self.messages.get(key) else { return };
        let (at, topic) = (message.at.clone(), message.topic.clone());
        let path = self.way_round(key);
        let known = self.notable.loops.entry((at, topic)).or_insert_with(|| Loop {
            passes,
            messages: 0,
            between: (entry.at, entry.at),
            last: key,
            path: Vec::new(),
        });
        known.passes = known.passes.max(passes);
        known.messages += 1;
        known.between.1 = entry.at;
        (known.last, known.path) = (key, path);
    }

    /// From the message's broker back to it, as it went.
    fn way_round(&self, key: MessageKey) -> Vec<(Party, String)> {
        let mut path = Vec::new();
        let home = self.messages.get(key).map(|it| it.at.clone());
        let mut child = key;
        while let Some(message) = self.messages.get(child)
            && let Some(parent) = message.parent.and_then(|it| self.messages.get(it))
        {
            let leg = parent.legs.iter().find(|leg| leg.child == Some(child));
            let out = leg.and_then(|leg| leg.rule.clone());
            let rule = out.or_else(|| Some(message.publisher.rule.as_ref()?.0.clone()));
            path.push((parent.at.clone(), rule.unwrap_or_default()));
            if Some(&parent.at) == home.as_ref() {
                break;
            }
            child = parent.key;
        }
        path.reverse();
        path
    }

    /// A packet more of a message's way in.
    pub(super) fn add_packet(&mut self, message: MessageKey, entry: &Arc<Entry>) {
        if let Some(message) = self.messages.get_mut(message) {
            message.came.push(Arc::clone(entry));
        }
    }

    /// The acknowledgement of a message arrives at whoever sent it. Gives back whether that is what
    /// makes it a promise.
    pub(super) fn acknowledged(
        &mut self,
        key: MessageKey,
        reason: Reason,
        entry: &Arc<Entry>,
    ) -> bool {
        let taken = !reason.is_error();
        let Some(message) = self.messages.get_mut(key) else { return taken };
        message.came.push(Arc::clone(entry));
        if message.promised {
            return false;
        }
        if taken {
            message.promised = true;
        } else {
            self.not_taken(key, reason);
        }
        taken
    }

    /// A broker does not take a message: it goes to nobody.
    fn not_taken(&mut self, key: MessageKey, reason: Reason) {
        let Some(message) = self.messages.get_mut(key) else { return };
        message.refused = Some(reason);
        let legs = message.legs.iter_mut().enumerate().filter(|(_, leg)| leg.fate == Fate::Open);
        let legs: Vec<_> = legs
            .map(|(at, leg)| {
                leg.owed = false;
                (at, leg.to.clone())
            })
            .collect();
        for (at, to) in legs {
            self.session(&to).open.remove(&(key, at));
        }
    }

    /// A broker of ours says which number a message has there.
    pub(super) fn numbered(
        &mut self,
        broker: &Party,
        number: MessageId,
        packet: Option<&Origin>,
        client: Option<&ClientId>,
    ) {
        let (Some(packet), Some(client)) = (packet, client) else { return };
        let key = SessionKey { broker: broker.clone(), client: client.clone() };
        let session = self.session(&key);
        let message = match packet.packet_id {
            Some(id) => session.incoming.get(&id).map(|it| it.message),
            None => session.unnumbered.pop_front(),
        };
        if let Some(message) = message {
            self.messages.set_number(message, number);
        }
    }

    /// A broker of ours says that a session does not get a message.
    pub(super) fn refused(
        &mut self,
        broker: &Party,
        number: Option<MessageId>,
        client: &ClientId,
        topic: &Topic,
        reason: DropReason,
        entry: &Arc<Entry>,
    ) {
        let key = SessionKey { broker: broker.clone(), client: client.clone() };
        self.session(&key).may_refresh = true;
        let known = number.and_then(|it| self.messages.numbered(broker, it));
        let leg = |message: &Message| {
            message.legs.iter().position(|leg| {
                leg.to.client == *client && leg.topic == *topic && leg.fate.is_open()
            })
        };
        // Without a number: the newest message there that may be meant.
        let newest = || {
            let mut there = self.messages.iter().rev().filter(|it| it.at == *broker);
            there.find_map(|it| Some((it.key, leg(it)?)))
        };
        let found =
            known.and_then(|key| Some((key, leg(self.messages.get(key)?)?))).or_else(newest);
        let Some((message, at)) = found else { return };
        if let Some(message) = self.messages.get_mut(message) {
            message.legs[at].fate = Fate::Refused(reason);
            message.legs[at].packets.push(Arc::clone(entry));
        }
        self.session(&key).open.remove(&(message, at));
    }

    /// What was owed to a session that is gone.
    pub(super) fn no_longer_owed(&mut self, legs: Vec<LegKey>) {
        for (message, leg) in legs {
            self.close(message, leg, Fate::SessionEnded);
        }
    }

    /// Packets were not seen. Whatever was open may be among them: it is judged no more, and what
    /// comes is not compared with what came before.
    pub(super) fn lose_sight(&mut self) {
        let mut legs = Vec::new();
        for session in self.books.values_mut().flat_map(|book| book.sessions.values_mut()) {
            legs.extend(std::mem::take(&mut session.open));
            legs.extend(session.outgoing.values().copied());
            session.recent.clear();
            session.newest.clear();
        }
        for (message, leg) in legs {
            self.close(message, leg, Fate::Unseen);
        }
    }

    fn close(&mut self, message: MessageKey, leg: usize, fate: Fate) {
        if let Some(leg) = self.messages.get_mut(message).and_then(|it| it.legs.get_mut(leg))
            && leg.fate.is_open()
        {
            leg.fate = fate;
        }
    }
}

impl Leg {
    fn new(to: SessionKey, topic: Topic, qos: QoS, rule: Option<String>, owed: bool) -> Self {
        Self {
            to,
            topic,
            qos,
            rule,
            owed,
            fate: Fate::Open,
            exact: false,
            refreshes: false,
            packets: Vec::new(),
            child: None,
        }
    }
}
