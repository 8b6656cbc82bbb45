//! One program's MQTT connection: the only file that knows rumqttc, and where its traps are met.
//!
//! ```text
//! Output -> Outbox -> AsyncClient -> EventLoop -> TCP
//!                                       |
//!            Said <- Client::take <- Polled
//! ```
//! What rumqttc 0.25 does, and what is done about it:
//! - It forgets which inbound QoS 2 ids are open on every reconnect, takes the PUBREL of a resumed
//!   session for a breach and reconnects, for ever. So every id is registered as open when a
//!   session is resumed, and again when its PUBREL came: each PUBREL gets its PUBCOMP.
//! - It delivers a resent QoS 2 PUBLISH twice. So the ids that were delivered are kept here until
//!   their PUBREL, with a digest: another message under the same id is new.
//! - After an error its buffered events stay and would mix with the next connection's. So they are
//!   taken before the loss is told.
//! - Its channel keeps requests over a reconnect, and on session present = 0 it drops everything.
//!   The programs publish what they know on every connect, so only what has an id is resent.
//! - Its resends carry DUP 0; they are marked here [MQTT-3.3.1-1].
//! - It hands out ids that may still be open and then stalls in a "collision", which outlives a
//!   reconnect. So one publication is under way at a time, and the rest waits in our own queue.
//!   That also means that its channel is never full and polling never waits for itself.
//! - It numbers from 1 in each process and forgets on exit that a PUBREL is due. A broker that
//!   passes a message on only at its PUBREL would never do so, although its PUBREC said that the
//!   click counts. So the few ids in use are released once when a process first meets its session;
//!   that is before it asks what the broker kept. [MQTT-4.4.0-1]
//! - It refuses packets above 10 KiB by ending the connection, and would meet the same retained
//!   message again. So whatever MQTT can carry is let in, and the program ignores it with a reason.
//! - It answers PUBREC before the program has seen the message. That is right here: a program's
//!   memory goes with its process, and the next one asks the broker for what it kept anyway.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use rumqttc::{
    AsyncClient, ConnectionError, EventLoop, MqttOptions, Outgoing, Packet, PubRel, Publish,
    Request, StateError, SubAck, SubscribeFilter, SubscribeReasonCode, mqttbytes,
};
use tokio::time::Instant;

use crate::card::{Identity, Output, Token};
use crate::mqtt::{QoS, Topic};

/// The longest remaining length of an MQTT packet, in bytes. [MQTT 3.1.1, section 2.2.3]
const LONGEST_PACKET: usize = 268_435_455;
/// Our packet ids are 1 to this.
pub(super) const IDS: u16 = 4;
/// How often a PUBREL is sent again before a broker that hangs up on it is given up on.
pub(super) const RELEASES: u8 = 3;

/// What the broker said, for the program.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    Connected {
        session_present: bool,
    },
    Subscribed,
    Message {
        topic: Topic,
        payload: Bytes,
        retain: bool,
    },
    Sent(Token),
    /// A message that is none: why.
    Unusable {
        topic: String,
        reason: String,
    },
    /// DISCONNECT was written.
    Goodbye,
    /// The connection is gone, or could not be made.
    Gone {
        reason: String,
    },
}

/// What one poll brought.
pub(super) enum Polled {
    /// The next event, or why there is no connection.
    Event(Result<rumqttc::Event, ConnectionError>),
    /// The broker owes an answer for too long: the connection is to be given up.
    Unanswered,
}

/// One program's connection.
pub(super) struct Client {
    identity: Identity,
    address: SocketAddr,
    events: EventLoop,
    outbox: Outbox,
    /// Inbound QoS 2 ids that were delivered and whose PUBREL is to come, with a digest.
    delivered: BTreeMap<u16, u64>,
    /// Whether this process has met its session, or learnt that there is none.
    met: bool,
}

impl Client {
    pub(super) fn new(identity: Identity) -> Self {
        // None is dialled before `dial` says which.
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut options = options(&identity, address);
        options.set_inflight(IDS);
        let (requests, mut events) = AsyncClient::new(options, 2 * usize::from(IDS));
        events.network_options.set_tcp_nodelay(true);
        let (outbox, delivered) = (Outbox::new(requests), BTreeMap::new());
        Self { identity, address, events, outbox, delivered, met: false }
    }

