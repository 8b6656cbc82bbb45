//! The brokers' promises in the simulated world, with wires that break, power that fails, disks that
//! are replaced and clients that lose their memory.

mod handshake;
mod ledger;
mod memory;
mod retained;
mod world;
