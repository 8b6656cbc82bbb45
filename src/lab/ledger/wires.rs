//! Connections, and which book each of their ends belongs to.

use std::sync::Arc;
use std::time::Duration;

use super::book::Will;
use super::session::{Session, SessionKey, Subscribed};
use super::{Forgot, Ledger};
use crate::cable::Direction;
use crate::lab::name::CableName;
use crate::lab::trace::{Crossing, Entry, Party, Passage, Wire};
use crate::mqtt::packet::{
    Answers, ConnAck, Connect, Level, Notice, Subscribe, SubscribeOptions, Unsubscribe,
};
use crate::mqtt::{ClientId, Filter, Packet, PacketId, QoS, Reason};

/// So far apart may be when a broker and the trace notice something.
const CLOCKS: Duration = Duration::from_secs(1);

/// What is known of a connection.
#[derive(Debug, Clone, Default)]
pub struct WireState {
    /// The broker it leads to.
    target: Option<SessionKey>,
    /// Where a bridge dialled: its session at its own broker.
    dialer: Option<SessionKey>,
    /// The cable it goes through.
    pub(super) cable: Option<CableName>,
    /// The entry of its CONNECT.
    pub(super) began: u64,
    /// Whether its broker still had the session.
    pub(super) knows: bool,
    clean: bool,
    expires: Option<u32>,
    level: Level,
    bridge_bit: bool,
    asked: Vec<(PacketId, Vec<(Filter, SubscribeOptions)>)>,
    withdrawn: Vec<(PacketId, Vec<Filter>)>,
    /// Whether a packet was dropped on it, and it lives.
    pub dropped: bool,
}

/// The end of a connection that has something to say of a packet.
#[derive(Debug, Clone)]
pub(super) struct End {
    /// Its session.
    pub(super) session: SessionKey,
    /// Whether it is a broker that dialled.
    pub(super) is_bridge: bool,
}

impl Ledger {
    /// A packet came to a cable.
    pub(super) fn crossing(&mut self, entry: &Arc<Entry>, crossing: &Crossing) {
        let Some(packet) = crossing.packet() else { return };
        if let Packet::Connect(connect) = packet {
            self.connect(&crossing.wire, connect, entry.number);
        }
        let number = crossing.wire.number;
        let Some(wire) = self.wires.get_mut(&number) else { return };
        wire.dropped |= crossing.passage == Passage::Dropped;
        let server = wire.target.clone().map(|session| End { session, is_bridge: false });
        let dialer = wire.dialer.clone().map(|session| End { session, is_bridge: true });
        let (sender, receiver) = match crossing.direction {
            Direction::Out => (dialer, server),
            Direction::In => (server, dialer),
        };
        match packet {
            Packet::ConnAck(answer) => self.connack(number, answer, entry),
            Packet::Subscribe(subscribe) => self.subscribe(number, subscribe, entry.number),
            Packet::SubAck(answers) => self.suback(number, answers),
            Packet::Unsubscribe(unsubscribe) => self.unsubscribe(number, unsubscribe),
            Packet::UnsubAck(answers) => self.unsuback(number, answers, entry.number),
            Packet::Disconnect(notice)
                if crossing.direction == Direction::Out && crossing.passage.arrived() =>
            {
                self.goodbye(number, notice, entry.number);
            }
            Packet::Publish(publish) => {
                let topic = crossing.topic().unwrap_or(&publish.topic).clone();
                let leg = sender.and_then(|end| {
                    self.sent_publish(&end.session, number, publish, &topic, entry, crossing)
                });
                if crossing.passage.arrived() {
                    if let Some(end) = receiver {
                        self.came(&end, publish, &topic, entry, number, leg);
                    }
                } else if publish.qos == QoS::AtMostOnce {
                    self.notable.lost_on_the_way += 1;
                }
            }
            Packet::PubAck(_) | Packet::PubRec(_) | Packet::PubRel(_) | Packet::PubComp(_)
                if crossing.passage.arrived() =>
            {
                self.handshake(sender.as_ref(), receiver.as_ref(), packet, entry);
            }
            _ => {}
        }
    }