    /// Where the next poll dials to.
    pub(super) fn dial(&mut self, address: SocketAddr) {
        self.address = address;
        self.events.mqtt_options = options(&self.identity, address);
        if !self.met {
            // What an earlier process left open is released; rumqttc drops this for a new session.
            let releases = (1..=IDS).map(|id| Request::PubRel(PubRel::new(id)));
            self.events.pending = releases.collect();
        }
    }

    /// The next poll, and the outbox that may be filled while it runs. A poll that is dropped
    /// before it is done gives up the connection attempt or may lose an acknowledgement, so it is
    /// only dropped together with the connection.
    pub(super) fn parts(&mut self) -> (impl Future<Output = Polled> + Send, &mut Outbox) {
        (async { Polled::Event(self.events.poll().await) }, &mut self.outbox)
    }

    pub(super) fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    /// Takes what a poll brought and says what it means to the program.
    pub(super) fn take(&mut self, polled: Polled) -> Vec<Said> {
        let reason = match polled {
            Polled::Event(Ok(event)) => return self.event(event).into_iter().collect(),
            Polled::Event(Err(error)) => in_words(&error, self.address),
            Polled::Unanswered => {
                self.events.clean();
                "the broker left a packet unanswered: connecting again to resend it".to_owned()
            }
        };
        // What is handed over from here on would wait in rumqttc's channel, and go out beside what the
        // program says again.
        self.outbox.broken = true;
        let mut said = Vec::new();
        while let Some(event) = self.events.state.events.pop_front() {
            said.extend(self.event(event));
        }
        said.push(self.gone(reason));
        said
    }

    fn event(&mut self, event: rumqttc::Event) -> Option<Said> {
        let packet = match event {
            rumqttc::Event::Incoming(packet) => packet,
            rumqttc::Event::Outgoing(Outgoing::Publish(id)) => {
                self.outbox.numbered(id);
                return None;
            }
            rumqttc::Event::Outgoing(Outgoing::Disconnect) => return Some(Said::Goodbye),
            rumqttc::Event::Outgoing(_) => return None,
        };
        match packet {
            // A second CONNACK is a breach, which rumqttc tells before it fails for it.
            Packet::ConnAck(_) if self.outbox.online => None,
            Packet::ConnAck(connack) => Some(self.connected(connack.session_present)),
            Packet::SubAck(suback) => Some(self.subscribed(&suback)),
            Packet::Publish(publish) => self.publish(publish),
            Packet::PubRel(pubrel) => {
                self.delivered.remove(&pubrel.pkid);
                self.register(pubrel.pkid);
                None
            }
            Packet::PubRec(pubrec) => self.outbox.received(pubrec.pkid),
            Packet::PubAck(puback) => {
                let sent = self.outbox.received(puback.pkid);
                self.outbox.completed(puback.pkid);
                sent
            }
            Packet::PubComp(pubcomp) => {
                self.outbox.completed(pubcomp.pkid);
                None
            }
            _ => None,
        }
    }

    fn connected(&mut self, session_present: bool) -> Said {
        if session_present {
            (1..=u16::MAX).for_each(|id| self.register(id));
        } else {
            self.delivered.clear();
            self.outbox.flights.clear();
            self.outbox.resent.clear();
        }
        (self.outbox.online, self.outbox.broken) = (true, false);
        self.outbox.owed_since = (!self.outbox.flights.is_empty()).then(Instant::now);
        self.met = true;
        Said::Connected { session_present }
    }

    /// Has rumqttc answer a PUBREL of this id with PUBCOMP. It notes ids only by taking a PUBLISH,
    /// so it is given one, and the events and the answer that come of it are thrown away.
    fn register(&mut self, id: u16) {
        let publish = Publish { pkid: id, ..Publish::new("", rumqttc::QoS::ExactlyOnce, []) };
        let before = self.events.state.events.len();
        let answer = self.events.state.handle_incoming_packet(Packet::Publish(publish));
        debug_assert!(answer.is_ok(), "a PUBLISH is never refused: {answer:?}");
        self.events.state.events.truncate(before);
    }

