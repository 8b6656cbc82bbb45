//! Which packets a fault means: the n-th of a kind, a topic or a client.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::rule::Seen;
use crate::mqtt::{Filter, PacketKind};

/// "The 2nd PUBREC of card1_monitor". What is left out fits every packet; pings are met only where
/// they are named.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pick {
    /// The kind of packet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packet: Option<PacketKind>,
    /// A filter for the topic of a PUBLISH, or of the handshake that a packet belongs to. Of
    /// handshakes that began before the fault was set it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<Filter>,
    /// The client id of the connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// The first one that is met, counted from 1 since the fault was set.
    pub nth: u64,
    /// How many are met, that one included; 0 for all that come.
    pub times: u64,
    /// How many fitted so far.
    #[serde(skip)]
    pub fitted: u64,
}

impl Default for Pick {
    fn default() -> Self {
        Self { packet: None, topic: None, client: None, nth: 1, times: 1, fitted: 0 }
    }
}

impl Pick {
    /// The next packet of that kind.
    #[must_use]
    pub fn next(packet: PacketKind) -> Self {
        Self { packet: Some(packet), ..Self::default() }
    }

    /// Whether the fault meets this packet.
    pub fn meets(&mut self, seen: &Seen<'_>) -> bool {
        if self.is_spent() || !self.fits(seen) {
            return false;
        }
        self.fitted += 1;
        self.fitted >= self.nth.max(1)
    }

    /// Whether it meets no more packets.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.times > 0 && self.fitted >= self.nth.max(1) - 1 + self.times
    }

    fn fits(&self, seen: &Seen<'_>) -> bool {
        let kind = seen.frame.kind();
        let packet = self.packet.map_or(!kind.is_ping(), |wanted| wanted == kind);
        let client = self.client.as_deref().is_none_or(|wanted| seen.client == Some(wanted));
        let fits = |filter: &Filter| seen.topic.is_some_and(|topic| filter.matches(topic));
        packet && client && self.topic.as_ref().is_none_or(fits)
    }
}

/// "the next PUBREC", "the 2nd PUBLISH to sensors/# of card1_monitor, 3 times", "every packet".
impl fmt::Display for Pick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = self.packet.map_or("packet", PacketKind::name);
        match (self.nth.max(1), self.times) {
            (1, 0) => write!(f, "every {what}")?,
            (1, _) => write!(f, "the next {what}")?,
            (nth, _) => write!(f, "the {}{} {what}", nth, ordinal(nth))?,
        }
        if let Some(topic) = &self.topic {
            write!(f, " to {topic}")?;
        }
        if let Some(client) = &self.client {
            write!(f, " of {client}")?;
        }
        match (self.nth.max(1), self.times) {
            (1, 0) | (_, 1) => Ok(()),
            (_, 0) => f.write_str(" and all after it"),
            (_, times) => write!(f, ", {times} times"),
        }
    }
}

fn ordinal(number: u64) -> &'static str {
    match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cable::frame;
    use crate::cable::rule::Direction;
    use crate::mqtt::Topic;

    const PUBREC: &[u8] = &[0x50, 2, 0, 1];
    const PING: &[u8] = &[0xc0, 0];

    /// Which of these packets, counted from 1, a pick meets.
    fn met(mut pick: Pick, packets: &[(&[u8], Option<&str>, &str)]) -> Vec<usize> {
        let mut met = Vec::new();
        for (at, (bytes, topic, client)) in packets.iter().enumerate() {
            let frame = frame::first(bytes).expect("a packet").expect("whole");
            let topic = topic.map(|text| Topic::parse(text).expect("a topic"));
            let seen = Seen {
                now: Duration::ZERO,
                arrived: Duration::ZERO,
                line: 1,
                direction: Direction::Out,
                frame,
                client: Some(client),
                topic: topic.as_ref(),
            };
            if pick.meets(&seen) {
                met.push(at + 1);
            }
        }
        met
    }

    #[test]
    fn which_packets_are_met() {
        let packets: &[(&[u8], Option<&str>, &str)] = &[
            (PING, None, "a"),
            (PUBREC, Some("x/1"), "a"),
            (PUBREC, Some("x/2"), "b"),
            (&[0x62, 2, 0, 1], Some("x/1"), "a"),
            (PUBREC, None, "a"),
        ];
        let any = Pick::default;
        let check = |pick: Pick, expected: &[usize]| assert_eq!(met(pick, packets), expected);
        check(any(), &[2]);
        check(Pick { times: 0, ..any() }, &[2, 3, 4, 5]);
        check(Pick::next(PacketKind::PUBREC), &[2]);
        check(Pick { nth: 2, ..Pick::next(PacketKind::PUBREC) }, &[3]);
        check(Pick { nth: 2, times: 2, ..Pick::next(PacketKind::PUBREC) }, &[3, 5]);
        check(Pick { nth: 2, times: 0, ..Pick::next(PacketKind::PUBREC) }, &[3, 5]);
        check(Pick { client: Some("b".to_owned()), ..any() }, &[3]);
        let topic = Some(Filter::parse("x/1").expect("a filter"));
        check(Pick { topic, times: 0, ..any() }, &[2, 4]);
        check(Pick { times: 0, ..Pick::next(PacketKind::PINGREQ) }, &[1]);
        check(Pick { nth: 9, ..any() }, &[]);
    }

    #[test]
    fn in_words() {
        let check = |pick: Pick, expected: &str| assert_eq!(pick.to_string(), expected);
        let any = Pick::default;
        check(Pick::next(PacketKind::PUBREC), "the next PUBREC");
        check(Pick { times: 0, ..any() }, "every packet");
        check(Pick { nth: 2, ..any() }, "the 2nd packet");
        check(Pick { nth: 13, times: 0, ..any() }, "the 13th packet and all after it");
        let of = Some("card1".to_owned());
        check(
            Pick { times: 3, client: of, ..Pick::next(PacketKind::PUBLISH) },
            "the next PUBLISH of card1, 3 times",
        );
    }
}
