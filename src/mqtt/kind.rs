//! The kinds of packets, by the number in their first byte and by their name in the standard.
//! [MQTT 5.0, table 2.1]

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What kind of packet it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct PacketKind(u8);

/// No packet is called that.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "no packet is called {0:?}; write one of CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, \
         PUBCOMP, SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT, AUTH"
)]
pub struct NoSuchKind(String);

/// In the order of their numbers; 0 is reserved.
const NAMES: [&str; 16] = [
    "reserved",
    "CONNECT",
    "CONNACK",
    "PUBLISH",
    "PUBACK",
    "PUBREC",
    "PUBREL",
    "PUBCOMP",
    "SUBSCRIBE",
    "SUBACK",
    "UNSUBSCRIBE",
    "UNSUBACK",
    "PINGREQ",
    "PINGRESP",
    "DISCONNECT",
    "AUTH",
];

impl PacketKind {
    /// CONNECT.
    pub const CONNECT: Self = Self(1);
    /// CONNACK.
    pub const CONNACK: Self = Self(2);
    /// PUBLISH.
    pub const PUBLISH: Self = Self(3);
    /// PUBACK.
    pub const PUBACK: Self = Self(4);
    /// PUBREC.
    pub const PUBREC: Self = Self(5);
    /// PUBREL.
    pub const PUBREL: Self = Self(6);
    /// PUBCOMP.
    pub const PUBCOMP: Self = Self(7);
    /// SUBSCRIBE.
    pub const SUBSCRIBE: Self = Self(8);
    /// SUBACK.
    pub const SUBACK: Self = Self(9);
    /// UNSUBSCRIBE.
    pub const UNSUBSCRIBE: Self = Self(10);
    /// UNSUBACK.
    pub const UNSUBACK: Self = Self(11);
    /// PINGREQ.
    pub const PINGREQ: Self = Self(12);
    /// PINGRESP.
    pub const PINGRESP: Self = Self(13);
    /// DISCONNECT.
    pub const DISCONNECT: Self = Self(14);
    /// AUTH.
    pub const AUTH: Self = Self(15);

    /// The kind of the packet that begins with this byte.
    #[must_use]
    pub fn of(first_byte: u8) -> Self {
        Self(first_byte >> 4)
    }

    /// Its name in the standard.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES[usize::from(self.0)]
    }

    /// Whether it only asks or says that somebody is there.
    #[must_use]
    pub fn is_ping(self) -> bool {
        matches!(self, Self::PINGREQ | Self::PINGRESP)
    }
}

impl fmt::Display for PacketKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for PacketKind {
    type Err = NoSuchKind;

    fn from_str(text: &str) -> Result<Self, NoSuchKind> {
        let numbers = 1..=15;
        let mut kinds = numbers.map(Self);
        let found = kinds.find(|kind| kind.name().eq_ignore_ascii_case(text));
        found.ok_or_else(|| NoSuchKind(text.to_owned()))
    }
}

impl TryFrom<String> for PacketKind {
    type Error = NoSuchKind;

    fn try_from(text: String) -> Result<Self, NoSuchKind> {
        text.parse()
    }
}

impl From<PacketKind> for String {
    fn from(kind: PacketKind) -> Self {
        kind.name().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        let check = |text: &str, expected: Option<PacketKind>| {
            assert_eq!(text.parse().ok(), expected, "{text}");
        };
        check("PUBREC", Some(PacketKind::PUBREC));
        check("publish", Some(PacketKind::PUBLISH));
        check("reserved", None);
        check("", None);
        assert_eq!(PacketKind::of(0x62), PacketKind::PUBREL);
        assert_eq!(PacketKind::of(0xf0).name(), "AUTH");
        assert!(PacketKind::of(0xd0).is_ping() && !PacketKind::of(0xe0).is_ping());
    }
}
