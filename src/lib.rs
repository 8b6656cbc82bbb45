//! Twinboard: a desktop lab for MQTT systems of more than one broker.

pub mod broker;
pub mod cable;
pub mod card;
pub mod cli;
pub mod conf;
pub mod gui;
pub mod lab;
pub mod mqtt;
pub mod net;
pub mod report;
pub mod store;
