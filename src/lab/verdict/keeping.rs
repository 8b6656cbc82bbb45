//! Whether brokers retain what they acknowledged last. [MQTT-3.3.1-5]

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;

use super::agreement::Inspection;
use super::breach::Breach;
use crate::conf::scenario::BreachKind;
use crate::lab::ledger::{Ledger, Message};
use crate::lab::trace::{Party, payload};
use crate::mqtt::Topic;

/// What was acknowledged less than so long ago may not have been seen by who asked.
const RECENT: Duration = Duration::from_secs(1);

/// The topics for which a broker that keeps all durably retains what it may not retain any more.
#[must_use]
pub fn not_kept(
    ledger: &Ledger,
    inspection: &Inspection,
    durable: impl Fn(&Party) -> bool,
) -> Vec<Breach> {
    let mut breaches = Vec::new();
    if !ledger.is_complete() {
        return breaches;
    }
    for (broker, retained) in inspection.iter().filter(|(broker, _)| durable(broker)) {
        let mut topics: BTreeSet<&Topic> = BTreeSet::new();
        topics.extend(writes(ledger, broker).map(|message| &message.topic));
        for topic in topics {
            let Some(allowed) = allowed(ledger, broker, topic) else { continue };
            let found = retained.get(topic).cloned().unwrap_or_default();
            if !allowed.contains(&found) {
                let last = allowed.last().map_or_else(String::new, |it| payload(it));
                let what = format!(
                    "{broker} retains {topic} = {}, although {last} was acknowledged last \
                     [MQTT-3.3.1-5]",
                    payload(&found),
                );
                breaches.push(Breach { kind: BreachKind::Conduct, what, entries: Vec::new() });
            }
        }
    }
    breaches
}

fn writes<'a>(ledger: &'a Ledger, broker: &'a Party) -> impl Iterator<Item = &'a Message> {
    ledger.messages().filter(move |it| it.at == *broker && it.retain && !it.topic.is_dollar())
}

/// What may be retained for a topic, empty for nothing; none where that is not certain: something
/// expires, a will may have come, or the broker was in no state to keep it.
fn allowed(ledger: &Ledger, broker: &Party, topic: &Topic) -> Option<Vec<Bytes>> {
    let willed = ledger.book(broker)?.wills.iter().any(|it| it.topic == *topic);
    let now = ledger.entries().next_back()?.at;
    let all: Vec<&Message> = writes(ledger, broker).filter(|it| it.topic == *topic).collect();
    if willed || all.iter().any(|it| it.expires_at.is_some() || it.refused.is_some()) {
        return None;
    }
    // A later message takes the place of one whose acknowledgement was there before it came.
    let settled = all.iter().filter(|it| {
        let fresh = it.came.iter().any(|entry| entry.at + RECENT > now);
        it.promised && !fresh
    });
    let newest = settled.map(|it| it.taken_in().0).max()?;
    let may_be = all.iter().filter(|it| {
        let (_, last) = it.taken_in();
        last.is_none_or(|last| last >= newest)
    });
    Some(may_be.map(|it| it.payload.clone()).collect())
}
