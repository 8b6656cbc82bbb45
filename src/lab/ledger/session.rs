//! A session at a broker, as it can be read off its connections.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use super::bridges::BridgeFacts;
use super::message::MessageKey;
use crate::broker::MessageId;
use crate::broker::event::Cause;
use crate::lab::trace::Party;
use crate::mqtt::packet::{Publish, SubscribeOptions};
use crate::mqtt::{ClientId, Filter, PacketId, QoS, Rule, Topic};

/// So many deliveries are remembered, to know a message that comes once more.
const REMEMBERED: usize = 2_000;

/// Names a session.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey {
    /// At which broker.
    pub broker: Party,
    /// Of which client; or a group's `$share/group/filter`, which is owed as one.
    pub client: ClientId,
}

/// A leg: a message's key and which of its legs.
pub type LegKey = (MessageKey, usize);

/// A session.
#[derive(Debug, Clone, Default)]
pub struct Session {
    /// Whether it outlives its connection.
    pub kept: bool,
    /// For how long, in seconds; none for ever.
    pub expires_s: Option<u32>,
    /// Since when it has no connection.
    pub away_since: Option<Duration>,
    /// Whether its broker said that it drops messages for it, once and for all that do not fit.
    pub drops: bool,
    /// Whether the trace knows it from its beginning.
    pub begun: bool,
    /// Its connection.
    pub wire: Option<u64>,
    /// What it is subscribed to.
    pub subscriptions: BTreeMap<Filter, Subscribed>,
    /// What it was ever subscribed to.
    pub history: Vec<Term>,
    /// Whether it may have missed a retained message. To a bridge's all are sent again then.
    pub may_refresh: bool,
    /// Where it is a bridge's: its rules, and the name its messages go by.
    pub rules: Option<Vec<Rule>>,
    /// Messages that it sent with QoS 1 or 2 and whose handshake is not over.
    pub incoming: BTreeMap<PacketId, Incoming>,
    /// The connection on which it last sent a QoS 2 message that was new. What is not finished is
    /// repeated first on a connection [MQTT-4.4.0-1], so what is older is not repeated any more.
    pub news_on: Option<u64>,
    /// How many PUBACKs and good PUBRECs arrived at it, each message's first alone.
    pub answered: u64,
    /// Those whose PUBREL came, until PUBCOMP does.
    pub released: BTreeMap<PacketId, MessageKey>,
    /// Messages that were sent to it with QoS 1 or 2 and whose handshake is not over.
    pub outgoing: BTreeMap<PacketId, LegKey>,
    /// Legs that were not sent yet, in the order of their messages.
    pub open: BTreeSet<LegKey>,
    /// What it was sent last.
    pub recent: VecDeque<(Topic, Bytes, LegKey)>,
    /// The newest message that arrived, by topic, publisher and QoS.
    pub newest: BTreeMap<(Topic, ClientId, QoS), MessageKey>,
    /// What a broker of ours says it sends next.
    pub expected: VecDeque<Expected>,
    /// Messages that it sent with QoS 0 and that have no number yet.
    pub unnumbered: VecDeque<MessageKey>,
    /// Its will, as topic and payload.
    pub will: Option<(Topic, Bytes)>,
}

/// A subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscribed {
    /// As granted.
    pub options: SubscribeOptions,
    /// Whether SUBACK has been seen, and no UNSUBSCRIBE since: then messages are owed.
    pub sure: bool,
}

/// A subscription, from its SUBSCRIBE to the UNSUBACK that ends it, by the numbers of entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// To what.
    pub filter: Filter,
    /// As it was asked for.
    pub asked: SubscribeOptions,
    /// What SUBACK granted, where that was seen.
    pub granted: Option<QoS>,
    /// SUBSCRIBE.
    pub from: u64,
    /// The last one that said the same again.
    pub again: u64,
    /// UNSUBACK.
    pub until: Option<u64>,
}

/// A message whose sender has not heard the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// The message.
    pub message: MessageKey,
    /// Its topic as it came, and its payload: the same id with others is another message.
    pub sent: (Topic, Bytes),
    /// The connection on which it came last.
    pub wire: u64,
}

/// A PUBLISH that a broker of ours has handed to a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The broker's number for the message.
    pub number: MessageId,
    /// Its packet id.
    pub packet_id: Option<PacketId>,
    /// The topic it is sent with.
    pub topic: Topic,
    /// Why it is sent.
    pub cause: Cause,
}

