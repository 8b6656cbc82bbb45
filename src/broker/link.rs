//! A bridge's link: dialling, CONNECT, what the two sides remember of each other, keep-alive.
//!
//! ```text
//! Waiting --deadline--> Dialing --> Asking --CONNACK--> Up
//!    ^                     |           |                 |
//!    +---------------------+-----------+-----------------+      Stop: --> Stopped
//! ```

use std::sync::Arc;
use std::time::Duration;

use super::Broker;
use super::bridge::Link;
use super::connection::{Connection, Who};
use super::durable::{Record, Subscription};
use super::event::Event;
use super::io::{BridgeNumber, BridgeOrder, ConnId, Output};
use super::settings::StartType;
use super::timers::Timer;
use crate::mqtt::packet::{ConnAck, Connect, ConnectCode, Level, Publish};
use crate::mqtt::{Filter, Packet, PacketId, QoS};

/// How long the far broker may take for its CONNACK.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How often the first address is tried while another one is in use.
const PROBE_EVERY: Duration = Duration::from_secs(30);

impl Broker {
    pub(super) fn order_bridge(&mut self, bridge: BridgeNumber, order: BridgeOrder) {
        match (order, &self.bridges[bridge.0].link) {
            (BridgeOrder::Start, Link::Stopped) | (BridgeOrder::Retry, Link::Waiting { .. }) => {
                self.dial(bridge);
            }
            (BridgeOrder::Stop, Link::Up { conn, .. }) => {
                let conn = *conn;
                self.bridges[bridge.0].link = Link::Stopped;
                self.notify_remote(bridge, conn, false);
                self.send(conn, Packet::Disconnect, false);
                self.hang_up(conn, "the bridge was stopped");
            }
            (BridgeOrder::Stop, Link::Asking { conn })
            | (BridgeOrder::Kill, Link::Asking { conn } | Link::Up { conn, .. }) => {
                let conn = *conn;
                self.bridges[bridge.0].link = Link::Stopped;
                self.hang_up(conn, "the bridge was stopped");
            }
            (BridgeOrder::Stop | BridgeOrder::Kill, _) => {
                self.bridges[bridge.0].link = Link::Stopped;
                self.bridges[bridge.0].deadline = None;
            }
            _ => {}
        }
    }

    fn dial(&mut self, bridge: BridgeNumber) {
        self.bridges[bridge.0].link = Link::Dialing;
        self.bridges[bridge.0].deadline = None;
        let settings = self.bridge_settings(bridge);
        let address = settings.addresses[self.bridges[bridge.0].address].clone();
        let (name, to) = (settings.name.clone(), address.to_string());
        self.tell(Event::BridgeDials { bridge: name, address: to });
        self.out.push(Output::Dial { bridge, address });
    }

    pub(super) fn dialed(&mut self, bridge: BridgeNumber, conn: ConnId) {
        match self.bridges[bridge.0].link {
            Link::Dialing => {}
            Link::Up { conn: old, probing: true, .. } => {
                // The first address is back: everything goes over to it.
                self.bridges[bridge.0].address = 0;
                self.hang_up(old, "the first address is back");
            }
            _ => {
                let reason = "nobody waits for this connection".to_owned();
                return self.out.push(Output::Close { conn, reason });
            }
        }
        let connection = Connection::new(Who::Link(bridge), self.now, None);
        self.connections.insert(conn, connection);
        self.bridges[bridge.0].link = Link::Asking { conn };
        self.bridges[bridge.0].asked.clear();
        self.bridges[bridge.0].withdrawn.clear();
        self.wake_link(bridge, self.now + ANSWER_WITHIN);
        let connect = self.connect_packet(bridge);
        self.send(conn, Packet::Connect(Box::new(connect)), false);
    }

    fn connect_packet(&self, bridge: BridgeNumber) -> Connect {
        let settings = self.bridge_settings(bridge);
        let tells = settings.notifications && !settings.notifications_local_only;
        let keep_alive_s = settings.keepalive_interval.as_secs();
        Connect {
            level: Level::V311,
            bridge: settings.try_private && self.bridges[bridge.0].private,
            client_id: settings.remote_clientid.clone(),
            clean_session: settings.cleansession,
            keep_alive_s: u16::try_from(keep_alive_s).unwrap_or(u16::MAX),
            will: tells.then(|| self.notification(bridge, false, QoS::AtLeastOnce)),
            username: settings.remote_username.clone(),
            password: settings.remote_password.clone().map(Into::into),
        }
    }

