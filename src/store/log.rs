//! The `log` table, and what it stands for in memory.
//!
//! ```text
//! commit ---> one row of the log, one fsync        pending: what the rows add up to
//!                 |                                    |
//!                 +--- many, or a quiet moment: fold --+---> the other tables
//! ```
//!
//! A QoS 2 message is a dozen changes that undo each other within moments. As bytes in one row they
//! cost a fraction of what they cost as rows of their own, and few of them are left when it comes
//! to that. Tables and log together are what was committed, at any moment and after any crash.

use rusqlite::Connection;

use super::error::CommitError;
use super::pending::Pending;
use super::session::Sessions;
use super::{fold, record};
use crate::broker::Record;
use crate::mqtt::ClientId;

/// After how many commits the tables are given what the log has: it must not take long, and who
/// looks at the tables of a busy broker sees what was a moment ago.
const MOST_COMMITS: usize = 500;

/// The same, in bytes.
const MOST_BYTES: usize = 2 << 20;

/// A larger commit goes into the tables at once, rather than to the disk twice.
const LARGE_BYTES: usize = 1 << 20;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Log {
    sessions: Sessions,
    pending: Pending,
    commits: usize,
    bytes: usize,
}

impl Log {
    /// Reads what is in the file, and hands each record of the log to `take` after it was found to
    /// fit.
    pub(super) fn read(
        db: &Connection,
        mut take: impl FnMut(&Record),
    ) -> Result<Self, CommitError> {
        let mut log = Self::default();
        let mut statement = db.prepare("SELECT id, client_id FROM session")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let client = ClientId::new(&row.get::<_, String>(1)?);
            log.sessions.insert_stored(client, row.get(0)?);
        }
        let mut statement = db.prepare("SELECT number, records FROM log ORDER BY number")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let bytes: Vec<u8> = row.get(1)?;
            let number: i64 = row.get(0)?;
            let damaged = |_| CommitError::Mismatch(format!("row {number} of its log is damaged"));
            for record in record::take_all(&bytes).map_err(damaged)? {
                log.pending.apply(db, &mut log.sessions, &record)?;
                take(&record);
            }
            log.commits += 1;
            log.bytes += bytes.len();
        }
        Ok(log)
    }

    /// Whether the tables have all.
    pub(super) fn is_empty(&self) -> bool {
        self.commits == 0
    }

    /// Writes `records` within a transaction. After an error, and when the transaction fails, this
    /// is to be read again.
    pub(super) fn write(&mut self, db: &Connection, records: &[Record]) -> Result<(), CommitError> {
        let mut bytes = Vec::with_capacity(records.len() * 40);
        for record in records {
            self.pending.apply(db, &mut self.sessions, record)?;
            record::put(record, &mut bytes);
        }
        let long = self.commits >= MOST_COMMITS || self.bytes + bytes.len() > MOST_BYTES;
        if long || bytes.len() > LARGE_BYTES {
            self.fold(db)?;
            self.folded();
            return Ok(());
        }
        db.prepare_cached("INSERT INTO log (records) VALUES (?1)")?.execute([&bytes])?;
        self.commits += 1;
        self.bytes += bytes.len();
        Ok(())
    }

    /// Gives the tables what they are behind, within a transaction; [`Log::folded`] says that it
    /// was committed.
    pub(super) fn fold(&self, db: &Connection) -> Result<(), CommitError> {
        fold::fold(db, &self.pending)
    }

    /// The tables have all.
    pub(super) fn folded(&mut self) {
        self.pending = Pending::default();
        (self.commits, self.bytes) = (0, 0);
    }
}
