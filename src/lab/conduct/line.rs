//! A connection: what its sides agreed on, and what they asked of each other on it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::Halves;
use super::rule::Rule;
use crate::cable::Direction;
use crate::lab::ledger::SessionKey;
use crate::lab::trace::{Crossing, Entry};
use crate::mqtt::packet::{Connect, Level, Subscribe, Unsubscribe};
use crate::mqtt::{Packet, PacketId, QoS, Reason};

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) key: SessionKey,
    pub(super) level: Level,
    pub(super) clean: bool,
    /// What was known of its session before, until CONNACK says whether that still holds.
    pub(super) before: Option<Halves>,
    /// CONNACK, and whether it says that there was a session.
    pub(super) accepted: Option<(Arc<Entry>, bool)>,
    /// Whether its session has begun with it.
    pub(super) fresh: bool,
    /// Whether its dialer subscribed to anything on it.
    pub(super) subscribed: bool,
    /// How many messages may be in flight, by their direction.
    pub(super) most: [Option<u16>; 2],
    /// What is in flight.
    in_flight: [BTreeSet<PacketId>; 2],
    /// The place of the last message that was sent again.
    pub(super) newest_again: [u64; 2],
    asked: Vec<(PacketId, Vec<QoS>)>,
    withdrawn: Vec<(PacketId, usize)>,
}

impl Line {
    /// A connection that begins with this CONNECT.
    pub(super) fn new(key: SessionKey, connect: &Connect, before: Option<Halves>) -> Self {
        let takes = connect.properties.receive_maximum();
        let takes = takes.filter(|_| connect.level == Level::V5);
        Self {
            key,
            level: connect.level,
            clean: connect.clean_start,
            before,
            accepted: None,
            fresh: false,
            subscribed: false,
            most: [None, takes],
            in_flight: [BTreeSet::new(), BTreeSet::new()],
            newest_again: [0, 0],
            asked: Vec::new(),
            withdrawn: Vec::new(),
        }
    }

    /// Whether a message more is too many.
    pub(super) fn flies(&mut self, direction: Direction, id: PacketId, dup: bool) -> bool {
        let flying = &mut self.in_flight[direction as usize];
        let more = flying.insert(id);
        let most = self.most[direction as usize].map_or(usize::MAX, usize::from);
        // mosquitto 2.0 goes beyond it with repeats.
        more && !dup && flying.len() > most
    }

    /// A message is not in flight any more.
    pub(super) fn landed(&mut self, direction: Direction, id: PacketId) {
        self.in_flight[direction as usize].remove(&id);
    }

    /// A question comes to the broker, to be answered.
    pub(super) fn asks(&mut self, packet: &Packet) {
        match packet {
            Packet::Subscribe(Subscribe { id, filters, .. }) => {
                self.asked.push((*id, filters.iter().map(|(_, options)| options.qos).collect()));
            }
            Packet::Unsubscribe(Unsubscribe { id, filters, .. }) => {
                self.withdrawn.push((*id, filters.len()));
            }
            _ => {}
        }
    }

    /// SUBACK or UNSUBACK is sent. Gives back what is wrong with it.
    pub(super) fn answers(&mut self, packet: &Packet) -> Option<Rule> {
        match packet {
            Packet::SubAck(answers) => {
                let at = self.asked.iter().position(|(id, _)| *id == answers.id);
                let Some(at) = at else { return Some(Rule::AnswerToNothing) };
                let (_, asked) = self.asked.remove(at);
                if asked.len() != answers.reasons.len() {
                    return Some(Rule::AnswerForEach);
                }
                let granted = |reason: &Reason| QoS::from_level(reason.code());
                let mut pairs = asked.iter().zip(answers.reasons.iter().map(granted));
                let more = pairs.any(|(asked, granted)| granted.is_some_and(|it| it > *asked));
                more.then_some(Rule::GrantedMore)
            }
            Packet::UnsubAck(answers) => {
                let at = self.withdrawn.iter().position(|(id, _)| *id == answers.id);
                let Some(at) = at else { return Some(Rule::AnswerToNothing) };
                let (_, count) = self.withdrawn.remove(at);
                let each = self.level != Level::V5 || count == answers.reasons.len();
                (!each).then_some(Rule::AnswerForEach)
            }
            _ => None,
        }
    }

    /// Whether CONNACK came so long ago that what must follow it has.
    pub(super) fn is_older(&self, than: Duration, now: Duration) -> bool {
        self.accepted.as_ref().is_some_and(|(entry, _)| entry.at + than < now)
    }
}

/// The session of a CONNECT. Without a client id it is one of its own.
pub(super) fn key(crossing: &Crossing, connect: &Connect) -> SessionKey {
    let client = if connect.client_id.as_str().is_empty() {
        crate::mqtt::ClientId::new(&format!("(connection {})", crossing.wire.number))
    } else {
        connect.client_id.clone()
    };
    SessionKey { broker: crossing.wire.target.clone(), client }
}
