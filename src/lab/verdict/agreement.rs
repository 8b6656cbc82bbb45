//! Whether the two ends of each bridge retain the same of what its rules share.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::breach::Breach;
use crate::conf::scenario::BreachKind;
use crate::lab::ledger::{Book, BridgeFacts, Fate, Ledger};
use crate::lab::trace::{Party, payload};
use crate::mqtt::{ClientId, QoS, Rule, Topic};

/// What brokers retain, as somebody saw who asked them. Brokers that could not be asked are left out.
pub type Inspection = BTreeMap<Party, BTreeMap<Topic, Bytes>>;

/// What the ends of bridges do not agree on, as breaches; and in words, what they need not.
#[must_use]
pub fn disagreements(ledger: &Ledger, inspection: &Inspection) -> (Vec<Breach>, Vec<String>) {
    let (mut breaches, mut notes) = (Vec::new(), Vec::new());
    for bridge in ledger.bridges() {
        let (Some(here), Some(there)) =
            (inspection.get(&bridge.local), inspection.get(&bridge.remote))
        else {
            continue;
        };
        for (local, remote, rule) in shared(bridge, here, there) {
            let (ours, theirs) = (here.get(&local), there.get(&remote));
            if ours == theirs {
                continue;
            }
            let differ = format!(
                "{} retains {}, {} retains {}",
                bridge.local,
                say(&local, ours),
                bridge.remote,
                say(&remote, theirs),
            );
            match excuse(ledger, bridge, rule, &local, &remote) {
                Some(why) => notes.push(format!("{differ}: {why}")),
                None => breaches.push(Breach {
                    kind: BreachKind::Disagree,
                    what: format!("{differ}, although {} shares it ({rule})", bridge.cable),
                    entries: Vec::new(),
                }),
            }
        }
    }
    (breaches, notes)
}

/// The topics that a bridge shares, with their names at both ends.
fn shared<'a>(
    bridge: &'a BridgeFacts,
    here: &BTreeMap<Topic, Bytes>,
    there: &BTreeMap<Topic, Bytes>,
) -> Vec<(Topic, Topic, &'a Rule)> {
    let out = here.keys().filter(|topic| !topic.is_dollar()).filter_map(|local| {
        let (rule, remote) = bridge.out(local)?;
        Some((local.clone(), remote, rule))
    });
    let back = there.keys().filter(|topic| !topic.is_dollar()).filter_map(|remote| {
        let (rule, local) = bridge.comes_in(remote)?;
        Some((local, remote.clone(), rule))
    });
    let mut all: Vec<_> = out.chain(back).collect();
    all.sort_by(|one, other| (&one.0, &one.1).cmp(&(&other.0, &other.1)));
    all.dedup_by(|one, other| one.0 == other.0 && one.1 == other.1);
    all
}

/// Why a difference is no breach.
fn excuse(
    ledger: &Ledger,
    bridge: &BridgeFacts,
    rule: &Rule,
    local: &Topic,
    remote: &Topic,
) -> Option<String> {
    if rule.qos() == QoS::AtMostOnce {
        return Some("the rule is of QoS 0, which promises nothing".to_owned());
    }
    let said = |broker: &Party, topic: &Topic| {
        let mut there = ledger.messages().filter(|it| it.at == *broker && it.topic == *topic);
        there.any(|it| it.retain && it.qos == QoS::AtMostOnce)
    };
    if said(&bridge.local, local) || said(&bridge.remote, remote) {
        return Some("some of it was said with QoS 0, which promises nothing".to_owned());
    }
    let refused = |broker: &Party, client: &ClientId, topic: &Topic| {
        let there = ledger.messages().filter(|it| it.at == *broker && it.topic == *topic);
        let mut legs = there.flat_map(|it| &it.legs).filter(|leg| leg.to.client == *client);
        legs.any(|leg| matches!(leg.fate, Fate::Refused(_)))
    };
    if refused(&bridge.local, &bridge.local_session, local)
        || refused(&bridge.remote, &bridge.remote_session, remote)
    {
        return Some(
            "a limit refused some of it; the next connection makes up for that".to_owned(),
        );
    }
    let session = ledger.book(&bridge.local)?.sessions.get(&bridge.local_session)?;
    if session.wire.is_none() {
        return Some(format!("{} is not connected; it will catch up", bridge.cable));
    }
    let written = |broker: &Party, topic: &Topic, by: &ClientId| {
        ledger.book(broker).is_some_and(|book| is_written(book, topic, by))
    };
    let here = written(&bridge.local, local, &bridge.local_session);
    let there = written(&bridge.remote, remote, &bridge.remote_session);
    if here && there {
        return Some("both sides wrote it while they were apart, and took each other's".to_owned());
    }
    (!here && !there).then(|| "nobody wrote it since the trace began".to_owned())
}

/// Whether somebody else than the bridge wrote a topic there.
fn is_written(book: &Book, topic: &Topic, bridge: &ClientId) -> bool {
    let retained = book.retained.get(topic);
    retained.is_some_and(|it| it.written.keys().any(|client| client != bridge))
}

fn say(topic: &Topic, found: Option<&Bytes>) -> String {
    match found {
        Some(bytes) => format!("{topic} = {}", payload(bytes)),
        None => format!("nothing for {topic}"),
    }
}
