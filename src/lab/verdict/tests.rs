//! Verdicts on traces that are written here packet by packet: what a broker of any kind might do.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::*;
use crate::broker::event::{Cause, Origin};
use crate::broker::{self, Address, BridgeSettings, ConnId, MessageId};
use crate::cable::Direction;
use crate::lab::ledger::{BridgeFacts, Oddity};
use crate::lab::name::{BoardName, CableName};
use crate::lab::trace::{Entry, Event, Glimpse, Passage, Place, Scribe};
use crate::mqtt::packet::{
    Answers, ConnAck, Connect, Level, Notice, Publish, Subscribe, Unsubscribe, Will,
};
use crate::mqtt::{self, ClientId, Filter, Message, Packet, PacketId, Reason, Rule, Topic, codec};
use crate::mqtt::{Properties, Property};

/// A trace that grows.
#[derive(Clone)]
struct Story {
    scribe: Scribe,
    ledger: Ledger,
    number: u64,
    next_wire: u64,
    level: Level,
    /// Of sessions, in seconds, in MQTT 5.
    expiry: u32,
    now: Duration,
}

/// A connection of the story.
#[derive(Debug, Clone, Copy)]
struct Line(u64);

use Direction::{In, Out};

impl Story {
    fn new(bridges: Vec<BridgeFacts>) -> Self {
        let (scribe, ledger) = (Scribe::default(), Ledger::new(bridges));
        let (level, now) = (Level::V311, Duration::ZERO);
        Self { scribe, ledger, number: 0, next_wire: 0, level, expiry: 0, now }
    }

    fn tell(&mut self, event: Event) {
        self.number += 1;
        let at = self.now + Duration::from_millis(self.number);
        self.ledger.take(&Arc::new(Entry { number: self.number, at, event }));
    }

    fn packet(&mut self, line: Line, direction: Direction, packet: &Packet, passage: Passage) {
        let mut bytes = BytesMut::new();
        codec::write(packet, self.level, &mut bytes);
        let glimpse = Glimpse {
            direction,
            came: Duration::ZERO,
            passage,
            by: Vec::new(),
            repeated: false,
            bytes: bytes.freeze(),
        };
        let event = self.scribe.packet(line.0, glimpse).expect("a connection that began");
        self.tell(event);
    }

    fn out(&mut self, line: Line, packet: &Packet) {
        self.packet(line, Out, packet, Passage::Arrived);
    }

    fn back(&mut self, line: Line, packet: &Packet) {
        self.packet(line, In, packet, Passage::Arrived);
    }

    /// Somebody connects through a cable and is accepted.
    fn dial(
        &mut self,
        cable: &str,
        dialer: Option<Party>,
        to: &str,
        who: &str,
        present: bool,
    ) -> Line {
        self.next_wire += 1;
        let line = Line(self.next_wire);
        let place = Place { cable: CableName::new(cable), dialer, target: board(to) };
        self.scribe.begins(line.0, &place, "somebody".to_owned());
        let connect = Connect {
            client_id: ClientId::new(who),
            clean_start: who.starts_with("clean"),
            properties: Properties::of(&[Property::SessionExpiryInterval(self.expiry)]),
            ..Connect::unknown(self.level)
        };
        self.out(line, &Packet::Connect(Box::new(connect)));
        let answer = ConnAck { session_present: present, ..ConnAck::default() };
        self.back(line, &Packet::ConnAck(answer));
        line
    }

    fn client(&mut self, who: &str, present: bool) -> Line {
        self.dial("front", None, "one", who, present)
    }

    /// A client that subscribes.
    fn subscriber(&mut self, who: &str, filter: &str) -> Line {
        let line = self.client(who, false);
        self.subscribe(line, filter);
        line
    }

