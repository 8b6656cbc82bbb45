//! MQTT's packets as a load generator writes them: straight into a buffer, a PUBLISH from a template.
//! Knows no socket.

use super::frame::Kind;
use super::options::Protocol;

/// What a payload begins with: the publisher's number and the message's.
pub const STAMP_BYTES: usize = 10;

/// The publisher of messages that only ask whether a way is open; nobody counts them.
pub const PROBE: u16 = u16::MAX;

/// Decimal digits by which the topics of [`Template::numbered`] end.
const DIGITS: usize = 7;

/// A session without end. [MQTT 5, section 3.1.2.11.2]
const NEVER: u32 = u32::MAX;

/// How a client introduces itself.
#[derive(Debug, Clone, Copy)]
pub struct Introduction<'a> {
    pub protocol: Protocol,
    pub client_id: &'a str,
    pub keep_alive_s: u16,
    /// Whether the session outlives the connection, so that a broker with a store writes it down.
    pub lasting: bool,
}

/// Writes a CONNECT.
pub fn connect(out: &mut Vec<u8>, introduction: &Introduction<'_>) {
    let Introduction { protocol, client_id, keep_alive_s, lasting } = *introduction;
    let five = protocol == Protocol::V5;
    let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', if five { 5 } else { 4 }];
    body.push(if lasting { 0 } else { 2 });
    body.extend_from_slice(&keep_alive_s.to_be_bytes());
    if five && lasting {
        body.extend_from_slice(&[5, 0x11]);
        body.extend_from_slice(&NEVER.to_be_bytes());
    } else if five {
        body.push(0);
    }
    push_text(&mut body, client_id);
    push_packet(out, 0x10, &body);
}

/// Writes a SUBSCRIBE of these filters.
pub fn subscribe(out: &mut Vec<u8>, protocol: Protocol, filters: &[&str], qos: u8) {
    let mut body = vec![0, 1];
    if protocol == Protocol::V5 {
        body.push(0);
    }
    for filter in filters {
        push_text(&mut body, filter);
        body.push(qos);
    }
    push_packet(out, 0x82, &body);
}

/// The topic of message `number` of [`Template::numbered`].
pub fn numbered_topic(topic: &str, number: u64) -> String {
    format!("{topic}{number:0DIGITS$}")
}

/// Writes a DISCONNECT.
pub fn disconnect(out: &mut Vec<u8>) {
    out.extend_from_slice(&[0xe0, 0]);
}

/// Writes a PUBACK, PUBREC, PUBREL or PUBCOMP.
pub fn acknowledge(out: &mut Vec<u8>, kind: Kind, id: u16) {
    let first = match kind {
        Kind::PubRec => 0x50,
        Kind::PubRel => 0x62,
        Kind::PubComp => 0x70,
        _ => 0x40,
    };
    let [high, low] = id.to_be_bytes();
    out.extend_from_slice(&[first, 2, high, low]);
}

/// A PUBLISH whose packet id and stamp are filled in as it is written.
#[derive(Debug, Clone)]
pub struct Template {
    bytes: Vec<u8>,
    id_at: Option<usize>,
    digits_at: Option<usize>,
    number_at: usize,
}

/// What a [`Template`] is made from.
#[derive(Debug, Clone, Copy)]
pub struct Letter<'a> {
    pub protocol: Protocol,
    pub topic: &'a str,
    pub qos: u8,
    pub retain: bool,
    /// Not less than [`STAMP_BYTES`] will be sent.
    pub payload_bytes: usize,
    pub publisher: u16,
}

impl Template {
    /// The same topic for every message.
    pub fn new(letter: &Letter<'_>) -> Self {
        Self::of(letter, letter.topic, false)
    }

    /// A topic of its own for every message: `topic` and the message's number.
    pub fn numbered(letter: &Letter<'_>) -> Self {
        Self::of(letter, &numbered_topic(letter.topic, 0), true)
    }

    fn of(letter: &Letter<'_>, topic: &str, numbered: bool) -> Self {
        let mut body = Vec::new();
        push_text(&mut body, topic);
        let digits_at = numbered.then(|| body.len() - DIGITS);
        let id_at = (letter.qos > 0).then_some(body.len());
        if letter.qos > 0 {
            body.extend_from_slice(&[0, 0]);
        }
        if letter.protocol == Protocol::V5 {
            body.push(0);
        }
        let payload_at = body.len();
        body.extend_from_slice(&letter.publisher.to_be_bytes());
        body.resize(payload_at + letter.payload_bytes.max(STAMP_BYTES), b'x');
        let mut bytes = Vec::new();
        push_packet(&mut bytes, 0x30 | letter.qos << 1 | u8::from(letter.retain), &body);
        let header = bytes.len() - body.len();
        Self {
            bytes,
            id_at: id_at.map(|at| at + header),
            digits_at: digits_at.map(|at| at + header),
            number_at: payload_at + 2 + header,
        }
    }

    /// Writes message `number` under packet id `id`, for which QoS 0 has no place.
    #[inline]
    pub fn write(&self, out: &mut Vec<u8>, id: u16, number: u64) {
        let begin = out.len();
        out.extend_from_slice(&self.bytes);
        let packet = &mut out[begin..];
        packet[self.number_at..self.number_at + 8].copy_from_slice(&number.to_be_bytes());
        if let Some(at) = self.id_at {
            packet[at..at + 2].copy_from_slice(&id.to_be_bytes());
        }
        if let Some(at) = self.digits_at {
            let mut rest = number;
            for digit in packet[at..at + DIGITS].iter_mut().rev() {
                *digit = b"0123456789"[(rest % 10) as usize];
                rest /= 10;
            }
        }
    }
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    let length = u16::try_from(text.len()).expect("a load's topics and names are short");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn push_packet(out: &mut Vec<u8>, first: u8, body: &[u8]) {
    out.push(first);
    let mut rest = body.len();
    loop {
        let byte = u8::try_from(rest & 0x7f).expect("seven bits");
        rest >>= 7;
        out.push(if rest == 0 { byte } else { byte | 0x80 });
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(body);
}
