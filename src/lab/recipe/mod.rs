//! What makes a run in simulated time: a scenario, a seed, and what is done when. Whoever has it has
//! the run, byte for byte.
//!
//! ```text
//! Recipe <--- text ---> a small file, for people
//!   |   ^--- short ---> `tb1:…`, one line for a chat or a report
//!   +--- plan ---> Plan
//! ```
//!
//! A built-in scenario goes by its name and a digest of its files, another one with its files, so
//! that it plays where nobody has them.

mod text;

#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::time::Duration;

use flate2::Crc;
use thiserror::Error;

use super::plan::Plan;
use crate::conf::folder::SCENARIO_FILE;
use crate::conf::scenario::{Deed, Step};
use crate::conf::{Choice, ConfError, Engine, Folder, Opened, builtin};

/// The name of the machine that simulated brokers run on: were it the real one, a bridge without a
/// `remote_clientid` would be another one elsewhere.
pub const HOST: &str = "lab";

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// The scenario.
    pub scenario: Source,
    /// What latencies, commits and programs draw from.
    pub seed: u64,
    /// What is done instead of the scenario's script, each deed when the world is so old as its
    /// `at` says, in this order; none where the script plays.
    pub steps: Option<Vec<Step>>,
    /// What is done beside that.
    pub by_hand: Vec<ByHand>,
}

/// Where a scenario's files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In every copy of the program.
    Builtin(String),
    /// Here.
    Files(Folder),
}

/// Something that somebody did while they watched.
#[derive(Debug, Clone, PartialEq)]
pub struct ByHand {
    /// When, since the world began.
    pub at: Duration,
    /// Behind so many [turns](super::timeline::Course::position): several things happen at one time.
    pub after: u64,
    /// What; no wait.
    pub deed: Deed,
}

/// Why a recipe cannot be read, written or planned.
#[derive(Debug, Error)]
pub enum RecipeError {
    /// It is no recipe.
    #[error("this is no run of Twinboard: {0}")]
    Not(String),
    /// A later version wrote it.
    #[error(
        "this run is written in version {0} of the form, and this Twinboard reads version {known}: \
         use a newer one",
        known = text::VERSION
    )]
    Version(String),
    /// Letters of the string changed or are missing.
    #[error("the string is damaged or not whole: {0}")]
    Damaged(String),
    /// There is no such built-in scenario.
    #[error(
        "there is no built-in scenario `{0}` in this Twinboard; it has {all}",
        all = builtin::NAMES.join(", ")
    )]
    Unknown(String),
    /// The built-in scenario is another one now.
    #[error(
        "the built-in scenario `{name}` has changed since this run was written (its files were \
         {was}, and are {is} here), so it would be another run: use the Twinboard that wrote it"
    )]
    Changed {
        /// Its name.
        name: String,
        /// The digest of its files when the run was written.
        was: String,
        /// The same now.
        is: String,
    },
    /// The scenario's files have mistakes.
    #[error(transparent)]
    Scenario(#[from] ConfError),
    /// A step has mistakes.
    #[error("{which}: {what}")]
    Step {
        /// Which: "step 3".
        which: String,
        /// What is wrong with it.
        what: String,
    },
    /// A step cannot be written.
    #[error(transparent)]
    Unwritable(#[from] crate::conf::scenario::write::Unwritable),
    /// The scenario does not fit together.
    #[error("{0}")]
    Plan(String),
}

impl Recipe {
    /// The scenario's script, with that seed.
    #[must_use]
    pub fn new(folder: Folder, seed: u64) -> Self {
        // Where it was on the disk is of no concern elsewhere.
        let Folder { name, scenario, mut files, .. } = folder;
        files.insert(SCENARIO_FILE.to_owned(), scenario);
        let folder = Folder::of(&name, files);
        let scenario = match Folder::builtin(&name) {
            Some(builtin) if builtin == folder => Source::Builtin(name),
            _ => Source::Files(folder),
        };
        Self { scenario, seed, steps: None, by_hand: Vec::new() }
    }

    /// The same with these steps instead of the script.
    #[must_use]
    pub fn with_steps(self, steps: Vec<Step>) -> Self {
        Self { steps: Some(steps), ..self }
    }

    /// What is to run.
    ///
    /// # Errors
    /// Where the scenario is not there or has mistakes.
    pub fn plan(&self) -> Result<Plan, RecipeError> {
        let folder = self.scenario.folder()?;
        Plan::new(&folder.name, open(&folder)?).map_err(RecipeError::Plan)
    }
}

impl ByHand {
    /// As a step of a schedule.
    #[must_use]
    pub fn step(&self) -> Step {
        Step { say: None, at: Some(self.at), deed: self.deed.clone(), line: 0 }
    }
}

impl Source {
    /// The scenario's short name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Builtin(name) => name,
            Self::Files(folder) => &folder.name,
        }
    }

    /// Its files.
    ///
    /// # Errors
    /// Where there is no such built-in scenario.
    pub fn folder(&self) -> Result<Folder, RecipeError> {
        match self {
            Self::Builtin(name) => {
                Folder::builtin(name).ok_or_else(|| RecipeError::Unknown(name.clone()))
            }
            Self::Files(folder) => Ok(folder.clone()),
        }
    }
}

/// Nothing but our own engine can be simulated, so that is what was, whatever the files say.
fn open(folder: &Folder) -> Result<Opened, ConfError> {
    let native = Choice { board: None, engine: Engine::Native };
    folder.open_with(HOST, &[native])
}

/// Says whether files are still the same: eight digits. How a checkout ends its lines is no change.
fn digest(folder: &Folder) -> String {
    let mut crc = Crc::new();
    let scenario = std::iter::once(("", folder.scenario.as_str()));
    let files = folder.files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    for (name, text) in scenario.chain(files) {
        crc.update(name.as_bytes());
        crc.update(&[0]);
        crc.update(text.replace("\r\n", "\n").as_bytes());
        crc.update(&[0]);
    }
    let mut digest = String::new();
    write!(digest, "{:08x}", crc.sum()).expect("a string takes all");
    digest
}
