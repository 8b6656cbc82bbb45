//! The one ordered stream of what happened.

use std::time::Duration;

use super::command::{Action, CableFault};
use super::name::{BoardName, BridgeName, ProgramName};
use crate::{broker, card};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Counts the entries of a world from 1.
    pub number: u64,
    /// When, since the world began.
    pub at: Duration,
    /// What.
    pub event: Event,
}

/// What can happen in a world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A broker decided or noticed something.
    Broker { board: BoardName, event: broker::Event },
    /// A program did something or something was done to it.
    Program { program: ProgramName, event: card::Event },
    /// A cable was cut or mended.
    Cable { bridge: BridgeName, fault: CableFault },
    /// A board's power went on or off.
    Power { board: BoardName, on: bool },
    /// Something was started, stopped or killed by hand or by a script.
    Asked { what: String, action: Action },
    /// A line for people: trouble, a fresh start, a step of a script.
    Note(String),
}
