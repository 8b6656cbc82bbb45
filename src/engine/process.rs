//! A broker that is a process: started, listened to, ended, frozen. Knows nothing of MQTT.
//!
//! ```text
//! Recipe --> process --- stderr ---> thread --- Said ---> Tell
//!               ^
//!               +--- signals: stop, kill, freeze, thaw
//! ```

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStderr, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use super::{EngineError, how, io, leash};

/// How long it may take until it listens: with a large state, some seconds.
const UNTIL_LISTENS: Duration = Duration::from_secs(20);
/// How long a polite end may take.
const UNTIL_ENDED: Duration = Duration::from_secs(5);
/// How often it is asked to end.
const ASK_AGAIN: Duration = Duration::from_millis(200);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(3);
/// So many of its last lines are kept for an error.
const KEPT: usize = 8;

/// What a broker says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// A line of its log, without the time.
    Line(String),
    /// It is not heard any more: it has ended.
    Ended,
}

/// Hears what a broker says; called on a thread of its own.
pub type Tell = Box<dyn FnMut(Said) + Send>;

/// How to start one.
pub(super) struct Recipe<'a> {
    /// For people: "mosquitto".
    pub engine: &'a str,
    /// The program's file.
    pub program: &'a Path,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Where paths of its conf start from.
    pub folder: &'a Path,
    /// This program's file.
    pub own: &'a Path,
    /// Where it will listen, each once.
    pub addresses: Vec<SocketAddr>,
    /// Hears it.
    pub tell: Tell,
}

/// A broker that runs as a process. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    engine: String,
    child: Child,
    said: Arc<Mutex<VecDeque<String>>>,
    ears: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts it, and waits until it listens everywhere.
    pub(super) async fn start(recipe: Recipe<'_>) -> Result<Self, EngineError> {
        let engine = recipe.engine.to_owned();
        let mut command = leash::command(recipe.own, recipe.program, &recipe.arguments);
        command.current_dir(recipe.folder);
        // Colours would be in the way.
        command.env("NO_COLOR", "1").env("RUST_LOG", "warn");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        // Ctrl-c is for the lab alone, which then ends its brokers.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().map_err(io(format!("{engine} does not start")))?;
        let said: Arc<Mutex<VecDeque<String>>> = Arc::default();
        let stderr = child.stderr.take();
        let mut process = Self { engine, child, said, ears: None };
        let (said, tell) = (Arc::clone(&process.said), recipe.tell);
        let name = format!("hears {}", process.engine);
        let hear = move || hear(stderr, &said, tell);
        let ears = std::thread::Builder::new().name(name).spawn(hear);
        process.ears = Some(ears.map_err(io("no thread to hear a broker"))?);
        process.until_listens(&recipe.addresses).await?;
        Ok(process)
    }

    async fn until_listens(&mut self, addresses: &[SocketAddr]) -> Result<(), EngineError> {
        let until = Instant::now() + UNTIL_LISTENS;
        for address in addresses {
            while TcpStream::connect(address).await.is_err() {
                if let Some(error) = self.ended() {
                    return Err(error);
                }
                if Instant::now() > until {
                    let (engine, said) = (self.engine.clone(), self.last_lines());
                    let why = format!("does not listen on {address} after {UNTIL_LISTENS:?}");
                    return Err(EngineError::Ended { engine, why, said });
                }
                sleep(LOOK).await;
            }
        }
        // Somebody else may have taken the port in between.
        self.ended().map_or(Ok(()), Err)
    }

    /// How it ended, if it did so by itself.
    pub fn ended(&mut self) -> Option<EngineError> {
        let status = self.child.try_wait().ok().flatten()?;
        // What it said last may still be on its way: its end of the pipe is closed, so not for long.
        if let Some(ears) = self.ears.take()
            && ears.join().is_err()
        {
            tracing::error!("what hears a broker panicked");
        }
        let (engine, said) = (self.engine.clone(), self.last_lines());
        Some(EngineError::Ended { engine, why: how(status), said })
    }

    /// Its number in the system.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it politely. When this returns it is gone, and its ports are free.
    pub(super) async fn stop(mut self) -> Result<(), EngineError> {
        if !self.signal(Signal::Stop) {
            self.end().await;
            return Ok(());
        }
        let until = Instant::now() + UNTIL_ENDED;
        let mut again = Instant::now() + ASK_AGAIN;
        while matches!(self.child.try_wait(), Ok(None)) {
            // A mosquitto that listens but has not come to its loop yet forgets the first one.
            if Instant::now() > again && self.signal(Signal::Stop) {
                again += ASK_AGAIN;
            }
            if Instant::now() > until {
                let (engine, said) = (self.engine.clone(), self.last_lines());
                self.end().await;
                let why = format!("did not end within {UNTIL_ENDED:?} and was killed");
                return Err(EngineError::Ended { engine, why, said });
            }
            sleep(LOOK).await;
        }
        self.end().await;
        Ok(())
    }

    /// Ends it as a pulled plug does: its connections are reset, nothing is flushed.
    pub(super) async fn kill(self) {
        self.end().await;
    }

    async fn end(mut self) {
        if let Err(error) = self.child.kill() {
            tracing::debug!(engine = self.engine, %error, "it has ended already");
        }
        while matches!(self.child.try_wait(), Ok(None)) {
            sleep(LOOK).await;
        }
        // Once it has ended, nobody holds the other end of its pipe.
        while self.ears.as_ref().is_some_and(|ears| !ears.is_finished()) {
            sleep(LOOK).await;
        }
    }

    /// Lets it do nothing at all; its connections stay open.
    pub(super) fn freeze(&self) -> Result<(), EngineError> {
        self.ask(Signal::Freeze)
    }

    /// Lets it go on.
    pub(super) fn thaw(&self) -> Result<(), EngineError> {
        self.ask(Signal::Thaw)
    }

    fn ask(&self, signal: Signal) -> Result<(), EngineError> {
        if self.signal(signal) {
            return Ok(());
        }
        let engine = &self.engine;
        Err(EngineError::Cannot(format!("{engine} cannot be frozen or thawed on this system")))
    }

    /// Whether this system has such a signal, and the process is there to get it.
    #[cfg(unix)]
    fn signal(&self, signal: Signal) -> bool {
        use rustix::process::{Pid, Signal as Number, kill_process};
        let numbers: &[Number] = match signal {
            // What is frozen does not hear.
            Signal::Stop => &[Number::TERM, Number::CONT],
            Signal::Freeze => &[Number::STOP],
            Signal::Thaw => &[Number::CONT],
        };
        let pid = Pid::from_child(&self.child);
        numbers.iter().all(|number| kill_process(pid, *number).is_ok())
    }

    #[cfg(not(unix))]
    fn signal(&self, _: Signal) -> bool {
        false
    }

    fn last_lines(&self) -> Vec<String> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Ended already where it was ended in order; then both only say so.
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            tracing::debug!(engine = self.engine, %error, "a broker could not be ended");
        }
    }
}