    fn subscribe(&mut self, line: Line, filter: &str) {
        let filter = Filter::parse(filter).expect("a filter");
        let asked = vec![(filter, QoS::ExactlyOnce.into())];
        self.out(line, &Packet::Subscribe(Subscribe::new(id(900), asked)));
        let granted = vec![Reason::GrantedQos2];
        self.back(line, &Packet::SubAck(Answers::new(id(900), granted)));
    }

    /// A QoS 2 message goes out, and its whole handshake.
    fn publishes(&mut self, line: Line, number: u16, payload: &str) {
        self.out(line, &publish(number, payload));
        self.back(line, &Packet::PubRec(id(number).into()));
        self.out(line, &Packet::PubRel(id(number).into()));
        self.back(line, &Packet::PubComp(id(number).into()));
    }

    /// A QoS 2 message comes in, and its whole handshake.
    fn gets(&mut self, line: Line, number: u16, payload: &str) {
        self.back(line, &publish(number, payload));
        self.out(line, &Packet::PubRec(id(number).into()));
        self.back(line, &Packet::PubRel(id(number).into()));
        self.out(line, &Packet::PubComp(id(number).into()));
    }

    fn ends(&mut self, line: Line) {
        if let Some(event) = self.scribe.ends(line.0, "cut".to_owned()) {
            self.tell(event);
        }
    }

    fn verdict(&self) -> Verdict {
        judge(&self.ledger, true)
    }

    /// The breaches by their kinds.
    fn kinds(&self) -> Vec<BreachKind> {
        self.verdict().breaches.iter().map(|it| it.kind).collect()
    }
}

fn board(name: &str) -> Party {
    Party::Board(BoardName::new(name))
}

fn id(number: u16) -> PacketId {
    PacketId::new(number).expect("not 0")
}

fn message(payload: &str) -> Message {
    let topic = Topic::parse("t").expect("a topic");
    Message::new(topic, payload.to_owned(), QoS::ExactlyOnce, false)
}

fn publish(number: u16, payload: &str) -> Packet {
    Packet::Publish(Publish::of(&message(payload), Some(id(number))))
}

fn again(number: u16, payload: &str) -> Packet {
    Packet::Publish(Publish { dup: true, ..Publish::of(&message(payload), Some(id(number))) })
}

/// What our own broker tells of a message that came in.
fn published(number: u16, client: &str) -> broker::Event {
    let origin = Origin { conn: ConnId(1), packet_id: Some(id(number)), rule: None };
    broker::Event::Published {
        message: MessageId(number.into()),
        packet: Some(Box::new(origin)),
        client: Some(ClientId::new(client)),
        topic: message("").topic,
        qos: QoS::ExactlyOnce,
        retain: false,
        size_bytes: 2,
    }
}

/// And of one that goes out, under the same packet id.
fn sent(number: u16, client: &ClientId) -> broker::Event {
    broker::Event::Sent {
        message: Some(MessageId(number.into())),
        client: client.clone(),
        conn: ConnId(2),
        packet_id: Some(id(number)),
        topic: message("").topic,
        qos: QoS::ExactlyOnce,
        retain: false,
        dup: false,
        cause: Cause::Live,
    }
}

fn retained(payload: &str) -> Packet {
    Packet::Publish(Publish { retain: true, ..Publish::of(&message(payload), Some(id(50))) })
}

#[test]
fn a_message_that_came_is_kept_and_one_that_did_not_is_lost() {
    let mut story = Story::new(Vec::new());
    let sub = story.subscriber("sub", "t");
    let publisher = story.client("pub", false);
    story.publishes(publisher, 1, "a");
    assert_eq!(judge(&story.ledger, false).counts.under_way, 1, "it may come yet");
    story.gets(sub, 1, "a");
    assert!(story.verdict().is_kept());
    story.publishes(publisher, 2, "b");
    let verdict = story.verdict();
    assert_eq!((verdict.counts.lost, verdict.counts.delivered), (1, 1));
    let what = "one acknowledged t = b (QoS 2) from pub, and sub never got it";
    assert_eq!(verdict.breaches[0].what, what);
    assert_eq!(verdict.breaches[0].entries.len(), 4, "the handshake, and nothing of the other one");
}

