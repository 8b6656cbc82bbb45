//! Twinboard: a desktop lab for MQTT systems of more than one broker.

pub mod broker;
pub mod card;
pub mod gui;
pub mod lab;
pub mod mqtt;
