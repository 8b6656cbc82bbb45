//! What `run` and `watch` leave behind, from outside: a trace that gives the same verdict again, files
//! for other programs, and cables in front of a broker that runs anyway.

#[path = "common/client.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod client;
#[path = "common/process.rs"]
mod process;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::Duration;

use client::{Client, Happened};
use process::{Process, free_port};
use twinboard::mqtt::QoS;

fn twinboard() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinboard"));
    command.stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// Runs it to its end.
fn run(folder: &Path, arguments: &[&str]) -> Output {
    twinboard().current_dir(folder).args(arguments).output().expect("it runs")
}

#[test]
fn a_run_leaves_a_trace_that_gives_its_verdict_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let arguments = "run counting --ports auto --data data --report html --output run.html \
                     --trace run.jsonl --pcapng run.pcapng";
    let ran = run(folder, &arguments.split_whitespace().collect::<Vec<_>>());
    assert!(ran.status.success() && ran.stdout.is_empty(), "{}", text(&ran.stderr));
    let page = std::fs::read_to_string(folder.join("run.html")).expect("a page");
    for part in ["PASSED", "bridge_to_broker2", "the broker of board1", "median", "<b>350</b>"] {
        assert!(page.contains(part), "{part}");
    }
    let judged = run(folder, &["trace", "run.jsonl", "--verdict", "--pcapng", "again.pcapng"]);
    let promised = "kept    every promise: 350 published, 350 bridged, 1050 delivered\n";
    assert!(judged.status.success(), "{}", text(&judged.stderr));
    assert!(text(&judged.stdout).contains(promised), "{}", text(&judged.stdout));
    let (one, other) = (folder.join("run.pcapng"), folder.join("again.pcapng"));
    let read = |path: &Path| std::fs::read(path).expect("a file");
    assert!(read(&one) == read(&other), "while it ran, and from its trace: the same");
    let passports = run(folder, &["trace", "run.jsonl", "--passports", "--topic", "count"]);
    let passports = text(&passports.stdout);
    assert_eq!(passports.lines().filter(|line| line.starts_with("message ")).count(), 350);
    assert!(passports.contains("by bridge_to_broker2, topic count out 2: delivered [exact]"));
    let ladder = text(&run(folder, &["trace", "run.jsonl", "--ladder"]).stdout);
    assert!(ladder.contains("** bridge_to_broker2: cut **"), "{ladder}");
    let nothing = run(folder, &["trace", "run.html"]);
    assert!(text(&nothing.stderr).contains("run.html: line 1: this is no trace"));
}

/// `twinboard watch` in front of a broker.
struct Watch {
    child: Option<Child>,
    near: SocketAddr,
    said: BufReader<ChildStderr>,
}

impl Watch {
    fn start(folder: &Path, of: SocketAddr, arguments: &[&str]) -> Self {
        let mut command = twinboard();
        command.current_dir(folder).arg("watch").arg(of.to_string()).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let mut said = BufReader::new(child.stderr.take().expect("it was asked for"));
        let mut line = String::new();
        said.read_line(&mut line).expect("text");
        let near = line.trim().rsplit(' ').next().and_then(|it| it.parse().ok());
        Self { child: Some(child), near: near.unwrap_or_else(|| panic!("{line}")), said }
    }

    /// Asks for something, and waits for the answer.
    fn ask(&mut self, line: &str) -> String {
        let child = self.child.as_mut().expect("it was not ended");
        let input = child.stdin.as_mut().expect("it was asked for");
        writeln!(input, "{line}").expect("it takes lines");
        let mut answer = String::new();
        self.said.read_line(&mut answer).expect("text");
        answer
    }

    /// Asks it to end; gives back how it ended, and what it said on standard error since.
    fn quit(mut self) -> (Output, String) {
        let mut child = self.child.take().expect("it was not ended");
        writeln!(child.stdin.take().expect("open"), "quit").expect("it takes lines");
        let ended = child.wait_with_output().expect("it ends");
        let mut told = String::new();
        self.said.read_to_string(&mut told).expect("text");
        (ended, told)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take()
            && let Err(error) = child.kill().and_then(|()| child.wait())
        {
            eprintln!("twinboard watch could not be stopped: {error}");
        }
    }
}

fn broker(folder: &Path) -> Process {
    let program = env!("CARGO_BIN_EXE_twinboard");
    let mut broker = Process::new(program, folder, "broker", free_port(), "persistence true");
    broker.start();
    broker
}

