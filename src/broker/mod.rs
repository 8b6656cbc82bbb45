//! The broker: sessions, subscriptions, retained messages, wills and bridges, as a pure state
//! machine. No sockets, no clocks, no threads, no randomness of its own.
//!
//! ```text
//!            CONNECT            PUBLISH           SUBSCRIBE           (its bridges' far sides)
//!               |                  |                  |                        |
//!  Input ---> accept ----------> publish -----------> subscribe             bridge
//!               |  leave           |  route              | retained           |
//!               v                  v                     v                    v
//!            sessions <-------- deliver (outgoing: in flight, queued) <-------+
//!                                  |
//!                   journal (records of what must be durable) ---> Commit
//!                                  |
//!  Output <--- connections (packets held back until their commit is durable)
//! ```

mod accept;
mod aliases;
mod bodies;
mod bridge;
mod connection;
mod counters;
mod deliver;
mod dial;
pub mod durable;
pub mod event;
pub mod io;
mod item;
mod journal;
mod leave;
mod link;
mod load;
mod log;
mod outgoing;
mod publish;
mod retained;
mod route;
mod session;
mod sessions;
pub mod settings;
mod start;
pub mod status;
mod subscribe;
mod subscribers;
mod sys;
#[cfg(test)]
mod tests;
mod timers;
mod trace;
mod tree;

pub use durable::{Commit, Image, MessageId, Record};
pub use event::Event;
pub use io::{BridgeNumber, BridgeOrder, ConnId, Input, Output};
pub use settings::{Address, BridgeSettings, Limits, Settings, is_loopback};
pub use status::Status;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;

use bridge::Bridge;
use connection::{Connection, Leaving, Who};
use counters::{Counters, Flow};
use journal::Journal;
use retained::Retained;
use sessions::{SessionKey, Sessions};
use subscribers::Subscribers;
use sys::Sys;
use timers::{Timer, Timers};
use tree::Tree;

use crate::defect::{self, Defect};
use crate::mqtt::{Packet, Reason};

/// So many packets may wait on one connection for a commit; an answer takes some ten bytes.
const ANSWERS_HELD_AT_MOST: usize = 100_000;

/// A broker. Two that are given the same inputs at the same times do the same.
#[derive(Debug, Clone)]
pub struct Broker {
    settings: Arc<Settings>,
    now: Duration,
    /// What the input being handled has led to so far.
    out: Vec<Output>,
    journal: Journal,
    /// Never iterated but at the end: a map in order would cost more the more there are.
    connections: HashMap<ConnId, Connection>,
    /// Connections with packets that wait for a commit.
    waiting: BTreeSet<ConnId>,
    /// Connections that are gone, and whose end is told when that commit is durable.
    leaving: Vec<(u64, ConnId)>,
    sessions: Sessions,
    subscribers: Tree<Subscribers>,
    retained: Retained,
    bridges: Vec<Bridge>,
    timers: Timers,
    /// When the next retained message expires, as far as a timer is set for it.
    retained_wakes_at: Option<Duration>,
    next_message: u64,
    counters: Counters,
    sys: Sys,
    random: u64,
}

impl Broker {
    /// Takes one input at time `now`, appends what is to be done to `outputs`. Time never goes back.
    pub fn handle(&mut self, now: Duration, input: Input, outputs: &mut Vec<Output>) {
        self.now = self.now.max(now);
        match input {
            Input::Accepted { conn } => self.accepted(conn),
            Input::Packet { conn, packet } => self.packet(conn, packet),
            Input::Malformed { conn, error } => {
                self.hang_up(conn, error.reason(), &error.to_string());
            }
            Input::Closed { conn, reason } => self.connection_gone(conn, &reason),
            Input::Stalled { conn } => self.set_stalled(conn, true),
            Input::Drained { conn } => self.set_stalled(conn, false),
            Input::Dialed { bridge, conn } => self.dialed(bridge, conn),
            Input::DialFailed { bridge, reason } => self.dial_failed(bridge, &reason),
            Input::Bridge { bridge, order } => self.order_bridge(bridge, order),
            Input::Committed { number } => self.committed(number),
            Input::StoreFails { reason } => {
                if self.journal.fails(reason.clone()) {
                    self.tell(Event::StoreFails { reason });
                }
            }
            Input::Traffic { received_bytes, sent_bytes } => {
                self.counters.bytes += Flow { received: received_bytes, sent: sent_bytes };
            }
            Input::Time => self.time(),
            Input::Shutdown => self.shut_down(),
        }
        outputs.append(&mut self.out);
    }

    /// What is to be made durable: everything since the last call. Ask again only after
    /// `Committed` came for what was given before. `None` where nothing changed.
    pub fn take_commit(&mut self) -> Option<Commit> {
        self.journal.take()
    }

    /// How many records wait for the next commit; a shell reads no more from clients while this is
    /// large.
    #[must_use]
    pub fn uncommitted(&self) -> usize {
        self.journal.waiting()
    }

