//! When the broker must look at something again although nothing came.

use std::collections::BTreeSet;
use std::time::Duration;

use super::io::{BridgeNumber, ConnId};
use super::sessions::SessionKey;

/// What to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// Whether a connection was silent for too long. Set for the earliest time this could be so, not
    /// anew with each packet.
    Silence(ConnId),
    /// Whether a bridge's link must do something.
    Link(BridgeNumber),
    /// Whether a session ends, or its will is due.
    Session(SessionKey),
    /// Whether a retained message has expired.
    Retained,
    /// Whether the broker says something of itself under `$SYS`.
    Statistics,
}

/// Timers in order of their time.
#[derive(Debug, Clone, Default)]
pub struct Timers(BTreeSet<(Duration, Timer)>);

impl Timers {
    /// Sets a timer.
    pub fn set(&mut self, at: Duration, timer: Timer) {
        self.0.insert((at, timer));
    }

    /// Takes a timer back.
    pub fn cancel(&mut self, at: Duration, timer: Timer) {
        self.0.remove(&(at, timer));
    }

    /// When the next one is due.
    pub fn next(&self) -> Option<Duration> {
        self.0.first().map(|(at, _)| *at)
    }

    /// How many there are.
    #[cfg(test)]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Those that are due.
    pub fn all_due(&self, now: Duration) -> impl Iterator<Item = Timer> {
        self.0.iter().take_while(move |(at, _)| *at <= now).map(|(_, timer)| *timer)
    }

    /// Takes out one that is due.
    pub fn due(&mut self, now: Duration) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        self.0.pop_first().map(|(_, timer)| timer)
    }
}