    /// A program without its subscriptions would wait for ever, so a refusal ends the connection.
    fn subscribed(&mut self, suback: &SubAck) -> Said {
        if !suback.return_codes.contains(&SubscribeReasonCode::Failure) {
            self.outbox.owed_since = None;
            return Said::Subscribed;
        }
        self.events.clean();
        self.events.state.events.clear();
        let asked = &self.outbox.asked;
        let reason =
            format!("the broker refused a subscription: check its access rules for {asked}");
        self.gone(reason)
    }

    fn publish(&mut self, publish: Publish) -> Option<Said> {
        if publish.qos == rumqttc::QoS::ExactlyOnce {
            let mut digest = DefaultHasher::new();
            (&publish.topic, &publish.payload, publish.retain).hash(&mut digest);
            let digest = digest.finish();
            if self.delivered.insert(publish.pkid, digest) == Some(digest) {
                return None;
            }
        }
        Some(match Topic::parse(&publish.topic) {
            Ok(topic) => Said::Message { topic, payload: publish.payload, retain: publish.retain },
            Err(error) => Said::Unusable { topic: publish.topic, reason: error.to_string() },
        })
    }

    /// Keeps for the next connection what has an id, and nothing else.
    fn gone(&mut self, reason: String) -> Said {
        // What could not be sent for a collision is not resent; the program publishes again.
        self.events.state.collision = None;
        let outbox = &mut self.outbox;
        outbox.lost();
        self.events.pending.retain_mut(|request| match request {
            Request::Publish(publish) if outbox.flights.contains_key(&publish.pkid) => {
                publish.dup = true;
                outbox.resent.insert(publish.pkid)
            }
            Request::PubRel(pubrel) => outbox.flights.contains_key(&pubrel.pkid),
            _ => false,
        });
        Said::Gone { reason }
    }
}

/// What the program wants sent and what became of it.
pub(super) struct Outbox {
    requests: AsyncClient,
    online: bool,
    /// The connection is gone, and what it still brought is being told.
    broken: bool,
    /// Not given to rumqttc yet.
    waiting: VecDeque<Output>,
    /// Given to rumqttc, not yet numbered.
    handed: Option<Token>,
    /// By packet id, until PUBCOMP.
    flights: BTreeMap<u16, Flight>,
    /// Ids that rumqttc sends again; they keep their tokens.
    resent: BTreeSet<u16>,
    /// What the last SUBSCRIBE asked for.
    asked: String,
    /// Since when the broker owes an answer to SUBSCRIBE or to the publication under way.
    owed_since: Option<Instant>,
}

/// A publication under way.
struct Flight {
    token: Token,
    /// PUBREC came.
    received: bool,
    /// How often a connection was lost after PUBREC.
    losses: u8,
}

impl Outbox {
    fn new(requests: AsyncClient) -> Self {
        let (waiting, handed) = (VecDeque::new(), None);
        let (flights, resent) = (BTreeMap::new(), BTreeSet::new());
        let (asked, owed_since) = (String::new(), None);
        Self {
            requests,
            online: false,
            broken: false,
            waiting,
            handed,
            flights,
            resent,
            asked,
            owed_since,
        }
    }

    /// Sends `outputs` in order as soon as may be. Without a connection they are dropped: the
    /// program says everything again when there is one, and what of it is still under way goes out
    /// by itself.
    pub(super) fn push(&mut self, outputs: Vec<Output>) {
        if self.online {
            let flights = &self.flights;
            let flies = |token| flights.values().any(|flight| flight.token == token);
            let new = |it: &Output| !matches!(it, Output::Publish { token, .. } if flies(*token));
            self.waiting.extend(outputs.into_iter().filter(new));
            self.hand_over();
        }
    }

    pub(super) fn is_online(&self) -> bool {
        self.online
    }

