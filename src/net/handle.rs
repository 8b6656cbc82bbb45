//! Starting a live broker, and what can be done to one that runs.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::clock::Clock;
use super::dial::Route;
use super::door::Door;
use super::durable::{OpenDurable, Reports};
use super::inbox::{Inbox, Note};
use super::owner::{Owner, Wish, Work};
use super::tasks::Tasks;
use crate::broker::durable::Image;
use crate::broker::{BridgeNumber, BridgeOrder, Broker, Event, Settings, Status};

/// Everything a live broker starts from.
pub struct Start {
    /// Its name in the log.
    pub name: String,
    /// What the core is told.
    pub settings: Settings,
    /// What it goes on from.
    pub image: Image,
    /// Its store, see [`saved_in`](super::saved_in); without one it is memory only.
    pub durable: Option<OpenDurable>,
    /// Where it listens; see [`bind`](super::bind).
    pub listeners: Vec<TcpListener>,
    /// Feeds the core's randomness.
    pub seed: u64,
    /// The world's time.
    pub clock: Clock,
    /// Where bridges' addresses lead.
    pub route: Route,
    /// Hears what the broker tells of itself; called in its task, so it must not block.
    pub events: Box<dyn FnMut(Duration, Event) + Send>,
}

impl Start {
    /// A broker that starts empty, keeps nothing, tells nobody, and dials hosts as they are named.
    #[must_use]
    pub fn in_memory(name: &str, settings: Settings, listeners: Vec<TcpListener>) -> Self {
        Self {
            name: name.to_owned(),
            settings,
            image: Image::default(),
            durable: None,
            listeners,
            seed: 0,
            clock: Clock::start(),
            route: Box::new(|_, _| None),
            events: Box::new(|_, _| {}),
        }
    }
}

/// A clean stop that could not keep everything.
#[derive(Debug, Error)]
#[error("{broker} has stopped: {reason}")]
pub struct StopError {
    /// The broker's name.
    pub broker: String,
    /// What the store says.
    pub reason: String,
}

/// A live broker. Dropping it kills it, a moment later.
#[derive(Debug)]
pub struct BrokerHandle {
    name: String,
    addresses: Vec<SocketAddr>,
    wish: watch::Sender<Wish>,
    notes: mpsc::UnboundedSender<Note>,
    door: Door,
    changed: watch::Receiver<u64>,
    task: JoinHandle<Result<(), String>>,
}

impl BrokerHandle {
    /// Starts a broker in the current tokio runtime, which must have its I/O and time enabled.
    ///
    /// # Errors
    /// When a listener cannot be used, or the store's thread cannot be started.
    pub fn start(start: Start) -> io::Result<Self> {
        let mut listeners = Vec::new();
        let mut addresses = Vec::new();
        for listener in start.listeners {
            addresses.push(listener.local_addr()?);
            listener.set_nonblocking(true)?;
            listeners.push(tokio::net::TcpListener::from_std(listener)?);
        }
        let (inbox, heard) = Inbox::new();
        let (notes, notes_in) = mpsc::unbounded_channel();
        let door = Door(inbox.clone());
        let (wish, orders) = watch::channel(Wish::Run);
        let (changed, seen) = watch::channel(0);
        let durable = match start.durable {
            Some(open) => Some(open(Reports(notes.clone()))?),
            None => None,
        };
        let owner = Owner {
            name: start.name.clone(),
            max_packet_size: start.settings.limits.max_packet_size,
            broker: Broker::new(start.clock.now(), start.settings, &start.image, start.seed),
            clock: start.clock,
            route: start.route,
            durable,
            events: start.events,
            changed,
            inbox,
            notes: notes.clone(),
            tasks: Tasks::default(),
            work: Work::default(),
        };
        let task = tokio::spawn(owner.run(listeners, heard, notes_in, orders));
        Ok(Self { name: start.name, addresses, wish, notes, door, changed: seen, task })
    }

    /// Where it listens, in the order of the listeners.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The way to it for this program's own cables.
    #[must_use]
    pub fn door(&self) -> Door {
        self.door.clone()
    }

    /// Asks a bridge to do something.
    pub fn order(&self, bridge: BridgeNumber, order: BridgeOrder) {
        if self.notes.send(Note::Order { bridge, order }).is_err() {
            tracing::debug!(broker = self.name, "an order to a broker that ended");
        }
    }

    /// Lets it do nothing at all, while its connections stay open. When this returns, it does not.
    pub async fn freeze(&self) {
        self.wish.send_replace(Wish::Freeze);
        // It looks at wishes before it answers, so it is frozen when it does.
        if self.status().await.is_none() {
            tracing::debug!(broker = self.name, "a broker that ended cannot be frozen");
        }
    }

    /// Lets it go on after that. It judges first what time has passed.
    pub fn thaw(&self) {
        self.wish.send_replace(Wish::Run);
    }

    /// Whether it is frozen.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        *self.wish.borrow() == Wish::Freeze
    }

    /// What the broker says of itself; none where a defect ended it.
    pub async fn status(&self) -> Option<Status> {
        let (answer, status) = oneshot::channel();
        self.notes.send(Note::Status { answer }).ok()?;
        status.await.ok()
    }

    /// Follows whether something may have changed: the number grows with each round of inputs.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.clone()
    }

    /// Whether it has ended by itself, which only a defect brings about.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// Ends it politely, in about a second where clients do not read. When this returns, its tasks
    /// are gone, its ports free and its store closed.
    ///
    /// # Errors
    /// When the last changes could not be made durable.
    ///
    /// # Panics
    /// When the broker's task did, which is a defect.
    pub async fn stop(self) -> Result<(), StopError> {
        self.end(Wish::Stop).await
    }

    /// Ends it as a pulled plug does: connections are reset, nothing is flushed. When this returns,
    /// its tasks are gone, its ports free and its store's file closed.
    ///
    /// # Panics
    /// When the broker's task did, which is a defect.
    pub async fn kill(self) {
        if let Err(error) = self.end(Wish::Kill).await {
            tracing::error!(%error, "a kill has no last changes");
        }
    }

    async fn end(self, wish: Wish) -> Result<(), StopError> {
        self.wish.send_replace(wish);
        match self.task.await {
            Ok(ended) => ended.map_err(|reason| StopError { broker: self.name, reason }),
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Ok(()), // Its runtime was shut down around it.
        }
    }
}
