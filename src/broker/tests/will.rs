//! Last wills. [MQTT 3.1.1, sections 3.1.2.5 and 3.14]

use super::bench::*;

fn ready() -> (Bench, ConnId, ConnId) {
    let mut bench = Bench::new();
    let watcher = bench.connect("watcher", true);
    bench.subscribe(watcher, "will", Q1);
    let will = Some(message("will", "gone", Q1, true).into());
    let conn = bench.ask(Connect { will, keep_alive_s: 10, ..connect("a", true) });
    (bench, watcher, conn)
}

/// [MQTT-3.1.2-8, MQTT-3.14.4-3]
#[test]
fn published_but_after_a_goodbye() {
    type End = fn(&mut Bench, ConnId);
    let ends: [(&str, End, bool); 5] = [
        ("cut", |bench, conn| bench.cut(conn), true),
        ("violation", |bench, conn| bench.send(conn, Packet::PingResp), true),
        ("silence", |bench, _| bench.wait(secs(16)), true),
        ("takeover", |bench, conn| assert_ne!(bench.connect("a", true), conn), true),
        ("goodbye", |bench, conn| bench.send(conn, goodbye()), false),
    ];
    for (name, end, expected) in ends {
        let (mut bench, watcher, conn) = ready();
        end(&mut bench, conn);
        let got = bench.sent(watcher);
        assert_eq!(got == [publish("will", "gone", Q1, 1)], expected, "{name}: {got:?}");
        // [MQTT-3.1.2-17]
        assert_eq!(bench.broker.status().retained, usize::from(expected), "{name}");
    }
}

/// The broker's end is the end of its connections too; as in mosquitto.
#[test]
fn published_at_shutdown() {
    let (mut bench, _, _) = ready();
    bench.input(Input::Shutdown);
    assert_eq!(bench.broker.status().retained, 1);
}

#[test]
fn published_once() {
    let (mut bench, watcher, conn) = ready();
    bench.cut(conn);
    bench.sent(watcher);
    let conn = bench.connect("a", true);
    bench.cut(conn);
    bench.expect(watcher, []);
}
