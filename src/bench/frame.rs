//! MQTT's packets as a load generator reads them: found in what came, nothing copied, nothing
//! allocated. Knows no socket, and nothing of the broker's own codec: a mistake there must not be
//! mirrored here.

use super::options::Protocol;
use super::packet::STAMP_BYTES;

/// One packet in what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Type and flags.
    pub first: u8,
    /// What follows the remaining length.
    pub body: &'a [u8],
    /// Bytes of the whole.
    pub length: usize,
}

impl<'a> Frame<'a> {
    /// The packet at the beginning of `bytes`: none when it is not whole yet, an error when no
    /// packet begins like that. [MQTT 3.1.1, section 2.2.3]
    pub fn split(bytes: &'a [u8]) -> Result<Option<Self>, Garbled> {
        let mut length = 0;
        for at in 1..5 {
            let Some(byte) = bytes.get(at) else { return Ok(None) };
            length |= usize::from(byte & 0x7f) << (7 * (at - 1));
            if byte & 0x80 == 0 {
                let whole = at + 1 + length;
                let found = bytes.get(at + 1..whole);
                return Ok(found.map(|body| Self { first: bytes[0], body, length: whole }));
            }
        }
        Err(Garbled)
    }

    /// The type of the packet.
    pub fn kind(&self) -> Kind {
        match self.first >> 4 {
            2 => Kind::ConnAck,
            3 => Kind::Publish,
            4 => Kind::PubAck,
            5 => Kind::PubRec,
            6 => Kind::PubRel,
            7 => Kind::PubComp,
            9 => Kind::SubAck,
            _ => Kind::Other,
        }
    }

    /// The packet id of an acknowledgement.
    pub fn id(&self) -> Result<u16, Garbled> {
        self.number(0)
    }

    /// The reason code of an acknowledgement, 0 where it has none. [MQTT 5, section 3.4.2.1]
    pub fn reason(&self) -> u8 {
        self.body.get(2).copied().unwrap_or(0)
    }

    /// What a PUBLISH of ours says.
    pub fn arrival(&self, protocol: Protocol) -> Result<Arrival, Garbled> {
        let qos = self.first >> 1 & 3;
        let mut at = 2 + usize::from(self.number(0)?);
        let mut id = 0;
        if qos > 0 {
            id = self.number(at)?;
            at += 2;
        }
        if protocol == Protocol::V5 {
            let (bytes, properties) = varint(self.body.get(at..).ok_or(Garbled)?)?;
            at += bytes + properties;
        }
        let stamp = self.body.get(at..at + STAMP_BYTES).ok_or(Garbled)?;
        let publisher = u16::from_be_bytes([stamp[0], stamp[1]]);
        let number = u64::from_be_bytes(stamp[2..].try_into().map_err(|_| Garbled)?);
        Ok(Arrival { qos, id, publisher, number })
    }

    /// How many unacknowledged messages of QoS 1 and 2 a CONNACK allows.
    /// [MQTT 5, section 3.2.2.3.3]
    pub fn receive_maximum(&self) -> Result<u16, Garbled> {
        let (bytes, length) = varint(self.body.get(2..).ok_or(Garbled)?)?;
        let mut rest = self.body.get(2 + bytes..2 + bytes + length).ok_or(Garbled)?;
        while let Some((name, value)) = rest.split_first() {
            let length = match name {
                0x21 => {
                    let bytes = value.first_chunk().ok_or(Garbled)?;
                    return Ok(u16::from_be_bytes(*bytes));
                }
                0x11 | 0x27 => 4,
                0x13 | 0x22 => 2,
                0x24 | 0x25 | 0x28..=0x2a => 1,
                0x26 => text(value, 0).and_then(|end| text(value, end))?,
                _ => text(value, 0)?,
            };
            rest = value.get(length..).ok_or(Garbled)?;
        }
        Ok(u16::MAX)
    }

    fn number(&self, at: usize) -> Result<u16, Garbled> {
        let bytes = self.body.get(at..at + 2).ok_or(Garbled)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }
}

/// The types that a client hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    ConnAck,
    Publish,
    PubAck,
    PubRec,
    PubRel,
    PubComp,
    SubAck,
    Other,
}

/// A message that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    pub qos: u8,
    /// 0 at QoS 0.
    pub id: u16,
    pub publisher: u16,
    /// Counted from 0 by the publisher.
    pub number: u64,
}

/// Bytes that are no MQTT packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Garbled;

