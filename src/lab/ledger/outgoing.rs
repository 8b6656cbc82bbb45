//! Messages that a broker sends, matched with what it owes; and the handshakes of both directions.

use std::sync::Arc;

use super::message::{Fate, Message, MessageKey};
use super::odd::Told;
use super::session::{Expected, LegKey, Session, SessionKey};
use super::wires::End;
use super::{Doubled, Ledger, Odd, Oddity, Overtook};
use crate::broker::event::Cause;
use crate::lab::trace::{Crossing, Entry};
use crate::mqtt::packet::Publish;
use crate::mqtt::{ClientId, Packet, QoS, Topic};

/// So many odd messages are kept; more do not make it clearer.
const ODD: usize = 50;

/// What a PUBLISH is to the broker that sent it.
pub(super) enum Found {
    /// A leg that was open.
    Leg(LegKey),
    /// A leg that was sent before: once more.
    Again(LegKey),
    /// What it retains.
    Retained,
    /// A will, which enters without a PUBLISH, or something older than the trace.
    Unknown,
}

impl Ledger {
    /// A broker sends a PUBLISH. Gives back the leg that it is.
    pub(super) fn sent_publish(
        &mut self,
        to: &SessionKey,
        wire: u64,
        publish: &Publish,
        topic: &Topic,
        entry: &Arc<Entry>,
        crossing: &Crossing,
    ) -> Option<LegKey> {
        if topic.is_dollar() {
            return None;
        }
        self.session(to).wire.get_or_insert(wire);
        let told = self.session(to).take_expected(publish.packet_id, topic);
        if let Some(id) = publish.packet_id
            && let Some(leg) = self.session(to).outgoing.get(&id).copied()
            && self.is_of(leg, publish, topic)
        {
            self.advance(leg, crossing, entry);
            return Some(leg);
        }
        let said = told.as_ref().map(|it| {
            let message = self.messages.numbered(&to.broker, it.number);
            Told { cause: it.cause, message }
        });
        let (found, exact) = match told.and_then(|it| self.told_sent(to, &it, publish, topic)) {
            Some(found) => (found, true),
            None => (self.find(to, publish, topic), false),
        };
        let found = match found {
            Found::Again((message, _)) if publish.retain && self.may_refresh(to, message) => {
                Found::Retained
            }
            found => found,
        };
        if let Some(what) = self.oddity(to, wire, publish, topic, &found, said) {
            self.note_odd(what, to, entry);
        }
        match found {
            Found::Leg(leg) => {
                let keeps = self.session(to).keeps_retain(topic);
                self.begin(to, leg, publish, exact, publish.retain && !keeps);
                self.overtakes(to, leg, exact, entry);
                self.advance(leg, crossing, entry);
                Some(leg)
            }
            Found::Again(leg) => {
                self.came_again(to, leg, publish, entry, crossing);
                self.advance(leg, crossing, entry);
                Some(leg)
            }
            Found::Retained => {
                if said.is_some_and(|it| it.cause == Cause::BridgeConnected)
                    && crossing.passage.arrived()
                    && let Some(message) = self.needlessly_refreshed(to, wire, topic, publish)
                {
                    let (to, entry) = (to.clone(), Arc::clone(entry));
                    self.notable.doubled.push(Doubled { message, to, entry });
                }
                self.notable.refreshed += 1;
                None
            }
            Found::Unknown => {
                self.notable.unexplained += 1;
                None
            }
        }
    }

    fn note_odd(&mut self, what: Oddity, to: &SessionKey, entry: &Arc<Entry>) {
        if self.notable.odd.len() < ODD {
            let (to, entry) = (to.clone(), Arc::clone(entry));
            self.notable.odd.push(Odd { what, to, entry });
        }
    }

    /// Whether a message may go to a session once more because it was retained when that subscribed, or
    /// to make up for what was refused. It may have waited since, and its broker forgotten why.
    fn may_refresh(&self, to: &SessionKey, message: MessageKey) -> bool {
        let book = self.books.get(&to.broker);
        let Some(session) = book.and_then(|book| book.sessions.get(&to.client)) else {
            return true;
        };
        let Some(message) = self.messages.get(message) else { return true };
        let (came, _) = message.taken_in();
        let mut later = session.history.iter().filter(|term| term.again >= came);
        session.may_refresh || later.any(|term| term.filter.matches(&message.topic))
    }