#[test]
fn what_nobody_acknowledged_is_claimed_by_nobody() {
    let mut story = Story::new(Vec::new());
    story.subscriber("sub", "t");
    let publisher = story.client("pub", false);
    story.out(publisher, &publish(1, "a"));
    story.packet(publisher, In, &Packet::PubRec(id(1).into()), Passage::Cut);
    story.ends(publisher);
    assert!(story.verdict().is_kept());
    // It comes back, and now it is answered: a promise, of which nothing came.
    let publisher = story.client("pub", true);
    story.out(publisher, &again(1, "a"));
    story.back(publisher, &Packet::PubRec(id(1).into()));
    assert_eq!(story.kinds(), [BreachKind::Lost]);
    assert_eq!(story.verdict().counts.published, 1, "one message, sent twice");
}

#[test]
fn who_is_away_is_waited_for_and_who_has_left_is_owed_nothing() {
    let mut story = Story::new(Vec::new());
    let kept = story.subscriber("sub", "t");
    let clean = story.subscriber("clean-sub", "t");
    story.ends(kept);
    let publisher = story.client("pub", false);
    story.publishes(publisher, 1, "a");
    story.ends(clean);
    let verdict = story.verdict();
    assert!(verdict.is_kept());
    assert_eq!(verdict.counts.waiting, 1);
    let kept = story.client("sub", true);
    assert_eq!(story.kinds(), [BreachKind::Lost], "it is there, and nothing came");
    story.gets(kept, 1, "a");
    assert!(story.verdict().is_kept());
}

#[test]
fn a_repeat_is_told_from_a_duplicate() {
    let mut story = Story::new(Vec::new());
    let sub = story.subscriber("sub", "t");
    let publisher = story.client("pub", false);
    story.publishes(publisher, 1, "a");
    story.back(sub, &publish(1, "a"));
    story.ends(sub);
    let sub = story.client("sub", true);
    story.back(sub, &again(1, "a"));
    story.out(sub, &Packet::PubRec(id(1).into()));
    story.back(sub, &Packet::PubRel(id(1).into()));
    story.out(sub, &Packet::PubComp(id(1).into()));
    assert!(story.verdict().is_kept(), "the same packet, sent again");
    // The same payload is published again: another message.
    story.publishes(publisher, 2, "a");
    story.gets(sub, 2, "a");
    assert!(story.verdict().is_kept());
    story.gets(sub, 3, "a");
    let verdict = story.verdict();
    assert_eq!((verdict.counts.doubled, story.kinds()), (1, vec![BreachKind::Doubled]));
    assert!(verdict.breaches[0].what.starts_with("sub got t = a from one more than once"));
}

#[test]
fn a_client_that_lost_its_memory_repeats_nothing() {
    let mut story = Story::new(Vec::new());
    let sub = story.subscriber("sub", "t");
    let publisher = story.client("pub", false);
    for (number, payload) in [(1, "a"), (2, "b")] {
        story.out(publisher, &publish(number, payload));
        story.back(publisher, &Packet::PubRec(id(number).into()));
        story.gets(sub, number, payload);
    }
    story.ends(publisher);
    // What is finished by nobody would come first, and marked. These are new.
    let publisher = story.client("pub", true);
    for (number, payload) in [(1, "c"), (2, "b")] {
        story.publishes(publisher, number, payload);
        story.gets(sub, 2 + number, payload);
    }
    let verdict = story.verdict();
    assert_eq!((verdict.is_kept(), verdict.counts.published), (true, 4), "{verdict:?}");
}

