//! What is no store, or no longer one: an error that names it, and not a byte changed.

use std::collections::BTreeMap;
use std::fs;

use proptest::prelude::*;
use rusqlite::config::DbConfig;

use super::*;

/// All files of the store's folder but the lock, which holds nothing, and SQLite's shared memory,
/// which is made anew at each start.
pub(super) fn contents(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let folder = path.parent().expect("a folder");
    let kept = files(path)
        .into_iter()
        .filter(|name| !matches!(&**name, "broker.db.lock" | "broker.db-shm"));
    let read = |name: String| {
        let file = folder.join(&name);
        let bytes = if file.is_dir() { Vec::new() } else { fs::read(&file).expect("a file") };
        (name, bytes)
    };
    kept.map(read).collect()
}

/// A closed store with something in it, of more than a few pages.
fn filled() -> (TempDir, PathBuf) {
    let (folder, path) = place();
    let (mut store, _) = open(&path);
    store.commit(&sample()).expect("a commit");
    for id in 0..40 {
        store.commit(&[message(id, "filler", &[1; 2000])]).expect("a commit");
    }
    drop(store);
    (folder, path)
}

fn refused(path: &Path) -> StoreError {
    let before = contents(path);
    let Err(error) = Store::open(path) else { panic!("{} is a good store", path.display()) };
    assert_eq!(before, contents(path), "changed on the way to: {error}");
    let text = error.to_string();
    assert!(text.contains(&path.display().to_string()), "does not name the file: {text}");
    // The lock was given back, so the answer stays the same.
    assert_eq!(Store::open(path).expect_err("still no good").to_string(), text);
    error
}

/// Makes a store, spoils it and opens it: the error must say `expected`.
fn check(expected: &str, spoil: impl FnOnce(&Path)) {
    let (_folder, path) = filled();
    spoil(&path);
    let text = refused(&path).to_string();
    assert!(text.contains(expected), "{expected:?} is not in: {text}");
}

/// The same by SQL, once in the file and once in the log beside it.
fn check_sql(expected: &str, sql: &str) {
    for keep_log in [false, true] {
        check(expected, |path| {
            let db = Connection::open(path).expect("a database");
            db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep_log)
                .expect("a setting");
            let spoil = format!("PRAGMA ignore_check_constraints = 1; {sql}");
            db.execute_batch(&spoil).expect(sql);
            drop(db);
            assert_eq!(contents(path).len(), 1 + usize::from(keep_log));
        });
    }
}

fn overwrite(path: &Path, at: usize, with: &[u8]) {
    let mut bytes = fs::read(path).expect("a file");
    bytes[at..at + with.len()].copy_from_slice(with);
    fs::write(path, bytes).expect("a file");
}

#[test]
fn what_is_no_store_is_left_alone() {
    check("it is no SQLite database", |path| fs::write(path, "my diary").expect("a file"));
    check("it is no SQLite database", |path| fs::write(path, [b'x'; 5000]).expect("a file"));
    check("it is empty", |path| fs::write(path, "").expect("a file"));
    check("it is a folder", |path| {
        fs::remove_file(path).expect("a file");
        fs::create_dir(path).expect("a folder");
    });
    check("another program's", |path| {
        fs::remove_file(path).expect("a file");
        let db = Connection::open(path).expect("a database");
        db.execute_batch("CREATE TABLE diary (day TEXT)").expect("a table");
    });
    check("it is no SQLite database", |path| overwrite(path, 0, b"SQLike"));
}

#[test]
fn a_later_store_asks_for_a_later_program() {
    check_sql("later Twinboard (format 3; this one reads up to 2)", "PRAGMA user_version = 3");
    check_sql("format 0 was never written", "PRAGMA user_version = 0");
}

#[test]
fn a_torn_store_is_told() {
    for keep in [100, 4096, 5000, 40_000] {
        check("is damaged", |path| {
            let file = fs::File::options().write(true).open(path).expect("a file");
            file.set_len(keep).expect("a shorter file");
        });
    }
    check("is damaged", |path| overwrite(path, 4096, &[0xff; 4096]));
    check("is damaged", |path| overwrite(path, 100, &[0; 200]));
}

#[test]
fn what_makes_no_sense_is_told() {
    check_sql(
        "what is to be delivered to card1_monitor is message",
        "DELETE FROM message; DELETE FROM retained; DELETE FROM will",
    );
    check_sql(
        "the retained message of sensors/all is message",
        "DELETE FROM delivery; DELETE FROM message",
    );
    check_sql("belongs to session 1, which is missing", "DELETE FROM session");
    check_sql(
        "a packet id belongs to",
        "DELETE FROM session; DELETE FROM subscription; DELETE FROM delivery",
    );
    check_sql(
        "a will belongs to session 1, which is missing",
        "DELETE FROM session; DELETE FROM subscription; DELETE FROM delivery;
         DELETE FROM received",
    );
    check_sql("the will of card1_monitor is message 77,", "UPDATE will SET message_id = 77");
    check_sql("1 bytes are no properties", "UPDATE message SET properties = x'ff'");
    check_sql("5 bytes are no properties", "UPDATE message SET properties = x'0200000001'");
    check_sql("3 bytes are no properties", "UPDATE message SET properties = x'010103'");
    for ids in ["", "[]", "7", "[0]", "[1,]", "[268435456]", "[1 2]", "[-1]"] {
        let sql = format!("UPDATE delivery SET subscription_ids = '{ids}'");
        check_sql("are no subscription identifiers", &sql);
    }
    check_sql("CHECK constraint failed in session", "UPDATE session SET ends_at_ms = -1");
    check_sql("CHECK constraint failed in session", "UPDATE session SET expiry_s = 4294967296");
    check_sql("CHECK constraint failed in will", "UPDATE will SET due_at_ms = -1");
    check_sql("CHECK constraint failed in message", "UPDATE message SET expires_at_ms = -1");
    check_sql("CHECK constraint failed in subscription", "UPDATE subscription SET identifier = 0");
    check_sql("must not contain + or #", "UPDATE message SET topic = 'a/#'");
    check_sql("must not contain + or #", "UPDATE retained SET topic = 'a/#'");
    check_sql("at least one character", "UPDATE subscription SET filter = ''");
    check_sql("# must stand alone", "UPDATE subscription SET filter = '#/a'");
    check_sql("utf-8", "UPDATE message SET topic = CAST(x'61ff' AS TEXT)");
    check_sql("CHECK constraint failed in message", "UPDATE message SET qos = 3");
    check_sql("CHECK constraint failed in delivery", "UPDATE delivery SET stage = 'lost'");
    check_sql("CHECK constraint failed in delivery", "UPDATE delivery SET packet_id = 0");
    check_sql("no such table", "DROP TABLE received");
    check_sql("no rows", "DELETE FROM broker");
}

