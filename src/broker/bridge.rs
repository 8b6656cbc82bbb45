//! A bridge's local half: which messages it takes out, which it brings in, what it says of itself.
//!
//! A bridge is a session of its own broker whose link dials out. What waits while the far side is
//! away, and both directions' QoS 2 handshakes, live in that session and are as durable as any
//! other; that makes a bridge exactly-once through cuts and kills.

use std::sync::Arc;
use std::time::Duration;

use super::Broker;
use super::durable::{Digest, Subscription};
use super::event::Cause;
use super::io::{BridgeNumber, ConnId};
use super::item::Terms;
use super::journal::Numbered;
use super::route::Origin;
use super::sessions::SessionKey;
use super::settings::BridgeSettings;
use super::status::{BridgeStatus, LinkState};
use crate::defect::{self, Defect};
use crate::mqtt::packet::Publish;
use crate::mqtt::{Filter, Message, PacketId, QoS, Reason};

/// A bridge.
#[derive(Debug, Clone)]
pub struct Bridge {
    /// Its session in this broker.
    pub session: SessionKey,
    /// Where its link stands.
    pub link: Link,
    /// When the link must do something again.
    pub deadline: Option<Duration>,
    /// The address that is in use or was tried last.
    pub address: usize,
    /// The last wait between two dials, for the next one to grow from.
    pub last_wait: Duration,
    /// Whether the far broker takes the bridge bit, as far as is known.
    pub private: bool,
    /// SUBSCRIBEs that are not answered yet, with what they asked for.
    pub asked: Vec<(PacketId, Vec<(Filter, QoS)>)>,
    /// UNSUBSCRIBEs that are not answered yet, with what they take back.
    pub withdrawn: Vec<(PacketId, Vec<Filter>)>,
    /// The keep-alive that the far broker wants instead of ours.
    pub server_keep_alive: Option<Duration>,
    /// Messages delivered to the far broker.
    pub sent: u64,
    /// Messages brought in from it.
    pub received: u64,
}

/// Where a bridge's link stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// Nobody wants it.
    Stopped,
    /// It dials at the bridge's deadline.
    Waiting { reason: String },
    /// It dials.
    Dialing,
    /// CONNECT is sent, CONNACK is to come.
    Asking { conn: ConnId },
    /// The far broker has accepted it.
    Up {
        conn: ConnId,
        since: Duration,
        /// When PINGREQ was sent that is not answered yet.
        pinged: Option<Duration>,
        /// Whether the first address is being tried although another one is in use.
        probing: bool,
    },
}

impl Bridge {
    /// A bridge that has not dialled yet.
    pub fn new(session: SessionKey) -> Self {
        Self {
            session,
            link: Link::Waiting { reason: "not dialled yet".to_owned() },
            deadline: None,
            address: 0,
            last_wait: Duration::ZERO,
            private: true,
            asked: Vec::new(),
            withdrawn: Vec::new(),
            server_keep_alive: None,
            sent: 0,
            received: 0,
        }
    }
}

impl Broker {
    pub(super) fn bridge_settings(&self, bridge: BridgeNumber) -> &BridgeSettings {
        &self.settings.bridges[bridge.0]
    }

    /// Subscribes the bridge to what its rules take out. A bridge never takes out what it brought
    /// in itself.
    ///
    /// Each rule is a way of its own: of a message that several take out, each sends a copy under
    /// the name that it gives. Mosquitto 2.0.11, when tried, sends one copy, with the QoS of the
    /// most exact pattern; with `allow_duplicate_messages true`, as 2.1 has it, one for each pattern.
    /// Whichever it is, it has the name that the first of the rules gives: a second prefix for the
    /// same topics does nothing there.
    pub(super) fn watch_out_rules(&mut self, bridge: BridgeNumber) {
        let settings = Arc::clone(&self.settings);
        let session = self.bridges[bridge.0].session;
        for (at, rule) in settings.bridges[bridge.0].rules.iter().enumerate() {
            if rule.direction().goes_out() {
                let options = Subscription {
                    qos: rule.qos(),
                    no_local: !defect::on(Defect::EchoesBack),
                    retain_as_published: true,
                    identifier: None,
                };
                self.add_subscriber(rule.local(), session, at, options);
            }
        }
    }

