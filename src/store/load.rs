//! Reads a store's tables into an image, and believes nothing it has not checked. Writes nothing.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use rusqlite::{Connection, Row};

use super::error::StoreError;
use super::schema;
use super::session::Sessions;
use crate::broker::durable::{Delivery, Digest, RetainedImage, SessionImage, Stage, Subscription};
use crate::broker::{Image, MessageId};
use crate::mqtt::{ClientId, Filter, Message, PacketId, QoS, Topic};

/// What is stored in `db`, whose file is `path`; `Image::boot` counts the starts before this one.
pub(super) fn image(db: &Connection, path: &Path) -> Result<(Image, Sessions), StoreError> {
    // One read transaction, so that all tables are of one moment.
    let moment = db.unchecked_transaction().map_err(|error| StoreError::sqlite(path, &error))?;
    let version = moment.pragma_query_value(None, "user_version", |row| row.get(0));
    schema::check_version(path, version.map_err(|error| StoreError::sqlite(path, &error))?)?;
    let loaded = check(&moment).and_then(|()| load(&moment)).map_err(|fault| match fault {
        Fault::Sqlite(error) => StoreError::sqlite(path, &error),
        Fault::Nonsense(reason) => StoreError::damaged(path, reason),
    })?;
    moment.finish().map_err(|error| StoreError::sqlite(path, &error))?;
    Ok(loaded)
}

/// What stands between us and an image.
#[derive(Debug)]
enum Fault {
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

/// Has SQLite walk all its pages: a torn or overwritten one shows here, before anything is written.
fn check(db: &Connection) -> Result<(), Fault> {
    let verdict: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" { Ok(()) } else { Err(Fault::Nonsense(verdict.replace('\n', " "))) }
}

fn load(db: &Connection) -> Result<(Image, Sessions), Fault> {
    let boot = db.query_row("SELECT boot FROM broker", [], |row| row.get(0))?;
    let mut image = Image { boot, ..Image::default() };
    let sql = "SELECT id, topic, payload, qos, retain, properties FROM message";
    each(db, sql, |row| load_message(row, &mut image))?;
    each(db, "SELECT topic, message_id, origin FROM retained", |row| {
        let (topic, id) = (topic(&row.get::<_, String>(0)?)?, message_id(row, 1)?);
        must_have(&image, id, || format!("the retained message of {topic}"))?;
        let origin = row.get::<_, Option<String>>(2)?.map(|client| ClientId::new(&client));
        image.retained.insert(topic, RetainedImage { id, origin });
        Ok(())
    })?;
    // The sessions by their ids, taken apart from the image while they are filled.
    let mut sessions = Sessions::default();
    let sql = "SELECT id, client_id, established, bridge FROM session ORDER BY id";
    each(db, sql, |row| {
        let client = ClientId::new(&row.get::<_, String>(1)?);
        let established = row.get::<_, Option<i64>>(2)?.map(digest);
        sessions.insert_stored(client.clone(), row.get(0)?);
        let bridge = row.get(3)?;
        let session = SessionImage { bridge, established, ..SessionImage::default() };
        image.sessions.insert(client, session);
        Ok(())
    })?;
    let clients = sessions.by_id();
    let client_of = |id: i64, what: &str| {
        let missing =
            || Fault::Nonsense(format!("{what} belongs to session {id}, which is missing"));
        clients.get(&id).ok_or_else(missing)
    };
    let sql = "SELECT session_id, filter, qos, no_local, retain_as_published FROM subscription";
    each(db, sql, |row| {
        let filter = filter(&row.get::<_, String>(1)?)?;
        let client = client_of(row.get(0)?, "a subscription")?;
        let (no_local, retain_as_published) = (row.get(3)?, row.get(4)?);
        let options = Subscription { qos: qos(row, 2)?, no_local, retain_as_published };
        session(&mut image, client).subscriptions.insert(filter, options);
        Ok(())
    })?;
    let sql = "SELECT session_id, number, message_id, qos, retain, stage, packet_id FROM delivery";
    each(db, sql, |row| {
        let client = client_of(row.get(0)?, "a delivery")?;
        let number = row.get::<_, i64>(1)?.cast_unsigned();
        let delivery = delivery(row)?;
        must_have(&image, delivery.id, || format!("what is to be delivered to {client}"))?;
        session(&mut image, client).deliveries.insert(number, delivery);
        Ok(())
    })?;
    each(db, "SELECT session_id, packet_id, digest FROM received", |row| {
        let client = client_of(row.get(0)?, "a packet id")?;
        let packet_id = row.get::<_, PacketId>(1)?;
        session(&mut image, client).received.insert(packet_id, digest(row.get(2)?));
        Ok(())
    })?;
    Ok((image, sessions))
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

fn load_message(row: &Row<'_>, image: &mut Image) -> Result<(), Fault> {
    let message = Message {
        topic: topic(&row.get::<_, String>(1)?)?,
        payload: Bytes::from(row.get::<_, Vec<u8>>(2)?),
        qos: qos(row, 3)?,
        retain: row.get(4)?,
        properties: Bytes::from(row.get::<_, Vec<u8>>(5)?),
    };
    image.messages.insert(message_id(row, 0)?, Arc::new(message));
    Ok(())
}

fn delivery(row: &Row<'_>) -> Result<Delivery, Fault> {
    let stage: String = row.get(5)?;
    let packet_id: Option<PacketId> = row.get(6)?;
    let stage = match (stage.as_str(), packet_id) {
        ("queued", None) => Stage::Queued,
        ("published", Some(packet_id)) => Stage::Published(packet_id),
        ("released", Some(packet_id)) => Stage::Released(packet_id),
        (other, _) => return Err(Fault::Nonsense(format!("a delivery is {other:?}"))),
    };
    Ok(Delivery { id: message_id(row, 2)?, qos: qos(row, 3)?, retain: row.get(4)?, stage })
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

fn topic(text: &str) -> Result<Topic, Fault> {
    Topic::parse(text).map_err(|error| Fault::Nonsense(format!("topic {text:?}: {error}")))
}

fn filter(text: &str) -> Result<Filter, Fault> {
    Filter::parse(text).map_err(|error| Fault::Nonsense(format!("filter {text:?}: {error}")))
}

fn qos(row: &Row<'_>, column: usize) -> Result<QoS, Fault> {
    let level: u8 = row.get(column)?;
    QoS::from_level(level).ok_or_else(|| Fault::Nonsense(format!("there is no QoS {level}")))
}

// SQLite's integers have a sign and ours do not: the bits are the same.

fn message_id(row: &Row<'_>, column: usize) -> Result<MessageId, Fault> {
    Ok(MessageId(row.get::<_, i64>(column)?.cast_unsigned()))
}

fn digest(bits: i64) -> Digest {
    Digest(bits.cast_unsigned())
}
