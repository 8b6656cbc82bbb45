//! The programs with sensors of their own: `card1_monitor` and `card2_monitor`.
//!
//! ```text
//! Connected -> SUBSCRIBE -> SUBACK -> fence … fence back: settle, publish
//!     |                                          |
//!     +-- publish at once, if everything         +-- from here on: publish on every click;
//!         is known already                           card 2 on every `sensors/card1` too
//! ```
//! One rule keeps a publication from replacing what a broker kept by a null or by a default:
//! before the fence of the present connection is back, a monitor publishes only if it knows every
//! sensor it publishes. A click before that is held and shown as not sent.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::clicks::Clicks;
use super::fence::Fence;
use super::payload::{self, ALL, BOARD1, BOARD2, CARD1, States};
use super::session::{Heard, Session, show, topic, unknown};
use super::{Face, Identity, Input, Origin, Output, Program, SensorFace, SensorNumber, Token};
use crate::defect::{self, Defect};
use crate::mqtt::{QoS, Topic};

/// So many of its own payloads a monitor knows again when they come back. There is one on its way at
/// a time; the rest are repeats.
const ECHOES: usize = 8;

/// `card1_monitor` on board 1: owns sensors 1 to 3 and publishes them on `sensors/card1`.
///
/// It restores from its own retained `sensors/card1`, and what that does not give from
/// `sensors/all`, as board 2 knows it. If its own topic says nothing of a sensor and `sensors/all`
/// came and knows nothing either, the sensor starts as OK. If no `sensors/all` came at all, board
/// 2 may still know a KO: the sensor stays unknown until `sensors/all` comes over the bridge, or a
/// click settles it.
pub type Card1 = Monitor<Board1>;

/// `card2_monitor` on board 2: owns sensors 4 to 6, hears 1 to 3, and publishes all six on
/// `sensors/all`.
///
/// It restores 4 to 6 from its own retained `sensors/all`, and where that says nothing they start
/// as OK. For 1 to 3 `sensors/card1` is believed; `sensors/all` only fills what is unknown.
pub type Card2 = Monitor<Board2>;

/// What distinguishes the two monitors.
pub trait Board: Clone + Send + Sync + 'static {
    /// The client id.
    const CLIENT_ID: &'static str;
    /// Where it publishes.
    const TOPIC: &'static str;
    /// Whether it publishes again whenever `sensors/card1` comes.
    const RELAYS: bool;
    /// Its sensors: own and heard.
    fn sensors() -> (Vec<SensorFace>, Vec<SensorFace>);
    /// Gives `face` what `card1` and `all`, the last words of the two topics, say of it. Answers
    /// whether that changed a sensor.
    fn settle(
        face: &mut Face,
        card1: &States,
        all: Option<&States>,
        at: (Origin, Duration),
    ) -> bool;
    /// In words, what a settled face still waits for; empty for nothing.
    fn waits_for(face: &Face) -> String;
}

/// A program with sensors of its own.
#[derive(Debug, Clone)]
pub struct Monitor<B> {
    session: Session,
    clicks: Clicks,
    /// The publications so far, fences left out.
    published: u64,
    /// Whether there is something to publish.
    owed: bool,
    /// The last payloads it published: what else comes on its topic is somebody else's.
    said: VecDeque<Bytes>,
    board: std::marker::PhantomData<B>,
}

