//! The retained message of each topic. [MQTT 3.1.1, section 3.3.1.3]

use std::collections::BTreeSet;
use std::time::Duration;

use super::durable::Record;
use super::journal::{Journal, Numbered};
use super::publish::is_brokers_own;
use super::tree::Tree;
use crate::defect::{self, Defect};
use crate::mqtt::{ClientId, Filter, Topic};

/// A retained message.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The message.
    pub numbered: Numbered,
    /// The session it came from, so that a bridge does not send it back.
    pub origin: Option<ClientId>,
}

/// All retained messages.
#[derive(Debug, Clone, Default)]
pub struct Retained {
    tree: Tree<Kept>,
    /// Those that expire, in order of when.
    expiring: BTreeSet<(Duration, Topic)>,
    /// Those that count as somebody's state: all but the broker's own topics.
    count: usize,
}

impl Retained {
    /// Whether there is a message under that topic.
    pub fn holds(&self, topic: &Topic) -> bool {
        self.tree.contains(topic.levels())
    }

    /// How many there are, `$SYS` left out.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Puts one back at a start.
    pub fn restore(&mut self, kept: Kept) {
        let topic = kept.numbered.message.topic.clone();
        self.expiring.extend(kept.expiry());
        *self.tree.entry(topic.levels()) = Some(kept);
        self.count += 1;
    }

    /// Keeps a message in place of the one before.
    pub fn set(&mut self, kept: Kept, journal: &mut Journal) {
        let topic = kept.numbered.message.topic.clone();
        let durable = is_durable(&topic) && !defect::on(Defect::RetainsInMemory);
        if defect::on(Defect::KeepsStaleRetained) && self.holds(&topic) {
            return;
        }
        if is_held(&topic) {
            journal.refer(&kept.numbered, durable);
        }
        if durable {
            let (id, origin) = (kept.numbered.id, kept.origin.clone());
            journal.record(Record::Retain { topic: topic.clone(), id, origin });
        }
        let expiry = kept.expiry();
        let before = self.tree.entry(topic.levels()).replace(kept);
        if let Some(expiry) = before.as_ref().and_then(Kept::expiry) {
            self.expiring.remove(&expiry);
        }
        self.expiring.extend(expiry);
        match before {
            Some(before) if is_held(&topic) => journal.forget(&before.numbered, durable),
            None if durable => self.count += 1,
            _ => {}
        }
    }

    /// Forgets a topic's message.
    pub fn clear(&mut self, topic: &Topic, journal: &mut Journal) {
        let before = self.tree.remove(topic.levels());
        if let Some(expiry) = before.as_ref().and_then(Kept::expiry) {
            self.expiring.remove(&expiry);
        }
        let Some(before) = before else { return };
        let durable = is_durable(topic) && !defect::on(Defect::RetainsInMemory);
        if durable {
            self.count -= 1;
            journal.record(Record::ClearRetained { topic: topic.clone() });
        }
        if is_held(topic) {
            journal.forget(&before.numbered, durable);
        }
    }

    /// When the next one expires.
    pub fn next_expiry(&self) -> Option<Duration> {
        self.expiring.first().map(|(at, _)| *at)
    }

    /// Forgets those that have expired. [MQTT-3.3.2-5]
    pub fn expire(&mut self, now: Duration, journal: &mut Journal) {
        while let Some((at, topic)) = self.expiring.first().cloned()
            && at <= now
        {
            self.clear(&topic, journal);
        }
    }

    /// The messages whose topics `filter` matches.
    pub fn matched_by(&self, filter: &Filter) -> Vec<Kept> {
        let mut found = Vec::new();
        self.tree.matched_by(filter, |kept| found.push(kept.clone()));
        found
    }
}

impl Kept {
    fn expiry(&self) -> Option<(Duration, Topic)> {
        let message = &self.numbered.message;
        message.expires_at.map(|at| (at, message.topic.clone()))
    }
}

/// What this broker says of itself is not among the messages that it holds for others; what bridges
/// say there comes from outside, and there may be many of them.
fn is_held(topic: &Topic) -> bool {
    !is_brokers_own(topic)
}

/// What brokers say of themselves under `$SYS` is said anew at each start.
fn is_durable(topic: &Topic) -> bool {
    topic.levels().next() != Some("$SYS")
}
