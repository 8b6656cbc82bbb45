//! What all three programs have in common: the link, the fence, what was heard on the two state
//! topics, and the face.
//!
//! It knows nothing of whose sensors are whose.

use std::ops::RangeInclusive;
use std::time::Duration;

use bytes::Bytes;

use super::fence::Fence;
use super::payload::{self, ALL, BOARD1, CARD1, States};
use super::{Face, Identity, Link, Origin, Output, SensorFace, SensorNumber};
use crate::mqtt::{ClientId, Filter, QoS, Topic};

/// One program's side of its session with a broker.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) face: Face,
    client_id: &'static str,
    fence: Fence,
    topics: Vec<Topic>,
    /// What `sensors/card1` said, over all that came.
    pub(super) card1: States,
    /// What `sensors/all` said, over all that came; nothing when none came.
    pub(super) all: Option<States>,
}

/// What a message was.
pub(super) enum Heard {
    /// The fence: everything that the broker kept has come.
    FenceBack,
    /// A message with states, which are noted.
    States { states: States, on_card1: bool },
    /// A message on another of the program's topics.
    Other { topic: Topic, payload: Bytes },
    /// Nothing to act upon.
    Nothing,
}

impl Session {
    /// The session of `client_id`, with `topics` to hear.
    pub(super) fn new(client_id: &'static str, topics: Vec<Topic>, seed: u64) -> Self {
        let fence = Fence::new(client_id, seed);
        let (face, card1, all) = (Face::default(), States::default(), None);
        Self { face, client_id, fence, topics, card1, all }
    }

    /// How it connects: a session that the broker keeps.
    pub(super) fn identity(&self) -> Identity {
        Identity {
            client_id: ClientId::new(self.client_id),
            clean_session: false,
            keep_alive: Duration::from_mins(1),
        }
    }

    /// The broker answered CONNECT. Gives the one SUBSCRIBE that asks for all it kept.
    ///
    /// The session may remember the subscriptions, but only a SUBSCRIBE brings the retained
    /// messages [MQTT-3.8.4-3].
    pub(super) fn connected(&mut self, now: Duration, session_present: bool) -> Output {
        self.fence.reset();
        self.face.link = Link::Online { since: now, session_present };
        let topics = self.topics.iter().chain([self.fence.topic()]);
        Output::Subscribe(topics.map(|topic| (filter(topic), QoS::ExactlyOnce)).collect())
    }

    /// The connection is gone, or another dial failed.
    pub(super) fn disconnected(&mut self, now: Duration, reason: String) {
        self.face.link.lose(now, reason);
        self.fence.reset();
    }

    /// The broker answered SUBSCRIBE. Gives the fence's publication.
    pub(super) fn subscribed(&self) -> Output {
        Output::Publish {
            token: self.fence.token(),
            topic: self.fence.topic().clone(),
            payload: self.fence.text(),
            qos: QoS::ExactlyOnce,
            retain: false,
        }
    }

    /// A message came. States are noted as they come, so that the last word of each topic is
    /// known when the fence is back.
    pub(super) fn hear(&mut self, now: Duration, topic: Topic, payload: Bytes) -> Heard {
        if topic == *self.fence.topic() {
            return if self.fence.came(&payload) { Heard::FenceBack } else { Heard::Nothing };
        }
        let on_card1 = topic.as_str() == CARD1;
        let sensors = match topic.as_str() {
            _ if !self.topics.contains(&topic) => {
                self.ignore(now, &topic, "nobody asked for this topic".to_owned());
                return Heard::Nothing;
            }
            CARD1 => BOARD1,
            ALL => 1..=6,
            _ => return Heard::Other { topic, payload },
        };
        match payload::parse(&payload, &sensors) {
            Ok(states) => {
                let known =
                    if on_card1 { &mut self.card1 } else { self.all.get_or_insert_default() };
                known.learn(&states);
                Heard::States { states, on_card1 }
            }
            Err(reason) => {
                self.ignore(now, &topic, reason);
                Heard::Nothing
            }
        }
    }

    /// Notes a message that changes nothing.
    pub(super) fn ignore(&mut self, now: Duration, topic: &Topic, reason: String) {
        self.face.ignore(now, topic.as_str(), reason);
    }

    /// Whether there is a connection.
    pub(super) fn is_online(&self) -> bool {
        matches!(self.face.link, Link::Online { .. })
    }

    /// Whether everything that the broker kept has come on this connection.
    pub(super) fn is_fence_back(&self) -> bool {
        self.fence.is_back()
    }

    /// Whether states that arrive now are live ones or what the broker kept.
    pub(super) fn origin(&self) -> Origin {
        if self.is_fence_back() { Origin::Live } else { Origin::Restored }
    }

    /// Notes the time if `states` gives at least one state and all it gives are what is shown.
    pub(super) fn confirm(&mut self, now: Duration, states: &States) {
        let agrees = |(number, state)| {
            let mut sensors = self.face.sensors();
            sensors.any(|sensor| sensor.number == number && sensor.state == Some(state))
        };
        if !states.is_empty() && states.iter().all(agrees) {
            self.face.updated = Some(now);
        }
    }
}

/// Unknown sensors.
pub(super) fn unknown(numbers: RangeInclusive<u8>) -> Vec<SensorFace> {
    let unknown =
        |n| SensorFace { number: SensorNumber(n), state: None, origin: None, unsent: false };
    numbers.map(unknown).collect()
}

/// Gives a sensor a state. Answers whether that changed it.
pub(super) fn show(sensor: &mut SensorFace, state: bool, origin: Origin, now: Duration) -> bool {
    let changed = sensor.state != Some(state);
    if changed {
        sensor.state = Some(state);
        sensor.origin = Some((origin, now));
    }
    changed
}

/// A topic of ours.
pub(super) fn topic(name: &str) -> Topic {
    Topic::parse(name).expect("the programs' topics are written in this crate")
}

/// The filter that matches one topic alone.
fn filter(topic: &Topic) -> Filter {
    Filter::parse(topic.as_str()).expect("a topic name is a filter")
}
