//! Packets from and to bytes. [MQTT 3.1.1, sections 2 and 3]

use bytes::BytesMut;
use thiserror::Error;

use super::Packet;

/// Why bytes are no packet.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct DecodeError(String);

/// Takes the first whole packet off `buffer`; `None` while it is not whole yet. A packet of more
/// than `max_packet_size` bytes is an error as soon as its length is known.
///
/// # Errors
/// What the bytes break.
pub fn read(
    _buffer: &mut BytesMut,
    _max_packet_size: usize,
) -> Result<Option<Packet>, DecodeError> {
    Err(DecodeError("not written yet".to_owned()))
}

/// Appends `packet` to `buffer`.
pub fn write(_packet: &Packet, _buffer: &mut BytesMut) {}
