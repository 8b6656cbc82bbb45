//! Breaches of the standard on traces that are written here packet by packet.

use bytes::BytesMut;

use super::*;
use crate::lab::name::{BoardName, ProgramName};
use crate::lab::trace::{Glimpse, Passage, Place, Scribe};
use crate::mqtt::packet::{Answers, Subscribe};
use crate::mqtt::{
    ClientId, Filter, Message, PacketId, Properties, Property, QoS, Reason, Topic, codec,
};

use Direction::{In, Out};

/// A program and its broker, and what crosses their cable.
struct Story {
    scribe: Scribe,
    conduct: Conduct,
    level: Level,
    wire: u64,
    number: u64,
}

impl Story {
    fn new(level: Level) -> Self {
        let (scribe, conduct) = (Scribe::default(), Conduct::default());
        Self { scribe, conduct, level, wire: 0, number: 0 }
    }

    fn tell(&mut self, event: Event) {
        self.number += 1;
        let at = Duration::from_secs(self.number);
        self.conduct.take(&Arc::new(Entry { number: self.number, at, event }));
    }

    fn packet(&mut self, direction: Direction, packet: &Packet, passage: Passage) {
        let mut bytes = BytesMut::new();
        codec::write(packet, self.level, &mut bytes);
        let (came, by, repeated) = (Duration::ZERO, Vec::new(), false);
        let bytes = bytes.freeze();
        let glimpse = Glimpse { direction, came, passage, by, repeated, bytes };
        let event = self.scribe.packet(self.wire, glimpse).expect("a connection that began");
        self.tell(event);
    }

    /// The program dials, and its broker answers.
    fn dial(&mut self, clean: bool, answer: Option<ConnAck>) {
        if let Some(event) = self.scribe.ends(self.wire, "cut".to_owned()) {
            self.tell(event);
        }
        self.wire += 1;
        let place = Place {
            cable: CableName::new("program"),
            dialer: Some(Party::Program(ProgramName::new("program"))),
            target: Party::Board(BoardName::new("board")),
        };
        self.scribe.begins(self.wire, &place, String::new());
        let connect = Connect {
            client_id: ClientId::new("program"),
            clean_start: clean,
            properties: Properties::of(&[Property::ReceiveMaximum(2)]),
            ..Connect::unknown(self.level)
        };
        self.packet(Out, &Packet::Connect(Box::new(connect)), Passage::Arrived);
        if let Some(answer) = answer {
            self.packet(In, &Packet::ConnAck(answer), Passage::Arrived);
        }
    }
}

/// What happens in a story.
#[derive(Clone)]
enum Step {
    /// A new connection, with session present or not.
    Dial(bool),
    /// The program's packet arrives.
    Says(Packet),
    /// The broker's packet arrives.
    Hears(Packet),
    /// It was sent, and went nowhere.
    Lost(Direction, Packet),
}

use Step::{Dial, Hears, Lost, Says};

fn id(number: u16) -> PacketId {
    PacketId::new(number).expect("not 0")
}

fn publish(number: u16, payload: &str, qos: QoS, dup: bool) -> Packet {
    let message = Message::new(Topic::parse("t").expect("a topic"), payload.to_owned(), qos, false);
    Packet::Publish(Publish { dup, ..Publish::of(&message, Some(id(number))) })
}

fn first(number: u16, payload: &str) -> Packet {
    publish(number, payload, QoS::ExactlyOnce, false)
}

fn again(number: u16, payload: &str) -> Packet {
    publish(number, payload, QoS::ExactlyOnce, true)
}

fn once(number: u16) -> Packet {
    publish(number, "once", QoS::AtLeastOnce, false)
}

fn puback(number: u16) -> Packet {
    Packet::PubAck(id(number).into())
}

fn pubrec(number: u16) -> Packet {
    Packet::PubRec(id(number).into())
}

fn pubrel(number: u16) -> Packet {
    Packet::PubRel(id(number).into())
}

fn pubcomp(number: u16) -> Packet {
    Packet::PubComp(id(number).into())
}

