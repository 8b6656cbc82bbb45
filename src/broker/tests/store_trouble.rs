//! A store that fails: nothing is promised, nothing is rolled back, and it goes on when it can.

use super::bench::*;

#[test]
fn what_needs_durability_is_refused() {
    let mut bench = Bench::new();
    let (a, b, c) = (bench.connect("a", false), bench.connect("b", true), bench.connect("c", true));
    bench.subscribe(c, "#", Q2);
    bench.hold_commits();
    bench.send(a, publish("t", "1", Q2, 1));
    bench.store_fails();
    bench.store_fails();
    let told = bench.events.iter().filter(|it| matches!(it, Event::StoreFails { .. })).count();
    assert_eq!(told, 1);
    assert_eq!(bench.broker.status().store_trouble.as_deref(), Some("the disk is full"));
    bench.expect(a, []);
    bench.send(a, subscribe(2, &[("t", Q1)]));
    bench.send(b, publish("t", "2", Q1, 1));
    bench.expect_closed(b, "the store does not take anything");
    let refused = [connack(false, Reason::ServerUnavailable)];
    let conn = bench.ask(connect("d", false));
    bench.expect(conn, refused.clone());
    // A will may come to need it when nobody can be told any more.
    let will = Some(message("t", "gone", Q1, true).into());
    let conn = bench.ask(Connect { will, ..connect("e", true) });
    bench.expect(conn, refused);
    // What needs none goes on.
    let conn = bench.connect_unsettled("f");
    bench.send(conn, publish("t", "3", Q0, 0));
    assert!(bench.is_open(conn));
    bench.commit();
    assert_eq!(bench.events.last(), Some(&Event::StoreWorks));
    bench.expect(a, [pubrec(1), suback(2, &[None])]);
    bench.expect(c, [publish("t", "1", Q2, 1), publish("t", "3", Q0, 0)]);
    bench.send(a, publish("t", "4", Q1, 9));
    bench.commit();
    bench.expect(a, [puback(9)]);
}

/// However long it fails, no client makes the broker keep more and more.
#[test]
fn records_do_not_grow() {
    let mut bench = Bench::new();
    let a = bench.connect("a", false);
    bench.hold_commits();
    bench.send(a, subscribe(1, &[("#", Q2)]));
    bench.store_fails();
    let mut most = 0;
    for round in 0..100 {
        let will = Some(message("t", "gone", Q1, true).into());
        let conn = bench.ask(Connect { will, ..connect(&format!("c{round}"), true) });
        bench.send(conn, publish("t", "x", Q0, 0));
        bench.send(conn, retain(publish("t", "x", Q0, 0)));
        bench.cut(conn);
        if round == 10 {
            most = bench.broker.uncommitted();
        }
    }
    assert_eq!(bench.broker.uncommitted(), most);
}

/// While the store is stuck, a client whose session is not kept gets in, and hears what is refused.
#[test]
fn a_stranger_hears_what_is_refused() {
    let mut bench = Bench::new();
    let stuck = bench.connect("stuck", false);
    bench.hold_commits();
    bench.send(stuck, retain(publish("t", "x", Q1, 1)));
    bench.store_fails();
    bench.expect(stuck, []);
    let five = bench.ask(Connect { level: Level::V5, ..connect("five", true) });
    assert!(matches!(bench.sent(five)[..], [Packet::ConnAck(_)]));
    bench.send(five, subscribe(1, &[("u", Q1)]));
    bench.expect(five, [suback(1, &[Some(Q1)])]);
    bench.send(five, publish("t", "y", Q1, 2));
    let sent = bench.sent(five);
    let quota = Reason::QuotaExceeded;
    assert!(matches!(&sent[..], [Packet::PubAck(ack)] if ack.reason == quota), "{sent:?}");
    assert!(bench.is_open(five));
    let three = bench.ask(connect("three", true));
    bench.expect(three, [connack(false, Reason::Success)]);
    bench.send(three, publish("t", "z", Q1, 3));
    bench.expect_closed(three, "store");
    // One whose session takes the place of a kept one waits.
    bench.cut(stuck);
    let again = bench.ask(connect("stuck", true));
    bench.expect(again, []);
    bench.commit();
    bench.expect(again, []);
    bench.commit();
    bench.expect(again, [connack(false, Reason::Success)]);
}
