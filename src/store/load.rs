//! Reads a store's tables into an image, and believes nothing it has not checked. Changes nothing
//! that this program wrote, or that makes no sense.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use rusqlite::types::FromSqlError;
use rusqlite::{Connection, Row};

use super::error::{CommitError, StoreError};
use super::log::Log;
use super::{migrate, schema, value};
use crate::broker::durable::{Delivery, RetainedImage, SessionImage, Subscription, WillImage};
use crate::broker::{Image, MessageId};
use crate::mqtt::{ClientId, Message, PacketId};

/// What is stored in `db`, whose file is `path`; `Image::boot` counts the starts before this one.
/// A store of an earlier format is brought up to today's if it makes sense.
pub(super) fn image(db: &Connection, path: &Path) -> Result<(Image, Log), StoreError> {
    let sqlite = |error: rusqlite::Error| StoreError::sqlite(path, &error);
    // One transaction, so that all tables are of one moment; without writing to it, it is a reader.
    let moment = db.unchecked_transaction().map_err(sqlite)?;
    let version = moment.pragma_query_value(None, "user_version", |row| row.get(0));
    let version = version.map_err(sqlite)?;
    schema::check_version(path, version)?;
    let all = || {
        check(&moment)?;
        if version != schema::VERSION {
            migrate::up(&moment)?;
        }
        let mut image = load(&moment)?;
        let log = Log::read(&moment, |record| image.apply(record))?;
        make_sense(&image)?;
        Ok((image, log))
    };
    let loaded = all().map_err(|fault: Fault| match fault {
        Fault::Sqlite(error) => StoreError::sqlite(path, &error),
        Fault::Nonsense(reason) => StoreError::damaged(path, reason),
    })?;
    moment.commit().map_err(sqlite)?;
    Ok(loaded)
}

/// What stands between us and an image.
#[derive(Debug)]
pub(super) enum Fault {
    /// SQLite cannot read it.
    Sqlite(rusqlite::Error),
    /// SQLite can, but it makes no sense.
    Nonsense(String),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<CommitError> for Fault {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Sqlite(error) => Self::Sqlite(error),
            CommitError::Mismatch(reason) => Self::Nonsense(reason),
        }
    }
}

impl From<FromSqlError> for Fault {
    fn from(error: FromSqlError) -> Self {
        Self::Nonsense(error.to_string())
    }
}

/// Has SQLite walk all its pages: a torn or overwritten one shows here, before anything is written.
fn check(db: &Connection) -> Result<(), Fault> {
    let verdict: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" { Ok(()) } else { Err(Fault::Nonsense(verdict.replace('\n', " "))) }
}

fn load(db: &Connection) -> Result<Image, Fault> {
    let boot = db.query_row("SELECT boot FROM broker", [], |row| row.get(0))?;
    let mut image = Image { boot, ..Image::default() };
    load_messages(db, &mut image)?;
    let clients = load_sessions(db, &mut image)?;
    let client_of = |row: &Row<'_>, what: &str| {
        let id: i64 = row.get(0)?;
        let missing =
            || Fault::Nonsense(format!("{what} belongs to session {id}, which is missing"));
        clients.get(&id).cloned().ok_or_else(missing)
    };
    let sql = "SELECT session_id, filter, qos, no_local, retain_as_published, identifier
               FROM subscription";
    each(db, sql, |row| {
        let client = client_of(row, "a subscription")?;
        let options = Subscription {
            qos: value::qos(row, 2)?,
            no_local: row.get(3)?,
            retain_as_published: row.get(4)?,
            identifier: row.get(5)?,
        };
        session(&mut image, &client).subscriptions.insert(value::filter(row, 1)?, options);
        Ok(())
    })?;
    let sql = "SELECT session_id, number, message_id, qos, retain, stage, packet_id,
                      subscription_ids
               FROM delivery";
    each(db, sql, |row| {
        let client = client_of(row, "a delivery")?;
        let number = row.get::<_, i64>(1)?.cast_unsigned();
        session(&mut image, &client).deliveries.insert(number, delivery(row)?);
        Ok(())
    })?;
    each(db, "SELECT session_id, packet_id, digest FROM received", |row| {
        let client = client_of(row, "a packet id")?;
        let packet_id = row.get::<_, PacketId>(1)?;
        session(&mut image, &client).received.insert(packet_id, value::digest(row.get(2)?));
        Ok(())
    })?;
    let sql = "SELECT session_id, message_id, delay_s, expiry_s, due_at_ms FROM will";
    each(db, sql, |row| {
        let client = client_of(row, "a will")?;
        let (id, due) = (value::message_id(row, 1)?, value::time(row, 4)?);
        let will = WillImage { id, delay_s: row.get(2)?, expiry_s: row.get(3)?, due };
        session(&mut image, &client).will = Some(will);
        Ok(())
    })?;
    Ok(image)
}

