//! The store from outside: what was committed is there, what is no store is left alone.

mod crash;
mod damage;
mod failure;
mod migration;
mod replay;
mod speed;

use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use super::{Holder, Store, StoreError};
use crate::broker::durable::{Delivery, Digest, Expiry, Stage, Subscription, WillImage};
use crate::broker::{Image, MessageId, Record};
use crate::mqtt::{ClientId, Filter, Message, PacketId, Properties, Property, QoS, Topic};

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("board1").join("broker.db");
    (folder, path)
}

fn open(path: &Path) -> (Store, Image) {
    Store::open(path).expect("a store that can be opened")
}

fn topic(name: &str) -> Topic {
    Topic::parse(name).expect("a topic")
}

fn packet_id(number: u16) -> PacketId {
    NonZeroU16::new(number).expect("a packet id")
}

fn message(id: u64, name: &str, payload: &[u8]) -> Record {
    let message = Message::new(topic(name), payload.to_vec(), QoS::ExactlyOnce, true);
    Record::Message { id: MessageId(id), message: Arc::new(message) }
}

fn delivery(id: u64, stage: Stage) -> Delivery {
    let (id, qos) = (MessageId(id), QoS::ExactlyOnce);
    Delivery { id, qos, retain: false, subscription_ids: Vec::new(), stage }
}

/// A message with all that MQTT 5 adds to one.
fn message_5(id: u64, name: &str) -> Record {
    let mut message = Message::new(topic(name), b"later".to_vec(), QoS::AtLeastOnce, false);
    let all = [Property::ContentType("text/plain"), Property::UserProperty("unit", "\u{b0}C")];
    message.properties = Properties::of(&all);
    message.expires_at = Some(Duration::from_millis(1_800_000_000_123));
    Record::Message { id: MessageId(id), message: Arc::new(message) }
}

/// One of everything.
fn sample() -> Vec<Record> {
    let client = || ClientId::new("card1_monitor");
    let filter = Filter::parse("sensors/all").expect("a filter");
    let options = Subscription {
        qos: QoS::ExactlyOnce,
        no_local: true,
        retain_as_published: false,
        identifier: Some(268_435_455),
    };
    let ends_at = Some(Duration::from_secs(1_800_000_001));
    let will = WillImage {
        id: MessageId(2 << 40),
        delay_s: 30,
        expiry_s: Some(u32::MAX),
        due: Some(Duration::from_millis(1_799_999_999_999)),
    };
    let mut delivery = delivery(1 << 40, Stage::Published(packet_id(3)));
    delivery.subscription_ids = vec![268_435_455, 1];
    vec![
        message(1 << 40, "sensors/all", br#"{"sensor_1":true}"#),
        message_5(2 << 40, "boards/1"),
        Record::Retain { topic: topic("sensors/all"), id: MessageId(1 << 40), origin: None },
        Record::OpenSession { client: client(), bridge: true },
        Record::Subscribe { client: client(), filter, options },
        Record::Queue { client: client(), number: 7, delivery },
        Record::Receive { client: client(), packet_id: packet_id(65535), digest: Digest(u64::MAX) },
        Record::Established { client: client(), rules: Some(Digest(5)) },
        Record::MissedRetained { client: client(), missed: true },
        Record::SessionExpiry { client: client(), expiry: Expiry::Seconds(3600), ends_at },
        Record::Will { client: client(), will: Some(will) },
    ]
}

/// The image that records add up to, at a broker's `boot`th start.
fn sum(boot: u32, records: &[Record]) -> Image {
    let mut image = Image { boot, ..Image::default() };
    for record in records {
        image.apply(record);
    }
    image
}

fn files(path: &Path) -> Vec<String> {
    let folder = path.parent().expect("a folder");
    let entries = std::fs::read_dir(folder).expect("a folder that can be read");
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("an entry").file_name();
    let mut names: Vec<_> = entries.map(|entry| name(entry).into_string().expect("text")).collect();
    names.sort();
    names
}

#[test]
fn what_was_committed_is_there_again_and_starts_are_counted() {
    let (_folder, path) = place();
    let (mut store, image) = open(&path);
    assert_eq!(image, sum(1, &[]));
    store.commit(&sample()).expect("a commit");
    drop(store);
    assert_eq!(files(&path), ["broker.db", "broker.db.lock"]);
    let (store, image) = open(&path);
    assert_eq!(image, sum(2, &sample()));
    store.abandon();
    assert!(files(&path).contains(&"broker.db-wal".to_owned()), "a pulled plug tidies nothing");
    let (_store, image) = open(&path);
    assert_eq!(image, sum(3, &sample()));
}

#[test]
fn a_student_can_look_while_the_broker_runs() {
    let (_folder, path) = place();
    let (mut store, _) = open(&path);
    store.commit(&sample()).expect("a commit");
    store.fold().expect("a quiet moment");
    let look = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("open");
    let check = |sql: &str, expected: &str| {
        let text: String = look.query_row(sql, [], |row| row.get(0)).expect(sql);
        assert_eq!(text, expected, "{sql}");
    };
    check(
        "SELECT topic || ' ' || payload FROM retained_messages",
        r#"sensors/all {"sensor_1":true}"#,
    );
    check(
        "SELECT client_id || number || stage || packet_id || topic || qos FROM queued_messages",
        "card1_monitor7published3sensors/all2",
    );
    check(
        "SELECT client_id || ' ' || filter || ' ' || qos || ' ' || identifier FROM subscriptions",
        "card1_monitor sensors/all 2 268435455",
    );
    check(
        "SELECT client_id || ' ' || expiry_s || ' ' || ends_at || ' ' || queued FROM sessions",
        "card1_monitor 3600 2027-01-15 08:00:01 1",
    );
    check(
        "SELECT client_id || ' ' || topic || ' ' || payload || ' ' || due_at FROM wills",
        "card1_monitor boards/1 later 2027-01-15 07:59:59",
    );
    check(
        "SELECT group_concat(value, ' ') FROM delivery, json_each(delivery.subscription_ids)",
        "268435455 1",
    );
    // And the broker goes on meanwhile, and is seen to.
    store.commit(&[message(9, "sensors/card1", b"later")]).expect("a commit beside a reader");
    store.fold().expect("a quiet moment beside a reader");
    check("SELECT CAST(payload AS TEXT) FROM message WHERE topic = 'sensors/card1'", "later");
    drop(look);
    drop(store);
    assert_eq!(files(&path), ["broker.db", "broker.db.lock"]);
}

#[test]
fn every_commit_is_synced_and_the_file_says_what_it_is() {
    let (_folder, path) = place();
    let (store, _) = open(&path);
    let check = |pragma: &str, expected: i64| {
        let value = store.db.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
        assert_eq!(value.expect(pragma), expected, "{pragma}");
    };
    check("synchronous", 2);
    check("fullfsync", 1);
    check("checkpoint_fullfsync", 1);
    check("foreign_keys", 0);
    check("application_id", i64::from(super::schema::APPLICATION_ID));
    check("user_version", 2);
    let mode = store.db.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0));
    assert_eq!(mode.expect("a mode"), "wal");
}