/// A store whose latest changes are only in its log, spoilt by `sql`: the error must say `expected`.
fn check_log(expected: &str, sql: &str) {
    let (_folder, path) = place();
    let (mut store, _) = open(&path);
    for record in sample() {
        store.commit(&[record]).expect("a commit");
    }
    store.abandon();
    let db = Connection::open(&path).expect("a database");
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).expect("a setting");
    db.execute_batch(sql).expect(sql);
    drop(db);
    let text = refused(&path).to_string();
    assert!(text.contains(expected), "{expected:?} is not in: {text}");
}

#[test]
fn changes_in_the_log_that_make_no_sense_are_told() {
    check_log("row 3 of its log is damaged", "UPDATE log SET records = x'ff' WHERE number = 3");
    let cut = "UPDATE log SET records = substr(records, 1, length(records) - 1) WHERE number = 11";
    check_log("row 11 of its log is damaged", cut);
    check_log("it cannot take Message", "INSERT INTO log (records) SELECT records FROM log");
    check_log("it cannot take Retain", "DELETE FROM log WHERE number = 1");
    check_log("it has no session of card1_monitor", "DELETE FROM log WHERE number = 4");
    // As DropMessage of what is to be delivered.
    let drop_message = "INSERT INTO log (records) VALUES (x'020000010000000000')";
    check_log("the retained message of sensors/all is message 1099511627776", drop_message);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Bytes that SQLite finds whole may still be anything: refused, or taken as what they say.
    #[test]
    fn a_log_of_anything_never_panics(
        spots in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..3),
    ) {
        let (_folder, path) = place();
        let (mut store, _) = open(&path);
        store.commit(&sample()).expect("a commit");
        store.abandon();
        let db = Connection::open(&path).expect("a database");
        let whole = |row: &rusqlite::Row<'_>| row.get::<_, Vec<u8>>(0);
        let mut bytes = db.query_row("SELECT records FROM log", [], whole).expect("a row");
        for (at, byte) in spots {
            *at.get_mut(&mut bytes) = byte;
        }
        db.execute("UPDATE log SET records = ?1", [bytes]).expect("a change");
        drop(db);
        if let Ok((mut store, _)) = Store::open(&path) {
            prop_assert!(store.fold().is_ok());
        }
    }
}

#[test]
fn a_log_without_its_store_is_not_replayed_into_a_new_one() {
    let (_folder, path) = place();
    let (mut store, _) = open(&path);
    store.commit(&sample()).expect("a commit");
    store.abandon();
    let elsewhere = path.with_extension("aside");
    fs::rename(&path, &elsewhere).expect("a file moved aside");
    let error = refused(&path);
    assert!(matches!(&error, StoreError::Orphaned { log, .. } if log.ends_with("broker.db-wal")));
    fs::rename(&elsewhere, &path).expect("a file moved back");
    assert_eq!(open(&path).1, sum(2, &sample()));
}

#[test]
fn a_start_that_died_while_making_the_store_is_no_hindrance() {
    let (_folder, path) = place();
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path.with_extension("db.new"), "half a store").expect("a file");
    assert_eq!(open(&path).1, sum(1, &[]));
    assert_eq!(files(&path), ["broker.db", "broker.db.lock"]);
}

#[test]
fn a_folder_that_cannot_be_made_names_the_store() {
    let (folder, path) = place();
    fs::write(folder.path().join("board1"), "in the way").expect("a file");
    let error = Store::open(&path).expect_err("no folder can be made").to_string();
    assert!(error.contains("broker.db cannot be opened"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, failure_persistence: None, ..ProptestConfig::default() })]

    /// Damage anywhere: it is found, or it does no harm that SQLite could see; never a panic, and
    /// never a change to a file that was refused.
    #[test]
    fn damage_anywhere_never_panics_nor_changes_the_file(
        spots in prop::collection::vec((any::<prop::sample::Index>(), any::<[u8; 8]>()), 1..20),
    ) {
        let (_folder, path) = filled();
        let length = fs::read(&path).expect("a file").len() - 8;
        for (at, bytes) in spots {
            overwrite(&path, at.index(length), &bytes);
        }
        let before = contents(&path);
        if let Err(error) = Store::open(&path) {
            prop_assert_eq!(before, contents(&path), "changed on the way to: {}", error);
        }
    }
}
