//! Whole MQTT packets in a stream of bytes, told apart by the fixed header alone, so that a cable
//! carries packets of any version and passes on what a broker will refuse. [MQTT 3.1.1, section 2.2]

use bytes::Bytes;
use thiserror::Error;

use crate::mqtt::PacketKind;

/// The bytes of one whole packet, header included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a>(&'a [u8]);

/// The stream cannot be told apart into packets any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the remaining length of a packet has more than four bytes")]
pub struct NotMqtt;

/// The bytes of a fixed header: one for the type, up to four for the length.
const MAX_HEADER: usize = 5;

impl<'a> Frame<'a> {
    /// All its bytes.
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// What kind of packet it is.
    #[must_use]
    pub fn kind(self) -> PacketKind {
        PacketKind::of(self.0[0])
    }

    /// The same packet as its sender would repeat it: a PUBLISH of QoS 1 or 2 with DUP, a PUBREL as
    /// it is. None for packets that nobody repeats. [MQTT-3.3.1-1, MQTT-4.4.0-1]
    #[must_use]
    pub fn repeated(self) -> Option<Bytes> {
        let mut bytes = self.0.to_vec();
        match self.kind() {
            PacketKind::PUBLISH if bytes[0] & 0x06 != 0 => bytes[0] |= 0x08,
            PacketKind::PUBREL => {}
            _ => return None,
        }
        Some(bytes.into())
    }
}

/// The first packet in `bytes`, if all of it is there.
///
/// # Errors
/// When a length breaks its form; then only the rest of the stream as it is can be passed on.
/// [MQTT 3.1.1, section 2.2.3]
pub fn first(bytes: &[u8]) -> Result<Option<Frame<'_>>, NotMqtt> {
    let mut length = 0;
    for (index, byte) in bytes.iter().take(MAX_HEADER).enumerate().skip(1) {
        length |= usize::from(byte & 0x7f) << (7 * (index - 1));
        if byte & 0x80 == 0 {
            return Ok(bytes.get(..index + 1 + length).map(Frame));
        }
    }
    if bytes.len() < MAX_HEADER { Ok(None) } else { Err(NotMqtt) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet of type 3 whose body has `length` bytes.
    fn packet(length: usize) -> Vec<u8> {
        let mut bytes = vec![0x30];
        let mut rest = length;
        loop {
            let digit = u8::try_from(rest % 128).expect("seven bits");
            rest /= 128;
            bytes.push(if rest > 0 { digit | 0x80 } else { digit });
            if rest == 0 {
                break;
            }
        }
        bytes.resize(bytes.len() + length, b'x');
        bytes
    }

    #[test]
    fn whole_packets_and_beginnings_of_packets() {
        let check = |bytes: &[u8], expected: Result<Option<usize>, NotMqtt>| {
            let found = first(bytes).map(|frame| frame.map(|frame| frame.bytes().len()));
            assert_eq!(found, expected, "{bytes:02x?}");
        };
        check(&[], Ok(None));
        check(&[0xc0], Ok(None));
        check(&[0xc0, 0x00], Ok(Some(2)));
        check(&[0xc0, 0x00, 0xc0], Ok(Some(2)));
        check(&[0x40, 0x02, 0x00], Ok(None));
        check(&[0x40, 0x02, 0x00, 0x01], Ok(Some(4)));
        check(&[0x30, 0x80], Ok(None));
        check(&[0x30, 0x80, 0x80, 0x80], Ok(None));
        check(&[0x30, 0x80, 0x80, 0x80, 0x80], Err(NotMqtt));
        check(&[0x30, 0xff, 0xff, 0xff, 0x7f], Ok(None));
    }

    #[test]
    fn repeats() {
        let check = |bytes: &[u8], expected: Option<&[u8]>| {
            let frame = first(bytes).expect("a packet").expect("a whole one");
            assert_eq!(frame.repeated().as_deref(), expected, "{bytes:02x?}");
        };
        check(&[0x32, 5, 0, 1, b'a', 0, 1], Some(&[0x3a, 5, 0, 1, b'a', 0, 1]));
        check(&[0x3d, 5, 0, 1, b'a', 0, 1], Some(&[0x3d, 5, 0, 1, b'a', 0, 1]));
        check(&[0x30, 3, 0, 1, b'a'], None);
        check(&[0x62, 2, 0, 1], Some(&[0x62, 2, 0, 1]));
        check(&[0x50, 2, 0, 1], None);
    }

    #[test]
    fn every_size_of_header() {
        for length in [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152] {
            let mut bytes = packet(length);
            let size = bytes.len();
            bytes.push(0xc0);
            let found = first(&bytes).expect("a packet").expect("a whole one");
            assert_eq!(
                (found.bytes().len(), found.kind()),
                (size, PacketKind::PUBLISH),
                "length {length}"
            );
            assert_eq!(first(&bytes[..size - 1]), Ok(None), "length {length}");
        }
    }
}