/// Where the text at `at` ends.
fn text(bytes: &[u8], at: usize) -> Result<usize, Garbled> {
    let length = bytes.get(at..at + 2).ok_or(Garbled)?;
    Ok(at + 2 + usize::from(u16::from_be_bytes([length[0], length[1]])))
}

/// How many bytes a variable byte integer has, and which it is.
fn varint(bytes: &[u8]) -> Result<(usize, usize), Garbled> {
    let mut number = 0;
    for (at, byte) in bytes.iter().take(4).enumerate() {
        number |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok((at + 1, number));
        }
    }
    Err(Garbled)
}

#[cfg(test)]
mod tests {
    use super::super::packet::{Introduction, Letter, Template, connect};
    use super::*;

    #[test]
    fn a_frame_is_found_when_it_is_whole() {
        let bytes = [0x40, 2, 1, 2, 0xd0, 0];
        for length in 0..4 {
            assert_eq!(Frame::split(&bytes[..length]), Ok(None), "{length}");
        }
        let frame = Frame::split(&bytes).expect("a packet").expect("a whole one");
        assert_eq!((frame.kind(), frame.length, frame.id()), (Kind::PubAck, 4, Ok(0x102)));
        let next = Frame::split(&bytes[4..]).expect("a packet").expect("a whole one");
        assert_eq!((next.kind(), next.length), (Kind::Other, 2));
        assert_eq!(Frame::split(&[0x30, 0xff, 0xff, 0xff, 0xff, 1]), Err(Garbled));
    }

    #[test]
    fn what_is_written_is_read() {
        for protocol in [Protocol::V311, Protocol::V5] {
            for qos in 0..3 {
                for payload_bytes in [0, 10, 64, 300, 20_000] {
                    let letter = Letter {
                        protocol,
                        topic: "a/b",
                        qos,
                        retain: false,
                        payload_bytes,
                        publisher: 7,
                    };
                    let mut out = Vec::new();
                    Template::new(&letter).write(&mut out, 9, 1 << 40);
                    let frame = Frame::split(&out).expect("a packet").expect("a whole one");
                    assert_eq!((frame.length, frame.kind()), (out.len(), Kind::Publish));
                    let id = if qos == 0 { 0 } else { 9 };
                    let expected = Arrival { qos, id, publisher: 7, number: 1 << 40 };
                    assert_eq!(frame.arrival(protocol), Ok(expected));
                }
            }
        }
    }

    #[test]
    fn numbered_topics_end_in_the_number() {
        let letter = Letter {
            protocol: Protocol::V311,
            topic: "a/",
            qos: 1,
            retain: true,
            payload_bytes: 64,
            publisher: 0,
        };
        let mut out = Vec::new();
        Template::numbered(&letter).write(&mut out, 1, 12_345);
        assert_eq!(&out[2..13], b"\0\x09a/0012345");
        let frame = Frame::split(&out).expect("a packet").expect("a whole one");
        assert_eq!(frame.arrival(Protocol::V311).map(|it| it.number), Ok(12_345));
        assert_eq!(frame.first, 0x33);
    }

    #[test]
    fn the_receive_maximum_is_found_among_other_properties() {
        let check = |body: &[u8], expected| {
            let frame = Frame { first: 0x20, body, length: 2 + body.len() };
            assert_eq!(frame.receive_maximum(), expected, "{body:?}");
        };
        check(&[0, 0, 0], Ok(u16::MAX));
        check(&[0, 0, 6, 0x22, 0, 10, 0x21, 0, 20], Ok(20));
        check(&[0, 0, 14, 0x12, 0, 1, b'a', 0x26, 0, 1, b'k', 0, 0, 0x21, 1, 0], Err(Garbled));
        check(&[0, 0, 13, 0x12, 0, 1, b'a', 0x26, 0, 1, b'k', 0, 0, 0x21, 1, 0], Ok(256));
        check(&[0, 0, 9], Err(Garbled));
    }

    #[test]
    fn a_connect_says_what_was_asked() {
        let mut out = Vec::new();
        let mut introduction = Introduction {
            protocol: Protocol::V311,
            client_id: "ab",
            keep_alive_s: 60,
            lasting: false,
        };
        connect(&mut out, &introduction);
        assert_eq!(out, b"\x10\x0e\0\x04MQTT\x04\x02\0\x3c\0\x02ab");
        out.clear();
        introduction.protocol = Protocol::V5;
        introduction.lasting = true;
        connect(&mut out, &introduction);
        assert_eq!(out, b"\x10\x14\0\x04MQTT\x05\0\0\x3c\x05\x11\xff\xff\xff\xff\0\x02ab");
    }
}
