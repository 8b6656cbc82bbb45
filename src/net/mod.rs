//! The live shell of a broker, on tokio: sockets, time and tasks around the pure core.

mod accept;
mod cable;
mod joint;

pub use cable::LiveCable;