fn subscribe(filters: &[&str]) -> Packet {
    let filters = filters.iter().map(|it| Filter::parse(it).expect("a filter"));
    let asked = filters.map(|it| (it, QoS::AtLeastOnce.into())).collect();
    Packet::Subscribe(Subscribe::new(id(9), asked))
}

fn suback(reasons: &[Reason]) -> Packet {
    Packet::SubAck(Answers::new(id(9), reasons.to_vec()))
}

fn rules(level: Level, steps: &[Step]) -> Vec<Rule> {
    let mut story = Story::new(level);
    for step in steps.iter().cloned() {
        match step {
            Dial(present) => {
                let answer = ConnAck { session_present: present, ..ConnAck::default() };
                story.dial(false, Some(answer));
            }
            Says(packet) => story.packet(Out, &packet, Passage::Arrived),
            Hears(packet) => story.packet(In, &packet, Passage::Arrived),
            Lost(direction, packet) => story.packet(direction, &packet, Passage::Cut),
        }
    }
    let now = Duration::from_secs(story.number + 60);
    let omitted = story.conduct.omitted(now);
    story.conduct.found().iter().chain(&omitted).map(|it| it.rule).collect()
}

/// In both versions of MQTT.
#[track_caller]
fn check(steps: &[Step], expected: &[Rule]) {
    for level in [Level::V311, Level::V5] {
        assert_eq!(rules(level, steps), expected, "{level:?}");
    }
}

#[test]
fn who_keeps_to_the_standard_is_accused_of_nothing() {
    check(
        &[
            Dial(false),
            Says(subscribe(&["t", "u"])),
            Hears(suback(&[Reason::GrantedQos1, Reason::Success])),
            Hears(first(1, "a")),
            Says(pubrec(1)),
            Hears(pubrel(1)),
            Hears(first(2, "b")),
            Lost(Out, pubrec(2)),
            Dial(true),
            Hears(pubrel(1)),
            Hears(again(2, "b")),
            Says(pubcomp(1)),
            Says(pubrec(2)),
            Hears(pubrel(2)),
            Says(pubcomp(2)),
            Hears(first(1, "c")),
            Says(first(7, "x")),
            Hears(pubrec(7)),
            Says(pubrel(7)),
            Hears(pubcomp(7)),
            Says(once(7)),
            Hears(puback(7)),
        ],
        &[],
    );
    // A client that lost its memory counts from 1 again; one that did not repeats, even to a broker
    // that has forgotten it.
    check(
        &[
            Dial(false),
            Says(first(1, "a")),
            Dial(true),
            Says(first(1, "b")),
            Dial(false),
            Says(again(1, "b")),
            Hears(pubrec(1)),
        ],
        &[],
    );
    // A broker that has forgotten counts from 1 again.
    check(&[Dial(false), Hears(first(1, "a")), Dial(false), Hears(first(1, "b"))], &[]);
    // Of a session from before the trace nobody knows anything.
    check(&[Dial(true), Hears(again(4, "a")), Hears(pubrel(3)), Says(pubcomp(9))], &[]);
}

#[test]
fn repeats_are_marked_and_in_order() {
    check(&[Dial(false), Hears(first(1, "a")), Dial(true), Hears(first(1, "a"))], &[Rule::Dup]);
    check(&[Dial(false), Hears(again(1, "a"))], &[Rule::NotDup]);
    let begun = [Dial(false), Hears(first(1, "a")), Hears(first(2, "b")), Dial(true)];
    let disorder = [&begun[..], &[Hears(again(2, "b")), Hears(again(1, "a"))]].concat();
    check(&disorder, &[Rule::Order]);
    // Also of what went nowhere the first time.
    let lost = [Dial(false), Lost(In, first(1, "a")), Dial(true), Hears(first(1, "a"))];
    check(&lost, &[Rule::Dup]);
    let twice = [Dial(false), Hears(first(1, "a")), Hears(again(1, "a"))];
    assert_eq!(rules(Level::V311, &twice), []);
    assert_eq!(rules(Level::V5, &twice), [Rule::NotAgain]);
}

