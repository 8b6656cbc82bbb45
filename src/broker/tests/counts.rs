//! What is counted as it comes and goes is what a walk through everything finds.

use super::bench::*;
use crate::broker::bodies::Bodies;
use crate::broker::connection::Who;
use crate::broker::publish::is_brokers_own;

/// Walks through everything.
#[track_caller]
pub fn check(broker: &Broker) {
    let mut bodies = Bodies::default();
    let durable = broker.settings.persistence;
    for (text, kept_on_disk) in [("#", true), ("$SYS/#", false)] {
        for kept in broker.retained.matched_by(&filter(text)) {
            if !is_brokers_own(&kept.numbered.message.topic) {
                bodies.hold(&kept.numbered, durable && kept_on_disk);
            }
        }
    }
    for session in broker.sessions.iter() {
        let wills = session.will.iter().map(|it| &it.numbered);
        for numbered in session.outgoing.items().map(|it| &it.numbered).chain(wills) {
            bodies.hold(numbered, durable && session.persistent);
        }
    }
    assert_eq!(broker.journal.bodies(), &bodies);
    // One for each that may have something to wait for, one for all that is retained, and one for
    // the statistics.
    let sleepers = broker.connections.len() + broker.sessions.iter().count() + broker.bridges.len();
    assert!(broker.timers.count() <= sleepers + 2, "{:?}", broker.timers);
    let clients = broker.connections.values().filter(|it| matches!(it.who, Who::Client(_)));
    assert_eq!(broker.counters.connected, clients.count());
    let of_clients = broker.sessions.iter().filter(|it| it.bridge.is_none());
    let (shared, single): (Vec<_>, Vec<_>) = of_clients
        .flat_map(|it| it.subscriptions.keys().cloned())
        .partition(|it| it.group().is_some());
    let rules = broker.settings.bridges.iter().flat_map(|it| &it.rules);
    let out = rules.filter(|it| it.direction().goes_out()).count();
    assert_eq!(broker.counters.subscriptions, single.len() + out);
    assert_eq!(broker.counters.shared_subscriptions, shared.len());
}

/// A message counts once for all who are to get it, and until the last of them has it.
#[test]
fn each_body_once() {
    let mut bench = Bench::new();
    let subscribers = ["b", "c"].map(|name| bench.connect(name, name == "c"));
    for conn in subscribers {
        bench.subscribe(conn, "t", Q1);
    }
    let a = bench.connect("a", true);
    let bodies = |bench: &Bench| {
        check(&bench.broker);
        let bodies = bench.broker.journal.bodies();
        (bodies.count(), bodies.payload_bytes())
    };
    bench.publish(a, publish("t", "not kept", Q0, 0));
    assert_eq!(bodies(&bench), (0, 0));
    bench.publish(a, retain(publish("t", "1234", Q1, 1)));
    assert_eq!(bodies(&bench), (1, 4));
    bench.publish(a, retain(publish("t", "56", Q1, 2)));
    assert_eq!(bodies(&bench), (2, 6));
    for conn in subscribers {
        bench.send(conn, puback(1));
    }
    assert_eq!(bodies(&bench), (1, 2));
    bench.publish(a, retain(publish("t", "", Q1, 3)));
    assert_eq!(bodies(&bench), (2, 2));
    bench.cut(subscribers[1]);
    assert_eq!(bodies(&bench), (2, 2));
    bench.pull_plug(|_| {});
    assert_eq!(bodies(&bench), (2, 2));
    bench.connect("b", true);
    assert_eq!(bodies(&bench), (0, 0));
}
