//! One that takes messages and acknowledges them. Pure: packets in, bytes out.

use super::frame::{Arrival, Frame, Kind};
use super::options::Protocol;
use super::packet::acknowledge;
use super::trouble::Trouble;

/// What a packet was to its subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    Message(Arrival),
    /// The broker has released a message of QoS 2.
    Released,
    Nothing,
}

/// Takes a packet, and answers it.
#[inline]
pub fn hear(frame: &Frame<'_>, protocol: Protocol, out: &mut Vec<u8>) -> Result<News, Trouble> {
    match frame.kind() {
        Kind::Publish => {
            let arrival = frame.arrival(protocol)?;
            match arrival.qos {
                0 => {}
                1 => acknowledge(out, Kind::PubAck, arrival.id),
                _ => acknowledge(out, Kind::PubRec, arrival.id),
            }
            Ok(News::Message(arrival))
        }
        Kind::PubRel => {
            acknowledge(out, Kind::PubComp, frame.id()?);
            Ok(News::Released)
        }
        _ => Ok(News::Nothing),
    }
}
