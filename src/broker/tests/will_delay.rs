//! Wills that wait. [MQTT 5.0, sections 3.1.2.5, 3.1.3.2 and 3.14]

use super::bench::*;
use super::bench5::*;

fn will(delay_s: u32) -> Will {
    Will { delay_s, ..message("will", "gone", Q1, true).into() }
}

fn with_will(expiry_s: u32, will: Will) -> Connect {
    Connect { will: Some(will), ..connect5("a", false, &[lasts(expiry_s)]) }
}

/// Somebody who watches, with a session that is kept, and a client with a will.
fn ready(expiry_s: u32, will: Will) -> (Bench, ConnId, ConnId) {
    let mut bench = Bench::new();
    let watcher = bench.connect5("watcher", true, &[lasts(NEVER)]);
    bench.subscribe(watcher, "will", Q1);
    let conn = bench.ask(with_will(expiry_s, will));
    bench.accepted(conn);
    (bench, watcher, conn)
}

/// Exactly so many wills came to the watcher.
#[track_caller]
fn expect(bench: &mut Bench, watcher: ConnId, count: usize, context: &str) {
    let got = bench.payloads(watcher);
    assert_eq!(got, vec!["gone"; count], "{context}");
}

fn watch_again(bench: &mut Bench) -> ConnId {
    bench.connect5("watcher", false, &[lasts(NEVER)])
}

/// When it is published: after its delay, or when the session ends if that is earlier.
/// [MQTT-3.1.2-8]
#[test]
fn after_its_delay() {
    let check = |expiry_s: u32, delay_s: u32, after_s: u64| {
        let (mut bench, watcher, conn) = ready(expiry_s, will(delay_s));
        bench.wait(secs(100));
        bench.cut(conn);
        let context = format!("session {expiry_s} s, delay {delay_s} s");
        if let Some(before) = after_s.checked_sub(1) {
            bench.wait(secs(before));
            expect(&mut bench, watcher, 0, &context);
            bench.wait(secs(1));
        }
        expect(&mut bench, watcher, 1, &context);
        assert_eq!(bench.broker.status().retained, 1, "{context}");
        bench.wait(secs(1_000_000));
        expect(&mut bench, watcher, 0, &context);
    };
    check(NEVER, 0, 0);
    check(NEVER, 10, 10);
    check(20, 10, 10);
    check(10, 10, 10);
    check(5, 10, 5);
    check(0, 10, 0);
}

/// How the connection ended decides whether there is a will at all. [MQTT-3.14.4-3]
#[test]
fn by_the_end_of_the_connection() {
    let check = |goodbye: Option<Reason>, expected: usize| {
        for (delay_s, wait) in [(0, secs(0)), (10, secs(10))] {
            let (mut bench, watcher, conn) = ready(NEVER, will(delay_s));
            match goodbye {
                Some(reason) => bench.send(conn, Packet::Disconnect(reason.into())),
                None => bench.cut(conn),
            }
            bench.wait(wait);
            expect(&mut bench, watcher, expected, &format!("{goodbye:?}, delay {delay_s} s"));
        }
    };
    check(None, 1);
    check(Some(Reason::Success), 0);
    check(Some(Reason::DisconnectWithWill), 1);
    check(Some(Reason::UnspecifiedError), 1);
    check(Some(Reason::ImplementationSpecificError), 1);
}

/// [MQTT-3.1.3-9]: who is back in time has not gone; a clean start ends the session, and so is late
/// whenever it comes.
#[test]
fn cancelled_by_a_reconnect() {
    let check = |clean: bool, after_s: u64, expected: usize| {
        for off in [false, true] {
            let (mut bench, mut watcher, conn) = ready(NEVER, will(10));
            bench.cut(conn);
            if off {
                bench.off_for(secs(after_s));
                watcher = watch_again(&mut bench);
            } else {
                bench.wait(secs(after_s));
            }
            let back = bench.connect5("a", clean, &[lasts(NEVER)]);
            bench.wait(secs(1000));
            let context = format!("clean {clean}, after {after_s} s, off {off}");
            expect(&mut bench, watcher, expected, &context);
            // The new connection has no will.
            bench.cut(back);
            bench.wait(secs(1000));
            expect(&mut bench, watcher, 0, &context);
        }
    };
    check(false, 9, 0);
    check(false, 10, 1);
    check(true, 9, 1);
}

/// A takeover is an end like any other: the will waits its delay, and the client is back in time.
#[test]
fn taken_over() {
    for (delay_s, clean, expected) in [(0, false, 1), (10, false, 0), (0, true, 1), (10, true, 1)] {
        let (mut bench, watcher, _) = ready(NEVER, will(delay_s));
        bench.connect5("a", clean, &[lasts(NEVER)]);
        bench.wait(secs(1000));
        expect(&mut bench, watcher, expected, &format!("delay {delay_s} s, clean {clean}"));
    }
}

/// A session that ends by takeover with its interval of 0 publishes at once.
#[test]
fn a_session_that_ends_by_takeover() {
    let (mut bench, watcher, _) = ready(0, will(10));
    bench.connect5("a", false, &[lasts(NEVER)]);
    expect(&mut bench, watcher, 1, "");
}

