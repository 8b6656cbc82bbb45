//! A TCP stream that never was: numbers for its segments, as if both ends had lived beside their
//! cable.

use std::net::Ipv4Addr;

use super::segment::{Flags, Segment};
use crate::cable::Direction;

/// Where brokers listen. [the registry of service names, mqtt]
const MQTT: u16 = 1883;
/// The ports that dialers take in turn.
const FIRST_PORT: u64 = 10_000;
const PORTS: u64 = 55_000;

/// Which way, as the dialer sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Out,
    In,
}

impl From<Direction> for Way {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Out => Self::Out,
            Direction::In => Self::In,
        }
    }
}

/// A connection.
#[derive(Debug, Clone)]
pub struct Stream {
    /// Where it is seen.
    pub interface: u32,
    client: (Ipv4Addr, u16),
    server: (Ipv4Addr, u16),
    /// The next sequence numbers of client and server.
    next: [u32; 2],
}

impl Stream {
    /// The connection of that number.
    pub fn new(number: u64, interface: u32, client: Ipv4Addr, server: Ipv4Addr) -> Self {
        let port = u16::try_from(FIRST_PORT + number % PORTS).unwrap_or(u16::MAX);
        Self { interface, client: (client, port), server: (server, MQTT), next: [0, 0] }
    }

    /// Both ends agree to speak.
    pub fn handshake(&mut self) -> [Segment<'static>; 3] {
        [
            self.send(Way::Out, Flags::SYN, &[]),
            self.send(Way::In, Flags::SYN_ACK, &[]),
            self.send(Way::Out, Flags::ACK, &[]),
        ]
    }

    /// One end sends, and acknowledges all that the other sent.
    pub fn send<'a>(&mut self, way: Way, flags: Flags, payload: &'a [u8]) -> Segment<'a> {
        let (own, other) = (way as usize, 1 - way as usize);
        let (from, to) = match way {
            Way::Out => (self.client, self.server),
            Way::In => (self.server, self.client),
        };
        let acknowledged = if flags == Flags::SYN { 0 } else { self.next[other] };
        let sequence = self.next[own];
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        self.next[own] = sequence.wrapping_add(length).wrapping_add(flags.length());
        Segment { from, to, sequence, acknowledged, flags, payload }
    }
}