    fn is_of(&self, (message, leg): LegKey, publish: &Publish, topic: &Topic) -> bool {
        self.messages
            .get(message)
            .is_some_and(|it| it.legs[leg].topic == *topic && it.payload == publish.payload)
    }

    /// What the broker itself says that this is.
    fn told_sent(
        &self,
        to: &SessionKey,
        expected: &Expected,
        publish: &Publish,
        topic: &Topic,
    ) -> Option<Found> {
        let message = self.messages.numbered(&to.broker, expected.number)?;
        let legs = &self.messages.get(message)?.legs;
        let leg = legs.iter().position(|leg| leg.to == *to && leg.topic == *topic);
        let key = leg.map(|at| (message, at));
        let arrived = leg.is_some_and(|at| legs[at].fate.arrived());
        // What a far side forgot goes again.
        let session = self.books.get(&to.broker).and_then(|book| book.sessions.get(&to.client));
        let open = key.is_some_and(|key| session.is_some_and(|it| it.open.contains(&key)));
        // What it began to send before it lost its power, it says, is on its way: no longer why.
        let refreshes = publish.retain && session.is_some_and(|it| !it.keeps_retain(topic));
        let refused = leg.is_some_and(|at| matches!(legs[at].fate, Fate::Refused(_)));
        Some(match (key, expected.cause) {
            // What a full queue refused is made up for with what is retained.
            (_, Cause::Subscribed | Cause::BridgeConnected) if refused => Found::Retained,
            (Some(key), _) if open || !arrived => Found::Leg(key),
            (_, Cause::Subscribed | Cause::BridgeConnected) => Found::Retained,
            _ if refreshes => Found::Retained,
            (Some(key), Cause::Live) => Found::Again(key),
            // One of a group.
            (None, Cause::Live) => return None,
        })
    }

    /// Finds it by the session's order, topic and payload.
    fn find(&self, to: &SessionKey, publish: &Publish, topic: &Topic) -> Found {
        let Some(book) = self.books.get(&to.broker) else { return Found::Unknown };
        let Some(session) = book.sessions.get(&to.client) else { return Found::Unknown };
        let named = |name: &Topic| {
            name == topic
                || session.takes(name, QoS::ExactlyOnce, false).iter().any(|it| it.0 == *topic)
        };
        let retained = || {
            let mut local = book.retained.iter();
            local.any(|(name, it)| it.payload == publish.payload && named(name))
        };
        let will = || {
            let mut wills = book.sessions.values().filter_map(|it| it.will.as_ref());
            wills.any(|(name, payload)| *payload == publish.payload && named(name))
        };
        // Without the bridge bit and its like, only what is retained comes with the flag.
        // [MQTT-3.3.1-8, -9]
        if publish.retain && !session.keeps_retain(topic) {
            return Found::Retained;
        }
        let open = |session: &Session| self.find_open(session, publish, topic);
        if let Some(leg) = open(session) {
            return Found::Leg(leg);
        }
        let groups = session.subscriptions.keys().filter(|it| it.group().is_some());
        let mut groups = groups.filter_map(|it| book.sessions.get(&ClientId::new(it.as_str())));
        if let Some(leg) = groups.find_map(open) {
            return Found::Leg(leg);
        }
        if publish.retain && retained() {
            return Found::Retained;
        }
        let same =
            |(name, payload, _): &&(Topic, _, LegKey)| name == topic && *payload == publish.payload;
        // What is sent again has the QoS that it had; only another subscription's copy may not.
        let fits = |(message, leg): LegKey| {
            let qos = self.messages.get(message).map(|it| it.legs[leg].qos);
            qos.is_none_or(|qos| qos == publish.qos) || session.matching(topic) > 1
        };
        match session.recent.iter().rev().find(same) {
            // A will enters without a packet, and may say what was said before.
            Some((_, _, leg)) if !will() && fits(*leg) => Found::Again(*leg),
            None if retained() => Found::Retained,
            _ => Found::Unknown,
        }
    }

