//! A client of the simulated world that does what the standard asks of a client, and keeps a ledger
//! of what it sent and received. [MQTT 3.1.1, sections 4.3 and 4.4]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use super::NodeNumber;
use super::manners::Manners;
use crate::card::Token;
use crate::lab::name::CableName;
use crate::lab::trace::Party;
use crate::mqtt::packet::{Connect, Level, Publish, Subscribe, SubscribeOptions, Unsubscribe};
use crate::mqtt::{ClientId, Filter, Message, Packet, PacketId, Properties, Property, QoS, Reason};

/// A client. Its handshakes survive its connections, not its own death.
#[derive(Debug, Clone)]
pub struct Client {
    node: NodeNumber,
    id: ClientId,
    /// What the trace calls it.
    pub(super) party: Party,
    /// By which it dials.
    pub(super) cable: CableName,
    /// How it keeps its connection, where it does.
    pub(super) manners: Option<Manners>,
    clean: bool,
    /// For how long the broker keeps its session, where it is kept; in seconds.
    lasts: u32,
    will: Option<Message>,
    level: Level,
    /// How many messages it takes at once, where it says so.
    receive_maximum: Option<u16>,
    /// How many the broker takes at once.
    window: usize,
    /// Whether there is a connection, accepted or not.
    dialled: bool,
    online: bool,
    gone: bool,
    /// Whether SUBACK is to come.
    subscribing: bool,
    todo: VecDeque<Todo>,
    /// Messages on their way out, in order.
    in_flight: VecDeque<InFlight>,
    last_id: u16,
    /// What a program that speaks through this client has not been told yet.
    news: Vec<News>,
    subscriptions: Vec<(Filter, QoS)>,
    taken_in: BTreeSet<PacketId>,
    /// Those of them that came on this connection.
    open: BTreeSet<PacketId>,
    /// Messages it received, in order; a QoS 2 message once however often it was sent.
    pub received: Vec<Publish>,
    /// Messages the broker has taken over: PUBACK or PUBREC came.
    pub acknowledged: Vec<Message>,
    /// What SUBACK said, by filter.
    pub granted: BTreeMap<Filter, Reason>,
    /// Session present, for each CONNACK.
    pub sessions_present: Vec<bool>,
}

#[derive(Debug, Clone)]
enum Todo {
    Publish(Message, Option<Token>),
    Subscribe(Vec<(Filter, QoS)>),
    Unsubscribe(Filter),
}

/// A message on its way out.
#[derive(Debug, Clone)]
struct InFlight {
    id: PacketId,
    message: Message,
    token: Option<Token>,
    /// PUBREC has come.
    received: bool,
}

/// Something a program is to be told.
#[derive(Debug, Clone)]
pub(super) enum News {
    Connected { session_present: bool },
    Disconnected,
    Subscribed,
    Message(Publish),
    Sent(Token),
}

impl Client {
    /// A client of that broker.
    #[must_use]
    pub fn new(node: NodeNumber, id: &str, clean: bool) -> Self {
        Self {
            node,
            id: ClientId::new(id),
            party: Party::Client(ClientId::new(id)),
            cable: CableName::new(id),
            manners: None,
            clean,
            lasts: u32::MAX,
            will: None,
            level: Level::V311,
            receive_maximum: None,
            window: usize::MAX,
            dialled: false,
            online: false,
            gone: false,
            subscribing: false,
            todo: VecDeque::new(),
            in_flight: VecDeque::new(),
            last_id: 0,
            news: Vec::new(),
            subscriptions: Vec::new(),
            taken_in: BTreeSet::new(),
            open: BTreeSet::new(),
            received: Vec::new(),
            acknowledged: Vec::new(),
            granted: BTreeMap::new(),
            sessions_present: Vec::new(),
        }
    }

