//! Whether both sides of each connection keep to the standard: read off the packets alone.
//!
//! ```text
//! entries ---> Conduct::take ---> Line (one connection) ----+
//!                                 Sending, Receiving -------+---> Misconduct: rule, who, packets
//!                                 (each half of a session)
//! ```
//!
//! It says only what is certain. A packet that came to a cable was sent, whatever became of it; one
//! that arrived may have been read, or may not; one that was lost before its cable is not known at all.
//! A client may lose its memory without a word, so what it did on earlier connections binds it to
//! nothing; a broker that says "session present" has said that it remembers. Clients that are no part
//! of the system are not judged.

mod line;
mod receiving;
mod rule;
mod sending;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

pub use rule::Rule;

use self::line::Line;
use self::receiving::Receiving;
use self::sending::{Course, Sending, Sent};
use super::command::Action;
use super::ledger::SessionKey;
use super::name::CableName;
use super::trace::{Crossing, Entry, Event, Party};
use crate::broker;
use crate::cable::{Deed, Direction};
use crate::mqtt::Packet;
use crate::mqtt::packet::{ConnAck, Connect, Level, Publish};

/// So many are told; more do not make it clearer.
const TOLD: usize = 50;
/// What must follow CONNACK follows within this time, where nothing holds it up.
const SOON: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Conduct {
    lines: BTreeMap<u64, Line>,
    sessions: BTreeMap<SessionKey, Halves>,
    /// Whoever was seen, with whether he had subscribed to anything.
    seen: BTreeMap<SessionKey, bool>,
    /// Cables that hold something up, maybe.
    troubled: BTreeSet<CableName>,
    /// Who does nothing at all, or waits for a disk, by names.
    still: BTreeSet<String>,
    found: Vec<Misconduct>,
}

/// Something that the standard forbids.
#[derive(Debug, Clone)]
pub struct Misconduct {
    /// What.
    pub rule: Rule,
    /// As a sentence.
    pub what: String,
    /// The packets that show it.
    pub entries: Vec<Arc<Entry>>,
}

/// A session, as its broker and its client should know it.
#[derive(Debug, Clone, Default)]
struct Halves {
    /// Its connection, or its last one.
    wire: u64,
    sending: [Sending; 2],
    receiving: [Receiving; 2],
}

impl Conduct {
    /// Takes in the next entry of the trace.
    pub fn take(&mut self, entry: &Arc<Entry>) {
        match &entry.event {
            Event::Packet(crossing) => self.crossing(entry, crossing),
            Event::WireEnded { wire, .. } => drop(self.lines.remove(&wire.number)),
            // A handshake may be given up without a packet.
            Event::Broker { board, event: broker::Event::Dropped { client, .. } } => {
                let key =
                    SessionKey { broker: Party::Board(board.clone()), client: client.clone() };
                if let Some(halves) = self.sessions.get_mut(&key) {
                    halves.sending[Direction::In as usize].forget();
                }
            }
            Event::Cable { cable, deed: Deed::Mend } => drop(self.troubled.remove(cable)),
            Event::Cable { cable, .. } => drop(self.troubled.insert(cable.clone())),
            Event::Asked { what, action } => self.stand_still(what, *action == Action::Freeze),
            Event::Disk { board, trouble } => self.stand_still(board.as_str(), trouble.is_some()),
            Event::Broker { board, event: broker::Event::StoreFails { .. } } => {
                self.stand_still(board.as_str(), true);
            }
            Event::Broker { board, event: broker::Event::StoreWorks } => {
                self.stand_still(board.as_str(), false);
            }
            Event::Missed { .. } => {
                // What was missed may have been anything.
                self.lines.clear();
                self.sessions.clear();
            }
            Event::Fresh => *self = Self::default(),
            _ => {}
        }
    }

    fn stand_still(&mut self, who: &str, still: bool) {
        if still {
            self.still.insert(who.to_owned());
        } else {
            self.still.remove(who);
        }
    }

    /// What was found so far.
    #[must_use]
    pub fn found(&self) -> &[Misconduct] {
        &self.found
    }

