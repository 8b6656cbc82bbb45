//! Commits that fail, and a writer that ends while they do.

use crossbeam_channel::{Receiver, unbounded};

use super::*;
use crate::broker::Commit;
use crate::store::{CommitError, Done, Unsaved, Writer};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A full disk, as far as SQLite can tell: the file may not grow.
fn fill_disk(store: &Store, full: bool) {
    let pages: i64 = if full { 1 } else { 1 << 30 };
    let set = store.db.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()));
    set.expect("a limit");
}

/// What needs `bytes` of space and begins with the end of a session.
fn big(bytes: usize) -> [Record; 4] {
    let [old, new] = ["card1_monitor", "card2_monitor"].map(ClientId::new);
    [
        Record::DropSession { client: old },
        Record::OpenSession { client: new.clone(), bridge: false },
        message(77, "big", &vec![3; bytes]),
        Record::Queue { client: new, number: 1, delivery: delivery(77, Stage::Queued) },
    ]
}

#[test]
fn a_commit_that_found_no_space_works_when_there_is_some() {
    // The larger one goes into the tables at once.
    for records in [big(100_000), big(3_000_000)] {
        let (_folder, path) = place();
        let (mut store, _) = open(&path);
        store.commit(&sample()).expect("a commit");
        fill_disk(&store, true);
        for _ in 0..3 {
            let error = store.commit(&records).expect_err("there is no space");
            assert!(matches!(error, CommitError::Sqlite(_)), "{error}");
            assert!(error.to_string().contains("full"), "{error}");
        }
        // Nothing of it happened, so that the session that was to go can still be used.
        let (client, filter) = (ClientId::new("card1_monitor"), Filter::parse("#").expect("#"));
        let unsubscribe = Record::Unsubscribe { client, filter };
        store.commit(&[unsubscribe]).expect("a commit that needs no space");
        fill_disk(&store, false);
        store.commit(&records).expect("a commit when there is space");
        drop(store);
        assert_eq!(open(&path).1, sum(2, &[&sample()[..], &records[..]].concat()));
    }
}

#[test]
fn a_fold_that_found_no_space_loses_nothing() {
    // How it goes on: with space again, by a stop without any, by a pulled plug.
    for end in 0..3 {
        let (_folder, path) = place();
        let (mut store, _) = open(&path);
        let records = [&sample()[..], &big(200_000)[..]].concat();
        store.commit(&records).expect("a commit");
        fill_disk(&store, true);
        for _ in 0..2 {
            let error = store.fold().expect_err("there is no space").to_string();
            assert!(error.contains("full"), "{error}");
            assert!(!store.is_folded());
        }
        let small = Record::ClearRetained { topic: topic("sensors/all") };
        store.commit(std::slice::from_ref(&small)).expect("a commit that needs no space");
        match end {
            0 => {
                fill_disk(&store, false);
                store.fold().expect("space");
                assert!(store.is_folded());
                drop(store);
            }
            1 => drop(store),
            _ => store.abandon(),
        }
        assert_eq!(open(&path).1, sum(2, &[&records[..], &[small]].concat()));
    }
}

#[test]
fn records_that_do_not_fit_are_refused_whole() {
    // Held against the log, the tables, and a log that was read from the file.
    for state in 0..3 {
        let (_folder, path) = place();
        let (mut store, _) = open(&path);
        store.commit(&sample()).expect("a commit");
        match state {
            0 => {}
            1 => store.fold().expect("a quiet moment"),
            _ => {
                store.abandon();
                store = open(&path).0;
            }
        }
        for record in unfit() {
            let records = [message(99, "beside", b"it"), record];
            let error = store.commit(&records).expect_err("it does not fit");
            assert!(matches!(error, CommitError::Mismatch(_)), "{error}");
        }
        store.commit(&[message(99, "beside", b"nothing")]).expect("it was not there");
        drop(store);
        let expected = [&sample()[..], &[message(99, "beside", b"nothing")]].concat();
        assert_eq!(open(&path).1, sum(if state == 2 { 3 } else { 2 }, &expected));
    }
}

/// Records that do not fit to what [`sample`] adds up to.
fn unfit() -> Vec<Record> {
    let [known, unknown] = ["card1_monitor", "nobody"].map(ClientId::new);
    let queued = |id| delivery(id, Stage::Queued);
    let filter = Filter::parse("#").expect("a filter");
    let identifier = Some(268_435_456);
    let options = Subscription { identifier, ..Subscription::default() };
    let marked = Delivery { subscription_ids: vec![0], ..queued(99) };
    let will = |id| Some(WillImage { id: MessageId(id), delay_s: 0, expiry_s: None, due: None });
    let (expiry, ends_at) = (Expiry::Never, None);
    vec![
        message(1 << 40, "again", b""),
        Record::DropMessage { id: MessageId(5) },
        Record::Retain { topic: topic("a"), id: MessageId(5), origin: None },
        Record::OpenSession { client: known.clone(), bridge: false },
        Record::DropSession { client: unknown.clone() },
        Record::Subscribe { client: known.clone(), filter, options },
        Record::Queue { client: known.clone(), number: 8, delivery: queued(5) },
        Record::Queue { client: known.clone(), number: 7, delivery: queued(99) },
        Record::Queue { client: known.clone(), number: 8, delivery: marked },
        Record::Advance { client: known.clone(), number: 8, stage: Stage::Queued },
        Record::Dequeue { client: known.clone(), number: 8 },
        Record::Established { client: unknown.clone(), rules: None },
        Record::MissedRetained { client: unknown.clone(), missed: true },
        Record::SessionExpiry { client: unknown.clone(), expiry, ends_at },
        Record::Will { client: known, will: will(5) },
        Record::Will { client: unknown.clone(), will: None },
        Record::Release { client: unknown, packet_id: packet_id(1) },
    ]
}

