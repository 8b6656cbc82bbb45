//! A bridge's link once it is connected: CONNACK, what the two sides remember of each other, which
//! subscriptions the far broker has, and the connection's end.

use std::sync::Arc;
use std::time::Duration;

use super::Broker;
use super::bridge::Link;
use super::connection::Who;
use super::durable::{Record, Subscription};
use super::event::{Behind, Cause, Event};
use super::io::{BridgeNumber, ConnId};
use super::item::Tag;
use super::sessions::SessionKey;
use crate::defect::{self, Defect};
use crate::mqtt::packet::{
    Ack, Answers, ConnAck, Level, Notice, Publish, RetainHandling, Subscribe, SubscribeOptions,
    Unsubscribe,
};
use crate::mqtt::{Filter, Packet, PacketId, Properties, QoS, Reason};

impl Broker {
    pub(super) fn link_packet(&mut self, conn: ConnId, bridge: BridgeNumber, packet: Packet) {
        if let Link::Up { pinged, .. } = &mut self.bridges[bridge.0].link {
            *pinged = None;
        }
        let key = self.bridges[bridge.0].session;
        let up = matches!(self.bridges[bridge.0].link, Link::Up { .. });
        match packet {
            Packet::ConnAck(answer) if !up => self.answered(bridge, conn, &answer),
            _ if !up => self.close(conn, "the far broker's first packet is not CONNACK"),
            Packet::Publish(publish) => self.link_publish(bridge, conn, publish),
            Packet::PubAck(ack) | Packet::PubRec(ack) if ack.reason == Reason::QuotaExceeded => {
                self.not_now(conn, key, &ack);
            }
            Packet::PubAck(_) | Packet::PubRec(_) | Packet::PubComp(_) | Packet::PubRel(_) => {
                self.handshake(conn, key, &packet);
            }
            Packet::SubAck(answers) => self.granted(bridge, &answers),
            Packet::UnsubAck(answers) => self.withdrawn(bridge, answers.id),
            Packet::PingResp => {}
            Packet::Disconnect(notice) if self.is_v5(conn) => self.dismissed(conn, &notice),
            _ => {
                let text = "the far broker sent a packet that only a client sends";
                self.hang_up(conn, Reason::ProtocolError, text);
            }
        }
    }

    /// Whether that is a link whose CONNACK has not come.
    pub(super) fn is_asking(&self, who: Who) -> bool {
        match who {
            Who::Link(bridge) => !matches!(self.bridges[bridge.0].link, Link::Up { .. }),
            Who::Stranger | Who::Client(_) => false,
        }
    }

    fn answered(&mut self, bridge: BridgeNumber, conn: ConnId, answer: &ConnAck) {
        match answer.reason {
            Reason::Success => self.link_up(bridge, conn, answer),
            Reason::UnsupportedProtocolVersion
                if self.bridge_settings(bridge).level != Level::V5
                    && self.bridge_settings(bridge).try_private
                    && self.bridges[bridge.0].private =>
            {
                // A broker that does not know the bridge bit: once more without it.
                self.bridges[bridge.0].private = false;
                self.close(conn, "the far broker does not take the bridge bit");
            }
            reason => {
                let told = told(&answer.properties);
                self.close(conn, &format!("the far broker answers CONNACK: {reason}{told}"));
            }
        }
    }

    /// The far broker says goodbye. [MQTT 5.0, section 3.14]
    fn dismissed(&mut self, conn: ConnId, notice: &Notice) {
        let told = told(&notice.properties);
        self.close(conn, &format!("the far broker hangs up: {}{told}", notice.reason));
    }

    /// The far broker cannot take a message now. As that packet it must not be sent again
    /// [MQTT-4.4.0-2]; as another one it is, when the bridge has dialled again.
    fn not_now(&mut self, conn: ConnId, key: SessionKey, ack: &Ack) {
        let (outgoing, mut log) = self.sessions[key].sending(&mut self.journal);
        if let Some((tag, qos)) = outgoing.put_back(ack.id, &mut log) {
            // Until the bridge has dialled again: the connection ends.
            self.tell_queued(key, tag, qos, Behind::Offline);
            let told = told(&ack.properties);
            self.close(conn, &format!("the far broker takes no messages now{told}"));
        }
    }

