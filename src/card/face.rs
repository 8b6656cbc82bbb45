//! What a program knows, as its window shows it.

use std::time::Duration;

use super::SensorNumber;
use super::count::CountFace;

/// Everything a program's window shows. Times are those of its world.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Face {
    /// The connection to its broker.
    pub link: Link,
    /// Its own sensors, which can be clicked. Empty for the display.
    pub own: Vec<SensorFace>,
    /// Sensors it only hears of: board 1's for card 2, all six for the display.
    pub heard: Vec<SensorFace>,
    /// When a state last changed or was confirmed here.
    pub updated: Option<Duration>,
    /// Whether it knows all that its broker kept for it; until then own sensors may be unknown.
    pub restored: bool,
    /// In words, what it waits for or what it could not know; empty when there is nothing to say.
    pub note: String,
    /// The display alone: what the bridge's notification topic says, and since when.
    pub bridge: Option<(bool, Duration)>,
    /// The counting programs alone: what they count.
    pub count: Option<CountFace>,
    /// The last message it could not use.
    pub ignored: Option<Ignored>,
    /// How many it could not use.
    pub ignored_count: u64,
}

impl Face {
    /// All sensors it shows, in order of their number.
    pub fn sensors(&self) -> impl Iterator<Item = &SensorFace> {
        let mut all: Vec<_> = self.own.iter().chain(&self.heard).collect();
        all.sort_by_key(|sensor| sensor.number);
        all.into_iter()
    }

    /// How many sensors are OK, KO and unknown.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |state| self.sensors().filter(|sensor| sensor.state == state).count();
        (count(Some(true)), count(Some(false)), count(None))
    }

    /// Notes a message that changes nothing.
    pub(super) fn ignore(&mut self, at: Duration, topic: &str, reason: String) {
        self.ignored = Some(Ignored { at, topic: topic.to_owned(), reason });
        self.ignored_count += 1;
    }
}

/// A program's connection to its broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// Not connected, and why.
    Offline { since: Duration, reason: String },
    /// Connected.
    Online { since: Duration, session_present: bool },
}

impl Link {
    /// The connection is gone, or another dial failed: it has been gone since the first of these.
    pub(super) fn lose(&mut self, now: Duration, reason: String) {
        let known = *self != Self::default();
        let since = match self {
            Self::Offline { since, .. } if known => *since,
            _ => now,
        };
        *self = Self::Offline { since, reason };
    }
}

impl Default for Link {
    fn default() -> Self {
        Self::Offline { since: Duration::ZERO, reason: "not connected yet".to_owned() }
    }
}

/// One sensor as a program knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SensorFace {
    /// Which sensor.
    pub number: SensorNumber,
    /// OK, KO or unknown.
    pub state: Option<bool>,
    /// Where the state comes from, and when it came.
    pub origin: Option<(Origin, Duration)>,
    /// A click that no broker has taken over yet.
    pub unsent: bool,
}

/// How a program came to a sensor's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It was clicked here.
    Clicked,
    /// It arrived as it was published.
    Live,
    /// It was restored from what a broker kept.
    Restored,
    /// Nothing anywhere said otherwise: it started as OK.
    Started,
}

/// A message that changed nothing, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// When it came.
    pub at: Duration,
    /// On which topic.
    pub topic: String,
    /// Why it was ignored.
    pub reason: String,
}