#[test]
fn one_owner_a_store() {
    let (_folder, path) = place();
    let (store, _) = open(&path);
    let error = Store::open(&path).expect_err("it is open");
    let StoreError::Held { path: named, holder } = &error else { panic!("{error}") };
    assert_eq!((named, *holder), (&path, Holder::ThisProcess));
    assert!(error.to_string().contains("broker.db"), "{error}");
    drop(store);
    open(&path);
}

#[cfg(unix)]
#[test]
fn a_link_to_a_store_is_that_store() {
    let (folder, path) = place();
    let (mut store, _) = open(&path);
    store.commit(&sample()).expect("a commit");
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink(&path, &link).expect("a link");
    assert!(matches!(Store::open(&link), Err(StoreError::Held { .. })));
    drop(store);
    let (_store, image) = open(&link);
    assert_eq!(image, sum(2, &sample()));
}

#[test]
fn a_busy_store_gives_its_tables_what_is_in_the_log_now_and_then() {
    let (_folder, path) = place();
    let (mut store, _) = open(&path);
    let look = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("open");
    let count = |table: &str| {
        let sql = format!("SELECT count(*) FROM {table}");
        look.query_row(&sql, [], |row| row.get::<_, u32>(0)).expect("a count")
    };
    let mut commit = |id: u64, bytes: usize| {
        store.commit(&[message(id, "a", &vec![1; bytes])]).expect("a commit");
    };
    commit(0, 10);
    assert_eq!((count("log"), count("message")), (1, 0));
    // What is large is not written twice.
    commit(1, 2_000_000);
    assert_eq!((count("log"), count("message")), (0, 2));
    for id in 2..2000 {
        commit(id, 10);
        assert!(count("log") <= 500);
    }
    assert!(count("message") >= 1500);
    for id in 2000..2010 {
        commit(id, 500_000);
    }
    assert!(count("log") <= 5);
}