    /// The first leg that is open and may be this. One of a message that was cut off before it was
    /// acknowledged, and that nobody sends again, may be unknown to the broker: an equal one goes
    /// before it, unless the order speaks against that.
    fn find_open(&self, session: &Session, publish: &Publish, topic: &Topic) -> Option<LegKey> {
        let mut doubtful: Option<&Message> = None;
        let mut spare = None;
        for leg in session.open.iter().copied() {
            let Some(message) = self.messages.get(leg.0) else { continue };
            let fits = self.is_of(leg, publish, topic);
            if self.is_given_up(message) {
                if fits && spare.is_none() {
                    (doubtful, spare) = (Some(message), Some(leg));
                }
            } else if fits {
                return Some(leg);
            } else if doubtful.is_some_and(|it| it.is_beside(message)) {
                break;
            }
        }
        spare
    }

    /// Whether nobody acknowledged a message, and nobody sends it again.
    fn is_given_up(&self, message: &Message) -> bool {
        if message.promised || message.qos == QoS::AtMostOnce {
            return false;
        }
        let book = self.books.get(&message.at);
        let publisher = book.and_then(|book| book.sessions.get(&message.publisher.client));
        publisher.is_some_and(|it| it.has_given_up(message.key))
    }

    /// A leg is sent for the first time, or for the first time since the other side forgot.
    fn begin(
        &mut self,
        to: &SessionKey,
        leg: LegKey,
        publish: &Publish,
        exact: bool,
        refreshes: bool,
    ) {
        let Some(message) = self.messages.get_mut(leg.0) else { return };
        let payload = message.payload.clone();
        let this = &mut message.legs[leg.1];
        this.exact |= exact;
        this.refreshes |= refreshes;
        let (topic, owner) = (this.topic.clone(), this.to.clone());
        self.session(&owner).open.remove(&leg);
        let session = self.session(to);
        session.remember(topic, payload, leg);
        if let Some(id) = publish.packet_id {
            session.outgoing.insert(id, leg);
        }
    }

    /// A packet more of a leg.
    fn advance(&mut self, (message, leg): LegKey, crossing: &Crossing, entry: &Arc<Entry>) {
        let Some(message) = self.messages.get_mut(message) else { return };
        let leg = &mut message.legs[leg];
        leg.packets.push(Arc::clone(entry));
        let first = !leg.fate.arrived();
        if !first {
            return;
        }
        if !crossing.passage.arrived() {
            leg.fate = Fate::Sent;
            return;
        }
        leg.fate = if leg.qos == QoS::AtMostOnce { Fate::Done } else { Fate::Arrived };
        let (to, qos, key) = (leg.to.clone(), leg.qos, message.key);
        let stream = (message.topic.clone(), message.publisher.client.clone(), qos);
        let refreshes = leg.refreshes;
        self.messages.counts_mut().delivered += 1;
        if refreshes {
            return;
        }
        let newest = self.session(&to).newest.entry(stream).or_insert(key);
        *newest = key.max(*newest);
    }

    /// A message comes to a session that has it already.
    fn came_again(
        &mut self,
        to: &SessionKey,
        leg: LegKey,
        publish: &Publish,
        entry: &Arc<Entry>,
        crossing: &Crossing,
    ) {
        if let Some(id) = publish.packet_id {
            self.session(to).outgoing.insert(id, leg);
        }
        if !crossing.passage.arrived() {
            return;
        }
        let Some(message) = self.messages.get(leg.0) else { return };
        let sent = message.legs[leg.1].packets.iter().filter(|it| is_publish(it)).count();
        let topic = &message.topic;
        let copies = self.books.get(&to.broker).and_then(|book| book.sessions.get(&to.client));
        if sent < copies.map_or(1, |session| session.matching(topic)) {
            return; // One for each of its subscriptions. [MQTT-3.3.5-1]
        }
        // What goes with QoS 0 waits for no commit: with its power, a broker may forget that it has sent
        // what its publisher says again.
        let said = message.came.iter().filter(|it| is_publish(it)).count();
        let unkept = publish.qos == QoS::AtMostOnce && said > sent;
        if unkept || message.legs[leg.1].qos.min(publish.qos) == QoS::AtLeastOnce {
            self.notable.repeats += 1;
            return;
        }
        let (message, entry) = (leg.0, Arc::clone(entry));
        self.notable.doubled.push(Doubled { message, to: to.clone(), entry });
    }

