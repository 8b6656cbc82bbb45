//! `counter`: publishes 1, 2, 3 … at a rate, or when it is asked to.
//!
//! ```text
//! rate, Publish ---> next number ---> unacknowledged ---> Sent
//!                                          |
//!                    Connected ------------+--> published again, in order
//! ```
//! What the broker has not acknowledged is published again whenever there is a connection, so the
//! client's queue is never the only copy. So a broker that forgets its session makes duplicates of
//! QoS 1 and 2, as does a clean session: to show that is what it is for. QoS 0 is said once, and
//! only while there is a connection: what is missing then was lost on the way.

use std::collections::VecDeque;
use std::time::Duration;

use super::{CountFace, KEEP_ALIVE, Number, Run};
use crate::card::{Face, Identity, Input, Link, Output, Program, Token};
use crate::defect::{self, Defect};
use crate::mqtt::{ClientId, QoS, Topic};

/// So many numbers may be unacknowledged; then counting waits for the broker. What is asked for at
/// once comes in portions of as many.
pub const MOST: usize = 1_000;

/// What a counter is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterSettings {
    /// The client id.
    pub client_id: ClientId,
    /// Where it publishes.
    pub topic: Topic,
    /// From one number to the next; none counts only when it is asked to.
    pub every: Option<Duration>,
    /// How it publishes.
    pub qos: QoS,
    /// Whether it publishes retained messages.
    pub retain: bool,
    /// The number at which it stops counting by itself.
    pub limit: Option<u64>,
    /// CONNECT's clean session flag.
    pub clean_session: bool,
}

/// What a counter shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterFace {
    /// What it was told.
    pub settings: CounterSettings,
    /// Its run.
    pub run: Run,
    /// The last number it counted to.
    pub published: u64,
    /// How many the broker has taken over; all of them for QoS 0, which nobody acknowledges.
    pub acknowledged: u64,
    /// How many were asked for and are still to be counted.
    pub waiting: u64,
}

impl CounterFace {
    /// How many the broker has not taken over.
    #[must_use]
    pub fn unacknowledged(&self) -> u64 {
        self.published - self.acknowledged
    }
}

/// The program.
#[derive(Debug, Clone)]
pub struct Counter {
    face: Face,
    count: CounterFace,
    unacknowledged: VecDeque<u64>,
    /// When the rate has its next number; nothing before the first connection.
    next: Option<Duration>,
    /// Whether it could have gone on after the last input.
    was_free: bool,
}

impl Counter {
    /// A counter that was just started, and begins a run. `seed` differs from process to process.
    #[must_use]
    pub fn new(settings: CounterSettings, seed: u64) -> Self {
        let run = Run::new(seed);
        let count = CounterFace { settings, run, published: 0, acknowledged: 0, waiting: 0 };
        let face = Face { count: Some(CountFace::Counter(count.clone())), ..Face::default() };
        Self { face, count, unacknowledged: VecDeque::new(), next: None, was_free: false }
    }

    fn is_online(&self) -> bool {
        matches!(self.face.link, Link::Online { .. })
    }

    fn is_acknowledged(&self) -> bool {
        self.count.settings.qos > QoS::AtMostOnce
    }

    /// Whether another number may be counted.
    fn is_free(&self) -> bool {
        let heard = self.is_online() || self.is_acknowledged();
        self.next.is_some() && heard && self.unacknowledged.len() < MOST
    }

    fn is_at_limit(&self) -> bool {
        self.count.settings.limit.is_some_and(|limit| self.count.published >= limit)
    }

    /// When the rate has its next number.
    fn due(&self) -> Option<Duration> {
        self.next.filter(|_| self.count.settings.every.is_some() && !self.is_at_limit())
    }

    /// Counts what is asked for, as far as there is room.
    fn count_asked(&mut self, now: Duration, outputs: &mut Vec<Output>) {
        for _ in 0..MOST {
            if self.count.waiting == 0 || !self.is_free() {
                break;
            }
            self.count.waiting -= 1;
            outputs.extend(self.count_one(now));
        }
    }

