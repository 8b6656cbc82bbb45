//! The passport of a message: where it entered, each hop with the rule that took it there, what
//! became of its name, QoS and retain flag, how long it waited and why, each packet of each
//! handshake, and how each delivery ended. Data alone; how it is shown is others' business.
//!
//! ```text
//! Stop (a broker) --- Hop (to a session) ---> Stop (the next broker, behind a bridge)
//!                 \-- Hop (to a session)
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::ledger::{Fate, Ledger, Leg, Message, MessageKey, SessionKey};
use super::name::BoardName;
use super::trace::{Entry, Event, Party, Passage, payload, remark};
use crate::broker::{Event as BrokerEvent, MessageId};
use crate::mqtt::{ClientId, Packet, QoS, Topic};

/// A message at a broker, and where it went from there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stop {
    /// Names it in its trace.
    pub number: u64,
    /// The broker.
    pub at: Party,
    /// What it is called there.
    pub topic: Topic,
    /// The beginning of its payload.
    pub payload: String,
    /// The QoS it came with.
    pub qos: QoS,
    /// The retain flag it came with.
    pub retain: bool,
    /// Who published it; the bridge's session, where one brought it.
    pub by: String,
    /// The rule that let it in, and the topic it had before, where a bridge of this broker did.
    pub let_in: Option<(String, Topic)>,
    /// When it came.
    pub came: Option<Duration>,
    /// Whether the broker answered for it.
    pub promised: bool,
    /// Why the broker did not take it, in words.
    pub refused: Option<String>,
    /// The packets of its way in, where it did not come on a hop.
    pub packets: Vec<Step>,
    /// Where it went.
    pub hops: Vec<Hop>,
}

/// A message's way to a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hop {
    /// The session: a client, or the broker behind a bridge.
    pub to: String,
    /// The bridge that takes it there.
    pub bridge: Option<String>,
    /// The rule that takes it out, where the bridge is the broker's own.
    pub rule: Option<String>,
    /// Its name there.
    pub topic: Topic,
    /// The QoS it goes with.
    pub qos: QoS,
    /// The retain flag of the PUBLISH; none where none was seen.
    pub retain: Option<bool>,
    /// Whether the broker itself told that this is the message; otherwise it was found by topic,
    /// payload and order.
    pub exact: bool,
    /// Whether it waited, for how long, and for what. It waits still, where no end is named.
    pub waited: Option<Waited>,
    /// Its packets.
    pub packets: Vec<Step>,
    /// How far it came.
    pub end: End,
    /// The broker behind it.
    pub next: Option<Box<Stop>>,
}

/// See [`Hop::waited`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waited {
    /// In words.
    pub why: String,
    /// How long; none where it waits still.
    pub time: Option<Duration>,
}

/// A packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The entry of the trace.
    pub entry: u64,
    /// When.
    pub at: Duration,
    /// Who sent it.
    pub from: String,
    /// Whom it was for.
    pub to: String,
    /// In words.
    pub text: String,
    /// Whether it got there.
    pub passage: Passage,
    /// What the cable did, in words; empty where it did nothing.
    pub remark: String,
}

/// How a hop ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// It was not sent.
    Waits,
    /// It was sent, and the cable lost it so far.
    OnTheWay,
    /// It is there, and its handshake goes on.
    Arrived,
    /// It is there, and both sides are done with it.
    Delivered,
    /// The broker did not take it for this session, in words why.
    Refused(String),
    /// The session ended before.
    SessionEnded,
    /// Packets came too fast to be seen, and it may be among them.
    Unseen,
}

/// The passport of a message, from where it entered first, whichever of its stops is named. None
/// where the ledger does not remember it.
#[must_use]
pub fn passport(ledger: &Ledger, key: MessageKey) -> Option<Stop> {
    let mut first = ledger.message(key)?;
    // A loop's chain is long, and never longer than all there is.
    let mut seen = BTreeSet::from([key]);
    while let Some(parent) = first.parent.and_then(|it| ledger.message(it))
        && seen.insert(parent.key)
    {
        first = parent;
    }
    Some(Reader { ledger, told: Told::of(ledger) }.stop(first, &mut BTreeSet::new(), true))
}

/// The passports of all messages that entered from outside under a topic that is wanted, oldest first.
pub fn passports<'a>(
    ledger: &'a Ledger,
    wanted: impl Fn(&Topic) -> bool + 'a,
) -> impl Iterator<Item = Stop> + 'a {
    let first =
        ledger.messages().filter(|it| it.parent.and_then(|it| ledger.message(it)).is_none());
    let reader = Reader { ledger, told: Told::of(ledger) };
    first
        .filter(move |it| wanted(&it.topic))
        .map(move |it| reader.stop(it, &mut BTreeSet::new(), true))
}

struct Reader<'a> {
    ledger: &'a Ledger,
    told: Told,
}