    /// Whether an older message of the same publisher, topic and QoS is still to be sent: then this
    /// one goes before it. [MQTT-4.6.0-6]
    fn overtakes(&mut self, to: &SessionKey, leg: LegKey, exact: bool, entry: &Arc<Entry>) {
        let Some(message) = self.messages.get(leg.0) else { return };
        let this = &message.legs[leg.1];
        if this.refreshes || matches!(this.fate, Fate::Refused(_)) {
            return; // It comes late, as it is retained: nobody promised it.
        }
        let qos = message.legs[leg.1].qos;
        let payload = message.payload.clone();
        let stream = (message.topic.clone(), message.publisher.client.clone(), qos);
        if let Some(early) = self.session(to).newest.get(&stream).copied()
            && qos > QoS::AtMostOnce
            && early > leg.0
            // Of two that are equal, nobody but the broker knows which is which.
            && (exact || self.messages.get(early).is_none_or(|it| it.payload != payload))
        {
            let (to, entry) = (to.clone(), Arc::clone(entry));
            self.notable.overtook.push(Overtook { late: leg.0, early, to, entry });
        }
    }

    /// PUBACK, PUBREC, PUBREL or PUBCOMP arrives. Either end may be a broker.
    pub(super) fn handshake(
        &mut self,
        sender: Option<&End>,
        receiver: Option<&End>,
        packet: &Packet,
        entry: &Arc<Entry>,
    ) {
        match packet {
            Packet::PubAck(ack) | Packet::PubRec(ack) => {
                let taken = !ack.reason.is_error();
                let two = matches!(packet, Packet::PubRec(_));
                // The sender of the acknowledgement has taken a message over.
                if let Some(end) = sender {
                    let known = self.session(&end.session).incoming.get(&ack.id).cloned();
                    if let Some(incoming) = known {
                        let first = self.acknowledged(incoming.message, ack.reason, entry);
                        self.session(&end.session).answered += u64::from(first);
                        if !two || !taken {
                            self.session(&end.session).incoming.remove(&ack.id);
                        }
                    }
                }
                if let Some(end) = receiver {
                    self.leg_packet(end, ack.id, entry, !two || !taken);
                }
            }
            Packet::PubRel(ack) => {
                if let Some(end) = sender {
                    self.leg_packet(end, ack.id, entry, false);
                }
                // The receiver forgets the id with this: what comes under it now is new.
                if let Some(end) = receiver {
                    let session = self.session(&end.session);
                    if let Some(incoming) = session.incoming.remove(&ack.id) {
                        session.released.insert(ack.id, incoming.message);
                        self.add_packet(incoming.message, entry);
                    }
                }
            }
            Packet::PubComp(ack) => {
                if let Some(end) = sender {
                    let released = self.session(&end.session).released.remove(&ack.id);
                    if let Some(message) = released {
                        self.add_packet(message, entry);
                    }
                }
                if let Some(end) = receiver {
                    self.leg_packet(end, ack.id, entry, true);
                }
            }
            _ => {}
        }
    }

    fn leg_packet(&mut self, end: &End, id: crate::mqtt::PacketId, entry: &Arc<Entry>, over: bool) {
        let outgoing = &mut self.session(&end.session).outgoing;
        let Some(leg) = outgoing.get(&id).copied() else { return };
        if over {
            outgoing.remove(&id);
        }
        if let Some(message) = self.messages.get_mut(leg.0) {
            let leg = &mut message.legs[leg.1];
            leg.packets.push(Arc::clone(entry));
            if over && leg.fate.arrived() {
                leg.fate = Fate::Done;
            }
        }
    }

    /// The legs under way to a far side that has forgotten them go again, as new.
    pub(super) fn start_over(&mut self, dialer: &SessionKey) {
        let session = self.session(dialer);
        let again = std::mem::take(&mut session.outgoing).into_values();
        session.open.extend(again);
        // So does their order.
        session.newest.clear();
    }
}

fn is_publish(entry: &Entry) -> bool {
    use crate::lab::trace::Event;
    let Event::Packet(crossing) = &entry.event else { return false };
    matches!(crossing.packet(), Some(Packet::Publish(_))) && crossing.passage.arrived()
}
