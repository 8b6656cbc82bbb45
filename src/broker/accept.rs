//! Connections that come and go: CONNECT, takeover, silence, wills. [MQTT 3.1.1, sections 3.1, 3.2]

use std::time::Duration;

use super::connection::{Connection, Who};
use super::durable::Record;
use super::event::Event;
use super::io::{ConnId, Output};
use super::session::Session;
use super::sessions::SessionKey;
use super::timers::Timer;
use super::{Broker, publish};
use crate::mqtt::packet::{ConnAck, Connect, ConnectCode, Level};
use crate::mqtt::{ClientId, Packet};

/// How long somebody may be connected without a CONNECT. [MQTT 3.1.1, section 4.8: "a reasonable
/// amount of time"]
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

impl Broker {
    pub(super) fn accepted(&mut self, conn: ConnId) {
        let limit = self.settings.limits.max_connections;
        if limit.is_some_and(|limit| self.connections.len() >= limit) {
            let reason = "max_connections is reached".to_owned();
            self.tell(Event::Refused { client: None, reason: reason.clone() });
            self.out.push(Output::Close { conn, reason });
            return;
        }
        let connection = Connection::new(Who::Stranger, self.now, Some(CONNECT_WITHIN));
        self.connections.insert(conn, connection);
        self.watch_silence(conn, Some(self.now + CONNECT_WITHIN));
    }