#[test]
fn a_packet_id_in_use_is_not_given_again() {
    check(&[Dial(false), Hears(first(1, "a")), Hears(first(1, "b"))], &[Rule::IdInUse]);
    check(&[Dial(false), Says(first(1, "a")), Says(first(1, "b"))], &[Rule::IdInUse]);
    let before = [Dial(false), Hears(first(1, "a")), Dial(true), Hears(first(1, "b"))];
    check(&before, &[Rule::IdInUse]);
}

#[test]
fn handshakes_go_forward() {
    check(&[Dial(false), Hears(first(1, "a")), Hears(pubrel(1))], &[Rule::ReleasedEarly]);
    let released = [Dial(false), Hears(first(1, "a")), Says(pubrec(1)), Hears(pubrel(1))];
    let back = [&released[..], &[Dial(true), Hears(again(1, "a"))]].concat();
    check(&back, &[Rule::Released, Rule::ReleaseAgain]);
    let dropped = [&released[..], &[Dial(true)]].concat();
    check(&dropped, &[Rule::ReleaseAgain]);
    check(&[Dial(false), Hears(puback(1))], &[Rule::AckOfNothing]);
    check(&[Dial(false), Says(once(1)), Hears(puback(1)), Hears(puback(1))], &[Rule::AckOfNothing]);
    check(&[Dial(false), Says(once(1)), Hears(pubrec(1))], &[Rule::AckOfNothing]);
    check(&[Dial(false), Says(pubcomp(1))], &[Rule::AckOfNothing]);
}

#[test]
fn answers_fit_their_questions() {
    let asked = [Dial(false), Says(subscribe(&["t", "u"]))];
    let check_answer = |reasons: &[Reason], expected: &[Rule]| {
        check(&[&asked[..], &[Hears(suback(reasons))]].concat(), expected);
    };
    check_answer(&[Reason::GrantedQos1], &[Rule::AnswerForEach]);
    check_answer(&[Reason::GrantedQos1, Reason::GrantedQos2], &[Rule::GrantedMore]);
    check(&[Dial(false), Hears(suback(&[Reason::Success]))], &[Rule::AnswerToNothing]);
    let forgotten = [&asked[..], &[Hears(suback(&[Reason::Success; 2])), Dial(false)]].concat();
    check(&forgotten, &[Rule::SubscribeAgain]);
    let three = [Dial(false), Hears(once(1)), Hears(once(2)), Hears(once(3))];
    assert_eq!(rules(Level::V311, &three), []);
    assert_eq!(rules(Level::V5, &three), [Rule::ReceiveMaximum]);
}

#[test]
fn a_connection_begins_as_it_must() {
    let accused = |clean, answer: Option<ConnAck>, then: &[Packet]| {
        let mut story = Story::new(Level::V5);
        story.dial(clean, answer);
        for packet in then {
            story.packet(In, packet, Passage::Arrived);
        }
        story.conduct.found().iter().map(|it| it.rule).collect::<Vec<_>>()
    };
    let yes = ConnAck::default();
    let present = ConnAck { session_present: true, ..ConnAck::default() };
    assert_eq!(accused(true, Some(yes.clone()), &[Packet::PingResp]), []);
    assert_eq!(accused(true, None, &[Packet::PingResp]), [Rule::ConnackFirst]);
    assert_eq!(accused(true, Some(present), &[]), [Rule::NoSession]);
    assert_eq!(accused(true, Some(yes.clone()), &[Packet::ConnAck(yes)]), [Rule::ConnackOnce]);
}

#[test]
fn clients_that_are_no_part_of_the_system_are_not_judged() {
    let mut story = Story::new(Level::V5);
    let place = Place {
        cable: CableName::new("front"),
        dialer: None,
        target: Party::Board(BoardName::new("board")),
    };
    (story.wire, story.number) = (1, 0);
    story.scribe.begins(1, &place, "somebody".to_owned());
    let connect = Connect { client_id: ClientId::new("x"), ..Connect::unknown(Level::V5) };
    story.packet(Out, &Packet::Connect(Box::new(connect)), Passage::Arrived);
    story.packet(In, &Packet::ConnAck(ConnAck::default()), Passage::Arrived);
    story.packet(Out, &first(1, "a"), Passage::Arrived);
    story.packet(Out, &first(1, "b"), Passage::Arrived);
    assert!(story.conduct.found().is_empty());
}