    /// What should have been done by now, once nothing more is to come.
    #[must_use]
    pub fn omitted(&self, now: Duration) -> Vec<Misconduct> {
        let mut omitted = Vec::new();
        for (number, line) in self.lines.iter().filter(|(_, line)| line.is_older(SOON, now)) {
            let Some((connack, present)) = &line.accepted else { continue };
            let Event::Packet(crossing) = &connack.event else { continue };
            let wire = &crossing.wire;
            let still = |party: &Party| self.still.contains(party.name());
            let held = self.troubled.contains(&wire.cable);
            let Some(halves) = self.sessions.get(&line.key).filter(|it| it.wire == *number) else {
                continue;
            };
            if held || still(&wire.dialer) || still(&wire.target) {
                continue;
            }
            if *present {
                let behind = halves.sending[Direction::In as usize].not_released(*number);
                let each = |it| told(Rule::ReleaseAgain, crossing, &[Arc::clone(it)], connack);
                omitted.extend(behind.map(each));
            }
            let ours = !matches!(wire.dialer, Party::Client(_) | Party::Outside(_));
            let had = self.seen.get(&line.key).is_some_and(|subscribed| *subscribed);
            if !present && !line.subscribed && had && ours {
                let what = format!("{} {}", wire.dialer, Rule::SubscribeAgain.words());
                let entries = vec![Arc::clone(connack)];
                omitted.push(Misconduct { rule: Rule::SubscribeAgain, what, entries });
            }
        }
        omitted
    }

    fn crossing(&mut self, entry: &Arc<Entry>, crossing: &Crossing) {
        let Some(packet) = crossing.packet() else {
            // From here on nobody knows what is what.
            if let Some(line) = self.lines.remove(&crossing.wire.number) {
                self.sessions.remove(&line.key);
            }
            return;
        };
        if let Packet::Connect(connect) = packet {
            return self.connect(entry, crossing, connect);
        }
        if !self.lines.contains_key(&crossing.wire.number) {
            return;
        }
        if crossing.direction == Direction::In {
            self.broker_sent(entry, crossing, packet);
        }
        if !crossing.repeated {
            self.sent(entry, crossing, packet);
        }
        if crossing.passage.arrived() {
            self.arrived(crossing, packet);
        }
    }

    fn connect(&mut self, entry: &Arc<Entry>, crossing: &Crossing, connect: &Connect) {
        let number = crossing.wire.number;
        if crossing.repeated {
            // Not its sender's fault; the broker hangs up.
            self.lines.remove(&number);
            return;
        }
        if self.lines.contains_key(&number) {
            return self.tell(Rule::ConnectOnce, entry, crossing, None);
        }
        let key = line::key(crossing, connect);
        let before = self.sessions.remove(&key);
        self.lines.insert(number, Line::new(key, connect, before));
    }

    /// What must come first from a broker, and only once.
    fn broker_sent(&mut self, entry: &Arc<Entry>, crossing: &Crossing, packet: &Packet) {
        let Some(line) = self.lines.get_mut(&crossing.wire.number) else { return };
        let first = line.accepted.is_none();
        match packet {
            Packet::ConnAck(_) if crossing.repeated => {}
            Packet::ConnAck(_) if !first => self.tell(Rule::ConnackOnce, entry, crossing, None),
            Packet::ConnAck(answer) => {
                let line_is_clean = line.clean;
                self.connack(entry, crossing, answer);
                let refused = answer.reason.is_error();
                if answer.session_present && (refused || line_is_clean) {
                    self.tell(Rule::NoSession, entry, crossing, None);
                }
            }
            Packet::Auth(_) => {}
            _ if first => self.tell(Rule::ConnackFirst, entry, crossing, None),
            _ => {}
        }
    }

    fn connack(&mut self, entry: &Arc<Entry>, crossing: &Crossing, answer: &ConnAck) {
        let Some(line) = self.lines.get_mut(&crossing.wire.number) else { return };
        let present = answer.session_present;
        line.accepted = Some((Arc::clone(entry), present));
        let before = line.before.take();
        if answer.reason.is_error() {
            return;
        }
        if line.level == Level::V5 {
            line.most[Direction::Out as usize] = answer.properties.receive_maximum();
        }
        // In MQTT 3.1 nobody says whether there was a session.
        let (to, from) = (Direction::Out as usize, Direction::In as usize);
        let unknown = line.level == Level::V31 && !line.clean;
        line.fresh = !present && !unknown;
        let new = !self.seen.contains_key(&line.key);
        let mut halves = before.unwrap_or_default();
        if !present {
            halves.sending[from] = Sending::default();
            halves.receiving[to] = if unknown { Receiving::default() } else { Receiving::new() };
            if new {
                halves.receiving[from] = Receiving::new();
            }
        }
        // A client may have lost its memory.
        halves.sending[to] = Sending::default();
        halves.wire = crossing.wire.number;
        self.seen.entry(line.key.clone()).or_default();
        self.sessions.insert(line.key.clone(), halves);
    }

