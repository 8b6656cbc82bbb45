//! Whole MQTT packets in a stream of bytes, told apart by the fixed header alone, so that a cable
//! carries packets of any version and passes on what a broker will refuse. [MQTT 3.1.1, section 2.2]

use thiserror::Error;

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

    /// The number of its type: 1 for CONNECT to 15 for AUTH. [MQTT 3.1.1, table 2.1]
    #[must_use]
    pub fn kind(self) -> u8 {
        self.0[0] >> 4
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
    fn every_size_of_header() {
        for length in [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152] {
            let mut bytes = packet(length);
            let size = bytes.len();
            bytes.push(0xc0);
            let found = first(&bytes).expect("a packet").expect("a whole one");
            assert_eq!((found.bytes().len(), found.kind()), (size, 3), "length {length}");
            assert_eq!(first(&bytes[..size - 1]), Ok(None), "length {length}");
        }
    }
}
