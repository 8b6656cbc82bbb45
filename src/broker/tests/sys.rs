//! What a broker says of itself under `$SYS`.

use std::collections::BTreeMap;

use super::bench::*;

const EVERY: u64 = 10;

fn talking() -> Bench {
    Bench::with(|it| it.sys_interval = secs(EVERY))
}

/// What a client has got, by what follows `$SYS/broker/`.
fn got(bench: &mut Bench, conn: ConnId) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for packet in bench.sent(conn) {
        let Packet::Publish(publish) = packet else { panic!("{packet:?}") };
        let name = publish.topic.as_str().strip_prefix("$SYS/broker/").expect("such a topic");
        let value = String::from_utf8(publish.payload.to_vec()).expect("text");
        values.insert(name.to_owned(), value);
    }
    values
}

#[track_caller]
fn expect(values: &BTreeMap<String, String>, expected: &[(&str, &str)]) {
    for (name, value) in expected {
        assert_eq!(values.get(*name).map(String::as_str), Some(*value), "{name}: {values:?}");
    }
}

/// Under mosquitto's names. [mosquitto's manual, section "Broker status"]
#[test]
fn everything_at_first() {
    let mut bench = talking();
    let conn = bench.connect("a", true);
    bench.subscribe(conn, "$SYS/broker/#", Q0);
    let values = got(&mut bench, conn);
    let mut names: Vec<String> = "version uptime clients/total clients/connected clients/active \
         clients/disconnected clients/inactive clients/maximum clients/expired bytes/received \
         bytes/sent messages/received messages/sent messages/stored store/messages/count \
         store/messages/bytes publish/messages/received publish/messages/sent \
         publish/messages/dropped publish/bytes/received publish/bytes/sent \
         subscriptions/count shared_subscriptions/count connections/socket/count"
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    names.push("retained messages/count".to_owned());
    for load in "connections sockets messages/received messages/sent publish/received publish/sent \
                 publish/dropped bytes/received bytes/sent"
        .split_whitespace()
    {
        names.extend([1, 5, 15].map(|span| format!("load/{load}/{span}min")));
    }
    names.sort();
    assert_eq!(values.keys().cloned().collect::<Vec<_>>(), names);
    let version = format!("twinboard version {}", env!("CARGO_PKG_VERSION"));
    expect(&values, &[("version", &version), ("uptime", "0 seconds"), ("clients/total", "0")]);
    expect(&values, &[("load/sockets/1min", "0.00"), ("retained messages/count", "0")]);
}

#[test]
fn then_what_has_changed() {
    let mut bench = talking();
    let a = bench.connect("a", true);
    bench.subscribe(a, "$SYS/#", Q0);
    bench.sent(a);
    bench.wait(secs(EVERY - 1));
    bench.expect(a, []);
    bench.wait(secs(1));
    let values = got(&mut bench, a);
    expect(
        &values,
        &[
            ("uptime", "10 seconds"),
            ("clients/total", "1"),
            ("clients/connected", "1"),
            ("clients/active", "1"),
            ("clients/maximum", "1"),
            ("messages/received", "2"),
            ("subscriptions/count", "1"),
            ("connections/socket/count", "1"),
            // One in ten seconds is 6 a minute, of which 1 - e^(-1/6) counts.
            ("load/connections/1min", "0.92"),
            ("load/sockets/5min", "0.20"),
            ("load/messages/received/15min", "0.13"),
        ],
    );
    let unchanged = ["version", "clients/inactive", "messages/stored", "publish/messages/received"];
    assert!(unchanged.iter().all(|it| !values.contains_key(*it)), "{values:?}");
}

#[test]
fn what_is_counted() {
    let mut bench = talking();
    let watcher = bench.connect("watcher", true);
    let (a, b) = (bench.connect("a", true), bench.connect("b", false));
    bench.subscribe(b, "t/#", Q1);
    bench.subscribe(b, "$share/g/u", Q1);
    bench.publish(a, publish("t", "1234", Q0, 0));
    bench.publish(a, retain(publish("t", "56", Q1, 1)));
    bench.cut(b);
    bench.publish(a, publish("t", "789", Q1, 2));
    bench.input(Input::Stalled { conn: watcher });
    bench.input(Input::Drained { conn: watcher });
    bench.input(Input::Traffic { received_bytes: 1000, sent_bytes: 30 });
    bench.input(Input::Traffic { received_bytes: 1, sent_bytes: 2 });
    bench.wait(secs(EVERY));
    bench.subscribe(watcher, "$SYS/#", Q0);
    let values = got(&mut bench, watcher);
    expect(
        &values,
        &[
            ("clients/total", "3"),
            ("clients/connected", "2"),
            ("clients/disconnected", "1"),
            ("clients/inactive", "1"),
            ("clients/maximum", "3"),
            ("subscriptions/count", "1"),
            ("shared_subscriptions/count", "1"),
            ("publish/messages/received", "3"),
            ("publish/messages/sent", "2"),
            ("publish/bytes/received", "9"),
            ("publish/bytes/sent", "6"),
            // CONNECT, SUBSCRIBE, PUBLISH: 3 + 2 + 3; CONNACK, SUBACK, PUBACK, PUBLISH: 3 + 2 + 2 + 2.
            ("messages/received", "8"),
            ("messages/sent", "9"),
            ("messages/stored", "2"),
            ("store/messages/count", "2"),
            ("store/messages/bytes", "5"),
            ("retained messages/count", "1"),
            ("bytes/received", "1001"),
            ("bytes/sent", "32"),
            ("publish/messages/dropped", "0"),
            ("clients/expired", "0"),
        ],
    );
}

