//! The tables of a store, in MQTT's words: what `sqlite3` shows with `.schema`. Knows nothing of
//! how they are filled.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::error::StoreError;

/// Says that a SQLite file is a broker's store of Twinboard: "Twbd" in ASCII.
pub(super) const APPLICATION_ID: i32 = 0x5477_6264;

/// The format this program writes.
pub(super) const VERSION: i32 = 2;

/// The earliest format it can bring up to that one.
pub(super) const FIRST_VERSION: i32 = 1;

/// How many bytes a page has; every changed page goes to the log whole.
const PAGE_SIZE_BYTES: i64 = 4096;

/// The tables, and views for people. References are checked where they are written and where they
/// are read, so foreign keys are left off: they would cost an index for each, on the hot path.
pub(super) const TABLES: &str = "
CREATE TABLE broker (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    -- How often the broker was started; a message's id has 24 bits for it.
    boot INTEGER NOT NULL CHECK (boot BETWEEN 0 AND 16777215)
) STRICT;

CREATE TABLE message (
    -- The start it came in << 40, plus a count within that start.
    id         INTEGER PRIMARY KEY,
    topic      TEXT NOT NULL,
    payload    BLOB NOT NULL,
    qos        INTEGER NOT NULL CHECK (qos BETWEEN 0 AND 2),
    retain     INTEGER NOT NULL CHECK (retain IN (0, 1)),
    -- MQTT 5's properties as they were on the wire.
    properties BLOB NOT NULL,
    -- When it is of no use any more, in milliseconds since 1970; NULL is never.
    expires_at_ms INTEGER CHECK (expires_at_ms >= 0)
) STRICT;

CREATE TABLE retained (
    topic      TEXT NOT NULL PRIMARY KEY,
    message_id INTEGER NOT NULL,
    -- The client id of the session that published it.
    origin     TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
    id          INTEGER PRIMARY KEY,
    client_id   TEXT NOT NULL UNIQUE,
    -- Whether it is the local half of one of this broker's own bridges.
    bridge      INTEGER NOT NULL CHECK (bridge IN (0, 1)),
    -- For a bridge: a digest of the rules by which its remote side has its retained messages.
    established INTEGER,
    -- Whether it is a remote bridge's that is to be sent the retained messages again.
    missed_retained INTEGER NOT NULL CHECK (missed_retained IN (0, 1)),
    -- Session Expiry Interval in seconds, from the end of its connection; NULL is never.
    expiry_s    INTEGER CHECK (expiry_s BETWEEN 0 AND 4294967295),
    -- When it ends, in milliseconds since 1970; NULL while it has a connection, or for never.
    ends_at_ms  INTEGER CHECK (ends_at_ms >= 0)
) STRICT;

CREATE TABLE will (
    session_id INTEGER PRIMARY KEY,
    message_id INTEGER NOT NULL,
    -- Will Delay Interval in seconds, from the end of the connection.
    delay_s    INTEGER NOT NULL CHECK (delay_s BETWEEN 0 AND 4294967295),
    -- Message Expiry Interval in seconds, from when it is published; NULL is never.
    expiry_s   INTEGER CHECK (expiry_s BETWEEN 0 AND 4294967295),
    -- When it is published, in milliseconds since 1970; NULL while there is a connection.
    due_at_ms  INTEGER CHECK (due_at_ms >= 0)
) STRICT;

CREATE TABLE subscription (
    -- For a bridge's session: what the remote broker has granted.
    session_id          INTEGER NOT NULL,
    filter              TEXT NOT NULL,
    qos                 INTEGER NOT NULL CHECK (qos BETWEEN 0 AND 2),
    no_local            INTEGER NOT NULL CHECK (no_local IN (0, 1)),
    retain_as_published INTEGER NOT NULL CHECK (retain_as_published IN (0, 1)),
    -- Subscription Identifier; NULL for none.
    identifier          INTEGER CHECK (identifier BETWEEN 1 AND 268435455),
    PRIMARY KEY (session_id, filter)
) STRICT, WITHOUT ROWID;

