//! The lock that gives a store to one process, and within it to one owner. It is a file of its own
//! beside the store, so that `sqlite3` can still look at the store itself.
//!
//! Ends with the process however the process ends. The file stays: to remove a lock file while
//! others may be opening it would let two of them in.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::error::{Holder, StoreError};

/// A store's lock, held until dropped.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Lock {
    /// Takes the lock of the store at `path`, whose folder is there.
    pub(super) fn take(path: &Path) -> Result<Self, StoreError> {
        let beside = lock_path(path);
        let unusable = |error: io::Error| StoreError::Unusable {
            path: path.to_owned(),
            reason: format!("its lock file {}: {error}", beside.display()),
        };
        let mut options = OpenOptions::new();
        // Not truncated: the number in it is the holder's until the lock is ours.
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&beside).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Held { path: path.to_owned(), holder: holder(&mut file) });
            }
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        // From here on an error drops `Lock`, which unlocks.
        let mut lock = Self(file);
        lock.sign().map_err(unusable)?;
        Ok(lock)
    }

    /// Writes our process number for whoever is turned away.
    fn sign(&mut self) -> io::Result<()> {
        self.0.set_len(0)?;
        self.0.rewind()?;
        writeln!(self.0, "{}", std::process::id())
    }
}

impl Drop for Lock {
    /// Closing would unlock too, but not while a process that another thread is just starting
    /// still has its copy of the handle.
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::warn!("a store's lock could not be given back: {error}");
        }
    }
}

/// Where the lock of the store at `path` is.
pub(super) fn lock_path(path: &Path) -> PathBuf {
    super::file::beside(path, ".lock")
}

/// Reads who has the lock. On Windows a locked file cannot be read, so there it stays unknown.
fn holder(file: &mut File) -> Holder {
    let mut text = String::new();
    let pid = match file.take(32).read_to_string(&mut text) {
        Ok(_) => text.trim().parse::<u32>().ok(),
        Err(_) => None,
    };
    match pid {
        Some(pid) if pid == std::process::id() => Holder::ThisProcess,
        Some(pid) => Holder::Process(pid),
        None => Holder::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_even_within_a_process() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("broker.db");
        let lock = Lock::take(&path).expect("a lock nobody has");
        let error = Lock::take(&path).expect_err("somebody has it");
        let StoreError::Held { path: named, holder } = &error else { panic!("{error}") };
        assert_eq!(named, &path);
        if cfg!(unix) {
            assert_eq!(*holder, Holder::ThisProcess);
        }
        drop(lock);
        Lock::take(&path).expect("a lock that was given back");
    }

    #[test]
    fn a_lock_file_of_a_dead_process_is_no_lock() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("broker.db");
        std::fs::write(lock_path(&path), "4194304999\n").expect("a file");
        drop(Lock::take(&path).expect("a lock nobody holds"));
        let text = std::fs::read_to_string(lock_path(&path)).expect("the file stays");
        assert_eq!(text, format!("{}\n", std::process::id()));
    }

    #[test]
    fn a_lock_that_cannot_be_made_names_its_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("missing").join("broker.db");
        let error = Lock::take(&path).expect_err("no folder").to_string();
        assert!(error.contains("broker.db.lock"), "{error}");
    }
}
