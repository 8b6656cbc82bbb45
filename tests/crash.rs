//! A broker's process is killed with -9 again and again, at random moments, while clients of both
//! versions of MQTT publish and subscribe; a ledger of what was acknowledged says what must be
//! there. The same with two brokers and a QoS 2 bridge between them, of either version.
//!
//! Each of the three tests kills 80 times, some 240 together, whoever runs it; a run of CI is no
//! other. `TWINBOARD_CRASH_ROUNDS` sets another number, `TWINBOARD_SEED` the moments and the versions.

#[path = "common/client.rs"]
mod client;
#[path = "common/ledger.rs"]
mod ledger;
#[path = "common/process.rs"]
mod process;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use client::{Client, Happened};
use ledger::{
    Publisher, Shared, change, check_once, end_both_ways, setting, some_moment, subscriber,
    wait_until,
};
use process::{Process, free_port};
use twinboard::mqtt::QoS;

const PATIENCE: Duration = Duration::from_secs(20);
/// How often each test kills, where nothing else is said.
const ROUNDS: u64 = 80;

/// The retained message of a topic, as a client sees it that connects for that alone.
fn retained(topic: &str, address: SocketAddr) -> Option<u32> {
    let mut client = Client::new("looks", true);
    client.connect(address).expect("the broker runs");
    client.subscribe(topic, QoS::AtMostOnce).expect("the broker runs");
    // A message to itself comes back behind the retained ones.
    client.subscribe("fence", QoS::AtMostOnce).expect("the broker runs");
    client.publish("fence", "0", QoS::AtLeastOnce, false).expect("the broker runs");
    let mut found = None;
    loop {
        match client.turn(PATIENCE).expect("the broker runs") {
            Happened::Arrived(publish) if publish.topic.as_str() == "fence" => return found,
            Happened::Arrived(publish) => {
                let text = std::str::from_utf8(&publish.payload).expect("a number");
                found = Some(text.parse().expect("a number"));
            }
            _ => {}
        }
    }
}

/// Every one arrived, and their first copies in order.
fn check_at_least_once(what: &str, arrived: &[u32], published: u32) {
    let mut seen = BTreeSet::new();
    let first: Vec<_> = arrived.iter().copied().filter(|it| seen.insert(*it)).collect();
    check_once(what, &first, published);
}

const OURS: &str = env!("CARGO_BIN_EXE_twinboard");
const CONF: &str = "persistence true\nmax_queued_messages 100000";

#[test]
fn nothing_acknowledged_is_lost_or_repeated() {
    let (rounds, mut random) = setting(ROUNDS);
    let folder = tempfile::tempdir().expect("a folder");
    let mut broker = Process::new(OURS, folder.path(), "one", free_port(), CONF);
    broker.start();
    let address = broker.address();
    let shared = Shared::default();
    let twice = subscriber("once", QoS::ExactlyOnce, address, random.level(), &shared);
    let once = subscriber("at-least-once", QoS::AtLeastOnce, address, random.level(), &shared);
    change(&shared, |it| it.open = true);
    let mut publisher = |place, topic, qos| {
        let level = random.level();
        Publisher { place, topic, qos, retain: true, address, level }.spawn(&shared)
    };
    let publishers =
        [publisher(0, "once", QoS::ExactlyOnce), publisher(1, "at-least-once", QoS::AtLeastOnce)];
    for round in 0..rounds {
        some_moment(&shared, &mut random);
        broker.end(random.below(6) == 0);
        change(&shared, |it| it.open = false);
        broker.start();
        // What publishers still send again or anew would hide a loss here. They may have dialled
        // before they were told to wait, but what they send then is later than the ledger's.
        let promised = shared.0.lock().expect("no test panicked").acknowledged;
        for (topic, promised) in ["once", "at-least-once"].into_iter().zip(promised) {
            let found = retained(topic, address);
            assert!(
                found.unwrap_or(0) >= promised,
                "round {round}: {promised} on {topic} was acknowledged, {found:?} is retained"
            );
        }
        change(&shared, |it| it.open = true);
    }
    change(&shared, |it| it.last_round = true);
    let counts = publishers.map(|it| it.join().expect("no panic"));
    let all = usize::try_from(counts[0] + counts[1]).expect("it fits");
    wait_until(&shared, "all arrive", |it| it.arrived >= all);
    let empty = |address| retained("once", address) == Some(counts[0]);
    assert!(empty(address), "the last message is the retained one");
    change(&shared, |it| it.over = true);
    check_once("QoS 2", &twice.join().expect("no panic"), counts[0]);
    check_at_least_once("QoS 1", &once.join().expect("no panic"), counts[1]);
}