    /// Whether the broker has answered all there was to send.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.handed.is_none() && self.flights.is_empty()
    }

    /// Since when the broker owes an answer.
    pub(super) fn owed_since(&self) -> Option<Instant> {
        self.owed_since
    }

    /// Asks for DISCONNECT. Answers whether it could be asked for.
    pub(super) fn say_goodbye(&self) -> bool {
        self.requests.try_disconnect().is_ok()
    }

    /// Gives rumqttc what is next, while no publication is under way.
    fn hand_over(&mut self) {
        while !self.broken && self.handed.is_none() && self.flights.is_empty() {
            let Some(output) = self.waiting.pop_front() else {
                return;
            };
            let asked =
                match &output {
                    Output::Subscribe(filters) => self.requests.try_subscribe_many(
                        filters
                            .iter()
                            .map(|(f, q)| SubscribeFilter::new(f.as_str().to_owned(), level(*q))),
                    ),
                    Output::Publish { topic, payload, qos, retain, .. } => self
                        .requests
                        .try_publish(topic.as_str(), level(*qos), *retain, payload.to_vec()),
                };
            if asked.is_err() {
                // Its channel is full of subscriptions; the next answer makes room.
                self.waiting.push_front(output);
                return;
            }
            self.owed_since = Some(Instant::now());
            match output {
                Output::Publish { token, .. } => self.handed = Some(token),
                Output::Subscribe(filters) => {
                    let filters: Vec<_> = filters.iter().map(|(it, _)| it.as_str()).collect();
                    self.asked = filters.join(", ");
                }
            }
        }
    }

    /// rumqttc wrote a PUBLISH. Resends come before anything new, in its queue and on the wire.
    fn numbered(&mut self, id: u16) {
        if self.resent.remove(&id) {
            return;
        }
        if let Some(token) = self.handed.take()
            && id != 0
        {
            self.flights.insert(id, Flight { token, received: false, losses: 0 });
        } else {
            self.owed_since = None;
        }
        self.hand_over();
    }

    fn received(&mut self, id: u16) -> Option<Said> {
        let flight = self.flights.get_mut(&id)?;
        flight.received = true;
        self.owed_since = Some(Instant::now());
        Some(Said::Sent(flight.token))
    }

    fn completed(&mut self, id: u16) {
        self.flights.remove(&id);
        if self.flights.is_empty() {
            self.owed_since = None;
        }
        self.hand_over();
    }

    fn lost(&mut self) {
        self.online = false;
        self.owed_since = None;
        self.waiting.clear();
        self.handed = None;
        self.resent.clear();
        for flight in self.flights.values_mut().filter(|flight| flight.received) {
            flight.losses += 1;
        }
        self.flights.retain(|_, flight| flight.losses < RELEASES);
    }
}

fn options(identity: &Identity, address: SocketAddr) -> MqttOptions {
    let host = match address {
        SocketAddr::V4(v4) => v4.ip().to_string(),
        SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
    };
    let mut options = MqttOptions::new(identity.client_id.as_str(), host, address.port());
    // A session without a name cannot be kept [MQTT-3.1.3-8]; keep-alive is in whole seconds.
    options.set_clean_session(identity.clean_session || identity.client_id.as_str().is_empty());
    options.set_keep_alive(Duration::from_secs(identity.keep_alive.as_secs()));
    options.set_max_packet_size(LONGEST_PACKET, LONGEST_PACKET);
    options
}

fn level(qos: QoS) -> rumqttc::QoS {
    match qos {
        QoS::AtMostOnce => rumqttc::QoS::AtMostOnce,
        QoS::AtLeastOnce => rumqttc::QoS::AtLeastOnce,
        QoS::ExactlyOnce => rumqttc::QoS::ExactlyOnce,
    }
}

/// Why there is no connection, for a window: what happened and what to look at.
fn in_words(error: &ConnectionError, address: SocketAddr) -> String {
    let io = |error: &io::Error| match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            format!("nobody listens at {address}: start the broker")
        }
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            "the connection was cut".to_owned()
        }
        _ => format!("the connection to {address} failed: {error}"),
    };
    match error {
        ConnectionError::Io(error) | ConnectionError::MqttState(StateError::Io(error)) => io(error),
        ConnectionError::MqttState(StateError::Deserialization(mqttbytes::Error::Io(error))) => {
            io(error)
        }
        ConnectionError::MqttState(StateError::ConnectionAborted) => {
            "the broker closed the connection".to_owned()
        }
        ConnectionError::MqttState(StateError::AwaitPingResp) => {
            "the broker answers no pings any more".to_owned()
        }
        ConnectionError::NetworkTimeout => {
            format!("{address} takes connections but does not answer")
        }
        ConnectionError::ConnectionRefused(code) => {
            format!("the broker refused the connection: {code:?}")
        }
        other => other.to_string(),
    }
}