impl<B: Board> Monitor<B> {
    /// A program that was just started and knows nothing. `seed` is to differ from process to
    /// process: it tells this one's fences from those that an earlier one left in the session.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut session = Session::new(B::CLIENT_ID, vec![topic(CARD1), topic(ALL)], seed);
        (session.face.own, session.face.heard) = B::sensors();
        let (clicks, board) = (Clicks::default(), std::marker::PhantomData);
        let said = VecDeque::new();
        Self { session, clicks, published: 0, owed: false, said, board }
    }

    /// A message came.
    fn hear(&mut self, now: Duration, topic: Topic, payload: Bytes) {
        // Somebody else's word on our topic is what the broker keeps now, and what the next process
        // would restore from. So we have the last word.
        let foreign = topic.as_str() == B::TOPIC && !self.said.contains(&payload);
        self.owed |= foreign && self.session.is_fence_back();
        match self.session.hear(now, topic, payload) {
            Heard::FenceBack => {
                self.settle(now, Origin::Restored);
            }
            Heard::States { states, on_card1 } if self.session.is_fence_back() => {
                self.settle(now, Origin::Live);
                self.session.confirm(now, &states);
                self.owed |= B::RELAYS && on_card1;
            }
            Heard::States { .. } | Heard::Other { .. } | Heard::Nothing => {}
        }
    }

    /// Takes over what the topics said. Only what can still change does: a known own sensor never.
    fn settle(&mut self, now: Duration, origin: Origin) {
        let Session { face, card1, all, .. } = &mut self.session;
        if B::settle(face, card1, all.as_ref(), (origin, now)) {
            self.owed = true;
            face.updated = Some(now);
        }
        face.restored |= face.own.iter().all(|sensor| sensor.state.is_some());
    }

    /// A button was pressed: `state` is what it was set to, nothing for the opposite of what it
    /// is. The first click on an unknown sensor says OK: the person looked and it works; breaking
    /// it takes a second one, so a click by mistake raises no alarm.
    fn click(&mut self, now: Duration, number: SensorNumber, state: Option<bool>) {
        let mut sensors = self.session.face.own.iter_mut();
        let Some(sensor) = sensors.find(|sensor| sensor.number == number) else {
            return;
        };
        sensor.state = Some(state.unwrap_or(!sensor.state.unwrap_or(false)));
        sensor.origin = Some((Origin::Clicked, now));
        self.clicks.click(number);
        self.session.face.updated = Some(now);
        let settled = self.session.face.own.iter().all(|sensor| sensor.state.is_some());
        self.session.face.restored |= settled && self.session.is_fence_back();
        self.owed = true;
    }

    /// The publication that is owed, if it may go out now.
    fn publication(&mut self) -> Option<Output> {
        let known: States =
            self.session.face.sensors().filter_map(|s| Some((s.number, s.state?))).collect();
        let count = self.session.face.sensors().count();
        let safe = self.session.is_fence_back() || known.iter().count() == count;
        if !self.owed || !self.session.is_online() || !safe || known.is_empty() {
            return None;
        }
        self.owed = false;
        let last = u8::try_from(count).expect("there are six sensors");
        let payload = payload::print(1..=last, &known);
        if defect::on(Defect::SuppressesEqual) && self.said.back() == Some(&payload) {
            return None;
        }
        self.published += 1;
        let token = Token(self.published);
        self.clicks.published(token);
        if self.said.len() == ECHOES {
            self.said.pop_front();
        }
        self.said.push_back(payload.clone());
        let (topic, qos) = (topic(B::TOPIC), QoS::ExactlyOnce);
        Some(Output::Publish { token, topic, payload, qos, retain: true })
    }

    /// Fills in what follows from the rest.
    fn finish_face(&mut self) {
        let (online, asked) = (self.session.is_online(), self.session.is_fence_back());
        let face = &mut self.session.face;
        for sensor in &mut face.own {
            sensor.unsent = self.clicks.waits(sensor.number);
        }
        face.note = match (online, asked) {
            (true, true) => B::waits_for(face),
            (true, false) => "Asking the broker what it kept.".to_owned(),
            (false, _) => String::new(),
        };
    }
}

impl<B: Board> Program for Monitor<B> {
    fn identity(&self) -> Identity {
        self.session.identity()
    }

    fn handle(&mut self, now: Duration, input: Input) -> Vec<Output> {
        let mut after = None;
        match input {
            Input::Connected { session_present } => {
                after = Some(self.session.connected(now, session_present));
                self.owed = true;
                if defect::on(Defect::PublishesDefaults) {
                    for sensor in self.session.face.own.iter_mut().filter(|it| it.state.is_none()) {
                        show(sensor, true, Origin::Started, now);
                    }
                }
            }
            Input::Disconnected { reason } => self.session.disconnected(now, reason),
            Input::Subscribed => after = Some(self.session.subscribed()),
            Input::Message { topic, payload, .. } => self.hear(now, topic, payload),
            Input::Sent(token) if Fence::is_token(token) => {}
            Input::Sent(token) => self.clicks.sent(token),
            Input::Toggle(number) => self.click(now, number, None),
            Input::Set(number, state) => self.click(now, number, Some(state)),
            Input::Publish(_) | Input::Time => {}
        }
        let outputs = self.publication().into_iter().chain(after).collect();
        self.finish_face();
        outputs
    }

