//! Both machines, as tables.

use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::card::{Event, Face, Identity, Input, Link, Output, Program, Token};
use crate::mqtt::{ClientId, Filter, QoS, Topic};

/// No numbers.
const NONE: [u64; 0] = [];

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn topic(name: &str) -> Topic {
    Topic::parse(name).expect("a topic")
}

fn gone() -> Input {
    Input::Disconnected { reason: "cut".to_owned() }
}

fn connected(session_present: bool) -> Input {
    Input::Connected { session_present }
}

/// A counter at ten a second of QoS 2.
fn settings() -> CounterSettings {
    CounterSettings {
        client_id: ClientId::new("counter"),
        topic: topic("count"),
        every: Some(ms(100)),
        qos: QoS::ExactlyOnce,
        retain: false,
        limit: None,
        clean_session: false,
    }
}

/// A counter and what it does.
struct Bench(Counter);

impl Bench {
    fn new(settings: CounterSettings) -> Self {
        Self(Counter::new(settings, 0x3f9a))
    }

    /// The numbers that it publishes upon an input.
    fn gives(&mut self, at: u64, input: Input) -> Vec<u64> {
        let number = |output| match output {
            Output::Publish { token: Token(n), payload, .. } => {
                let number = Number::parse(&payload).expect("a number");
                assert_eq!((number.n, number.run.as_str()), (n, "00003f9a"));
                n
            }
            Output::Subscribe(_) => panic!("a counter subscribes to nothing"),
        };
        self.0.handle(ms(at), input).into_iter().map(number).collect()
    }

    fn face(&self) -> &CounterFace {
        match &self.0.face().count {
            Some(CountFace::Counter(face)) => face,
            other => panic!("{other:?}"),
        }
    }

    /// Published, acknowledged, waiting.
    fn counts(&self) -> (u64, u64, u64) {
        let face = self.face();
        (face.published, face.acknowledged, face.waiting)
    }
}

#[test]
fn a_counter_counts_at_its_rate_from_its_first_connection() {
    let mut bench = Bench::new(settings());
    assert_eq!(bench.0.deadline(), None);
    assert_eq!(bench.gives(5, gone()), NONE);
    assert!(bench.0.face().note.contains("first connection"));
    assert_eq!(bench.gives(20, connected(false)), NONE);
    for (at, n) in [(20, 1), (120, 2), (220, 3)] {
        assert_eq!(bench.0.deadline(), Some(ms(at)));
        assert_eq!(bench.gives(at - 1, Input::Time), NONE);
        assert_eq!(bench.gives(at, Input::Time), [n]);
    }
    // A driver that is late gets what was due, in one go.
    assert_eq!(bench.gives(525, Input::Time), [4, 5, 6]);
    assert_eq!(bench.0.deadline(), Some(ms(620)));
    assert_eq!(bench.counts(), (6, 0, 0));
    for n in [2, 1, 2, 9] {
        assert_eq!(bench.gives(530, Input::Sent(Token(n))), NONE);
    }
    assert_eq!((bench.counts(), bench.face().unacknowledged()), ((6, 2, 0), 4));
    assert_eq!(bench.0.face().note, "");
}

#[test]
fn what_is_not_acknowledged_is_published_again() {
    for present in [true, false] {
        let mut bench = Bench::new(settings());
        bench.gives(0, connected(false));
        assert_eq!(bench.gives(100, Input::Time), [1, 2]);
        bench.gives(110, Input::Sent(Token(1)));
        bench.gives(150, gone());
        // It goes on counting, for later.
        assert_eq!(bench.gives(300, Input::Time), NONE);
        assert_eq!(bench.gives(310, Input::Publish(1)), NONE);
        assert_eq!(bench.counts(), (5, 1, 0));
        assert_eq!(bench.gives(350, connected(present)), [2, 3, 4, 5]);
        assert_eq!(bench.gives(400, Input::Time), [6]);
    }
}

#[test]
fn counting_waits_while_too_much_is_unacknowledged() {
    let most = u64::try_from(counter::MOST).expect("it is small");
    let mut bench = Bench::new(settings());
    bench.gives(0, connected(false));
    assert_eq!(bench.gives(0, Input::Publish(most + 1)).len(), counter::MOST);
    assert_eq!((bench.counts(), bench.0.deadline()), ((most, 0, 1), None));
    assert!(bench.0.face().note.contains("counting waits for the broker"));
    assert_eq!(bench.gives(5_000, Input::Time), NONE);
    assert_eq!(bench.gives(10_000, Input::Sent(Token(1))), NONE);
    assert_eq!(bench.0.deadline(), Some(Duration::ZERO));
    assert_eq!(bench.gives(10_000, Input::Time), [most + 1]);
    // The rate goes on from now; the hundred numbers of the meantime are not made up for.
    bench.gives(20_000, Input::Sent(Token(2)));
    assert_eq!(bench.0.deadline(), Some(ms(20_000)));
    bench.gives(20_000, Input::Sent(Token(3)));
    assert_eq!(bench.gives(20_000, Input::Time), [most + 2]);
    assert_eq!(bench.0.deadline(), Some(ms(20_100)));
}

