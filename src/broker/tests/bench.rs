//! A broker on a bench: packets are put in by hand, what comes out is looked at, and each commit is
//! durable at once unless a test holds commits back.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::follower::Follower;
pub use crate::broker::{
    Address, BridgeNumber, BridgeOrder, BridgeSettings, Broker, Commit, ConnId, Event, Image,
    Input, Output, Settings,
};
pub use crate::mqtt::packet::{
    Ack, Answers, ConnAck, Connect, Level, Notice, Publish, RetainHandling, Subscribe,
    SubscribeOptions, Unsubscribe, Will,
};
pub use crate::mqtt::{
    ClientId, Direction, Filter, Message, Packet, PacketId, Properties, Property, QoS, Reason,
    Rule, Topic,
};

pub const Q0: QoS = QoS::AtMostOnce;
pub const Q1: QoS = QoS::AtLeastOnce;
pub const Q2: QoS = QoS::ExactlyOnce;
pub const BRIDGE: BridgeNumber = BridgeNumber(0);

/// A broker, what it has put out, and the disk that keeps what it committed.
pub struct Bench {
    pub broker: Broker,
    pub settings: Settings,
    pub now: Duration,
    pub image: Image,
    pub events: Vec<Event>,
    pub dials: VecDeque<Address>,
    /// Holds the events against the outputs, where the broker traces.
    pub follower: Follower,
    pub(super) sent: BTreeMap<ConnId, VecDeque<Packet>>,
    closed: BTreeMap<ConnId, String>,
    next_conn: u64,
    holds_commits: bool,
    /// The commit that the store has and has not made durable yet.
    at_store: Option<Commit>,
}

