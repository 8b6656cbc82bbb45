//! Clients that come and go: each connects, is answered by CONNACK, says DISCONNECT and waits for
//! the broker to close; so many at a time.

use std::time::{Duration, Instant};

use super::bed::{Bed, GLANCE, PATIENCE, accepted};
use super::figures::{Figures, Latency, Stretch};
use super::frame::Kind;
use super::ledger::Counts;
use super::net::{At, Heard, Net};
use super::packet;
use super::trouble::Trouble;

/// How many are on their way at a time.
const AT_A_TIME: usize = 64;
/// A port that was used rests for a while; a machine has about 28,000 of them.
const AT_MOST: u64 = 20_000;

/// Clients between dialling and their CONNACK, and those that came and went.
#[derive(Default)]
struct Crowd {
    /// When each began, by connection.
    begun: Vec<Option<Instant>>,
    samples_ns: Vec<u64>,
    gone: u64,
    dialled: u64,
}

/// Runs it.
pub fn run(bed: &Bed<'_>) -> Result<Figures, Trouble> {
    let (mut net, mut crowd) = (Net::new()?, Crowd::default());
    let (stretch, mut last) = (Stretch::begin(bed), (Instant::now(), 0));
    while stretch.elapsed() < bed.options.measured() && crowd.gone < AT_MOST {
        bed.go_on()?;
        while crowd.dialled - crowd.gone < AT_A_TIME as u64 {
            crowd.dial(bed, &mut net)?;
        }
        net.turn(GLANCE, |at, heard, out| crowd.hear(at, &heard, out))?;
        if crowd.gone != last.1 {
            last = (Instant::now(), crowd.gone);
        } else if last.0.elapsed() > PATIENCE {
            return Err(Trouble::Silence(PATIENCE.as_secs(), "clients came and went"));
        }
    }
    let (took, cpu) = stretch.end(bed);
    let mut figures = Figures::of(crowd.gone, took, Counts::default(), cpu);
    figures.latency = Latency::of(&mut crowd.samples_ns);
    Ok(figures)
}

impl Crowd {
    fn dial(&mut self, bed: &Bed<'_>, net: &mut Net) -> Result<(), Trouble> {
        let begun = Instant::now();
        let at = net.dial(bed.publish_to)?;
        let name = format!("storm{}", self.dialled);
        packet::connect(net.out(at), &bed.introduction(&name));
        net.flush(at)?;
        self.begun.resize(self.begun.len().max(at + 1), None);
        self.begun[at] = Some(begun);
        self.dialled += 1;
        Ok(())
    }

    fn hear(&mut self, at: At, heard: &Heard<'_>, out: &mut Vec<u8>) -> Result<(), Trouble> {
        let begun = self.begun[at].take();
        match (heard, begun) {
            (Heard::Packet(frame), Some(begun)) if frame.kind() == Kind::ConnAck => {
                accepted(frame)?;
                self.samples_ns.push(nanoseconds(begun.elapsed()));
                packet::disconnect(out);
                Ok(())
            }
            (Heard::End, None) => {
                self.gone += 1;
                Ok(())
            }
            (Heard::End, Some(_)) => Err(Trouble::Closed),
            (Heard::Packet(_), _) => Ok(()),
        }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
