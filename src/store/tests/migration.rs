//! A store of an earlier format, made from that format's own tables, is brought up to today's.

use super::damage::contents;
use super::*;
use crate::store::schema;

/// The tables and views of format 1, word for word.
const FORMAT_1: &str = "
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
    properties BLOB NOT NULL
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
    established INTEGER
) STRICT;

CREATE TABLE subscription (
    -- For a bridge's session: what the remote broker has granted.
    session_id          INTEGER NOT NULL,
    filter              TEXT NOT NULL,
    qos                 INTEGER NOT NULL CHECK (qos BETWEEN 0 AND 2),
    no_local            INTEGER NOT NULL CHECK (no_local IN (0, 1)),
    retain_as_published INTEGER NOT NULL CHECK (retain_as_published IN (0, 1)),
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

CREATE VIEW retained_messages AS
    SELECT retained.topic, CAST(message.payload AS TEXT) AS payload,
           length(message.payload) AS size_bytes, message.qos, message.id AS message_id
    FROM retained LEFT JOIN message ON message.id = retained.message_id
    ORDER BY retained.topic;

CREATE VIEW queued_messages AS
    SELECT session.client_id, delivery.number, delivery.stage, delivery.packet_id,
           message.topic, CAST(message.payload AS TEXT) AS payload,
           length(message.payload) AS size_bytes, delivery.qos, delivery.retain,
           message.id AS message_id
    FROM delivery LEFT JOIN session ON session.id = delivery.session_id
                  LEFT JOIN message ON message.id = delivery.message_id
    ORDER BY session.client_id, delivery.number;

CREATE VIEW subscriptions AS
    SELECT session.client_id, subscription.filter, subscription.qos
    FROM subscription LEFT JOIN session ON session.id = subscription.session_id
    ORDER BY session.client_id, subscription.filter;

INSERT INTO broker (one, boot) VALUES (1, 0);
";

/// What a broker of that format left behind.
const ROWS_1: &str = "
UPDATE broker SET boot = 4;
INSERT INTO message VALUES (1099511627776, 'sensors/all', x'4f4b', 2, 1, x'');
INSERT INTO message VALUES (1099511627777, 'sensors/card1', x'4b4f', 1, 0, x'');
INSERT INTO retained VALUES ('sensors/all', 1099511627776, 'card2_monitor');
INSERT INTO session VALUES (1, 'card1_monitor', 0, NULL);
INSERT INTO session VALUES (3, 'bridge_to_broker1', 1, -2);
INSERT INTO session VALUES (4, 'far_bridge', 0, 1);
INSERT INTO subscription VALUES (1, 'sensors/#', 2, 0, 1);
INSERT INTO delivery VALUES (1, 7, 1099511627777, 1, 0, 'queued', NULL);
INSERT INTO delivery VALUES (3, 8, 1099511627776, 2, 1, 'released', 9);
INSERT INTO received VALUES (3, 65535, -1);
";

/// Makes a store of format 1 and changes it by `sql`.
fn format_1(path: &Path, sql: &str) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    let db = Connection::open(path).expect("a database");
    db.pragma_update(None, "application_id", schema::APPLICATION_ID).expect("a mark");
    db.pragma_update(None, "user_version", 1).expect("a version");
    db.pragma_update(None, "journal_mode", "WAL").expect("a log");
    for sql in [FORMAT_1, ROWS_1, sql] {
        db.execute_batch(sql).expect(sql);
    }
}

/// The records that the same would be written by today.
fn records() -> Vec<Record> {
    let [card1, bridge, far] =
        ["card1_monitor", "bridge_to_broker1", "far_bridge"].map(ClientId::new);
    let message = |id, name, payload: &[u8], qos, retain| {
        let message = Message::new(topic(name), payload.to_vec(), qos, retain);
        Record::Message { id: MessageId(id), message: Arc::new(message) }
    };
    let options = Subscription {
        qos: QoS::ExactlyOnce,
        retain_as_published: true,
        ..Subscription::default()
    };
    let filter = Filter::parse("sensors/#").expect("a filter");
    let queued = Delivery { qos: QoS::AtLeastOnce, ..delivery((1 << 40) + 1, Stage::Queued) };
    let released = Delivery { retain: true, ..delivery(1 << 40, Stage::Released(packet_id(9))) };
    vec![
        message(1 << 40, "sensors/all", b"OK", QoS::ExactlyOnce, true),
        message((1 << 40) + 1, "sensors/card1", b"KO", QoS::AtLeastOnce, false),
        Record::Retain {
            topic: topic("sensors/all"),
            id: MessageId(1 << 40),
            origin: Some(ClientId::new("card2_monitor")),
        },
        Record::OpenSession { client: card1.clone(), bridge: false },
        Record::OpenSession { client: bridge.clone(), bridge: true },
        Record::OpenSession { client: far.clone(), bridge: false },
        Record::Established { client: bridge.clone(), rules: Some(Digest(u64::MAX - 1)) },
        Record::MissedRetained { client: far, missed: true },
        Record::Subscribe { client: card1.clone(), filter, options },
        Record::Queue { client: card1, number: 7, delivery: queued },
        Record::Queue { client: bridge.clone(), number: 8, delivery: released },
        Record::Receive { client: bridge, packet_id: packet_id(65535), digest: Digest(u64::MAX) },
    ]
}

/// All that a file says of its tables.
fn tables(path: &Path) -> Vec<(String, Option<String>)> {
    let db = Connection::open(path).expect("a database");
    let mut query = db.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name").expect("SQL");
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    rows.collect::<Result<_, _>>().expect("rows")
}

#[test]
fn a_store_of_format_1_becomes_one_of_today() {
    let (_folder, path) = place();
    format_1(&path, "");
    let (mut store, image) = open(&path);
    assert_eq!(image, sum(5, &records()));
    store.abandon();
    let (again, image) = open(&path);
    assert_eq!(image, sum(6, &records()), "once is enough");
    store = again;
    // What is new can be written, and numbers go on where they were.
    let will = WillImage { id: MessageId(1 << 40), delay_s: 1, expiry_s: None, due: None };
    let client = ClientId::new("new");
    let more = [
        Record::OpenSession { client: client.clone(), bridge: false },
        Record::Will { client, will: Some(will) },
    ];
    store.commit(&more).expect("a commit");
    drop(store);
    assert_eq!(open(&path).1, sum(7, &[&records()[..], &more[..]].concat()));
    let (_other_folder, new) = place();
    drop(open(&new));
    assert_eq!(tables(&path), tables(&new));
}

#[test]
fn a_store_of_format_1_that_makes_no_sense_is_left_as_it_was() {
    let check = |expected: &str, sql: &str| {
        let (_folder, path) = place();
        format_1(&path, sql);
        let before = contents(&path);
        let error = Store::open(&path).expect_err(sql).to_string();
        assert!(error.contains(expected), "{expected:?} is not in: {error}");
        assert_eq!(before, contents(&path), "changed on the way to: {error}");
    };
    check("is message 1099511627777, which is missing", "DELETE FROM message WHERE qos = 1");
    check(
        "belongs to session 4, which",
        "UPDATE received SET session_id = 4; DELETE FROM session WHERE id = 4",
    );
    check(
        "CHECK constraint failed",
        "PRAGMA ignore_check_constraints = 1; UPDATE message SET qos = 3",
    );
    check("no such table", "DROP TABLE received");
    check("2 bytes are no properties", "UPDATE message SET properties = x'0000'");
}
