//! Brokers that run anyway, with a cable in front of each: the same trace of them as of a scenario's.
//!
//! ```text
//! clients ---> near end, a port of loopback [ cable ] ---> broker
//!                         \--- Heard ---> Watch ---> entries
//! ```
//!
//! What cables see comes over a bounded channel. What it has no room for is counted, and the trace
//! says how much that was.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};
use tokio::runtime::Runtime;

use super::sights;
use crate::broker::Address;
use crate::cable::{Cable, Deed, frame};
use crate::lab::name::CableName;
use crate::lab::trace::{Entry, Event, Party, Place, Scribe};
use crate::net::{Clock, Lines, LiveCable, Observer, SharedCable, Sight, Target, What};

/// So much may wait to be looked at.
const WAITING: usize = 20_000;
/// And so many bytes of packets.
const WAITING_BYTES: usize = 32 << 20;

/// See the module.
pub struct Watch {
    runtime: Runtime,
    fronts: Vec<Front>,
    heard: Receiver<Heard>,
    waiting: Arc<Waiting>,
    scribe: Scribe,
    clock: Clock,
    number: u64,
}

/// Something that a cable saw: the front's place, and what.
pub type Heard = (usize, Sight);

/// A broker and the cable in front of it.
struct Front {
    name: CableName,
    cable: SharedCable,
    end: LiveCable,
    place: Arc<Place>,
}

#[derive(Default)]
struct Waiting {
    bytes: AtomicUsize,
    lost: AtomicU64,
}

impl Watch {
    /// Puts a cable in front of each address; where a port is given, at that port of loopback.
    ///
    /// # Errors
    /// When the system gives no threads, or a port is taken.
    pub fn start(addresses: &[(Address, Option<u16>)]) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("watch")
            .enable_all()
            .build()?;
        let (sender, heard) = bounded(WAITING);
        let (waiting, clock, lines) = (Arc::<Waiting>::default(), Clock::start(), Lines::default());
        let mut fronts = Vec::new();
        let within = runtime.enter();
        for (at, (address, port)) in addresses.iter().enumerate() {
            let name = CableName::new(&address.to_string());
            let target = Party::Outside(address.to_string());
            let place = Arc::new(Place { cable: name.clone(), dialer: None, target });
            let tell = tell(at, sender.clone(), Arc::clone(&waiting));
            let observer = Observer { clock, lines: Arc::clone(&lines), tell: Arc::new(tell) };
            let near = SocketAddr::from((Ipv4Addr::LOCALHOST, port.unwrap_or(0)));
            let listener = TcpListener::bind(near)?;
            let cable = SharedCable::default();
            let target = Target::Host(address.clone());
            let end = LiveCable::listen(listener, cable.clone(), target, observer)?;
            fronts.push(Front { name, cable, end, place });
        }
        drop(within);
        let (scribe, number) = (Scribe::default(), 0);
        Ok(Self { runtime, fronts, heard, waiting, scribe, clock, number })
    }

    /// What is watched, and where clients are to dial for it.
    pub fn places(&self) -> impl Iterator<Item = (&CableName, SocketAddr)> {
        self.fronts.iter().map(|front| (&front.name, front.end.address()))
    }

    /// Gives what the cables saw, for [`Watch::entries`].
    #[must_use]
    pub fn heard(&self) -> &Receiver<Heard> {
        &self.heard
    }

    /// What there is to write down of it.
    pub fn entries(&mut self, (at, sight): Heard) -> Vec<Arc<Entry>> {
        if let What::Passes { bytes, .. } = &sight.what {
            self.waiting.bytes.fetch_sub(bytes.len(), Ordering::Relaxed);
        }
        let when = sight.at;
        let mut events = sights::events(&mut self.scribe, &self.fronts[at].place, sight);
        let lost = self.waiting.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            events.push(Event::Missed { packets: lost });
        }
        events.into_iter().map(|event| self.entry(when, event)).collect()
    }

    /// Does something to the cables, or to the one at that place alone.
    pub fn apply(&mut self, only: Option<usize>, deed: &Deed) -> Vec<Arc<Entry>> {
        let mut entries = Vec::new();
        for at in (0..self.fronts.len()).filter(|at| only.is_none_or(|only| only == *at)) {
            self.fronts[at].cable.apply(deed.clone());
            let event = Event::Cable { cable: self.fronts[at].name.clone(), deed: deed.clone() };
            entries.push(self.entry(self.clock.now(), event));
        }
        entries
    }

    /// The cables, by their names.
    pub fn cables(&self) -> impl Iterator<Item = (&CableName, Cable)> {
        self.fronts.iter().map(|front| (&front.name, front.cable.now()))
    }

    /// The packets that wait to be released, in words.
    #[must_use]
    pub fn held(&self) -> Vec<String> {
        let held = self.fronts.iter().flat_map(|front| front.cable.held());
        let words = held.flat_map(|((wire, direction), waiting)| {
            let words = self.scribe.glance(wire, direction, &waiting);
            words.into_iter().map(move |words| format!("{direction}, connection {wire}: {words}"))
        });
        words.collect()
    }

    /// Ends all connections and frees all ports.
    pub fn end(self) {
        self.runtime.block_on(async {
            for front in self.fronts {
                front.end.stop().await;
            }
        });
    }

    fn entry(&mut self, at: std::time::Duration, event: Event) -> Arc<Entry> {
        self.number += 1;
        Arc::new(Entry { number: self.number, at, event })
    }
}

/// Gives what a cable sees; never waits.
fn tell(at: usize, sender: Sender<Heard>, waiting: Arc<Waiting>) -> impl Fn(Sight) + Send + Sync {
    move |sight| {
        let size = match &sight.what {
            What::Passes { bytes, .. } => bytes.len(),
            _ => 0,
        };
        let packets = match &sight.what {
            What::Passes { bytes, .. } => count(bytes),
            _ => 1,
        };
        let before = waiting.bytes.fetch_add(size, Ordering::Relaxed);
        if before > WAITING_BYTES || sender.try_send((at, sight)).is_err() {
            waiting.bytes.fetch_sub(size, Ordering::Relaxed);
            waiting.lost.fetch_add(packets, Ordering::Relaxed);
        }
    }
}

fn count(bytes: &[u8]) -> u64 {
    let (mut packets, mut from) = (0, 0);
    while let Ok(Some(frame)) = frame::first(&bytes[from..]) {
        (packets, from) = (packets + 1, from + frame.bytes().len());
    }
    packets.max(1)
}