#[test]
fn what_nobody_sends_again_may_be_unknown_to_the_broker() {
    // The broker's power fails with the PUBLISH; its client's does too, and says the same again.
    let begun = |middle: &[&str]| {
        let mut story = Story::new(Vec::new());
        let sub = story.subscriber("sub", "t");
        let publisher = story.client("pub", false);
        story.out(publisher, &publish(4, "a"));
        story.ends(publisher);
        let publisher = story.client("pub", true);
        for (number, payload) in (1..).zip(middle.iter().chain(&["a"])) {
            story.publishes(publisher, number, payload);
        }
        (story, sub)
    };
    for (middle, got) in [
        (&[][..], &["a"][..]),
        (&[], &["a", "a"]),
        (&["b"], &["b", "a"]),
        (&["b"], &["a", "b", "a"]),
    ] {
        let (mut story, sub) = begun(middle);
        for (number, payload) in (1..).zip(got) {
            story.gets(sub, number, payload);
        }
        let verdict = judge(&story.ledger, false);
        let counts = verdict.counts;
        assert!(verdict.is_kept(), "{got:?}: {verdict:?}");
        assert_eq!((counts.under_way, counts.unexplained), (0, 0), "{got:?}");
    }
    let (mut story, sub) = begun(&["b"]);
    story.gets(sub, 1, "b");
    assert_eq!(story.kinds(), [BreachKind::Lost], "the one that was acknowledged");
}

#[test]
fn a_will_that_says_what_was_said_before_is_no_duplicate() {
    let mut story = Story::new(Vec::new());
    let sub = story.subscriber("sub", "t");
    let publisher = story.client("pub", false);
    let will = Some(Will::from(message("gone")));
    let connect =
        Connect { client_id: ClientId::new("pub"), will, ..Connect::unknown(story.level) };
    story.out(publisher, &Packet::Connect(Box::new(connect)));
    story.publishes(publisher, 1, "gone");
    story.gets(sub, 1, "gone");
    story.ends(publisher);
    story.gets(sub, 2, "gone");
    // Nor is one of another QoS, whoever said it.
    let publisher = story.client("pub", true);
    story.publishes(publisher, 2, "away");
    story.gets(sub, 3, "away");
    let away = Message { qos: QoS::AtMostOnce, ..message("away") };
    story.back(sub, &Packet::Publish(Publish::of(&away, None)));
    let verdict = story.verdict();
    assert_eq!((verdict.is_kept(), verdict.counts.unexplained), (true, 2), "{verdict:?}");
}

#[test]
fn what_is_retained_is_a_refresh_and_no_duplicate() {
    let mut story = Story::new(Vec::new());
    let publisher = story.client("pub", false);
    story.out(publisher, &retained("a"));
    story.back(publisher, &Packet::PubRec(id(50).into()));
    story.out(publisher, &Packet::PubRel(id(50).into()));
    let sub = story.subscriber("sub", "t");
    for _ in 0..3 {
        story.back(sub, &retained("a"));
        story.out(sub, &Packet::PubRec(id(50).into()));
        story.back(sub, &Packet::PubRel(id(50).into()));
        story.out(sub, &Packet::PubComp(id(50).into()));
    }
    let verdict = story.verdict();
    assert!(verdict.is_kept());
    assert_eq!((verdict.counts.refreshed, verdict.counts.doubled), (3, 0));
}

#[test]
fn a_message_that_comes_too_late() {
    let mut story = Story::new(Vec::new());
    let sub = story.subscriber("sub", "t");
    let publisher = story.client("pub", false);
    for (number, payload) in [(1, "a"), (2, "b"), (3, "c")] {
        story.publishes(publisher, number, payload);
    }
    for (number, payload) in [(1, "a"), (2, "c"), (3, "b")] {
        story.gets(sub, number, payload);
    }
    assert_eq!(story.kinds(), [BreachKind::Reordered]);
    let what = story.verdict().breaches[0].what.clone();
    assert!(what.starts_with("sub got t = b after t = c"), "{what}");
}

