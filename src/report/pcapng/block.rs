//! Blocks of a pcapng file and their options. [draft-ietf-opsawg-pcapng-03, sections 3 and 4]

use std::net::Ipv4Addr;
use std::time::Duration;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const NAME_RESOLUTION: u32 = 4;
const ENHANCED_PACKET: u32 = 6;

/// By which a reader tells how the writer orders bytes; here, little-endian.
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
/// Packets begin with an IP header. [the registry of link types, LINKTYPE_RAW]
const LINKTYPE_RAW: u16 = 101;
/// Times count in units of ten to the power of minus nine seconds.
const NANOSECONDS: u8 = 9;

/// The codes of options.
mod option {
    pub const END: u16 = 0;
    pub const COMMENT: u16 = 1;
    pub const SECTION_USERAPPL: u16 = 4;
    pub const INTERFACE_NAME: u16 = 2;
    pub const INTERFACE_DESCRIPTION: u16 = 3;
    pub const INTERFACE_TSRESOL: u16 = 9;
}

/// A record of a Name Resolution block.
const NAME_OF_IPV4: u16 = 1;

/// The first block.
pub fn section(comment: &str) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(BYTE_ORDER.to_le_bytes());
    // Version 1.0, of a length that is not known yet.
    body.extend([1, 0, 0, 0]);
    body.extend(u64::MAX.to_le_bytes());
    let program = format!("twinboard {}", env!("CARGO_PKG_VERSION"));
    put_option(&mut body, option::COMMENT, comment.as_bytes());
    put_option(&mut body, option::SECTION_USERAPPL, program.as_bytes());
    put_option(&mut body, option::END, &[]);
    block(SECTION_HEADER, &body)
}

/// Something that packets are seen at; the first is number 0.
pub fn interface(name: &str, about: &str) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(LINKTYPE_RAW.to_le_bytes());
    body.extend([0, 0]);
    // However long a packet is, all of it is here.
    body.extend(0_u32.to_le_bytes());
    put_option(&mut body, option::INTERFACE_NAME, name.as_bytes());
    put_option(&mut body, option::INTERFACE_DESCRIPTION, about.as_bytes());
    put_option(&mut body, option::INTERFACE_TSRESOL, &[NANOSECONDS]);
    put_option(&mut body, option::END, &[]);
    block(INTERFACE_DESCRIPTION, &body)
}

/// A name for an address.
pub fn name(address: Ipv4Addr, name: &str) -> Vec<u8> {
    let mut value = address.octets().to_vec();
    // It ends with a zero, so it has none.
    value.extend(name.bytes().filter(|byte| *byte != 0));
    value.push(0);
    let mut body = Vec::new();
    put_option(&mut body, NAME_OF_IPV4, &value);
    put_option(&mut body, option::END, &[]);
    block(NAME_RESOLUTION, &body)
}

/// A packet, and what there is to say of it.
pub fn packet(interface: u32, at: Duration, bytes: &[u8], comments: &[String]) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(interface.to_le_bytes());
    let nanos = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX).to_le_bytes();
    body.extend_from_slice(&nanos[4..]);
    body.extend_from_slice(&nanos[..4]);
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
    body.extend(length);
    body.extend(length);
    put_padded(&mut body, bytes);
    for comment in comments {
        put_option(&mut body, option::COMMENT, comment.as_bytes());
    }
    if !comments.is_empty() {
        put_option(&mut body, option::END, &[]);
    }
    block(ENHANCED_PACKET, &body)
}

/// Every block says its kind, and its length at both ends.
fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 12).unwrap_or(u32::MAX).to_le_bytes();
    [&kind.to_le_bytes(), &length, body, &length].concat()
}

/// What is longer than an option can be ends where it must, at the end of a letter.
fn put_option(to: &mut Vec<u8>, code: u16, value: &[u8]) {
    let mut end = value.len().min(usize::from(u16::MAX));
    while end < value.len() && end > 0 && value[end] & 0xc0 == 0x80 {
        end -= 1;
    }
    to.extend(code.to_le_bytes());
    to.extend(u16::try_from(end).unwrap_or(u16::MAX).to_le_bytes());
    put_padded(to, &value[..end]);
}

fn put_padded(to: &mut Vec<u8>, value: &[u8]) {
    to.extend_from_slice(value);
    to.extend(std::iter::repeat_n(0, value.len().next_multiple_of(4) - value.len()));
}
