//! Publishers of numbered messages, subscribers with sessions that are kept, and a ledger of what was
//! acknowledged and what arrived, for tests that break what is between them at random moments.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use twinboard::mqtt::QoS;
use twinboard::mqtt::packet::Level;

use crate::client::{Client, Happened};

/// How long what must happen may take; only waited out when a test fails.
const PATIENCE: Duration = Duration::from_secs(40);
/// So many messages a publisher has on their way at once.
const WINDOW: usize = 8;
/// No publisher is further ahead of what arrived, so that no queue grows without end.
const AHEAD: usize = 400;
/// How long a client waits at most before it looks what it is to do.
const GLANCE: Duration = Duration::from_millis(20);

/// What clients and the test know of each other.
#[derive(Default)]
pub struct Ledger {
    /// Publishers go on only while this is set.
    pub open: bool,
    /// Publishers finish what they have begun and begin nothing new.
    pub last_round: bool,
    /// Subscribers end.
    pub over: bool,
    /// For each publisher the number of its last message that was acknowledged.
    pub acknowledged: [u32; 2],
    /// How many messages arrived at subscribers, repeats not counted: as many as were published say
    /// that the last ones are there.
    pub arrived: usize,
    /// The greatest number that did.
    pub newest: u32,
}

pub type Shared = Arc<(Mutex<Ledger>, Condvar)>;

pub fn change(shared: &Shared, how: impl FnOnce(&mut Ledger)) {
    how(&mut shared.0.lock().expect("no test panicked"));
    shared.1.notify_all();
}

/// Whether that came to be in the time that it may take.
fn comes_to_be(shared: &Shared, holds: impl Fn(&Ledger) -> bool) -> bool {
    let ledger = shared.0.lock().expect("no test panicked");
    let (_ledger, waited) =
        shared.1.wait_timeout_while(ledger, PATIENCE, |it| !holds(it)).expect("no test panicked");
    !waited.timed_out()
}

pub fn wait_until(shared: &Shared, what: &str, holds: impl Fn(&Ledger) -> bool) {
    assert!(comes_to_be(shared, holds), "waited in vain until {what}");
}

/// A publisher of numbered messages, from 1 on.
pub struct Publisher {
    pub place: usize,
    pub topic: &'static str,
    pub qos: QoS,
    pub retain: bool,
    pub address: SocketAddr,
    pub level: Level,
}

impl Publisher {
    pub fn spawn(self, shared: &Shared) -> JoinHandle<u32> {
        let shared = Arc::clone(shared);
        thread::spawn(move || self.run(&shared))
    }

    /// Publishes until the last round, and gives back how many.
    fn run(&self, shared: &Shared) -> u32 {
        let name = format!("publisher {}", self.topic);
        let mut client = Client::new(&name, false).speaking(self.level);
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
            let (last, arrived) = {
                let ledger = shared.0.lock().expect("no test panicked");
                (ledger.last_round, ledger.arrived)
            };
            let ahead = |published: u32| published as usize > arrived + AHEAD;
            while !last && client.unfinished() < WINDOW && !ahead(*published) {
                *published += 1;
                let payload = published.to_string();
                if client.publish(self.topic, &payload, self.qos, self.retain).is_err() {
                    return false;
                }
            }
            if last && client.unfinished() == 0 {
                return true;
            }
            match client.turn(GLANCE) {
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
pub fn subscriber(
    topic: &'static str,
    qos: QoS,
    address: SocketAddr,
    level: Level,
    shared: &Shared,
) -> JoinHandle<Vec<u32>> {
    let shared = Arc::clone(shared);
    let mut client = Client::new(&format!("subscriber {topic}"), false).speaking(level);
    client.connect(address).expect("the broker runs");
    client.subscribe(topic, qos).expect("the broker runs");
    thread::spawn(move || {
        let (mut arrived, mut seen) = (Vec::new(), BTreeSet::new());
        while !shared.0.lock().expect("no test panicked").over {
            match client.turn(GLANCE) {
                Ok(Happened::Arrived(publish)) => {
                    let number = number(&publish.payload);
                    arrived.push(number);
                    let first = usize::from(seen.insert(number));
                    change(&shared, |it| {
                        it.arrived += first;
                        it.newest = number.max(it.newest);
                    });
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

/// Each arrived once and in order.
pub fn check_once(what: &str, arrived: &[u32], published: u32) {
    let wrong = arrived.iter().zip(1..).find(|(number, expected)| **number != *expected);
    assert_eq!(wrong, None, "{what}: this came in place of that, of {published}");
    assert_eq!(u32::try_from(arrived.len()), Ok(published), "{what}: the last ones are lost");
}

/// Some sequence of numbers (splitmix64).
pub struct Random(u64);

impl Random {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31) % limit
    }

    /// One of the two versions of MQTT.
    pub fn level(&mut self) -> Level {
        if self.below(2) == 0 { Level::V311 } else { Level::V5 }
    }
}

/// The number of rounds, which is `rounds` where nothing is said, and chance, whose seed is printed
/// for a failing test to be run again.
pub fn setting(rounds: u64) -> (u64, Random) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("TWINBOARD_SEED").unwrap_or_else(twinboard::lab::world::live::seed);
    let rounds = number("TWINBOARD_CRASH_ROUNDS").unwrap_or(rounds);
    println!("TWINBOARD_SEED={seed} TWINBOARD_CRASH_ROUNDS={rounds}");
    (rounds, Random(seed))
}

/// Lets some more messages arrive, and a moment pass after the last: no round is at the same point.
pub fn some_moment(shared: &Shared, random: &mut Random) {
    let arrived = shared.0.lock().expect("no test panicked").arrived;
    let more = usize::try_from(random.below(60)).expect("a small number");
    wait_until(shared, "more messages arrive", |it| it.arrived >= arrived + more);
    let until = Instant::now() + Duration::from_micros(random.below(4_000));
    while Instant::now() < until {
        thread::yield_now();
    }
}

/// Ends a run with a publisher and a subscriber for each way, out and in: what was published has
/// arrived, each message once and in order.
pub fn end_both_ways(
    shared: &Shared,
    publishers: [JoinHandle<u32>; 2],
    subscribers: [JoinHandle<Vec<u32>>; 2],
) {
    change(shared, |it| it.last_round = true);
    let counts = publishers.map(|it| it.join().expect("no panic"));
    let all = usize::try_from(counts[0] + counts[1]).expect("it fits");
    let all_arrive = comes_to_be(shared, |it| it.arrived >= all);
    change(shared, |it| it.over = true);
    for ((what, subscriber), count) in ["out", "in"].into_iter().zip(subscribers).zip(counts) {
        check_once(what, &subscriber.join().expect("no panic"), count);
    }
    assert!(all_arrive, "waited in vain until all arrive");
}
