//! Why a store cannot be opened or written, in words that say what to do. Knows nothing of how a
//! store is laid out.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use thiserror::Error;

/// Why a store cannot be opened. The file is as it was before.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Somebody else has it open.
    #[error("the broker's store {} is in use by {holder}: stop that first, or choose another folder", path.display())]
    Held {
        /// The store's file.
        path: PathBuf,
        /// Who has it.
        holder: Holder,
    },
    /// The system does not let us read or write it.
    #[error(
        "the broker's store {} cannot be opened: {reason}. Check the permissions of the file and of its folder, and the space on the disk, or choose another folder",
        path.display()
    )]
    Unusable {
        /// The store's file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// It is some other file.
    #[error(
        "{} is not a broker's store of Twinboard ({reason}); it was left as it is. Move it aside, or choose another folder",
        path.display()
    )]
    NotAStore {
        /// The store's file.
        path: PathBuf,
        /// What it is instead.
        reason: String,
    },
    /// A newer program wrote it.
    #[error(
        "the broker's store {} was written by a later Twinboard (format {found}; this one reads up to {known}); it was left as it is. Install the later version, or start empty with --fresh, which keeps this one aside",
        path.display()
    )]
    Later {
        /// The store's file.
        path: PathBuf,
        /// Its format.
        found: i32,
        /// The latest format this program knows.
        known: i32,
    },
    /// What it holds makes no sense.
    #[error(
        "the broker's store {} is damaged ({reason}); it was left as it is. Put a good copy back, or start empty with --fresh, which keeps this one aside",
        path.display()
    )]
    Damaged {
        /// The store's file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The file is gone, but the log with its latest changes is there.
    #[error(
        "the broker's store {} is missing, but {} with its latest changes is there. Put the store back beside it, or move that aside too to start empty",
        path.display(),
        log.display()
    )]
    Orphaned {
        /// The store's file.
        path: PathBuf,
        /// The log that was left behind.
        log: PathBuf,
    },
}

impl StoreError {
    pub(super) fn io(path: &Path, error: &io::Error) -> Self {
        Self::Unusable { path: path.to_owned(), reason: error.to_string() }
    }

    pub(super) fn damaged(path: &Path, reason: impl fmt::Display) -> Self {
        Self::Damaged { path: path.to_owned(), reason: reason.to_string() }
    }

    /// Tells a file that makes no sense from a system that does not let us at it: the cures differ.
    pub(super) fn sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        use ErrorCode as Code;
        match error.sqlite_error_code() {
            Some(Code::NotADatabase) => {
                Self::NotAStore { path: path.to_owned(), reason: error.to_string() }
            }
            Some(
                Code::CannotOpen
                | Code::PermissionDenied
                | Code::ReadOnly
                | Code::SystemIoFailure
                | Code::DiskFull
                | Code::DatabaseBusy
                | Code::DatabaseLocked
                | Code::FileLockingProtocolFailed
                | Code::OutOfMemory
                | Code::NoLargeFileSupport
                | Code::AuthorizationForStatementDenied,
            ) => Self::Unusable { path: path.to_owned(), reason: error.to_string() },
            _ => Self::damaged(path, error),
        }
    }
}

/// Who has a store open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// This program itself.
    ThisProcess,
    /// The process with this number.
    Process(u32),
    /// Some process that could not be asked for its number.
    Unknown,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ThisProcess => f.write_str("another broker of this program"),
            Self::Process(pid) => write!(f, "process {pid}"),
            Self::Unknown => f.write_str("another process"),
        }
    }
}

/// Why nothing of a commit was written. The same commit can be tried again.
#[derive(Debug, Error)]
pub enum CommitError {
    /// The disk, its space, or somebody who holds the file.
    #[error("{0}")]
    Sqlite(rusqlite::Error),
    /// A record does not fit what is stored: the core is wrong, or the file was changed by others.
    #[error("the store does not fit the broker: {0}. Was its file changed by another program?")]
    Mismatch(String),
}

impl From<rusqlite::Error> for CommitError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => Self::Mismatch(error.to_string()),
            _ => Self::Sqlite(error),
        }
    }
}
