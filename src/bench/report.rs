//! All figures of a bench, for machines as they are and for tables in the middle.

use serde::Serialize;

use super::figures::{Figures, Spread};
use super::load::{Load, Unit};
use super::options::Options;

/// What a bench found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub options: Options,
    pub machine: Machine,
    /// Whether it was ended before all was measured.
    pub ended_early: bool,
    /// What a broker promised and did not keep, and runs that failed.
    pub errors: Vec<String>,
    /// Load by load, target by target.
    pub cells: Vec<Cell>,
}

/// What the figures were measured on.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    pub system: &'static str,
    pub processors: usize,
    /// The median of small writes with their fsync, in the durable broker's folder.
    pub fsync_p50_us: Option<f64>,
    pub fsync_p99_us: Option<f64>,
}

/// One target under one load.
#[derive(Debug, Clone, Serialize)]
pub struct Cell {
    pub load: &'static str,
    pub what: &'static str,
    pub target: String,
    pub unit: Unit,
    /// Why there are no figures, where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absent: Option<String>,
    /// Of the rounds; none where there was none.
    pub value: Option<Spread>,
    pub rounds: Vec<Figures>,
}

impl Cell {
    /// Nothing measured yet.
    pub fn new(load: &Load, target: String) -> Self {
        let Load { name, what, .. } = *load;
        let (absent, value, rounds) = (None, None, Vec::new());
        Self { load: name, what, target, unit: load.unit(), absent, value, rounds }
    }

    /// Takes another round.
    pub fn push(&mut self, figures: Figures) {
        self.rounds.push(figures);
        self.value = Spread::of(self.rounds.iter().map(|it| it.value));
    }

    /// The median of something that rounds may have.
    pub fn median(&self, of: impl Fn(&Figures) -> Option<f64>) -> Option<f64> {
        Spread::of(self.rounds.iter().filter_map(of)).map(|it| it.median)
    }

    /// The sum over all rounds.
    pub fn sum(&self, of: impl Fn(&Figures) -> u64) -> u64 {
        self.rounds.iter().map(of).sum()
    }
}

impl Report {
    /// As JSON.
    ///
    /// # Panics
    /// Never: all keys are text.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("all keys are text") + "\n"
    }
}
