//! How a program's client keeps its connection: pings, patience, the wait before it dials again. The
//! live world's driver does the same over rumqttc.

use std::time::Duration;

use crate::card::limits::LIMITS;

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Manners {
    /// How often it pings.
    pub(super) keep_alive: Duration,
    /// The wait before the next dial.
    wait: Duration,
    /// When its connection began.
    began: Duration,
    /// Counts its connections: what was on its way to an earlier one concerns nobody.
    pub(super) dials: u64,
    /// Since when the broker owes an answer.
    asked_at: Option<Duration>,
    /// Whether somebody looks when that is too long ago.
    pub(super) watched: bool,
    /// Whether a PINGREQ waits for its answer.
    pub(super) pinging: bool,
}

impl Manners {
    pub(super) fn new(keep_alive: Duration) -> Self {
        Self {
            keep_alive,
            wait: LIMITS.first_wait,
            began: Duration::ZERO,
            dials: 0,
            asked_at: None,
            watched: false,
            pinging: false,
        }
    }

    pub(super) fn keep_alive_s(&self) -> u16 {
        u16::try_from(self.keep_alive.as_secs()).unwrap_or(u16::MAX)
    }

    /// It dials.
    pub(super) fn dials(&mut self, now: Duration) {
        self.dials += 1;
        (self.began, self.asked_at, self.pinging, self.watched) = (now, None, false, false);
    }

    /// How long it waits, after a connection or an attempt ended.
    pub(super) fn wait(&mut self, now: Duration) -> Duration {
        if now >= self.began + LIMITS.held {
            self.wait = LIMITS.first_wait;
        }
        let wait = self.wait;
        self.wait = (wait * 2).min(LIMITS.longest_wait);
        wait
    }

    /// Whether the broker owes an answer now, and whether it just gave one.
    pub(super) fn owed(&mut self, now: Duration, owed: bool, answered: bool) {
        if !owed || answered {
            self.asked_at = None;
        }
        if owed {
            self.asked_at.get_or_insert(now);
        }
    }

    /// When its patience ends.
    pub(super) fn gives_up_at(&self) -> Option<Duration> {
        self.asked_at.map(|at| at + LIMITS.answer)
    }
}