impl Session {
    /// It subscribes, or says again that it does.
    pub fn ask(&mut self, filter: &Filter, asked: SubscribeOptions, at: u64) {
        let same = |it: &&mut Term| it.filter == *filter && it.asked == asked && it.until.is_none();
        if let Some(term) = self.history.iter_mut().rev().find(same) {
            term.again = at;
        } else {
            let (filter, granted, until) = (filter.clone(), None, None);
            self.history.push(Term { filter, asked, granted, from: at, again: at, until });
        }
    }

    /// Whether a PUBLISH repeats the one that came under its id. A client that lost its memory counts
    /// from 1 again and may say the same: what is repeated is marked, and comes before anything new.
    /// [MQTT-3.3.1-1, MQTT-4.4.0-1]
    #[must_use]
    pub fn repeats(&self, known: &Incoming, publish: &Publish, topic: &Topic, wire: u64) -> bool {
        let same = known.sent.0 == *topic && known.sent.1 == publish.payload;
        same && (publish.dup || known.wire == wire || self.news_on != Some(wire))
    }

    /// What a broker of ours told of the PUBLISH that it sends now; also of one that it sends again,
    /// for the first may never have left it.
    pub fn take_expected(&mut self, id: Option<PacketId>, topic: &Topic) -> Option<Expected> {
        let fits = |it: &Expected| it.packet_id == id && it.topic == *topic;
        let at = self.expected.iter().position(fits)?;
        self.expected.drain(..=at).next_back()
    }

    /// Whether nobody is going to send that message again, which it sent.
    #[must_use]
    pub fn has_given_up(&self, message: MessageKey) -> bool {
        let mut known = self.incoming.values().filter(|it| it.message == message);
        known.all(|it| self.news_on.is_some_and(|wire| wire > it.wire))
    }

    /// The session of a bridge at its own broker.
    #[must_use]
    pub fn of_bridge(facts: &BridgeFacts) -> Self {
        Self { kept: facts.kept, rules: Some(facts.rules.clone()), ..Self::default() }
    }

    /// Whether it may have ended by itself. [MQTT 5.0, section 3.1.2.11.2]
    #[must_use]
    pub fn has_expired(&self, now: Duration) -> bool {
        let (Some(seconds), Some(since)) = (self.expires_s, self.away_since) else { return false };
        now >= since + Duration::from_secs(seconds.into())
    }

    /// How a message goes to it: what it is called there, with which QoS, by which rule, and whether
    /// it is owed. Nothing where no subscription matches.
    pub fn takes(
        &self,
        topic: &Topic,
        qos: QoS,
        own: bool,
    ) -> Vec<(Topic, QoS, Option<String>, bool)> {
        if let Some(rules) = &self.rules {
            return if own { Vec::new() } else { by_rules(rules, topic, qos) };
        }
        let mut best: Option<(QoS, bool)> = None;
        for (filter, subscribed) in &self.subscriptions {
            let silent = own && subscribed.options.no_local;
            if filter.group().is_some() || silent || !filter.matches(topic) {
                continue;
            }
            let granted = subscribed.options.qos.min(qos);
            let (most, sure) = best.unwrap_or((granted, false));
            best = Some((most.max(granted), sure || subscribed.sure));
        }
        let found = best.map(|(qos, sure)| (topic.clone(), qos, None, sure));
        found.into_iter().collect()
    }

    /// Whether a message may come to it with its retain flag as it was published.
    #[must_use]
    pub fn keeps_retain(&self, topic: &Topic) -> bool {
        self.rules.is_some()
            || self.subscriptions.iter().any(|(filter, subscribed)| {
                subscribed.options.retain_as_published && filter.matches(topic)
            })
    }

    /// How many of its subscriptions match: so many copies a broker may send.
    #[must_use]
    pub fn matching(&self, topic: &Topic) -> usize {
        match &self.rules {
            Some(rules) => rules.iter().filter(|rule| rule.to_remote(topic).is_some()).count(),
            None => self.subscriptions.keys().filter(|filter| filter.matches(topic)).count(),
        }
    }

    /// Remembers what it was sent.
    pub fn remember(&mut self, topic: Topic, payload: Bytes, leg: LegKey) {
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back((topic, payload, leg));
    }
}

fn by_rules(rules: &[Rule], topic: &Topic, qos: QoS) -> Vec<(Topic, QoS, Option<String>, bool)> {
    let mut found: Vec<(Topic, QoS, Option<String>, bool)> = Vec::new();
    for rule in rules {
        let Some(there) = rule.to_remote(topic) else { continue };
        if found.iter().all(|(it, ..)| *it != there) {
            found.push((there, rule.qos().min(qos), Some(rule.to_string()), true));
        }
    }
    found
}
