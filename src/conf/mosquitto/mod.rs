//! `mosquitto.conf`: the boards' brokers are configured in mosquitto's words.
//! [mosquitto.conf manual, version 2.1]
//!
//! ```text
//! text --- Line (option, value) --+-- general    the whole broker
//!                                 +-- listener   listener, port, max_connections …
//!                                 +-- bridge     connection, then its options
//!                                 +-- names      unknown, or not supported yet
//! ```
//!
//! Two things differ from mosquitto on purpose: an option that cannot mean what it says is an
//! error, and so is a file that would refuse every client.

mod address;
mod bridge;
mod general;
mod line;
pub mod lines;
mod listener;
pub mod log;
mod names;
mod reader;
mod topic;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use address::address;
pub use line::Line;
pub use lines::Lines;
pub use log::Log;

use super::engine::Engine;
use super::error::{ConfError, Mistake};
use crate::broker::{Address, Settings};

/// `sys_interval` where nothing is said.
const SYS_INTERVAL: Duration = Duration::from_secs(10);

/// A port that a broker opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// TCP port, 1 to 65,535.
    pub port: u16,
    /// The address or host name to bind; none stands for every interface of the machine.
    pub bind_address: Option<String>,
    /// The line of the file, counted from 1.
    pub line: usize,
}

/// What a file says, with mosquitto's defaults where it says nothing.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file's name in messages.
    pub file: String,
    /// The ports to open, in the order of the file. None stands for one on loopback alone, 1883
    /// unless the command line names another.
    pub listeners: Vec<Listener>,
    /// What the broker core is told.
    pub settings: Settings,
    /// Whether clients without a user name are let in. A file with a listener must say so; without
    /// a listener it is true, as only this machine can connect.
    pub allow_anonymous: bool,
    /// `persistence_location`: the folder of the store; none stands for a place of the caller's
    /// choice.
    pub persistence_location: Option<PathBuf>,
    /// `persistence_file`: the store's file name, `mosquitto.db` unless the file says otherwise.
    pub persistence_file: String,
    /// `set_tcp_nodelay`: whether small packets leave at once.
    pub set_tcp_nodelay: bool,
    /// The log's options.
    pub log: Log,
    /// Where in the file it is said.
    pub lines: Lines,
    /// What the file's author might want to know, though the file works: old options, options
    /// without effect, times that were put right. Shown as notes, in the order of the lines.
    pub notes: Vec<Mistake>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            file: String::new(),
            listeners: Vec::new(),
            settings: Settings { sys_interval: SYS_INTERVAL, ..Settings::default() },
            allow_anonymous: true,
            persistence_location: None,
            persistence_file: "mosquitto.db".to_owned(),
            set_tcp_nodelay: false,
            log: Log::default(),
            lines: Lines::default(),
            notes: Vec::new(),
        }
    }
}

impl Config {
    /// Reads the text of a file. `file` is its name in messages; `host` is the machine's name, which
    /// mosquitto puts into the client ids of bridges that have none.
    ///
    /// # Errors
    /// Everything that is wrong in the file.
    pub fn parse(file: &str, text: &str, host: &str) -> Result<Self, ConfError> {
        match Self::read(file, text, host) {
            (config, mistakes) if mistakes.is_empty() => Ok(config),
            (_, mistakes) => Err(ConfError { mistakes }),
        }
    }

    /// Reads the text of a file as far as it can be read: what it says where it is right, and
    /// what is wrong in it, in the order of the lines.
    #[must_use]
    pub fn read(file: &str, text: &str, host: &str) -> (Self, Vec<Mistake>) {
        Self::read_for(&Engine::Native, file, text, host)
    }

    /// The same for a file that this engine is to run with: what mosquitto alone can do is no mistake
    /// where mosquitto is to do it.
    #[must_use]
    pub fn read_for(engine: &Engine, file: &str, text: &str, host: &str) -> (Self, Vec<Mistake>) {
        reader::read(engine, file, text, host)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// The file cannot be read, or everything that is wrong in it.
    pub fn load(path: &Path, host: &str) -> Result<Self, ConfError> {
        let (name, text) = text_of(path)?;
        Self::parse(&name, &text, host)
    }
}

/// A file's name, as in messages, and its text.
///
/// # Errors
/// The file cannot be read.
pub fn text_of(path: &Path) -> Result<(String, String), Mistake> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|why| {
        let help = "check the path, and that the file can be read as text in UTF-8";
        Mistake::of_file(&name, format!("the file cannot be read: {why}"), help)
    })?;
    Ok((name, text))
}

/// The lines of a file that say something.
pub fn said(text: &str) -> impl Iterator<Item = Line<'_>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.split('\n').enumerate().filter_map(|(at, raw)| Line::parse(at + 1, raw))
}

/// Whether an option belongs to the last `connection`.
#[must_use]
pub fn is_of_a_bridge(option: &str) -> bool {
    names::BRIDGE.contains(&option)
}

/// Reads `host[:port]`.
pub(in crate::conf) fn parse_address(text: &str) -> Result<Address, String> {
    address::parse(text).map_err(|wrong| wrong.what)
}