#[derive(Clone, Copy)]
enum Signal {
    Stop,
    Freeze,
    Thaw,
}

fn hear(stderr: Option<ChildStderr>, said: &Mutex<VecDeque<String>>, mut tell: Tell) {
    for line in stderr.into_iter().flat_map(|it| BufReader::new(it).split(b'\n')) {
        let Ok(line) = line else { break };
        let line = without_time(String::from_utf8_lossy(&line).trim_end()).to_owned();
        if line.is_empty() {
            continue;
        }
        let mut last = said.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() == KEPT {
            last.pop_front();
        }
        last.push_back(line.clone());
        drop(last);
        tell(Said::Line(line));
    }
    tell(Said::Ended);
}

/// A line of a log without the time it begins with: mosquitto's `1700000000: `, or
/// `2026-01-31T12:00:00.000000Z  `.
fn without_time(line: &str) -> &str {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((time, rest)) = line.split_once(": ")
        && digits(time)
    {
        return rest;
    }
    match line.split_once(' ') {
        Some((time, rest)) if time.ends_with('Z') && time.contains('T') => rest.trim_start(),
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_told_without_its_time() {
        let check = |line: &str, expected: &str| assert_eq!(without_time(line), expected);
        check("1700000000: mosquitto version 2.0.11 running", "mosquitto version 2.0.11 running");
        check("Error: Invalid", "Error: Invalid");
        check("2026-01-31T12:00:00.123456Z ERROR rumqttd: x", "ERROR rumqttd: x");
        check("12: ", "");
        check("", "");
    }
}