    pub(super) fn dial_failed(&mut self, bridge: BridgeNumber, reason: &str) {
        match &mut self.bridges[bridge.0].link {
            Link::Dialing => self.link_failed(bridge, None, reason),
            Link::Up { probing, .. } => *probing = false,
            _ => {}
        }
    }

    pub(super) fn link_packet(&mut self, conn: ConnId, bridge: BridgeNumber, packet: Packet) {
        if let Link::Up { pinged, .. } = &mut self.bridges[bridge.0].link {
            *pinged = None;
        }
        let key = self.bridges[bridge.0].session;
        let up = matches!(self.bridges[bridge.0].link, Link::Up { .. });
        match packet {
            Packet::ConnAck(answer) if !up => self.answered(bridge, conn, answer),
            _ if !up => self.hang_up(conn, "the far broker's first packet is not CONNACK"),
            Packet::Publish(publish) => self.link_publish(bridge, conn, &publish),
            Packet::PubAck(_) | Packet::PubRec(_) | Packet::PubComp(_) | Packet::PubRel(_) => {
                self.handshake(conn, key, &packet);
            }
            Packet::SubAck(id, codes) => self.granted(bridge, id, &codes),
            Packet::UnsubAck(id) => self.withdrawn(bridge, id),
            Packet::PingResp => {}
            _ => self.hang_up(conn, "the far broker sent a packet that only a client sends"),
        }
    }

    fn answered(&mut self, bridge: BridgeNumber, conn: ConnId, answer: ConnAck) {
        match answer.code {
            ConnectCode::Accepted => self.link_up(bridge, conn, answer.session_present),
            ConnectCode::UnacceptableProtocol
                if self.bridge_settings(bridge).try_private && self.bridges[bridge.0].private =>
            {
                // A broker that does not know the bridge bit: once more without it.
                self.bridges[bridge.0].private = false;
                self.hang_up(conn, "the far broker does not take the bridge bit");
            }
            code => {
                let reason = format!("the far broker answers CONNACK {}", code as u8);
                self.hang_up(conn, &reason);
            }
        }
    }

    fn link_up(&mut self, bridge: BridgeNumber, conn: ConnId, session_present: bool) {
        let settings = Arc::clone(&self.settings);
        let settings = &settings.bridges[bridge.0];
        let key = self.bridges[bridge.0].session;
        let since = self.now;
        self.bridges[bridge.0].link = Link::Up { conn, since, pinged: None, probing: false };
        self.wake_link(bridge, self.now + settings.keepalive_interval);
        let name = settings.name.clone();
        self.tell(Event::BridgeUp { bridge: name, session_present });
        self.notify_remote(bridge, conn, true);
        let packets = if session_present {
            self.sessions[key].outgoing.resume()
        } else {
            self.remote_forgot(bridge)
        };
        for packet in packets {
            self.send(conn, packet, true);
        }
        self.sessions[key].visit(conn);
        self.ask_for_rules(bridge, conn);
        let rules = Some(self.out_rules(bridge));
        if self.sessions[key].established != rules {
            self.deliver_retained_out(bridge);
            self.sessions[key].set_established(rules, &mut self.journal);
        }
        self.pump(key);
        self.notify_locally(bridge, true);
    }

    /// The far broker has no session of this bridge. Gives back what to send again as new.
    fn remote_forgot(&mut self, bridge: BridgeNumber) -> Vec<Packet> {
        let key = self.bridges[bridge.0].session;
        let session = &self.sessions[key];
        let known = session.established.is_some() || !session.subscriptions.is_empty();
        let inbound = self.sessions[key].forget_received(&mut self.journal);
        let (outgoing, mut log) = self.sessions[key].sending(&mut self.journal);
        let (packets, gone) = outgoing.start_over(&mut log);
        self.sessions[key].set_established(None, &mut self.journal);
        for filter in std::mem::take(&mut self.sessions[key].subscriptions).into_keys() {
            self.sessions[key]
                .log(&mut self.journal)
                .record(|client| Record::Unsubscribe { client, filter });
        }
        let settings = self.bridge_settings(bridge);
        if known && !settings.cleansession {
            let in_flight = inbound + gone + packets.len();
            let bridge = settings.name.clone();
            self.tell(Event::RemoteForgot { bridge, in_flight });
        }
        packets
    }

