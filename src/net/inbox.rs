//! What reaches a broker's owner task, on two channels.
//!
//! ```text
//! listeners, connections --- Heard ---> bounded: who is too fast waits, and TCP with him
//! store, dials, handle ----- Note ----> unbounded, as each sender has few under way at a time
//! ```

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::wire::Wire;
use crate::broker::{BridgeNumber, BridgeOrder, ConnId, Status};
use crate::mqtt::Packet;
use crate::mqtt::codec::DecodeError;
use crate::mqtt::packet::Level;

/// How many batches may wait.
const BATCHES: usize = 256;

/// How many bytes the batches that wait may stand for, all connections together.
const BUDGET_BYTES: usize = 8 * 1024 * 1024;

/// What a decoded packet takes beside its bytes, about.
const PACKET_BYTES: usize = size_of::<Packet>();

/// What comes from listeners and connections.
#[derive(Debug)]
pub(super) enum Heard {
    /// Somebody connected.
    Accepted { wire: Wire },
    /// Packets came, so many bytes of them; the permit gives those back to the budget.
    Packets { conn: ConnId, packets: Vec<Packet>, bytes: usize, permit: OwnedSemaphorePermit },
    /// What came is no packet; nothing follows.
    Malformed { conn: ConnId, error: DecodeError },
    /// The connection is gone; nothing follows.
    Closed { conn: ConnId, reason: String },
}

/// What comes from everywhere else.
#[derive(Debug)]
pub(super) enum Note {
    /// A connection that stalled has been written out.
    Drained { conn: ConnId },
    /// A dial succeeded.
    Dialed { bridge: BridgeNumber, wire: Wire, level: Level },
    /// A dial failed.
    DialFailed { bridge: BridgeNumber, reason: String },
    /// A bridge is to do something.
    Order { bridge: BridgeNumber, order: BridgeOrder },
    /// The store has everything up to this commit.
    Committed { number: u64 },
    /// The store cannot commit.
    StoreFails { reason: String },
    /// Somebody wants to know.
    Status { answer: oneshot::Sender<Status> },
}

/// The sending end of the bounded channel. Sending to a broker that ended does nothing: whoever
/// sends is about to be ended too.
#[derive(Debug, Clone)]
pub(super) struct Inbox {
    sender: mpsc::Sender<Heard>,
    budget: Arc<Semaphore>,
}

impl Inbox {
    /// The channel's two ends.
    pub(super) fn new() -> (Self, mpsc::Receiver<Heard>) {
        let (sender, receiver) = mpsc::channel(BATCHES);
        (Self { sender, budget: Arc::new(Semaphore::new(BUDGET_BYTES)) }, receiver)
    }

    /// Passes on packets that were `bytes` long; waits while the owner has too much to do. A batch
    /// over the budget takes all of it.
    pub(super) async fn packets(&self, conn: ConnId, packets: Vec<Packet>, bytes: usize) {
        let cost = (bytes + packets.len() * PACKET_BYTES).min(BUDGET_BYTES);
        let cost = u32::try_from(cost).expect("the budget fits");
        let permit = Arc::clone(&self.budget).acquire_many_owned(cost).await;
        let permit = permit.expect("nobody closes the budget");
        self.tell(Heard::Packets { conn, packets, bytes, permit }).await;
    }

    /// Passes on anything else; false where nobody hears it any more.
    pub(super) async fn tell(&self, heard: Heard) -> bool {
        self.sender.send(heard).await.is_ok()
    }

    /// Whether both lead to the same broker.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.sender.same_channel(&other.sender)
    }
}