#[test]
fn qos_0_is_counted_only_on_a_connection() {
    let mut bench = Bench::new(CounterSettings { qos: QoS::AtMostOnce, ..settings() });
    bench.gives(0, connected(false));
    assert_eq!(bench.gives(100, Input::Time), [1, 2]);
    assert_eq!(bench.counts(), (2, 2, 0));
    bench.gives(150, gone());
    assert_eq!(bench.0.deadline(), None);
    assert_eq!(bench.gives(160, Input::Publish(2)), NONE);
    assert_eq!(bench.counts(), (2, 2, 2));
    assert!(bench.0.face().note.contains("without a connection"));
    assert_eq!(bench.gives(900, connected(true)), NONE);
    assert_eq!(bench.gives(900, Input::Time), [3, 4, 5]);
    assert_eq!(bench.0.deadline(), Some(ms(1_000)));
}

#[test]
fn a_limit_ends_the_rate_and_not_the_hand() {
    let mut bench = Bench::new(CounterSettings { limit: Some(2), ..settings() });
    bench.gives(0, connected(false));
    assert_eq!(bench.gives(0, Input::Time), [1]);
    let before = bench.0.face().clone();
    assert_eq!(bench.gives(900, Input::Time), [2]);
    assert_eq!(Event::between(&before, bench.0.face()), [Event::LimitReached { limit: 2 }]);
    assert_eq!(bench.0.face().note, "The limit of 2 is reached.");
    assert_eq!(bench.0.deadline(), None);
    let before = bench.0.face().clone();
    assert_eq!(bench.gives(950, Input::Publish(2)), [3, 4]);
    assert_eq!(Event::between(&before, bench.0.face()), []);
    let mut bench = Bench::new(CounterSettings { every: None, ..settings() });
    bench.gives(0, connected(false));
    assert_eq!(bench.0.deadline(), None);
    assert_eq!(bench.gives(7, Input::Publish(3)), [1, 2, 3]);
}

fn tally() -> Tally {
    Tally::new(TallySettings {
        client_id: ClientId::new("tally"),
        topics: vec![Filter::parse("count/#").expect("a filter")],
        qos: QoS::AtLeastOnce,
        clean_session: true,
    })
}

fn tally_face(face: &Face) -> &TallyFace {
    match &face.count {
        Some(CountFace::Tally(face)) => face,
        other => panic!("{other:?}"),
    }
}

/// A number of the run `run`, as a broker delivers it.
fn message(n: u64, run: u64, retain: bool) -> Input {
    let payload = Number { n, run: Run::new(run) }.print();
    Input::Message { topic: topic("count"), payload, retain }
}

#[test]
fn who_they_are() {
    let identity = |id: &str, clean_session| {
        let (client_id, keep_alive) = (ClientId::new(id), Duration::from_mins(1));
        Identity { client_id, clean_session, keep_alive }
    };
    assert_eq!(Counter::new(settings(), 1).identity(), identity("counter", false));
    assert_eq!(tally().identity(), identity("tally", true));
}

#[test]
fn a_tally_subscribes_once_while_its_session_is_kept() {
    let mut tally = tally();
    let filter = Filter::parse("count/#").expect("a filter");
    let subscribe = || vec![Output::Subscribe(vec![(filter.clone(), QoS::AtLeastOnce)])];
    // A new process asks even where an earlier one left a session.
    assert_eq!(tally.handle(ms(0), connected(true)), subscribe());
    // Cut before the answer: ask again.
    tally.handle(ms(1), gone());
    assert_eq!(tally.handle(ms(2), connected(true)), subscribe());
    tally.handle(ms(3), Input::Subscribed);
    assert_eq!(tally.handle(ms(4), connected(true)), []);
    assert_eq!(tally.handle(ms(5), connected(false)), subscribe());
    assert!(matches!(tally.face().link, Link::Online { .. }));
}

