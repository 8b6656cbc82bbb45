//! Turns records into rows, within a transaction that somebody else begins and ends.

use rusqlite::{CachedStatement, Connection, ToSql, params};

use super::error::CommitError;
use super::session::Sessions;
use super::value;
use crate::broker::Record;
use crate::broker::durable::{Subscription, WillImage};
use crate::mqtt::ClientId;

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
            message: get("INSERT INTO message
                     (id, topic, payload, qos, retain, properties, expires_at_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?,
            drop_message: get("DELETE FROM message WHERE id = ?1")?,
            // The message must be there: a dangling reference would make the store unreadable at
            // the next start, when it is too late.
            queue: get("INSERT INTO delivery
                     (session_id, number, message_id, qos, retain, stage, packet_id,
                      subscription_ids)
                 SELECT ?1, ?2, id, ?4, ?5, ?6, ?7, ?8 FROM message WHERE id = ?3")?,
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
                message.properties.as_bytes(),
                value::of_time(message.expires_at)
            ])?,
            Record::DropMessage { id } => self.drop_message.execute([id.0.cast_signed()])?,
            Record::Queue { client, number, delivery } => {
                let session = self.session(client)?;
                let (stage, packet_id) = value::of_stage(delivery.stage);
                self.queue.execute(params![
                    session,
                    number.cast_signed(),
                    delivery.id.0.cast_signed(),
                    delivery.qos.level(),
                    delivery.retain,
                    stage,
                    packet_id,
                    value::of_subscription_ids(&delivery.subscription_ids)
                ])?
            }
            Record::Advance { client, number, stage } => {
                let (stage, packet_id) = value::of_stage(*stage);
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
        let changed = match record {
            Record::ClearRetained { topic } => {
                self.execute("DELETE FROM retained WHERE topic = ?1", &[&topic.as_str()])?;
                return Ok(());
            }
            Record::Subscribe { client, filter, options } => {
                let sql = "REPLACE INTO subscription
                         (session_id, filter, qos, no_local, retain_as_published, identifier)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
                let Subscription { qos, no_local, retain_as_published, identifier } = options;
                let (session, filter, qos) = (self.session(client)?, filter.as_str(), qos.level());
                let values: [&dyn ToSql; 6] =
                    [&session, &filter, &qos, no_local, retain_as_published, identifier];
                self.execute(sql, &values)?
            }
            Record::Unsubscribe { client, filter } => {
                let sql = "DELETE FROM subscription WHERE session_id = ?1 AND filter = ?2";
                self.execute(sql, &[&self.session(client)?, &filter.as_str()])?;
                return Ok(());
            }
            session => return self.write_session(session),
        };
        fits(changed, record)
    }

    /// Writes a record of a session's own row, or of its will.
    fn write_session(&mut self, record: &Record) -> Result<(), CommitError> {
        let changed = match record {
            Record::OpenSession { client, bridge } => {
                if self.sessions.get(client).is_some() {
                    return fits(0, record);
                }
                let id = self.sessions.open(client);
                let sql = "INSERT INTO session (id, client_id, bridge, missed_retained)
                     VALUES (?1, ?2, ?3, 0)";
                self.execute(sql, &[&id, &client.as_str(), bridge])?
            }
            Record::DropSession { client } => {
                let session = self.sessions.drop(client).ok_or_else(|| unfit(record))?;
                self.execute("DELETE FROM subscription WHERE session_id = ?1", &[&session])?;
                self.execute("DELETE FROM delivery WHERE session_id = ?1", &[&session])?;
                self.execute("DELETE FROM received WHERE session_id = ?1", &[&session])?;
                self.execute("DELETE FROM will WHERE session_id = ?1", &[&session])?;
                self.execute("DELETE FROM session WHERE id = ?1", &[&session])?
            }
            Record::Established { client, rules } => {
                let sql = "UPDATE session SET established = ?2 WHERE id = ?1";
                let rules = rules.map(|digest| digest.0.cast_signed());
                self.execute(sql, &[&self.session(client)?, &rules])?
            }
            Record::MissedRetained { client, missed } => {
                let sql = "UPDATE session SET missed_retained = ?2 WHERE id = ?1";
                self.execute(sql, &[&self.session(client)?, missed])?
            }
            Record::SessionExpiry { client, expiry, ends_at } => {
                let sql = "UPDATE session SET expiry_s = ?2, ends_at_ms = ?3 WHERE id = ?1";
                let (expiry, ends_at) = (value::of_expiry(*expiry), value::of_time(*ends_at));
                self.execute(sql, &[&self.session(client)?, &expiry, &ends_at])?
            }
            Record::Will { client, will: None } => {
                let sql = "DELETE FROM will WHERE session_id = ?1";
                self.execute(sql, &[&self.session(client)?])?;
                return Ok(());
            }
            Record::Will { client, will: Some(will) } => {
                let sql = "REPLACE INTO will
                         (session_id, message_id, delay_s, expiry_s, due_at_ms)
                     SELECT ?1, id, ?3, ?4, ?5 FROM message WHERE id = ?2";
                let WillImage { id, delay_s, expiry_s, due } = will;
                let (id, due) = (id.0.cast_signed(), value::of_time(*due));
                self.execute(sql, &[&self.session(client)?, &id, delay_s, expiry_s, &due])?
            }
            common => unreachable!("{common:?} is written by `write`"),
        };
        fits(changed, record)
    }

    fn execute(&self, sql: &str, values: &[&dyn ToSql]) -> rusqlite::Result<usize> {
        self.db.prepare_cached(sql).and_then(|mut statement| statement.execute(values))
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