#[test]
fn a_broker_that_forgets_a_session_is_named_and_what_it_owed_is_lost() {
    let mut story = Story::new(Vec::new());
    let sub = story.subscriber("sub", "t");
    story.ends(sub);
    let publisher = story.client("pub", false);
    story.publishes(publisher, 1, "a");
    story.client("sub", false);
    assert_eq!(story.kinds(), [BreachKind::Lost, BreachKind::Forgot]);
    let what = story.verdict().breaches[1].what.clone();
    assert!(what.ends_with("it knows none; 1 message was owed to it"), "{what}");
    // Who asks for a clean session gets one, and it is nobody's fault.
    let mut story = Story::new(Vec::new());
    let sub = story.subscriber("clean-sub", "t");
    story.ends(sub);
    story.client("clean-sub", false);
    assert!(story.verdict().is_kept());
}

#[test]
fn a_dropped_packet_stalls_until_the_connection_ends() {
    let mut story = Story::new(Vec::new());
    let sub = story.subscriber("sub", "t");
    let publisher = story.client("pub", false);
    story.publishes(publisher, 1, "a");
    story.packet(sub, In, &publish(1, "a"), Passage::Dropped);
    let verdict = story.verdict();
    assert!(verdict.is_kept());
    assert_eq!(verdict.counts.stalled, 1);
    assert_eq!(story.ledger.stalled().count(), 1);
    story.ends(sub);
    assert_eq!(story.verdict().counts.waiting, 1);
    let sub = story.client("sub", true);
    assert_eq!(story.kinds(), [BreachKind::Lost], "now it should have come");
    story.back(sub, &again(1, "a"));
    assert!(story.verdict().is_kept());
}

#[test]
fn what_comes_while_a_subscription_begins_or_ends_may_come_or_not() {
    let mut story = Story::new(Vec::new());
    let sub = story.client("sub", false);
    let filter = Filter::parse("t").expect("a filter");
    let asked = vec![(filter.clone(), QoS::ExactlyOnce.into())];
    story.out(sub, &Packet::Subscribe(Subscribe::new(id(900), asked)));
    let publisher = story.client("pub", false);
    story.publishes(publisher, 1, "a");
    story.back(sub, &Packet::SubAck(Answers::new(id(900), vec![Reason::GrantedQos2])));
    story.publishes(publisher, 2, "b");
    story.gets(sub, 1, "b");
    let unsubscribe = mqtt::packet::Unsubscribe::new(id(901), vec![filter]);
    story.out(sub, &Packet::Unsubscribe(unsubscribe));
    story.publishes(publisher, 3, "c");
    story.gets(sub, 2, "c");
    let verdict = story.verdict();
    assert!(verdict.is_kept() && verdict.counts.unexplained == 0, "{verdict:?}");
}

#[test]
fn what_has_expired_is_owed_no_more() {
    let mut story = Story::new(Vec::new());
    (story.level, story.expiry) = (Level::V5, 60);
    let sub = story.subscriber("sub", "t");
    story.ends(sub);
    let publisher = story.client("pub", false);
    story.publishes(publisher, 1, "a");
    let forgetful = |story: &mut Story, seconds| {
        story.now = Duration::from_secs(seconds);
        story.client("sub", false);
        story.kinds()
    };
    let mut early = story.clone();
    assert_eq!(forgetful(&mut early, 30), [BreachKind::Lost, BreachKind::Forgot]);
    assert_eq!(forgetful(&mut story, 90), [], "its session had ended");
    let mut story = Story::new(Vec::new());
    (story.level, story.expiry) = (Level::V5, 60);
    story.subscriber("sub", "t");
    let publisher = story.client("pub", false);
    let mut short = Publish::of(&message("a"), Some(id(1)));
    short.properties = Properties::of(&[Property::MessageExpiryInterval(10)]);
    story.out(publisher, &Packet::Publish(short));
    story.back(publisher, &Packet::PubRec(id(1).into()));
    assert_eq!(story.kinds(), [BreachKind::Lost]);
    story.now = Duration::from_secs(20);
    story.out(publisher, &Packet::PingReq);
    let verdict = story.verdict();
    assert_eq!((verdict.is_kept(), verdict.counts.over_limit), (true, 1));
}

