//! The loads, by their names.

use serde::Serialize;

use super::bed::Bed;
use super::figures::Figures;
use super::stream::{self, Shape};
use super::trouble::Trouble;
use super::{flood, idle, latency, storm};

/// A load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    pub name: &'static str,
    pub what: &'static str,
    pub kind: Kind,
}

/// What it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Stream(Shape),
    /// From one broker through a bridge to another.
    Bridge(Shape),
    /// One message at a time, at that QoS.
    Latency(u8),
    Storm,
    Flood,
    Idle,
}

/// What its figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Unit {
    #[serde(rename = "messages/s")]
    MessagesPerSecond,
    #[serde(rename = "connections/s")]
    ConnectionsPerSecond,
    #[serde(rename = "us")]
    Microseconds,
    #[serde(rename = "bytes/connection")]
    BytesPerConnection,
}

const fn shape(publishers: u16, subscribers: u16, qos: u8) -> Shape {
    Shape { publishers, subscribers, qos }
}

const fn load(name: &'static str, what: &'static str, kind: Kind) -> Load {
    Load { name, what, kind }
}

/// All loads, in the order in which they run.
pub const LOADS: &[Load] = &[
    load("qos0-1-1", "QoS 0, 1 publisher to 1 subscriber", Kind::Stream(shape(1, 1, 0))),
    load("qos0-4-1", "QoS 0, 4 publishers to 1 subscriber", Kind::Stream(shape(4, 1, 0))),
    load("qos0-1-20", "QoS 0, 1 publisher to 20 subscribers", Kind::Stream(shape(1, 20, 0))),
    load("qos1-4-4", "QoS 1, 4 publishers, each to 4 subscribers", Kind::Stream(shape(4, 4, 1))),
    load("qos2-4-4", "QoS 2, 4 publishers, each to 4 subscribers", Kind::Stream(shape(4, 4, 2))),
    load("latency-qos0", "QoS 0, one at a time, median", Kind::Latency(0)),
    load("latency-qos1", "QoS 1, one at a time, median", Kind::Latency(1)),
    load("latency-qos2", "QoS 2, one at a time, median", Kind::Latency(2)),
    load("bridge-qos0", "bridge, QoS 0, 4 publishers", Kind::Bridge(shape(4, 1, 0))),
    load("bridge-qos2", "bridge, QoS 2, 4 publishers", Kind::Bridge(shape(4, 1, 2))),
    load("connect-storm", "clients that connect and leave", Kind::Storm),
    load("retained-flood", "retained messages taken by one subscriber", Kind::Flood),
    load("idle", "memory of a connection that idles", Kind::Idle),
];

impl Load {
    /// The load of that name.
    pub fn named(name: &str) -> Option<Self> {
        LOADS.iter().find(|it| it.name == name).copied()
    }

    /// Whether it needs two brokers with a bridge.
    pub fn bridged(&self) -> bool {
        matches!(self.kind, Kind::Bridge(_))
    }

    /// What its figure counts.
    pub fn unit(&self) -> Unit {
        match self.kind {
            Kind::Stream(_) | Kind::Bridge(_) | Kind::Flood => Unit::MessagesPerSecond,
            Kind::Latency(_) => Unit::Microseconds,
            Kind::Storm => Unit::ConnectionsPerSecond,
            Kind::Idle => Unit::BytesPerConnection,
        }
    }

    /// Runs it once.
    ///
    /// # Errors
    /// When broker or system fail.
    pub fn run(&self, bed: &Bed<'_>) -> Result<Figures, Trouble> {
        let figures = match self.kind {
            Kind::Stream(shape) | Kind::Bridge(shape) => stream::run(bed, shape),
            Kind::Latency(qos) => latency::run(bed, qos),
            Kind::Storm => storm::run(bed),
            Kind::Flood => flood::run(bed),
            Kind::Idle => idle::run(bed),
        };
        figures.map(|it| it.with_memory(bed.processes))
    }

    /// What the standard does not allow of these figures: a loss at QoS 1, a loss or a duplicate at
    /// QoS 2. [MQTT-4.3.2-1] [MQTT-4.3.3-1]
    pub fn breach(&self, figures: &Figures) -> Option<String> {
        let qos = match self.kind {
            Kind::Stream(shape) | Kind::Bridge(shape) => shape.qos,
            Kind::Latency(qos) => qos,
            Kind::Flood => 1,
            Kind::Storm | Kind::Idle => 0,
        };
        let lost = (qos > 0 && figures.lost > 0).then(|| format!("{} lost", figures.lost));
        let twice = (qos == 2 && figures.duplicated > 0)
            .then(|| format!("{} came twice", figures.duplicated));
        let both: Vec<_> = lost.into_iter().chain(twice).collect();
        (!both.is_empty()).then(|| format!("at QoS {qos}: {}", both.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::ledger::Counts;
    use super::*;

    #[test]
    fn names_are_unlike() {
        for load in LOADS {
            assert_eq!(Load::named(load.name), Some(*load));
        }
        assert_eq!(Load::named("qos3"), None);
    }

    #[test]
    fn a_broken_promise_is_told() {
        let check = |name: &str, lost, duplicated, expected: Option<&str>| {
            let counts = Counts { lost, duplicated, reordered: 0 };
            let figures = Figures::of(9, Duration::from_secs(1), counts, None);
            let load = Load::named(name).expect("there is one");
            assert_eq!(load.breach(&figures).as_deref(), expected, "{name}");
        };
        check("qos0-1-1", 5, 5, None);
        check("qos1-4-4", 0, 5, None);
        check("qos1-4-4", 5, 0, Some("at QoS 1: 5 lost"));
        check("qos2-4-4", 0, 5, Some("at QoS 2: 5 came twice"));
        check("bridge-qos2", 1, 2, Some("at QoS 2: 1 lost, 2 came twice"));
        check("latency-qos2", 0, 0, None);
        check("retained-flood", 1, 0, Some("at QoS 1: 1 lost"));
    }
}
