//! The task that owns a broker: turns what happens into inputs, and outputs into bytes, dials and
//! commits. It decides nothing about MQTT.
//!
//! ```text
//! Heard, Note, time ---> Broker::handle ---> outputs ---> connections, dials, events
//!                             |
//!                             +--- take_commit ---> store ---> Note::Committed
//! ```

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::clock::Clock;
use super::connections::Connections;
use super::dial::Route;
use super::durable::Durable;
use super::inbox::{Heard, Inbox, Note};
use super::link::{Link, Socket};
use super::tasks::{Tasks, blocking, reap};
use super::wire::Wire;
use crate::broker::{Broker, ConnId, Event, Input, Output};
use crate::mqtt::Packet;
use crate::mqtt::packet::Level;

/// With more records than this waiting to be committed, clients wait.
const MAX_UNCOMMITTED: usize = 20_000;

/// How many batches are handled before bytes leave and other things are looked at.
const ROUND: usize = 32;

/// How long a clean stop waits for the last commit before the store is left to say what it could
/// not do.
const COMMIT_LIMIT: Duration = Duration::from_millis(300);

/// How long a clean stop waits for connections to take what is left for them: with the commit and
/// the store it is to be over within a second.
const LINKS_LIMIT: Duration = Duration::from_millis(500);

/// How a broker is to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Run,
    /// Do nothing at all until there is another wish.
    Freeze,
    Stop,
    Kill,
}

/// See the module.
pub(super) struct Owner {
    pub(super) name: String,
    pub(super) broker: Broker,
    pub(super) clock: Clock,
    /// In bytes.
    pub(super) max_packet_size: usize,
    pub(super) route: Route,
    pub(super) durable: Option<Box<dyn Durable>>,
    pub(super) events: Box<dyn FnMut(Duration, Event) + Send>,
    pub(super) changed: watch::Sender<u64>,
    pub(super) inbox: Inbox,
    pub(super) notes: mpsc::UnboundedSender<Note>,
    pub(super) tasks: Tasks,
    pub(super) work: Work,
}

/// What the owner has at hand between two inputs.
#[derive(Default)]
pub(super) struct Work {
    connections: Connections,
    outputs: Vec<Output>,
    stalled: Vec<ConnId>,
    /// Bytes of packets that came since the core was told.
    received_bytes: usize,
    /// Whether the core had an input since the last round: answering a question is none, and must
    /// not make whoever follows the changes ask again.
    moved: bool,
    /// The commit that the store has and has not reported.
    outstanding: Option<u64>,
}

impl Owner {
    /// Serves until told otherwise; the result is what a clean stop could not make durable.
    pub(super) async fn run(
        mut self,
        listeners: Vec<TcpListener>,
        mut heard: mpsc::Receiver<Heard>,
        mut notes: mpsc::UnboundedReceiver<Note>,
        mut wish: watch::Receiver<Wish>,
    ) -> Result<(), String> {
        for listener in listeners {
            self.tasks.listen(listener, self.name.clone(), self.inbox.clone());
        }
        self.time();
        self.settle();
        loop {
            let deadline = self.broker.deadline();
            let at = Instant::from_std(self.clock.instant(deadline.unwrap_or_default()));
            let room = self.broker.uncommitted() < MAX_UNCOMMITTED;
            tokio::select! {
                biased;
                told = wish.changed() => {
                    let told = match told {
                        Ok(()) if *wish.borrow() == Wish::Freeze => {
                            self.frozen(&mut notes, &mut wish).await
                        }
                        Ok(()) => *wish.borrow(),
                        // A handle that was dropped is a plug that was pulled.
                        Err(_) => Wish::Kill,
                    };
                    match told {
                        Wish::Run | Wish::Freeze => {}
                        Wish::Stop => {
                            drop(heard);
                            return self.stop(notes).await;
                        }
                        Wish::Kill => {
                            self.kill().await;
                            return Ok(());
                        }
                    }
                }
                Some(note) = notes.recv() => self.note(note),
                Some(ended) = self.tasks.dials.join_next() => reap(ended),
                Some(ended) = self.tasks.links.join_next() => reap(ended),
                Some(ended) = self.tasks.listeners.join_next() => reap(ended),
                () = sleep_until(at), if deadline.is_some() => self.time(),
                Some(first) = heard.recv(), if room => {
                    self.heard(first);
                    for _ in 1..ROUND {
                        let Ok(next) = heard.try_recv() else { break };
                        self.heard(next);
                    }
                }
            }
            self.settle();
        }
    }

