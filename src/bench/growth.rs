//! What becomes of a broker when it has more to keep: the cost of a message beside more connections,
//! retained topics and subscriptions, what each of them takes of its memory, and how long a restart
//! takes with what is on disk.
//!
//! Each measure grows one broker, step by step, and measures at each step: nothing is started anew
//! but for the restarts.

use std::time::Instant;

use super::bed::Bed;
use super::curve::{Curve, Growth, Measure, Point};
use super::figures::{Figures, Spread, float};
use super::net::Net;
use super::options::{Options, Stop};
use super::packet::numbered_topic;
use super::stream::{self, Shape};
use super::target::{self, Place, Target};
use super::trouble::Trouble;
use super::{flood, idle, traffic, vitals};

/// Of all messages here.
const QOS: u8 = 1;
/// One publisher to one subscriber, beside whatever there is.
const BESIDE: Shape = Shape { publishers: 1, subscribers: 1, qos: QOS };
const RETAINED: &str = "load/retained/";
const SUBSCRIBED: &str = "load/one/";
/// Filters of one SUBSCRIBE.
const FILTERS: usize = 100;
/// How far a publisher may be ahead while the broker is filled up.
const FILL_WINDOW: u16 = 1000;

/// Which brokers are to grow, and how far.
pub struct Plan {
    pub options: Options,
    pub targets: Vec<Target>,
    /// Retained topics and subscriptions in the end; the connections are the options'.
    pub topics: u64,
}

/// Counts from 1 to `most`, tenfold each, and `most`.
fn steps(most: u64) -> Vec<u64> {
    let mut steps: Vec<_> = std::iter::successors(Some(1_u64), |it| it.checked_mul(10))
        .take_while(|it| *it < most)
        .collect();
    steps.push(most.max(1));
    steps
}

impl Plan {
    /// How many points there will be.
    pub fn points(&self) -> u64 {
        let points = |measure: Measure| {
            let targets = self.targets.iter().filter(|it| measure.fits(it)).count();
            targets * steps(self.most(measure)).len()
        };
        Measure::ALL.map(points).iter().sum::<usize>() as u64
    }

    /// How far a measure grows.
    fn most(&self, measure: Measure) -> u64 {
        match measure {
            Measure::Connections => self.options.connections as u64,
            _ => self.topics,
        }
    }

    /// Measures all, or until somebody wishes to stop; tells of every point.
    pub fn run(&self, stop: &Stop, mut tell: impl FnMut(&Measure, &Target, &Point)) -> Growth {
        let mut growth =
            Growth { options: self.options.clone(), curves: Vec::new(), errors: Vec::new() };
        for measure in Measure::ALL {
            for target in self.targets.iter().filter(|it| measure.fits(it)) {
                let mut curve = Curve { measure, target: target.to_string(), points: Vec::new() };
                let mut push = |point: Point| {
                    tell(&measure, target, &point);
                    curve.points.push(point);
                };
                let grown = match target.missing() {
                    Some(why) => Err(Trouble::Start(why.to_owned())),
                    None => self.grow(measure, target, stop, &mut push),
                };
                if let Err(trouble) = grown
                    && !stop.wished()
                {
                    growth.errors.push(format!("{} on {target}: {trouble}", measure.what()));
                }
                growth.curves.push(curve);
            }
        }
        growth
    }

    fn grow(
        &self,
        measure: Measure,
        target: &Target,
        stop: &Stop,
        push: &mut impl FnMut(Point),
    ) -> Result<(), Trouble> {
        if measure == Measure::Restart {
            return self.restarts(target, stop, push);
        }
        let system = target.start(&self.options, false, stop)?;
        let bed = system.bed(&self.options, stop);
        match measure {
            Measure::Connections => self.connections(&bed, push),
            Measure::Retained => self.retained(&bed, push),
            _ => self.subscriptions(&bed, push),
        }
    }

    fn connections(&self, bed: &Bed<'_>, push: &mut impl FnMut(Point)) -> Result<(), Trouble> {
        let (mut net, mut there) = (Net::new()?, 0);
        let mut memory = Memory::default();
        for count in steps(self.options.connections as u64) {
            let until = usize::try_from(count).unwrap_or(usize::MAX);
            idle::connect(bed, &mut net, there..until)?;
            there = until;
            push(memory.point(bed, count, || stream::run(bed, BESIDE))?);
        }
        Ok(())
    }

    fn retained(&self, bed: &Bed<'_>, push: &mut impl FnMut(Point)) -> Result<(), Trouble> {
        let (mut net, mut there) = (Net::new()?, 0);
        let mut memory = Memory::default();
        for count in steps(self.topics) {
            fill(bed, there..count)?;
            there = count;
            let mut letter = bed.letter(RETAINED, QOS, 0);
            letter.retain = true;
            let measured = || traffic::run(bed, &mut net, &letter, count, None);
            push(memory.point(bed, count, measured)?);
        }
        Ok(())
    }

