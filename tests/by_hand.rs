//! `twinboard run --by-hand`: a session over a pipe, as a person or a program has it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const SCENARIO: &str = "title = 'T'\n\
    [[board]]\nname = 'one'\nconf = 'one.conf'\nprogram = [{ name = 'c1', kind = 'card1' }]\n\
    [[step]]\nwait_until = { online = 'c1' }\n\
    [[expect]]\nshows = { program = 'c1', sensor = 2, as = 'ok' }\n";

struct Session {
    child: Child,
    says: ChildStdin,
    hears: BufReader<ChildStdout>,
}

impl Session {
    fn new(folder: &std::path::Path) -> Self {
        std::fs::write(folder.join("scenario.toml"), SCENARIO).expect("a file");
        std::fs::write(folder.join("one.conf"), "allow_anonymous true\n").expect("a file");
        let mut process = Command::new(env!("CARGO_BIN_EXE_twinboard"));
        process.arg("run").arg(folder).arg("--data").arg(folder.join("data"));
        process.args(["--ports", "auto", "--by-hand"]);
        process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = process.spawn().expect("it runs");
        let says = child.stdin.take().expect("a pipe");
        let hears = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { child, says, hears }
    }

    fn say(&mut self, line: &str) {
        writeln!(self.says, "{line}").expect("it listens");
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.hears.read_line(&mut line).expect("text");
        line.trim_end().to_owned()
    }

    /// The line that begins so, and all before it.
    fn until(&mut self, begins: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            lines.push(self.hear());
            let last = &lines[lines.len() - 1];
            assert!(!last.is_empty(), "the end before {begins:?}: {lines:?}");
            if last.starts_with(begins) {
                return lines;
            }
        }
    }

    fn check(&mut self, line: &str, expected: &str) {
        self.say(line);
        assert_eq!(self.hear(), expected, "{line}");
    }
}

#[test]
fn steps_are_done_and_mistakes_end_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut session = Session::new(folder.path());
    for sensor in [1, 3] {
        let done = format!("done: set sensor {sensor} on c1 to OK");
        let set = format!("set = {{ program = 'c1', sensor = {sensor}, ok = true }}");
        session.check(&set, &done);
    }
    // What they said has gone.
    session.check(
        "wait_until = { quiet = true }",
        "done: wait until nothing is queued and nothing waits to be sent, at most 10 s",
    );
    session.check(
        "message = { program = 'c1', topic = 'a/b', payload = 'x', retain = true }",
        "done: publish a/b = \"x\" as c1 (QoS 2, retained)",
    );
    session.check("hold = 'c1'", "done: the cable of c1: hold every packet");
    session.check("cut = 'c2'", "wrong: there is no cable `c2`");
    assert_eq!(session.hear(), "    help: did you mean `c1`?");
    session.say("no step at all");
    assert!(session.hear().starts_with("wrong: "));
    session
        .check("set = { program = 'c1', sensor = 2, ok = true }", "done: set sensor 2 on c1 to OK");
    // It is at the cable a moment later.
    loop {
        session.say("show");
        let shown = session.until("one: anybody to one, whole").join("\n");
        if shown.contains("held: 1. out, connection ") {
            let expected =
                "c1: c1 to one, at fault\n    fault: hold every packet\n    held: 1. out";
            assert!(shown.starts_with(expected) && shown.contains("PUBLISH"), "{shown}");
            break;
        }
    }
    let release = "release = { cable = 'c1', direction = 'out' }";
    session.check(release, "done: the cable of c1: let 1 packet go (out)");
    session.check(
        "freeze = { broker = 'one' }, say = 'two keys in a line'",
        "done: freeze the broker of one",
    );
    session.say("thaw = { program = 'c1' }");
    assert_eq!(session.hear(), "not done: thaw c1: c1 is not frozen");
    session.check("thaw = { broker = 'one' }", "done: thaw the broker of one");
    session.check("disk_full = 'one'", "not done: fill the disk of one: the broker of one is memory only and needs no disk: `persistence true` in its conf keeps its state on one");
    session.check("mend = 'c1'", "done: mend the cable of c1");
    session.say("help");
    session.until("  quit ");
    session.check("wait = 0.01", "done: wait 0.01 s");
    session.check(
        "wait_until = { offline = 'c1' }, within = 1",
        "not done: wait until c1 is not connected, at most 1 s: not within 1 s: c1 is connected",
    );
    drop(session.says);
    let mut verdict = String::new();
    std::io::Read::read_to_string(&mut session.hears, &mut verdict).expect("text");
    assert!(verdict.contains("kept    c1 shows sensor 2 as OK"), "{verdict}");
    assert!(verdict.contains("PASSED"), "{verdict}");
    assert!(session.child.wait().expect("it ends").success());
}