    fn connect(&mut self, wire: &Wire, connect: &Connect, began: u64) {
        let facts = self.bridges.iter().find(|it| it.cable == wire.cable);
        let dialer = facts
            .map(|it| SessionKey { broker: it.local.clone(), client: it.local_session.clone() });
        let client = wire.client.clone().unwrap_or_else(|| connect.client_id.clone());
        let state = WireState {
            target: Some(SessionKey { broker: wire.target.clone(), client }),
            dialer,
            cable: Some(wire.cable.clone()),
            began,
            clean: connect.clean_start,
            expires: connect.properties.session_expiry_s(),
            level: connect.level,
            bridge_bit: connect.bridge,
            ..WireState::default()
        };
        self.wires.insert(wire.number, state);
        if let (Some(key), Some(will)) = (self.target(wire.number), &connect.will) {
            let (topic, payload) = (will.message.topic.clone(), will.message.payload.clone());
            self.session(&key).will = Some((topic.clone(), payload.clone()));
            let wills = &mut self.books.entry(key.broker).or_default().wills;
            // One that may have been published says the same as any later one.
            let known = wills.iter().any(|it| {
                let left = it.goodbye.is_none() && !self.wires.contains_key(&it.wire);
                left && (&it.topic, &it.payload) == (&topic, &payload)
            });
            if !known {
                wills.push(Will { topic, payload, wire: wire.number, goodbye: None });
            }
        }
    }

    fn target(&self, wire: u64) -> Option<SessionKey> {
        self.wires.get(&wire)?.target.clone()
    }

    /// A session, made where it was not known.
    pub(super) fn session(&mut self, key: &SessionKey) -> &mut Session {
        let book = self.books.entry(key.broker.clone()).or_default();
        book.sessions.entry(key.client.clone()).or_default()
    }

    fn connack(&mut self, number: u64, answer: &ConnAck, entry: &Arc<Entry>) {
        if answer.reason.is_error() {
            return;
        }
        let Some(wire) = self.wires.get_mut(&number) else { return };
        let kept = match wire.level {
            Level::V5 => wire.expires.unwrap_or(0) > 0,
            _ => !wire.clean,
        };
        let (clean, level) = (wire.clean, wire.level);
        let expires_s = answer.properties.session_expiry_s().or(wire.expires);
        let (Some(key), dialer) = (wire.target.clone(), wire.dialer.clone()) else { return };
        // In MQTT 3.1 nobody says so.
        let knows = answer.session_present || level == Level::V31;
        wire.knows = knows;
        let session = self.session(&key);
        let forgets = !clean && !knows && session.kept && !session.has_expired(entry.at);
        if forgets {
            let owed = self.session(&key).open.len() + self.session(&key).outgoing.len();
            let (by, session) = (key.broker.clone(), key.clone());
            self.notable.forgot.push(Forgot { by, session, owed, entry: Arc::clone(entry) });
        }
        if !knows {
            self.end_session(&key, forgets);
        }
        let session = self.session(&key);
        (session.kept, session.wire) = (kept, Some(number));
        session.begun |= !knows;
        (session.expires_s, session.away_since) = (expires_s.filter(|it| *it < u32::MAX), None);
        if let Some(dialer) = dialer {
            let session = self.session(&dialer);
            session.wire = Some(number);
            if !knows {
                // Ids of a side that forgot mean nothing any more.
                session.incoming.clear();
                self.start_over(&dialer);
            }
        }
    }

    /// A session is gone: what was owed to it is owed no more, unless the broker simply forgot.
    pub(super) fn end_session(&mut self, key: &SessionKey, forgotten: bool) {
        let session = self.session(key);
        let open = std::mem::take(&mut session.open);
        let under_way = std::mem::take(&mut session.outgoing).into_values();
        let legs: Vec<_> = open.into_iter().chain(under_way).collect();
        let (rules, will) = (session.rules.take(), session.will.take());
        let answered = session.answered;
        *session = Session { rules, answered, will, ..Session::default() };
        if !forgotten {
            self.no_longer_owed(legs);
        }
    }

    /// A broker of ours says that a session has expired.
    pub(super) fn session_ended(&mut self, broker: &Party, client: &ClientId, entry: &Arc<Entry>) {
        let key = SessionKey { broker: broker.clone(), client: client.clone() };
        let session = self.session(&key);
        let asked = session.expires_s.is_some() && session.away_since.is_some();
        if asked && !session.has_expired(entry.at + CLOCKS) {
            let owed = session.open.len() + session.outgoing.len();
            let (by, session, entry) = (broker.clone(), key.clone(), Arc::clone(entry));
            self.notable.forgot.push(Forgot { by, session, owed, entry });
        }
        self.end_session(&key, false);
    }

