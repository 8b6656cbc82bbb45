//! One packet that came to a cable, and how it ended there.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::wire::{Party, Wire};
use crate::cable::Direction;
use crate::cable::line::Known;
use crate::cable::state::End;
use crate::mqtt::packet::Level;
use crate::mqtt::{Packet, Topic, codec};

/// How a packet ended at its cable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Passage {
    /// It went on.
    Arrived,
    /// It went on, and its connection was reset behind it.
    ArrivedAndCut,
    /// It went nowhere, and its connection lives.
    Dropped,
    /// It was lost with its connection.
    Cut,
}

impl From<End> for Passage {
    fn from(end: End) -> Self {
        match end {
            End::Arrives => Self::Arrived,
            End::ArrivesAndCuts => Self::ArrivedAndCut,
            End::Dropped => Self::Dropped,
            End::Cut => Self::Cut,
        }
    }
}

impl Passage {
    /// Whether the other side got it.
    #[must_use]
    pub fn arrived(self) -> bool {
        matches!(self, Self::Arrived | Self::ArrivedAndCut)
    }
}

/// A packet that came to a cable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crossing {
    /// On which connection.
    pub wire: Arc<Wire>,
    /// Which way.
    pub direction: Direction,
    /// When it came to the cable; the entry's time is when it ended there.
    pub came: Duration,
    /// How it ended.
    pub passage: Passage,
    /// The faults that had a part in it.
    pub by: Vec<String>,
    /// Whether it was the cable that repeated it.
    pub repeated: bool,
    /// The protocol level that its bytes are to be read with.
    pub level: Level,
    /// Its bytes.
    pub bytes: Bytes,
    /// What they mean.
    pub known: Known,
}

impl Crossing {
    /// Who sent it.
    #[must_use]
    pub fn from(&self) -> &Party {
        match self.direction {
            Direction::Out => &self.wire.dialer,
            Direction::In => &self.wire.target,
        }
    }

    /// Whom it was for.
    #[must_use]
    pub fn to(&self) -> &Party {
        match self.direction {
            Direction::Out => &self.wire.target,
            Direction::In => &self.wire.dialer,
        }
    }

    /// The packet; none where its bytes are none.
    #[must_use]
    pub fn packet(&self) -> Option<&Packet> {
        self.known.packet.as_ref().ok()
    }

    /// The topic of a PUBLISH or of its handshake.
    #[must_use]
    pub fn topic(&self) -> Option<&Topic> {
        self.known.topic.as_ref()
    }
}

/// As it is written: everything to read the packet again, and a line for people.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    wire: Wire,
    direction: Direction,
    came: Duration,
    passage: Passage,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    by: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    repeated: bool,
    /// The number on the wire: 3, 4 or 5.
    level: u8,
    /// In hexadecimal digits.
    bytes: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    topic: Option<Topic>,
    /// What `bytes` say, in words; not read back.
    #[serde(default)]
    text: String,
}

impl Serialize for Crossing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { direction, came, passage, repeated, level, .. } = *self;
        let written = Written {
            wire: Wire::clone(&self.wire),
            direction,
            came,
            passage,
            by: self.by.clone(),
            repeated,
            level: level.number(),
            bytes: hex(&self.bytes),
            topic: self.known.topic.clone(),
            text: self.words(),
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Crossing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        let bytes = unhex(&written.bytes)
            .ok_or_else(|| D::Error::custom("`bytes` must be pairs of hexadecimal digits"))?;
        let level = Level::of_number(written.level);
        let Written { direction, came, passage, by, repeated, topic, .. } = written;
        Ok(Self {
            wire: Arc::new(written.wire),
            direction,
            came,
            passage,
            by,
            repeated,
            level,
            known: Known { packet: codec::whole(&bytes, level), topic },
            bytes,
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a string takes all");
    }
    text
}

fn unhex(text: &str) -> Option<Bytes> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| u8::try_from(digit.to_digit(16)?).ok()).collect();
    let digits = digits?;
    let pairs = digits.chunks(2).map(|pair| Some(pair[0] << 4 | pair.get(1)?));
    pairs.collect::<Option<Vec<u8>>>().map(Bytes::from)
}
