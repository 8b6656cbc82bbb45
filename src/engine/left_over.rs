//! A broker's process that outlived the program that started it, because that was killed: it would
//! write into the same folder as the next one. It is noted while it runs, and ended at the next start.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
#[cfg(target_os = "linux")]
use std::time::{Duration, Instant};

/// How long a killed process may take to be gone.
#[cfg(target_os = "linux")]
const PATIENCE: Duration = Duration::from_secs(5);

/// The file in the broker's folder: its number in the system, and what it was started with.
fn file(state: &Path) -> PathBuf {
    state.join("process")
}

/// Notes that a process runs.
pub(super) fn note(state: &Path, id: u32, arguments: &[OsString]) -> io::Result<()> {
    let words: Vec<_> = arguments.iter().map(|it| it.to_string_lossy()).collect();
    std::fs::write(file(state), format!("{id}\n{}", words.join("\n")))
}

/// Forgets it.
pub(super) fn forget(state: &Path) {
    if let Err(error) = std::fs::remove_file(file(state)) {
        tracing::debug!(%error, "there was no note of a broker that ended");
    }
}

/// Ends what an earlier run left in that folder; whether there was anything. Where the system does
/// not tell what a process is, nothing is ended.
#[must_use]
pub fn end(state: &Path) -> bool {
    let Ok(text) = std::fs::read_to_string(file(state)) else { return false };
    let Some((id, words)) = text.split_once('\n') else { return false };
    forget(state);
    id.parse().is_ok_and(|id| end_process(id, words))
}

/// [proc(5) manual]
#[cfg(target_os = "linux")]
fn end_process(id: i32, words: &str) -> bool {
    use rustix::process::{Pid, Signal, kill_process};
    let command = PathBuf::from(format!("/proc/{id}/cmdline"));
    let is_it = || {
        let line = std::fs::read(&command).unwrap_or_default();
        line.ends_with(format!("\0{}\0", words.replace('\n', "\0")).as_bytes())
    };
    let Some(pid) = Pid::from_raw(id).filter(|_| is_it()) else { return false };
    if kill_process(pid, Signal::KILL).is_err() {
        return false;
    }
    // Nobody waits for it but the system, which takes a moment.
    let until = Instant::now() + PATIENCE;
    while is_it() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(1));
    }
    true
}

#[cfg(not(target_os = "linux"))]
fn end_process(_: i32, _: &str) -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn only_what_was_noted_is_ended() {
        let folder = tempfile::tempdir().expect("a folder");
        let arguments = ["600".into()];
        let mut child =
            Command::new("sleep").args(&arguments).stdin(Stdio::null()).spawn().expect("it starts");
        // The system knows a process's words a moment after it knows the process.
        let words = format!("/proc/{}/cmdline", child.id());
        while std::fs::read(&words).expect("it is there").is_empty() {
            std::thread::yield_now();
        }
        assert!(!end(folder.path()), "nothing was noted");
        note(folder.path(), child.id(), &["601".into()]).expect("noted");
        assert!(!end(folder.path()), "another process has the number");
        assert!(child.try_wait().expect("ours").is_none());
        assert!(!file(folder.path()).exists());
        note(folder.path(), child.id(), &arguments).expect("noted");
        // A zombie has no words, so it is gone for whoever asks.
        assert!(end(folder.path()));
        assert!(!child.wait().expect("ours").success());
    }
}