    /// Gives a local message to the bridge, under its name on the far broker.
    pub(super) fn deliver_out(
        &mut self,
        bridge: BridgeNumber,
        rule: usize,
        numbered: &Numbered,
        terms: Terms,
    ) {
        let key = self.bridges[bridge.0].session;
        let settings = self.bridge_settings(bridge);
        let local = &numbered.message;
        let Some(topic) = settings.rules[rule].to_remote(&local.topic) else { return };
        let mut terms = Terms { retain: terms.retain && settings.outgoing_retain, ..terms };
        if defect::on(Defect::CapsBridge) {
            terms.qos = terms.qos.min(QoS::AtLeastOnce);
        }
        if defect::on(Defect::KeepsDeletesHere) && local.retain && local.payload.is_empty() {
            return;
        }
        if topic == local.topic {
            self.tell_taken_out(bridge, rule, numbered, numbered);
            return self.deliver(key, numbered, terms);
        }
        let renamed = self.number(Message { topic, ..Message::clone(local) });
        self.tell_taken_out(bridge, rule, numbered, &renamed);
        self.deliver(key, &renamed, terms);
    }

    /// Takes in a message from the far broker.
    pub(super) fn link_publish(
        &mut self,
        bridge: BridgeNumber,
        conn: ConnId,
        mut publish: Publish,
    ) {
        if !self.enters(conn, &mut publish) {
            return;
        }
        let key = self.bridges[bridge.0].session;
        let rules = &self.bridge_settings(bridge).rules;
        let local = rules.iter().find_map(|rule| {
            let topic = rule.to_local(&publish.topic)?;
            let packet = self.came_in(conn, &publish, Some(rule));
            Some((topic, publish.qos.min(rule.qos()), packet))
        });
        let client = self.sessions[key].client.clone();
        let topic = local.as_ref().map_or(&publish.topic, |(topic, ..)| topic).clone();
        self.take_over(conn, key, &publish, &topic, |broker| {
            // What no rule lets in comes from a subscription of earlier rules: it is acknowledged,
            // for otherwise the far broker would send it for ever, and goes nowhere.
            if let Some((topic, qos, packet)) = local {
                broker.bridges[bridge.0].received += 1;
                let origin = Origin { packet, ..Origin::of(key, client) };
                let message = broker.message(&publish, topic, qos);
                broker.publish_message(message, Some(&origin));
            }
            Reason::Success
        });
    }

    /// Sends the retained messages that the rules let out, but for those that came in by this
    /// bridge, and those that are on their way already: published before the first connect, they
    /// would arrive twice.
    pub(super) fn deliver_retained_out(&mut self, bridge: BridgeNumber) {
        self.retained.expire(self.now, &mut self.journal);
        let key = self.bridges[bridge.0].session;
        let on_their_way = self.sessions[key].outgoing.newest();
        let settings = Arc::clone(&self.settings);
        let keeps_flag = settings.bridges[bridge.0].outgoing_retain;
        for (at, rule) in settings.bridges[bridge.0].rules.iter().enumerate() {
            if !rule.direction().goes_out() {
                continue;
            }
            for kept in self.retained.matched_by(rule.local()) {
                let Some(topic) = rule.to_remote(&kept.numbered.message.topic) else { continue };
                let same = (kept.numbered.message.payload.clone(), keeps_flag);
                let goes_anyway = on_their_way.get(&topic) == Some(&same);
                if !goes_anyway && kept.origin.as_ref() != Some(&self.sessions[key].client) {
                    let qos = kept.numbered.message.qos.min(rule.qos());
                    let terms = Terms::retained(qos, Cause::BridgeConnected);
                    self.deliver_out(bridge, at, &kept.numbered, terms);
                }
            }
        }
    }

