//! A bridge's link once it is connected: CONNACK, what the two sides remember of each other, which
//! subscriptions the far broker has, and the connection's end.

use std::sync::Arc;

use super::Broker;
use super::bridge::Link;
use super::durable::{Record, Subscription};
use super::event::Event;
use super::io::{BridgeNumber, ConnId};
use crate::mqtt::packet::{ConnAck, ConnectCode, Publish};
use crate::mqtt::{Filter, Packet, PacketId, QoS};

impl Broker {
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

    /// Says on the far broker whether the bridge is connected. QoS 0 is enough: what gets lost is
    /// lost with the connection, and then the will says 0.
    pub(super) fn notify_remote(&mut self, bridge: BridgeNumber, conn: ConnId, up: bool) {
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
