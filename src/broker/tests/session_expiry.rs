//! How long sessions outlive their connections. [MQTT 5.0, sections 3.1.2.4, 3.1.2.11.2 and
//! 3.14.2.2.2]

use super::bench::*;
use super::bench5::*;

const YEAR_S: u64 = 365 * 24 * 3600;

/// What happens between the session's beginning and the look at it.
#[derive(Debug, Clone, Copy)]
enum Meanwhile {
    /// The connection breaks, the broker runs on.
    Cut,
    /// It breaks, then the broker is off for all that time.
    CutThenOff,
    /// The broker stops as it should, and is off for all that time.
    StopThenOff,
    /// The power fails while the client is connected; its time begins when the broker is back.
    PowerFails,
    /// The same twice: it does not begin once more.
    PowerFailsTwice,
}

use Meanwhile::{Cut, CutThenOff, PowerFails, PowerFailsTwice, StopThenOff};

fn happens(bench: &mut Bench, conn: ConnId, meanwhile: Meanwhile, seconds: u64) {
    match meanwhile {
        Cut => {
            bench.cut(conn);
            bench.wait(secs(seconds));
        }
        CutThenOff => {
            bench.cut(conn);
            bench.off_for(secs(seconds));
        }
        StopThenOff => {
            bench.input(Input::Shutdown);
            bench.off_for(secs(seconds));
        }
        PowerFails => {
            bench.off_for(secs(1_000_000));
            bench.wait(secs(seconds));
        }
        PowerFailsTwice => {
            bench.off_for(secs(1_000_000));
            bench.wait(secs(seconds / 2));
            bench.off_for(secs(0));
            bench.wait(secs(seconds - seconds / 2));
        }
    }
}

#[test]
fn as_long_as_the_client_wants() {
    let check = |expiry: Option<u32>, seconds: u64, expected: bool| {
        for meanwhile in [Cut, CutThenOff, StopThenOff, PowerFails, PowerFailsTwice] {
            for clean in [false, true] {
                let mut bench = Bench::new();
                let properties: Vec<_> = expiry.map(lasts).into_iter().collect();
                let conn = bench.connect5("a", clean, &properties);
                happens(&mut bench, conn, meanwhile, seconds);
                let context = format!("{expiry:?}, {meanwhile:?}, {seconds} s, clean {clean}");
                assert_eq!(
                    bench.broker.status().sessions.len(),
                    usize::from(expected),
                    "{context}"
                );
                assert_eq!(bench.image.sessions.len(), usize::from(expected), "{context}");
                assert_eq!(bench.has_session("a", 1), expected, "{context}");
            }
        }
    };
    check(None, 0, false);
    check(Some(0), 0, false);
    check(Some(10), 9, true);
    check(Some(10), 10, false);
    check(Some(NEVER - 1), YEAR_S, true);
    check(Some(NEVER), 200 * YEAR_S, true);
}

/// Messages, subscriptions and the will go with the session.
#[test]
fn nothing_is_left_of_one_that_has_expired() {
    for off in [false, true] {
        let mut bench = Bench::new();
        let b = bench.connect5("b", true, &[lasts(10)]);
        bench.subscribe(b, "t", Q2);
        let a = bench.connect5("a", true, &[]);
        bench.send(b, publish("u", "open", Q2, 7));
        bench.publish(a, publish("t", "in flight", Q2, 1));
        bench.cut(b);
        bench.publish(a, publish("t", "waits", Q2, 1));
        if off {
            bench.off_for(secs(10));
        } else {
            bench.wait(secs(10));
        }
        assert!(bench.image.sessions.is_empty() && bench.image.messages.is_empty());
        let expired = Event::SessionExpired { client: ClientId::new("b") };
        assert_eq!(bench.events.iter().filter(|it| **it == expired).count(), 1);
        let a = bench.connect5("a", true, &[]);
        bench.send(a, publish("t", "x", Q1, 1));
        bench.expect(a, [because(puback(1), Reason::NoMatchingSubscribers)]);
        assert!(!bench.has_session("b", 0));
    }
}

/// DISCONNECT may set another interval.
#[test]
fn changed_by_disconnect() {
    let check = |before: u32, after: Option<u32>, seconds: u64, expected: bool| {
        for off in [false, true] {
            let mut bench = Bench::new();
            let conn = bench.connect5("a", true, &[lasts(before)]);
            let properties: Vec<_> = after.map(lasts).into_iter().collect();
            bench.send(conn, with(goodbye(), &properties));
            bench.expect(conn, []);
            if off {
                bench.off_for(secs(seconds));
            } else {
                bench.wait(secs(seconds));
            }
            let context = format!("{before}, then {after:?}, {seconds} s, off {off}");
            assert_eq!(bench.has_session("a", 1), expected, "{context}");
        }
    };
    check(10, None, 9, true);
    check(10, None, 10, false);
    check(10, Some(100), 99, true);
    check(10, Some(100), 100, false);
    check(10, Some(0), 0, false);
    check(NEVER, Some(5), 5, false);
    check(5, Some(NEVER), YEAR_S, true);
    check(0, Some(0), 0, false);
}

