//! What happened to a program, read off two faces: before an input and after it.
//!
//! It knows nothing of how a program comes to its face.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::count::Odd;
use super::{CountFace, Face, Link, SensorNumber};

/// What can happen to a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// It connected to its broker.
    Connected { session_present: bool },
    /// It lost its broker, or could not reach it.
    Disconnected { reason: String },
    /// It knows what its broker kept for it.
    Restored,
    /// A sensor's state became known or changed.
    Sensor { sensor: SensorNumber, state: Option<bool> },
    /// A message changed nothing.
    Ignored { topic: String, reason: String },
    /// A counter came to its limit.
    LimitReached { limit: u64 },
    /// A tally saw what should not be: the first, the tenth, the hundredth … of its kind.
    Odd { odd: Odd, so_far: u64 },
}

/// As a sentence about the program: "sensor 2 is KO".
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected { session_present: true } => {
                f.write_str("connected; its session had been kept")
            }
            Self::Connected { session_present: false } => {
                f.write_str("connected with a new session")
            }
            Self::Disconnected { reason } => write!(f, "not connected: {reason}"),
            Self::Restored => f.write_str("knows all that its broker kept for it"),
            Self::Sensor { sensor, state } => {
                let word = match state {
                    Some(true) => "OK",
                    Some(false) => "KO",
                    None => "unknown",
                };
                write!(f, "sensor {sensor} is {word}")
            }
            Self::Ignored { topic, reason } => write!(f, "ignored a message on {topic}: {reason}"),
            Self::LimitReached { limit } => write!(f, "counted to its limit of {limit}"),
            Self::Odd { odd, so_far: 1 } => odd.fmt(f),
            Self::Odd { odd, so_far } => write!(f, "{odd}; {so_far} so far"),
        }
    }
}

impl Event {
    /// What happened between two faces of one program, in the order in which it is best told.
    #[must_use]
    pub fn between(before: &Face, after: &Face) -> Vec<Self> {
        let mut events = Vec::new();
        if before.link != after.link {
            events.push(match &after.link {
                Link::Online { session_present, .. } => {
                    Self::Connected { session_present: *session_present }
                }
                Link::Offline { reason, .. } => Self::Disconnected { reason: reason.clone() },
            });
        }
        if let Some(ignored) = &after.ignored
            && before.ignored_count != after.ignored_count
        {
            let (topic, reason) = (ignored.topic.clone(), ignored.reason.clone());
            events.push(Self::Ignored { topic, reason });
        }
        for (old, new) in before.sensors().zip(after.sensors()) {
            if old.state != new.state {
                events.push(Self::Sensor { sensor: new.number, state: new.state });
            }
        }
        if after.restored && !before.restored {
            events.push(Self::Restored);
        }
        if let (Some(before), Some(after)) = (&before.count, &after.count) {
            events.extend(Self::of_count(before, after));
        }
        events
    }

    /// What there is to tell of a counting program. A broker that goes wrong may do so with every
    /// message, so not each is told.
    fn of_count(before: &CountFace, after: &CountFace) -> Option<Self> {
        match (before, after) {
            (CountFace::Counter(before), CountFace::Counter(after)) => {
                let limit = after.settings.limit?;
                let reached = before.published < limit && limit <= after.published;
                reached.then_some(Self::LimitReached { limit })
            }
            (CountFace::Tally(before), CountFace::Tally(after)) => {
                let odd = after.odd.as_ref()?;
                let (was, so_far) = (before.faults(odd.fault), after.faults(odd.fault));
                let longer = was.checked_ilog10() != so_far.checked_ilog10();
                longer.then(|| Self::Odd { odd: odd.clone(), so_far })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::card::{Ignored, SensorFace};

    fn face() -> Face {
        let sensor =
            |n| SensorFace { number: SensorNumber(n), state: None, origin: None, unsent: false };
        Face { own: vec![sensor(4)], heard: vec![sensor(1)], ..Face::default() }
    }

    #[test]
    fn events_are_the_difference_of_two_faces() {
        let check = |change: fn(&mut Face), expected: &[Event]| {
            let mut after = face();
            change(&mut after);
            assert_eq!(Event::between(&face(), &after), expected);
        };
        check(|_| {}, &[]);
        check(|f| f.note = "a note".to_owned(), &[]);
        check(|f| f.own[0].unsent = true, &[]);
        check(|f| f.restored = true, &[Event::Restored]);
        check(
            |f| f.link = Link::Online { since: Duration::ZERO, session_present: true },
            &[Event::Connected { session_present: true }],
        );
        check(
            |f| f.link = Link::Offline { since: Duration::ZERO, reason: "gone".to_owned() },
            &[Event::Disconnected { reason: "gone".to_owned() }],
        );
        check(
            |f| (f.own[0].state, f.heard[0].state) = (Some(false), Some(true)),
            &[
                Event::Sensor { sensor: SensorNumber(1), state: Some(true) },
                Event::Sensor { sensor: SensorNumber(4), state: Some(false) },
            ],
        );
        check(
            |f| {
                let (topic, reason) = ("a".to_owned(), "b".to_owned());
                f.ignored = Some(Ignored { at: Duration::ZERO, topic, reason });
                f.ignored_count = 1;
            },
            &[Event::Ignored { topic: "a".to_owned(), reason: "b".to_owned() }],
        );
    }
}