/// Retains a message that a bridge is to bring.
fn say_ready(address: SocketAddr) {
    let mut client = Client::new("says it", true);
    client.connect(address).expect("the broker runs");
    client.publish("ready", "1", QoS::ExactlyOnce, true).expect("the broker runs");
    while client.unfinished() > 0 {
        client.turn(PATIENCE).expect("the broker runs");
    }
}

/// Waits until the bridge has brought it: then the far broker owes it what is published from now on,
/// and it knows that. What a bridge does not know to be granted it asks for again, and the last message
/// that is retained comes again with it.
fn wait_until_ready(address: SocketAddr) {
    let mut client = Client::new("waits", true);
    client.connect(address).expect("the broker runs");
    client.subscribe("ready", QoS::AtMostOnce).expect("the broker runs");
    let begun = Instant::now();
    while !matches!(client.turn(PATIENCE).expect("the broker runs"), Happened::Arrived(_)) {
        assert!(begun.elapsed() < PATIENCE, "the bridge brings nothing");
    }
}

/// A bridge of that version between brokers that die carries each message once.
fn bridged(version: &str) {
    let (rounds, mut random) = setting(ROUNDS);
    let folder = tempfile::tempdir().expect("a folder");
    let mut remote = Process::new(OURS, folder.path(), "remote", free_port(), CONF);
    let bridge = format!(
        "{CONF}\nconnection bridge\naddress {}\nremote_clientid bridge\nrestart_timeout 1\n\
         bridge_protocol_version {version}\ntopic out out 2\ntopic in in 2\ntopic ready in 2",
        remote.address()
    );
    let mut local = Process::new(OURS, folder.path(), "local", free_port(), &bridge);
    remote.start();
    let (here, there) = (local.address(), remote.address());
    say_ready(there);
    local.start();
    wait_until_ready(here);
    let shared = Shared::default();
    let out = subscriber("out", QoS::ExactlyOnce, there, random.level(), &shared);
    let into = subscriber("in", QoS::ExactlyOnce, here, random.level(), &shared);
    change(&shared, |it| it.open = true);
    let mut publisher = |place, topic, address| {
        let (qos, level) = (QoS::ExactlyOnce, random.level());
        Publisher { place, topic, qos, retain: true, address, level }.spawn(&shared)
    };
    let publishers = [publisher(0, "out", here), publisher(1, "in", there)];
    for _ in 0..rounds {
        some_moment(&shared, &mut random);
        // The side that dials is killed more often: the other one makes it wait a second.
        let dies = random.below(4);
        if dies != 0 {
            local.end(random.below(6) == 0);
        }
        if dies <= 1 {
            remote.end(random.below(6) == 0);
            remote.start();
        }
        if dies != 0 {
            local.start();
        }
    }
    end_both_ways(&shared, publishers, [out, into]);
}

#[test]
fn a_bridge_of_mqtt_3_1_1_between_brokers_that_die_carries_each_message_once() {
    bridged("mqttv311");
}

#[test]
fn a_bridge_of_mqtt_5_between_brokers_that_die_carries_each_message_once() {
    bridged("mqttv50");
}

/// A request to end that comes as early as can be is honoured like any other.
#[test]
fn asked_to_end_as_soon_as_it_listens_it_ends_cleanly() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut broker = Process::new(OURS, folder.path(), "one", free_port(), CONF);
    for _ in 0..20 {
        broker.start();
        broker.end(true);
    }
}
