//! Both brokers agree on what is retained, whatever happened on the way.

use std::time::Duration;

use twinboard::broker::Event;
use twinboard::lab::world::sim::client::Client;
use twinboard::lab::world::sim::{Fault, NodeNumber};
use twinboard::mqtt::packet::Level;
use twinboard::mqtt::{Direction, QoS};

use crate::world::{ONE, TWO, World, bridge, judged_as_kept, message, retained};

/// By which rule, who publishes, and under which prefixes the topics are known on both sides.
type Case = (Direction, NodeNumber, &'static str, &'static str);

const CASES: [Case; 6] = [
    (Direction::Out, TWO, "", ""),
    (Direction::In, ONE, "", ""),
    (Direction::Both, ONE, "", ""),
    (Direction::Both, TWO, "here/", "there/"),
    (Direction::Out, TWO, "here/", "there/"),
    (Direction::In, ONE, "here/", "there/"),
];

fn run(
    (direction, publisher, local, remote): Case,
    level: Level,
    qos: QoS,
    fault: Option<(u64, Fault)>,
) -> u64 {
    let mut bridge = bridge(&[("t/#", direction, local, remote)]);
    bridge.level = level;
    // The ledger has to infer every second run.
    let trace = fault.is_none_or(|(at, _)| at % 2 == 0);
    let mut sim = World { trace, ..World::new(vec![bridge]) }.start();
    if let Some((at, fault)) = fault {
        sim.fault_at(at, fault);
    }
    let prefix = if publisher == TWO { local } else { remote };
    let publisher = sim.add_client(Client::new(publisher, "publisher", false).speaking(level));
    // Some before the bridge is there, some when it is.
    for (at, (topic, payload)) in
        [("a", "1"), ("b", "2"), ("c", "3"), ("a", "4"), ("b", "")].into_iter().enumerate()
    {
        let topic = format!("{prefix}t/{topic}");
        sim.client(publisher).publish(message(&topic, payload, qos, true));
        sim.poke(publisher);
        sim.run_for(Duration::from_millis(if at == 2 { 40 } else { 0 }));
    }
    sim.run_for(Duration::from_secs(3));
    let expected = [("t/a", "4"), ("t/c", "3")];
    let expected = expected.map(|(topic, payload)| (topic.to_owned(), payload.to_owned()));
    for (node, prefix) in [(ONE, remote), (TWO, local)] {
        let kept: Vec<_> = retained(&sim, node, prefix).into_iter().collect();
        assert_eq!(kept, expected, "{direction}, {level:?}, {qos}, {fault:?}, {node:?}");
    }
    judged_as_kept(&sim, &format!("{direction}, {level:?}, {qos}, {fault:?}"));
    sim.crossed()
}

fn any_single_fault(level: Level) {
    for case in CASES {
        for qos in [QoS::ExactlyOnce, QoS::AtLeastOnce] {
            let packets = run(case, level, qos, None);
            for at in 1..=packets {
                let off = [Fault::PowerOff(ONE), Fault::PowerOff(TWO)];
                for fault in [Fault::CutBefore, Fault::CutAfter].into_iter().chain(off) {
                    run(case, level, qos, Some((at, fault)));
                }
            }
        }
    }
}

#[test]
fn after_any_single_fault() {
    any_single_fault(Level::V311);
}

#[test]
fn after_any_single_fault_in_mqtt_5() {
    any_single_fault(Level::V5);
}

/// A queue that overflows while the cable is cut refuses visibly, and what is retained agrees again
/// after the next connect, on whichever side the queue was.
#[test]
fn after_an_overflow() {
    let cases = [
        (Direction::Out, TWO, false),
        (Direction::Out, TWO, true),
        (Direction::In, ONE, false),
        (Direction::In, ONE, true),
        (Direction::Both, ONE, false),
    ];
    let cases = cases.into_iter().flat_map(|it| [(it, Level::V311), (it, Level::V5)]);
    for ((direction, publisher, off), level) in cases {
        let mut bridge = bridge(&[("t/#", direction, "", "")]);
        bridge.level = level;
        let mut world = World::new(vec![bridge]);
        world.limits.max_queued_messages = 3;
        world.trace = level == Level::V5;
        let mut sim = world.start();
        let client = sim.add_client(Client::new(publisher, "publisher", false));
        sim.run_for(Duration::from_millis(100));
        sim.cut_cable(ONE, TWO);
        for number in 0..10 {
            let topic = format!("t/{}", number % 6);
            sim.client(client).publish(message(
                &topic,
                &number.to_string(),
                QoS::ExactlyOnce,
                true,
            ));
            sim.poke(client);
            sim.run_for(Duration::from_millis(10));
        }
        let dropped = |(_, node, event): &&(Duration, NodeNumber, Event)| {
            *node == publisher && matches!(event, Event::Dropped { .. })
        };
        assert_eq!(sim.events().iter().filter(dropped).count(), 7);
        assert_eq!(sim.broker(publisher).expect("it runs").status().refused, 7);
        if off {
            sim.power_off(publisher);
            sim.power_on_after(publisher, Duration::ZERO);
        }
        sim.mend_cable(ONE, TWO);
        sim.run_for(Duration::from_secs(2));
        let kept = retained(&sim, ONE, "t/");
        assert_eq!(kept.len(), 6, "{direction}");
        assert_eq!(kept, retained(&sim, TWO, "t/"), "{direction}");
        judged_as_kept(&sim, &format!("{direction}, {publisher:?}, {off}, {level:?}"));
    }
}