/// DISCONNECT with an interval of 0 ends the session now, and the will is due with it.
#[test]
fn disconnect_ends_the_session_early() {
    let (mut bench, watcher, conn) = ready(NEVER, will(10));
    let goodbye = Packet::Disconnect(Reason::DisconnectWithWill.into());
    bench.send(conn, with(goodbye, &[lasts(0)]));
    expect(&mut bench, watcher, 1, "");
}

/// What a will carries goes with it; its expiry counts from when it is published.
#[test]
fn properties_and_expiry() {
    let mut full = Will { expiry_s: Some(5), ..will(10) };
    let properties = [
        Property::UserProperty("k", "1"),
        Property::ContentType("text"),
        Property::UserProperty("k", "2"),
    ];
    full.message.properties = Properties::of(&properties);
    for off in [false, true] {
        let (mut bench, mut watcher, conn) = ready(NEVER, full.clone());
        bench.wait(secs(1000));
        if off {
            bench.off_for(secs(0));
            watcher = watch_again(&mut bench);
        } else {
            bench.cut(conn);
        }
        bench.wait(secs(10));
        let expected = with(publish("will", "gone", Q1, 1), &properties);
        bench.expect(watcher, [with(expected.clone(), &[expires(5)])]);
        bench.send(watcher, puback(1));
        bench.wait(secs(4));
        bench.subscribe(watcher, "will", Q0);
        let kept = retain(with(publish("will", "gone", Q0, 0), &properties));
        bench.expect(watcher, [with(kept, &[expires(1)])]);
        bench.wait(secs(1));
        assert_eq!(bench.broker.status().retained, 0);
        assert!(bench.image.retained.is_empty() && bench.image.messages.is_empty());
    }
}

/// A power failure takes the client away without a goodbye; the delay counts from the restart.
#[test]
fn over_a_power_failure() {
    let check = |expiry_s: u32, delay_s: u32, after_s: u64| {
        let (mut bench, _, _) = ready(expiry_s, will(delay_s));
        bench.off_for(secs(1000));
        let mut watcher = watch_again(&mut bench);
        let context = format!("session {expiry_s} s, delay {delay_s} s");
        if let Some(before) = after_s.checked_sub(1) {
            bench.wait(secs(before));
            expect(&mut bench, watcher, 0, &context);
            bench.wait(secs(1));
        }
        expect(&mut bench, watcher, 1, &context);
        bench.send(watcher, puback(1));
        bench.off_for(secs(1000));
        watcher = watch_again(&mut bench);
        expect(&mut bench, watcher, 0, &context);
    };
    check(NEVER, 0, 0);
    check(NEVER, 10, 10);
    check(5, 10, 5);
    check(10, 5, 5);
}

/// The delay goes on while the broker is off, and what is due then is published at the restart:
/// once, however often the power fails.
#[test]
fn the_delay_goes_on_while_the_broker_is_off() {
    let check = |expiry_s: u32, delay_s: u32, off_s: u64, expected: usize| {
        let (mut bench, watcher, conn) = ready(expiry_s, will(delay_s));
        bench.cut(conn);
        bench.cut(watcher);
        bench.off_for(secs(off_s));
        let watcher = watch_again(&mut bench);
        let context = format!("session {expiry_s} s, delay {delay_s} s, off {off_s} s");
        expect(&mut bench, watcher, expected, &context);
        if expected > 0 {
            bench.send(watcher, puback(1));
        }
        bench.off_for(secs(0));
        let watcher = watch_again(&mut bench);
        expect(&mut bench, watcher, 0, &context);
        bench.wait(secs(1000));
        expect(&mut bench, watcher, 1 - expected, &context);
    };
    check(NEVER, 10, 9, 0);
    check(NEVER, 10, 10, 1);
    check(5, 10, 5, 1);
    check(5, 10, 4, 0);
}

/// A commit that never came: the will is either still to be published, or was, never both.
#[test]
fn published_once_whatever_was_committed() {
    for commits in [0, 1] {
        let (mut bench, _, conn) = ready(NEVER, will(10));
        bench.cut(conn);
        bench.hold_commits();
        bench.wait(secs(10));
        for _ in 0..commits {
            bench.commit();
        }
        bench.off_for(secs(0));
        let watcher = watch_again(&mut bench);
        expect(&mut bench, watcher, 1, &format!("{commits} commits"));
    }
}

/// MQTT 3.1.1 knows no delay; a session of its that is kept keeps its will over a power failure too.
#[test]
fn wills_of_3_1_1_over_a_power_failure() {
    let mut bench = Bench::new();
    let watcher = bench.connect5("watcher", true, &[lasts(NEVER)]);
    bench.subscribe(watcher, "will", Q1);
    let conn = bench.ask(Connect { will: Some(will(0)), ..connect("a", false) });
    bench.accepted(conn);
    bench.off_for(secs(1));
    let watcher = watch_again(&mut bench);
    expect(&mut bench, watcher, 1, "");
}
