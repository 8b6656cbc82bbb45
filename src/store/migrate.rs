//! Brings a store of an earlier format up to today's, within a transaction that somebody else
//! begins and ends.

use rusqlite::Connection;

use super::schema;

/// Whatever was before: the views know the tables by name, so they go first. Each table keeps its
/// rows under another name until they have moved.
const ASIDE: &str = "
DROP VIEW retained_messages;
DROP VIEW queued_messages;
DROP VIEW subscriptions;
ALTER TABLE broker RENAME TO broker_1;
ALTER TABLE message RENAME TO message_1;
ALTER TABLE retained RENAME TO retained_1;
ALTER TABLE session RENAME TO session_1;
ALTER TABLE subscription RENAME TO subscription_1;
ALTER TABLE delivery RENAME TO delivery_1;
ALTER TABLE received RENAME TO received_1;
";

/// Format 1 is of MQTT 3.1.1: no properties, no expiry, no durable wills. What a remote bridge had
/// missed stood where a bridge of our own has the digest of its rules.
const MOVE: &str = "
UPDATE broker SET boot = (SELECT boot FROM broker_1);
INSERT INTO message (id, topic, payload, qos, retain, properties)
    SELECT id, topic, payload, qos, retain, properties FROM message_1;
INSERT INTO retained (topic, message_id, origin)
    SELECT topic, message_id, origin FROM retained_1;
INSERT INTO session (id, client_id, bridge, established, missed_retained)
    SELECT id, client_id, bridge, iif(bridge, established, NULL),
           bridge = 0 AND established IS 1
    FROM session_1;
INSERT INTO subscription (session_id, filter, qos, no_local, retain_as_published)
    SELECT session_id, filter, qos, no_local, retain_as_published FROM subscription_1;
INSERT INTO delivery (session_id, number, message_id, qos, retain, stage, packet_id)
    SELECT session_id, number, message_id, qos, retain, stage, packet_id FROM delivery_1;
INSERT INTO received (session_id, packet_id, digest)
    SELECT session_id, packet_id, digest FROM received_1;
DROP TABLE broker_1;
DROP TABLE message_1;
DROP TABLE retained_1;
DROP TABLE session_1;
DROP TABLE subscription_1;
DROP TABLE delivery_1;
DROP TABLE received_1;
";

/// Brings a store of format 1, whose pages are sound, up to today's. Its tables become the very
/// tables of a new store.
pub(super) fn up(db: &Connection) -> rusqlite::Result<()> {
    // Pages that do not fit the cache would go to the log before it is known whether the rows make
    // sense; and what makes none is to be left byte for byte as it was.
    db.pragma_update(None, "cache_spill", false)?;
    for sql in [ASIDE, schema::TABLES, MOVE] {
        db.execute_batch(sql)?;
    }
    db.pragma_update(None, "user_version", schema::VERSION)
}
