//! `global_display` on board 2: shows what `sensors/all` says of all six sensors.
//!
//! Like the monitors it believes the last word before the fence, so that what was queued while it
//! was away does not flicker past; null never overwrites a known state.

use std::time::Duration;

use bytes::Bytes;

use super::payload::ALL;
use super::session::{Heard, Session, show, topic, unknown};
use super::{Face, Identity, Input, Origin, Output, Program};
use crate::mqtt::Topic;

/// The display program.
#[derive(Debug, Clone)]
pub struct Display {
    session: Session,
    /// What the bridge's notification topic said last.
    bridge: Option<bool>,
}

impl Display {
    /// A display that was just started and knows nothing. `seed` is to differ from process to
    /// process. `bridge` is the topic where the bridge says 1 or 0, if there is one:
    /// `$SYS/broker/connection/<remote_clientid>/state`.
    #[must_use]
    pub fn new(seed: u64, bridge: Option<Topic>) -> Self {
        let topics = [topic(ALL)].into_iter().chain(bridge).collect();
        let mut session = Session::new("global_display", topics, seed);
        session.face.heard = unknown(1..=6);
        Self { session, bridge: None }
    }

    fn hear(&mut self, now: Duration, topic: Topic, payload: Bytes) {
        let heard = self.session.hear(now, topic, payload);
        match heard {
            Heard::FenceBack => {
                self.show(now, Origin::Restored);
                self.session.face.restored = true;
            }
            Heard::States { states, .. } if self.session.is_fence_back() => {
                self.show(now, self.session.origin());
                self.session.confirm(now, &states);
            }
            Heard::Other { topic, payload } => match &payload[..] {
                b"1" => self.hear_bridge(now, true),
                b"0" => self.hear_bridge(now, false),
                _ => self.session.ignore(now, &topic, "it is neither 1 nor 0".to_owned()),
            },
            Heard::States { .. } | Heard::Nothing => {}
        }
    }

    fn hear_bridge(&mut self, now: Duration, up: bool) {
        self.bridge = Some(up);
        if self.session.is_fence_back() {
            self.show(now, Origin::Live);
        }
    }

    /// Shows the last word on everything.
    fn show(&mut self, now: Duration, origin: Origin) {
        let Session { face, all, .. } = &mut self.session;
        let known = all.as_ref();
        for sensor in &mut face.heard {
            if let Some(state) = known.and_then(|all| all.get(sensor.number))
                && show(sensor, state, origin, now)
            {
                face.updated = Some(now);
            }
        }
        if face.bridge.map(|(up, _)| up) != self.bridge {
            face.bridge = self.bridge.map(|up| (up, now));
        }
    }
}

impl Program for Display {
    fn identity(&self) -> Identity {
        self.session.identity()
    }

    fn handle(&mut self, now: Duration, input: Input) -> Vec<Output> {
        let mut output = None;
        match input {
            Input::Connected { session_present } => {
                output = Some(self.session.connected(now, session_present));
            }
            Input::Disconnected { reason } => self.session.disconnected(now, reason),
            Input::Subscribed => output = Some(self.session.subscribed()),
            Input::Message { topic, payload, .. } => self.hear(now, topic, payload),
            Input::Sent(_)
            | Input::Toggle(_)
            | Input::Set(..)
            | Input::Publish(_)
            | Input::Time => {}
        }
        let waits = self.session.is_fence_back() && self.session.all.is_none();
        let note = if waits { "Waiting for sensors/all from card 2." } else { "" };
        note.clone_into(&mut self.session.face.note);
        output.into_iter().collect()
    }

    fn face(&self) -> &Face {
        &self.session.face
    }

    fn fork(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }
}