CREATE TABLE delivery (
    session_id INTEGER NOT NULL,
    -- The order within the session.
    number     INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    qos        INTEGER NOT NULL CHECK (qos BETWEEN 0 AND 2),
    retain     INTEGER NOT NULL CHECK (retain IN (0, 1)),
    -- queued: waits to be sent. published: PUBACK or PUBREC is to come. released: PUBCOMP is.
    stage      TEXT NOT NULL CHECK (stage IN ('queued', 'published', 'released')),
    packet_id  INTEGER CHECK (packet_id BETWEEN 1 AND 65535),
    -- The identifiers of the subscriptions it is for, as in '[3,7]'; NULL for none.
    subscription_ids TEXT,
    PRIMARY KEY (session_id, number),
    CHECK ((stage = 'queued') = (packet_id IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE received (
    -- QoS 2 messages taken in from a client whose PUBREL is to come.
    session_id INTEGER NOT NULL,
    packet_id  INTEGER NOT NULL CHECK (packet_id BETWEEN 1 AND 65535),
    -- Tells another message with the same packet id from the same message sent again.
    digest     INTEGER NOT NULL,
    PRIMARY KEY (session_id, packet_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE log (
    -- One row a commit: changes that are durable, but not in the other tables yet. They get there
    -- when the broker has a quiet moment, when these are many, and when it stops.
    number  INTEGER PRIMARY KEY,
    records BLOB NOT NULL
) STRICT;

CREATE VIEW retained_messages AS
    SELECT retained.topic, CAST(message.payload AS TEXT) AS payload,
           length(message.payload) AS size_bytes, message.qos, message.id AS message_id,
           datetime(message.expires_at_ms / 1000, 'unixepoch') AS expires_at
    FROM retained LEFT JOIN message ON message.id = retained.message_id
    ORDER BY retained.topic;

CREATE VIEW queued_messages AS
    SELECT session.client_id, delivery.number, delivery.stage, delivery.packet_id,
           message.topic, CAST(message.payload AS TEXT) AS payload,
           length(message.payload) AS size_bytes, delivery.qos, delivery.retain,
           message.id AS message_id, delivery.subscription_ids,
           datetime(message.expires_at_ms / 1000, 'unixepoch') AS expires_at
    FROM delivery LEFT JOIN session ON session.id = delivery.session_id
                  LEFT JOIN message ON message.id = delivery.message_id
    ORDER BY session.client_id, delivery.number;

CREATE VIEW subscriptions AS
    SELECT session.client_id, subscription.filter, subscription.qos, subscription.no_local,
           subscription.retain_as_published, subscription.identifier
    FROM subscription LEFT JOIN session ON session.id = subscription.session_id
    ORDER BY session.client_id, subscription.filter;

CREATE VIEW sessions AS
    SELECT client_id, bridge, expiry_s, datetime(ends_at_ms / 1000, 'unixepoch') AS ends_at,
           (SELECT count(*) FROM delivery WHERE session_id = session.id) AS queued
    FROM session ORDER BY client_id;

CREATE VIEW wills AS
    SELECT session.client_id, message.topic, CAST(message.payload AS TEXT) AS payload,
           length(message.payload) AS size_bytes, message.qos, message.retain, will.delay_s,
           will.expiry_s, datetime(will.due_at_ms / 1000, 'unixepoch') AS due_at,
           message.id AS message_id
    FROM will LEFT JOIN session ON session.id = will.session_id
              LEFT JOIN message ON message.id = will.message_id
    ORDER BY session.client_id;

INSERT INTO broker (one, boot) VALUES (1, 0);
";

/// Makes an empty store in an empty file that nobody else can see yet.
pub(super) fn create(db: &mut Connection) -> rusqlite::Result<()> {
    db.pragma_update(None, "page_size", PAGE_SIZE_BYTES)?;
    // A file that is thrown away when this fails needs no journal beside it.
    db.pragma_update(None, "journal_mode", "MEMORY")?;
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

/// Whether this program knows the format `found`.
pub(super) fn check_version(path: &Path, found: i32) -> Result<(), StoreError> {
    match found {
        FIRST_VERSION..=VERSION => Ok(()),
        later if later > VERSION => {
            Err(StoreError::Later { path: path.to_owned(), found, known: VERSION })
        }
        other => Err(StoreError::damaged(path, format!("format {other} was never written"))),
    }
}