/// [MQTT 5.0, section 3.14.2.2.2]: what was to end with its connection cannot be kept.
#[test]
fn disconnect_cannot_make_it_last() {
    for before in [vec![], vec![lasts(0)]] {
        for after in [1, NEVER] {
            let mut bench = Bench::new();
            let conn = bench.connect5("a", true, &before);
            bench.send(conn, with(goodbye(), &[lasts(after)]));
            bench.expect_dismissed(conn, Reason::ProtocolError);
            assert!(!bench.has_session("a", 0));
        }
    }
}

/// Each connection says anew how long the session lasts.
#[test]
fn changed_by_another_connect() {
    let check = |expiries: [u32; 2], seconds: u64, expected: bool| {
        let mut bench = Bench::new();
        for expiry in expiries {
            let conn = bench.connect5("a", false, &[lasts(expiry)]);
            bench.cut(conn);
        }
        bench.wait(secs(seconds));
        assert_eq!(bench.image.sessions.len(), usize::from(expected), "{expiries:?}");
        assert_eq!(bench.has_session("a", 1), expected, "{expiries:?}, {seconds} s");
    };
    check([10, 100], 99, true);
    check([100, 10], 10, false);
    check([NEVER, 0], 0, false);
    check([0, NEVER], YEAR_S, true);
    check([10, NEVER], YEAR_S, true);
}

/// A session does not end while it has a connection, however long ago the last one ended.
#[test]
fn it_does_not_end_while_connected() {
    let mut bench = Bench::new();
    let conn = bench.connect5("a", true, &[lasts(10)]);
    bench.subscribe(conn, "t", Q1);
    bench.cut(conn);
    bench.wait(secs(9));
    let conn = bench.connect5("a", false, &[lasts(10)]);
    bench.wait(secs(1000));
    bench.send(conn, publish("t", "x", Q1, 1));
    bench.expect(conn, [publish("t", "x", Q1, 1), puback(1)]);
    assert!(bench.is_open(conn));
}

/// Sessions belong to the name, whichever version of MQTT it is used with.
#[test]
fn taken_up_in_the_other_version() {
    let mut bench = Bench::new();
    let conn = bench.connect("a", false);
    bench.cut(conn);
    bench.wait(secs(YEAR_S));
    assert!(bench.has_session("a", 10));
    let conn = bench.ask(connect("a", false));
    assert!(bench.accepted(conn));
    bench.cut(conn);
    bench.wait(secs(YEAR_S));
    assert!(bench.has_session("a", 0));
    let conn = bench.ask(connect("a", false));
    assert!(!bench.accepted(conn), "it ended with the connection that was taken over");
}

/// `persistent_client_expiration` is the longest, for either version, and is told to MQTT 5.
#[test]
fn the_longest_that_is_allowed() {
    let limit = 60;
    let check = |asked: u32, given: Option<u32>, lives: u64| {
        let mut bench = Bench::with(|it| it.limits.persistent_client_expiration_s = Some(limit));
        let conn = bench.ask(connect5("a", true, &[lasts(asked)]));
        assert_eq!(bench.answered(conn).properties.session_expiry_s(), given);
        bench.send(conn, with(goodbye(), &[lasts(NEVER)]));
        bench.wait(secs(lives - 1));
        assert_eq!(bench.broker.status().sessions.len(), 1);
        bench.wait(secs(1));
        assert_eq!(bench.broker.status().sessions.len(), 0);
    };
    check(10, None, 60);
    check(60, None, 60);
    check(61, Some(limit), 60);
    check(NEVER, Some(limit), 60);
    let mut bench = Bench::with(|it| it.limits.persistent_client_expiration_s = Some(limit));
    let conn = bench.connect("a", false);
    bench.cut(conn);
    bench.wait(secs(59));
    assert_eq!(bench.broker.status().sessions.len(), 1);
    bench.wait(secs(1));
    assert_eq!(bench.broker.status().sessions.len(), 0);
}

/// [MQTT-3.1.2-4]: a clean start forgets what was, and says nothing of what will be.
#[test]
fn clean_start() {
    let mut bench = Bench::new();
    let b = bench.connect5("b", true, &[lasts(NEVER)]);
    bench.subscribe(b, "t", Q1);
    bench.cut(b);
    let a = bench.connect5("a", true, &[]);
    bench.publish(a, publish("t", "old", Q1, 1));
    let b = bench.ask(connect5("b", true, &[lasts(NEVER)]));
    assert!(!bench.accepted(b));
    bench.expect(b, []);
    assert!(bench.image.messages.is_empty());
    bench.subscribe(b, "u", Q1);
    bench.off_for(secs(YEAR_S));
    let a = bench.connect5("a", true, &[]);
    bench.publish(a, publish("u", "new", Q1, 1));
    let b = bench.ask(connect5("b", false, &[lasts(NEVER)]));
    assert!(bench.accepted(b));
    bench.expect(b, [publish("u", "new", Q1, 1)]);
}

/// The end of the connection is the only answer to a goodbye: it waits for what that changed.
#[test]
fn a_goodbye_is_answered_when_it_is_durable() {
    let mut bench = Bench::new();
    let conn = bench.connect5("a", false, &[lasts(NEVER)]);
    bench.hold_commits();
    let properties = Properties::of(&[lasts(0)]);
    bench.send(conn, Packet::Disconnect(Notice { reason: Reason::Success, properties }));
    assert!(bench.is_open(conn), "its session may still come back");
    bench.commit();
    bench.expect_closed(conn, "goodbye");
    bench.pull_plug(|_| {});
    assert!(bench.broker.status().sessions.is_empty());
}
