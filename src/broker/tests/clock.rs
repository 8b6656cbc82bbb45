//! The wall clock is set to another time while the broker is off: what has no end is never lost by
//! it, and what has one ends when the clock shows that time. A clock that was wrong for a while, as
//! that of a board without a battery, takes nothing away that has its end later.

use super::bench::*;
use super::bench5::*;

/// When the broker ran first: long after 1970, so that clocks can be set back.
const BEGAN: u64 = 1_500_000_000;
const HOUR: u32 = 3600;

/// The clock shows that much more, or less, when the broker is back.
fn jump(bench: &mut Bench, seconds: i64) {
    let now = i64::try_from(bench.now.as_secs()).expect("a time");
    bench.now = secs(u64::try_from(now + seconds).expect("not before 1970"));
    bench.pull_plug(|_| {});
}

/// Sessions, queues, retained messages and a will, with an end after an hour and without one.
fn world() -> Bench {
    let mut bench = Bench::new();
    bench.wait(secs(BEGAN));
    let watcher = bench.connect5("watcher", true, &[lasts(NEVER)]);
    bench.subscribe(watcher, "will", Q1);
    for (name, expiry) in [("for ever", NEVER), ("an hour", HOUR)] {
        let conn = bench.connect5(name, true, &[lasts(expiry)]);
        bench.subscribe(conn, "t", Q2);
        bench.cut(conn);
    }
    let old = bench.connect("3.1.1", false);
    bench.subscribe(old, "t", Q2);
    bench.cut(old);
    let will = Will { delay_s: HOUR, ..message("will", "gone", Q1, false).into() };
    let conn = bench.ask(Connect { will: Some(will), ..connect5("wills", true, &[lasts(NEVER)]) });
    bench.cut(conn);
    let a = bench.connect5("a", true, &[]);
    bench.publish(a, retain(publish("t", "stays", Q2, 1)));
    bench.publish(a, retain(with(publish("u", "goes", Q2, 1), &[expires(HOUR)])));
    bench.publish(a, with(publish("t", "goes", Q2, 1), &[expires(HOUR)]));
    bench.publish(a, publish("t", "stays too", Q2, 1));
    bench
}

#[test]
fn between_two_starts() {
    let began = i64::try_from(BEGAN).expect("a time");
    let hour = i64::from(HOUR);
    for seconds in [-began, -1_000_000_000, -hour, -1, 0, 1, hour - 1, hour, 10_000_000_000] {
        for again in [0, seconds.min(0) / 2, -seconds.min(0)] {
            let mut bench = world();
            jump(&mut bench, seconds);
            if again != 0 && seconds + again >= -began {
                jump(&mut bench, again);
            }
            let gone = seconds >= hour;
            let context = format!("{seconds} s, then {again} s");
            let has =
                |bench: &Bench, name: &str| bench.image.sessions.contains_key(&ClientId::new(name));
            assert_eq!(has(&bench, "an hour"), !gone, "{context}");
            assert_eq!(bench.broker.status().retained, 1 + usize::from(!gone), "{context}");
            for name in ["for ever", "3.1.1"] {
                let properties = [lasts(NEVER)];
                let conn = if name == "3.1.1" {
                    bench.ask(connect(name, false))
                } else {
                    bench.ask(connect5(name, false, &properties))
                };
                assert!(bench.accepted(conn), "{context}: {name}");
                let expected: &[_] =
                    if gone { &["stays", "stays too"] } else { &["stays", "goes", "stays too"] };
                assert_eq!(bench.payloads(conn), expected, "{context}: {name}");
            }
            let end = secs(BEGAN + u64::from(HOUR));
            bench.wait(end.saturating_sub(bench.now));
            assert!(!has(&bench, "an hour"), "{context}");
            let watcher = bench.connect5("watcher", false, &[lasts(NEVER)]);
            assert_eq!(bench.payloads(watcher), ["gone"], "{context}");
        }
    }
}
