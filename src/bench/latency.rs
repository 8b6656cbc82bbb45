//! One message at a time: from writing the PUBLISH to its arrival at the subscriber. The next one
//! starts when both ends have finished their handshakes.

use std::time::{Duration, Instant};

use super::bed::{Bed, PATIENCE};
use super::figures::{Figures, Latency, Stretch};
use super::ledger::Ledger;
use super::net::{Heard, Net};
use super::options::Protocol;
use super::publisher::Publisher;
use super::subscriber::{self, News};
use super::trouble::Trouble;

/// Messages before anything counts.
const WARM_UP: u64 = 100;
/// After that long a message of QoS 0 is lost.
const LOST_AFTER: Duration = Duration::from_secs(1);
/// More than any run has; samples are kept without growing.
const SAMPLES: usize = 1 << 20;

/// One publisher's and one subscriber's state.
struct Pair {
    publisher: Publisher,
    ledger: Ledger,
    protocol: Protocol,
    subscriber_at: usize,
    arrived: Option<Instant>,
    /// Whether the subscriber's handshake is over.
    released: bool,
    qos: u8,
}

/// Runs it.
pub fn run(bed: &Bed<'_>, qos: u8) -> Result<Figures, Trouble> {
    let mut net = Net::new()?;
    let subscriber_at = bed.subscribe(&mut net, "sub", "load/#", qos)?;
    let (way, _) = bed.publisher(&mut net, "pub")?;
    let mut pair = Pair {
        publisher: Publisher::new(&bed.letter("load/one", qos, 0), 1),
        ledger: Ledger::new(1, 1),
        protocol: bed.options.protocol,
        subscriber_at,
        arrived: None,
        released: false,
        qos,
    };
    while pair.publisher.sent() < WARM_UP {
        pair.exchange(bed, &mut net, way)?;
    }
    let (mut samples, stretch) = (Vec::with_capacity(SAMPLES), Stretch::begin(bed));
    while stretch.elapsed() < bed.options.measured() && samples.len() < SAMPLES {
        let took = pair.exchange(bed, &mut net, way)?;
        samples.extend(took.map(|it| u64::try_from(it.as_nanos()).unwrap_or(u64::MAX)));
    }
    let (took, cpu) = stretch.end(bed);
    let counts = pair.ledger.counts(&[pair.publisher.sent()]);
    let mut figures = Figures::of(samples.len() as u64, took, counts, cpu);
    figures.latency = Latency::of(&mut samples);
    figures.value = figures.latency.map_or(f64::NAN, |it| it.p50_us);
    Ok(figures)
}

impl Pair {
    /// Sends one message and waits for all that belongs to it; none when it was lost.
    fn exchange(
        &mut self,
        bed: &Bed<'_>,
        net: &mut Net,
        way: usize,
    ) -> Result<Option<Duration>, Trouble> {
        bed.go_on()?;
        (self.arrived, self.released) = (None, false);
        let one_more = self.publisher.sent() + 1;
        self.publisher.fill(net.out(way), one_more, one_more, one_more);
        let begun = Instant::now();
        net.flush(way)?;
        while !self.over() {
            net.turn(LOST_AFTER, |at, heard, out| self.hear(at, &heard, out))?;
            if self.qos == 0 && begun.elapsed() > LOST_AFTER {
                break;
            }
            if begun.elapsed() > PATIENCE {
                return Err(Trouble::Silence(PATIENCE.as_secs(), "a message was under way"));
            }
        }
        Ok(self.arrived.map(|it| it - begun))
    }

    fn over(&self) -> bool {
        let released = self.qos < 2 || self.released;
        self.arrived.is_some() && released && self.publisher.settled()
    }

    fn hear(&mut self, at: usize, heard: &Heard<'_>, out: &mut Vec<u8>) -> Result<(), Trouble> {
        let Heard::Packet(frame) = heard else { return Err(Trouble::Closed) };
        if at != self.subscriber_at {
            return self.publisher.hear(frame, out);
        }
        match subscriber::hear(frame, self.protocol, out)? {
            News::Message(arrival) => {
                self.arrived.get_or_insert_with(Instant::now);
                self.ledger.take(0, arrival.publisher.into(), arrival.number);
            }
            News::Released => self.released = true,
            News::Nothing => {}
        }
        Ok(())
    }
}
