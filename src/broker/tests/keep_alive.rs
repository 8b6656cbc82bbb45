//! Silence of clients. [MQTT-3.1.2-24]

use super::bench::*;

#[test]
fn one_and_a_half_times() {
    let check = |keep_alive_s: u16, silence: u64, open: bool| {
        let mut bench = Bench::new();
        let conn = bench.ask(Connect { keep_alive_s, ..connect("a", true) });
        bench.wait(secs(20));
        bench.send(conn, Packet::PingReq);
        bench.wait(secs(silence));
        assert_eq!(bench.is_open(conn), open, "{keep_alive_s} s, {silence} s of silence");
    };
    check(0, 1_000_000, true);
    check(20, 29, true);
    check(20, 30, false);
    check(u16::MAX, 98_302, true);
    check(u16::MAX, 98_303, false);
}

#[test]
fn any_packet_counts() {
    let mut bench = Bench::new();
    let conn = bench.ask(Connect { keep_alive_s: 10, ..connect("a", true) });
    for _ in 0..10 {
        bench.wait(secs(14));
        bench.send(conn, publish("t", "x", Q0, 0));
    }
    assert!(bench.is_open(conn));
    bench.wait(secs(15));
    bench.expect_closed(conn, "one and a half times the keep-alive");
}

/// Somebody who comes and goes leaves no timer behind for 27 hours.
#[test]
fn timers_go_with_their_connections() {
    let mut bench = Bench::new();
    for _ in 0..100 {
        let conn = bench.ask(Connect { keep_alive_s: u16::MAX, ..connect("a", true) });
        bench.wait(secs(11));
        bench.send(conn, Packet::PingReq);
        bench.send(conn, goodbye());
    }
    assert_eq!(bench.broker.deadline(), None);
}