impl Reader<'_> {
    fn stop(&self, message: &Message, seen: &mut BTreeSet<MessageKey>, is_first: bool) -> Stop {
        seen.insert(message.key);
        // What a broker does not take goes nowhere.
        let goes = |leg: &&Leg| message.refused.is_none() || leg.fate != Fate::Open;
        let legs = message.legs.iter().filter(goes);
        Stop {
            number: message.key.0,
            at: message.at.clone(),
            topic: message.topic.clone(),
            payload: payload(&message.payload),
            qos: message.qos,
            retain: message.retain,
            by: message.publisher.client.to_string(),
            let_in: message.publisher.rule.clone(),
            came: message.came.first().map(|entry| entry.at),
            promised: message.promised,
            refused: message.refused.map(|reason| reason.to_string()),
            packets: if is_first { steps(&message.came) } else { Vec::new() },
            hops: legs.map(|leg| self.hop(message, leg, seen)).collect(),
        }
    }

    fn hop(&self, message: &Message, leg: &Leg, seen: &mut BTreeSet<MessageKey>) -> Hop {
        let ledger = self.ledger;
        let next = leg.child.and_then(|key| ledger.message(key));
        let next = next.filter(|it| !seen.contains(&it.key));
        let (to, bridge) = session(ledger, &leg.to);
        Hop {
            to,
            bridge,
            rule: leg.rule.clone(),
            topic: leg.topic.clone(),
            qos: leg.qos,
            retain: leg.packets.iter().find_map(|entry| retain(entry)),
            exact: leg.exact,
            waited: self.told.waited(ledger, message, leg),
            packets: steps(&leg.packets),
            end: end(leg.fate),
            next: next.map(|message| Box::new(self.stop(message, seen, false))),
        }
    }
}

/// Where a session's messages come to: its client, or the broker behind a bridge.
fn session(ledger: &Ledger, key: &SessionKey) -> (String, Option<String>) {
    for bridge in ledger.bridges() {
        if let Some(far) = bridge.far(key) {
            return (far.to_string(), Some(bridge.cable.to_string()));
        }
    }
    (key.client.to_string(), None)
}

fn end(fate: Fate) -> End {
    match fate {
        Fate::Open => End::Waits,
        Fate::Sent => End::OnTheWay,
        Fate::Arrived => End::Arrived,
        Fate::Done => End::Delivered,
        Fate::Refused(reason) => End::Refused(reason.to_string()),
        Fate::SessionEnded => End::SessionEnded,
        Fate::Unseen => End::Unseen,
    }
}

fn steps(entries: &[Arc<Entry>]) -> Vec<Step> {
    let step = |entry: &Arc<Entry>| match &entry.event {
        Event::Packet(crossing) => Some(Step {
            entry: entry.number,
            at: entry.at,
            from: crossing.from().to_string(),
            to: crossing.to().to_string(),
            text: crossing.words(),
            passage: crossing.passage,
            remark: remark(crossing),
        }),
        _ => None,
    };
    entries.iter().filter_map(step).collect()
}

fn retain(entry: &Entry) -> Option<bool> {
    match &entry.event {
        Event::Packet(crossing) => match crossing.packet() {
            Some(Packet::Publish(publish)) => Some(publish.retain),
            _ => None,
        },
        _ => None,
    }
}

/// What brokers told of messages that they put aside: when, and why.
#[derive(Debug, Default)]
struct Told(BTreeMap<(BoardName, MessageId, ClientId), (Duration, String)>);

impl Told {
    fn of(ledger: &Ledger) -> Self {
        let told = ledger.entries().filter_map(|entry| match &entry.event {
            Event::Broker { board, event: BrokerEvent::Queued { message, client, behind, .. } } => {
                let key = (board.clone(), *message, client.clone());
                Some((key, (entry.at, behind.to_string())))
            }
            _ => None,
        });
        let mut first = BTreeMap::new();
        for (key, when) in told {
            first.entry(key).or_insert(when);
        }
        Self(first)
    }

    fn waited(&self, ledger: &Ledger, message: &Message, leg: &Leg) -> Option<Waited> {
        let sent = leg.packets.iter().find(|it| matches!(it.event, Event::Packet(_)));
        let time = |since| sent.map(|sent: &Arc<Entry>| sent.at.saturating_sub(since));
        let mut numbers = message.number.iter().chain(&message.also);
        let told = leg.to.broker.board().and_then(|board| {
            numbers.find_map(|it| self.0.get(&(board.clone(), *it, leg.to.client.clone())))
        });
        if let Some((since, why)) = told {
            return Some(Waited { why: why.clone(), time: time(*since) });
        }
        // Without the broker's word, only that it waits still can be said.
        if leg.fate != Fate::Open || sent.is_some() {
            return None;
        }
        let book = ledger.book(&leg.to.broker)?;
        let wire = book.sessions.get(&leg.to.client).and_then(|session| session.wire);
        let why = if wire.is_none() { "it is not connected" } else { "it was not sent yet" };
        Some(Waited { why: why.to_owned(), time: None })
    }
}
