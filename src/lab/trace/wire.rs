//! Connections through cables: who speaks with whom.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::lab::name::{BoardName, CableName, ProgramName};
use crate::mqtt::ClientId;

/// A connection through a cable, from its first packet on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wire {
    /// Counts the connections of a world from 1.
    pub number: u64,
    /// The cable it goes through.
    pub cable: CableName,
    /// Who dialled.
    pub dialer: Party,
    /// Who listens.
    pub target: Party,
    /// The client id of its CONNECT, or the one that the broker gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientId>,
}

/// Somebody who sends and receives packets: a column of a ladder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// A board's broker.
    Board(BoardName),
    /// A program of the scenario.
    Program(ProgramName),
    /// A client that is no part of the scenario.
    Client(ClientId),
    /// A broker that is no part of the scenario, or somebody who did not say who he is.
    Outside(String),
}

impl Party {
    /// Its name, as short as it can be.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Board(name) => name.as_str(),
            Self::Program(name) => name.as_str(),
            Self::Client(name) => name.as_str(),
            Self::Outside(name) => name,
        }
    }

    /// Whether it is a broker.
    #[must_use]
    pub fn board(&self) -> Option<&BoardName> {
        match self {
            Self::Board(name) => Some(name),
            _ => None,
        }
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