impl Bench {
    /// A broker with mosquitto's limits, whose promises are durable.
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// The same, with other settings.
    pub fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings { persistence: true, ..Settings::default() };
        change(&mut settings);
        let mut bench = Self {
            broker: Broker::new(Duration::ZERO, settings.clone(), &Image::default(), 7),
            settings,
            now: Duration::ZERO,
            image: Image::default(),
            events: Vec::new(),
            dials: VecDeque::new(),
            follower: Follower::default(),
            sent: BTreeMap::new(),
            closed: BTreeMap::new(),
            next_conn: 0,
            holds_commits: false,
            at_store: None,
        };
        bench.pull_plug(|_| {});
        bench
    }

    /// The plug is pulled and put back: what was committed is there, the rest is not.
    pub fn pull_plug(&mut self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings);
        self.image.boot += 1;
        self.broker = Broker::new(self.now, self.settings.clone(), &self.image, 7);
        self.follower.knows(self.image.messages.keys());
        (self.holds_commits, self.at_store) = (false, None);
        self.input(Input::Time);
    }

    /// Another number for a connection.
    pub fn conn(&mut self) -> ConnId {
        self.next_conn += 1;
        ConnId(self.next_conn)
    }

    /// One input, and all commits it leads to, unless they are held back.
    pub fn input(&mut self, input: Input) {
        let mut next = Some(input);
        while let Some(input) = next.take() {
            let mut outputs = Vec::new();
            self.broker.handle(self.now, input, &mut outputs);
            if self.settings.trace {
                self.follower.read(&self.broker, &outputs);
            }
            for output in outputs {
                self.take(output);
            }
            if !self.holds_commits
                && let Some(commit) = self.broker.take_commit()
            {
                commit.records.iter().for_each(|record| self.image.apply(record));
                next = Some(Input::Committed { number: commit.number });
            }
        }
    }

    fn take(&mut self, output: Output) {
        match output {
            Output::Send { conn, packet } => {
                assert!(!self.closed.contains_key(&conn), "{packet:?} to a closed connection");
                self.sent.entry(conn).or_default().push_back(packet);
            }
            Output::Close { conn, reason } => {
                let before = self.closed.insert(conn, reason);
                assert_eq!(before, None, "{conn:?} was closed twice");
            }
            Output::Dial { address, .. } => self.dials.push_back(address),
            Output::Event(event) => self.events.push(event),
        }
    }

    /// From now on commits wait for [`Bench::commit`].
    pub fn hold_commits(&mut self) {
        self.holds_commits = true;
    }

    /// The store makes durable what the broker has for it, and says so.
    pub fn commit(&mut self) {
        if let Some(commit) = self.at_store.take().or_else(|| self.broker.take_commit()) {
            commit.records.iter().for_each(|record| self.image.apply(record));
            self.input(Input::Committed { number: commit.number });
        }
    }

    /// The store tries, and fails.
    pub fn store_fails(&mut self) {
        if self.at_store.is_none() {
            self.at_store = self.broker.take_commit();
        }
        self.input(Input::StoreFails { reason: "the disk is full".to_owned() });
    }

    /// Time passes; everything that is due on the way happens at its time.
    pub fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(at) = self.broker.deadline().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.input(Input::Time);
        }
        self.now = until;
    }

    /// A client connects and is accepted.
    pub fn connect(&mut self, id: &str, clean: bool) -> ConnId {
        let conn = self.ask(connect(id, clean));
        let answer = self.sent.get_mut(&conn).and_then(VecDeque::pop_front);
        let accepted =
            |it: &Packet| matches!(it, Packet::ConnAck(it) if it.reason == Reason::Success);
        assert!(answer.as_ref().is_some_and(accepted), "{id} got {answer:?}");
        conn
    }

    /// A clean session begins although CONNACK may have to wait for the store.
    pub fn connect_unsettled(&mut self, id: &str) -> ConnId {
        let conn = self.ask(connect(id, true));
        assert!(self.is_open(conn), "{id} is hung up");
        conn
    }

    /// Somebody sends a CONNECT.
    pub fn ask(&mut self, connect: Connect) -> ConnId {
        let conn = self.conn();
        self.input(Input::Accepted { conn });
        self.send(conn, Packet::Connect(Box::new(connect)));
        conn
    }

    /// A packet comes in on a connection.
    pub fn send(&mut self, conn: ConnId, packet: Packet) {
        self.input(Input::Packet { conn, packet });
    }

    /// The wire breaks.
    pub fn cut(&mut self, conn: ConnId) {
        self.input(Input::Closed { conn, reason: "cut".to_owned() });
    }

    /// Takes what was sent on a connection since the last time.
    pub fn sent(&mut self, conn: ConnId) -> Vec<Packet> {
        self.sent.remove(&conn).unwrap_or_default().into()
    }

    /// Exactly these were sent on a connection since the last time.
    #[track_caller]
    pub fn expect<const N: usize>(&mut self, conn: ConnId, packets: [Packet; N]) {
        assert_eq!(self.sent(conn), Vec::from(packets));
    }

    /// The broker closed that connection, for a reason that contains `reason`.
    #[track_caller]
    pub fn expect_closed(&self, conn: ConnId, reason: &str) {
        let closed = self.closed.get(&conn);
        assert!(closed.is_some_and(|it| it.contains(reason)), "{conn:?}: {closed:?}");
    }

    /// Whether the broker has not closed that connection.
    pub fn is_open(&self, conn: ConnId) -> bool {
        !self.closed.contains_key(&conn)
    }

    /// A client subscribes; the SUBACK is checked, what follows it is left to see.
    #[track_caller]
    pub fn subscribe(&mut self, conn: ConnId, filter: &str, qos: QoS) {
        self.send(conn, subscribe(1000, &[(filter, qos)]));
        let packets = self.sent.get_mut(&conn).expect("an answer");
        let at = packets.iter().position(|it| matches!(it, Packet::SubAck(..))).expect("a SUBACK");
        assert_eq!(packets.remove(at), Some(suback(1000, &[Some(qos)])));
    }

    /// A client publishes and ends its handshake, whose packets are taken away.
    pub fn publish(&mut self, conn: ConnId, packet: Packet) {
        let Packet::Publish(publish) = &packet else { panic!("{packet:?} is no PUBLISH") };
        let (qos, number) = (publish.qos, publish.packet_id);
        self.send(conn, packet);
        if let Some(number) = number.filter(|_| qos == Q2) {
            self.send(conn, Packet::PubRel(number.into()));
        }
        if let Some(sent) = self.sent.get_mut(&conn) {
            sent.retain(|it| match it {
                Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubComp(ack) => {
                    Some(ack.id) != number || ack.reason.is_error()
                }
                _ => true,
            });
        }
    }

    /// The bridge dials and gets a connection, on which CONNECT comes.
    #[track_caller]
    pub fn dial(&mut self) -> (ConnId, Connect) {
        while self.dials.is_empty() {
            let at = self.broker.deadline().expect("the bridge is to dial");
            self.wait(at.saturating_sub(self.now));
        }
        self.dials.pop_front();
        let conn = self.conn();
        self.input(Input::Dialed { bridge: BRIDGE, conn });
        match self.sent(conn).as_slice() {
            [Packet::Connect(connect)] => (conn, (**connect).clone()),
            other => panic!("instead of CONNECT: {other:?}"),
        }
    }

    /// The bridge dials, and the far broker accepts it. What it sends then is left to see.
    #[track_caller]
    pub fn link(&mut self, session_present: bool) -> ConnId {
        let (conn, _) = self.dial();
        self.send(conn, connack(session_present, Reason::Success));
        conn
    }

    /// What the bridge sent: the notification taken away, and each SUBSCRIBE granted.
    pub fn link_sent(&mut self, conn: ConnId) -> Vec<Packet> {
        let mut packets = self.sent(conn);
        for packet in &packets {
            if let Packet::Subscribe(packet) = packet {
                let reasons = packet.filters.iter().map(|(_, it)| granted(it.qos)).collect();
                self.send(conn, Packet::SubAck(Answers::new(packet.id, reasons)));
            }
        }
        packets.retain(|it| {
            !matches!(it, Packet::Subscribe(..))
                && !matches!(it, Packet::Publish(it) if it.topic.is_dollar())
        });
        packets
    }
}