    fn link_up(&mut self, bridge: BridgeNumber, conn: ConnId, answer: &ConnAck) {
        let settings = Arc::clone(&self.settings);
        let settings = &settings.bridges[bridge.0];
        let session_present = answer.session_present;
        let key = self.bridges[bridge.0].session;
        let since = self.now;
        self.bridges[bridge.0].link = Link::Up { conn, since, pinged: None, probing: false };
        self.set_up_link(bridge, conn, &answer.properties);
        self.wake_link(bridge, self.now + self.keep_alive_interval(bridge));
        let name = settings.name.clone();
        self.tell(Event::BridgeUp { bridge: name, session_present });
        self.notify_remote(bridge, conn, true);
        let receive_maximum = answer.properties.receive_maximum();
        if session_present {
            self.sessions[key].outgoing.resume(receive_maximum);
        } else {
            self.remote_forgot(bridge, receive_maximum);
        }
        self.sessions[key].visit(conn);
        self.pump(key);
        self.ask_for_rules(bridge, conn);
        let rules = Some(self.out_rules(bridge));
        if self.sessions[key].established != rules || defect::on(Defect::RefreshesAlways) {
            self.deliver_retained_out(bridge);
            self.sessions[key].set_established(rules, &mut self.journal);
        }
        self.pump(key);
        self.notify_locally(bridge, true);
    }

    /// The far broker's limits. [MQTT 5.0, section 3.2.2.3]
    fn set_up_link(&mut self, bridge: BridgeNumber, conn: ConnId, properties: &Properties) {
        let server_keep_alive = properties.server_keep_alive_s();
        self.bridges[bridge.0].server_keep_alive =
            server_keep_alive.map(|seconds| Duration::from_secs(seconds.into()));
        let ours = self.settings.limits.max_topic_alias_broker;
        let aliases = properties.topic_alias_maximum().unwrap_or(0).min(ours);
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.takes_packets_of(properties);
            connection.aliases.use_up_to(aliases);
        }
    }

    /// The far broker has no session of this bridge: what is in flight goes again as new.
    fn remote_forgot(&mut self, bridge: BridgeNumber, receive_maximum: Option<u16>) {
        let key = self.bridges[bridge.0].session;
        let session = &self.sessions[key];
        let known = session.established.is_some() || !session.subscriptions.is_empty();
        let inbound = self.sessions[key].forget_received(&mut self.journal);
        let (outgoing, mut log) = self.sessions[key].sending(&mut self.journal);
        let (done, again) = outgoing.start_over(receive_maximum, &mut log);
        for message in &done {
            self.tell_delivered(key, *message);
        }
        self.sessions[key].set_established(None, &mut self.journal);
        if defect::on(Defect::BridgeStaysUnsubscribed) {
            return;
        }
        for filter in std::mem::take(&mut self.sessions[key].subscriptions).into_keys() {
            self.sessions[key]
                .log(&mut self.journal)
                .record(|client| Record::Unsubscribe { client, filter });
        }
        let settings = self.bridge_settings(bridge);
        if known && !settings.cleansession {
            let in_flight = inbound + done.len() + again;
            let bridge = settings.name.clone();
            self.tell(Event::RemoteForgot { bridge, in_flight });
        }
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
            self.send(conn, Packet::Unsubscribe(Unsubscribe::new(id, stale)), true);
        }
        if !missing.is_empty() {
            let id = self.sessions[key].outgoing.fresh_id();
            self.bridges[bridge.0].asked.push((id, missing.clone()));
            // What the bridge bit says in MQTT 3.1.1. [mosquitto.conf manual, `try_private`]
            let options = |qos| SubscribeOptions {
                qos,
                no_local: settings.try_private,
                retain_as_published: settings.try_private,
                retain_handling: RetainHandling::Send,
            };
            let filters = missing.into_iter().map(|(filter, qos)| (filter, options(qos))).collect();
            self.send(conn, Packet::Subscribe(Subscribe::new(id, filters)), true);
        }
    }

    fn granted(&mut self, bridge: BridgeNumber, answers: &Answers) {
        let key = self.bridges[bridge.0].session;
        let asked = &mut self.bridges[bridge.0].asked;
        let Some(at) = asked.iter().position(|(it, _)| *it == answers.id) else { return };
        let (_, filters) = asked.remove(at);
        for ((filter, qos), reason) in filters.into_iter().zip(&answers.reasons) {
            if reason.is_error() {
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
                self.rest_link(bridge);
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
        let publish = Publish::of(&message, None);
        let tag = Tag { message: None, cause: Cause::Live };
        self.send_message(conn, Packet::Publish(publish), tag, false);
    }
}

/// What the far broker adds to a reason.
fn told(properties: &Properties) -> String {
    properties.reason_string().map(|text| format!(" ({text})")).unwrap_or_default()
}
