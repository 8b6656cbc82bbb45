//! A scenario's programs: what each is and what it is told.

use std::time::Duration;

use serde::Deserialize;

use crate::mqtt::{Filter, QoS, Topic};

/// A program of a board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Letters, digits, `_` and `-`.
    pub name: String,
    /// What it is.
    pub setup: Setup,
}

impl Program {
    /// What it is, without the rest.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.setup {
            Setup::Card1 => Kind::Card1,
            Setup::Card2 => Kind::Card2,
            Setup::Display => Kind::Display,
            Setup::Counter(_) => Kind::Counter,
            Setup::Tally(_) => Kind::Tally,
        }
    }
}

/// What a program is, and what it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setup {
    /// Sensors 1 to 3.
    Card1,
    /// Sensors 4 to 6, and what board 1 says.
    Card2,
    /// All six, none its own.
    Display,
    /// Publishes 1, 2, 3 …
    Counter(CounterSetup),
    /// Says which of them came.
    Tally(TallySetup),
}

/// What a counter is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterSetup {
    /// Where it publishes.
    pub topic: Topic,
    /// From one number to the next; none counts only by hand.
    pub every: Option<Duration>,
    /// How it publishes.
    pub qos: QoS,
    /// Whether it publishes retained messages.
    pub retain: bool,
    /// The number at which its rate ends.
    pub limit: Option<u64>,
    /// CONNECT's clean session flag.
    pub clean_session: bool,
}

/// What a tally is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TallySetup {
    /// What it subscribes to; at least one.
    pub topics: Vec<Filter>,
    /// The `QoS` it asks for.
    pub qos: QoS,
    /// CONNECT's clean session flag.
    pub clean_session: bool,
}

/// The programs there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Sensors 1 to 3.
    Card1,
    /// Sensors 4 to 6, and what board 1 says.
    Card2,
    /// All six, none its own.
    Display,
    /// Publishes 1, 2, 3 …
    Counter,
    /// Says which of them came.
    Tally,
}

impl Kind {
    /// Whether it has a button for this sensor.
    #[must_use]
    pub fn owns(self, sensor: u8) -> bool {
        match self {
            Self::Card1 => (1..=3).contains(&sensor),
            Self::Card2 => (4..=6).contains(&sensor),
            Self::Display | Self::Counter | Self::Tally => false,
        }
    }

    /// Whether its window shows this sensor.
    #[must_use]
    pub fn shows(self, sensor: u8) -> bool {
        match self {
            Self::Card1 => self.owns(sensor),
            Self::Card2 | Self::Display => (1..=6).contains(&sensor),
            Self::Counter | Self::Tally => false,
        }
    }

    /// The client id of a program whose original had one; the others have their names.
    #[must_use]
    pub fn client_id(self) -> Option<&'static str> {
        match self {
            Self::Card1 => Some("card1_monitor"),
            Self::Card2 => Some("card2_monitor"),
            Self::Display => Some("global_display"),
            Self::Counter | Self::Tally => None,
        }
    }
}