    fn subscriptions(&self, bed: &Bed<'_>, push: &mut impl FnMut(Point)) -> Result<(), Trouble> {
        let (mut net, mut memory, mut there) = (Net::new()?, Memory::default(), 0);
        // One client has them all, or the steps would differ in how much goes into one write.
        let subscriber = bed.connect(&mut net, bed.subscribe_at, "subscribes")?;
        for count in steps(self.topics) {
            let filters: Vec<_> = (there..count).map(|it| numbered_topic(SUBSCRIBED, it)).collect();
            for some in filters.chunks(FILTERS) {
                let some: Vec<_> = some.iter().map(String::as_str).collect();
                bed.add(&mut net, subscriber, &some, QOS)?;
            }
            there = count;
            let letter = bed.letter(SUBSCRIBED, QOS, 0);
            let measured = || traffic::run(bed, &mut net, &letter, count, Some(subscriber));
            push(memory.point(bed, count, measured)?);
        }
        Ok(())
    }

    /// Fills a broker with a store, kills it and starts it again.
    fn restarts(
        &self,
        target: &Target,
        stop: &Stop,
        push: &mut impl FnMut(Point),
    ) -> Result<(), Trouble> {
        let folder = target::folder(&self.options)?;
        let place = Place { folder: folder.path(), name: "one", bridged: false, bridge_to: None };
        let start = || target.process(&place, &self.options, stop);
        let (mut process, mut there) = (start()?, 0);
        for count in steps(self.topics) {
            let processes = [process];
            let address = processes[0].address();
            let (options, lasting) = (&self.options, true);
            let bed = Bed {
                publish_to: address,
                subscribe_at: address,
                processes: &processes,
                lasting,
                options,
                stop,
            };
            fill(&bed, there..count)?;
            there = count;
            drop(processes);
            let mut times = Vec::new();
            for _ in 0..self.options.rounds {
                let begun = Instant::now();
                let started = start()?;
                times.push(begun.elapsed().as_secs_f64());
                drop(started);
            }
            process = start()?;
            let memory = vitals::memory(process.id());
            let spread = Spread::of(times).unwrap_or(Spread { median: 0.0, min: 0.0, max: 0.0 });
            push(Point {
                count,
                value: spread,
                per_second: None,
                memory_bytes: memory,
                bytes_each: None,
            });
        }
        Ok(())
    }
}

/// The broker's memory over the steps.
#[derive(Default)]
struct Memory {
    /// At the first step.
    first: Option<(u64, u64)>,
}

impl Memory {
    /// Measures one step as often as there are rounds.
    fn point(
        &mut self,
        bed: &Bed<'_>,
        count: u64,
        mut measured: impl FnMut() -> Result<Figures, Trouble>,
    ) -> Result<Point, Trouble> {
        let memory_bytes = bed.memory();
        let rounds = (0..bed.options.rounds).map(|_| measured());
        let rounds = rounds.collect::<Result<Vec<_>, _>>()?;
        if let Some(memory) = memory_bytes {
            self.first.get_or_insert((count, memory));
        }
        let each = |memory: u64| {
            let (from, before) = self.first.filter(|(from, _)| count > *from)?;
            Some(float(memory.saturating_sub(before)) / float(count - from))
        };
        let spread = |of: fn(&Figures) -> Option<f64>| Spread::of(rounds.iter().filter_map(of));
        let nothing = Spread { median: f64::NAN, min: f64::NAN, max: f64::NAN };
        Ok(Point {
            count,
            value: spread(|it| it.cpu_us_per_message).unwrap_or(nothing),
            per_second: spread(|it| Some(it.value)).map(|it| it.median),
            memory_bytes,
            bytes_each: memory_bytes.and_then(each),
        })
    }
}

/// Publishes retained messages of those numbers, fast.
fn fill(bed: &Bed<'_>, numbers: std::ops::Range<u64>) -> Result<(), Trouble> {
    let options = Options { window: FILL_WINDOW, ..bed.options.clone() };
    let wide = Bed { options: &options, ..*bed };
    flood::store(&wide, &mut Net::new()?, RETAINED, numbers).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::steps;

    #[test]
    fn steps_end_where_they_are_to() {
        for (most, expected) in
            [(0, &[1][..]), (1, &[1]), (10, &[1, 10]), (250, &[1, 10, 100, 250])]
        {
            assert_eq!(steps(most), expected, "{most}");
        }
    }
}
