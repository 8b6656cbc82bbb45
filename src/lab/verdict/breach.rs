//! A promise that was not kept, in a sentence and with the part of the trace that shows it.

use std::sync::Arc;

use super::excerpt::Excerpt;
use crate::conf::scenario::BreachKind;
use crate::lab::ledger::{Doubled, Forgot, Loop, Odd, Oddity, Overtook};
use crate::lab::ledger::{Ledger, Leg, Message, SessionKey};
use crate::lab::trace::{Entry, Event, Party, payload};
use crate::mqtt::{QoS, Topic};

/// A promise that was not kept.
#[derive(Debug, Clone)]
pub struct Breach {
    /// Which promise.
    pub kind: BreachKind,
    /// What happened, as a sentence.
    pub what: String,
    /// The part of the trace that shows it, in its order.
    pub entries: Vec<Arc<Entry>>,
}

/// A delivery that did not come.
pub(super) fn lost(ledger: &Ledger, message: &Message, leg: &Leg) -> Breach {
    let what = format!(
        "{} acknowledged {} ({}) from {}, and {} never got it",
        message.at.name(),
        describe(message),
        message.qos,
        message.publisher.client,
        session(ledger, &leg.to),
    );
    let mut part = Excerpt::new(ledger);
    part.message(message);
    part.leg(leg);
    part.since(&leg.to);
    Breach { kind: BreachKind::Lost, what, entries: part.entries() }
}

/// A message too many.
pub(super) fn doubled(ledger: &Ledger, doubled: &Doubled) -> Breach {
    let mut part = Excerpt::new(ledger);
    let mut what = format!("{} got a message once more", session(ledger, &doubled.to));
    if let Some(message) = ledger.message(doubled.message) {
        what = format!(
            "{} got {} from {} more than once, although it was sent with {}",
            session(ledger, &doubled.to),
            describe(message),
            message.at.name(),
            leg_qos(message, &doubled.to),
        );
        part.message(message);
        for leg in message.legs.iter().filter(|leg| leg.to == doubled.to) {
            part.leg(leg);
        }
    }
    part.entry(&doubled.entry);
    part.since(&doubled.to);
    Breach { kind: BreachKind::Doubled, what, entries: part.entries() }
}

/// A message too late.
pub(super) fn reordered(ledger: &Ledger, overtook: &Overtook) -> Breach {
    let mut part = Excerpt::new(ledger);
    let words = |key| ledger.message(key).map_or_else(|| "a message".to_owned(), describe);
    let what = format!(
        "{} got {} after {}, which the same client published later with the same QoS",
        session(ledger, &overtook.to),
        words(overtook.late),
        words(overtook.early),
    );
    for message in [overtook.late, overtook.early].into_iter().filter_map(|it| ledger.message(it)) {
        part.message(message);
        for leg in message.legs.iter().filter(|leg| leg.to == overtook.to) {
            part.leg(leg);
        }
    }
    part.entry(&overtook.entry);
    Breach { kind: BreachKind::Reordered, what, entries: part.entries() }
}

/// A session that is not known any more.
pub(super) fn forgot(ledger: &Ledger, forgot: &Forgot) -> Breach {
    let owed = match forgot.owed {
        0 => "nothing was owed to it".to_owned(),
        1 => "1 message was owed to it".to_owned(),
        owed => format!("{owed} messages were owed to it"),
    };
    let what = format!(
        "{} had promised to keep the session of {}, and answers that it knows none; {owed}",
        forgot.by.name(),
        session(ledger, &forgot.session),
    );
    let mut part = Excerpt::new(ledger);
    part.entry(&forgot.entry);
    part.before(&forgot.session, &forgot.entry);
    Breach { kind: BreachKind::Forgot, what, entries: part.entries() }
}

/// A message that was sent as it should not be.
pub(super) fn odd(ledger: &Ledger, odd: &Odd) -> Breach {
    let Event::Packet(crossing) = &odd.entry.event else {
        return Breach { kind: BreachKind::Conduct, what: String::new(), entries: Vec::new() };
    };
    let why = match odd.what {
        Oddity::FromNowhere => "which nobody published".to_owned(),
        Oddity::NotSubscribed => "which had not subscribed to it [MQTT-3.10.4-1]".to_owned(),
        Oddity::LowerQos(due) => format!("which was to get it with {due} [MQTT-3.8.4-8]"),
        Oddity::HigherQos(most) => format!("which was granted {most} [MQTT-3.8.4-8]"),
        Oddity::Flagged => "as a retained one, which it is not [MQTT-3.3.1-9]".to_owned(),
        Oddity::Echo => "which it came from".to_owned(),
        Oddity::NotFlagged => "which does not say that it was retained [MQTT-3.3.1-8]".to_owned(),
    };
    let to = session(ledger, &odd.to);
    let what = format!("{} sent {} to {to}, {why}", crossing.from(), crossing.words());
    let mut part = Excerpt::new(ledger);
    part.entry(&odd.entry);
    Breach { kind: BreachKind::Conduct, what, entries: part.entries() }
}

/// A message that goes round.
pub(super) fn looped(ledger: &Ledger, broker: &Party, topic: &Topic, found: &Loop) -> Breach {
    let seconds = found.between.1.saturating_sub(found.between.0).as_secs_f64();
    let count = found.messages;
    let rate = if seconds > 0.0 {
        let wide = u32::try_from(count).map_or(f64::from(u32::MAX), f64::from);
        format!(", {:.0} a second", wide / seconds)
    } else {
        String::new()
    };
    let path: Vec<String> =
        found.path.iter().map(|(at, rule)| format!("{at} --({rule})--> ")).collect();
    let what = format!(
        "{topic} goes round: it came back to {broker} {count} times{rate}, one message up to {} \
         times; the way is {}{broker}",
        found.passes - 1,
        path.concat(),
    );
    let mut part = Excerpt::new(ledger);
    let mut next = ledger.message(found.last);
    for _ in 0..=found.path.len() {
        let Some(message) = next else { break };
        part.message_alone(message);
        next = message.parent.and_then(|it| ledger.message(it));
    }
    Breach { kind: BreachKind::Loop, what, entries: part.entries() }
}

fn leg_qos(message: &Message, to: &SessionKey) -> QoS {
    message.legs.iter().find(|leg| leg.to == *to).map_or(message.qos, |leg| leg.qos)
}

fn describe(message: &Message) -> String {
    format!("{} = {}", message.topic, payload(&message.payload))
}

/// A session's client; the bridge, where it is one's.
fn session(ledger: &Ledger, key: &SessionKey) -> String {
    for bridge in ledger.bridges() {
        if let Some(far) = bridge.far(key) {
            return format!("{far} (by {})", bridge.cable);
        }
    }
    key.client.to_string()
}
