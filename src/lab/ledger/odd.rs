//! Messages that are sent as they should not be: to somebody who did not ask for them, with another QoS
//! than is due, with a wrong retain flag, or without anybody having published them.
//!
//! Only what is certain: what went on before the trace, wills, equal messages and races between
//! connections leave a broker every excuse.

use std::sync::Arc;

use super::message::{Message, MessageKey};
use super::outgoing::Found;
use super::session::{Session, SessionKey, Term};
use super::{Book, Ledger};
use crate::broker::event::Cause;
use crate::lab::trace::Entry;
use crate::mqtt::packet::Publish;
use crate::mqtt::{QoS, Rule, Topic};

/// A message that was sent as it should not be.
#[derive(Debug, Clone)]
pub struct Odd {
    /// What is wrong with it.
    pub what: Oddity,
    /// To whom.
    pub to: SessionKey,
    /// Its PUBLISH.
    pub entry: Arc<Entry>,
}

/// What can be wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oddity {
    /// Nobody published it.
    FromNowhere,
    /// Whoever gets it was not subscribed when it was published. [MQTT-3.10.4-1]
    NotSubscribed,
    /// It goes with a lower QoS than this. [MQTT-3.8.4-8]
    LowerQos(QoS),
    /// It goes with a higher QoS than this, which was granted. [MQTT-3.8.4-8]
    HigherQos(QoS),
    /// It is no retained message of a new subscription, and goes as one. [MQTT-3.3.1-9]
    Flagged,
    /// It is one, and does not go as one. [MQTT-3.3.1-8]
    NotFlagged,
    /// It goes back by the bridge that brought it in.
    Echo,
}

/// What a broker of ours told of a PUBLISH.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    /// Why it is sent.
    pub(super) cause: Cause,
    /// Which message it is, where that came by a packet.
    pub(super) message: Option<MessageKey>,
}

impl Ledger {
    /// What is wrong with a PUBLISH that is sent for the first time.
    pub(super) fn oddity(
        &self,
        to: &SessionKey,
        wire: u64,
        publish: &Publish,
        topic: &Topic,
        found: &Found,
        told: Option<Told>,
    ) -> Option<Oddity> {
        let book = self.books.get(&to.broker)?;
        let session = book.sessions.get(&to.client)?;
        if session.rules.is_some() {
            // Bridges of other brokers may have limits of their own, and what enters without a packet
            // may say what another message says.
            let message = self.messages.get(told?.message?)?;
            if message.publisher.client == to.client {
                return Some(Oddity::Echo);
            }
            let exact = matches!(found, Found::Leg((key, _)) if *key == message.key);
            return if exact { self.lower(to, book, session, publish, topic, found) } else { None };
        }
        if !session.begun {
            return None;
        }
        let terms: Vec<&Term> =
            session.history.iter().filter(|term| term.filter.matches(topic)).collect();
        let most = terms.iter().map(|term| term.granted.unwrap_or(term.asked.qos)).max();
        let Some(most) = most else {
            return self.is_complete().then_some(Oddity::NotSubscribed);
        };
        if publish.qos > most {
            return Some(Oddity::HigherQos(most));
        }
        let as_published = terms.iter().any(|term| term.asked.retain_as_published);
        if let Some(flag) = self.flag(publish, as_published, found, told) {
            return Some(flag);
        }
        let lower = self.lower(to, book, session, publish, topic, found);
        let unknown = matches!(found, Found::Unknown | Found::Retained);
        let shared = terms.iter().any(|term| term.filter.group().is_some());
        if lower.is_some() || !unknown || publish.retain || as_published || shared {
            return lower;
        }
        let began = self.wires.get(&wire).map_or(0, |wire| wire.began);
        self.unasked(to, book, (topic, publish), &terms, began)
    }

    /// Whether its retain flag is wrong, where its broker told why it is sent.
    fn flag(
        &self,
        publish: &Publish,
        as_published: bool,
        found: &Found,
        told: Option<Told>,
    ) -> Option<Oddity> {
        match (told?.cause, found) {
            (Cause::Live, Found::Leg((message, leg))) if publish.retain && !as_published => {
                // A broker forgets with its power why something waits.
                let owed = self.messages.get(*message).is_some_and(|it| it.legs[*leg].owed);
                owed.then_some(Oddity::Flagged)
            }
            (Cause::Subscribed, _) if !publish.retain => Some(Oddity::NotFlagged),
            _ => None,
        }
    }

