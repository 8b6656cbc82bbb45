//! Retained messages, each on a topic of its own: first all are published, then one subscriber takes
//! them all.

use std::time::{Duration, Instant};

use super::bed::{Bed, GLANCE, PATIENCE};
use super::figures::{Figures, Stretch, float};
use super::ledger::Register;
use super::net::{At, Heard, Net};
use super::publisher::Publisher;
use super::subscriber::{self, News};
use super::trouble::Trouble;

/// Of publishing and subscribing.
const QOS: u8 = 1;
const TOPIC: &str = "load/retained/";

/// Runs it.
pub fn run(bed: &Bed<'_>) -> Result<Figures, Trouble> {
    let count = bed.options.retained;
    let mut net = Net::new()?;
    let stored = store(bed, &mut net, TOPIC, 0..count)?;
    let stretch = Stretch::begin(bed);
    let register = take(bed, &mut net, count)?;
    let (took, cpu) = stretch.end(bed);
    let mut figures = Figures::of(register.distinct(), took, register.counts(), cpu);
    figures.more.insert("stored_per_second", float(count) / stored.as_secs_f64());
    Ok(figures)
}

/// Publishes retained messages of those numbers below `topic`, and tells how long it took until the
/// broker had taken over the last one.
pub fn store(
    bed: &Bed<'_>,
    net: &mut Net,
    topic: &str,
    numbers: std::ops::Range<u64>,
) -> Result<Duration, Trouble> {
    let (way, window) = bed.publisher(net, "stores")?;
    let mut letter = bed.letter(topic, QOS, 0);
    letter.retain = true;
    let mut publisher = Publisher::numbered(&letter, window).from(numbers.start);
    let begun = Instant::now();
    let mut heard_at = Instant::now();
    while publisher.sent() < numbers.end || !publisher.settled() {
        bed.go_on()?;
        publisher.fill(net.out(way), u64::MAX, 0, numbers.end);
        net.flush(way)?;
        let packets = net.turn(GLANCE, |at, heard, out| match heard {
            Heard::Packet(frame) if at == way => publisher.hear(&frame, out),
            Heard::End if at == way => Err(Trouble::Closed),
            _ => Ok(()),
        })?;
        patient(packets, &mut heard_at, "retained messages were published")?;
    }
    let took = begun.elapsed();
    net.close(way);
    Ok(took)
}

/// Subscribes and takes what is retained.
fn take(bed: &Bed<'_>, net: &mut Net, count: u64) -> Result<Register, Trouble> {
    let mut register = Register::new(usize::try_from(count).unwrap_or(usize::MAX));
    let protocol = bed.options.protocol;
    let at = bed.connect(net, bed.subscribe_at, "takes")?;
    super::packet::subscribe(net.out(at), protocol, &[&format!("{TOPIC}#")], QOS);
    net.flush(at)?;
    let mut heard_at = Instant::now();
    while register.distinct() < count {
        bed.go_on()?;
        let packets = net.turn(GLANCE, |from: At, heard, out| match heard {
            Heard::Packet(frame) if from == at => {
                if let News::Message(arrival) = subscriber::hear(&frame, protocol, out)? {
                    register.take(arrival.number);
                }
                Ok(())
            }
            Heard::End if from == at => Err(Trouble::Closed),
            _ => Ok(()),
        })?;
        // What does not come any more is lost, and counted.
        if patient(packets, &mut heard_at, "").is_err() {
            break;
        }
    }
    Ok(register)
}

/// Fails when nothing has come for too long.
fn patient(packets: usize, heard_at: &mut Instant, what: &'static str) -> Result<(), Trouble> {
    if packets > 0 {
        *heard_at = Instant::now();
    } else if heard_at.elapsed() > PATIENCE {
        return Err(Trouble::Silence(PATIENCE.as_secs(), what));
    }
    Ok(())
}
