//! A broker as a process of its own, ended with the value that stands for it.

use std::fs::File;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::options::{Protocol, Stop};
use super::packet::{self, Introduction};
use super::trouble::Trouble;

/// How long a broker may take until it answers a CONNECT, unless its state is large.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long an answer to a first CONNECT may take before another connection is tried.
const ANSWER: Duration = Duration::from_mins(1);

/// A broker that runs.
pub struct Process {
    child: Child,
    address: SocketAddr,
}

/// How to start one.
pub struct Recipe<'a> {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub address: SocketAddr,
    /// Where it runs, and where its log goes.
    pub folder: &'a Path,
    pub name: &'a str,
    pub protocol: Protocol,
}

impl Process {
    /// Starts it and waits until it answers a CONNECT.
    pub fn start(recipe: &Recipe<'_>, stop: &Stop) -> Result<Self, Trouble> {
        let log = recipe.folder.join(format!("{}.log", recipe.name));
        let program = recipe.program.display();
        let start = |error| Trouble::Start(format!("{program} does not start: {error}"));
        let into = File::create(&log).map_err(start)?;
        let mut command = Command::new(&recipe.program);
        command.args(&recipe.arguments).current_dir(recipe.folder);
        // What a broker logs for each connection would count as its work.
        command.env("RUST_LOG", "off").stdin(Stdio::null());
        command.stdout(into.try_clone().map_err(start)?).stderr(into);
        // Ctrl-c is for the bench alone, which then ends its brokers.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.spawn().map_err(start)?;
        let mut process = Self { child, address: recipe.address };
        let begun = Instant::now();
        while !process.answers(recipe.protocol) {
            if stop.wished() {
                return Err(Trouble::Stopped);
            }
            let ended = process.child.try_wait().map_err(start)?;
            if ended.is_some() || begun.elapsed() > PATIENCE {
                let why = ended.map_or("it does not answer".to_owned(), |it| it.to_string());
                let said = end_of(&log);
                return Err(Trouble::Start(format!("{program} is of no use: {why}\n{said}")));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(process)
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    fn answers(&self, protocol: Protocol) -> bool {
        answers(self.address, protocol).unwrap_or(false)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            eprintln!("process {} could not be ended: {error}", self.child.id());
        }
    }
}

/// Whether a broker there answers a CONNECT.
fn answers(address: SocketAddr, protocol: Protocol) -> std::io::Result<bool> {
    use std::io::Write;
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(ANSWER))?;
    let mut out = Vec::new();
    let client_id = "bench-asks";
    packet::connect(
        &mut out,
        &Introduction { protocol, client_id, keep_alive_s: 60, lasting: false },
    );
    stream.write_all(&out)?;
    let mut first = [0; 4];
    stream.read_exact(&mut first)?;
    out.clear();
    packet::disconnect(&mut out);
    stream.write_all(&out)?;
    Ok(first[0] == 0x20)
}

/// A port of loopback that nobody has.
pub fn free_address() -> Result<SocketAddr, Trouble> {
    let trouble = |error| Trouble::Io("no free port", error);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(trouble)?;
    listener.local_addr().map_err(trouble)
}

/// The last lines of a log.
fn end_of(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(5)..].join("\n")
}