    /// Handles nothing until the wish is another one, which it gives back. What is seen of it from
    /// outside is told meanwhile; the rest is handled when it goes on, which it knows nothing of but
    /// that time has passed.
    async fn frozen(
        &mut self,
        notes: &mut mpsc::UnboundedReceiver<Note>,
        wish: &mut watch::Receiver<Wish>,
    ) -> Wish {
        self.tasks.frost.freeze();
        let mut later = Vec::new();
        let wish = loop {
            tokio::select! {
                biased;
                told = wish.wait_for(|wish| *wish != Wish::Freeze) => {
                    break told.map_or(Wish::Kill, |wish| *wish);
                }
                Some(note) = notes.recv() => match note {
                    Note::Status { .. } => self.note(note),
                    other => later.push(other),
                },
            }
        };
        if wish != Wish::Kill {
            self.tasks.frost.thaw();
            self.time();
            for note in later {
                self.note(note);
            }
        }
        wish
    }

    fn heard(&mut self, heard: Heard) {
        match heard {
            Heard::Accepted { wire } => {
                let conn = self.connect(wire, None);
                self.input(Input::Accepted { conn });
            }
            Heard::Packets { conn, packets, bytes, permit } => {
                self.work.received_bytes += bytes;
                // What came together came at one time; asking the clock for each costs as much as
                // handling it.
                let now = self.clock.now();
                for packet in packets {
                    if !self.work.connections.is_open(conn) {
                        break;
                    }
                    if let Packet::Connect(connect) = &packet {
                        self.work.connections.speak(conn, connect.level);
                    }
                    self.input_at(now, Input::Packet { conn, packet });
                }
                drop(permit);
            }
            Heard::Malformed { conn, error } if self.work.connections.is_open(conn) => {
                self.input(Input::Malformed { conn, error });
            }
            Heard::Closed { conn, reason } if self.work.connections.is_open(conn) => {
                self.work.connections.close(conn);
                self.input(Input::Closed { conn, reason });
            }
            // The core closed it before it could know.
            Heard::Malformed { .. } | Heard::Closed { .. } => {}
        }
    }

    fn note(&mut self, note: Note) {
        match note {
            Note::Drained { conn } if self.work.connections.is_open(conn) => {
                self.input(Input::Drained { conn });
            }
            Note::Drained { .. } => {}
            Note::Dialed { bridge, wire, level } => {
                let conn = self.connect(wire, Some(level));
                self.input(Input::Dialed { bridge, conn });
            }
            Note::DialFailed { bridge, reason } => {
                self.input(Input::DialFailed { bridge, reason });
            }
            Note::Order { bridge, order } => self.input(Input::Bridge { bridge, order }),
            Note::Committed { number } => {
                self.work.outstanding = self.work.outstanding.filter(|waited| *waited > number);
                self.input(Input::Committed { number });
            }
            Note::StoreFails { reason } => self.input(Input::StoreFails { reason }),
            Note::Status { answer } => {
                if answer.send(self.broker.status()).is_err() {
                    tracing::trace!("nobody waits for the status any more");
                }
            }
        }
    }

    /// The time may have come for something. What the broker says under `$SYS` is nothing that who
    /// follows its changes would see.
    fn time(&mut self) {
        let now = self.clock.now();
        self.work.moved |= !self.broker.only_statistics_due(now);
        let received_bytes = wide(std::mem::take(&mut self.work.received_bytes));
        let sent_bytes = wide(self.work.connections.take_sent_bytes());
        self.handle(now, Input::Traffic { received_bytes, sent_bytes });
        self.handle(now, Input::Time);
    }

    fn input(&mut self, input: Input) {
        self.input_at(self.clock.now(), input);
    }

    fn input_at(&mut self, now: Duration, input: Input) {
        self.work.moved = true;
        self.handle(now, input);
    }