    /// Counts what the rate has due, as far as there is room.
    fn count_due(&mut self, now: Duration, outputs: &mut Vec<Output>) {
        let every = self.count.settings.every.unwrap_or_default();
        for _ in 0..MOST {
            let Some(due) = self.due().filter(|due| self.is_free() && *due <= now) else { break };
            self.next = Some(due + every);
            outputs.extend(self.count_one(now));
        }
    }

    /// The next number; without a connection it waits for one.
    fn count_one(&mut self, now: Duration) -> Option<Output> {
        self.count.published += 1;
        self.face.updated = Some(now);
        if defect::on(Defect::CountsUnacknowledged) {
            self.count.acknowledged += 1;
        }
        if self.is_acknowledged() {
            self.unacknowledged.push_back(self.count.published);
        } else {
            self.count.acknowledged += 1;
        }
        self.is_online().then(|| self.publication(self.count.published))
    }

    /// What could not be counted in time is not made up for.
    fn go_on(&mut self, now: Duration) {
        if self.is_free() && !self.was_free {
            self.next = self.next.max(Some(now));
        }
        self.was_free = self.is_free();
    }

    fn publication(&self, n: u64) -> Output {
        let CounterSettings { topic, qos, retain, .. } = &self.count.settings;
        let payload = Number { n, run: self.count.run.clone() }.print();
        let (token, topic) = (Token(n), topic.clone());
        Output::Publish { token, topic, payload, qos: *qos, retain: *retain }
    }

    fn sent(&mut self, Token(n): Token) {
        if let Some(at) = self.unacknowledged.iter().position(|it| *it == n) {
            self.unacknowledged.remove(at);
            self.count.acknowledged += u64::from(!defect::on(Defect::CountsUnacknowledged));
        }
    }

    fn note(&self) -> String {
        let waiting = self.count.waiting;
        if self.next.is_none() {
            return "Counting begins with the first connection.".to_owned();
        }
        if self.unacknowledged.len() >= MOST {
            return format!("{MOST} are not acknowledged: counting waits for the broker.");
        }
        if !self.is_free() {
            return "Of QoS 0, nothing is counted without a connection.".to_owned();
        }
        match (self.count.settings.limit, waiting) {
            (Some(limit), 0) if self.is_at_limit() => format!("The limit of {limit} is reached."),
            _ => String::new(),
        }
    }
}

impl Program for Counter {
    fn identity(&self) -> Identity {
        let CounterSettings { client_id, clean_session, .. } = &self.count.settings;
        let (client_id, clean_session) = (client_id.clone(), *clean_session);
        Identity { client_id, clean_session, keep_alive: KEEP_ALIVE }
    }

    fn handle(&mut self, now: Duration, input: Input) -> Vec<Output> {
        let mut outputs = Vec::new();
        match input {
            Input::Connected { session_present } => {
                self.face.link = Link::Online { since: now, session_present };
                self.next.get_or_insert(now);
                outputs.extend(self.unacknowledged.iter().map(|n| self.publication(*n)));
            }
            Input::Disconnected { reason } => self.face.link.lose(now, reason),
            Input::Sent(token) => self.sent(token),
            Input::Publish(more) => {
                self.count.waiting = self.count.waiting.saturating_add(more);
                self.count_asked(now, &mut outputs);
            }
            Input::Time => {
                self.count_asked(now, &mut outputs);
                self.count_due(now, &mut outputs);
            }
            Input::Message { topic, .. } => {
                self.face.ignore(now, topic.as_str(), "nobody asked for this topic".to_owned());
            }
            Input::Subscribed | Input::Toggle(_) | Input::Set(..) => {}
        }
        self.go_on(now);
        self.face.note = self.note();
        self.face.count = Some(CountFace::Counter(self.count.clone()));
        outputs
    }

    fn deadline(&self) -> Option<Duration> {
        let asked = (self.count.waiting > 0).then_some(Duration::ZERO);
        asked.or_else(|| self.due()).filter(|_| self.is_free())
    }

    fn face(&self) -> &Face {
        &self.face
    }

    fn fork(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }
}