    /// A packet is sent, whatever becomes of it.
    fn sent(&mut self, entry: &Arc<Entry>, crossing: &Crossing, packet: &Packet) {
        match packet {
            Packet::Publish(publish) => self.publish(entry, crossing, publish),
            Packet::PubRel(ack) => {
                let number = crossing.wire.number;
                let early = self.half(crossing).filter(|it| it.wire == number).and_then(|halves| {
                    let sending = &mut halves.sending[crossing.direction as usize];
                    sending.release(ack.id, number, entry)
                });
                if early.is_some() {
                    self.tell(Rule::ReleasedEarly, entry, crossing, early);
                }
            }
            Packet::PubAck(_) | Packet::PubRec(_) | Packet::PubComp(_) => {
                let fits = self.half(crossing).is_none_or(|halves| {
                    halves.receiving[crossing.direction.back() as usize].answers(packet)
                });
                if !fits {
                    self.tell(Rule::AckOfNothing, entry, crossing, None);
                }
            }
            Packet::SubAck(_) | Packet::UnsubAck(_) if crossing.direction == Direction::In => {
                let line = self.lines.get_mut(&crossing.wire.number);
                if let Some(rule) = line.and_then(|line| line.answers(packet)) {
                    self.tell(rule, entry, crossing, None);
                }
            }
            Packet::Subscribe(_) => {
                if let Some(line) = self.lines.get_mut(&crossing.wire.number) {
                    line.subscribed = true;
                    self.seen.insert(line.key.clone(), true);
                }
            }
            _ => {}
        }
    }

    fn publish(&mut self, entry: &Arc<Entry>, crossing: &Crossing, publish: &Publish) {
        let Some(id) = publish.packet_id else { return };
        let (number, direction) = (crossing.wire.number, crossing.direction);
        let Some(line) = self.lines.get_mut(&number) else { return };
        if line.flies(direction, id, publish.dup) {
            self.tell(Rule::ReceiveMaximum, entry, crossing, None);
        }
        let Some(line) = self.lines.get_mut(&number) else { return };
        // What was held back on an earlier connection says nothing of this one.
        let halves = self.sessions.get_mut(&line.key).filter(|it| it.wire == number);
        let Some(halves) = halves else { return };
        let sending = &mut halves.sending[direction as usize];
        let Some(topic) = crossing.topic() else { return sending.done(id) };
        let course = Course {
            wire: number,
            fresh: line.fresh && direction == Direction::In,
            patient: line.level != Level::V5,
            newest_again: line.newest_again[direction as usize],
        };
        let Sent { wrong, again } = sending.publish(id, publish, topic, course, entry);
        if let Some(order) = again {
            let newest = &mut line.newest_again[direction as usize];
            *newest = order.max(*newest);
        }
        if let Some((rule, before)) = wrong {
            self.tell(rule, entry, crossing, before);
        }
    }

    /// A packet arrives, and may be read.
    fn arrived(&mut self, crossing: &Crossing, packet: &Packet) {
        let (there, back) = (crossing.direction, crossing.direction.back());
        if let Some(halves) = self.half(crossing) {
            halves.receiving[there as usize].came(packet);
        }
        if crossing.direction == Direction::Out
            && let Some(line) = self.lines.get_mut(&crossing.wire.number)
        {
            line.asks(packet);
        }
        let (id, over) = match packet {
            Packet::PubAck(ack) | Packet::PubComp(ack) => (ack.id, true),
            Packet::PubRec(ack) => (ack.id, ack.reason.is_error()),
            _ => return,
        };
        if let Some(halves) = self.half(crossing) {
            let sending = &mut halves.sending[back as usize];
            if over { sending.done(id) } else { sending.received(id) }
        }
        if over && let Some(line) = self.lines.get_mut(&crossing.wire.number) {
            line.landed(back, id);
        }
    }

    /// The session of a packet's connection.
    fn half(&mut self, crossing: &Crossing) -> Option<&mut Halves> {
        let line = self.lines.get(&crossing.wire.number)?;
        self.sessions.get_mut(&line.key)
    }

    fn tell(
        &mut self,
        rule: Rule,
        entry: &Arc<Entry>,
        crossing: &Crossing,
        before: Option<Arc<Entry>>,
    ) {
        let is_system = matches!(crossing.from(), Party::Board(_) | Party::Program(_));
        let is_broker = crossing.direction == Direction::In;
        if (is_system || is_broker) && self.found.len() < TOLD {
            let before: Vec<_> = before.into_iter().collect();
            self.found.push(told(rule, crossing, &before, entry));
        }
    }
}

fn told(rule: Rule, crossing: &Crossing, before: &[Arc<Entry>], entry: &Arc<Entry>) -> Misconduct {
    let by_broker = crossing.direction == Direction::In;
    let clause = rule.clause(crossing.level, by_broker);
    let clause = clause.map(|it| format!(" [{it}]")).unwrap_or_default();
    let (from, to) = (crossing.from(), crossing.to());
    let what = format!("{from} {}{clause}: {} to {to}", rule.words(), crossing.words());
    let entries = before.iter().chain([entry]).map(Arc::clone).collect();
    Misconduct { rule, what, entries }
}
