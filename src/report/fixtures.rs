//! Traces for tests: one with packets of both versions and everything a cable does, one with every
//! kind of event.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use crate::cable::fault::{Delay, Drop};
use crate::cable::{Deed, Direction, Fault, Pick};
use crate::card::{Event as ProgramEvent, SensorNumber};
use crate::lab::trace::{Entry, Event, Glimpse, Party, Passage, Place, Scribe};
use crate::lab::{Action, BoardName, CableName, DiskTrouble, ProgramName};
use crate::mqtt::packet::{Ack, Answers, ConnAck, Connect, Level, Publish, Subscribe, Unsubscribe};
use crate::mqtt::{
    ClientId, Filter, Packet, PacketId, Properties, Property, QoS, Reason, Topic, codec,
};
use crate::{broker, mqtt};

/// When the fixtures' traces begin: 2026-01-01, 12:00:00 UTC.
pub const NOON: Duration = Duration::from_hours(490_908);

/// A trace that is written packet by packet.
pub struct Story {
    scribe: Scribe,
    pub entries: Vec<Arc<Entry>>,
}

impl Story {
    pub fn new() -> Self {
        Self { scribe: Scribe::default(), entries: Vec::new() }
    }

    pub fn tell(&mut self, event: Event) {
        let number = self.entries.len() as u64 + 1;
        let at = NOON + Duration::from_millis(number);
        self.entries.push(Arc::new(Entry { number, at, event }));
    }

    /// Somebody dials board1.
    pub fn dial(&mut self, wire: u64, who: &str, level: Level) {
        let dialer = Some(Party::Program(ProgramName::new(who)));
        let place = Place { cable: CableName::new(who), dialer, target: board1() };
        self.scribe.begins(wire, &place, "somebody".to_owned());
        let connect = Connect { client_id: ClientId::new(who), ..Connect::unknown(level) };
        self.sends(wire, level, &Packet::Connect(Box::new(connect)));
        self.gets(wire, level, &Packet::ConnAck(ConnAck::default()));
    }

    pub fn sends(&mut self, wire: u64, level: Level, packet: &Packet) {
        self.passes(wire, Direction::Out, bytes(packet, level), Passage::Arrived, &[]);
    }

    pub fn gets(&mut self, wire: u64, level: Level, packet: &Packet) {
        self.passes(wire, Direction::In, bytes(packet, level), Passage::Arrived, &[]);
    }

    pub fn passes(
        &mut self,
        wire: u64,
        direction: Direction,
        bytes: Bytes,
        passage: Passage,
        by: &[&str],
    ) {
        let by: Vec<String> = by.iter().map(|it| (*it).to_owned()).collect();
        let repeated = by.iter().any(|it| it == "repeat");
        let glimpse = Glimpse { direction, came: NOON, passage, by, repeated, bytes };
        let event = self.scribe.packet(wire, glimpse).expect("a connection that began");
        self.tell(event);
    }

    pub fn ends(&mut self, wire: u64, how: &str) {
        let event = self.scribe.ends(wire, how.to_owned()).expect("it was there");
        self.tell(event);
    }
}

pub fn bytes(packet: &Packet, level: Level) -> Bytes {
    let mut bytes = BytesMut::new();
    codec::write(packet, level, &mut bytes);
    bytes.freeze()
}

pub fn id(number: u16) -> PacketId {
    PacketId::new(number).expect("not 0")
}

pub fn publish(topic: &str, number: u16, payload: &[u8]) -> Publish {
    Publish {
        dup: false,
        qos: QoS::ExactlyOnce,
        retain: false,
        topic: Topic::parse(topic).expect("a topic"),
        packet_id: Some(id(number)),
        properties: Properties::NONE,
        payload: Bytes::copy_from_slice(payload),
    }
}

fn board1() -> Party {
    Party::Board(BoardName::new("board1"))
}

/// Both versions, every kind of packet that is of use here, and everything that a cable does.
pub fn both_versions() -> Vec<Arc<Entry>> {
    let mut story = Story::new();
    story.dial(1, "old", Level::V311);
    conversation(&mut story, 1, Level::V311);
    story.dial(2, "new", Level::V5);
    conversation(&mut story, 2, Level::V5);
    let alias = |topic: Topic, number| Publish {
        topic,
        properties: Properties::of(&[Property::TopicAlias(3)]),
        ..publish("x", number, b"by alias")
    };
    let named = alias(Topic::parse("a/long/name").expect("a topic"), 31);
    story.sends(2, Level::V5, &Packet::Publish(named));
    story.sends(2, Level::V5, &Packet::Publish(alias(Topic::omitted(), 32)));
    story.gets(2, Level::V5, &Packet::PubRec(id(32).into()));
    let refused = Ack::because(id(31), Reason::QuotaExceeded);
    story.gets(2, Level::V5, &Packet::PubRec(refused));

    let cable = CableName::new("old");
    let drop = Fault::both(Drop::of(Pick::default()));
    story.tell(Event::Cable { cable, deed: Deed::Set(drop) });
    let sent = bytes(&Packet::Publish(publish("lost", 40, b"x")), Level::V311);
    story.passes(1, Direction::Out, sent.clone(), Passage::Dropped, &["drop"]);
    story.passes(1, Direction::Out, sent.clone(), Passage::Arrived, &["delay"]);
    story.passes(1, Direction::Out, sent.clone(), Passage::Arrived, &["repeat"]);
    story.passes(1, Direction::Out, sent, Passage::ArrivedAndCut, &["cut_after"]);
    story.ends(1, "cut");
    story.sends(2, Level::V5, &Packet::Disconnect(Reason::Success.into()));
    story.ends(2, "both ends said goodbye");
    story.entries
}