/// A bridge of `local` to `remote`, by a rule.
fn bridge(local: &str, remote: &str, rule: Rule) -> BridgeFacts {
    let mut settings = BridgeSettings::new(&format!("{local}-{remote}"), "host");
    settings.addresses = vec![Address { host: remote.to_owned(), port: 1883 }];
    settings.rules = vec![rule];
    BridgeFacts::new(&settings, board(local), board(remote))
}

fn rule(direction: mqtt::Direction) -> Rule {
    Rule::new("t", direction, QoS::ExactlyOnce, "", "").expect("a rule")
}

impl Story {
    /// The bridge of `local` to `remote` connects.
    fn bridge(&mut self, local: &str, remote: &str) -> Line {
        let facts = self
            .ledger
            .bridges()
            .iter()
            .find(|it| it.local == board(local) && it.remote == board(remote));
        let facts = facts.expect("a bridge").clone();
        let (cable, who) = (facts.cable.as_str(), facts.remote_session.as_str());
        self.dial(cable, Some(board(local)), remote, who, false)
    }
}

#[test]
fn over_a_bridge_both_ends_owe() {
    let mut story = Story::new(vec![bridge("two", "one", rule(mqtt::Direction::Out))]);
    let up = story.bridge("two", "one");
    let sub = story.subscriber("sub", "t");
    let publisher = story.dial("front two", None, "two", "pub", false);
    story.publishes(publisher, 1, "a");
    assert_eq!(story.kinds(), [BreachKind::Lost], "two owes it to one");
    let what = story.verdict().breaches[0].what.clone();
    assert!(what.ends_with("and one (by two-one) never got it"), "{what}");
    story.publishes(up, 1, "a");
    let verdict = story.verdict();
    assert_eq!(story.kinds(), [BreachKind::Lost], "one owes it to sub");
    assert_eq!((verdict.counts.published, verdict.counts.bridged), (1, 1));
    // The ladder shows the whole way: both handshakes.
    let crossings = verdict.breaches[0].entries.len();
    assert!(crossings >= 8, "{crossings}");
    story.gets(sub, 1, "a");
    assert!(story.verdict().is_kept());
    story.ends(up);
    story.publishes(publisher, 2, "b");
    assert_eq!(story.verdict().counts.waiting, 1, "the bridge is away");
}

#[test]
fn a_far_side_that_forgot_gets_it_again_in_order() {
    for exact in [false, true] {
        let mut story = Story::new(vec![bridge("two", "one", rule(mqtt::Direction::Out))]);
        let up = story.bridge("two", "one");
        let publisher = story.dial("front two", None, "two", "pub", false);
        let session = story.ledger.bridges()[0].local_session.clone();
        let tell = |story: &mut Story, event| {
            if exact {
                story.tell(Event::Broker { board: BoardName::new("two"), event });
            }
        };
        for (number, payload) in [(1, "a"), (2, "b")] {
            story.out(publisher, &publish(number, payload));
            tell(&mut story, published(number, "pub"));
            story.back(publisher, &Packet::PubRec(id(number).into()));
        }
        let mut line = up;
        for again in [false, true] {
            for (number, payload) in [(1, "a"), (2, "b")] {
                tell(&mut story, sent(number, &session));
                story.out(line, &publish(number, payload));
            }
            if !again {
                story.ends(line);
                line = story.bridge("two", "one");
            }
        }
        assert_eq!(story.kinds(), [BreachKind::Forgot], "exact: {exact}");
    }
}

