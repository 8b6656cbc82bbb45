//! A broker's durable state in SQLite: one file a broker, which `sqlite3` can read at any time.
//!
//! ```text
//! open ---> lock ---> look ---> check and load ---> count the start ---> Store, Image
//!                       |             |
//!                       +-------------+---> an error, and the file as it was
//!
//! core --- Commit ---> Writer (a thread) --- one transaction, one fsync ---> file: log
//! core <-- Committed --- Writer                                                     |
//!                          |  now and then: fold                                    v
//!                          +---------------------------------------------> file: the other tables
//! ```
//!
//! What [`Store::commit`] returned `Ok` for is there after `kill -9` and after a power loss: the
//! write-ahead log is on the disk by then. Nothing in here knows of MQTT's rules, sockets or time;
//! it imports `broker` and `mqtt` for their nouns alone.
//!
//! Whoever looks into the file of a broker that runs sees tables that are a moment behind; those of
//! one that was stopped have everything. See [`Store::fold`].
//!
//! Commits fail, and recover, when another connection to the file holds `BEGIN IMMEDIATE`: that is
//! how tests of a broker make its store fail.
//!
//! While a store is open, no other code of this process may open and close its file, not even to
//! copy it: POSIX takes away all locks of a process on a file when any handle of it is closed.

mod error;
mod file;
mod fold;
mod load;
mod lock;
mod log;
mod migrate;
mod pending;
mod record;
mod schema;
mod session;
mod value;
mod writer;

#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior, ffi};

pub use error::{CommitError, Holder, StoreError};
pub use writer::{Done, Unsaved, Writer};

use crate::broker::{Image, Record};
use file::Neighbours;
use lock::Lock;
use log::Log;

/// How long SQLite waits for a program that is writing to the file, before a commit fails and is
/// tried again by [`Writer`].
const BUSY_TIMEOUT: Duration = Duration::from_millis(250);

/// How many KiB of pages are kept in memory: what a busy broker's log and tables turn over.
const CACHE_KIB: i64 = 8 << 10;

/// After how many pages of log they are written back into the file. Most rows live for a few
/// transactions only, so a longer log saves writing them back at all; 4000 pages are 16 MB.
const CHECKPOINT_PAGES: i64 = 4000;

/// What the log is cut down to after it was longer, in bytes.
const LOG_LIMIT_BYTES: i64 = 32 << 20;

/// An open store. Dropping it leaves the one file, and the lock beside it that nobody holds.
#[derive(Debug)]
pub struct Store {
    // The order matters: the database is closed before the lock is given back.
    db: Connection,
    log: Log,
    /// Whether `log` is no longer what the file says, as after a commit that failed.
    stale: bool,
    /// Whether the file is to stay as it is.
    abandoned: bool,
    path: PathBuf,
    _lock: Lock,
}

impl Store {
    /// Opens the store at `path`, makes an empty one where nothing is, and counts this start.
    ///
    /// # Errors
    /// Each names the file and says what to do. A file that is no store, is of a later version or
    /// is damaged is left byte for byte as it was.
    pub fn open(path: &Path) -> Result<(Self, Image), StoreError> {
        let path = file::resolve(path)?;
        let io = |error| StoreError::io(&path, &error);
        file::make_folders(path.parent().unwrap_or(Path::new(""))).map_err(io)?;
        // Before anything else looks at the file: see the note on POSIX locks above.
        let lock = Lock::take(&path)?;
        if fs::exists(&path).map_err(io)? {
            file::look(&path)?;
        } else {
            file::create(&path)?;
        }
        let neighbours = Neighbours::note(&path);
        let (mut db, (mut image, log)) = read(&path).inspect_err(|_| neighbours.restore())?;
        image.boot =
            prepare(&mut db, image.boot).map_err(|error| StoreError::sqlite(&path, &error))?;
        Ok((Self { db, log, stale: false, abandoned: false, path, _lock: lock }, image))
    }

