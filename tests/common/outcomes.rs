//! What became of each promised message of a trace, in words that hold for any run of its scenario.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use twinboard::lab::ledger::{Ledger, Message};
use twinboard::lab::verdict::judge;
use twinboard::report::jsonl::Reader;

/// See the module.
pub struct Outcomes {
    /// The kinds of broken promises.
    pub breaches: BTreeSet<&'static str>,
    /// By message: to whom it came, and how.
    pub messages: BTreeMap<String, BTreeSet<String>>,
}

/// Of a trace as JSON lines.
pub fn outcomes(trace: &[u8]) -> Outcomes {
    let reader = Reader::new(trace).expect("it has a header");
    let facts = reader.header().bridge_facts().expect("it is right");
    let mut ledger = Ledger::new(facts);
    for entry in reader {
        ledger.take(&Arc::new(entry.expect("a line")));
    }
    let breaches = judge(&ledger, true).breaches.iter().map(|it| it.kind.name()).collect();
    let mut messages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for message in ledger.messages().filter(|it| it.parent.is_none() && it.promised) {
        // What a program says to itself to know what came before depends on when it connects.
        if !message.topic.is_dollar() && !message.topic.as_str().starts_with("twinboard/") {
            came_to(&ledger, message, messages.entry(name(message)).or_default());
        }
    }
    Outcomes { breaches, messages }
}

/// Who said what where. Programs name their processes by chance.
fn name(message: &Message) -> String {
    let payload = String::from_utf8_lossy(&message.payload);
    let payload = payload.split(", \"run\"").next().unwrap_or_default();
    format!("{} at {:?}: {} = {payload}", message.publisher.client, message.at, message.topic)
}

/// Everybody whom it came to, over bridges as well.
fn came_to(ledger: &Ledger, message: &Message, found: &mut BTreeSet<String>) {
    for leg in message.legs.iter().filter(|leg| leg.owed) {
        if let Some(child) = leg.child.and_then(|child| ledger.message(child)) {
            came_to(ledger, child, found);
            continue;
        }
        let how = if leg.fate.arrived() { "arrived" } else { "did not arrive" };
        let (client, broker, qos) = (&leg.to.client, &leg.to.broker, leg.qos);
        found.insert(format!("{client} at {broker:?} ({qos:?}): {how}"));
    }
}