    /// When `Input::Time` is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.timers.next()
    }

    /// Whether nothing is due at `now` but what the broker says under `$SYS`: that changes nothing
    /// in its [`Status`], and whoever follows that need not look again.
    #[must_use]
    pub fn only_statistics_due(&self, now: Duration) -> bool {
        self.timers.all_due(now).all(|timer| timer == Timer::Statistics)
    }

    fn packet(&mut self, conn: ConnId, packet: Packet) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        self.counters.came(&packet);
        connection.last_heard = self.now;
        match connection.who {
            Who::Stranger => self.first_packet(conn, packet),
            Who::Client(key) => self.client_packet(conn, key, packet),
            Who::Link(bridge) => self.link_packet(conn, bridge, packet),
        }
        self.bound_answers(conn);
    }

    /// Hangs up on a client that goes on asking while the answers wait for a store that is stuck:
    /// deliveries pause long before, but answers must come in order.
    fn bound_answers(&mut self, conn: ConnId) {
        if self.connections.get(&conn).is_some_and(|it| it.held() > ANSWERS_HELD_AT_MOST) {
            let text = "too many answers wait for the store";
            self.hang_up(conn, Reason::QuotaExceeded, text);
        }
    }

    /// Sends `packet`, at once or when all that was changed until now is durable.
    fn send(&mut self, conn: ConnId, packet: Packet, after_commit: bool) {
        self.hand_over(conn, packet, None, after_commit);
    }

    /// The same with what the trace says of it.
    #[inline]
    fn hand_over(
        &mut self,
        conn: ConnId,
        mut packet: Packet,
        told: Option<Box<Event>>,
        after_commit: bool,
    ) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        if let Packet::Publish(publish) = &mut packet {
            connection.aliases.shorten(publish, connection.max_packet_size);
        }
        let latest = self.journal.latest();
        let waits = after_commit && !defect::on(Defect::AcksBeforeCommit);
        let commit = (waits && !self.journal.is_durable(latest)).then_some(latest);
        connection.last_sent = self.now;
        if commit.is_some() || !connection.is_clear() {
            connection.hold((packet, told), commit);
            self.waiting.insert(conn);
        } else {
            connection.count_answer(&packet);
            self.put_out(conn, packet, told);
        }
    }

    /// Sends a packet that nothing holds back.
    #[inline]
    fn put_out(&mut self, conn: ConnId, packet: Packet, told: Option<Box<Event>>) {
        self.counters.went(&packet);
        if let Some(event) = told {
            self.tell(*event);
        }
        self.out.push(Output::Send { conn, packet });
    }

    fn committed(&mut self, number: u64) {
        let (records, works_again) = self.journal.committed(number);
        if self.settings.trace && records > 0 {
            self.tell(Event::Committed { number, records });
        }
        if works_again {
            self.tell(Event::StoreWorks);
        }
        for (_, conn) in self.leaving.extract_if(.., |(commit, _)| *commit <= number) {
            self.out.push(Output::Close { conn, reason: "its goodbye is taken".to_owned() });
        }
        for conn in std::mem::take(&mut self.waiting) {
            while let Some((packet, told)) = self.release(conn) {
                self.put_out(conn, packet, told);
            }
            if self.connections.get(&conn).is_some_and(|it| it.held() > 0) {
                self.waiting.insert(conn);
            }
            if let Some(key) = self.session_of(conn) {
                // Delivery pauses while very much is held back.
                self.pump(key);
            }
        }
    }

    /// The next packet of a connection that waits for no commit any more.
    fn release(&mut self, conn: ConnId) -> Option<Leaving> {
        let journal = &self.journal;
        self.connections.get_mut(&conn)?.release(|commit| journal.is_durable(commit))
    }

    fn set_stalled(&mut self, conn: ConnId, stalled: bool) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        connection.stalled = stalled;
        if !stalled && let Some(key) = self.session_of(conn) {
            self.pump(key);
        }
    }

    fn session_of(&self, conn: ConnId) -> Option<SessionKey> {
        match self.connections.get(&conn)?.who {
            Who::Stranger => None,
            Who::Client(key) => Some(key),
            Who::Link(bridge) => Some(self.bridges[bridge.0].session),
        }
    }

    fn time(&mut self) {
        while let Some(timer) = self.timers.due(self.now) {
            match timer {
                Timer::Silence(conn) => self.check_silence(conn),
                Timer::Link(bridge) => self.link_deadline(bridge),
                Timer::Session(key) => self.session_deadline(key),
                Timer::Retained => {
                    self.retained_wakes_at = None;
                    self.retained.expire(self.now, &mut self.journal);
                    self.wake_retained();
                }
                Timer::Statistics => self.say_statistics(),
            }
        }
    }

    fn tell(&mut self, event: Event) {
        self.out.push(Output::Event(event));
    }

    /// The next number of a random sequence (splitmix64), for names and jitter.
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
}
