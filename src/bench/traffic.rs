//! One publisher whose messages go to many topics in turn, and to one subscriber or to none.

use std::time::Instant;

use super::bed::{Bed, GLANCE, PATIENCE};
use super::figures::{Figures, Stretch};
use super::ledger::Counts;
use super::net::{At, Heard, Net};
use super::options::Protocol;
use super::packet::Letter;
use super::publisher::Publisher;
use super::subscriber::{self, News};
use super::trouble::Trouble;

/// Who speaks and who hears.
struct Traffic {
    publisher: Publisher,
    way: At,
    subscriber: Option<At>,
    protocol: Protocol,
    received: u64,
    heard_at: Instant,
}

/// Publishes letters to so many numbered topics for a warm-up and as long as is measured, and waits
/// until all have arrived at the subscriber, or are taken over by the broker where there is none.
pub fn run(
    bed: &Bed<'_>,
    net: &mut Net,
    letter: &Letter<'_>,
    topics: u64,
    subscriber: Option<At>,
) -> Result<Figures, Trouble> {
    let (way, window) = bed.publisher(net, "publishes")?;
    let publisher = Publisher::numbered(letter, window).among(topics);
    let protocol = bed.options.protocol;
    let mut traffic =
        Traffic { publisher, way, subscriber, protocol, received: 0, heard_at: Instant::now() };
    let begun = Instant::now();
    while begun.elapsed() < bed.options.warm_up() {
        traffic.publish(bed, net)?;
    }
    let (before, stretch) = (traffic.done(), Stretch::begin(bed));
    while stretch.elapsed() < bed.options.measured() {
        traffic.publish(bed, net)?;
    }
    let (took, cpu) = stretch.end(bed);
    let delivered = traffic.done() - before;
    while traffic.done() < traffic.publisher.sent() || !traffic.publisher.settled() {
        traffic.turn(bed, net)?;
    }
    net.close(way);
    Ok(Figures::of(delivered, took, Counts::default(), cpu))
}

impl Traffic {
    fn done(&self) -> u64 {
        if self.subscriber.is_some() { self.received } else { self.publisher.taken() }
    }

    fn publish(&mut self, bed: &Bed<'_>, net: &mut Net) -> Result<(), Trouble> {
        let reached = if self.subscriber.is_some() { self.received } else { u64::MAX };
        self.publisher.fill(net.out(self.way), reached, bed.options.lag, u64::MAX);
        net.flush(self.way)?;
        self.turn(bed, net)
    }

    fn turn(&mut self, bed: &Bed<'_>, net: &mut Net) -> Result<(), Trouble> {
        bed.go_on()?;
        let packets = net.turn(GLANCE, |at, heard, out| {
            let Heard::Packet(frame) = heard else { return Err(Trouble::Closed) };
            if at == self.way {
                return self.publisher.hear(&frame, out);
            }
            if let News::Message(_) = subscriber::hear(&frame, self.protocol, out)? {
                self.received += 1;
            }
            Ok(())
        })?;
        if packets > 0 {
            self.heard_at = Instant::now();
        } else if self.heard_at.elapsed() > PATIENCE {
            return Err(Trouble::Silence(PATIENCE.as_secs(), "messages were under way"));
        }
        Ok(())
    }
}