const PATIENCE: Duration = Duration::from_secs(20);

fn connected(name: &str, near: SocketAddr) -> Client {
    let mut client = Client::new(name, false);
    client.connect(near).expect("through the cable");
    client
}

/// Until a message comes.
fn gets(client: &mut Client) -> Vec<u8> {
    loop {
        if let Happened::Arrived(publish) = client.turn(PATIENCE).expect("it lives") {
            return publish.payload.to_vec();
        }
    }
}

/// Until the broker is done with all that it said.
fn finishes(client: &mut Client) {
    while client.unfinished() > 0 {
        client.turn(PATIENCE).expect("it lives");
    }
}

#[test]
fn a_broker_that_runs_anyway_is_watched_and_judged() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut broker = broker(folder.path());
    let arguments = ["--format", "ladder", "--trace", "watch.jsonl"];
    let mut watch = Watch::start(folder.path(), broker.address(), &arguments);
    let (mut paper, mut inbox) = (connected("paper", watch.near), connected("inbox", watch.near));
    inbox.subscribe("news", QoS::ExactlyOnce).expect("SUBACK");
    assert!(watch.ask("fault hold = { direction = 1 }").contains("is no fault"));
    let drop = "fault direction = \"in\", drop = { packet = \"PUBCOMP\" }";
    assert_eq!(watch.ask(drop), "done: drop the next PUBCOMP (in)\n");
    paper.publish("news", "one", QoS::ExactlyOnce, false).expect("sent");
    assert_eq!(gets(&mut inbox), b"one");
    // Packets keep their order: when the second is acknowledged, the first PUBCOMP is gone.
    paper.publish("news", "two", QoS::ExactlyOnce, false).expect("sent");
    for _ in 0..2 {
        while !matches!(paper.turn(PATIENCE), Ok(Happened::Acknowledged(_))) {}
    }
    assert_eq!(gets(&mut inbox), b"two");
    // A new connection finishes the handshake, as MQTT has it.
    assert_eq!(watch.ask("reset"), "done: reset all connections\n");
    for client in [&mut paper, &mut inbox] {
        while client.turn(PATIENCE).is_ok() {}
        assert!(client.connect(watch.near).expect("again"), "its session was kept");
    }
    finishes(&mut paper);
    let (ended, _) = watch.quit();
    let shown = text(&ended.stdout);
    assert!(ended.status.success(), "{shown}");
    assert!(shown.contains("PUBLISH 1 news QoS 2 one"), "{shown}");
    assert!(shown.contains("dropped (drop)"), "{shown}");
    assert!(
        shown.contains("kept    every promise: 2 published, 0 bridged, 2 delivered"),
        "{shown}"
    );
    let judged = run(folder.path(), &["trace", "watch.jsonl", "--verdict"]);
    assert!(text(&judged.stdout).contains("kept    every promise: 2 published"), "{judged:?}");
    broker.end(true);
}

/// A broker that forgets what it promised is named, and the exit status says so.
#[test]
fn a_broker_that_forgets_fails_the_watch() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut broker = broker(folder.path());
    let mut watch = Watch::start(folder.path(), broker.address(), &["--format", "json"]);
    let (mut inbox, near) = (connected("inbox", watch.near), watch.near);
    inbox.subscribe("news", QoS::ExactlyOnce).expect("SUBACK");
    broker.end(false);
    for file in std::fs::read_dir(folder.path()).expect("the folder") {
        let path = file.expect("a file").path();
        if path.to_string_lossy().contains("sqlite3") {
            std::fs::remove_file(path).expect("it can go");
        }
    }
    broker.start();
    while inbox.turn(PATIENCE).is_ok() {}
    assert!(!inbox.connect(near).expect("it listens"), "it knows nothing");
    assert_eq!(watch.ask("release"), "done: let 1 packet go\n");
    let (ended, told) = watch.quit();
    assert_eq!(ended.status.code(), Some(1), "{told}");
    assert!(told.contains("forgot: ") && told.contains("the session of inbox"), "{told}");
    let shown = text(&ended.stdout);
    let read = twinboard::report::jsonl::Reader::new(shown.as_bytes()).expect("a header");
    let entries: Result<Vec<_>, _> = read.collect();
    assert!(entries.expect("JSON lines and nothing else").len() > 5);
}
