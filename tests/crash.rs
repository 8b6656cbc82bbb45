//! A broker's process is killed with -9 again and again, at random moments, while clients publish and
//! subscribe; a ledger of what was acknowledged says what must be there. The same with two brokers
//! and a QoS 2 bridge between them.
//!
//! `TWINBOARD_CRASH_ROUNDS` sets how often it is killed, `TWINBOARD_SEED` when.

#[path = "common/client.rs"]
mod client;
#[path = "common/process.rs"]
mod process;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use client::{Client, Happened};
use process::{Process, free_port};
use twinboard::mqtt::QoS;

/// How long what must happen may take; only waited out when a test fails.
const PATIENCE: Duration = Duration::from_secs(60);
/// So many messages a publisher has on their way at once.
const WINDOW: usize = 8;
/// How long a subscriber waits at most before it looks whether it is to end.
const GLANCE: Duration = Duration::from_millis(20);

/// What clients and the test know of each other.
#[derive(Default)]
struct Ledger {
    /// Publishers go on only while this is set.
    open: bool,
    /// Publishers finish what they have begun and begin nothing new.
    last_round: bool,
    /// Subscribers end.
    over: bool,
    /// For each publisher the number of its last message that was acknowledged.
    acknowledged: [u32; 2],
    /// How many messages arrived at subscribers.
    arrived: usize,
}

type Shared = Arc<(Mutex<Ledger>, Condvar)>;

fn change(shared: &Shared, how: impl FnOnce(&mut Ledger)) {
    how(&mut shared.0.lock().expect("no test panicked"));
    shared.1.notify_all();
}

fn wait_until(shared: &Shared, what: &str, holds: impl Fn(&Ledger) -> bool) {
    let ledger = shared.0.lock().expect("no test panicked");
    let (_ledger, waited) =
        shared.1.wait_timeout_while(ledger, PATIENCE, |it| !holds(it)).expect("no test panicked");
    assert!(!waited.timed_out(), "waited in vain until {what}");
}

/// A publisher of numbered, retained messages, from 1 on.
struct Publisher {
    place: usize,
    topic: &'static str,
    qos: QoS,
    address: SocketAddr,
}

impl Publisher {
    fn spawn(self, shared: &Shared) -> JoinHandle<u32> {
        let shared = Arc::clone(shared);
        thread::spawn(move || self.run(&shared))
    }

    /// Publishes until the last round, and gives back how many.
    fn run(&self, shared: &Shared) -> u32 {
        let mut client = Client::new(&format!("publisher {}", self.topic), false);
        let mut published = 0;
        let mut known = false;
        loop {
            wait_until(shared, "publishers may go on", |it| it.open);
            let Ok(present) = client.connect(self.address) else {
                thread::sleep(Duration::from_millis(2));
                continue;
            };
            assert!(present || !known, "a session that was acknowledged is gone");
            known = true;
            if self.publish(&mut client, &mut published, shared) {
                return published;
            }
        }
    }

    /// Goes on until the connection breaks; true when all is done.
    fn publish(&self, client: &mut Client, published: &mut u32, shared: &Shared) -> bool {
        loop {
            let last = shared.0.lock().expect("no test panicked").last_round;
            while !last && client.unfinished() < WINDOW {
                *published += 1;
                let payload = published.to_string();
                if client.publish(self.topic, &payload, self.qos, true).is_err() {
                    return false;
                }
            }
            if client.unfinished() == 0 {
                return true;
            }
            match client.turn(PATIENCE) {
                Ok(Happened::Acknowledged(publish)) => {
                    let number = number(&publish.payload);
                    change(shared, |it| {
                        let last = &mut it.acknowledged[self.place];
                        *last = number.max(*last);
                    });
                }
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }
}

/// A subscriber with a session that is kept; gives back the numbers that arrived.
fn subscriber(
    topic: &'static str,
    qos: QoS,
    address: SocketAddr,
    shared: &Shared,
) -> JoinHandle<Vec<u32>> {
    let shared = Arc::clone(shared);
    let mut client = Client::new(&format!("subscriber {topic}"), false);
    client.connect(address).expect("the broker runs");
    client.subscribe(topic, qos).expect("the broker runs");
    thread::spawn(move || {
        let mut arrived = Vec::new();
        while !shared.0.lock().expect("no test panicked").over {
            match client.turn(GLANCE) {
                Ok(Happened::Arrived(publish)) => {
                    arrived.push(number(&publish.payload));
                    change(&shared, |it| it.arrived += 1);
                }
                Ok(_) => {}
                Err(_) => match client.connect(address) {
                    Ok(present) => assert!(present, "a session that was acknowledged is gone"),
                    Err(_) => thread::sleep(Duration::from_millis(2)),
                },
            }
        }
        arrived
    })
}

fn number(payload: &[u8]) -> u32 {
    std::str::from_utf8(payload).expect("a number").parse().expect("a number")
}

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
            Happened::Arrived(publish) => found = Some(number(&publish.payload)),
            _ => {}
        }
    }
}

