//! The mosquitto of this machine: where it is, which one it is, and how it is started for a board.
//!
//! ```text
//! STATE/mosquitto.conf    derived from the board's conf, see [`derived`](super::derived)
//! STATE/…                 what its persistence writes, under the conf's own file name
//! ```

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::derived::{Ends, derived};
use super::process::{Process, Recipe, Tell};
use super::{EngineError, free_ports, io};
use crate::conf::ConfText;

/// Folders that a user's path may not have: Debian keeps daemons in the first.
const MORE_FOLDERS: &[&str] = &[
    "/usr/sbin",
    "/usr/local/sbin",
    "/opt/homebrew/sbin",
    "C:\\Program Files\\mosquitto",
    "C:\\Program Files (x86)\\mosquitto",
];

/// How a log line begins that says whose messages are dropped. [mosquitto 2.0,
/// `src/database.c`]
const DROPS: &str = "Outgoing messages are being dropped for client ";

/// A mosquitto to start.
pub struct Start<'a> {
    /// The board's conf.
    pub conf: &'a ConfText,
    /// How many listeners it has; 1 where it says nothing of one.
    pub listeners: usize,
    /// Where to dial for each address of each bridge.
    pub bridges: &'a [Vec<SocketAddr>],
    /// A folder of its own, which is made.
    pub state: &'a Path,
    /// This program's file.
    pub own: &'a Path,
    /// Hears it.
    pub tell: Tell,
}

/// The program's file.
///
/// # Errors
/// When there is none.
pub fn find() -> Result<PathBuf, EngineError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).chain(MORE_FOLDERS.iter().map(PathBuf::from));
    let name = format!("mosquitto{}", std::env::consts::EXE_SUFFIX);
    let found = folders.find_map(|folder| Some(folder.join(&name)).filter(|it| it.is_file()));
    found.ok_or(EngineError::NoMosquitto)
}

/// Its name and version: "mosquitto 2.0.11". The name alone, where it does not tell.
#[must_use]
pub fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let asked =
            |program: PathBuf| Command::new(program).arg("-h").stdin(Stdio::null()).output();
        let told = find().ok().and_then(|program| asked(program).ok());
        let told = told.map(|it| String::from_utf8_lossy(&it.stdout).into_owned());
        let first = told.as_deref().and_then(|it| it.lines().next()).unwrap_or_default();
        match first.strip_prefix("mosquitto version ") {
            Some(version) => format!("mosquitto {}", version.trim()),
            None => "mosquitto".to_owned(),
        }
    })
}

/// Starts it, and says where it listens, in the order of the conf's listeners.
///
/// # Errors
/// When there is none, or when it does not start, with what it says.
pub async fn start(start: Start<'_>) -> Result<(Process, Vec<SocketAddr>), EngineError> {
    let program = find()?;
    let state = std::path::absolute(start.state).map_err(io("a folder without a place"))?;
    let shown = state.display();
    std::fs::create_dir_all(&state).map_err(io(format!("cannot make the folder {shown}")))?;
    let ports = free_ports(start.listeners)?;
    let ends = Ends { ports: &ports, bridges: start.bridges, folder: &state, root: is_root() };
    let conf = state.join("mosquitto.conf");
    std::fs::write(&conf, derived(&start.conf.text, &ends))
        .map_err(io(format!("cannot write {}", conf.display())))?;
    let addresses: Vec<_> =
        ports.iter().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, *port))).collect();
    let recipe = Recipe {
        engine: "mosquitto",
        program: &program,
        arguments: vec!["-c".into(), conf.into()],
        folder: start.conf.folder.as_deref().unwrap_or(&state),
        own: start.own,
        addresses: addresses.clone(),
        tell: start.tell,
    };
    Ok((Process::start(recipe).await?, addresses))
}

/// Whose messages a line of its log says are dropped from now on, for want of room in a queue.
#[must_use]
pub fn drops(line: &str) -> Option<&str> {
    line.strip_prefix(DROPS)?.strip_suffix('.')
}

/// Whether root starts it.
#[must_use]
pub fn is_root() -> bool {
    #[cfg(unix)]
    return rustix::process::geteuid().is_root();
    #[cfg(not(unix))]
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_messages_are_dropped() {
        let line = "Outgoing messages are being dropped for client lab.b.";
        assert_eq!(drops(line), Some("lab.b"));
        assert_eq!(drops("Client lab disconnected."), None);
        assert_eq!(drops(DROPS), None);
    }
}