#[test]
fn sessions_that_expire_and_messages_that_are_dropped() {
    let mut bench = Bench::with(|it| {
        it.sys_interval = secs(EVERY);
        it.limits.persistent_client_expiration_s = Some(3);
        it.limits.max_queued_messages = 1;
    });
    let a = bench.connect("a", true);
    let b = bench.connect("b", false);
    bench.subscribe(b, "t", Q1);
    bench.cut(b);
    for number in 1..=3 {
        bench.publish(a, publish("t", "x", Q1, number));
    }
    bench.wait(secs(EVERY));
    bench.subscribe(a, "$SYS/#", Q0);
    let values = got(&mut bench, a);
    expect(&values, &[("clients/expired", "1"), ("publish/messages/dropped", "2")]);
    expect(&values, &[("messages/stored", "0"), ("subscriptions/count", "0")]);
    expect(&values, &[("clients/total", "1"), ("load/publish/dropped/1min", "1.84")]);
}

/// Retained, with QoS 2 for those who want that.
#[test]
fn with_qos_2() {
    let mut bench = talking();
    let conn = bench.connect("a", false);
    bench.subscribe(conn, "$SYS/broker/version", Q2);
    let text = format!("twinboard version {}", env!("CARGO_PKG_VERSION"));
    bench.expect(conn, [retain(publish("$SYS/broker/version", &text, Q2, 1))]);
    bench.subscribe(conn, "$SYS/broker/uptime", Q2);
    bench.expect(conn, [retain(publish("$SYS/broker/uptime", "0 seconds", Q2, 2))]);
    bench.wait(secs(EVERY));
    bench.expect(conn, [publish("$SYS/broker/uptime", "10 seconds", Q2, 3)]);
    bench.cut(conn);
    bench.wait(secs(EVERY));
    let conn = bench.ask(connect("a", false));
    let queued = bench.sent(conn).pop();
    assert_eq!(queued, Some(publish("$SYS/broker/uptime", "20 seconds", Q2, 4)));
}

/// Nobody else notices: not who subscribed to everything [MQTT-4.7.2-1], not the trace but for what
/// subscribers get, not the snapshots, not the disk.
#[test]
fn it_disturbs_nobody() {
    let mut bench = Bench::with(|it| {
        it.sys_interval = secs(EVERY);
        it.trace = true;
        it.limits.max_queued_messages = 1;
    });
    let conn = bench.connect("a", false);
    for filter in ["#", "+/broker/uptime", "+/#"] {
        bench.subscribe(conn, filter, Q2);
    }
    let absent = bench.connect("b", false);
    bench.subscribe(absent, "$SYS/broker/uptime", Q0);
    bench.cut(absent);
    let (status, image, events) = (bench.broker.status(), bench.image.clone(), bench.events.len());
    bench.wait(secs(5 * EVERY));
    bench.expect(conn, []);
    assert_eq!(bench.broker.status(), status);
    assert_eq!(bench.image, image);
    assert_eq!(bench.events.len(), events);
    // Where somebody's queue is full of it, nobody has lost anything.
    let absent = bench.connect("b", false);
    bench.subscribe(absent, "$SYS/broker/uptime", Q1);
    bench.cut(absent);
    bench.events.clear();
    bench.wait(secs(5 * EVERY));
    assert_eq!(bench.broker.status().refused, 0);
    let told = &bench.events[..];
    assert!(matches!(told, [Event::Queued { .. }, Event::Committed { .. }]), "{told:?}");
}

/// What was said does not outlive the broker: it begins anew.
#[test]
fn after_a_restart() {
    let mut bench = talking();
    bench.wait(secs(7 * EVERY));
    bench.pull_plug(|_| {});
    let conn = bench.connect("a", true);
    bench.subscribe(conn, "$SYS/broker/uptime", Q0);
    expect(&got(&mut bench, conn), &[("uptime", "0 seconds")]);
    bench.pull_plug(|it| it.sys_interval = secs(0));
    let conn = bench.connect("a", true);
    bench.subscribe(conn, "$SYS/#", Q0);
    bench.expect(conn, []);
    assert_eq!(bench.broker.deadline(), None);
}

/// A shell need not say that something changed.
#[test]
fn it_is_known_that_nothing_else_is_due() {
    let mut bench = talking();
    assert!(bench.broker.only_statistics_due(secs(EVERY)));
    let keep_alive_s = u16::try_from(EVERY).expect("few");
    let conn = bench.ask(Connect { keep_alive_s, ..connect("a", true) });
    assert!(bench.broker.only_statistics_due(secs(EVERY)));
    assert!(!bench.broker.only_statistics_due(secs(2 * EVERY)));
    bench.cut(conn);
    assert!(bench.broker.only_statistics_due(secs(2 * EVERY)));
}
