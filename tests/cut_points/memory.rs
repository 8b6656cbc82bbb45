//! Somebody forgets: a far broker gets an empty disk, a client's process dies.

use std::time::Duration;

use twinboard::broker::{BridgeSettings, Event};
use twinboard::conf::scenario::BreachKind;
use twinboard::lab::world::sim::NodeNumber;
use twinboard::lab::world::sim::client::Client;
use twinboard::mqtt::packet::Level;
use twinboard::mqtt::{Direction, QoS};

use crate::world::{ONE, TWO, World, bridge, judged, judged_as_kept, message, numbers, retained};

const Q2: QoS = QoS::ExactlyOnce;

/// What version the bridge speaks, and whether the brokers tell what they do.
const WAYS: [(Level, bool); 4] =
    [(Level::V311, true), (Level::V5, true), (Level::V311, false), (Level::V5, false)];

fn speaking((level, trace): (Level, bool), bridge: BridgeSettings) -> World {
    World { trace, ..World::new(vec![BridgeSettings { level, ..bridge }]) }
}

fn forgot(event: &(Duration, NodeNumber, Event)) -> bool {
    matches!(event, (_, TWO, Event::RemoteForgot { .. }))
}

/// What waited for a far broker that was replaced meanwhile arrives, and the trace says who forgot.
#[test]
fn a_replaced_disk_loses_nothing_that_waits() {
    let prefixes = [("", ""), ("here/", "there/")];
    for ((local, remote), way) in prefixes.into_iter().flat_map(|it| WAYS.map(|way| (it, way))) {
        let mut sim = speaking(way, bridge(&[("t/#", Direction::Out, local, remote)])).start();
        let watched = format!("{remote}t/#");
        let watch = Client::new(ONE, "subscriber", false).subscribing(&watched, Q2);
        let subscriber = sim.add_client(watch);
        let publisher = sim.add_client(Client::new(TWO, "publisher", false));
        sim.run_for(Duration::from_millis(100));
        sim.cut_cable(ONE, TWO);
        for number in 0..30 {
            let message = message(&format!("{local}t/x"), &number.to_string(), Q2, false);
            sim.client(publisher).publish(message);
        }
        sim.poke(publisher);
        sim.run_for(Duration::from_millis(100));
        sim.replace_disk(ONE);
        sim.power_on_after(ONE, Duration::from_millis(10));
        sim.run_for(Duration::from_millis(200));
        assert!(!sim.events().iter().any(forgot));
        sim.mend_cable(ONE, TWO);
        sim.run_for(Duration::from_secs(2));
        assert!(sim.events().iter().any(forgot));
        let got = numbers(&sim.client(subscriber).payloads(&format!("{remote}t/x")));
        assert_eq!(got, (0..30).collect::<Vec<_>>());
        judged(&sim, watched.as_str(), &[BreachKind::Forgot]);
    }
}

/// At whatever moment the far disk is replaced, it gets the retained state of this side back, and
/// what comes from it later comes in, with packet ids that were used before.
#[test]
fn a_replaced_disk_at_any_moment() {
    for (step, way) in (0..60_u32).flat_map(|it| WAYS.map(|way| (it, way))) {
        let rules = [("o/#", Direction::Out, "", ""), ("i/#", Direction::In, "", "")];
        let mut sim = speaking(way, bridge(&rules)).start();
        let watch = Client::new(TWO, "subscriber", false).subscribing("i/#", Q2);
        let subscriber = sim.add_client(watch);
        let far = sim.add_client(Client::new(ONE, "far", true).speaking(way.0));
        let near = sim.add_client(Client::new(TWO, "near", false).speaking(way.0));
        sim.run_for(Duration::from_millis(100));
        for number in 0..3 {
            sim.client(near).publish(message(&format!("o/{number}"), "x", Q2, true));
            sim.client(far).publish(message("i/x", "1", Q2, false));
        }
        sim.poke(near);
        sim.poke(far);
        sim.run_for(Duration::from_micros(150) * step);
        sim.client(far).lose_memory();
        sim.replace_disk(ONE);
        sim.power_on_after(ONE, Duration::from_millis(5));
        sim.run_for(Duration::from_secs(1));
        assert!(sim.events().iter().any(forgot), "step {step}");
        assert_eq!(retained(&sim, ONE, "o/").len(), 3, "step {step}");
        let before = sim.client(subscriber).received.len();
        for _ in 0..3 {
            sim.client(far).publish(message("i/x", "1", Q2, false));
        }
        sim.poke(far);
        sim.run_for(Duration::from_secs(1));
        assert_eq!(sim.client(subscriber).received.len(), before + 3, "step {step}");
        // What it had acknowledged and not passed on went with its disk.
        judged(&sim, &format!("step {step}, {way:?}"), &[BreachKind::Forgot, BreachKind::Lost]);
    }
}

/// A client that lost its memory counts its packets from 1 again, with the few states it knows:
/// whenever its process died, none of what it says then is taken for a repeat.
#[test]
fn a_killed_client_is_never_swallowed() {
    let second = ["KO", "KO", "OK", "KO"];
    for (step, way) in (0..100_u32).flat_map(|it| WAYS.map(|way| (it, way))) {
        let mut sim = speaking(way, bridge(&[("t", Direction::In, "", "")])).start();
        let watch = |node| Client::new(node, "subscriber", false).subscribing("t", Q2);
        let watchers = [ONE, TWO].map(|node| sim.add_client(watch(node)));
        let publisher = sim.add_client(Client::new(ONE, "publisher", false).speaking(way.0));
        sim.run_for(Duration::from_millis(100));
        for payload in ["OK", "KO", "OK", "KO"] {
            sim.client(publisher).publish(message("t", payload, Q2, true));
        }
        sim.poke(publisher);
        sim.run_for(Duration::from_micros(100) * step);
        sim.kill_client(publisher);
        sim.run_for(Duration::from_millis(100));
        for payload in second {
            sim.client(publisher).publish(message("t", payload, Q2, true));
        }
        sim.poke(publisher);
        sim.run_for(Duration::from_secs(1));
        assert!(sim.client(publisher).is_done(), "step {step}");
        for watcher in watchers {
            let got = sim.client(watcher).payloads("t");
            assert!(got.ends_with(&second.map(bytes::Bytes::from)), "step {step}: {got:?}");
        }
        judged_as_kept(&sim, &format!("step {step}, {way:?}"));
    }
}
