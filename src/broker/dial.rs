//! When a bridge dials, and when it gives a connection up: orders, waits, addresses, keep-alive.
//!
//! ```text
//! Waiting --deadline--> Dialing --> Asking --CONNACK--> Up
//!    ^                     |           |                 |
//!    +---------------------+-----------+-----------------+      Stop: --> Stopped
//! ```

use std::time::Duration;

use super::Broker;
use super::aliases::Aliases;
use super::bridge::Link;
use super::connection::{Connection, Who};
use super::event::Event;
use super::io::{BridgeNumber, BridgeOrder, ConnId, Output};
use super::settings::StartType;
use super::timers::Timer;
use crate::mqtt::packet::{Connect, Level, Notice, Will};
use crate::mqtt::{Packet, Properties, Property, QoS};

/// How long the far broker may take for its CONNACK.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How many topic aliases the far broker may use.
const ALIASES: u16 = 10;
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
                self.send(conn, Packet::Disconnect(Notice::default()), false);
                self.close(conn, "the bridge was stopped");
            }
            (BridgeOrder::Stop, Link::Asking { conn })
            | (BridgeOrder::Kill, Link::Asking { conn } | Link::Up { conn, .. }) => {
                let conn = *conn;
                self.bridges[bridge.0].link = Link::Stopped;
                self.close(conn, "the bridge was stopped");
            }
            (BridgeOrder::Stop | BridgeOrder::Kill, _) => {
                self.bridges[bridge.0].link = Link::Stopped;
                self.rest_link(bridge);
            }
            _ => {}
        }
    }

    fn dial(&mut self, bridge: BridgeNumber) {
        self.bridges[bridge.0].link = Link::Dialing;
        self.rest_link(bridge);
        let settings = self.bridge_settings(bridge);
        let address = settings.addresses[self.bridges[bridge.0].address].clone();
        let (name, to, level) = (settings.name.clone(), address.to_string(), settings.level);
        self.tell(Event::BridgeDials { bridge: name, address: to });
        self.out.push(Output::Dial { bridge, address, level });
    }

    pub(super) fn dialed(&mut self, bridge: BridgeNumber, conn: ConnId) {
        match self.bridges[bridge.0].link {
            Link::Dialing => {}
            Link::Up { conn: old, probing: true, .. } => {
                // The first address is back: everything goes over to it.
                self.bridges[bridge.0].address = 0;
                self.close(old, "the first address is back");
            }
            _ => {
                let reason = "nobody waits for this connection".to_owned();
                return self.out.push(Output::Close { conn, reason });
            }
        }
        let mut connection = Connection::new(Who::Link(bridge), self.now, None);
        connection.level = self.bridge_settings(bridge).level;
        connection.aliases = Aliases::new(ALIASES, 0);
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
        let v5 = settings.level == Level::V5;
        let will = tells.then(|| self.notification(bridge, false, QoS::AtLeastOnce));
        Connect {
            level: settings.level,
            // MQTT 5 has subscription options for what the bit says.
            bridge: !v5 && settings.try_private && self.bridges[bridge.0].private,
            client_id: settings.remote_clientid.clone(),
            clean_start: settings.cleansession,
            keep_alive_s: u16::try_from(keep_alive_s).unwrap_or(u16::MAX),
            will: will.map(Will::from),
            username: settings.remote_username.clone(),
            password: settings.remote_password.clone().map(Into::into),
            properties: if v5 { self.connect_properties(bridge) } else { Properties::NONE },
        }
    }

    /// What the far broker is to know of this side. [MQTT 5.0, section 3.1.2.11]
    fn connect_properties(&self, bridge: BridgeNumber) -> Properties {
        let limits = &self.settings.limits;
        let mut all = vec![Property::TopicAliasMaximum(ALIASES)];
        if !self.bridge_settings(bridge).cleansession {
            all.push(Property::SessionExpiryInterval(u32::MAX));
        }
        if limits.max_inflight_messages > 0 {
            all.push(Property::ReceiveMaximum(limits.max_inflight_messages));
        }
        if let Ok(size) = u32::try_from(limits.max_packet_size) {
            all.push(Property::MaximumPacketSize(size));
        }
        Properties::of(&all)
    }

    /// How often the link shows that it lives: a far broker may want it more often.
    /// [MQTT-3.2.2-21]
    pub(super) fn keep_alive_interval(&self, bridge: BridgeNumber) -> Duration {
        let ours = self.bridge_settings(bridge).keepalive_interval;
        self.bridges[bridge.0].server_keep_alive.unwrap_or(ours)
    }

    pub(super) fn dial_failed(&mut self, bridge: BridgeNumber, reason: &str) {
        match &mut self.bridges[bridge.0].link {
            Link::Dialing => self.link_failed(bridge, None, reason),
            Link::Up { probing, .. } => *probing = false,
            _ => {}
        }
    }

    /// A connection that lasted `lasted`, or an attempt at one, has ended.
    pub(super) fn link_failed(
        &mut self,
        bridge: BridgeNumber,
        lasted: Option<Duration>,
        reason: &str,
    ) {
        let settings = self.bridge_settings(bridge);
        let (restart, addresses) = (settings.restart, settings.addresses.len());
        let (once, round_robin) = (settings.start == StartType::Once, settings.round_robin);
        let name = settings.name.clone();
        self.tell(Event::BridgeDown { bridge: name, reason: reason.to_owned() });
        let random = self.random();
        let state = &mut self.bridges[bridge.0];
        if once && lasted.is_some() {
            state.link = Link::Stopped;
            return self.rest_link(bridge);
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

    /// A bridge's link has nothing to do in time.
    pub(super) fn rest_link(&mut self, bridge: BridgeNumber) {
        if let Some(before) = self.bridges[bridge.0].deadline.take() {
            self.timers.cancel(before, Timer::Link(bridge));
        }
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
            Link::Asking { conn } => self.close(conn, "no CONNACK came"),
            Link::Up { conn, pinged, .. } => self.keep_alive(bridge, conn, pinged),
        }
    }

    /// [MQTT-3.1.2-23], and the first address that may be back.
    fn keep_alive(&mut self, bridge: BridgeNumber, conn: ConnId, pinged: Option<Duration>) {
        let interval = self.keep_alive_interval(bridge);
        if interval.is_zero() {
            self.wake_link(bridge, self.now + PROBE_EVERY);
            return self.probe_first_address(bridge);
        }
        if pinged.is_some_and(|at| at + interval <= self.now) {
            return self.close(conn, "PINGREQ was not answered within the keep-alive");
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
        let level = self.bridge_settings(bridge).level;
        let state = &mut self.bridges[bridge.0];
        let second = state.address != 0 && !round_robin;
        if let Link::Up { probing, since, .. } = &mut state.link
            && second
        {
            if !*probing && *since + PROBE_EVERY <= self.now {
                *probing = true;
                self.out.push(Output::Dial { bridge, address, level });
            }
            let at = state.deadline.unwrap_or(self.now + PROBE_EVERY).min(self.now + PROBE_EVERY);
            self.wake_link(bridge, at);
        }
    }
}
