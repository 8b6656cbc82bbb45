//! What a broker says of itself under `$SYS/broker`, under mosquitto's names: every `sys_interval`,
//! retained, with QoS 2, and only what has changed since the last time.
//! [mosquitto's manual, section "Broker status", versions 2.0 and 2.1]
//!
//! Where this differs from mosquitto: clients are those of other programs, the local halves of this
//! broker's own bridges left out; what is said here is not counted among the retained and the stored
//! messages; `clients/maximum` counts clients that were connected at the same time, as the manual
//! has it. `heap/current`, `heap/maximum` and `packet/out` are not said: nothing counts what the
//! allocator gives, and what waits to be written is known to the shell alone.
//!
//! None of it is durable or told as an event, and none of it shows in a
//! [`Status`](super::Status): it is news to those who subscribed, and to nobody else. A bridge's
//! `connection/NAME/state` is in `bridge.rs`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Broker;
use super::counters::Counters;
use super::load::{Load, SPANS_MIN};
use super::timers::Timer;
use crate::mqtt::{Message, QoS, Topic};

/// Picks a counter.
type Count = fn(&Counters) -> u64;

/// What loads are made of.
const LOADS: [(&str, Count); 9] = [
    ("messages/received", |it| it.packets.received),
    ("messages/sent", |it| it.packets.sent),
    ("publish/dropped", |it| it.dropped),
    ("publish/received", |it| it.publishes.received),
    ("publish/sent", |it| it.publishes.sent),
    ("bytes/received", |it| it.bytes.received),
    ("bytes/sent", |it| it.bytes.sent),
    ("sockets", |it| it.sockets),
    ("connections", |it| it.connects),
];

/// What was said so far.
#[derive(Debug, Clone)]
pub struct Sys {
    began: Duration,
    /// The counters of the last time, and when that was.
    last: (Duration, Counters),
    loads: [Load; LOADS.len()],
    /// The value of each topic below `$SYS/broker`.
    said: BTreeMap<String, String>,
}

impl Sys {
    /// Nothing was said yet by a broker that begins now.
    pub fn new(now: Duration) -> Self {
        Self {
            began: now,
            last: (now, Counters::default()),
            loads: [Load::default(); LOADS.len()],
            said: BTreeMap::new(),
        }
    }

    /// The loads now.
    fn loads(&mut self, now: Duration, counters: &Counters) -> Vec<(String, String)> {
        let (at, before) = std::mem::replace(&mut self.last, (now, *counters));
        let mut values = Vec::new();
        for ((name, count), load) in LOADS.iter().zip(&mut self.loads) {
            load.add(count(counters) - count(&before), now.saturating_sub(at));
            for (average, span) in load.averages().into_iter().zip(SPANS_MIN) {
                values.push((format!("load/{name}/{span}min"), format!("{average:.2}")));
            }
        }
        values
    }

    /// Whether that is news.
    fn is_news(&mut self, topic: &str, value: &str) -> bool {
        match self.said.get_mut(topic) {
            Some(said) if said == value => return false,
            Some(said) => value.clone_into(said),
            None => {
                self.said.insert(topic.to_owned(), value.to_owned());
            }
        }
        true
    }
}

impl Broker {
    /// Says what has changed, and sets the timer for the next time.
    pub(super) fn say_statistics(&mut self) {
        let version = format!("twinboard version {}", env!("CARGO_PKG_VERSION"));
        let uptime = self.now.saturating_sub(self.sys.began).as_secs();
        let mut values = vec![
            ("version".to_owned(), version),
            ("uptime".to_owned(), format!("{uptime} seconds")),
        ];
        values.extend(self.gauges().map(|(topic, value)| (topic.to_owned(), value.to_string())));
        values.extend(self.totals().map(|(topic, value)| (topic.to_owned(), value.to_string())));
        values.extend(self.sys.loads(self.now, &self.counters));
        for (topic, value) in values {
            if self.sys.is_news(&topic, &value) {
                self.say(&topic, value);
            }
        }
        self.timers.set(self.now + self.settings.sys_interval, Timer::Statistics);
    }

    /// What there is now.
    fn gauges(&self) -> impl Iterator<Item = (&'static str, usize)> + use<> {
        let Counters { connected, most_connected, subscriptions, shared_subscriptions, .. } =
            self.counters;
        let total = self.clients();
        let bodies = self.journal.bodies();
        [
            ("clients/total", total),
            ("clients/maximum", most_connected),
            ("clients/connected", connected),
            ("clients/active", connected),
            ("clients/disconnected", total - connected),
            ("clients/inactive", total - connected),
            ("messages/stored", bodies.count()),
            ("store/messages/count", bodies.count()),
            ("store/messages/bytes", bodies.payload_bytes()),
            ("subscriptions/count", subscriptions),
            ("shared_subscriptions/count", shared_subscriptions),
            ("retained messages/count", self.retained.count()),
        ]
        .into_iter()
    }

    /// What there was since the start.
    fn totals(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        let Counters { packets, publishes, publish_bytes, bytes, .. } = self.counters;
        [
            ("clients/expired", self.counters.expired),
            ("messages/received", packets.received),
            ("messages/sent", packets.sent),
            ("publish/messages/received", publishes.received),
            ("publish/messages/sent", publishes.sent),
            ("publish/messages/dropped", self.counters.dropped),
            ("publish/bytes/received", publish_bytes.received),
            ("publish/bytes/sent", publish_bytes.sent),
            ("bytes/received", bytes.received),
            ("bytes/sent", bytes.sent),
            ("connections/socket/count", self.counters.sockets),
        ]
        .into_iter()
    }

    /// How many clients' sessions there are, connected or kept.
    pub(super) fn clients(&self) -> usize {
        self.sessions.len() - self.bridges.len()
    }

    fn say(&mut self, topic: &str, value: String) {
        let topic = Topic::parse(&format!("$SYS/broker/{topic}")).expect("no wildcards in it");
        let numbered = self.number(Message::new(topic, value, QoS::ExactlyOnce, true));
        self.route(&numbered, None);
    }
}
