//! How a run in simulated time is gone through: what may be asked, and where it stands. The windows
//! know this and not the run.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What a person may ask of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Let time pass.
    Play,
    /// Let no time pass.
    Pause,
    /// How fast it is to pass.
    Speed(Speed),
    /// Take the last turn back, and pause.
    Back,
    /// Take one turn, and pause.
    Forward,
    /// Go back to the last entry before this moment that is no detail, and pause.
    Previous,
    /// Go on to the next entry that is no detail, and pause.
    Next,
    /// Go to that time.
    Jump(Duration),
    /// Write the run down as a string.
    Share,
    /// Write it to that file, which must not be there yet.
    Save(PathBuf),
}

/// How fast simulated time passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Speed {
    /// A tenth of real time.
    Tenth,
    /// Real time.
    #[default]
    Real,
    /// Ten times as fast.
    Ten,
    /// A hundred times as fast.
    Hundred,
}

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transport {
    /// What latencies, commits and programs draw from.
    pub seed: u64,
    /// Now, since the run began.
    pub at: Duration,
    /// Behind so many turns: several come at one time.
    pub turn: u64,
    /// How far the run is known.
    pub known: Duration,
    /// Turns up to there.
    pub known_turns: u64,
    /// Whether time passes.
    pub playing: bool,
    /// How fast, when it does.
    pub speed: Speed,
    /// How far the scenario's script is: steps done, and steps in all; none where none plays.
    pub script: Option<(usize, usize)>,
    /// The run as it was last written down; none since something else was done by hand.
    pub shared: Option<Arc<Shared>>,
}

/// A run, written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shared {
    /// The string that `twinboard replay` takes; otherwise why there is none.
    pub string: Result<String, String>,
    /// A name for its file that no other has.
    pub proposed: String,
    /// Where it was saved, or why it was not; none before somebody asked.
    pub saved: Option<Result<PathBuf, String>>,
}

impl Speed {
    /// All of them, slowest first.
    pub const ALL: [Self; 4] = [Self::Tenth, Self::Real, Self::Ten, Self::Hundred];

    /// As people say it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tenth => "0.1x",
            Self::Real => "1x",
            Self::Ten => "10x",
            Self::Hundred => "100x",
        }
    }

    /// How much simulated time passes meanwhile.
    #[must_use]
    pub fn of(self, real: Duration) -> Duration {
        match self {
            Self::Tenth => real / 10,
            Self::Real => real,
            Self::Ten => real * 10,
            Self::Hundred => real * 100,
        }
    }
}

impl Transport {
    /// Whether more is known than has happened.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        (self.turn, self.at) < (self.known_turns, self.known)
    }
}