    /// A client says goodbye: without its will, and maybe with another end of its session.
    fn goodbye(&mut self, number: u64, notice: &Notice, at: u64) {
        let Some(key) = self.target(number) else { return };
        if notice.reason == Reason::Success {
            let wills = &mut self.books.entry(key.broker.clone()).or_default().wills;
            for will in wills.iter_mut().filter(|it| it.wire == number) {
                will.goodbye = Some(at);
            }
        }
        if let Some(seconds) = notice.properties.session_expiry_s() {
            let session = self.session(&key);
            session.kept = seconds > 0;
            session.expires_s = session.expires_s.into_iter().chain([seconds]).min();
        }
    }

    /// A connection is gone.
    pub(super) fn wire_ended(&mut self, number: u64, at: Duration) {
        let Some(wire) = self.wires.remove(&number) else { return };
        for key in [wire.target, wire.dialer].into_iter().flatten() {
            let session = self.session(&key);
            if session.wire != Some(number) {
                continue;
            }
            (session.wire, session.away_since) = (None, Some(at));
            session.expected.clear();
            if !session.kept && session.rules.is_none() {
                self.end_session(&key, false);
            }
        }
    }

    fn subscribe(&mut self, number: u64, subscribe: &Subscribe, at: u64) {
        let Some(wire) = self.wires.get_mut(&number) else { return };
        let bridge = wire.bridge_bit;
        // The bridge bit stands for these options. [mosquitto.conf manual, `try_private`]
        let options = |options: SubscribeOptions| SubscribeOptions {
            no_local: options.no_local || bridge,
            retain_as_published: options.retain_as_published || bridge,
            ..options
        };
        let filters: Vec<_> =
            subscribe.filters.iter().map(|(it, asked)| (it.clone(), options(*asked))).collect();
        wire.asked.push((subscribe.id, filters.clone()));
        let Some(key) = self.target(number) else { return };
        for (filter, options) in filters {
            let session = self.session(&key);
            session.ask(&filter, options, at);
            // Until it is answered, messages may come or not.
            session.subscriptions.entry(filter).or_insert(Subscribed { options, sure: false });
        }
    }

    fn suback(&mut self, number: u64, answers: &Answers) {
        let Some(wire) = self.wires.get_mut(&number) else { return };
        let Some(at) = wire.asked.iter().position(|(id, _)| *id == answers.id) else { return };
        let (_, filters) = wire.asked.remove(at);
        let Some(key) = self.target(number) else { return };
        for ((filter, options), reason) in filters.into_iter().zip(&answers.reasons) {
            let Session { subscriptions, history, .. } = self.session(&key);
            match QoS::from_level(reason.code()) {
                Some(qos) => {
                    let mut terms = history.iter_mut().rev();
                    if let Some(term) = terms.find(|term| term.filter == filter) {
                        term.granted = Some(qos);
                    }
                    let options = SubscribeOptions { qos, ..options };
                    subscriptions.insert(filter, Subscribed { options, sure: true });
                }
                // Whether one that was there before stays, MQTT does not say.
                None => {
                    if let Some(refused) = subscriptions.get_mut(&filter) {
                        refused.sure = false;
                    }
                }
            }
        }
    }

    fn unsubscribe(&mut self, number: u64, unsubscribe: &Unsubscribe) {
        let Some(wire) = self.wires.get_mut(&number) else { return };
        wire.withdrawn.push((unsubscribe.id, unsubscribe.filters.clone()));
        let Some(key) = self.target(number) else { return };
        for filter in &unsubscribe.filters {
            if let Some(subscribed) = self.session(&key).subscriptions.get_mut(filter) {
                subscribed.sure = false;
            }
        }
    }

    fn unsuback(&mut self, number: u64, answers: &Answers, at: u64) {
        let Some(wire) = self.wires.get_mut(&number) else { return };
        let Some(asked) = wire.withdrawn.iter().position(|(id, _)| *id == answers.id) else {
            return;
        };
        let (_, filters) = wire.withdrawn.remove(asked);
        let Some(key) = self.target(number) else { return };
        for filter in filters {
            let session = self.session(&key);
            session.subscriptions.remove(&filter);
            for term in session.history.iter_mut().filter(|term| term.filter == filter) {
                term.until.get_or_insert(at);
            }
        }
    }
}
