//! `twinboard check` as a process: what it says of a triangle of bridges and of broken files, and
//! what `run` says of the same triangle before it starts.

use std::process::{Command, Output};

use serde_json::Value;

const OURS: &str = env!("CARGO_BIN_EXE_twinboard");
/// What is to be said of `tests/triangle`.
const TRIANGLE: &str = include_str!("triangle/expected.txt");

fn twinboard(arguments: &[&str]) -> Output {
    let mut command = Command::new(OURS);
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.output().expect("it starts")
}

/// The text on standard output, and the exit status.
fn said(arguments: &[&str]) -> (String, Option<i32>) {
    let output = twinboard(arguments);
    (String::from_utf8(output.stdout).expect("text"), output.status.code())
}

#[test]
fn a_triangle() {
    assert_eq!(said(&["check", "tests/triangle"]), (TRIANGLE.to_owned(), Some(1)));
    // The same files, without what the scenario knows of programs.
    let files = ["north", "east", "west"].map(|name| format!("tests/triangle/{name}.conf"));
    let (text, status) = said(&["check", &files[0], &files[1], &files[2]]);
    assert!(text.starts_with(TRIANGLE.lines().next().expect("a line")), "{text}");
    assert_eq!(status, Some(1));
    // Two of them have no loop.
    let (text, _) = said(&["check", &files[0], &files[1]]);
    assert!(!text.contains("error"), "{text}");
}

#[test]
fn for_machines() {
    let (text, status) = said(&["check", "tests/triangle", "--format", "json"]);
    let findings: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(findings[0]["id"], "loop");
    assert_eq!(findings[0]["file"], "tests/triangle/west.conf");
    assert_eq!((&findings[0]["line"], status), (&Value::from(7), Some(1)));
    assert_eq!(findings.as_array().expect("a list").len(), TRIANGLE.matches("cure: ").count());
}

#[test]
fn broken_files_are_told_with_their_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    let broken = "listener 1883 localhost\nallow_anonymous true\nconnection x\naddress localhost\n\
                  topic \"\" both 2 here\nadress y\ntopic # out 2\ncafile z\n";
    let path = file("broken.conf", broken);
    let shown = folder.path().display().to_string();
    for target in [&path, &shown] {
        let (text, status) = said(&["check", target]);
        for (line, id) in [(5, "empty-prefix"), (6, "mistake"), (7, "loop"), (8, "unsupported")] {
            let severity = if id == "unsupported" { "note" } else { "error" };
            assert!(text.contains(&format!("{path}:{line}: {severity}[{id}]")), "{id}\n{text}");
        }
        assert_eq!(status, Some(1));
    }
    let scenario = "title = 'x'\n[[board]]\nname = 'a'\nconf = 'brokn.conf'\n";
    file("scenario.toml", scenario);
    let (text, status) = said(&["check", &shown]);
    assert!(
        text.contains("scenario.toml:3: error[mistake]: there is no file `brokn.conf`"),
        "{text}"
    );
    assert_eq!(status, Some(1));
    let (text, status) = said(&["check", "no/such/file.conf"]);
    assert!(text.contains("no/such/file.conf: error[mistake]: the file cannot be read"), "{text}");
    assert_eq!(status, Some(1));
}

#[test]
fn the_exit_status() {
    assert_eq!(said(&["check", "dual-board"]), ("nothing found in 3 files\n".to_owned(), Some(0)));
    assert_eq!(said(&["check", "broker-configs/dual-board"]).1, Some(0));
    for wrong in
        [&["check"][..], &["check", "--explain", "nonsense"], &["check", "x", "--format", "y"]]
    {
        assert_eq!(said(wrong), (String::new(), Some(2)), "{wrong:?}");
    }
    let (text, status) = said(&["check", "--explain", "loop"]);
    assert!(text.starts_with("loop: ") && text.contains("no-local"), "{text}");
    assert_eq!(status, Some(0));
    assert!(said(&["check", "--list"]).0.contains("open-listener "));
}

#[test]
fn run_says_it_before_it_starts() {
    let data = tempfile::tempdir().expect("a folder");
    let place = data.path().display().to_string();
    let run = ["run", "tests/triangle", "--data", &place, "--ports", "auto", "--report", "json"];
    let output = twinboard(&run);
    let warned = String::from_utf8_lossy(&output.stderr);
    let first =
        format!("{} (`twinboard check --explain loop`)", TRIANGLE.lines().next().expect("a line"));
    assert!(warned.contains(&first), "{warned}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["findings"][0]["id"], "loop");
    let all = report["findings"].as_array().expect("a list").len();
    assert_eq!(all, TRIANGLE.matches("cure: ").count());
}
