//! Connections that come: CONNECT, takeover, and what the two sides tell each other of their
//! limits. [MQTT 5.0, sections 3.1 and 3.2]

use std::time::Duration;

use super::Broker;
use super::aliases::Aliases;
use super::connection::{Connection, Who};
use super::durable::{Expiry, Record};
use super::event::Event;
use super::io::{ConnId, Output};
use super::session::{Session, Will};
use super::sessions::SessionKey;
use super::settings::Limits;
use super::timers::Timer;
use crate::defect::{self, Defect};
use crate::mqtt::packet::{self, ConnAck, Connect, Level};
use crate::mqtt::{ClientId, Packet, Properties, Property, Reason};

/// How long somebody may be connected without a CONNECT. [MQTT 3.1.1, section 4.8: "a reasonable
/// amount of time"]
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// The bytes of a CONNACK with short properties, but for these.
const CONNACK_WITHOUT_PROPERTIES: usize = 5;

/// Why somebody is not let in.
type Refusal = (Reason, &'static str);

impl Broker {
    pub(super) fn accepted(&mut self, conn: ConnId) {
        self.counters.sockets += 1;
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
    pub(super) fn watch_silence(&mut self, conn: ConnId, at: Option<Duration>) {
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
            return self.close(conn, "the first packet is not CONNECT");
        };
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.level = connect.level;
        }
        match self.acceptable(&connect) {
            Ok(client) => self.connect(conn, &client, &connect),
            Err((reason, text)) => {
                let client = Some(connect.client_id.clone());
                self.tell(Event::Refused { client, reason: text.to_owned() });
                let connection = &self.connections[&conn];
                let answer = ConnAck {
                    session_present: false, // [MQTT-3.2.2-6]
                    reason,
                    properties: connection.last_words(text),
                };
                self.send(conn, Packet::ConnAck(answer), false);
                self.close(conn, text);
            }
        }
    }

    /// The name the client gets, or why it is not let in.
    fn acceptable(&mut self, connect: &Connect) -> Result<ClientId, Refusal> {
        if matches!(connect.level, Level::Unknown(_)) {
            // [MQTT-3.1.2-2]
            let text = "the protocol level is not supported";
            return Err((Reason::UnsupportedProtocolVersion, text));
        }
        if connect.properties.authentication_method().is_some() {
            // [MQTT-4.12.0-1]
            return Err((Reason::BadAuthenticationMethod, "no authentication method is known"));
        }
        if connect.level != Level::V5
            && keep_alive_s(&self.settings.limits, connect) != connect.keep_alive_s
        {
            // As mosquitto does: there is no telling it another one.
            return Err((Reason::ClientIdentifierNotValid, "the keep-alive is over max_keepalive"));
        }
        self.acceptable_will(connect)?;
        let needs_store = expiry_of(connect) != Expiry::Seconds(0) || connect.will.is_some();
        if needs_store && self.journal.trouble().is_some() {
            return Err((Reason::ServerUnavailable, "the store does not take anything"));
        }
        if connect.client_id.as_str().is_empty() {
            // MQTT 5 says nothing of a clean start. [MQTT-3.1.3-6; 3.1.1: MQTT-3.1.3-7, -8]
            let clean = connect.clean_start || connect.level == Level::V5;
            let allowed = self.settings.limits.allow_zero_length_clientid;
            if !allowed || !clean || connect.level == Level::V31 {
                let text = "an empty client id is not allowed, or needs a clean session";
                return Err((Reason::ClientIdentifierNotValid, text));
            }
            self.room_for_client(false)?;
            return Ok(self.new_client_id());
        }
        let taken = self.sessions.find(&connect.client_id);
        self.room_for_client(taken.is_some())?;
        if taken.is_some_and(|key| self.sessions[key].bridge.is_some()) {
            let text = "the client id is that of a bridge's own session";
            return Err((Reason::ClientIdentifierNotValid, text));
        }
        Ok(connect.client_id.clone())
    }

    /// `global_max_clients`; a client whose session is `there` takes no more room.
    fn room_for_client(&self, there: bool) -> Result<(), Refusal> {
        let limit = self.settings.limits.global_max_clients;
        if !there && limit.is_some_and(|limit| self.clients() >= limit) {
            return Err((Reason::ServerBusy, "global_max_clients is reached"));
        }
        Ok(())
    }

    /// [MQTT-3.2.2-12, -13]
    fn acceptable_will(&self, connect: &Connect) -> Result<(), Refusal> {
        let limits = &self.settings.limits;
        let Some(will) = connect.will.as_ref().map(|it| &it.message) else { return Ok(()) };
        let v5 = connect.level == Level::V5;
        if self.is_memory_full(will.size_bytes()) {
            return Err((Reason::QuotaExceeded, "the will has no room: memory_limit is reached"));
        }
        if will.qos > limits.max_qos {
            let reason = if v5 { Reason::QosNotSupported } else { Reason::NotAuthorized };
            return Err((reason, "the will's QoS is above max_qos"));
        }
        if will.retain && !limits.retain_available {
            let reason = if v5 { Reason::RetainNotSupported } else { Reason::NotAuthorized };
            return Err((reason, "the will is retained, which is not available"));
        }
        Ok(())
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

    fn connect(&mut self, conn: ConnId, client: &ClientId, connect: &Connect) {
        if let Some(key) = self.sessions.find(client)
            && let Some(old) = self.sessions[key].conn
        {
            // [MQTT-3.1.4-3]
            let text = "another connection has taken over the client id";
            self.hang_up(old, Reason::SessionTakenOver, text);
        }
        let expiry = self.longest(expiry_of(connect));
        let records_before = self.journal.waiting();
        let (key, session_present) = self.session_for(client, connect.clean_start, expiry);
        self.sessions[key].visit(conn);
        self.sessions[key].set_expiry(expiry, None, &mut self.journal);
        self.wake_session(key);
        let will = connect.will.as_ref().map(|it| self.will_of(it));
        self.sessions[key].set_will(will, &mut self.journal);
        self.set_up_connection(conn, key, connect);
        let ends = expiry == Expiry::Seconds(0);
        self.tell(Event::Connected {
            client: client.clone(),
            conn,
            session_present,
            clean_session: ends,
        });
        let mut properties = self.connack_properties(connect, client, expiry);
        let room = self.connections[&conn].max_packet_size;
        if properties.as_bytes().len() + CONNACK_WITHOUT_PROPERTIES > room {
            // Whoever takes no packet of that size cannot be told. [MQTT-3.1.2-24]
            properties = Properties::NONE;
        }
        let answer = ConnAck {
            // In MQTT 3.1 that byte of CONNACK is reserved. [MQTT 3.1, section 3.2]
            session_present: session_present && connect.level != Level::V31,
            reason: Reason::Success,
            properties,
        };
        // A session that is not kept, and takes no other's place, has nothing to wait for: while the
        // store is stuck its client is to hear what is refused.
        let announces = session_present || self.journal.waiting() != records_before;
        self.send(conn, Packet::ConnAck(answer), announces);
        self.sessions[key].outgoing.resume(connect.properties.receive_maximum());
        self.pump(key);
        self.make_up_for_missed(key);
        self.pump(key);
    }

    fn set_up_connection(&mut self, conn: ConnId, key: SessionKey, connect: &Connect) {
        let limits = &self.settings.limits;
        // [MQTT-3.1.2-21, -22; 3.1.1: MQTT-3.1.2-24]
        let patience = match keep_alive_s(limits, connect) {
            0 => None,
            seconds => Some(Duration::from_millis(u64::from(seconds) * 1500)),
        };
        let properties = &connect.properties;
        let theirs = if connect.level == Level::V5 { limits.max_topic_alias } else { 0 };
        let ours = properties.topic_alias_maximum().unwrap_or(0).min(limits.max_topic_alias_broker);
        let connection = self.connections.get_mut(&conn).expect("it just sent a packet");
        connection.who = Who::Client(key);
        connection.patience = patience;
        connection.bridge_bit = connect.bridge;
        connection.takes_packets_of(properties);
        connection.wants_reasons = properties.request_problem_information() != Some(0);
        connection.aliases = Aliases::new(theirs, ours);
        self.counters.client_came();
        self.watch_silence(conn, patience.map(|it| self.now + it));
    }

    /// What MQTT 5 wants to know of this broker, defaults left out. [MQTT 5.0, section 3.2.2.3]
    fn connack_properties(
        &self,
        connect: &Connect,
        client: &ClientId,
        expiry: Expiry,
    ) -> Properties {
        if connect.level != Level::V5 {
            return Properties::NONE;
        }
        let limits = &self.settings.limits;
        let mut all = Vec::new();
        if connect.client_id.as_str().is_empty() {
            all.push(Property::AssignedClientIdentifier(client.as_str())); // [MQTT-3.2.2-16]
        }
        if let Expiry::Seconds(seconds) = expiry
            && expiry != expiry_of(connect)
        {
            all.push(Property::SessionExpiryInterval(seconds));
        }
        if limits.max_topic_alias > 0 {
            all.push(Property::TopicAliasMaximum(limits.max_topic_alias));
        }
        if limits.max_inflight_messages > 0 {
            all.push(Property::ReceiveMaximum(limits.max_inflight_messages));
        }
        if let Ok(size) = u32::try_from(limits.max_packet_size) {
            all.push(Property::MaximumPacketSize(size));
        }
        if limits.max_qos.level() < 2 {
            all.push(Property::MaximumQos(limits.max_qos.level()));
        }
        if !limits.retain_available {
            all.push(Property::RetainAvailable(0));
        }
        let seconds = keep_alive_s(limits, connect);
        if seconds != connect.keep_alive_s {
            all.push(Property::ServerKeepAlive(seconds)); // [MQTT-3.1.2-21]
        }
        Properties::of(&all)
    }

    /// The client's session, and whether it was there before. [MQTT-3.1.2-4 to -6]
    fn session_for(
        &mut self,
        client: &ClientId,
        clean: bool,
        expiry: Expiry,
    ) -> (SessionKey, bool) {
        if let Some(key) = self.sessions.find(client) {
            let over = self.sessions[key].ends_at.is_some_and(|at| at <= self.now);
            if !over && (!clean || defect::on(Defect::KeepsCleanSession)) {
                return (key, true);
            }
            self.end_session(key);
        }
        let persistent = expiry != Expiry::Seconds(0);
        if persistent {
            let client = client.clone();
            self.journal.record(Record::OpenSession { client, bridge: false });
        }
        (self.sessions.add(Session::new(client.clone(), persistent, None)), false)
    }

    fn will_of(&mut self, will: &packet::Will) -> Will {
        let numbered = self.number(will.message.clone());
        Will { numbered, delay_s: will.delay_s, expiry_s: will.expiry_s, due: None }
    }

    /// `persistent_client_expiration` is the longest that a session outlives its connection.
    pub(super) fn longest(&self, expiry: Expiry) -> Expiry {
        match self.settings.limits.persistent_client_expiration_s {
            Some(most) => expiry.min(Expiry::Seconds(most)),
            None => expiry,
        }
    }

    /// [MQTT-3.1.2-22; 3.1.1: MQTT-3.1.2-24]
    pub(super) fn check_silence(&mut self, conn: ConnId) {
        let Some(connection) = self.connections.get(&conn) else { return };
        let Some(patience) = connection.patience else { return };
        let until = connection.last_heard + patience;
        if until > self.now {
            self.watch_silence(conn, Some(until));
        } else if connection.who == Who::Stranger {
            self.close(conn, "no CONNECT came");
        } else {
            let text = "nothing came for one and a half times the keep-alive";
            self.hang_up(conn, Reason::KeepAliveTimeout, text);
        }
    }
}

/// How long a client wants its session to outlive the connection.
fn expiry_of(connect: &Connect) -> Expiry {
    match (connect.level, connect.clean_start) {
        (Level::V5, _) => Expiry::from_interval(connect.properties.session_expiry_s().unwrap_or(0)),
        (_, true) => Expiry::Seconds(0),
        (_, false) => Expiry::Never,
    }
}

/// The client's keep-alive, or the longest that `max_keepalive` allows.
fn keep_alive_s(limits: &Limits, connect: &Connect) -> u16 {
    match limits.max_keepalive_s {
        0 => connect.keep_alive_s,
        most if connect.keep_alive_s == 0 => most,
        most => connect.keep_alive_s.min(most),
    }
}