#[test]
fn what_a_tally_counts() {
    // Received, missing, doubled, out of order, refreshed.
    let check = |messages: &[(u64, u64, bool)], expected: (u64, u64, u64, u64, u64)| {
        let mut tally = tally();
        for (n, run, retain) in messages {
            tally.handle(ms(1), message(*n, *run, *retain));
        }
        let TallyFace { received, missing, doubled, out_of_order, refreshed, .. } =
            tally_face(tally.face());
        let counts = (*received, *missing, *doubled, *out_of_order, *refreshed);
        assert_eq!(counts, expected, "{messages:?}");
    };
    let live = |numbers: &[u64]| numbers.iter().map(|n| (*n, 1, false)).collect::<Vec<_>>();
    check(&[], (0, 0, 0, 0, 0));
    check(&live(&[1, 2, 3]), (3, 0, 0, 0, 0));
    check(&live(&[57, 58]), (2, 0, 0, 0, 0));
    check(&live(&[1, 2, 2, 1]), (2, 0, 2, 0, 0));
    check(&live(&[1, 5]), (2, 3, 0, 0, 0));
    check(&live(&[1, 5, 3]), (3, 2, 0, 1, 0));
    check(&live(&[5, 2]), (2, 2, 0, 1, 0));
    // Each run by itself: a killed counter begins with 1 again.
    check(&[(1, 1, false), (2, 1, false), (1, 2, false), (2, 2, false)], (4, 0, 0, 0, 0));
    check(&[(1, 1, false), (1, 2, false), (1, 1, false), (3, 2, false)], (3, 1, 1, 0, 0));
    // What a broker kept is told again to whoever subscribes: no delivery, and no duplicate.
    check(&[(4, 1, true), (5, 1, false), (5, 1, true), (6, 1, false)], (2, 0, 0, 0, 2));
    // Without the flag it cannot be told from a duplicate.
    check(&[(4, 1, false), (4, 1, false)], (1, 0, 1, 0, 0));
}

#[test]
fn a_tally_shows_its_last_runs_and_what_was_odd() {
    let mut tally = tally();
    for (n, run) in [(3, 1), (1, 2), (4, 1), (1, 3), (1, 4), (6, 1)] {
        tally.handle(ms(9), message(n, run, false));
    }
    let face = tally_face(tally.face());
    let runs: Vec<_> = face.runs.iter().map(|it| (it.run.as_str(), it.first, it.last)).collect();
    assert_eq!(runs, [("00000001", 3, 6), ("00000004", 1, 1), ("00000003", 1, 1)]);
    let odd = face.odd.clone().expect("5 is missing");
    assert_eq!((odd.at, odd.fault, odd.numbers), (ms(9), Fault::Missing, (5, 5)));
    let say = |fault, numbers| Odd { fault, numbers, ..odd.clone() }.to_string();
    assert_eq!(say(Fault::Missing, (5, 5)), "5 is missing (run 00000001 on count)");
    assert_eq!(say(Fault::Missing, (5, 7)), "5 to 7 are missing (run 00000001 on count)");
    assert_eq!(say(Fault::Doubled, (5, 5)), "5 came again (run 00000001 on count)");
    assert_eq!(say(Fault::OutOfOrder, (5, 5)), "5 came after a higher one (run 00000001 on count)");
}

#[test]
fn a_tally_ignores_what_is_no_number() {
    let mut tally = tally();
    let payload = Bytes::from_static(b"OK");
    tally.handle(ms(1), Input::Message { topic: topic("count/x"), payload, retain: false });
    let face = tally.face();
    assert_eq!((face.ignored_count, tally_face(face).received), (1, 0));
    let ignored = face.ignored.as_ref().expect("it was ignored");
    assert_eq!(ignored.topic, "count/x");
    assert!(ignored.reason.contains("not a counted message"), "{}", ignored.reason);
}

#[test]
fn the_trace_tells_the_first_the_tenth_and_the_hundredth() {
    let mut tally = tally();
    let mut told = Vec::new();
    for _ in 0..150 {
        let before = tally.face().clone();
        tally.handle(ms(1), message(1, 1, false));
        told.extend(Event::between(&before, tally.face()));
    }
    let counts: Vec<_> = told
        .iter()
        .map(|event| match event {
            Event::Odd { odd, so_far } => (odd.fault, *so_far),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(counts, [1, 10, 100].map(|so_far| (Fault::Doubled, so_far)));
}

#[test]
fn many_runs_take_little_memory() {
    let mut tally = tally();
    for run in 0..1_000 {
        for n in [1, 3] {
            tally.handle(ms(1), message(n, run, false));
        }
    }
    let face = tally_face(tally.face());
    assert_eq!((face.received, face.missing, face.doubled), (2_000, 1_000, 0));
}