    /// Lets the core handle one input, and does what it wants done.
    fn handle(&mut self, now: Duration, input: Input) {
        let mut outputs = std::mem::take(&mut self.work.outputs);
        self.broker.handle(now, input, &mut outputs);
        self.perform(now, &mut outputs);
        self.work.outputs = outputs;
    }

    fn perform(&mut self, now: Duration, outputs: &mut Vec<Output>) {
        loop {
            for output in outputs.drain(..) {
                match output {
                    Output::Send { conn, packet } => {
                        if self.work.connections.send(conn, &packet) {
                            self.work.stalled.push(conn);
                        }
                    }
                    Output::Close { conn, reason } => {
                        tracing::debug!(broker = self.name, conn = conn.0, reason, "closing");
                        self.work.connections.close(conn);
                    }
                    Output::Dial { bridge, address, level } => self.tasks.dial(
                        (bridge, level),
                        self.route.as_ref()(bridge, &address),
                        address,
                        self.notes.clone(),
                    ),
                    Output::Event(event) => (self.events)(now, event),
                }
            }
            let Some(conn) = self.work.stalled.pop() else { return };
            self.broker.handle(now, Input::Stalled { conn }, outputs);
        }
    }

    /// Ends a round: commits what is to be committed, lets bytes leave, says that something changed.
    fn settle(&mut self) {
        self.commit();
        loop {
            self.work.connections.flush(&mut self.work.stalled);
            let Some(conn) = self.work.stalled.pop() else { break };
            self.input(Input::Stalled { conn });
        }
        if std::mem::take(&mut self.work.moved) {
            self.changed.send_modify(|count| *count += 1);
        }
    }

    fn commit(&mut self) {
        while self.work.outstanding.is_none() {
            let Some(commit) = self.broker.take_commit() else { return };
            let number = commit.number;
            if let Some(durable) = &mut self.durable {
                self.work.outstanding = Some(number);
                durable.submit(commit);
            } else {
                // Memory is as durable as this broker gets.
                self.input(Input::Committed { number });
            }
        }
    }

    fn connect(&mut self, wire: Wire, level: Option<Level>) -> ConnId {
        let (conn, outbox) = self.work.connections.open(level);
        let killed = Arc::clone(&self.tasks.killed);
        let link = Link {
            conn,
            outbox,
            inbox: self.inbox.clone(),
            notes: self.notes.clone(),
            level: level.unwrap_or_default(),
            max_packet_size: self.max_packet_size,
        };
        self.tasks.links.spawn(self.tasks.frost.clone().over(link.run(Socket { wire, killed })));
        conn
    }

    /// Ends politely: everything that was promised is sent and durable, as far as that can be had
    /// within the limits.
    async fn stop(mut self, mut notes: mpsc::UnboundedReceiver<Note>) -> Result<(), String> {
        self.tasks.listeners.shutdown().await;
        self.tasks.dials.shutdown().await;
        self.input(Input::Shutdown);
        self.settle();
        let committed = async {
            while self.work.outstanding.is_some() {
                match notes.recv().await {
                    Some(Note::Dialed { .. } | Note::DialFailed { .. }) => {}
                    Some(note) => self.note(note),
                    None => return,
                }
                self.settle();
            }
        };
        if timeout(COMMIT_LIMIT, committed).await.is_err() {
            tracing::warn!(broker = self.name, "the last commit takes long");
        }
        self.work.connections.close_all();
        let written = async {
            while let Some(ended) = self.tasks.links.join_next().await {
                reap(ended);
            }
        };
        if timeout(LINKS_LIMIT, written).await.is_err() {
            tracing::debug!(broker = self.name, "connections are left unwritten");
            self.tasks.links.shutdown().await;
        }
        match self.durable.take() {
            Some(durable) => blocking(move || durable.stop()).await,
            None => Ok(()),
        }
    }

    /// Ends as by a pulled plug: every connection is reset, nothing is flushed.
    async fn kill(mut self) {
        self.tasks.killed.store(true, Ordering::Release);
        self.tasks.links.shutdown().await;
        self.tasks.listeners.shutdown().await;
        self.tasks.dials.shutdown().await;
        if let Some(durable) = self.durable.take() {
            blocking(move || durable.abandon()).await;
        }
    }
}

fn wide(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
