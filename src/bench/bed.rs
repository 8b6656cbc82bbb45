//! What a run stands on: where to publish and subscribe, the processes whose time and memory count,
//! and the first packets of every client.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::frame::{Frame, Kind};
use super::net::{At, Heard, Net};
use super::options::{Options, Protocol, Stop};
use super::packet::{self, Introduction, Letter};
use super::process::Process;
use super::trouble::Trouble;
use super::vitals;

/// How long a broker may be silent before a run is given up.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// How often the wish to stop is looked at.
pub const GLANCE: Duration = Duration::from_millis(50);
/// Long enough that no run needs to say PINGREQ, and not 0, which some brokers refuse.
const KEEP_ALIVE_S: u16 = 50_000;

/// A broker, or two with a bridge, ready for a load.
pub struct Bed<'a> {
    pub publish_to: SocketAddr,
    pub subscribe_at: SocketAddr,
    /// The brokers' processes; none of an address that was given.
    pub processes: &'a [Process],
    /// Whether sessions are to outlive their connections.
    pub lasting: bool,
    pub options: &'a Options,
    pub stop: &'a Stop,
}

impl Bed<'_> {
    /// Connects a client, up to its CONNACK.
    pub fn connect(&self, net: &mut Net, to: SocketAddr, name: &str) -> Result<At, Trouble> {
        let at = net.dial(to)?;
        packet::connect(net.out(at), &self.introduction(name));
        net.flush(at)?;
        self.until(net, at, Kind::ConnAck, "connecting").map(|_| at)
    }

    /// Connects a publisher, and tells which window it may have.
    pub fn publisher(&self, net: &mut Net, name: &str) -> Result<(At, u16), Trouble> {
        let at = net.dial(self.publish_to)?;
        packet::connect(net.out(at), &self.introduction(name));
        net.flush(at)?;
        let allowed = self.until(net, at, Kind::ConnAck, "connecting")?;
        Ok((at, self.options.window.min(allowed)))
    }

    /// What a publisher's messages are made from.
    pub fn letter<'t>(&self, topic: &'t str, qos: u8, publisher: u16) -> Letter<'t> {
        let Options { protocol, payload_bytes, .. } = *self.options;
        Letter { protocol, topic, qos, retain: false, payload_bytes, publisher }
    }

    /// Connects a subscriber, up to its SUBACK.
    pub fn subscribe(
        &self,
        net: &mut Net,
        name: &str,
        filter: &str,
        qos: u8,
    ) -> Result<At, Trouble> {
        let at = self.connect(net, self.subscribe_at, name)?;
        self.add(net, at, &[filter], qos)?;
        Ok(at)
    }

    /// Adds subscriptions to a connection, up to the SUBACK.
    pub fn add(&self, net: &mut Net, at: At, filters: &[&str], qos: u8) -> Result<(), Trouble> {
        packet::subscribe(net.out(at), self.options.protocol, filters, qos);
        net.flush(at)?;
        self.until(net, at, Kind::SubAck, "subscribing").map(|_| ())
    }

    /// How a client of that name presents itself.
    pub fn introduction<'n>(&self, name: &'n str) -> Introduction<'n> {
        Introduction {
            protocol: self.options.protocol,
            client_id: name,
            keep_alive_s: KEEP_ALIVE_S,
            lasting: self.lasting,
        }
    }

    /// Fails when somebody wishes to end.
    pub fn go_on(&self) -> Result<(), Trouble> {
        if self.stop.wished() { Err(Trouble::Stopped) } else { Ok(()) }
    }

    /// The brokers' processor time so far.
    pub fn cpu(&self) -> Option<Duration> {
        if self.processes.is_empty() {
            return None;
        }
        self.processes.iter().map(|it| vitals::cpu(it.id())).sum()
    }

    /// The brokers' memory now.
    pub fn memory(&self) -> Option<u64> {
        if self.processes.is_empty() {
            return None;
        }
        self.processes.iter().map(|it| vitals::memory(it.id())).sum()
    }

    /// Turns until that packet has come for that connection, and tells how many unacknowledged
    /// messages a CONNACK allows.
    fn until(
        &self,
        net: &mut Net,
        waiting: At,
        kind: Kind,
        what: &'static str,
    ) -> Result<u16, Trouble> {
        let (begun, five) = (Instant::now(), self.options.protocol == Protocol::V5);
        let mut come = None;
        while come.is_none() {
            self.go_on()?;
            if begun.elapsed() > PATIENCE {
                return Err(Trouble::Silence(PATIENCE.as_secs(), what));
            }
            net.turn(GLANCE, |at, heard, _| match heard {
                Heard::Packet(frame) if at == waiting && frame.kind() == kind => {
                    let limited = five && kind == Kind::ConnAck;
                    accepted(&frame)?;
                    come = Some(if limited { frame.receive_maximum()? } else { u16::MAX });
                    Ok(())
                }
                Heard::End if at == waiting => Err(Trouble::Closed),
                _ => Ok(()),
            })?;
        }
        Ok(come.unwrap_or(u16::MAX))
    }
}

/// Fails when a CONNACK or a SUBACK says no.
pub fn accepted(frame: &Frame<'_>) -> Result<(), Trouble> {
    match (frame.kind(), frame.body) {
        (Kind::ConnAck, [_, 0, ..]) => Ok(()),
        (Kind::ConnAck, [_, code, ..]) => Err(Trouble::Refused(*code)),
        (Kind::SubAck, [.., code]) if *code < 0x80 => Ok(()),
        (Kind::SubAck, [.., code]) => Err(Trouble::SubscriptionRefused(*code)),
        _ => Err(Trouble::Garbled),
    }
}
