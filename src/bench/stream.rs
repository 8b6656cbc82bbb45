//! A load of publishers and subscribers that goes as fast as the broker does, its losses counted to
//! the last message.

use std::time::{Duration, Instant};

use super::bed::{Bed, GLANCE, PATIENCE};
use super::figures::{Figures, Stretch};
use super::frame::Frame;
use super::ledger::Ledger;
use super::net::{At, Heard, Net};
use super::options::Protocol;
use super::packet::{Letter, PROBE, Template};
use super::publisher::Publisher;
use super::subscriber::{self, News};
use super::trouble::Trouble;

const FILTER: &str = "load/#";
/// Without a message for so long, what is under way at QoS 0 is lost.
const LOST_AFTER: Duration = Duration::from_millis(500);
/// How often a bridge is asked whether it carries yet.
const PROBE_EVERY: Duration = Duration::from_millis(20);

/// How many of each there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub publishers: u16,
    pub subscribers: u16,
    pub qos: u8,
}

/// Runs it: everybody connects, a warm-up, what is measured, and then what is still under way.
pub fn run(bed: &Bed<'_>, shape: Shape) -> Result<Figures, Trouble> {
    let mut load = Load::connect(bed, shape)?;
    load.publish(bed.options.warm_up())?;
    let (before, stretch) = (load.cast.ledger.received(), Stretch::begin(bed));
    load.publish(bed.options.measured())?;
    let (took, cpu) = stretch.end(bed);
    let delivered = load.cast.ledger.received() - before;
    load.drain()?;
    let sent: Vec<_> = load.cast.publishers.iter().map(Publisher::sent).collect();
    let counts = load.cast.ledger.counts(&sent);
    Ok(Figures::of(delivered, took, counts, cpu))
}

struct Load<'a> {
    bed: &'a Bed<'a>,
    net: Net,
    cast: Cast,
    /// Their connections, in the order of the publishers.
    ways: Vec<At>,
    lossy: bool,
    /// When the last message came, and how many had come by then.
    news: (Instant, u64),
}

/// Who plays which part.
struct Cast {
    /// By connection.
    parts: Vec<Part>,
    publishers: Vec<Publisher>,
    ledger: Ledger,
    protocol: Protocol,
}

#[derive(Debug, Clone, Copy)]
enum Part {
    Publisher(usize),
    Subscriber(usize),
}

impl<'a> Load<'a> {
    fn connect(bed: &'a Bed<'a>, shape: Shape) -> Result<Self, Trouble> {
        let mut net = Net::new()?;
        let mut parts = Vec::new();
        for number in 0..shape.subscribers {
            bed.subscribe(&mut net, &format!("sub{number}"), FILTER, shape.qos)?;
            parts.push(Part::Subscriber(number.into()));
        }
        let (mut publishers, mut ways) = (Vec::new(), Vec::new());
        for number in 0..shape.publishers {
            let (at, window) = bed.publisher(&mut net, &format!("pub{number}"))?;
            ways.push(at);
            let topic = format!("load/board{number}/value");
            publishers.push(Publisher::new(&bed.letter(&topic, shape.qos, number), window));
            parts.push(Part::Publisher(number.into()));
        }
        let ledger = Ledger::new(shape.publishers.into(), shape.subscribers.into());
        let protocol = bed.options.protocol;
        let cast = Cast { parts, publishers, ledger, protocol };
        let lossy = shape.qos == 0;
        let mut load = Self { bed, net, cast, ways, lossy, news: (Instant::now(), 0) };
        load.until_open()?;
        load.news = (Instant::now(), 0);
        Ok(load)
    }

    /// Publishes to whom nobody counts, until that comes: a bridge may still be dialling.
    fn until_open(&mut self) -> Result<(), Trouble> {
        let probe = Letter { publisher: PROBE, ..self.bed.letter("load/probe", 0, PROBE) };
        let (probe, begun) = (Template::new(&probe), Instant::now());
        let (way, mut open) = (self.ways[0], false);
        while !open {
            self.bed.go_on()?;
            if begun.elapsed() > PATIENCE {
                return Err(Trouble::Silence(PATIENCE.as_secs(), "waiting for the way to open"));
            }
            probe.write(self.net.out(way), 0, 0);
            self.net.flush(way)?;
            let cast = &mut self.cast;
            self.net.turn(PROBE_EVERY, |at, heard, out| {
                open |= matches!(cast.hear(at, &heard, out)?, News::Message(_));
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Publishes for so long.
    fn publish(&mut self, during: Duration) -> Result<(), Trouble> {
        let begun = Instant::now();
        while begun.elapsed() < during {
            let more = self.fill()?;
            self.turn(if more { Duration::ZERO } else { GLANCE })?;
        }
        Ok(())
    }

    /// Lets what is under way arrive.
    fn drain(&mut self) -> Result<(), Trouble> {
        while !self.complete() {
            self.turn(GLANCE)?;
            if self.lossy && self.news.0.elapsed() > LOST_AFTER {
                break;
            }
        }
        // A duplicate would come behind its message.
        self.turn(GLANCE)
    }

    /// Has every publisher write what it may. True when one could go on at once.
    fn fill(&mut self) -> Result<bool, Trouble> {
        let (mut more, lag) = (false, self.bed.options.lag);
        for (number, publisher) in self.cast.publishers.iter_mut().enumerate() {
            let way = self.ways[number];
            if self.net.blocked(way) {
                continue;
            }
            let reached = self.cast.ledger.reached(number);
            more |= publisher.fill(self.net.out(way), reached, lag, u64::MAX);
            self.net.flush(way)?;
        }
        Ok(more)
    }

    fn turn(&mut self, wait: Duration) -> Result<(), Trouble> {
        self.bed.go_on()?;
        let cast = &mut self.cast;
        self.net.turn(wait, |at, heard, out| cast.hear(at, &heard, out).map(|_| ()))?;
        let received = self.cast.ledger.received();
        if received != self.news.1 {
            self.news = (Instant::now(), received);
            return Ok(());
        }
        let silence = self.news.0.elapsed();
        if self.lossy && silence > LOST_AFTER {
            self.cast.publishers.iter_mut().for_each(Publisher::forgive);
        }
        if silence > PATIENCE {
            return Err(Trouble::Silence(PATIENCE.as_secs(), "messages were under way"));
        }
        Ok(())
    }

    fn complete(&self) -> bool {
        let settled = self.cast.publishers.iter().all(Publisher::settled);
        let mut numbered = self.cast.publishers.iter().enumerate();
        settled && numbered.all(|(number, it)| self.cast.ledger.reached(number) == it.sent())
    }
}

impl Cast {
    #[inline]
    fn hear(&mut self, at: At, heard: &Heard<'_>, out: &mut Vec<u8>) -> Result<News, Trouble> {
        let Heard::Packet(frame) = heard else { return Err(Trouble::Closed) };
        match self.parts.get(at) {
            Some(Part::Subscriber(number)) => self.arrived(*number, frame, out),
            Some(Part::Publisher(number)) => {
                self.publishers[*number].hear(frame, out)?;
                Ok(News::Nothing)
            }
            None => Ok(News::Nothing),
        }
    }

    #[inline]
    fn arrived(
        &mut self,
        subscriber: usize,
        frame: &Frame<'_>,
        out: &mut Vec<u8>,
    ) -> Result<News, Trouble> {
        let news = subscriber::hear(frame, self.protocol, out)?;
        if let News::Message(arrival) = news {
            self.ledger.take(subscriber, arrival.publisher.into(), arrival.number);
        }
        Ok(news)
    }
}