    /// Speaks that version of MQTT instead of 3.1.1.
    #[must_use]
    pub fn speaking(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Wants its session kept for so many seconds only, which MQTT 5 lets it say.
    #[must_use]
    pub fn lasting(mut self, seconds: u32) -> Self {
        self.lasts = seconds;
        self
    }

    /// Leaves a will.
    #[must_use]
    pub fn willing(mut self, will: Message) -> Self {
        self.will = Some(will);
        self
    }

    /// Keeps its connection as a program does, through a cable of that name.
    pub(super) fn of_program(
        mut self,
        party: Party,
        cable: CableName,
        keep_alive: Duration,
    ) -> Self {
        (self.party, self.cable) = (party, cable);
        self.manners = Some(Manners::new(keep_alive));
        self
    }

    /// Takes only so many messages at once, which MQTT 5 lets it say.
    ///
    /// # Panics
    /// Later, when the broker sends more of QoS 2.
    #[must_use]
    pub fn taking(mut self, receive_maximum: u16) -> Self {
        self.receive_maximum = Some(receive_maximum);
        self
    }

    /// Subscribes at its first connect, and again whenever the broker has no session of it.
    ///
    /// # Panics
    /// When `filter` is none.
    #[must_use]
    pub fn subscribing(mut self, filter: &str, qos: QoS) -> Self {
        self.subscriptions.push((Filter::parse(filter).expect("a filter"), qos));
        self
    }

    /// Publishes a message when it can.
    pub fn publish(&mut self, message: Message) {
        self.todo.push_back(Todo::Publish(message, None));
    }

    /// Publishes for a program, which is told when PUBREC or PUBACK has come; unless that is under
    /// way already.
    pub(super) fn publish_as(&mut self, message: Message, token: Token) {
        let waits = |it: &Todo| matches!(it, Todo::Publish(_, Some(it)) if *it == token);
        let flies = |it: &InFlight| it.token == Some(token);
        if self.todo.iter().any(waits) || self.in_flight.iter().any(flies) {
            return;
        }
        self.todo.push_back(Todo::Publish(message, Some(token)));
    }

    /// Subscribes for a program, which is told when SUBACK has come.
    pub(super) fn subscribe(&mut self, filters: Vec<(Filter, QoS)>) {
        self.todo.push_back(Todo::Subscribe(filters));
    }

    /// What happened since the last call.
    pub(super) fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// Unsubscribes when it can.
    ///
    /// # Panics
    /// When `filter` is none.
    pub fn unsubscribe(&mut self, filter: &str) {
        let filter = Filter::parse(filter).expect("a filter");
        self.subscriptions.retain(|(it, _)| *it != filter);
        self.todo.push_back(Todo::Unsubscribe(filter));
    }

    /// Wants no session kept from its next connection on.
    pub fn start_clean(&mut self) {
        self.clean = true;
    }

    /// Stays away from now on, once its connection ends; or comes back.
    pub fn stay_away(&mut self, away: bool) {
        self.gone = away;
    }

    /// Its process dies: it forgets its handshakes and counts from 1 again.
    pub fn lose_memory(&mut self) {
        self.in_flight.clear();
        self.taken_in.clear();
        self.todo.clear();
        self.news.clear();
        self.last_id = 0;
    }

    /// Its client id.
    #[must_use]
    pub fn id(&self) -> ClientId {
        self.id.clone()
    }

    /// Whether nothing is on its way out.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.todo.is_empty() && self.in_flight.is_empty()
    }

    /// The payloads received on a topic, in order.
    #[must_use]
    pub fn payloads(&self, topic: &str) -> Vec<Bytes> {
        let mine = self.received.iter().filter(|it| it.topic.as_str() == topic);
        mine.map(|it| it.payload.clone()).collect()
    }

    pub(super) fn node(&self) -> NodeNumber {
        self.node
    }

    pub(super) fn wants_to_connect(&self) -> bool {
        !self.dialled && !self.gone
    }

    /// Whether its connection was accepted and has not ended.
    pub(super) fn is_online(&self) -> bool {
        self.online
    }

    /// Whether the broker has something to answer.
    pub(super) fn is_owed(&self) -> bool {
        let asks = self.dialled && !self.online;
        asks || (self.online && (!self.in_flight.is_empty() || self.subscribing))
    }

    pub(super) fn connected(&mut self) -> Vec<Packet> {
        self.dialled = true;
        vec![Packet::Connect(Box::new(Connect {
            client_id: self.id.clone(),
            clean_start: self.clean,
            will: self.will.clone().map(Into::into),
            keep_alive_s: self.manners.as_ref().map_or(0, Manners::keep_alive_s),
            properties: if self.level == Level::V5 { self.properties() } else { Properties::NONE },
            ..Connect::unknown(self.level)
        }))]
    }

    fn properties(&self) -> Properties {
        let lasts = (!self.clean).then_some(Property::SessionExpiryInterval(self.lasts));
        let takes = self.receive_maximum.map(Property::ReceiveMaximum);
        Properties::of(&lasts.into_iter().chain(takes).collect::<Vec<_>>())
    }

    pub(super) fn disconnected(&mut self) {
        (self.dialled, self.online, self.subscribing) = (false, false, false);
        self.open.clear();
        self.news.push(News::Disconnected);
    }

    pub(super) fn poke(&mut self) -> Vec<Packet> {
        let mut packets = Vec::new();
        // [MQTT 5.0, section 4.9]
        let waits = |it: &Todo| matches!(it, Todo::Publish(it, _) if it.qos > QoS::AtMostOnce);
        while self.online
            && let Some(todo) =
                self.todo.pop_front_if(|it| !waits(it) || self.in_flight.len() < self.window)
        {
            match todo {
                Todo::Publish(message, token) => packets.push(self.first_publish(message, token)),
                Todo::Subscribe(filters) => {
                    packets.push(self.subscribe_packet(filters));
                }
                Todo::Unsubscribe(filter) => {
                    let packet = Unsubscribe::new(self.fresh_id(), vec![filter]);
                    packets.push(Packet::Unsubscribe(packet));
                }
            }
        }
        packets
    }