fn conversation(story: &mut Story, wire: u64, level: Level) {
    let filter = Filter::parse("news/#").expect("a filter");
    let asked = vec![(filter.clone(), QoS::ExactlyOnce.into())];
    story.sends(wire, level, &Packet::Subscribe(Subscribe::new(id(1), asked)));
    let granted = Answers::new(id(1), vec![Reason::GrantedQos2]);
    story.gets(wire, level, &Packet::SubAck(granted));
    story.sends(wire, level, &Packet::Publish(publish("news/1", 2, b"hello")));
    story.gets(wire, level, &Packet::PubRec(id(2).into()));
    story.sends(wire, level, &Packet::PubRel(id(2).into()));
    story.gets(wire, level, &Packet::PubComp(id(2).into()));
    let once = Publish { qos: QoS::AtLeastOnce, retain: true, ..publish("news/2", 3, &[0; 9]) };
    story.gets(wire, level, &Packet::Publish(once));
    story.sends(wire, level, &Packet::PubAck(id(3).into()));
    let long = Publish {
        qos: QoS::AtMostOnce,
        packet_id: None,
        ..publish("news/long", 1, &vec![b'l'; 150_000])
    };
    story.gets(wire, level, &Packet::Publish(long));
    story.sends(wire, level, &Packet::Unsubscribe(Unsubscribe::new(id(4), vec![filter])));
    let gone = Answers::new(id(4), vec![Reason::Success]);
    story.gets(wire, level, &Packet::UnsubAck(gone));
    story.sends(wire, level, &Packet::PingReq);
    story.gets(wire, level, &Packet::PingResp);
}

/// Every kind of event, and some that are hard to write.
pub fn every_event() -> Vec<Arc<Entry>> {
    let mut story = Story::new();
    let (board, cable) = (BoardName::new("board1"), CableName::new("bridge"));
    let program = ProgramName::new("card1_monitor");
    let client = ClientId::new("it \"says\"\n\u{1f600}");
    let brokers = [
        broker::Event::SessionExpired { client: client.clone() },
        broker::Event::StoreWorks,
        broker::Event::Refused { client: None, reason: "no".to_owned() },
        broker::Event::Dropped {
            message: Some(broker::MessageId(u64::MAX)),
            client,
            topic: Topic::parse("a b/ü").expect("a topic"),
            qos: QoS::AtLeastOnce,
            reason: broker::event::DropReason::QueueFull,
        },
    ];
    for event in brokers {
        story.tell(Event::Broker { board: board.clone(), event });
    }
    let programs = [
        ProgramEvent::Restored,
        ProgramEvent::Sensor { sensor: SensorNumber(2), state: None },
        ProgramEvent::Connected { session_present: true },
    ];
    for event in programs {
        story.tell(Event::Program { program: program.clone(), event });
    }
    let delay = Delay { ms: 20, jitter_ms: 5, ..Delay::default() };
    let deeds = [
        Deed::cut(),
        Deed::Set(Fault::one_way(Direction::In, delay)),
        Deed::Set(Fault::both(Drop::of(Pick::next(mqtt::PacketKind::PUBREC)))),
        Deed::Clear("delay".to_owned()),
        Deed::Release { direction: Some(Direction::Out), packets: 3 },
        Deed::Release { direction: None, packets: 1 },
        Deed::Reset,
        Deed::Mend,
    ];
    for deed in deeds {
        story.tell(Event::Cable { cable: cable.clone(), deed });
    }
    story.tell(Event::Power { board: board.clone(), on: false });
    for trouble in [None, Some(DiskTrouble::Full), Some(DiskTrouble::Slow { ms: 5 })] {
        story.tell(Event::Disk { board: board.clone(), trouble });
    }
    for action in [Action::Start, Action::Kill, Action::Freeze] {
        story.tell(Event::Asked { what: "the broker of board1".to_owned(), action });
    }
    let line = "1: mosquitto says".to_owned();
    story.tell(Event::EngineSays { board: board.clone(), line });
    story.tell(Event::EngineDrops { board, client: ClientId::new("slow") });
    story.tell(Event::Fresh);
    story.tell(Event::Missed { packets: 17 });
    story.tell(Event::Note("a \"line\"\nof two".to_owned()));
    // What is no packet, and one of MQTT 3.1.
    story.dial(1, "odd", Level::V31);
    let wrong = Bytes::from_static(&[0x36, 3, 0, 1, b'a']);
    story.passes(1, Direction::Out, wrong, Passage::Cut, &["cut_before", "delay"]);
    story.ends(1, "cut");
    story.entries
}