/// A bridge of these rules, each `(pattern, direction, QoS, local prefix, remote prefix)`.
pub fn bridge(rules: &[(&str, Direction, QoS, &str, &str)]) -> BridgeSettings {
    let mut bridge = BridgeSettings::new("link", "host");
    bridge.addresses = vec![Address { host: "first".to_owned(), port: 1883 }];
    let make = |(pattern, direction, qos, local, remote): &(&str, Direction, QoS, &str, &str)| {
        Rule::new(pattern, *direction, *qos, local, remote).expect("a rule")
    };
    bridge.rules = rules.iter().map(make).collect();
    bridge
}

pub fn id(number: u16) -> PacketId {
    PacketId::new(number).expect("not 0")
}

pub fn connect(id: &str, clean_session: bool) -> Connect {
    Connect {
        client_id: ClientId::new(id),
        clean_start: clean_session,
        ..Connect::unknown(Level::V311)
    }
}

pub fn connack(session_present: bool, reason: Reason) -> Packet {
    Packet::ConnAck(ConnAck { session_present, reason, properties: Properties::NONE })
}

/// PUBLISH; a packet id of 0 stands for none.
pub fn publish(topic: &str, payload: &str, qos: QoS, packet_id: u16) -> Packet {
    Packet::Publish(Publish {
        dup: false,
        qos,
        retain: false,
        topic: Topic::parse(topic).expect("a topic"),
        packet_id: PacketId::new(packet_id),
        properties: Properties::NONE,
        payload: payload.as_bytes().to_vec().into(),
    })
}

/// The same with the retain flag.
pub fn retain(mut packet: Packet) -> Packet {
    if let Packet::Publish(publish) = &mut packet {
        publish.retain = true;
    }
    packet
}

/// The same as a repeat.
pub fn again(mut packet: Packet) -> Packet {
    if let Packet::Publish(publish) = &mut packet {
        publish.dup = true;
    }
    packet
}

pub fn message(topic: &str, payload: &str, qos: QoS, retain: bool) -> Message {
    Message::new(Topic::parse(topic).expect("a topic"), payload.to_owned(), qos, retain)
}

pub fn filter(text: &str) -> Filter {
    Filter::parse(text).expect("a filter")
}

pub fn subscribe(number: u16, filters: &[(&str, QoS)]) -> Packet {
    let filters = filters.iter().map(|(it, qos)| (filter(it), (*qos).into())).collect();
    Packet::Subscribe(Subscribe::new(id(number), filters))
}

pub fn suback(number: u16, codes: &[Option<QoS>]) -> Packet {
    let reasons = codes.iter().map(|qos| qos.map_or(Reason::QuotaExceeded, granted)).collect();
    Packet::SubAck(Answers::new(id(number), reasons))
}

/// What SUBACK says of a subscription that is granted.
pub fn granted(qos: QoS) -> Reason {
    [Reason::Success, Reason::GrantedQos1, Reason::GrantedQos2][usize::from(qos.level())]
}

pub fn unsubscribe(number: u16, filters: &[&str]) -> Packet {
    let filters = filters.iter().map(|it| filter(it)).collect();
    Packet::Unsubscribe(Unsubscribe::new(id(number), filters))
}

pub fn unsuback(number: u16, reasons: &[Reason]) -> Packet {
    Packet::UnsubAck(Answers::new(id(number), reasons.to_vec()))
}

pub fn puback(number: u16) -> Packet {
    Packet::PubAck(id(number).into())
}

pub fn pubrec(number: u16) -> Packet {
    Packet::PubRec(id(number).into())
}

pub fn pubrel(number: u16) -> Packet {
    Packet::PubRel(id(number).into())
}

pub fn pubcomp(number: u16) -> Packet {
    Packet::PubComp(id(number).into())
}

pub fn goodbye() -> Packet {
    Packet::Disconnect(Notice::default())
}

pub fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
