//! Tests of one program at a time: what it says to which input.

use std::time::Duration;

use bytes::Bytes;

use super::payload::{ALL, CARD1};
use super::{
    Card1, Card2, Display, Face, Input, Link, Origin, Output, Program, SensorNumber, Token,
};
use crate::mqtt::{QoS, Topic};

const BRIDGE: &str = "$SYS/broker/connection/bridge/state";

/// A program, its connection and a clock that a test moves.
struct Bench {
    program: Box<dyn Program>,
    now: Duration,
}

impl Bench {
    fn card1() -> Self {
        Self { program: Box::new(Card1::new(1)), now: Duration::ZERO }
    }

    fn card2() -> Self {
        Self { program: Box::new(Card2::new(1)), now: Duration::ZERO }
    }

    fn display() -> Self {
        let bridge = Topic::parse(BRIDGE).expect("a topic");
        Self { program: Box::new(Display::new(1, Some(bridge))), now: Duration::ZERO }
    }

    fn input(&mut self, input: Input) -> Vec<Output> {
        self.now += Duration::from_secs(1);
        self.program.handle(self.now, input)
    }

    /// What an input makes it publish: topic and payload.
    fn publishes(&mut self, input: Input) -> Vec<(String, String)> {
        let outputs = self.input(input);
        let publication = |output| match output {
            Output::Publish { topic, payload, qos, retain, .. } => {
                assert_eq!((qos, retain), (QoS::ExactlyOnce, true));
                Some((topic.to_string(), String::from_utf8_lossy(&payload).into_owned()))
            }
            Output::Subscribe(_) => None,
        };
        outputs.into_iter().filter_map(publication).collect()
    }

    fn hear(&mut self, topic: &str, payload: &str) -> Vec<(String, String)> {
        self.publishes(message(topic, payload))
    }

    fn toggle(&mut self, number: u8) -> Vec<(String, String)> {
        self.publishes(Input::Toggle(SensorNumber(number)))
    }

    fn connect(&mut self) -> Vec<(String, String)> {
        self.publishes(Input::Connected { session_present: false })
    }

    fn lose(&mut self) {
        assert_eq!(self.input(Input::Disconnected { reason: "cut".to_owned() }), []);
    }

    /// SUBACK, and the fence comes back.
    fn fence(&mut self) -> Vec<(String, String)> {
        match &self.input(Input::Subscribed)[..] {
            [Output::Publish { topic, payload, qos, retain: false, .. }] => {
                assert_eq!(*qos, QoS::ExactlyOnce);
                let (topic, payload) = (topic.clone(), payload.clone());
                self.publishes(Input::Message { topic, payload, retain: false })
            }
            other => panic!("expected a fence, got {other:?}"),
        }
    }

    fn face(&self) -> &Face {
        self.program.face()
    }

    fn states(&self) -> Vec<Option<bool>> {
        self.face().sensors().map(|sensor| sensor.state).collect()
    }

    fn origin(&self, number: u8) -> Option<(Origin, Duration)> {
        let mut sensors = self.face().sensors();
        sensors.find(|sensor| sensor.number.0 == number).and_then(|sensor| sensor.origin)
    }
}

fn message(topic: &str, payload: &str) -> Input {
    let topic = Topic::parse(topic).expect("a topic");
    Input::Message { topic, payload: Bytes::copy_from_slice(payload.as_bytes()), retain: true }
}

fn on_card1(payload: &str) -> Vec<(String, String)> {
    vec![(CARD1.to_owned(), payload.to_owned())]
}

fn on_all(payload: &str) -> Vec<(String, String)> {
    vec![(ALL.to_owned(), payload.to_owned())]
}

const OK_KO_OK: &str = r#"{"sensor_1": true, "sensor_2": false, "sensor_3": true}"#;

