//! Connections that go, and what they leave behind: wills, and sessions that end in time.
//! [MQTT 5.0, sections 3.1.2.5, 3.1.2.11.2 and 3.14]

use std::time::Duration;

use super::Broker;
use super::connection::Who;
use super::durable::{Expiry, Record};
use super::event::Event;
use super::io::{ConnId, Output};
use super::publish;
use super::route::Origin;
use super::sessions::SessionKey;
use super::timers::Timer;
use crate::defect::{self, Defect};
use crate::mqtt::packet::{Level, Notice};
use crate::mqtt::{Filter, Message, Packet, Reason};

impl Broker {
    /// Closes a connection from our side, and says why where the protocol has words for it.
    /// [MQTT 5.0, section 4.13]
    pub(super) fn hang_up(&mut self, conn: ConnId, reason: Reason, text: &str) {
        let Some(connection) = self.connections.get(&conn) else { return };
        // Before CONNACK nothing but that may be sent. [MQTT-3.14.0-1]
        let known = connection.who != Who::Stranger && !self.is_asking(connection.who);
        if connection.level == Level::V5 && known {
            let properties = connection.last_words(text);
            // It passes what is held back: that was never promised, and will not be now.
            let packet = Packet::Disconnect(Notice { reason, properties });
            self.put_out(conn, packet, None);
        }
        self.close(conn, text);
    }

    /// Closes a connection from our side, without a word.
    pub(super) fn close(&mut self, conn: ConnId, text: &str) {
        if self.connections.contains_key(&conn) {
            self.out.push(Output::Close { conn, reason: text.to_owned() });
            self.connection_gone(conn, text);
        }
    }

    /// A connection is closed, by whichever side.
    pub(super) fn connection_gone(&mut self, conn: ConnId, reason: &str) {
        self.watch_silence(conn, None);
        let Some(connection) = self.connections.remove(&conn) else { return };
        self.waiting.remove(&conn);
        let key = match connection.who {
            Who::Stranger => return,
            Who::Client(key) => key,
            Who::Link(bridge) => return self.link_gone(bridge, conn, reason),
        };
        self.counters.client_went();
        let client = self.sessions[key].client.clone();
        self.sessions[key].conn = None;
        self.tell(Event::Disconnected { client, reason: reason.to_owned() });
        self.leave_alone(key);
    }

    /// The time of a session without a connection begins.
    pub(super) fn leave_alone(&mut self, key: SessionKey) {
        let now = self.now;
        let session = &mut self.sessions[key];
        let expiry = session.expiry;
        session.set_expiry(expiry, expiry.end_from(now), &mut self.journal);
        if expiry == Expiry::Seconds(0) {
            return self.end_session(key);
        }
        if let Some(will) = session.will.clone() {
            // [MQTT-3.1.2-8, MQTT-3.1.3-9]
            if will.delay_s == 0 {
                self.publish_will(key);
            } else {
                session.set_will(Some(will.due_from(now)), &mut self.journal);
            }
        }
        self.wake_session(key);
    }

    /// Sets the one timer of a session.
    pub(super) fn wake_session(&mut self, key: SessionKey) {
        let session = &mut self.sessions[key];
        let due = session.will.as_ref().and_then(|it| it.due);
        let at = due.into_iter().chain(session.ends_at).min();
        if let Some(before) = std::mem::replace(&mut session.wakes_at, at) {
            self.timers.cancel(before, Timer::Session(key));
        }
        if let Some(at) = at {
            self.timers.set(at, Timer::Session(key));
        }
    }

    /// A session's time has come: for its end, or for its will.
    pub(super) fn session_deadline(&mut self, key: SessionKey) {
        let session = &mut self.sessions[key];
        session.wakes_at = None;
        if session.ends_at.is_some_and(|at| at <= self.now) {
            let client = session.client.clone();
            self.end_session(key);
            self.counters.expired += 1;
            return self.tell(Event::SessionExpired { client });
        }
        let due = session.will.as_ref().and_then(|it| it.due);
        if due.is_some_and(|at| at <= self.now) {
            self.publish_will(key);
        }
        self.wake_session(key);
    }

