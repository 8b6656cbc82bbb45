//! A trace as a `.pcapng` file that Wireshark opens and decodes as MQTT.
//!
//! ```text
//! Section Header
//! Name Resolution (10.0.0.1 board1, 10.0.0.2 counter, …)         as participants turn up
//! Interface Description (a cable)                                as cables turn up
//! Enhanced Packet (IPv4, TCP, MQTT)                              a packet of the trace
//! ```
//!
//! Each connection is a TCP stream of its own, with a handshake before its first packet and an end
//! behind its last. The stream is what the sender sent: a packet that the cable dropped or cut is in
//! it, so that the bytes go on without a gap, and its comment says that it never arrived. In
//! Wireshark, `frame.comment` finds these, and the comments that tell what befell cables and boards
//! before a packet. Addresses, ports and everything else below MQTT are made up.
//! [draft-ietf-opsawg-pcapng-03]

mod block;
mod segment;
mod stream;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::time::Duration;

use self::segment::{Flags, Segment};
use self::stream::{Stream, Way};
use super::line;
use super::recorder::Format;
use crate::lab::name::CableName;
use crate::lab::trace::{Crossing, Entry, Event, Party, Passage, Wire};

/// So many bytes of a packet go into one segment: with both headers, IPv4 has room for 65,535.
const SEGMENT_BYTES: usize = 65_000;
/// So many remarks wait for the next packet.
const REMARKS: usize = 50;

/// Writes a trace in this form.
#[derive(Debug, Default)]
pub struct PcapNg {
    scenario: String,
    addresses: BTreeMap<Party, Ipv4Addr>,
    interfaces: BTreeMap<CableName, u32>,
    streams: BTreeMap<u64, Stream>,
    /// What happened since the last packet, for the comment of the next.
    remarks: Vec<String>,
}

impl PcapNg {
    /// Of what happened there.
    #[must_use]
    pub fn new(scenario: &str) -> Self {
        Self { scenario: scenario.to_owned(), ..Self::default() }
    }

    fn packet(&mut self, at: Duration, crossing: &Crossing, to: &mut dyn Write) -> io::Result<()> {
        let wire = &crossing.wire;
        if !self.streams.contains_key(&wire.number) {
            self.begin_stream(at, wire, to)?;
        }
        let mut comments = std::mem::take(&mut self.remarks);
        comments.extend(remark(at, crossing));
        let Some(stream) = self.streams.get_mut(&wire.number) else { return Ok(()) };
        let mut chunks = crossing.bytes.chunks(SEGMENT_BYTES).peekable();
        while let Some(bytes) = chunks.next() {
            let flags = if chunks.peek().is_none() { Flags::DATA } else { Flags::ACK };
            let segment = stream.send(crossing.direction.into(), flags, bytes);
            write(at, stream.interface, &segment, &comments, to)?;
            comments.clear();
        }
        Ok(())
    }

    fn begin_stream(&mut self, at: Duration, wire: &Wire, to: &mut dyn Write) -> io::Result<()> {
        let client = self.address(&wire.dialer, to)?;
        let server = self.address(&wire.target, to)?;
        let interface = self.interface(wire, to)?;
        let mut stream = Stream::new(wire.number, interface, client, server);
        for segment in stream.handshake() {
            write(at, interface, &segment, &[], to)?;
        }
        self.streams.insert(wire.number, stream);
        Ok(())
    }

    fn end_stream(
        &mut self,
        at: Duration,
        wire: &Wire,
        how: &str,
        to: &mut dyn Write,
    ) -> io::Result<()> {
        let Some(mut stream) = self.streams.remove(&wire.number) else { return Ok(()) };
        let mut comments = std::mem::take(&mut self.remarks);
        comments.push(format!("the connection ended: {how}"));
        // Whatever is no goodbye of both ends, the cable passes on as a reset to both.
        let ends = if how == "both ends said goodbye" {
            [(Way::Out, Flags::FIN), (Way::In, Flags::FIN), (Way::Out, Flags::ACK)].as_slice()
        } else {
            [(Way::In, Flags::RST), (Way::Out, Flags::RST)].as_slice()
        };
        for (way, flags) in ends {
            let segment = stream.send(*way, *flags, &[]);
            write(at, stream.interface, &segment, &comments, to)?;
            comments.clear();
        }
        Ok(())
    }

    /// A participant's address; its name is written down when it turns up.
    fn address(&mut self, party: &Party, to: &mut dyn Write) -> io::Result<Ipv4Addr> {
        if let Some(address) = self.addresses.get(party) {
            return Ok(*address);
        }
        let count = u32::try_from(self.addresses.len()).unwrap_or(u32::MAX);
        let address = Ipv4Addr::from_bits(0x0a00_0001_u32.wrapping_add(count));
        self.addresses.insert(party.clone(), address);
        to.write_all(&block::name(address, party.name()))?;
        Ok(address)
    }

    fn interface(&mut self, wire: &Wire, to: &mut dyn Write) -> io::Result<u32> {
        if let Some(number) = self.interfaces.get(&wire.cable) {
            return Ok(*number);
        }
        let number = u32::try_from(self.interfaces.len()).unwrap_or(u32::MAX);
        self.interfaces.insert(wire.cable.clone(), number);
        let about = format!("the cable of {} to {}", wire.cable, wire.target);
        to.write_all(&block::interface(wire.cable.as_str(), &about))?;
        Ok(number)
    }
}

impl Format for PcapNg {
    fn begin(&mut self, to: &mut dyn Write) -> io::Result<()> {
        to.write_all(&block::section(&self.scenario))
    }

    fn entry(&mut self, entry: &Entry, to: &mut dyn Write) -> io::Result<()> {
        match &entry.event {
            Event::Packet(crossing) => self.packet(entry.at, crossing, to),
            Event::WireEnded { wire, how } => self.end_stream(entry.at, wire, how, to),
            Event::Cable { .. }
            | Event::Power { .. }
            | Event::Disk { .. }
            | Event::EngineDrops { .. }
            | Event::Asked { .. }
            | Event::Fresh
            | Event::Missed { .. }
            | Event::Note(_) => {
                if self.remarks.len() < REMARKS {
                    self.remarks.push(format!("before this: {}", line::what(&entry.event)));
                }
                Ok(())
            }
            Event::Broker { .. } | Event::Program { .. } | Event::EngineSays { .. } => Ok(()),
        }
    }
}

fn write(
    at: Duration,
    interface: u32,
    segment: &Segment<'_>,
    comments: &[String],
    to: &mut dyn Write,
) -> io::Result<()> {
    to.write_all(&block::packet(interface, at, &segment.bytes(), comments))
}

/// What the cable did to a packet; none where it did nothing.
fn remark(at: Duration, crossing: &Crossing) -> Option<String> {
    let how = match crossing.passage {
        Passage::Arrived if crossing.repeated => "repeated by the cable".to_owned(),
        Passage::Arrived if crossing.by.is_empty() => return None,
        Passage::Arrived => {
            let ms = at.saturating_sub(crossing.came).as_secs_f64() * 1_000.0;
            format!("arrived after {ms:.1} ms at the cable")
        }
        Passage::ArrivedAndCut => "arrived, and the connection was cut behind it".to_owned(),
        Passage::Dropped => "DROPPED by the cable: it never arrived".to_owned(),
        Passage::Cut => "LOST: the connection was cut before it arrived".to_owned(),
    };
    let by = &crossing.by;
    Some(if by.is_empty() { how } else { format!("{how} ({})", by.join(", ")) })
}