    /// Whether it goes with a lower QoS than any message that it may be is due with.
    fn lower(
        &self,
        to: &SessionKey,
        book: &Book,
        session: &Session,
        publish: &Publish,
        topic: &Topic,
        found: &Found,
    ) -> Option<Oddity> {
        let (Found::Leg((message, leg)) | Found::Again((message, leg))) = found else {
            return None;
        };
        let leg = &self.messages.get(*message)?.legs[*leg];
        // Most messages go as they are due, and need no search.
        if publish.qos >= leg.qos || !self.is_complete() {
            return None;
        }
        let due = |message: &Message| self.least_due(to, session, message);
        let due = self.equals(to, topic, publish).map(due).min()?;
        let willed = book.wills.iter().any(|it| it.payload == publish.payload);
        (publish.qos < due && !willed).then_some(Oddity::LowerQos(due))
    }

    /// The least QoS with which a message may go to a session.
    fn least_due(&self, to: &SessionKey, session: &Session, message: &Message) -> QoS {
        let by = SessionKey { broker: to.broker.clone(), client: message.publisher.client.clone() };
        let bridge = self.bridges.iter().find(|it| it.is_local(&by));
        let came_in = bridge.into_iter().flat_map(|it| &it.rules);
        let came_in = came_in.filter(|rule| rule.direction().comes_in()).map(Rule::qos).min();
        let caps = if let Some(rules) = &session.rules {
            let goes = rules.iter().filter(|rule| rule.to_remote(&message.topic).is_some());
            goes.map(Rule::qos).min()
        } else {
            let terms = session.history.iter().filter(|it| it.filter.matches(&message.topic));
            terms.map(|term| term.granted.unwrap_or(QoS::AtMostOnce)).min()
        };
        came_in.into_iter().chain(caps).chain([message.qos]).min().unwrap_or_default()
    }

    /// Whether nobody published it for whoever gets it.
    fn unasked(
        &self,
        to: &SessionKey,
        book: &Book,
        (topic, publish): (&Topic, &Publish),
        terms: &[&Term],
        began: u64,
    ) -> Option<Oddity> {
        // A bridge says of itself whether it is connected, where its conf has it.
        let state = matches!(&publish.payload[..], b"0" | b"1");
        let says = state && self.bridges.iter().any(|it| it.local == to.broker);
        if !self.is_complete() || says {
            return None;
        }
        let mut wills = book.wills.iter().filter(|it| it.topic == *topic);
        // A goodbye counts once the broker has read it: it has, if it lives since before that.
        if wills.any(|it| {
            it.payload == publish.payload && it.goodbye.is_none_or(|goodbye| goodbye < began)
        }) {
            return None;
        }
        let mut equals = self.equals(to, topic, publish).peekable();
        if equals.peek().is_none() {
            return Some(Oddity::FromNowhere);
        }
        let asked = |message: &Message| {
            let (first, last) = message.taken_in();
            terms.iter().any(|term| {
                term.until.is_none_or(|until| first <= until)
                    && last.is_none_or(|last| last >= term.from)
            })
        };
        (!equals.any(asked)).then_some(Oddity::NotSubscribed)
    }

    /// The messages at its broker that a PUBLISH to a session may be.
    fn equals(
        &self,
        to: &SessionKey,
        topic: &Topic,
        publish: &Publish,
    ) -> impl Iterator<Item = &Message> {
        let rules = self.books.get(&to.broker).and_then(|book| book.sessions.get(&to.client));
        let rules = rules.and_then(|session| session.rules.as_ref());
        let named = move |name: &Topic| match rules {
            Some(rules) => rules.iter().any(|rule| rule.to_remote(name).as_ref() == Some(topic)),
            None => name == topic,
        };
        let here = self.messages.iter().filter(|message| message.at == to.broker);
        here.filter(move |it| it.payload == publish.payload && named(&it.topic))
    }

    /// The QoS 2 message that a bridge sends again as a retained one, although the far side has it and
    /// has kept its session.
    pub(super) fn needlessly_refreshed(
        &self,
        to: &SessionKey,
        wire: u64,
        topic: &Topic,
        publish: &Publish,
    ) -> Option<MessageKey> {
        let session = self.books.get(&to.broker)?.sessions.get(&to.client)?;
        let kept = session.rules.is_some() && session.kept && !session.may_refresh;
        if !kept || !self.wires.get(&wire)?.knows || publish.qos != QoS::ExactlyOnce {
            return None;
        }
        let mut equals = self.equals(to, topic, publish);
        let newest = equals.by_ref().filter(|message| message.retain).last()?;
        let leg = newest.legs.iter().find(|leg| leg.to == *to && leg.topic == *topic)?;
        leg.fate.arrived().then_some(newest.key)
    }
}
