//! How long a program's connection may take for what it does, in either world.

use std::time::Duration;

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The wait before dialling again after a connection that held, or the first refusal.
    pub(crate) first_wait: Duration,
    /// The longest wait between two dials; it doubles up to here.
    pub(crate) longest_wait: Duration,
    /// A connection that held this long makes the next wait short again. One that is lost at
    /// once, over and over, does not.
    pub(crate) held: Duration,
    /// How long a polite stop waits for the broker's answers, all in all.
    pub(crate) stop: Duration,
    /// How long the broker may owe an answer. MQTT 3.1.1 resends nothing on a live connection
    /// [MQTT-4.4.0-1], so where an answer was lost, only a new connection gets it.
    pub(crate) answer: Duration,
}

/// What programs are given, in either world.
pub(crate) const LIMITS: Limits = Limits {
    first_wait: Duration::from_millis(250),
    longest_wait: Duration::from_secs(1),
    held: Duration::from_secs(2),
    stop: Duration::from_secs(1),
    answer: Duration::from_secs(15),
};