#[test]
fn a_triangle_goes_round_and_is_named() {
    let ring = [("one", "two"), ("two", "three"), ("three", "one")];
    let bridges = ring.map(|(from, to)| bridge(from, to, rule(mqtt::Direction::Out)));
    let mut story = Story::new(bridges.to_vec());
    let lines = ring.map(|(from, to)| story.bridge(from, to));
    let publisher = story.client("pub", false);
    story.publishes(publisher, 1, "a");
    for round in 0..3 {
        for line in lines {
            story.publishes(line, 10 + round, "a");
        }
    }
    let verdict = story.verdict();
    let told = verdict.breaches.iter().find(|it| it.kind == BreachKind::Loop).expect("a loop");
    let way = "one --(topic t out 2)--> two --(topic t out 2)--> three --(topic t out 2)--> one";
    assert!(told.what.contains(way), "{}", told.what);
    assert!(told.what.contains("one message up to 3 times"), "{}", told.what);
    assert_eq!(verdict.counts.looped, 7);
}

#[test]
fn the_ends_of_a_bridge_agree_or_there_is_a_reason() {
    let say = |payload: &str| {
        let topic = Topic::parse("t").expect("a topic");
        [(topic, Bytes::from(payload.to_owned()))].into_iter().collect()
    };
    let inspection = |one: &str, two: &str| -> Inspection {
        [(board("one"), say(one)), (board("two"), say(two))].into_iter().collect()
    };
    let mut story = Story::new(vec![bridge("two", "one", rule(mqtt::Direction::Both))]);
    let up = story.bridge("two", "one");
    let publisher = story.client("pub", false);
    story.out(publisher, &retained("a"));
    let differ = |story: &Story, one: &str, two: &str| {
        let (breaches, notes) = disagreements(&story.ledger, &inspection(one, two));
        (breaches.len(), notes.len())
    };
    assert_eq!(differ(&story, "a", "a"), (0, 0));
    assert_eq!(differ(&story, "a", "b"), (1, 0), "written on one side alone");
    let other = story.dial("front two", None, "two", "other", false);
    story.out(other, &retained("b"));
    assert_eq!(differ(&story, "a", "b"), (0, 1), "written on both sides");
    let mut story = Story::new(vec![bridge("two", "one", rule(mqtt::Direction::Both))]);
    let publisher = story.client("pub", false);
    story.out(publisher, &retained("a"));
    assert_eq!(differ(&story, "a", "b"), (0, 1), "not connected");
    story.ends(up);
}

#[test]
fn what_may_be_among_packets_that_were_missed_is_not_judged() {
    let mut story = Story::new(Vec::new());
    let sub = story.subscriber("sub", "t");
    let publisher = story.client("pub", false);
    story.publishes(publisher, 1, "a");
    story.tell(Event::Missed { packets: 7 });
    let verdict = story.verdict();
    assert!(verdict.is_kept() && verdict.counts.missed == 7, "it may have come: {verdict:?}");
    story.gets(sub, 1, "a");
    story.publishes(publisher, 2, "b");
    assert_eq!(story.kinds(), [BreachKind::Lost], "what comes after is");
}

/// The kinds of what is odd after a publisher and a subscriber did so.
fn oddities(tell: impl FnOnce(&mut Story, Line, Line)) -> Vec<Oddity> {
    let mut story = Story::new(Vec::new());
    let sub = story.subscriber("sub", "t");
    let publisher = story.client("pub", false);
    tell(&mut story, publisher, sub);
    let odd: Vec<_> = story.ledger.notable().odd.iter().map(|odd| odd.what).collect();
    let told = story.kinds().iter().filter(|kind| **kind == BreachKind::Conduct).count();
    assert_eq!(odd.len(), told);
    odd
}