    pub(super) fn packet(&mut self, packet: Packet) -> Vec<Packet> {
        match packet {
            Packet::ConnAck(answer) if answer.reason == Reason::Success => {
                let window = answer.properties.receive_maximum();
                self.window = window.map_or(usize::MAX, usize::from);
                self.accepted(answer.session_present)
            }
            Packet::Publish(publish) => self.take_in(publish),
            Packet::PubAck(ack) => {
                self.done(ack.id);
                self.poke()
            }
            Packet::PubRec(ack) => {
                let mut items = self.in_flight.iter_mut();
                if let Some(item) = items.find(|it| it.id == ack.id && !it.received) {
                    item.received = true;
                    self.news.extend(item.token.map(News::Sent));
                    self.acknowledged.push(item.message.clone());
                }
                vec![Packet::PubRel(ack.id.into())]
            }
            Packet::PubRel(ack) => {
                self.taken_in.remove(&ack.id);
                self.open.remove(&ack.id);
                vec![Packet::PubComp(ack.id.into())]
            }
            Packet::PubComp(ack) => {
                self.in_flight.retain(|it| it.id != ack.id);
                self.poke()
            }
            Packet::SubAck(answers) => {
                let filters = self.subscriptions.iter().map(|(filter, _)| filter.clone());
                self.granted = filters.zip(answers.reasons).collect();
                self.subscribing = false;
                self.news.push(News::Subscribed);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn accepted(&mut self, session_present: bool) -> Vec<Packet> {
        self.online = true;
        self.sessions_present.push(session_present);
        self.news.push(News::Connected { session_present });
        let mut packets = Vec::new();
        if !session_present {
            self.taken_in.clear();
            if !self.subscriptions.is_empty() {
                packets.push(self.subscribe_packet(self.subscriptions.clone()));
            }
        } else if self.granted.len() < self.subscriptions.len() {
            packets.push(self.subscribe_packet(self.subscriptions.clone()));
        }
        for InFlight { id, message, received, .. } in &self.in_flight {
            packets.push(if *received {
                Packet::PubRel((*id).into())
            } else {
                publish(message, Some(*id), true)
            });
        }
        packets.extend(self.poke());
        packets
    }

    fn take_in(&mut self, publish: Publish) -> Vec<Packet> {
        match (publish.qos, publish.packet_id) {
            (QoS::AtLeastOnce, Some(id)) => {
                self.keep(publish);
                vec![Packet::PubAck(id.into())]
            }
            (QoS::ExactlyOnce, Some(id)) => {
                self.open.insert(id);
                let told = self.receive_maximum.filter(|_| self.level == Level::V5);
                let most = told.map_or(usize::MAX, usize::from);
                assert!(self.open.len() <= most, "{}: more than {most} at once", self.id);
                if self.taken_in.insert(id) {
                    self.keep(publish);
                }
                vec![Packet::PubRec(id.into())]
            }
            _ => {
                self.keep(publish);
                Vec::new()
            }
        }
    }

    fn keep(&mut self, publish: Publish) {
        self.news.push(News::Message(publish.clone()));
        self.received.push(publish);
    }

    fn first_publish(&mut self, message: Message, token: Option<Token>) -> Packet {
        if message.qos == QoS::AtMostOnce {
            return publish(&message, None, false);
        }
        let id = self.fresh_id();
        let packet = publish(&message, Some(id), false);
        self.in_flight.push_back(InFlight { id, message, token, received: false });
        packet
    }

    fn done(&mut self, id: PacketId) {
        if let Some(at) = self.in_flight.iter().position(|it| it.id == id) {
            let item = self.in_flight.remove(at).expect("a position just found");
            self.news.extend(item.token.map(News::Sent));
            self.acknowledged.push(item.message);
        }
    }

    fn subscribe_packet(&mut self, filters: Vec<(Filter, QoS)>) -> Packet {
        self.subscribing = true;
        let options = filters.into_iter().map(|(it, qos)| (it, SubscribeOptions::from(qos)));
        Packet::Subscribe(Subscribe::new(self.fresh_id(), options.collect()))
    }

    fn fresh_id(&mut self) -> PacketId {
        loop {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            let id = PacketId::new(self.last_id).expect("counted from 1");
            if !self.in_flight.iter().any(|it| it.id == id) {
                return id;
            }
        }
    }
}

fn publish(message: &Message, packet_id: Option<PacketId>, dup: bool) -> Packet {
    let properties = message.properties.clone();
    Packet::Publish(Publish { dup, properties, ..Publish::of(message, packet_id) })
}