    /// Subscribes at the far broker to what the rules bring in and it has not granted yet, and takes
    /// back what they no longer bring in.
    fn ask_for_rules(&mut self, bridge: BridgeNumber, conn: ConnId) {
        let key = self.bridges[bridge.0].session;
        let settings = Arc::clone(&self.settings);
        let settings = &settings.bridges[bridge.0];
        let rules = settings.rules.iter().filter(|rule| rule.direction().comes_in());
        let mut wanted: Vec<(Filter, QoS)> = Vec::new();
        for rule in rules {
            // Two rules on one filter are one subscription there.
            match wanted.iter_mut().find(|(filter, _)| filter == rule.remote()) {
                Some((_, qos)) => *qos = rule.qos().max(*qos),
                None => wanted.push((rule.remote().clone(), rule.qos())),
            }
        }
        let granted = &self.sessions[key].subscriptions;
        let missing: Vec<_> = wanted
            .iter()
            .filter(|(filter, qos)| granted.get(filter).is_none_or(|it| it.qos != *qos))
            .cloned()
            .collect();
        let stale: Vec<Filter> = granted
            .keys()
            .filter(|filter| !wanted.iter().any(|(it, _)| it == *filter))
            .cloned()
            .collect();
        if !stale.is_empty() && settings.attempt_unsubscribe {
            let id = self.sessions[key].outgoing.fresh_id();
            self.bridges[bridge.0].withdrawn.push((id, stale.clone()));
            self.send(conn, Packet::Unsubscribe(id, stale), true);
        }
        if !missing.is_empty() {
            let id = self.sessions[key].outgoing.fresh_id();
            self.bridges[bridge.0].asked.push((id, missing.clone()));
            self.send(conn, Packet::Subscribe(id, missing), true);
        }
    }

    fn granted(&mut self, bridge: BridgeNumber, id: PacketId, codes: &[Option<QoS>]) {
        let key = self.bridges[bridge.0].session;
        let asked = &mut self.bridges[bridge.0].asked;
        let Some(at) = asked.iter().position(|(it, _)| *it == id) else { return };
        let (_, filters) = asked.remove(at);
        for ((filter, qos), code) in filters.into_iter().zip(codes) {
            if code.is_none() {
                let bridge = self.bridge_settings(bridge).name.clone();
                self.tell(Event::SubscriptionRefused { bridge, filter });
                continue;
            }
            let options = Subscription { qos, ..Subscription::default() };
            self.sessions[key].subscriptions.insert(filter.clone(), options);
            self.sessions[key].log(&mut self.journal).record(|client| Record::Subscribe {
                client,
                filter,
                options,
            });
        }
    }

    /// The far broker has taken subscriptions back: until it says so it may not have heard of it.
    fn withdrawn(&mut self, bridge: BridgeNumber, id: PacketId) {
        let key = self.bridges[bridge.0].session;
        let withdrawn = &mut self.bridges[bridge.0].withdrawn;
        let Some(at) = withdrawn.iter().position(|(it, _)| *it == id) else { return };
        for filter in withdrawn.remove(at).1 {
            self.sessions[key].subscriptions.remove(&filter);
            self.sessions[key]
                .log(&mut self.journal)
                .record(|client| Record::Unsubscribe { client, filter });
        }
    }

    /// The link's connection is closed, by whichever side.
    pub(super) fn link_gone(&mut self, bridge: BridgeNumber, conn: ConnId, reason: &str) {
        let key = self.bridges[bridge.0].session;
        if self.sessions[key].conn == Some(conn) {
            self.sessions[key].conn = None;
            if !self.sessions[key].persistent {
                self.sessions[key].forget_received(&mut self.journal);
                let (outgoing, mut log) = self.sessions[key].sending(&mut self.journal);
                outgoing.clear(&mut log);
                self.sessions[key].established = None;
            }
            self.notify_locally(bridge, false);
        }
        match self.bridges[bridge.0].link {
            Link::Up { since, .. } => {
                self.link_failed(bridge, Some(self.now.saturating_sub(since)), reason);
            }
            Link::Asking { .. } => self.link_failed(bridge, None, reason),
            Link::Stopped => {
                self.bridges[bridge.0].deadline = None;
                let bridge = self.bridge_settings(bridge).name.clone();
                self.tell(Event::BridgeDown { bridge, reason: reason.to_owned() });
            }
            Link::Waiting { .. } | Link::Dialing => {}
        }
    }