fn check_once(what: &str, arrived: &[u32], published: u32) {
    let wrong = arrived.iter().zip(1..).find(|(number, expected)| **number != *expected);
    assert_eq!(wrong, None, "{what}: this came in place of that, of {published}");
    assert_eq!(u32::try_from(arrived.len()), Ok(published), "{what}: the last ones are lost");
}

/// Every one arrived, and their first copies in order.
fn check_at_least_once(what: &str, arrived: &[u32], published: u32) {
    let mut seen = BTreeSet::new();
    let first: Vec<_> = arrived.iter().copied().filter(|it| seen.insert(*it)).collect();
    check_once(what, &first, published);
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31) % limit
    }
}

/// The number of rounds, and chance, whose seed is printed for a failing test to be run again.
fn setting() -> (u64, Random) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("TWINBOARD_SEED").unwrap_or_else(twinboard::lab::world::live::seed);
    let rounds = number("TWINBOARD_CRASH_ROUNDS").unwrap_or(25);
    println!("TWINBOARD_SEED={seed} TWINBOARD_CRASH_ROUNDS={rounds}");
    (rounds, Random(seed))
}

/// Lets some more messages arrive, and a moment pass after the last: no round is at the same point.
fn some_moment(shared: &Shared, random: &mut Random) {
    let arrived = shared.0.lock().expect("no test panicked").arrived;
    let more = usize::try_from(random.below(60)).expect("a small number");
    wait_until(shared, "more messages arrive", |it| it.arrived >= arrived + more);
    let until = Instant::now() + Duration::from_micros(random.below(4_000));
    while Instant::now() < until {
        thread::yield_now();
    }
}

const OURS: &str = env!("CARGO_BIN_EXE_twinboard");
const CONF: &str = "persistence true\nmax_queued_messages 100000";

#[test]
fn nothing_acknowledged_is_lost_or_repeated() {
    let (rounds, mut random) = setting();
    let folder = tempfile::tempdir().expect("a folder");
    let mut broker = Process::new(OURS, folder.path(), "one", free_port(), CONF);
    broker.start();
    let address = broker.address();
    let shared = Shared::default();
    let twice = subscriber("once", QoS::ExactlyOnce, address, &shared);
    let once = subscriber("at-least-once", QoS::AtLeastOnce, address, &shared);
    change(&shared, |it| it.open = true);
    let publisher = |place, topic, qos| Publisher { place, topic, qos, address }.spawn(&shared);
    let publishers =
        [publisher(0, "once", QoS::ExactlyOnce), publisher(1, "at-least-once", QoS::AtLeastOnce)];
    for round in 0..rounds {
        some_moment(&shared, &mut random);
        broker.kill();
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
    let published = publishers.map(|it| it.join().expect("no panic"));
    let all = usize::try_from(published[0] + published[1]).expect("it fits");
    wait_until(&shared, "all arrive", |it| it.arrived >= all);
    let empty = |address| retained("once", address) == Some(published[0]);
    assert!(empty(address), "the last message is the retained one");
    change(&shared, |it| it.over = true);
    check_once("QoS 2", &twice.join().expect("no panic"), published[0]);
    check_at_least_once("QoS 1", &once.join().expect("no panic"), published[1]);
}

#[test]
fn a_bridge_between_brokers_that_die_carries_each_message_once() {
    let (rounds, mut random) = setting();
    let folder = tempfile::tempdir().expect("a folder");
    let mut remote = Process::new(OURS, folder.path(), "remote", free_port(), CONF);
    let bridge = format!(
        "{CONF}\nconnection bridge\naddress {}\nremote_clientid bridge\nrestart_timeout 1\n\
         topic out out 2\ntopic in in 2",
        remote.address()
    );
    let mut local = Process::new(OURS, folder.path(), "local", free_port(), &bridge);
    remote.start();
    local.start();
    let (here, there) = (local.address(), remote.address());
    let shared = Shared::default();
    let out = subscriber("out", QoS::ExactlyOnce, there, &shared);
    let into = subscriber("in", QoS::ExactlyOnce, here, &shared);
    change(&shared, |it| it.open = true);
    let publisher = |place, topic, address| {
        Publisher { place, topic, qos: QoS::ExactlyOnce, address }.spawn(&shared)
    };
    let publishers = [publisher(0, "out", here), publisher(1, "in", there)];
    for _ in 0..rounds {
        some_moment(&shared, &mut random);
        // The side that dials is killed more often: the other one makes it wait a second.
        let dies = random.below(4);
        if dies != 0 {
            local.kill();
        }
        if dies <= 1 {
            remote.kill();
            remote.start();
        }
        if dies != 0 {
            local.start();
        }
    }
    change(&shared, |it| it.last_round = true);
    let published = publishers.map(|it| it.join().expect("no panic"));
    let all = usize::try_from(published[0] + published[1]).expect("it fits");
    wait_until(&shared, "all arrive", |it| it.arrived >= all);
    change(&shared, |it| it.over = true);
    check_once("out", &out.join().expect("no panic"), published[0]);
    check_once("in", &into.join().expect("no panic"), published[1]);
}
