//! Where the messages of the known programs go: by which rules, under which names, with which QoS.

use std::collections::BTreeSet;

use super::graph::{Crossing, Graph};
use super::system::System;
use crate::mqtt::{QoS, Topic};

/// One message on its way over one rule.
#[derive(Debug, Clone)]
pub struct Hop<'a> {
    /// The rule.
    pub crossing: Crossing<'a>,
    /// Its topic before it crosses.
    pub topic: Topic,
    /// Its QoS before it crosses.
    pub qos: QoS,
    /// Who published it.
    pub client: &'a str,
}

/// All hops of everything that the programs publish. A loop is walked once.
#[must_use]
pub fn hops<'a>(system: &'a System, graph: &Graph<'a>) -> Vec<Hop<'a>> {
    let mut hops = Vec::new();
    for (node, client, topic, qos) in published(system) {
        let mut ways: Vec<(usize, Option<Crossing<'a>>, Topic, QoS)> =
            vec![(node, None, topic.clone(), qos)];
        let mut seen = BTreeSet::new();
        while let Some((at, by, topic, qos)) = ways.pop() {
            for (number, crossing) in graph.crossings.iter().enumerate() {
                let goes_on = by.is_none_or(|before| crossing.follows(&before));
                if crossing.from != at || !goes_on || !seen.insert((number, topic.clone())) {
                    continue;
                }
                if let Some(there) = crossing.cross(&topic) {
                    let capped = qos.min(crossing.qos());
                    // Names that grow are the loop search's.
                    if there.levels().count() < 20 {
                        ways.push((crossing.to, Some(*crossing), there, capped));
                    }
                    let (crossing, topic) = (*crossing, topic.clone());
                    hops.push(Hop { crossing, topic, qos, client });
                }
            }
        }
    }
    hops
}

/// Everything that the programs publish: where, who, what.
pub fn published(system: &System) -> impl Iterator<Item = (usize, &str, &Topic, QoS)> {
    system.nodes.iter().enumerate().flat_map(|(at, node)| {
        let clients = node.clients.iter();
        clients.flat_map(move |client| {
            let all = client.publishes.iter();
            all.map(move |(topic, qos)| (at, client.id.as_str(), topic, *qos))
        })
    })
}
