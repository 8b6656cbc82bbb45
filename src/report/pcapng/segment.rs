//! One TCP segment in one IPv4 packet, as bytes. [RFC 791, RFC 9293]

use std::net::Ipv4Addr;

/// Bytes of an IPv4 header without options.
const IP_HEADER: usize = 20;
/// Bytes of a TCP header without options.
const TCP_HEADER: usize = 20;
/// Routers that it may pass.
const TIME_TO_LIVE: u8 = 64;
const TCP: u8 = 6;

/// What a segment says besides its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags(u8);

impl Flags {
    pub const SYN: Self = Self(0x02);
    pub const SYN_ACK: Self = Self(0x12);
    pub const ACK: Self = Self(0x10);
    /// Here you are.
    pub const DATA: Self = Self(0x18);
    pub const FIN: Self = Self(0x11);
    pub const RST: Self = Self(0x14);

    /// SYN and FIN count as a byte each. [RFC 9293, section 3.4]
    pub fn length(self) -> u32 {
        u32::from(self.0 & 0x03 != 0)
    }

    fn begins(self) -> bool {
        self.0 & 0x02 != 0
    }
}

/// A segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment<'a> {
    pub from: (Ipv4Addr, u16),
    pub to: (Ipv4Addr, u16),
    pub sequence: u32,
    pub acknowledged: u32,
    pub flags: Flags,
    pub payload: &'a [u8],
}

/// What a SYN offers: segments of up to 65,495 bytes, and windows counted in units of 16 KiB, so
/// that no stream ever fills one. [RFC 9293, section 3.7.1; RFC 7323, section 2.2]
const OFFERS: [u8; 8] = [2, 4, 0xff, 0xd7, 1, 3, 3, 14];

impl Segment<'_> {
    /// With both headers, checksums included.
    pub fn bytes(&self) -> Vec<u8> {
        let tcp = self.tcp();
        let length = u16::try_from(IP_HEADER + tcp.len()).unwrap_or(u16::MAX).to_be_bytes();
        // Version 4, five words; not to be fragmented.
        let mut bytes = vec![0x45, 0, length[0], length[1], 0, 0, 0x40, 0, TIME_TO_LIVE, TCP, 0, 0];
        bytes.extend(self.from.0.octets());
        bytes.extend(self.to.0.octets());
        let sum = checksum([bytes.as_slice()]).to_be_bytes();
        bytes[10..12].copy_from_slice(&sum);
        bytes.extend(tcp);
        bytes
    }

    fn tcp(&self) -> Vec<u8> {
        let offers: &[u8] = if self.flags.begins() { &OFFERS } else { &[] };
        let words = u8::try_from((TCP_HEADER + offers.len()) / 4).unwrap_or(u8::MAX);
        let mut bytes = Vec::with_capacity(TCP_HEADER + offers.len() + self.payload.len());
        bytes.extend(self.from.1.to_be_bytes());
        bytes.extend(self.to.1.to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.acknowledged.to_be_bytes());
        bytes.extend([words << 4, self.flags.0, 0xff, 0xff, 0, 0, 0, 0]);
        bytes.extend_from_slice(offers);
        bytes.extend_from_slice(self.payload);
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes();
        let (from, to) = (self.from.0.octets(), self.to.0.octets());
        let pseudo = [&from[..], &to, &[0, TCP], &length].concat();
        let sum = checksum([pseudo.as_slice(), &bytes]).to_be_bytes();
        bytes[16..18].copy_from_slice(&sum);
        bytes
    }
}

/// The internet's checksum over parts, all but the last of even length. [RFC 1071]
fn checksum<const N: usize>(parts: [&[u8]; N]) -> u16 {
    let pairs = parts.into_iter().flat_map(|part| part.chunks(2));
    let sum: u64 = pairs
        .map(|pair| u64::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)])))
        .sum();
    let mut folded = sum;
    while folded > 0xffff {
        folded = (folded & 0xffff) + (folded >> 16);
    }
    !u16::try_from(folded).unwrap_or(u16::MAX)
}
