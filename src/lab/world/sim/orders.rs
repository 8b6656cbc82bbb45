//! Another order than time's: what can come next, each of it as the next thing that happens.
//!
//! Time stands still meanwhile, so it does not matter how two orders of the same things came about:
//! the same state has the same [`fingerprint`](World::fingerprint).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};
use std::hash::{DefaultHasher, Hasher};
use std::time::Duration;

use super::wires::End;
use super::world::World;
use super::{Fault, Happening, Sim};
use crate::mqtt::codec;

/// Something that can come next.
#[derive(Debug, Clone)]
pub struct Choice {
    key: (Duration, u64),
    fault: Option<Fault>,
    /// In words.
    pub words: String,
}

impl Choice {
    /// Whether something goes wrong with it.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        self.fault.is_some()
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl World {
    /// What can come next: of each connection and direction the first packet, and each commit that is
    /// under way. With `faults`, each packet also with the cuts and the power failure that it can meet.
    #[must_use]
    pub fn choices(&self, faults: bool) -> Vec<Choice> {
        let mut seen = BTreeSet::new();
        let mut choices = Vec::new();
        for (key, happening) in &self.sim.agenda {
            match happening {
                Happening::Arrive { wire, to, bytes } => {
                    if !seen.insert((*wire, *to)) {
                        continue;
                    }
                    let words = self.sim.words(*wire, *to, bytes);
                    let mut add = |fault, how: &str| {
                        let words = format!("{words}{how}");
                        choices.push(Choice { key: *key, fault, words });
                    };
                    add(None, "");
                    if faults {
                        add(Some(Fault::CutBefore), ", cut before it arrives");
                        add(Some(Fault::CutAfter), ", cut when it has arrived");
                        if let End::Node(node, _) = to {
                            add(Some(Fault::PowerOff(*node)), ", then the broker loses its power");
                        }
                    }
                }
                Happening::Break { wire, to } if seen.insert((*wire, *to)) => {
                    let words = "the end of a connection".to_owned();
                    choices.push(Choice { key: *key, fault: None, words });
                }
                Happening::Committed { node, start }
                    if self.sim.nodes[node.0].still_runs(*start)
                        && self.sim.nodes[node.0].disk.is_busy() =>
                {
                    let words = format!("{}: a commit is durable", self.sim.nodes[node.0].name);
                    choices.push(Choice { key: *key, fault: None, words });
                }
                _ => {}
            }
        }
        choices
    }

    /// Lets that come next.
    pub fn choose(&mut self, choice: &Choice) {
        let Some(happening) = self.sim.agenda.remove(&choice.key) else { return };
        if let Some(fault) = choice.fault {
            let next = self.sim.crossed + 1;
            self.sim.fault_at(next, fault);
        }
        self.sim.happened += 1;
        self.sim.happen(happening);
    }

    /// A number that two worlds share where nobody can tell them apart.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut hash = Written(DefaultHasher::new());
        let verdict = crate::lab::verdict::judge(self.ledger(), false);
        let faces: Vec<_> = self.sim.programs.values().map(|program| program.face()).collect();
        let parts = (&self.sim.nodes, &self.sim.clients, &self.sim.wires, faces);
        let owed = (verdict.counts, verdict.breaches.len());
        write!(hash, "{parts:?}{owed:?}{:?}", self.sim.under_way()).expect("a hash takes all");
        hash.0.finish()
    }
}

impl Sim {
    fn words(&self, wire: u64, to: End, bytes: &[u8]) -> String {
        let Some(known) = self.wires.get(wire) else { return String::new() };
        let name = |end| match end {
            End::Node(node, _) => self.nodes[node.0].name.to_string(),
            End::Client(client) => self.clients[client.0].party.to_string(),
            End::Stranger(_) => "a stranger".to_owned(),
        };
        let from = name(known.other(to));
        let packet = codec::whole(&bytes::Bytes::copy_from_slice(bytes), self.level(wire));
        let packet = packet.map_or_else(|error| error.to_string(), |it| it.kind().to_string());
        format!("{from} -> {}: {packet}", name(to))
    }

    /// What is under way, in the orders that matter.
    fn under_way(&self) -> BTreeMap<String, Vec<String>> {
        let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for happening in self.agenda.values() {
            let told = format!("{happening:?}");
            let lane = match happening {
                Happening::Arrive { wire, to, .. } | Happening::Break { wire, to } => {
                    format!("{wire} {to:?}")
                }
                _ => told.clone(),
            };
            all.entry(lane).or_default().push(told);
        }
        all
    }
}

/// Text that nobody keeps.
struct Written(DefaultHasher);

impl Write for Written {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}
