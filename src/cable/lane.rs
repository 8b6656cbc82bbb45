//! One direction of one connection: packets in, and what becomes of each, in their order.
//!
//! A packet is judged when it is at the head: a fault that is set now meets what waits, too. Pings
//! alone may overtake what a [`Hold`](super::fault::Hold) holds.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::frame::{self, Frame};
use super::line::Line;
use super::rule::{Direction, Seen};
use super::state::{Cable, End, Fate};
use crate::mqtt::Topic;

/// One direction of one connection.
#[derive(Debug, Clone)]
pub struct Lane {
    /// Names the connection: a number that is used once in a world.
    line: u64,
    direction: Direction,
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    /// What was decided of the packet at the head, which only waits for its time now.
    head: Option<Fate>,
    /// When the last packet left: none overtakes it.
    last_left: Duration,
    /// When its sender said goodbye.
    ended: Option<Duration>,
}

/// A packet that waits.
#[derive(Debug, Clone)]
struct Waiting {
    arrived: Duration,
    bytes: Bytes,
    topic: Option<Topic>,
}

/// What is next for a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A packet is done with, in one way or the other.
    Packet {
        /// Its bytes.
        bytes: Bytes,
        /// When it came to the cable.
        arrived: Duration,
        /// How it ended; `again` is what is to be sent after it.
        fate: Fate,
    },
    /// Nothing before that time, or before the cable changes.
    Wait(Duration),
    /// Nothing before the cable changes.
    Held,
    /// The sender's goodbye arrives now: nothing follows.
    End,
    /// Nothing before something comes.
    Empty,
}

impl Lane {
    /// The direction of a connection that begins.
    #[must_use]
    pub fn new(line: u64, direction: Direction) -> Self {
        Self {
            line,
            direction,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            head: None,
            last_left: Duration::ZERO,
            ended: None,
        }
    }

    /// A whole packet comes. `topic` is what [`Line::read`] says of it.
    pub fn push(&mut self, now: Duration, bytes: Bytes, topic: Option<Topic>) {
        self.waiting_bytes += bytes.len();
        self.waiting.push_back(Waiting { arrived: now, bytes, topic });
    }

    /// Its sender says goodbye: nothing more comes.
    pub fn end(&mut self, now: Duration) {
        self.ended.get_or_insert(now);
    }

    /// How many bytes wait.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    /// The packets that wait, in their order.
    pub fn waiting(&self) -> impl Iterator<Item = &Bytes> {
        self.waiting.iter().map(|it| &it.bytes)
    }

    /// Does the next thing there is to do. Ask again at once after a packet.
    pub fn step(&mut self, now: Duration, line: &Line, cable: &mut Cable) -> Step {
        let Some(at) = self.next(cable) else {
            return if self.waiting.is_empty() { self.goodbye(now, cable) } else { Step::Held };
        };
        if at > 0 {
            // A ping that overtakes what is held.
            return self.leave(at, Fate::default(), cable);
        }
        let fate = match self.head.take() {
            Some(fate) => fate,
            None => self.judge(now, line, cable),
        };
        if fate.not_before > now {
            let until = fate.not_before;
            self.head = Some(fate);
            return Step::Wait(until);
        }
        self.last_left = now;
        self.leave(0, fate, cable)
    }

    /// The place of the next packet that nothing holds.
    fn next(&self, cable: &Cable) -> Option<usize> {
        self.waiting.iter().position(|it| {
            let frame = whole(&it.bytes);
            frame.is_none_or(|frame| !cable.holds(self.direction, frame))
        })
    }

    fn judge(&mut self, now: Duration, line: &Line, cable: &mut Cable) -> Fate {
        let head = &self.waiting[0];
        let Some(frame) = whole(&head.bytes) else { return Fate::default() };
        let mut fate = cable.judge(&Seen {
            now,
            arrived: head.arrived,
            line: self.line,
            direction: self.direction,
            frame,
            client: line.client().map(crate::mqtt::ClientId::as_str),
            topic: head.topic.as_ref(),
        });
        if matches!(fate.end, End::Dropped | End::Cut) {
            fate.not_before = Duration::ZERO;
        } else {
            fate.not_before = fate.not_before.max(self.last_left);
        }
        fate
    }

    fn leave(&mut self, at: usize, fate: Fate, cable: &mut Cable) -> Step {
        let gone = self.waiting.remove(at).expect("its place was just found");
        self.waiting_bytes -= gone.bytes.len();
        cable.left(self.direction);
        Step::Packet { bytes: gone.bytes, arrived: gone.arrived, fate }
    }

    fn goodbye(&mut self, now: Duration, cable: &Cable) -> Step {
        let Some(ended) = self.ended else { return Step::Empty };
        if !cable.tells(self.direction) {
            return Step::Held;
        }
        let due = ended + cable.close_delay(self.direction);
        if due > now { Step::Wait(due) } else { Step::End }
    }
}

/// The bytes as a packet; none where they are the rest of a stream that is no MQTT.
fn whole(bytes: &Bytes) -> Option<Frame<'_>> {
    frame::first(bytes).ok().flatten()
}

#[cfg(test)]
mod tests;
