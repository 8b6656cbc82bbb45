//! The live shell of a broker, on tokio: sockets, time and tasks around the pure core.
//!
//! ```text
//! listeners, door --> connections (link, outbox) <----> owner task <----> store's thread
//!      ^                                                 Broker |
//!      | pipe   cable (joints, pumps) <------ dial ------------+
//!      +------------+
//! ```
//!
//! Whatever is started here is ended by its handle, with nothing left behind. What MQTT means is
//! the core's business, and what a store is the store's.

mod accept;
mod bind;
mod cable;
mod clock;
mod connections;
mod dial;
mod disk;
mod door;
mod durable;
mod frost;
mod handle;
mod inbox;
mod joint;
mod link;
mod outbox;
mod owner;
mod pipe;
mod port_owner;
mod pump;
mod saved;
mod shared_cable;
mod sight;
mod tasks;
mod wire;

pub use bind::{BindError, bind};
pub use cable::{LiveCable, Target};
pub use clock::Clock;
pub use dial::Route;
pub use disk::{Disk, DiskState, on_disk};
pub use door::Door;
pub use durable::{Durable, OpenDurable, Reports};
pub use handle::{BrokerHandle, Start, StopError};
pub use port_owner::PortOwner;
pub use saved::saved_in;
pub use shared_cable::{Marks, SharedCable};
pub use sight::{Lines, Observer, Sight, Tell, What};

#[cfg(test)]
mod tests;