#[test]
fn identities_and_subscriptions() {
    let check = |mut bench: Bench, client_id: &str, topics: &[&str]| {
        let identity = bench.program.identity();
        assert_eq!(identity.client_id.as_str(), client_id);
        assert_eq!(identity.keep_alive, Duration::from_mins(1));
        assert!(!identity.clean_session);
        let outputs = bench.input(Input::Connected { session_present: true });
        let [Output::Subscribe(filters)] = &outputs[..] else {
            panic!("expected one SUBSCRIBE, got {outputs:?}");
        };
        assert!(filters.iter().all(|(_, qos)| *qos == QoS::ExactlyOnce));
        assert_eq!(filters.iter().map(|(f, _)| f.as_str()).collect::<Vec<_>>(), topics);
    };
    let fence = "twinboard/fence/card1_monitor";
    check(Bench::card1(), "card1_monitor", &[CARD1, ALL, fence]);
    check(Bench::card2(), "card2_monitor", &[CARD1, ALL, "twinboard/fence/card2_monitor"]);
    check(Bench::display(), "global_display", &[ALL, BRIDGE, "twinboard/fence/global_display"]);
}

#[test]
fn card_1_restores_from_its_own_topic_and_then_from_all() {
    let mut bench = Bench::card1();
    assert_eq!(bench.connect(), []);
    bench.hear(CARD1, r#"{"sensor_1": false, "sensor_2": null}"#);
    bench.hear(ALL, r#"{"sensor_1": true, "sensor_2": false, "sensor_3": null, "sensor_4": true}"#);
    assert_eq!(bench.states(), [None; 3], "before the fence nothing is certain");
    let expected = r#"{"sensor_1": false, "sensor_2": false, "sensor_3": true}"#;
    assert_eq!(bench.fence(), on_card1(expected));
    assert_eq!(bench.origin(1), Some((Origin::Restored, bench.now)));
    assert_eq!(bench.origin(2), Some((Origin::Restored, bench.now)));
    assert_eq!(bench.origin(3), Some((Origin::Started, bench.now)));
    assert!(bench.face().restored);
    assert_eq!(bench.face().updated, Some(bench.now));
}

#[test]
fn the_last_word_before_the_fence_counts() {
    let mut bench = Bench::card1();
    bench.connect();
    bench.hear(CARD1, r#"{"sensor_1": false, "sensor_2": true, "sensor_3": true}"#);
    bench.hear(CARD1, OK_KO_OK);
    assert_eq!(bench.fence(), on_card1(OK_KO_OK));
}

#[test]
fn no_echo_changes_a_known_own_sensor() {
    let mut bench = Bench::card1();
    bench.connect();
    bench.hear(CARD1, OK_KO_OK);
    bench.fence();
    let known = bench.face().updated;
    for (topic, payload) in [
        (ALL, r#"{"sensor_1": false, "sensor_2": true}"#),
        (CARD1, r#"{"sensor_1": false, "sensor_2": null}"#),
    ] {
        // What others say on its own topic it says right; its own word is no other's.
        let expected = if topic == CARD1 { on_card1(OK_KO_OK) } else { Vec::new() };
        assert_eq!(bench.hear(topic, payload), expected);
        assert_eq!(bench.states(), [Some(true), Some(false), Some(true)]);
        assert_eq!(bench.face().updated, known, "an old echo confirms nothing");
    }
    assert_eq!(bench.hear(CARD1, OK_KO_OK), []);
    bench.hear(ALL, OK_KO_OK);
    assert_eq!(bench.face().updated, Some(bench.now));
}

/// A stranger's message on one's own topic, rubbish or a deletion too, is what the broker keeps now
/// and what the next process would restore from: the program says what it knows again.
#[test]
fn a_strangers_word_on_ones_own_topic_is_put_right() {
    let mut bench = Bench::card1();
    bench.connect();
    bench.hear(CARD1, OK_KO_OK);
    bench.fence();
    for payload in ["", "rubbish", r#"{"sensor_2": true}"#] {
        assert_eq!(bench.hear(CARD1, payload), on_card1(OK_KO_OK), "{payload:?}");
        assert_eq!(bench.hear(CARD1, OK_KO_OK), [], "its own echo ends it");
    }
    let mut bench = Bench::display();
    bench.connect();
    bench.fence();
    assert_eq!(bench.hear(ALL, "rubbish"), [], "the display has no topic of its own");
}

#[test]
fn card_2_believes_card1_over_all_from_the_first() {
    let mut bench = Bench::card2();
    bench.connect();
    bench.hear(CARD1, r#"{"sensor_1": false, "sensor_2": null, "sensor_3": null}"#);
    bench
        .hear(ALL, r#"{"sensor_1": true, "sensor_2": false, "sensor_3": null, "sensor_4": false}"#);
    let expected = r#"{"sensor_1": false, "sensor_2": false, "sensor_3": null, "sensor_4": false, "sensor_5": true, "sensor_6": true}"#;
    assert_eq!(bench.fence(), on_all(expected));
    assert_eq!(bench.origin(5).map(|(origin, _)| origin), Some(Origin::Started));
    assert!(bench.face().note.contains("sensors 5, 6"), "{}", bench.face().note);
    assert!(bench.face().note.contains("sensor 3 unknown"), "{}", bench.face().note);
    // Its own echo changes nothing, and sensors/all never overwrites what was heard.
    assert_eq!(bench.hear(ALL, expected), []);
    let other = r#"{"sensor_1": true, "sensor_2": true, "sensor_4": true}"#;
    assert_eq!(bench.hear(ALL, other), on_all(expected));
    assert_eq!(bench.states()[..4], [Some(false), Some(false), None, Some(false)]);
}

#[test]
fn card_2_publishes_on_every_card1() {
    let mut bench = Bench::card2();
    bench.connect();
    bench.fence();
    let expected = r#"{"sensor_1": true, "sensor_2": false, "sensor_3": true, "sensor_4": true, "sensor_5": true, "sensor_6": true}"#;
    for _ in 0..2 {
        assert_eq!(bench.hear(CARD1, OK_KO_OK), on_all(expected));
    }
    assert_eq!(bench.origin(2).map(|(origin, _)| origin), Some(Origin::Live));
    // null never overwrites what was heard.
    assert_eq!(bench.hear(CARD1, r#"{"sensor_2": null}"#), on_all(expected));
}

#[test]
fn stale_messages_of_a_resumed_session_do_not_flicker() {
    let mut bench = Bench::card2();
    bench.connect();
    bench.hear(CARD1, OK_KO_OK);
    bench.fence();
    bench.lose();
    let known = r#"{"sensor_1": true, "sensor_2": false, "sensor_3": true, "sensor_4": true, "sensor_5": true, "sensor_6": true}"#;
    assert_eq!(bench.connect(), on_all(known), "what it knows, at once");
    for queued in ["true", "false", "true"] {
        assert_eq!(bench.hear(CARD1, &format!(r#"{{"sensor_2": {queued}}}"#)), []);
        assert_eq!(bench.states()[1], Some(false));
    }
    assert_eq!(bench.fence(), on_all(&known.replace("false", "true")));
    bench.lose();
    bench.connect();
    assert_eq!(bench.fence(), [], "nothing new, nothing said");
}

#[test]
fn clicks_before_the_fence_are_held() {
    let mut bench = Bench::card2();
    assert_eq!(bench.toggle(4), []);
    bench.connect();
    assert_eq!(bench.toggle(4), []);
    assert!(bench.face().own[0].unsent);
    assert!(!bench.face().restored);
    bench.hear(ALL, r#"{"sensor_4": true, "sensor_5": false, "sensor_6": true}"#);
    let expected = r#"{"sensor_1": null, "sensor_2": null, "sensor_3": null, "sensor_4": false, "sensor_5": false, "sensor_6": true}"#;
    assert_eq!(bench.fence(), on_all(expected));
    assert_eq!(bench.origin(4).map(|(origin, _)| origin), Some(Origin::Clicked));
}

#[test]
fn a_click_is_sent_when_its_publication_is() {
    let mut bench = Bench::card1();
    bench.connect();
    bench.hear(CARD1, OK_KO_OK);
    bench.fence();
    bench.toggle(1);
    bench.toggle(1);
    let unsent = |bench: &Bench| bench.face().own[0].unsent;
    let fence = Token(u64::MAX);
    for (sent, expected) in [(fence, true), (Token(1), true), (Token(2), true), (Token(3), false)] {
        bench.input(Input::Sent(sent));
        assert_eq!(unsent(&bench), expected, "{sent:?}");
    }
    bench.toggle(2);
    bench.lose();
    assert_eq!(bench.toggle(1), []);
    bench.input(Input::Sent(Token(4)));
    assert!(unsent(&bench), "clicked without a connection");
    assert!(!bench.face().own[1].unsent);
    let known = r#"{"sensor_1": false, "sensor_2": true, "sensor_3": true}"#;
    assert_eq!(bench.connect(), on_card1(known));
    bench.input(Input::Sent(Token(5)));
    assert!(!unsent(&bench));
}

#[test]
fn clicks_and_settings() {
    let mut bench = Bench::card1();
    let check = |bench: &mut Bench, input: Input, expected: [Option<bool>; 3]| {
        bench.input(input);
        assert_eq!(bench.states(), expected);
    };
    check(&mut bench, Input::Toggle(SensorNumber(1)), [Some(true), None, None]);
    check(&mut bench, Input::Toggle(SensorNumber(1)), [Some(false), None, None]);
    check(&mut bench, Input::Set(SensorNumber(2), false), [Some(false), Some(false), None]);
    check(&mut bench, Input::Set(SensorNumber(2), false), [Some(false), Some(false), None]);
    for foreign in [0, 4, 7] {
        let states = [Some(false), Some(false), None];
        check(&mut bench, Input::Toggle(SensorNumber(foreign)), states);
    }
}

#[test]
fn messages_that_cannot_be_used_change_nothing_and_are_shown() {
    let benches = [Bench::card1(), Bench::card2(), Bench::display()];
    for mut bench in benches {
        bench.connect();
        bench.hear(ALL, r#"{"sensor_1": true, "sensor_4": true}"#);
        bench.fence();
        let (states, updated) = (bench.states(), bench.face().updated);
        let bad = [
            (ALL, r#"{"sensor_1": false, "sensor_2": 0}"#, "sensor_2 is 0"),
            (ALL, r#"{"sensor_1": false, "sensor_7": true}"#, "sensor_7"),
            (ALL, "", "empty"),
            ("elsewhere", "{}", "nobody asked"),
        ];
        for (count, (topic, payload, reason)) in (1..).zip(bad) {
            bench.hear(topic, payload);
            assert_eq!((bench.states(), bench.face().updated), (states.clone(), updated));
            let ignored = bench.face().ignored.as_ref().expect("it is shown");
            assert_eq!((ignored.at, &ignored.topic[..]), (bench.now, topic));
            assert!(ignored.reason.contains(reason), "{}", ignored.reason);
            assert_eq!(bench.face().ignored_count, count);
        }
    }
}

#[test]
fn the_display_shows_what_it_heard_and_when() {
    let mut bench = Bench::display();
    bench.connect();
    bench.hear(ALL, r#"{"sensor_1": false}"#);
    bench.hear(BRIDGE, "1");
    assert_eq!(bench.states(), [None; 6]);
    bench.fence();
    let restored = bench.now;
    assert_eq!(bench.origin(1), Some((Origin::Restored, restored)));
    assert_eq!(bench.face().bridge, Some((true, restored)));
    bench.hear(ALL, r#"{"sensor_1": null, "sensor_2": true}"#);
    assert_eq!(bench.states()[..3], [Some(false), Some(true), None]);
    assert_eq!(bench.origin(1), Some((Origin::Restored, restored)));
    assert_eq!(bench.origin(2), Some((Origin::Live, bench.now)));
    assert_eq!(bench.face().counts(), (1, 1, 4));
    bench.hear(BRIDGE, "1");
    assert_eq!(bench.face().bridge, Some((true, restored)), "since when, not how often");
    bench.hear(BRIDGE, "0");
    assert_eq!(bench.face().bridge, Some((false, bench.now)));
    bench.hear(BRIDGE, "maybe");
    assert_eq!(bench.face().ignored_count, 1);
}

#[test]
fn notes_say_what_is_waited_for() {
    let check = |mut bench: Bench, after: &str| {
        assert_eq!(bench.face().note, "");
        bench.connect();
        bench.fence();
        assert!(bench.face().note.contains(after), "{}", bench.face().note);
        bench.lose();
        assert_eq!(bench.face().note, "", "the link says it all");
    };
    check(Bench::card1(), "waiting for sensors/all from board 2");
    check(Bench::card2(), "Waiting for sensors/card1 from board 1");
    check(Bench::display(), "Waiting for sensors/all");
}

#[test]
fn the_link_tells_since_when_and_why() {
    let mut bench = Bench::card1();
    assert_eq!(bench.face().link, Link::default());
    bench.input(Input::Disconnected { reason: "nobody listens".to_owned() });
    let since = bench.now;
    bench.input(Input::Disconnected { reason: "no answer".to_owned() });
    let reason = "no answer".to_owned();
    assert_eq!(bench.face().link, Link::Offline { since, reason });
    bench.connect();
    assert_eq!(bench.face().link, Link::Online { since: bench.now, session_present: false });
}