    /// A connection that lasted `lasted`, or an attempt at one, has ended.
    fn link_failed(&mut self, bridge: BridgeNumber, lasted: Option<Duration>, reason: &str) {
        let settings = self.bridge_settings(bridge);
        let (restart, addresses) = (settings.restart, settings.addresses.len());
        let (once, round_robin) = (settings.start == StartType::Once, settings.round_robin);
        let name = settings.name.clone();
        self.tell(Event::BridgeDown { bridge: name, reason: reason.to_owned() });
        let random = self.random();
        let state = &mut self.bridges[bridge.0];
        if once && lasted.is_some() {
            state.link = Link::Stopped;
            state.deadline = None;
            return;
        }
        if lasted.is_some_and(|it| it >= restart.stable) {
            state.last_wait = Duration::ZERO;
        }
        state.address = match lasted {
            Some(_) if !round_robin => 0,
            _ => (state.address + 1) % addresses,
        };
        // With several addresses each is tried before the bridge waits.
        let wait = if lasted.is_none() && state.address != 0 {
            Duration::ZERO
        } else {
            state.last_wait = restart.wait(state.last_wait, random);
            state.last_wait
        };
        state.link = Link::Waiting { reason: reason.to_owned() };
        self.wake_link(bridge, self.now + wait);
    }

    /// Sets the one deadline of a bridge's link.
    pub(super) fn wake_link(&mut self, bridge: BridgeNumber, at: Duration) {
        if let Some(before) = self.bridges[bridge.0].deadline.replace(at) {
            self.timers.cancel(before, Timer::Link(bridge));
        }
        self.timers.set(at, Timer::Link(bridge));
    }

    pub(super) fn link_deadline(&mut self, bridge: BridgeNumber) {
        let state = &self.bridges[bridge.0];
        if state.deadline.is_none_or(|at| at > self.now) {
            return;
        }
        match state.link {
            Link::Stopped | Link::Dialing => {}
            Link::Waiting { .. } => self.dial(bridge),
            Link::Asking { conn } => self.hang_up(conn, "no CONNACK came"),
            Link::Up { conn, pinged, .. } => self.keep_alive(bridge, conn, pinged),
        }
    }

    /// [MQTT-3.1.2-23], and the first address that may be back.
    fn keep_alive(&mut self, bridge: BridgeNumber, conn: ConnId, pinged: Option<Duration>) {
        let interval = self.bridge_settings(bridge).keepalive_interval;
        if interval.is_zero() {
            self.wake_link(bridge, self.now + PROBE_EVERY);
            return self.probe_first_address(bridge);
        }
        if pinged.is_some_and(|at| at + interval <= self.now) {
            return self.hang_up(conn, "PINGREQ was not answered within the keep-alive");
        }
        let Some(connection) = self.connections.get(&conn) else { return };
        // A side that only sends would never notice that nobody is there.
        let quiet_since = connection.last_sent.min(connection.last_heard);
        let next = if let Some(at) = pinged {
            at + interval
        } else if quiet_since + interval <= self.now {
            if let Link::Up { pinged, .. } = &mut self.bridges[bridge.0].link {
                *pinged = Some(self.now);
            }
            self.send(conn, Packet::PingReq, false);
            self.now + interval
        } else {
            quiet_since + interval
        };
        self.wake_link(bridge, next);
        self.probe_first_address(bridge);
    }

    fn probe_first_address(&mut self, bridge: BridgeNumber) {
        let round_robin = self.bridge_settings(bridge).round_robin;
        let address = self.bridge_settings(bridge).addresses[0].clone();
        let state = &mut self.bridges[bridge.0];
        let second = state.address != 0 && !round_robin;
        if let Link::Up { probing, since, .. } = &mut state.link
            && second
        {
            if !*probing && *since + PROBE_EVERY <= self.now {
                *probing = true;
                self.out.push(Output::Dial { bridge, address });
            }
            let at = state.deadline.unwrap_or(self.now + PROBE_EVERY).min(self.now + PROBE_EVERY);
            self.wake_link(bridge, at);
        }
    }

    /// Says on the far broker whether the bridge is connected. QoS 0 is enough: what gets lost is
    /// lost with the connection, and then the will says 0.
    fn notify_remote(&mut self, bridge: BridgeNumber, conn: ConnId, up: bool) {
        let settings = self.bridge_settings(bridge);
        if !settings.notifications || settings.notifications_local_only {
            return;
        }
        let message = self.notification(bridge, up, QoS::AtMostOnce);
        let publish = Publish {
            dup: false,
            qos: message.qos,
            retain: message.retain,
            topic: message.topic,
            packet_id: None,
            payload: message.payload,
        };
        self.send(conn, Packet::Publish(publish), false);
    }
}
