//! The live shell of a broker, on tokio: sockets, time and tasks around the pure core.
//!
//! ```text
//! listeners ----> connections (link, outbox) <----> owner task <----> store's thread
//!                                                    Broker |
//!                      cable (joints) <----- dial ----------+
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
mod durable;
mod handle;
mod inbox;
mod joint;
mod link;
mod outbox;
mod owner;
mod port_owner;
mod saved;
mod tasks;

pub use bind::{BindError, bind};
pub use cable::LiveCable;
pub use clock::Clock;
pub use dial::Route;
pub use durable::{Durable, OpenDurable, Reports};
pub use handle::{BrokerHandle, Start, StopError};
pub use port_owner::PortOwner;
pub use saved::saved_in;

#[cfg(test)]
mod tests;