    /// Some digest of what the rules take out.
    pub(super) fn out_rules(&self, bridge: BridgeNumber) -> Digest {
        let rules = self.bridge_settings(bridge).rules.iter();
        Digest::of_lines(rules.filter(|it| it.direction().goes_out()).map(ToString::to_string))
    }

    /// A retained message did not get into the session of a bridge, this broker's or another's: the
    /// far side is to be sent all of them at the next connect, for it keeps them and asks only once.
    pub(super) fn missed(&mut self, key: SessionKey, numbered: &Numbered) {
        let session = &mut self.sessions[key];
        if !numbered.message.retain {
            return;
        }
        if session.bridge.is_some() {
            session.set_established(None, &mut self.journal);
        } else if session.persistent
            && session.subscriptions.values().any(|it| it.retain_as_published)
        {
            session.set_missed_retained(true, &mut self.journal);
        }
    }

    /// Sends a far broker's bridge the retained messages, if it missed some.
    pub(super) fn make_up_for_missed(&mut self, key: SessionKey) {
        let session = &mut self.sessions[key];
        if !session.missed_retained {
            return;
        }
        session.set_missed_retained(false, &mut self.journal);
        self.retained.expire(self.now, &mut self.journal);
        let session = &self.sessions[key];
        let (client, subscriptions) = (session.client.clone(), session.subscriptions.clone());
        let on_their_way = session.outgoing.newest();
        for (filter, options) in subscriptions.iter().filter(|(_, it)| it.retain_as_published) {
            for kept in self.retained.matched_by(filter) {
                let message = &kept.numbered.message;
                let same = (message.payload.clone(), true);
                let goes_anyway = on_their_way.get(&message.topic) == Some(&same);
                if !goes_anyway && kept.origin.as_ref() != Some(&client) {
                    let qos = self.delivery_qos(message.qos, options.qos);
                    let terms = Terms::retained(qos, Cause::BridgeConnected);
                    self.deliver(key, &kept.numbered, terms);
                }
            }
        }
    }

    /// Counts a message as delivered, where the session is a bridge's.
    pub(super) fn count_sent(&mut self, key: SessionKey) {
        if let Some(bridge) = self.sessions[key].bridge {
            self.bridges[bridge.0].sent += 1;
        }
    }

    /// What the bridge says of itself, as a message for either side.
    pub(super) fn notification(&self, bridge: BridgeNumber, up: bool, qos: QoS) -> Message {
        let topic = self.bridge_settings(bridge).notification_topic();
        Message::new(topic, if up { "1" } else { "0" }, qos, true)
    }

    /// Says on this broker whether the bridge is connected.
    pub(super) fn notify_locally(&mut self, bridge: BridgeNumber, up: bool) {
        if self.bridge_settings(bridge).notifications {
            let session = self.bridges[bridge.0].session;
            let client = self.sessions[session].client.clone();
            let message = self.notification(bridge, up, QoS::AtLeastOnce);
            self.publish_message(message, Some(&Origin::of(session, client)));
        }
    }

    pub(super) fn bridge_status(&self, bridge: &Bridge) -> BridgeStatus {
        let session = &self.sessions[bridge.session];
        let settings = session.bridge.map(|number| self.bridge_settings(number));
        BridgeStatus {
            name: settings.map(|it| it.name.clone()).unwrap_or_default(),
            state: match &bridge.link {
                Link::Stopped => LinkState::Stopped,
                Link::Dialing | Link::Asking { .. } => LinkState::Connecting,
                Link::Up { since, .. } => LinkState::Connected { since: *since },
                Link::Waiting { reason } => LinkState::Waiting {
                    until: bridge.deadline.unwrap_or(self.now),
                    reason: reason.clone(),
                },
            },
            queued: session.outgoing.len(),
            sent: bridge.sent,
            received: bridge.received,
        }
    }
}
