//! Turns what is pending into rows, within a transaction that somebody else begins and ends.

use rusqlite::{Connection, Params, params};

use super::error::CommitError;
use super::pending::{Change, Pending, Progress, SessionChanges, Slot};
use super::value;
use crate::broker::durable::{Delivery, Subscription, WillImage};
use crate::mqtt::ClientId;

/// How many statements are prepared once and kept: all of them.
pub(super) const STATEMENTS: usize = 40;

/// Gives the tables what is pending, and empties the log that said it.
pub(super) fn fold(db: &Connection, pending: &Pending) -> Result<(), CommitError> {
    for (key, session) in &pending.sessions {
        if session.dropped {
            drop_session(db, *key)?;
        } else {
            write_session(db, *key, session)?;
            write_deliveries(db, *key, session)?;
        }
    }
    for (id, slot) in &pending.messages {
        let id = id.0.cast_signed();
        let Some(message) = &slot.now else {
            one(db, "DELETE FROM message WHERE id = ?1", [id])?;
            continue;
        };
        let sql =
            "REPLACE INTO message (id, topic, payload, qos, retain, properties, expires_at_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let (topic, payload) = (message.topic.as_str(), message.payload.as_ref());
        let (qos, properties) = (message.qos.level(), message.properties.as_bytes());
        let expires_at = value::of_time(message.expires_at);
        one(db, sql, params![id, topic, payload, qos, message.retain, properties, expires_at])?;
    }
    for (topic, retained) in &pending.retained {
        let topic = topic.as_str();
        let Some(retained) = retained else {
            any(db, "DELETE FROM retained WHERE topic = ?1", [topic])?;
            continue;
        };
        let sql = "REPLACE INTO retained (topic, message_id, origin) VALUES (?1, ?2, ?3)";
        let origin = retained.origin.as_ref().map(ClientId::as_str);
        one(db, sql, (topic, retained.id.0.cast_signed(), origin))?;
    }
    any(db, "DELETE FROM log", ())?;
    Ok(())
}

fn drop_session(db: &Connection, key: i64) -> Result<(), CommitError> {
    any(db, "DELETE FROM subscription WHERE session_id = ?1", [key])?;
    any(db, "DELETE FROM delivery WHERE session_id = ?1", [key])?;
    any(db, "DELETE FROM received WHERE session_id = ?1", [key])?;
    any(db, "DELETE FROM will WHERE session_id = ?1", [key])?;
    one(db, "DELETE FROM session WHERE id = ?1", [key])
}

fn write_session(db: &Connection, key: i64, session: &SessionChanges) -> Result<(), CommitError> {
    if let Some((client, bridge)) = &session.opened {
        let sql = "INSERT INTO session (id, client_id, bridge, missed_retained)
             VALUES (?1, ?2, ?3, 0)";
        one(db, sql, (key, client.as_str(), bridge))?;
    }
    if let Change::To(rules) = session.established {
        let rules = rules.map(|digest| digest.0.cast_signed());
        one(db, "UPDATE session SET established = ?2 WHERE id = ?1", (key, rules))?;
    }
    if let Change::To(missed) = session.missed_retained {
        one(db, "UPDATE session SET missed_retained = ?2 WHERE id = ?1", (key, missed))?;
    }
    if let Change::To((expiry, ends_at)) = session.expiry {
        let sql = "UPDATE session SET expiry_s = ?2, ends_at_ms = ?3 WHERE id = ?1";
        one(db, sql, (key, value::of_expiry(expiry), value::of_time(ends_at)))?;
    }
    match session.will {
        Change::Same => {}
        Change::To(None) => any(db, "DELETE FROM will WHERE session_id = ?1", [key])?,
        Change::To(Some(will)) => {
            let sql = "REPLACE INTO will (session_id, message_id, delay_s, expiry_s, due_at_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5)";
            let WillImage { id, delay_s, expiry_s, due } = will;
            let (id, due) = (id.0.cast_signed(), value::of_time(due));
            one(db, sql, (key, id, delay_s, expiry_s, due))?;
        }
    }
    for (filter, options) in &session.subscriptions {
        let filter = filter.as_str();
        let Some(options) = options else {
            let sql = "DELETE FROM subscription WHERE session_id = ?1 AND filter = ?2";
            any(db, sql, (key, filter))?;
            continue;
        };
        let sql = "REPLACE INTO subscription
                 (session_id, filter, qos, no_local, retain_as_published, identifier)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let Subscription { qos, no_local, retain_as_published, identifier } = options;
        one(db, sql, (key, filter, qos.level(), no_local, retain_as_published, identifier))?;
    }
    Ok(())
}

/// Writes what is under way to and from a session's client.
fn write_deliveries(
    db: &Connection,
    key: i64,
    session: &SessionChanges,
) -> Result<(), CommitError> {
    for (number, Slot { now, .. }) in &session.deliveries {
        let number = number.cast_signed();
        match now {
            None => {
                let sql = "DELETE FROM delivery WHERE session_id = ?1 AND number = ?2";
                one(db, sql, (key, number))?;
            }
            Some(Progress::Stage(stage)) => {
                let sql = "UPDATE delivery SET stage = ?3, packet_id = ?4
                     WHERE session_id = ?1 AND number = ?2";
                let (stage, packet_id) = value::of_stage(*stage);
                one(db, sql, (key, number, stage, packet_id))?;
            }
            Some(Progress::Whole(delivery)) => {
                let sql = "REPLACE INTO delivery
                         (session_id, number, message_id, qos, retain, stage, packet_id,
                          subscription_ids)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
                let Delivery { id, qos, retain, subscription_ids, stage } = delivery;
                let (id, qos) = (id.0.cast_signed(), qos.level());
                let (stage, packet_id) = value::of_stage(*stage);
                let ids = value::of_subscription_ids(subscription_ids);
                one(db, sql, params![key, number, id, qos, retain, stage, packet_id, ids])?;
            }
        }
    }
    for (packet_id, digest) in &session.received {
        let Some(digest) = digest else {
            let sql = "DELETE FROM received WHERE session_id = ?1 AND packet_id = ?2";
            any(db, sql, (key, packet_id))?;
            continue;
        };
        let sql = "REPLACE INTO received (session_id, packet_id, digest) VALUES (?1, ?2, ?3)";
        one(db, sql, (key, packet_id, digest.0.cast_signed()))?;
    }
    Ok(())
}

/// Changes one row, neither more nor less.
fn one(db: &Connection, sql: &str, values: impl Params) -> Result<(), CommitError> {
    match db.prepare_cached(sql)?.execute(values)? {
        1 => Ok(()),
        rows => Err(CommitError::Mismatch(format!("{rows} rows were changed by {sql}"))),
    }
}

/// Changes however many rows there are.
fn any(db: &Connection, sql: &str, values: impl Params) -> Result<(), CommitError> {
    db.prepare_cached(sql)?.execute(values)?;
    Ok(())
}