    /// Publishes a session's will, once. [MQTT-3.1.2-8, -10]
    fn publish_will(&mut self, key: SessionKey) {
        let Some(will) = self.sessions[key].will.clone() else { return };
        let message = &will.numbered.message;
        if !publish::is_brokers_own(&message.topic) {
            let expires_at =
                will.expiry_s.map(|seconds| self.now + Duration::from_secs(seconds.into()));
            let client = self.sessions[key].client.clone();
            let message = Message { expires_at, ..Message::clone(message) };
            self.publish_message(message, Some(&Origin::of(key, client)));
        }
        self.sessions[key].set_will(None, &mut self.journal);
    }

    /// Forgets a session and everything in it; its will is due at the latest now.
    /// [MQTT-3.1.2-8]
    pub(super) fn end_session(&mut self, key: SessionKey) {
        let filters: Vec<_> = self.sessions[key].subscriptions.keys().cloned().collect();
        for filter in &filters {
            self.remove_subscriber(filter, key);
        }
        self.publish_will(key);
        self.pass_on_shared(key, &filters);
        if let Some(at) = self.sessions[key].wakes_at.take() {
            self.timers.cancel(at, Timer::Session(key));
        }
        let mut session = self.sessions.remove(key);
        let client = session.client.clone();
        let (outgoing, mut log) = session.sending(&mut self.journal);
        outgoing.clear(&mut log);
        if session.persistent {
            self.journal.record(Record::DropSession { client });
        }
    }

    /// What a session leaves undone that came to it by a group goes to another member.
    /// [MQTT 5.0, section 4.8.2]
    fn pass_on_shared(&mut self, key: SessionKey, filters: &[Filter]) {
        let (shared, single): (Vec<_>, Vec<_>) =
            filters.iter().partition(|it| it.group().is_some());
        if shared.is_empty() {
            return;
        }
        for numbered in self.sessions[key].outgoing.undone(self.now) {
            let topic = &numbered.message.topic;
            // With a subscription of its own that matches too, there is no telling which copy it is.
            if single.iter().any(|it| it.matches(topic)) {
                continue;
            }
            if let Some(filter) = shared.iter().find(|it| it.matches(topic)) {
                self.give_to_group(filter, &numbered);
            }
        }
    }

    /// DISCONNECT came from a client. [MQTT-3.14.4-1 to -3]
    pub(super) fn disconnect(&mut self, conn: ConnId, key: SessionKey, notice: &Notice) {
        let session = &mut self.sessions[key];
        if let Some(seconds) = notice.properties.session_expiry_s() {
            let expiry = Expiry::from_interval(seconds);
            if session.expiry == Expiry::Seconds(0) && expiry != Expiry::Seconds(0) {
                // [MQTT 5.0, section 3.14.2.2.2]
                let text = "a session that was to end with its connection cannot be kept";
                return self.hang_up(conn, Reason::ProtocolError, text);
            }
            let expiry = self.longest(expiry);
            self.sessions[key].set_expiry(expiry, None, &mut self.journal);
        }
        if notice.reason == Reason::Success && !defect::on(Defect::WillAfterGoodbye) {
            self.sessions[key].set_will(None, &mut self.journal);
        }
        let text = "it said goodbye (DISCONNECT)";
        let latest = self.journal.latest();
        if self.journal.is_durable(latest) || self.journal.trouble().is_some() {
            return self.close(conn, text);
        }
        // That the connection ends is the answer to a goodbye, and there is no other one: it waits
        // for what the goodbye changed, the will and the session that are no more.
        self.connection_gone(conn, text);
        self.leaving.push((latest, conn));
    }

    /// [MQTT 5.0, section 4.13.1]
    pub(super) fn shut_down(&mut self) {
        for bridge in 0..self.bridges.len() {
            let bridge = super::BridgeNumber(bridge);
            self.order_bridge(bridge, super::BridgeOrder::Stop);
        }
        let mut all: Vec<_> = self.connections.keys().copied().collect();
        all.sort_unstable();
        for conn in all {
            self.hang_up(conn, Reason::ServerShuttingDown, "the broker stops");
        }
    }
}
