//! Connections that say nothing: what each costs the broker's memory, and what all cost its
//! processor.

use std::time::Instant;

use super::bed::{Bed, GLANCE, PATIENCE, accepted};
use super::figures::{Figures, Stretch, float};
use super::frame::Kind;
use super::ledger::Counts;
use super::net::{Heard, Net};
use super::packet;
use super::trouble::Trouble;

/// How many dial at a time: a listener's queue has an end.
const AT_A_TIME: usize = 64;
/// Connections from before the first look at the memory, for what a first one costs alone.
const FIRST: usize = 10;

/// Runs it.
pub fn run(bed: &Bed<'_>) -> Result<Figures, Trouble> {
    let mut net = Net::new()?;
    let count = bed.options.connections;
    connect(bed, &mut net, 0..FIRST)?;
    let before = bed.memory();
    connect(bed, &mut net, FIRST..FIRST + count)?;
    settle(bed, &mut net)?;
    let grown = before.zip(bed.memory()).map(|(from, to)| float(to.saturating_sub(from)));
    let stretch = Stretch::begin(bed);
    while stretch.elapsed() < bed.options.measured() {
        settle(bed, &mut net)?;
    }
    let (took, cpu) = stretch.end(bed);
    let mut figures = Figures::of(count as u64, took, Counts::default(), cpu);
    figures.value = grown.map_or(f64::NAN, |it| it / float(count as u64));
    figures.cpu_us_per_message = None;
    if let Some(cpu) = cpu {
        figures.more.insert("idle_cpu_percent", 100.0 * cpu.as_secs_f64() / took.as_secs_f64());
    }
    Ok(figures)
}

/// Connects clients of those numbers.
pub fn connect(
    bed: &Bed<'_>,
    net: &mut Net,
    numbers: std::ops::Range<usize>,
) -> Result<(), Trouble> {
    let (mut dialled, mut there) = (numbers.start, numbers.start);
    let mut heard_at = Instant::now();
    while there < numbers.end {
        bed.go_on()?;
        while dialled < numbers.end && dialled - there < AT_A_TIME {
            let at = net.dial(bed.publish_to)?;
            packet::connect(net.out(at), &bed.introduction(&format!("idle{dialled}")));
            net.flush(at)?;
            dialled += 1;
        }
        let packets = net.turn(GLANCE, |_, heard, _| match heard {
            Heard::Packet(frame) if frame.kind() == Kind::ConnAck => {
                there += 1;
                accepted(&frame)
            }
            Heard::Packet(_) => Ok(()),
            Heard::End => Err(Trouble::Closed),
        })?;
        if packets > 0 {
            heard_at = Instant::now();
        } else if heard_at.elapsed() > PATIENCE {
            return Err(Trouble::Silence(PATIENCE.as_secs(), "clients were connecting"));
        }
    }
    Ok(())
}

/// Lets a moment pass in which nobody may leave.
fn settle(bed: &Bed<'_>, net: &mut Net) -> Result<(), Trouble> {
    bed.go_on()?;
    net.turn(GLANCE, |_, heard, _| match heard {
        Heard::Packet(_) => Ok(()),
        Heard::End => Err(Trouble::Closed),
    })?;
    Ok(())
}