    fn face(&self) -> &Face {
        &self.session.face
    }

    fn fork(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }
}

/// Board 1's part of a monitor.
#[derive(Debug, Clone)]
pub struct Board1;

impl Board for Board1 {
    const CLIENT_ID: &'static str = "card1_monitor";
    const TOPIC: &'static str = CARD1;
    const RELAYS: bool = false;

    fn sensors() -> (Vec<SensorFace>, Vec<SensorFace>) {
        (unknown(BOARD1), Vec::new())
    }

    fn settle(
        face: &mut Face,
        card1: &States,
        all: Option<&States>,
        (_, now): (Origin, Duration),
    ) -> bool {
        let mut changed = false;
        for sensor in face.own.iter_mut().filter(|sensor| sensor.state.is_none()) {
            let kept = card1.get(sensor.number);
            if let Some(state) = kept.or(all.and_then(|all| all.get(sensor.number))) {
                changed |= show(sensor, state, Origin::Restored, now);
            } else if all.is_some() {
                changed |= show(sensor, true, Origin::Started, now);
            }
        }
        changed
    }

    fn waits_for(face: &Face) -> String {
        let unknown = list(face.own.iter().filter(|sensor| sensor.state.is_none()));
        if !unknown.is_empty() {
            return format!(
                "No broker kept a state of {unknown}: waiting for sensors/all from board 2, which \
                 may know. A click settles it."
            );
        }
        started(face)
    }
}

/// Board 2's part of a monitor.
#[derive(Debug, Clone)]
pub struct Board2;

impl Board for Board2 {
    const CLIENT_ID: &'static str = "card2_monitor";
    const TOPIC: &'static str = ALL;
    const RELAYS: bool = true;

    fn sensors() -> (Vec<SensorFace>, Vec<SensorFace>) {
        (unknown(BOARD2), unknown(BOARD1))
    }

    fn settle(
        face: &mut Face,
        card1: &States,
        all: Option<&States>,
        (origin, now): (Origin, Duration),
    ) -> bool {
        let all = |number| all.and_then(|all| all.get(number));
        let mut changed = false;
        for sensor in face.own.iter_mut().filter(|sensor| sensor.state.is_none()) {
            changed |= match all(sensor.number) {
                Some(state) => show(sensor, state, Origin::Restored, now),
                None => show(sensor, true, Origin::Started, now),
            };
        }
        for sensor in &mut face.heard {
            let filled = if sensor.state.is_none() { all(sensor.number) } else { None };
            if let Some(state) = card1.get(sensor.number).or(filled) {
                changed |= show(sensor, state, origin, now);
            }
        }
        changed
    }

    fn waits_for(face: &Face) -> String {
        let unknown = list(face.heard.iter().filter(|sensor| sensor.state.is_none()));
        if unknown.is_empty() {
            return started(face);
        }
        let waiting = format!("Waiting for sensors/card1 from board 1: {unknown} unknown.");
        format!("{} {waiting}", started(face)).trim_start().to_owned()
    }
}

/// Says which sensors started as OK because nothing said otherwise.
fn started(face: &Face) -> String {
    let is_started = |s: &&SensorFace| matches!(s.origin, Some((Origin::Started, _)));
    let started = list(face.own.iter().filter(is_started));
    if started.is_empty() {
        return started;
    }
    format!("No broker kept a state of {started}: started as OK.")
}

/// "sensors 1, 2, 3", or nothing.
fn list<'a>(sensors: impl Iterator<Item = &'a SensorFace>) -> String {
    let numbers: Vec<_> = sensors.map(|sensor| sensor.number.to_string()).collect();
    match &numbers[..] {
        [] => String::new(),
        [one] => format!("sensor {one}"),
        many => format!("sensors {}", many.join(", ")),
    }
}