    /// Sets the one timer of a connection: without one, a client that comes and goes would leave
    /// one behind each time, for up to 27 hours.
    fn watch_silence(&mut self, conn: ConnId, at: Option<Duration>) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        if let Some(before) = std::mem::replace(&mut connection.silence_at, at) {
            self.timers.cancel(before, Timer::Silence(conn));
        }
        if let Some(at) = at {
            self.timers.set(at, Timer::Silence(conn));
        }
    }

    /// [MQTT-3.1.0-1]
    pub(super) fn first_packet(&mut self, conn: ConnId, packet: Packet) {
        let Packet::Connect(connect) = packet else {
            self.hang_up(conn, "the first packet is not CONNECT");
            return;
        };
        match self.acceptable(&connect) {
            Ok(client) => self.connect(conn, client, *connect),
            Err((code, reason)) => {
                let client = Some(connect.client_id.clone());
                self.tell(Event::Refused { client, reason: reason.to_owned() });
                let answer = ConnAck { session_present: false, code };
                self.send(conn, Packet::ConnAck(answer), false);
                self.hang_up(conn, reason);
            }
        }
    }

    /// The name the client gets, or why it is not let in.
    fn acceptable(&mut self, connect: &Connect) -> Result<ClientId, (ConnectCode, &'static str)> {
        if matches!(connect.level, Level::Unknown(_)) {
            // [MQTT-3.1.2-2]
            return Err((ConnectCode::UnacceptableProtocol, "the protocol level is not supported"));
        }
        let limits = &self.settings.limits;
        let will = connect.will.as_ref();
        if will.is_some_and(|it| it.qos > limits.max_qos || it.retain && !limits.retain_available) {
            let reason = "the will's QoS is above max_qos, or retain is not available";
            return Err((ConnectCode::NotAuthorized, reason));
        }
        let needs_store = !connect.clean_session || connect.will.is_some();
        if needs_store && self.journal.trouble().is_some() {
            return Err((ConnectCode::ServerUnavailable, "the store does not take anything"));
        }
        if connect.client_id.as_str().is_empty() {
            let allowed = self.settings.limits.allow_zero_length_clientid;
            if !allowed || !connect.clean_session || connect.level == Level::V31 {
                // [MQTT-3.1.3-8, -9]
                let reason = "an empty client id needs a clean session";
                return Err((ConnectCode::IdentifierRejected, reason));
            }
            return Ok(self.new_client_id());
        }
        let taken = self.sessions.find(&connect.client_id);
        if taken.is_some_and(|key| self.sessions[key].bridge.is_some()) {
            let reason = "the client id is that of a bridge's own session";
            return Err((ConnectCode::IdentifierRejected, reason));
        }
        Ok(connect.client_id.clone())
    }

    /// [MQTT-3.1.3-6]
    fn new_client_id(&mut self) -> ClientId {
        loop {
            let prefix = self.settings.limits.auto_id_prefix.clone();
            let id = ClientId::new(&format!("{prefix}{:016x}", self.random()));
            if self.sessions.find(&id).is_none() {
                return id;
            }
        }
    }

    fn connect(&mut self, conn: ConnId, client: ClientId, connect: Connect) {
        if let Some(key) = self.sessions.find(&client)
            && let Some(old) = self.sessions[key].conn
        {
            self.hang_up(old, "another connection has taken over the client id"); // [MQTT-3.1.4-2]
        }
        let (key, session_present) = self.session_for(&client, connect.clean_session);
        self.sessions[key].visit(conn);
        // [MQTT-3.1.2-24]
        let patience = match connect.keep_alive_s {
            0 => None,
            seconds => Some(Duration::from_millis(u64::from(seconds) * 1500)),
        };
        let connection = self.connections.get_mut(&conn).expect("it just sent a packet");
        connection.who = Who::Client(key);
        connection.patience = patience;
        connection.will = connect.will;
        connection.bridge_bit = connect.bridge;
        self.watch_silence(conn, patience.map(|it| self.now + it));
        let clean_session = connect.clean_session;
        self.tell(Event::Connected { client, session_present, clean_session });
        // In MQTT 3.1 that byte of CONNACK is reserved. [MQTT 3.1, section 3.2]
        let session_present = session_present && connect.level != Level::V31;
        let answer = ConnAck { session_present, code: ConnectCode::Accepted };
        self.send(conn, Packet::ConnAck(answer), true);
        for packet in self.sessions[key].outgoing.resume() {
            self.send(conn, packet, true);
        }
        self.make_up_for_missed(key);
        self.pump(key);
    }

    /// The client's session, and whether it was there before. [MQTT-3.1.2-4 to -6]
    fn session_for(&mut self, client: &ClientId, clean: bool) -> (SessionKey, bool) {
        if let Some(key) = self.sessions.find(client) {
            if !clean {
                return (key, true);
            }
            self.end_session(key);
        }
        if !clean {
            let client = client.clone();
            self.journal.record(Record::OpenSession { client, bridge: false });
        }
        (self.sessions.add(Session::new(client.clone(), !clean, None)), false)
    }

    /// Forgets a session and everything in it.
    pub(super) fn end_session(&mut self, key: SessionKey) {
        for filter in self.sessions[key].subscriptions.keys().cloned().collect::<Vec<_>>() {
            self.remove_subscriber(&filter, key);
        }
        let mut session = self.sessions.remove(key);
        let client = session.client.clone();
        if session.persistent {
            let (outgoing, mut log) = session.sending(&mut self.journal);
            outgoing.clear(&mut log);
            self.journal.record(Record::DropSession { client });
        }
    }

    /// Closes a connection from our side.
    pub(super) fn hang_up(&mut self, conn: ConnId, reason: &str) {
        if self.connections.contains_key(&conn) {
            self.out.push(Output::Close { conn, reason: reason.to_owned() });
            self.connection_gone(conn, reason);
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
        let client = self.sessions[key].client.clone();
        self.sessions[key].conn = None;
        self.tell(Event::Disconnected { client: client.clone(), reason: reason.to_owned() });
        if let Some(will) = connection.will.filter(|it| !publish::is_brokers_own(&it.topic)) {
            // [MQTT-3.1.2-8]
            let from = publish::Origin { session: key, client };
            self.publish_message(will, Some(&from));
        }
        if !self.sessions[key].persistent {
            self.end_session(key);
        }
    }

    /// [MQTT-3.14.4-1 to -3]
    pub(super) fn disconnect(&mut self, conn: ConnId) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.will = None;
        }
        self.hang_up(conn, "it said goodbye (DISCONNECT)");
    }

    /// [MQTT-3.1.2-24]
    pub(super) fn check_silence(&mut self, conn: ConnId) {
        let Some(connection) = self.connections.get(&conn) else { return };
        let Some(patience) = connection.patience else { return };
        let until = connection.last_heard + patience;
        if until > self.now {
            self.watch_silence(conn, Some(until));
        } else if connection.who == Who::Stranger {
            self.hang_up(conn, "no CONNECT came");
        } else {
            self.hang_up(conn, "nothing came for one and a half times the keep-alive");
        }
    }
}
