//! Where a broker's log goes and what it says: `log_dest`, `log_type`, `log_timestamp` and
//! `connection_messages`.

use std::path::PathBuf;

use super::line::{Line, Wrong, wrong};
use crate::conf::error::Sort;

/// The options of the log, with mosquitto's defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// `log_dest`, each once; standard error where the file says nothing, nowhere after `none`.
    pub destinations: Vec<Destination>,
    /// `log_type`, each once; error, warning, notice and information where the file says nothing.
    pub types: Vec<LogType>,
    /// `log_timestamp`: whether each line begins with the time.
    pub timestamp: bool,
    /// `connection_messages`: whether clients that come and go are mentioned.
    pub connection_messages: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            destinations: vec![Destination::Stderr],
            types: vec![LogType::Error, LogType::Warning, LogType::Notice, LogType::Information],
            timestamp: true,
            connection_messages: true,
        }
    }
}

/// Where the log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A file, appended to.
    File(PathBuf),
}

/// What can be logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogType {
    /// What failed.
    Error,
    /// What may fail.
    Warning,
    /// What is worth a look.
    Notice,
    /// The broker's ordinary life.
    Information,
    /// Every packet.
    Debug,
    /// Every SUBSCRIBE.
    Subscribe,
    /// Every UNSUBSCRIBE.
    Unsubscribe,
}

const ALL: [LogType; 7] = [
    LogType::Error,
    LogType::Warning,
    LogType::Notice,
    LogType::Information,
    LogType::Debug,
    LogType::Subscribe,
    LogType::Unsubscribe,
];

/// The log's options while a file is read: the first line of each kind replaces the default.
#[derive(Debug, Default)]
pub(super) struct Reading {
    log: Log,
    destinations_given: bool,
    types_given: bool,
}

impl Reading {
    /// What was read.
    pub(super) fn finish(self) -> Log {
        self.log
    }

    /// Takes a line, if it is one of the log's.
    pub(super) fn read(&mut self, line: &Line<'_>) -> Result<bool, Wrong> {
        match line.option {
            "log_dest" => self.destination(line)?,
            "log_type" => self.log_type(line)?,
            "log_timestamp" => self.log.timestamp = line.bool()?,
            "connection_messages" => self.log.connection_messages = line.bool()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn destination(&mut self, line: &Line<'_>) -> Result<(), Wrong> {
        let (kind, rest) = line.text()?.split_once(' ').unwrap_or((line.value, ""));
        let destination = match kind {
            "none" => None,
            "stdout" => Some(Destination::Stdout),
            "stderr" => Some(Destination::Stderr),
            "file" if rest.trim().is_empty() => {
                return Err(wrong("`log_dest file` needs the path of a file"));
            }
            "file" => Some(Destination::File(PathBuf::from(rest.trim()))),
            "syslog" | "topic" | "dlt" | "android" => {
                return Err(not_yet(&format!("log_dest {kind}")));
            }
            other => {
                return Err(wrong(format!("`log_dest` takes no `{other}`"))
                    .help("it takes stdout, stderr, none, or file and a path"));
            }
        };
        if !self.destinations_given || destination.is_none() {
            self.log.destinations.clear();
        }
        self.destinations_given = true;
        self.log.destinations.extend(destination);
        self.log.destinations.dedup();
        Ok(())
    }

    fn log_type(&mut self, line: &Line<'_>) -> Result<(), Wrong> {
        let word = line.word()?;
        if !self.types_given || word == "none" {
            self.log.types.clear();
        }
        let types: &[LogType] = match word {
            "none" => &[],
            "all" => &ALL,
            "error" => &[LogType::Error],
            "warning" => &[LogType::Warning],
            "notice" => &[LogType::Notice],
            "information" => &[LogType::Information],
            "debug" => &[LogType::Debug],
            "subscribe" => &[LogType::Subscribe],
            "unsubscribe" => &[LogType::Unsubscribe],
            "websockets" | "internal" => return Err(not_yet(&format!("log_type {word}"))),
            other => {
                return Err(wrong(format!("`log_type` takes no `{other}`")).help(
                    "it takes error, warning, notice, information, debug, subscribe, \
                     unsubscribe, all or none",
                ));
            }
        };
        self.types_given = true;
        for found in types {
            if !self.log.types.contains(found) {
                self.log.types.push(*found);
            }
        }
        Ok(())
    }
}

/// An option, or a value of one, that mosquitto has and this program does not.
pub(super) fn not_yet(option: &str) -> Wrong {
    wrong(format!("`{option}` is an option of mosquitto's that Twinboard does not support yet"))
        .sort(Sort::Unsupported)
}