fn load_messages(db: &Connection, image: &mut Image) -> Result<(), Fault> {
    let sql = "SELECT id, topic, payload, qos, retain, properties, expires_at_ms FROM message";
    each(db, sql, |row| {
        let message = Message {
            topic: value::topic(row, 1)?,
            payload: Bytes::copy_from_slice(row.get_ref(2)?.as_blob()?),
            qos: value::qos(row, 3)?,
            retain: row.get(4)?,
            properties: value::properties(row, 5)?,
            expires_at: value::time(row, 6)?,
        };
        image.messages.insert(value::message_id(row, 0)?, Arc::new(message));
        Ok(())
    })?;
    // A million retained messages have a million topics, but few who published them: what is the
    // same is kept once.
    let mut publisher: Option<ClientId> = None;
    each(db, "SELECT topic, message_id, origin FROM retained", |row| {
        let id = value::message_id(row, 1)?;
        let message = image.messages.get(&id).map(|message| &message.topic);
        let name = row.get_ref(0)?.as_str()?;
        let topic = match message.filter(|topic| topic.as_str() == name) {
            Some(topic) => topic.clone(),
            None => value::topic(row, 0)?,
        };
        let origin = row.get_ref(2)?.as_str_or_null()?;
        if let Some(client) = origin
            && publisher.as_ref().is_none_or(|publisher| publisher.as_str() != client)
        {
            publisher = Some(ClientId::new(client));
        }
        let origin = origin.and_then(|_| publisher.clone());
        image.retained.insert(topic, RetainedImage { id, origin });
        Ok(())
    })
}

/// The sessions' own rows; what they have in other tables comes after. Gives back whose they are.
fn load_sessions(db: &Connection, image: &mut Image) -> Result<BTreeMap<i64, ClientId>, Fault> {
    let mut clients = BTreeMap::new();
    let sql = "SELECT id, client_id, bridge, established, missed_retained, expiry_s, ends_at_ms
               FROM session ORDER BY id";
    each(db, sql, |row| {
        let client = ClientId::new(row.get_ref(1)?.as_str()?);
        let session = SessionImage {
            bridge: row.get(2)?,
            established: row.get::<_, Option<i64>>(3)?.map(value::digest),
            missed_retained: row.get(4)?,
            expiry: value::expiry(row, 5)?,
            ends_at: value::time(row, 6)?,
            ..SessionImage::default()
        };
        clients.insert(row.get(0)?, client.clone());
        image.sessions.insert(client, session);
        Ok(())
    })?;
    Ok(clients)
}

/// Hands every row that `sql` gives to `take`.
fn each(
    db: &Connection,
    sql: &str,
    mut take: impl FnMut(&Row<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        take(row)?;
    }
    Ok(())
}

fn delivery(row: &Row<'_>) -> Result<Delivery, Fault> {
    Ok(Delivery {
        id: value::message_id(row, 2)?,
        qos: value::qos(row, 3)?,
        retain: row.get(4)?,
        stage: value::stage(row, 5)?,
        subscription_ids: value::subscription_ids(row, 7)?,
    })
}

/// Whether every message that something refers to is there.
fn make_sense(image: &Image) -> Result<(), Fault> {
    for (topic, retained) in &image.retained {
        must_have(image, retained.id, || format!("the retained message of {topic}"))?;
    }
    for (client, session) in &image.sessions {
        for delivery in session.deliveries.values() {
            must_have(image, delivery.id, || format!("what is to be delivered to {client}"))?;
        }
        if let Some(will) = &session.will {
            must_have(image, will.id, || format!("the will of {client}"))?;
        }
    }
    Ok(())
}

fn must_have(image: &Image, id: MessageId, what: impl Fn() -> String) -> Result<(), Fault> {
    if image.messages.contains_key(&id) {
        return Ok(());
    }
    Err(Fault::Nonsense(format!("{} is message {}, which is missing", what(), id.0)))
}

fn session<'a>(image: &'a mut Image, client: &ClientId) -> &'a mut SessionImage {
    image.sessions.get_mut(client).expect("a client whose session was just loaded")
}