    /// Makes all of `records` durable, or none.
    ///
    /// # Errors
    /// Nothing was written, and the same records can be tried again.
    pub fn commit(&mut self, records: &[Record]) -> Result<(), CommitError> {
        self.refresh()?;
        let transaction = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Until it is known that they are in the file.
        self.stale = true;
        self.log.write(&transaction, records)?;
        transaction.commit()?;
        self.stale = false;
        Ok(())
    }

    /// Gives the tables what only the log has, for whoever looks at them. It makes nothing more
    /// durable.
    ///
    /// # Errors
    /// Nothing was written. What was committed is as safe as before, and this can be tried again.
    pub fn fold(&mut self) -> Result<(), CommitError> {
        self.refresh()?;
        if self.log.is_empty() {
            return Ok(());
        }
        let transaction = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        self.log.fold(&transaction)?;
        transaction.commit()?;
        self.log.folded();
        Ok(())
    }

    /// Whether the tables have all that was committed.
    #[must_use]
    pub fn is_folded(&self) -> bool {
        !self.stale && self.log.is_empty()
    }

    /// Makes the log in memory what the one in the file is.
    fn refresh(&mut self) -> Result<(), CommitError> {
        if self.stale {
            let moment = self.db.unchecked_transaction()?;
            self.log = Log::read(&moment, |_| ())?;
            moment.finish()?;
            self.stale = false;
        }
        Ok(())
    }

    /// The store's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Closes as a pulled plug does: what was committed stays in the log, where the next start
    /// finds it.
    pub fn abandon(mut self) {
        self.abandoned = true;
        if let Err(error) = keep_log(&self.db, true) {
            // Then it is closed tidily, which loses nothing either.
            tracing::debug!("{} is closed with a checkpoint: {error}", self.path.display());
        }
    }
}

impl Drop for Store {
    /// Whoever opens the file of a broker that was stopped is to see everything in its tables.
    fn drop(&mut self) {
        if self.abandoned {
            return;
        }
        if let Err(error) = self.fold() {
            let file = self.path.display();
            tracing::warn!("the latest changes in {file} stay in its log: {error}");
        }
    }
}

/// Opens the file and reads all of it, and changes neither it nor its log whatever it finds.
fn read(path: &Path) -> Result<(Connection, (Image, Log)), StoreError> {
    let sqlite = |error: rusqlite::Error| StoreError::sqlite(path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).map_err(sqlite)?;
    // Otherwise closing it would write the log into a file that turned out damaged.
    keep_log(&db, true).map_err(sqlite)?;
    db.busy_timeout(BUSY_TIMEOUT).map_err(sqlite)?;
    db.pragma_update(None, "cell_size_check", true).map_err(sqlite)?;
    db.pragma_update(None, "trusted_schema", false).map_err(sqlite)?;
    let loaded = load::image(&db, path)?;
    Ok((db, loaded))
}

/// Makes a store that was read ready to be written, and counts this start.
fn prepare(db: &mut Connection, boot: u32) -> rusqlite::Result<u32> {
    let mode: String = db.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        // SQLite goes on without a log then, and with less than we promise.
        let code = ffi::Error::new(ffi::SQLITE_CANTOPEN);
        let reason = "the file system has no shared memory, which SQLite's log needs".to_owned();
        return Err(rusqlite::Error::SqliteFailure(code, Some(reason)));
    }
    // One fsync of the log a transaction, before it is reported as committed.
    db.pragma_update(None, "synchronous", "FULL")?;
    // Only macOS needs these: there fsync leaves the drive's own cache alone.
    db.pragma_update(None, "fullfsync", true)?;
    db.pragma_update(None, "checkpoint_fullfsync", true)?;
    db.pragma_update(None, "foreign_keys", false)?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    db.pragma_update(None, "cache_size", -CACHE_KIB)?;
    db.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    db.pragma_update(None, "journal_size_limit", LOG_LIMIT_BYTES)?;
    db.set_prepared_statement_cache_capacity(fold::STATEMENTS);
    let boot = boot + 1;
    db.execute("UPDATE broker SET boot = ?1", [boot])?;
    keep_log(db, false)?;
    Ok(boot)
}

/// Whether closing leaves the log as it is.
fn keep_log(db: &Connection, keep: bool) -> rusqlite::Result<()> {
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep).map(drop)
}