fn commit(number: u64) -> Commit {
    Commit { number, records: vec![message(number, "a", b"b")] }
}

/// A writer of a new store, and what it says.
fn writer(path: &Path) -> (Writer, Receiver<Done>) {
    let (done, told) = unbounded();
    let tell = move |what| done.send(what).expect("a listener");
    (Writer::spawn("board1", open(path).0, tell).expect("a thread"), told)
}

/// Somebody else who writes to the file: until this is dropped, commits fail.
fn in_the_way(path: &Path) -> Connection {
    let other = Connection::open(path).expect("a database");
    other.execute_batch("BEGIN IMMEDIATE").expect("a lock");
    other
}

fn next(told: &Receiver<Done>) -> Done {
    told.recv_timeout(PATIENCE).expect("news of a commit")
}

fn stored(path: &Path) -> Vec<u64> {
    open(path).1.messages.keys().map(|id| id.0).collect()
}

/// The thread is gone when its end of the channel is, without more to say.
fn gone(told: &Receiver<Done>) {
    assert!(told.recv().is_err(), "the thread said more, or is still there");
}

#[test]
fn a_writer_commits_in_order_and_stops() {
    let (_folder, path) = place();
    let (writer, told) = writer(&path);
    for number in 1..=50 {
        writer.submit(commit(number));
    }
    writer.stop().expect("all to be saved");
    let expected: Vec<_> = (1..=50).map(|number| Done::Committed { number }).collect();
    assert_eq!(told.iter().collect::<Vec<_>>(), expected);
    assert_eq!(stored(&path), (1..=50).collect::<Vec<_>>());
}

#[test]
fn a_failing_commit_is_told_once_and_kept() {
    let (_folder, path) = place();
    let (writer, told) = writer(&path);
    let other = in_the_way(&path);
    writer.submit(commit(1));
    let Done::Failing { number: 1, reason } = next(&told) else { panic!("it cannot work") };
    assert!(reason.contains("locked"), "{reason}");
    // Long enough for another try or two, which would have been told if every one was.
    let silence = told.recv_timeout(Duration::from_secs(1));
    assert_eq!(silence, Err(crossbeam_channel::RecvTimeoutError::Timeout));
    drop(other);
    assert_eq!(next(&told), Done::Committed { number: 1 });
    writer.submit(commit(2));
    assert_eq!(next(&told), Done::Committed { number: 2 });
    writer.stop().expect("all to be saved");
    gone(&told);
    assert_eq!(stored(&path), [1, 2]);
}

#[test]
fn a_stop_that_cannot_save_says_what_is_lost() {
    let (_folder, path) = place();
    let (writer, told) = writer(&path);
    let other = in_the_way(&path);
    writer.submit(commit(1));
    assert!(matches!(next(&told), Done::Failing { number: 1, .. }));
    writer.submit(commit(2));
    let unsaved = writer.stop().expect_err("nothing can be saved");
    let Unsaved { file, numbers, reason } = &unsaved;
    assert_eq!((Path::new(file), &numbers[..]), (&*path, &[1, 2][..]));
    assert!(reason.contains("locked"), "{reason}");
    assert!(unsaved.to_string().starts_with("the broker's last 2 changes"), "{unsaved}");
    gone(&told);
    drop(other);
    assert!(stored(&path).is_empty());
}

#[test]
fn a_stop_that_comes_while_a_commit_waits_still_saves_it() {
    let (_folder, path) = place();
    let (writer, told) = writer(&path);
    let other = in_the_way(&path);
    writer.submit(commit(1));
    assert!(matches!(next(&told), Done::Failing { number: 1, .. }));
    drop(other);
    writer.stop().expect("all to be saved");
    assert_eq!(next(&told), Done::Committed { number: 1 });
    gone(&told);
    assert_eq!(stored(&path), [1]);
}

#[test]
fn a_pulled_plug_ends_the_thread_at_once() {
    let (_folder, path) = place();
    for waits in [false, true] {
        let (writer, told) = writer(&path);
        let other = in_the_way(&path);
        if waits {
            writer.submit(commit(1));
            assert!(matches!(next(&told), Done::Failing { number: 1, .. }));
        }
        writer.abandon();
        gone(&told);
        drop(other);
        assert!(stored(&path).is_empty(), "what was never committed is gone");
    }
}

#[test]
fn a_dropped_writer_leaves_no_thread() {
    let (_folder, path) = place();
    let (writer, told) = writer(&path);
    writer.submit(commit(1));
    assert_eq!(next(&told), Done::Committed { number: 1 });
    drop(writer);
    gone(&told);
    assert_eq!(stored(&path), [1], "what was committed is not");
}

#[test]
fn in_a_quiet_moment_the_tables_are_given_everything() {
    let (_folder, path) = place();
    let (writer, told) = writer(&path);
    let look = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("open");
    for number in 1..=3 {
        writer.submit(commit(number));
        assert_eq!(next(&told), Done::Committed { number });
        let until = std::time::Instant::now() + PATIENCE;
        let count =
            || look.query_row("SELECT count(*) FROM message", [], |row| row.get::<_, u32>(0));
        while u64::from(count().expect("a count")) < number {
            assert!(std::time::Instant::now() < until, "it is still only in the log");
            std::thread::yield_now();
        }
    }
    writer.stop().expect("all to be saved");
}
