//! Turns records into rows, within a transaction that somebody else begins and ends.

use rusqlite::{CachedStatement, Connection, params};

use super::error::CommitError;
use super::session::Sessions;
use crate::broker::Record;
use crate::broker::durable::{Stage, Subscription};
use crate::mqtt::{ClientId, PacketId};

/// How many statements are prepared once and kept: all of them.
pub(super) const STATEMENTS: usize = 32;

/// A transaction at work. Its statements come from the connection's cache, once a commit rather
/// than once a record.
pub(super) struct Work<'db> {
    message: CachedStatement<'db>,
    drop_message: CachedStatement<'db>,
    queue: CachedStatement<'db>,
    advance: CachedStatement<'db>,
    dequeue: CachedStatement<'db>,
    receive: CachedStatement<'db>,
    release: CachedStatement<'db>,
    retain: CachedStatement<'db>,
    /// For the statements that are too rare to be fetched for every commit.
    db: &'db Connection,
    sessions: &'db mut Sessions,
}

impl<'db> Work<'db> {
    /// Gets ready to write.
    pub(super) fn begin(
        db: &'db Connection,
        sessions: &'db mut Sessions,
    ) -> Result<Self, CommitError> {
        let get = |sql| db.prepare_cached(sql);
        Ok(Self {
            message: get("INSERT INTO message (id, topic, payload, qos, retain, properties)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?,
            drop_message: get("DELETE FROM message WHERE id = ?1")?,
            // The message must be there: a dangling reference would make the store unreadable at
            // the next start, when it is too late.
            queue: get("INSERT INTO delivery
                     (session_id, number, message_id, qos, retain, stage, packet_id)
                 SELECT ?1, ?2, id, ?4, ?5, ?6, ?7 FROM message WHERE id = ?3")?,
            advance: get("UPDATE delivery SET stage = ?3, packet_id = ?4
                 WHERE session_id = ?1 AND number = ?2")?,
            dequeue: get("DELETE FROM delivery WHERE session_id = ?1 AND number = ?2")?,
            receive: get(
                "REPLACE INTO received (session_id, packet_id, digest) VALUES (?1, ?2, ?3)",
            )?,
            release: get("DELETE FROM received WHERE session_id = ?1 AND packet_id = ?2")?,
            retain: get("REPLACE INTO retained (topic, message_id, origin)
                 SELECT ?1, id, ?3 FROM message WHERE id = ?2")?,
            db,
            sessions,
        })
    }

    /// Writes one record.
    pub(super) fn write(&mut self, record: &Record) -> Result<(), CommitError> {
        let changed = match record {
            Record::Message { id, message } => self.message.execute(params![
                id.0.cast_signed(),
                message.topic.as_str(),
                message.payload.as_ref(),
                message.qos.level(),
                message.retain,
                message.properties.as_ref()
            ])?,
            Record::DropMessage { id } => self.drop_message.execute([id.0.cast_signed()])?,
            Record::Queue { client, number, delivery } => {
                let session = self.session(client)?;
                let (stage, packet_id) = columns(delivery.stage);
                self.queue.execute(params![
                    session,
                    number.cast_signed(),
                    delivery.id.0.cast_signed(),
                    delivery.qos.level(),
                    delivery.retain,
                    stage,
                    packet_id
                ])?
            }
            Record::Advance { client, number, stage } => {
                let (stage, packet_id) = columns(*stage);
                let session = self.session(client)?;
                self.advance.execute(params![session, number.cast_signed(), stage, packet_id])?
            }
            Record::Dequeue { client, number } => {
                let session = self.session(client)?;
                self.dequeue.execute((session, number.cast_signed()))?
            }
            Record::Receive { client, packet_id, digest } => {
                let session = self.session(client)?;
                self.receive.execute((session, *packet_id, digest.0.cast_signed()))?
            }
            Record::Release { client, packet_id } => {
                let session = self.session(client)?;
                self.release.execute((session, *packet_id))?;
                return Ok(());
            }
            Record::Retain { topic, id, origin } => {
                let origin = origin.as_ref().map(ClientId::as_str);
                self.retain.execute((topic.as_str(), id.0.cast_signed(), origin))?
            }
            rare => return self.write_rare(rare),
        };
        fits(changed, record)
    }

    /// Writes a record of a kind that no ordinary message needs.
    fn write_rare(&mut self, record: &Record) -> Result<(), CommitError> {
        let execute = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
            self.db.prepare_cached(sql).and_then(|mut statement| statement.execute(values))
        };
        match record {
            Record::ClearRetained { topic } => {
                execute("DELETE FROM retained WHERE topic = ?1", &[&topic.as_str()])?;
            }
            Record::OpenSession { client, bridge } => {
                if self.sessions.get(client).is_some() {
                    return fits(0, record);
                }
                let id = self.sessions.open(client);
                let sql = "INSERT INTO session (id, client_id, bridge) VALUES (?1, ?2, ?3)";
                execute(sql, &[&id, &client.as_str(), bridge])?;
            }
            Record::DropSession { client } => {
                let session = self.sessions.drop(client).ok_or_else(|| unfit(record))?;
                execute("DELETE FROM subscription WHERE session_id = ?1", &[&session])?;
                execute("DELETE FROM delivery WHERE session_id = ?1", &[&session])?;
                execute("DELETE FROM received WHERE session_id = ?1", &[&session])?;
                let gone = execute("DELETE FROM session WHERE id = ?1", &[&session])?;
                return fits(gone, record);
            }
            Record::Subscribe { client, filter, options } => {
                let sql = "REPLACE INTO subscription
                         (session_id, filter, qos, no_local, retain_as_published)
                     VALUES (?1, ?2, ?3, ?4, ?5)";
                let Subscription { qos, no_local, retain_as_published } = options;
                let session = self.session(client)?;
                let (filter, qos) = (filter.as_str(), qos.level());
                execute(sql, &[&session, &filter, &qos, no_local, retain_as_published])?;
            }
            Record::Unsubscribe { client, filter } => {
                let sql = "DELETE FROM subscription WHERE session_id = ?1 AND filter = ?2";
                execute(sql, &[&self.session(client)?, &filter.as_str()])?;
            }
            Record::Established { client, rules } => {
                let sql = "UPDATE session SET established = ?2 WHERE id = ?1";
                let rules = rules.map(|digest| digest.0.cast_signed());
                return fits(execute(sql, &[&self.session(client)?, &rules])?, record);
            }
            common => unreachable!("{common:?} is written by `write`"),
        }
        Ok(())
    }

    fn session(&self, client: &ClientId) -> Result<i64, CommitError> {
        let missing = || CommitError::Mismatch(format!("it has no session of {client}"));
        self.sessions.get(client).ok_or_else(missing)
    }
}

/// Says that a record that changes one row did.
fn fits(changed: usize, record: &Record) -> Result<(), CommitError> {
    if changed == 1 { Ok(()) } else { Err(unfit(record)) }
}

fn unfit(record: &Record) -> CommitError {
    CommitError::Mismatch(format!("it cannot take {record:?}"))
}

/// A stage as the `delivery` table has it.
fn columns(stage: Stage) -> (&'static str, Option<PacketId>) {
    match stage {
        Stage::Queued => ("queued", None),
        Stage::Published(packet_id) => ("published", Some(packet_id)),
        Stage::Released(packet_id) => ("released", Some(packet_id)),
    }
}
