//! The shortest part of a trace that shows what became of a message.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::lab::ledger::{Ledger, Leg, Message, SessionKey};
use crate::lab::trace::{Crossing, Entry, Event};
use crate::mqtt::Packet;

/// So many entries are shown at most.
const LONGEST: usize = 60;

/// Collects entries.
pub struct Excerpt<'a> {
    ledger: &'a Ledger,
    found: BTreeMap<u64, Arc<Entry>>,
}

impl<'a> Excerpt<'a> {
    /// Of what the ledger remembers.
    pub fn new(ledger: &'a Ledger) -> Self {
        Self { ledger, found: BTreeMap::new() }
    }

    /// One entry.
    pub fn entry(&mut self, entry: &Arc<Entry>) {
        self.found.insert(entry.number, Arc::clone(entry));
    }

    /// How a message came to where it is, from where it was first.
    pub fn message(&mut self, message: &Message) {
        self.message_alone(message);
        let mut child = message;
        for _ in 0..LONGEST {
            let parent = child.parent.and_then(|it| self.ledger.message(it));
            let Some(parent) = parent else { break };
            self.message_alone(parent);
            for leg in parent.legs.iter().filter(|leg| leg.child == Some(child.key)) {
                self.leg(leg);
            }
            child = parent;
        }
    }

    /// How a message came in, no further back.
    pub fn message_alone(&mut self, message: &Message) {
        for entry in &message.came {
            self.entry(entry);
        }
    }

    /// How it went on.
    pub fn leg(&mut self, leg: &Leg) {
        for entry in &leg.packets {
            self.entry(entry);
        }
    }

    /// What befell the connections of that session, and of those that are shown, since the first
    /// entry that is shown.
    pub fn since(&mut self, session: &SessionKey) {
        let Some(first) = self.found.keys().next().copied() else { return };
        let (mut wires, mut cables) = (BTreeSet::new(), BTreeSet::new());
        for entry in self.found.values() {
            if let Event::Packet(crossing) = &entry.event {
                wires.insert(crossing.wire.number);
                cables.insert(crossing.wire.cable.clone());
            }
        }
        let room = LONGEST.saturating_sub(self.found.len());
        let entries = self.ledger.entries().filter(|entry| entry.number > first);
        let befell = entries.filter(|entry| match &entry.event {
            Event::Packet(crossing) => {
                let ours = wires.contains(&crossing.wire.number)
                    || cables.contains(&crossing.wire.cable)
                    || is_of(crossing, session);
                ours && (is_of_connection(crossing) || !crossing.passage.arrived())
            }
            Event::WireEnded { wire, .. } => {
                wires.contains(&wire.number) || wire.client.as_ref() == Some(&session.client)
            }
            Event::Cable { .. }
            | Event::Power { .. }
            | Event::Disk { .. }
            | Event::Asked { .. }
            | Event::Missed { .. } => true,
            _ => false,
        });
        let befell: Vec<_> = befell.take(room).cloned().collect();
        for entry in &befell {
            self.entry(entry);
        }
    }

    /// When that session was begun, and what happened between that and the entry.
    pub fn before(&mut self, session: &SessionKey, entry: &Arc<Entry>) {
        let earlier = self.ledger.entries().take_while(|it| it.number < entry.number);
        let last = earlier.filter(|it| match &it.event {
            Event::Packet(crossing) => {
                let connack = matches!(crossing.packet(), Some(Packet::ConnAck(_)));
                connack && is_of(crossing, session)
            }
            _ => false,
        });
        if let Some(last) = last.last() {
            self.entry(last);
            self.since(session);
            self.found.retain(|number, _| *number <= entry.number);
        }
    }

    /// All that was collected, in order.
    pub fn entries(self) -> Vec<Arc<Entry>> {
        self.found.into_values().collect()
    }
}

fn is_of(crossing: &Crossing, session: &SessionKey) -> bool {
    crossing.wire.target == session.broker && crossing.wire.client.as_ref() == Some(&session.client)
}

/// Whether a packet begins or ends a connection.
fn is_of_connection(crossing: &Crossing) -> bool {
    matches!(
        crossing.packet(),
        Some(Packet::Connect(_) | Packet::ConnAck(_) | Packet::Disconnect(_))
    )
}
