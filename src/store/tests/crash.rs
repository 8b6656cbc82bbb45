//! `kill -9` at any moment: what a process said it had committed is there.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use super::*;

/// Tells a child process which store it is to write.
const STORE: &str = "TWINBOARD_TEST_STORE";

/// What the tests below start as a process of its own: commits for ever, and says so.
#[test]
#[ignore = "started by the other tests of this file"]
fn child() {
    let Some(path) = std::env::var_os(STORE) else { return };
    let (mut store, image) = open(Path::new(&path));
    let client = ClientId::new("child");
    if image.boot == 1 {
        store
            .commit(&[Record::OpenSession { client: client.clone(), bridge: false }])
            .expect("a commit");
    }
    let mut out = std::io::stdout();
    for count in 0.. {
        let number = MessageId::first(image.boot).0 + count;
        let (client, delivery) = (client.clone(), delivery(number, Stage::Queued));
        let records =
            [message(number, "ledger", &vec![7; 300]), Record::Queue { client, number, delivery }];
        store.commit(&records).expect("a commit");
        if count % 7 == 6 {
            store.fold().expect("a quiet moment");
        }
        writeln!(out, "committed {number}").and_then(|()| out.flush()).expect("a reader");
    }
}

fn start(path: &Path) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["store::tests::crash::child", "--exact", "--ignored", "--nocapture"])
        .env(STORE, path)
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program again")
}

/// The numbers in what a child said; `enough` may stop the reading.
fn read(out: &mut impl BufRead, enough: usize) -> Vec<u64> {
    let said = out.lines().map_while(Result::ok);
    said.filter_map(|line| line.rsplit_once("committed ")?.1.parse().ok()).take(enough).collect()
}

#[test]
fn what_a_killed_process_committed_is_there() {
    let (_folder, path) = place();
    let mut ledger = Vec::new();
    for round in 1..=5u32 {
        let mut child = start(&path);
        let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
        ledger.extend(read(&mut out, 20 * round as usize));
        if cfg!(unix) {
            let error = Store::open(&path).expect_err("the child has it");
            let StoreError::Held { holder, .. } = error else { panic!("{error}") };
            assert_eq!(holder, Holder::Process(child.id()));
        }
        child.kill().expect("a child to kill");
        child.wait().expect("its end");
        ledger.extend(read(&mut out, usize::MAX));
        assert!(ledger.len() >= 20 * round as usize, "the child wrote: {ledger:?}");
        let (store, image) = open(&path);
        let session = &image.sessions[&ClientId::new("child")];
        for number in &ledger {
            assert!(session.deliveries.contains_key(number), "{number} was lost");
            assert!(image.messages.contains_key(&MessageId(*number)), "{number} has no body");
        }
        // The one that was under way when it was killed may be there too, whole.
        let unsaid = session.deliveries.len() - ledger.len();
        assert!(unsaid <= round as usize, "{unsaid} were never said to be there");
        assert_eq!((image.boot, session.deliveries.len()), (2 * round, image.messages.len()));
        store.abandon();
    }
}

#[test]
fn a_torn_last_write_takes_nothing_that_was_promised() {
    let promised = 12;
    for torn in 0..promised {
        let (_folder, path) = place();
        let log = path.with_extension("db-wal");
        let (mut store, _) = open(&path);
        let mut lengths = Vec::new();
        for id in 0..promised {
            store.commit(&[message(id, "ledger", &vec![7; 3000])]).expect("a commit");
            if id % 5 == 4 {
                store.fold().expect("a quiet moment");
            }
            lengths.push(std::fs::metadata(&log).expect("a log").len());
        }
        store.abandon();
        // All but the last byte of what was written for one commit, and for the fold after it.
        let index = usize::try_from(torn).expect("a small number");
        let file = std::fs::File::options().write(true).open(&log).expect("a log");
        file.set_len(lengths[index] - 1).expect("a shorter log");
        drop(file);
        let image = open(&path).1;
        let there: Vec<_> = image.messages.keys().map(|id| id.0).collect();
        // A fold that was torn took nothing with it.
        let kept = if torn % 5 == 4 { torn + 1 } else { torn };
        assert_eq!(there, (0..kept).collect::<Vec<_>>(), "torn in {torn}");
    }
}