#[test]
fn what_is_sent_is_what_is_due() {
    let once = || Message { qos: QoS::AtLeastOnce, ..message("a") };
    let as_once = move || Packet::Publish(Publish::of(&once(), Some(id(7))));
    let fine = oddities(|story, publisher, sub| {
        story.publishes(publisher, 1, "a");
        story.gets(sub, 1, "a");
        story.back(sub, &retained("a"));
    });
    assert_eq!(fine, []);
    let nobody = oddities(|story, _, sub| story.gets(sub, 1, "a"));
    assert_eq!(nobody, [Oddity::FromNowhere]);
    let lower = oddities(|story, publisher, sub| {
        story.publishes(publisher, 1, "a");
        story.back(sub, &as_once());
    });
    assert_eq!(lower, [Oddity::LowerQos(QoS::ExactlyOnce)]);
    // It may be another message that says the same.
    let equal = oddities(|story, publisher, sub| {
        story.publishes(publisher, 1, "a");
        story.out(publisher, &as_once());
        story.back(publisher, &Packet::PubAck(id(7).into()));
        story.back(sub, &as_once());
    });
    assert_eq!(equal, []);
    let left = |early: bool| {
        oddities(move |story, publisher, sub| {
            if early {
                story.publishes(publisher, 1, "a");
            }
            let filters = vec![Filter::parse("t").expect("a filter")];
            story.out(sub, &Packet::Unsubscribe(Unsubscribe::new(id(8), filters)));
            story.back(sub, &Packet::UnsubAck(Answers::new(id(8), Vec::new())));
            if !early {
                story.publishes(publisher, 1, "a");
            }
            story.gets(sub, 1, "a");
        })
    };
    assert_eq!(left(true), [], "it waited already");
    assert_eq!(left(false), [Oddity::NotSubscribed]);
}

#[test]
fn a_will_is_taken_back_by_a_goodbye() {
    let gone = |polite: bool| {
        let mut story = Story::new(Vec::new());
        let sub = story.subscriber("sub", "t");
        story.next_wire += 1;
        let line = Line(story.next_wire);
        let place = Place { cable: CableName::new("front"), dialer: None, target: board("one") };
        story.scribe.begins(line.0, &place, "somebody".to_owned());
        let will = Some(Will::from(message("gone")));
        let client_id = ClientId::new("pub");
        let connect = Connect { client_id, will, ..Connect::unknown(story.level) };
        story.out(line, &Packet::Connect(Box::new(connect)));
        story.back(line, &Packet::ConnAck(ConnAck::default()));
        if polite {
            story.out(line, &Packet::Disconnect(Notice::default()));
        }
        story.ends(line);
        story.gets(sub, 1, "gone");
        story.ledger.notable().odd.len()
    };
    assert_eq!((gone(false), gone(true)), (0, 1));
}

#[test]
fn a_broker_retains_what_it_acknowledged_last() {
    let mut story = Story::new(Vec::new());
    let publisher = story.client("pub", false);
    let mut retain = |number: u16, payload: &str| {
        let publish = Publish { retain: true, ..Publish::of(&message(payload), Some(id(number))) };
        story.out(publisher, &Packet::Publish(publish));
        story.back(publisher, &Packet::PubRec(id(number).into()));
        story.out(publisher, &Packet::PubRel(id(number).into()));
        story.back(publisher, &Packet::PubComp(id(number).into()));
    };
    retain(1, "a");
    retain(2, "b");
    // Long after.
    story.now = Duration::from_mins(1);
    story.out(publisher, &Packet::PingReq);
    let found = |retained: Option<&str>, durable: bool| {
        let retained = retained.map(|it| (message("").topic, Bytes::from(it.to_owned())));
        let inspection = BTreeMap::from([(board("one"), retained.into_iter().collect())]);
        not_kept(&story.ledger, &inspection, |_| durable).len()
    };
    assert_eq!(found(Some("b"), true), 0);
    assert_eq!((found(Some("a"), true), found(None, true)), (1, 1));
    assert_eq!((found(Some("a"), false), found(None, false)), (0, 0));
}
