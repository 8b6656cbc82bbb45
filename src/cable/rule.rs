//! What a fault is asked about a packet, and what it may answer.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::frame::Frame;
use crate::mqtt::Topic;

/// Which way a packet goes, as the one who dialled sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From the end that dialled to the end that listens.
    Out,
    /// From the end that listens to the end that dialled.
    In,
}

impl Direction {
    /// Both of them.
    pub const BOTH: [Self; 2] = [Self::Out, Self::In];

    /// The other one.
    #[must_use]
    pub fn back(self) -> Self {
        match self {
            Self::Out => Self::In,
            Self::In => Self::Out,
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Out => "out",
            Self::In => "in",
        })
    }
}

/// A packet at the head of its lane.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// When it is judged.
    pub now: Duration,
    /// When it came to the cable.
    pub arrived: Duration,
    /// On which connection: a number that is used once in a world.
    pub line: u64,
    /// Which way it goes.
    pub direction: Direction,
    /// Its bytes.
    pub frame: Frame<'a>,
    /// The client id that the connection's CONNECT had.
    pub client: Option<&'a str>,
    /// The topic of a PUBLISH, or of the PUBLISH that a packet of its handshake belongs to.
    pub topic: Option<&'a Topic>,
}

/// What is to become of a packet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Verdict {
    /// It goes on its way.
    #[default]
    Pass,
    /// It goes on its way, but not before that time.
    Delay(Duration),
    /// It goes nowhere; the connection lives.
    Drop,
    /// The connection is reset, and the packet is lost with it.
    CutBefore,
    /// It goes on its way, then the connection is reset.
    CutAfter,
    /// It goes on its way, and these packets after it.
    Again(Vec<Bytes>),
}

/// A fault, asked about one packet or one connection. What it does not care for stays as it is.
pub trait Rule {
    /// Judges the packet at the head of its lane, once.
    fn judge(&mut self, _seen: &Seen<'_>) -> Verdict {
        Verdict::Pass
    }

    /// Whether that packet must wait until the cable changes. It is asked again and again, so it
    /// changes nothing.
    fn holds(&self, _direction: Direction, _frame: Frame<'_>) -> bool {
        false
    }

    /// A packet leaves.
    fn left(&mut self, _direction: Direction) {}

    /// How many bytes are sent at once; none for as many as there are.
    fn piece_bytes(&self) -> Option<usize> {
        None
    }

    /// How long the end of a connection takes.
    fn close_delay(&self) -> Duration {
        Duration::ZERO
    }

    /// Whether it has nothing more to do.
    fn is_spent(&self) -> bool {
        false
    }
}
