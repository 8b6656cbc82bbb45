//! The live shell over real sockets on loopback.

mod broker;
mod cable;
mod client;
mod power;
mod store;
