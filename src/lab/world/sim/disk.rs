//! A disk that keeps what was committed, and loses the rest.
//!
//! A commit is whole or not there at all, as one transaction of the live world's store is: a write that
//! is torn in its middle fails its check sum, and counts as not there.

use std::time::Duration;

use crate::broker::{Commit, Image, Record};
use crate::defect::{self, Defect};
use crate::lab::DiskTrouble;

/// The wait before a commit that failed is tried again, and the longest such wait.
const WAITS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// A broker's store in the simulated world.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    image: Image,
    /// What is being written.
    writing: Option<Commit>,
    trouble: Option<DiskTrouble>,
    /// How often the commit failed.
    failures: u32,
}

/// What comes of a commit.
pub(super) enum Written {
    /// It is durable.
    Durable { number: u64 },
    /// It is to be tried again after that time.
    Failed { again_after: Duration },
}

impl Disk {
    /// What a broker finds at its start.
    pub(super) fn open(&mut self) -> Image {
        self.image.boot += 1;
        self.image.clone()
    }

    /// Begins to write, while nothing else is being written.
    pub(super) fn begin(&mut self, commit: Commit) {
        debug_assert!(self.writing.is_none(), "one commit at a time");
        self.writing = Some(commit);
    }

    /// Whether a commit is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.writing.is_some()
    }

    /// How much longer a commit takes for what is wrong with it.
    pub(super) fn longer(&self) -> Duration {
        match self.trouble {
            Some(DiskTrouble::Slow { ms }) => Duration::from_millis(ms),
            Some(DiskTrouble::Full) | None => Duration::ZERO,
        }
    }

    /// The write has had its time.
    pub(super) fn finish(&mut self) -> Option<Written> {
        if self.writing.is_some() && self.trouble == Some(DiskTrouble::Full) {
            let (first, longest) = WAITS;
            let again_after = (first * 2_u32.pow(self.failures.min(8))).min(longest);
            self.failures += 1;
            return Some(Written::Failed { again_after });
        }
        self.failures = 0;
        let commit = self.writing.take()?;
        for record in &commit.records {
            let stage = matches!(record, Record::Advance { .. });
            if stage && defect::on(Defect::DiskLosesStages) {
                continue;
            }
            self.image.apply(record);
        }
        Some(Written::Durable { number: commit.number })
    }

    /// The power goes. What is being written may be on it although nobody was told: `reached` says
    /// whether it is.
    pub(super) fn lose_power(&mut self, reached: bool) {
        if reached && self.trouble.is_none() {
            self.finish();
        }
        (self.writing, self.failures) = (None, 0);
    }

    /// It fails from now on, or works again.
    pub(super) fn set(&mut self, trouble: Option<DiskTrouble>) {
        self.trouble = trouble;
    }

    /// What is wrong with it.
    pub(super) fn trouble(&self) -> Option<DiskTrouble> {
        self.trouble
    }

    /// What is on it.
    #[must_use]
    pub fn image(&self) -> &Image {
        &self.image
    }
}
