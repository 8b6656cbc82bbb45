//! The tasks a broker's owner starts, and ends before it ends itself. They know of sockets and
//! channels, not of the broker.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet, spawn_blocking};

use super::accept::accept;
use super::dial::dial;
use super::frost::Frost;
use super::inbox::{Heard, Inbox, Note};
use super::wire::Wire;
use crate::broker::{Address, BridgeNumber};
use crate::mqtt::packet::Level;

/// What the owner started.
#[derive(Default)]
pub(super) struct Tasks {
    pub(super) listeners: JoinSet<()>,
    pub(super) dials: JoinSet<()>,
    pub(super) links: JoinSet<()>,
    /// Whether connections are to end with a reset.
    pub(super) killed: Arc<AtomicBool>,
    /// Whether they stand still.
    pub(super) frost: Frost,
}

impl Tasks {
    /// Accepts connections.
    pub(super) fn listen(&mut self, listener: TcpListener, name: String, inbox: Inbox) {
        self.listeners.spawn(self.frost.clone().over(async move {
            loop {
                let stream = accept(&listener, &name).await;
                let heard = Heard::Accepted { wire: Wire::Tcp(stream) };
                if !inbox.tell(heard).await {
                    return;
                }
            }
        }));
    }

    /// Dials for a bridge; what comes of it is a note.
    pub(super) fn dial(
        &mut self,
        (bridge, level): (BridgeNumber, Level),
        routed: Option<SocketAddr>,
        address: Address,
        notes: mpsc::UnboundedSender<Note>,
    ) {
        self.dials.spawn(self.frost.clone().over(async move {
            let note = match dial(&address, routed).await {
                Ok(stream) => Note::Dialed { bridge, wire: Wire::Tcp(stream), level },
                Err(reason) => Note::DialFailed { bridge, reason },
            };
            if notes.send(note).is_err() {
                tracing::trace!("a broker that ended was told something");
            }
        }));
    }
}

/// A panic of a task is a defect that must not pass unseen.
pub(super) fn reap(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        std::panic::resume_unwind(error.into_panic());
    }
}

/// Does `work`, which blocks, on a thread where that hurts nobody.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
