//! A client of the simulated world that does what the standard asks of a client, and keeps a ledger
//! of what it sent and received. [MQTT 3.1.1, sections 4.3 and 4.4]

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;

use super::NodeNumber;
use crate::mqtt::packet::{Connect, ConnectCode, Level, Publish};
use crate::mqtt::{ClientId, Filter, Message, Packet, PacketId, QoS};

/// A client. Its handshakes survive its connections, not its own death.
#[derive(Debug, Clone)]
pub struct Client {
    node: NodeNumber,
    id: ClientId,
    clean: bool,
    online: bool,
    gone: bool,
    todo: VecDeque<Todo>,
    /// Messages on their way out, in order: PUBREC (or PUBACK) has come for those that are `true`.
    in_flight: VecDeque<(PacketId, Message, bool)>,
    last_id: u16,
    subscriptions: Vec<(Filter, QoS)>,
    taken_in: BTreeSet<PacketId>,
    /// Messages it received, in order; a QoS 2 message once however often it was sent.
    pub received: Vec<Publish>,
    /// Messages the broker has taken over: PUBACK or PUBREC came.
    pub acknowledged: Vec<Message>,
    /// SUBACK codes, by filter.
    pub granted: BTreeMap<Filter, Option<QoS>>,
    /// Session present, for each CONNACK.
    pub sessions_present: Vec<bool>,
}

#[derive(Debug, Clone)]
enum Todo {
    Publish(Message),
    Unsubscribe(Filter),
}

impl Client {
    /// A client of that broker.
    #[must_use]
    pub fn new(node: NodeNumber, id: &str, clean: bool) -> Self {
        Self {
            node,
            id: ClientId::new(id),
            clean,
            online: false,
            gone: false,
            todo: VecDeque::new(),
            in_flight: VecDeque::new(),
            last_id: 0,
            subscriptions: Vec::new(),
            taken_in: BTreeSet::new(),
            received: Vec::new(),
            acknowledged: Vec::new(),
            granted: BTreeMap::new(),
            sessions_present: Vec::new(),
        }
    }

    /// Subscribes at its first connect, and again whenever the broker has no session of it.
    #[must_use]
    pub fn subscribing(mut self, filter: &str, qos: QoS) -> Self {
        self.subscriptions.push((Filter::parse(filter).expect("a filter"), qos));
        self
    }

    /// Publishes a message when it can.
    pub fn publish(&mut self, message: Message) {
        self.todo.push_back(Todo::Publish(message));
    }

    /// Unsubscribes when it can.
    pub fn unsubscribe(&mut self, filter: &str) {
        let filter = Filter::parse(filter).expect("a filter");
        self.subscriptions.retain(|(it, _)| *it != filter);
        self.todo.push_back(Todo::Unsubscribe(filter));
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
        self.last_id = 0;
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
        !self.online && !self.gone
    }

    pub(super) fn connected(&mut self) -> Vec<Packet> {
        vec![Packet::Connect(Box::new(Connect {
            client_id: self.id.clone(),
            clean_session: self.clean,
            ..Connect::unknown(Level::V311)
        }))]
    }

    pub(super) fn disconnected(&mut self) {
        self.online = false;
    }

    pub(super) fn poke(&mut self) -> Vec<Packet> {
        let mut packets = Vec::new();
        while self.online
            && let Some(todo) = self.todo.pop_front()
        {
            match todo {
                Todo::Publish(message) => packets.push(self.first_publish(message)),
                Todo::Unsubscribe(filter) => {
                    packets.push(Packet::Unsubscribe(self.fresh_id(), vec![filter]));
                }
            }
        }
        packets
    }

    pub(super) fn packet(&mut self, packet: Packet) -> Vec<Packet> {
        match packet {
            Packet::ConnAck(answer) if answer.code == ConnectCode::Accepted => {
                self.accepted(answer.session_present)
            }
            Packet::Publish(publish) => self.take_in(publish),
            Packet::PubAck(id) => {
                self.done(id);
                Vec::new()
            }
            Packet::PubRec(id) => {
                if let Some(item) = self.in_flight.iter_mut().find(|it| it.0 == id && !it.2) {
                    item.2 = true;
                    self.acknowledged.push(item.1.clone());
                }
                vec![Packet::PubRel(id)]
            }
            Packet::PubRel(id) => {
                self.taken_in.remove(&id);
                vec![Packet::PubComp(id)]
            }
            Packet::PubComp(id) => {
                self.in_flight.retain(|it| it.0 != id);
                Vec::new()
            }
            Packet::SubAck(_, codes) => {
                let filters = self.subscriptions.iter().map(|(filter, _)| filter.clone());
                self.granted = filters.zip(codes).collect();
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn accepted(&mut self, session_present: bool) -> Vec<Packet> {
        self.online = true;
        self.sessions_present.push(session_present);
        let mut packets = Vec::new();
        if !session_present {
            self.taken_in.clear();
            if !self.subscriptions.is_empty() {
                let id = self.fresh_id();
                packets.push(Packet::Subscribe(id, self.subscriptions.clone()));
            }
        } else if self.granted.len() < self.subscriptions.len() {
            let id = self.fresh_id();
            packets.push(Packet::Subscribe(id, self.subscriptions.clone()));
        }
        for (id, message, received) in &self.in_flight {
            packets.push(if *received {
                Packet::PubRel(*id)
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
                self.received.push(publish);
                vec![Packet::PubAck(id)]
            }
            (QoS::ExactlyOnce, Some(id)) => {
                if self.taken_in.insert(id) {
                    self.received.push(publish);
                }
                vec![Packet::PubRec(id)]
            }
            _ => {
                self.received.push(publish);
                Vec::new()
            }
        }
    }

    fn first_publish(&mut self, message: Message) -> Packet {
        if message.qos == QoS::AtMostOnce {
            return publish(&message, None, false);
        }
        let id = self.fresh_id();
        let packet = publish(&message, Some(id), false);
        self.in_flight.push_back((id, message, false));
        packet
    }

    fn done(&mut self, id: PacketId) {
        if let Some(at) = self.in_flight.iter().position(|it| it.0 == id) {
            let (_, message, _) = self.in_flight.remove(at).expect("a position just found");
            self.acknowledged.push(message);
        }
    }

    fn fresh_id(&mut self) -> PacketId {
        loop {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            let id = PacketId::new(self.last_id).expect("counted from 1");
            if !self.in_flight.iter().any(|it| it.0 == id) {
                return id;
            }
        }
    }
}

fn publish(message: &Message, packet_id: Option<PacketId>, dup: bool) -> Packet {
    Packet::Publish(Publish {
        dup,
        qos: message.qos,
        retain: message.retain,
        topic: message.topic.clone(),
        packet_id,
        payload: message.payload.clone(),
    })
}
