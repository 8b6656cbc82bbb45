//! What is measured: brokers by their names, and how each is started.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;

use tempfile::TempDir;

use super::bed::Bed;
use super::load::Kind;
use super::options::{Options, Protocol, Stop};
use super::process::{Process, Recipe, free_address};
use super::trouble::Trouble;

/// What every broker gets that reads a mosquitto.conf: nobody is to be slow or to drop messages for
/// a limit that others do not have, or for what it logs.
const SAME_FOR_ALL: &str = "allow_anonymous true\nmax_queued_messages 0\nlog_type none";

/// Messages under way to one subscriber; rumqttd has the same, fixed.
const INFLIGHT: u16 = 100;

/// A broker to measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Ours, in memory.
    Native,
    /// Ours, with every message on disk before it is acknowledged.
    Durable,
    Rumqttd,
    Mosquitto,
    /// Ours, in memory, behind a cable as a lab has it.
    Cabled {
        /// Whether somebody looks at what passes.
        seen: bool,
    },
    /// Ours, in memory, behind a cable as a lab has it before brokers that are processes.
    CabledApart,
    /// Whatever runs there.
    Address(String),
}

/// A target that runs, alone or as two brokers with a bridge from the first to the second.
pub struct System {
    pub publish_to: SocketAddr,
    pub subscribe_at: SocketAddr,
    pub processes: Vec<Process>,
    /// Whether clients keep their sessions, without which nothing of theirs is written down.
    pub lasting: bool,
    /// Removed after the processes are gone.
    _folder: Option<TempDir>,
}

impl System {
    /// What a run stands on.
    pub(super) fn bed<'a>(&'a self, options: &'a Options, stop: &'a Stop) -> Bed<'a> {
        Bed {
            publish_to: self.publish_to,
            subscribe_at: self.subscribe_at,
            processes: &self.processes,
            lasting: self.lasting,
            options,
            stop,
        }
    }
}

impl Target {
    /// Why it cannot be measured on this machine, if it cannot.
    pub fn missing(&self) -> Option<&'static str> {
        let asked = || {
            Command::new(mosquitto()).arg("-h").stdout(Stdio::null()).stderr(Stdio::null()).status()
        };
        (*self == Self::Mosquitto && asked().is_err()).then_some("not installed")
    }

    /// Why it has no figure for such a load, if it has none.
    pub fn unfit(&self, load: Kind) -> Option<&'static str> {
        match (self, load) {
            (Self::Rumqttd, Kind::Bridge(_)) => Some("no bridge"),
            // It cuts the retained messages of a subscription off at what may be under way.
            // [rumqttd 0.20, router/routing.rs]
            (Self::Rumqttd, Kind::Flood) => Some("sends 100 at most"),
            (Self::Address(_), Kind::Bridge(_)) => Some("one address"),
            _ => None,
        }
    }

    /// Starts it, fresh.
    pub(super) fn start(
        &self,
        options: &Options,
        bridged: bool,
        stop: &Stop,
    ) -> Result<System, Trouble> {
        if let Self::Address(address) = self {
            let address = resolve(address)?;
            return Ok(System {
                publish_to: address,
                subscribe_at: address,
                processes: Vec::new(),
                lasting: false,
                _folder: None,
            });
        }
        let folder = folder(options)?;
        let start = |name, bridge_to: Option<SocketAddr>| {
            self.process(&Place { folder: folder.path(), name, bridged, bridge_to }, options, stop)
        };
        let remote = start("remote", None)?;
        let subscribe_at = remote.address();
        let mut processes = vec![remote];
        if bridged {
            processes.push(start("local", Some(subscribe_at))?);
        }
        let mut publish_to = processes.last().map_or(subscribe_at, Process::address);
        let mut subscribe_at = subscribe_at;
        if *self == Self::CabledApart {
            let cable = |to| Process::start(&cable(to, folder.path(), options)?, stop);
            let mut ends = vec![cable(publish_to)?];
            if subscribe_at != publish_to {
                ends.push(cable(subscribe_at)?);
            }
            publish_to = ends[0].address();
            subscribe_at = ends[ends.len() - 1].address();
            processes.extend(ends);
        }
        let lasting = *self == Self::Durable;
        Ok(System { publish_to, subscribe_at, processes, lasting, _folder: Some(folder) })
    }

    /// Starts one process of it, on whatever state it finds in its folder.
    pub(super) fn process(
        &self,
        place: &Place<'_>,
        options: &Options,
        stop: &Stop,
    ) -> Result<Process, Trouble> {
        let address = free_address()?;
        let ours = || {
            std::env::current_exe()
                .map_err(|error| Trouble::Io("where this program is, nobody knows", error))
        };
        let Place { folder, name, .. } = *place;
        let conf = || {
            let path = folder.join(format!("{name}.conf"));
            let text = self.conf(address, place);
            let written = std::fs::write(&path, text).map(|()| path.display().to_string());
            written.map_err(|error| Trouble::Io("no conf file can be written", error))
        };
        let (program, arguments) = match self {
            Self::Rumqttd => {
                let five = options.protocol == Protocol::V5;
                let port = address.port().to_string();
                let mut arguments = vec!["rumqttd".to_owned(), "--port".to_owned(), port];
                arguments.extend(five.then(|| "--v5".to_owned()));
                (ours()?, arguments)
            }
            Self::Mosquitto => (mosquitto(), vec!["-c".to_owned(), conf()?]),
            Self::Cabled { seen } => {
                let port = address.port().to_string();
                let mut arguments: Vec<_> =
                    ["cable", "--port", &port, "-c"].map(str::to_owned).into();
                arguments.push(conf()?);
                arguments.extend(seen.then(|| "--seen".to_owned()));
                (ours()?, arguments)
            }
            _ => (ours()?, vec!["broker".to_owned(), "-c".to_owned(), conf()?]),
        };
        let recipe =
            Recipe { program, arguments, address, folder, name, protocol: options.protocol };
        Process::start(&recipe, stop)
    }

    fn conf(&self, address: SocketAddr, place: &Place<'_>) -> String {
        let Place { folder, name, bridged, bridge_to } = place;
        // The bridge of mosquitto 2.0.11 stands still for ever once as many messages of QoS 2 are
        // under way as may be; without a limit it does not.
        let inflight = if *bridged { 0 } else { INFLIGHT };
        let mut lines = vec![
            format!("listener {} {}", address.port(), address.ip()),
            SAME_FOR_ALL.to_owned(),
            format!("max_inflight_messages {inflight}"),
        ];
        if *self == Self::Durable {
            lines.push("persistence true".to_owned());
            lines.push(format!("persistence_location {}/", folder.display()));
            lines.push(format!("persistence_file {name}.db"));
        }
        // What one of them needs and the other does not know, or does anyway.
        lines.push(match self {
            Self::Mosquitto => "set_tcp_nodelay true".to_owned(),
            _ => "max_subscriptions_per_client 0".to_owned(),
        });
        if let Some(to) = bridge_to {
            lines.push(format!("connection bench\naddress {to}\nremote_clientid bench"));
            lines.push("restart_timeout 1\ntopic load/# out 2".to_owned());
        }
        lines.join("\n") + "\n"
    }
}

/// Where one process of a target keeps its files, what it is called there, and where its bridge
/// leads, if it has one.
pub struct Place<'a> {
    pub folder: &'a Path,
    pub name: &'a str,
    /// Whether it is one of two with a bridge.
    pub bridged: bool,
    pub bridge_to: Option<SocketAddr>,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "native" => Ok(Self::Native),
            "durable" => Ok(Self::Durable),
            "rumqttd" => Ok(Self::Rumqttd),
            "mosquitto" => Ok(Self::Mosquitto),
            "cabled" => Ok(Self::Cabled { seen: false }),
            "cabled-seen" => Ok(Self::Cabled { seen: true }),
            "cabled-apart" => Ok(Self::CabledApart),
            address
                if address.rsplit_once(':').is_some_and(|(_, it)| it.parse::<u16>().is_ok()) =>
            {
                Ok(Self::Address(address.to_owned()))
            }
            _ => Err(
                "it is native, durable, rumqttd, mosquitto, cabled, cabled-seen, cabled-apart or \
                      HOST:PORT"
                    .to_owned(),
            ),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Native => "native",
            Self::Durable => "durable",
            Self::Rumqttd => "rumqttd",
            Self::Mosquitto => "mosquitto",
            Self::Cabled { seen: false } => "cabled",
            Self::Cabled { seen: true } => "cabled-seen",
            Self::CabledApart => "cabled-apart",
            Self::Address(address) => address,
        })
    }
}

/// How to start a cable that leads there, as a process of its own.
fn cable<'a>(to: SocketAddr, folder: &'a Path, options: &Options) -> Result<Recipe<'a>, Trouble> {
    let program = std::env::current_exe()
        .map_err(|error| Trouble::Io("where this program is, nobody knows", error))?;
    let address = free_address()?;
    let (port, to) = (address.port().to_string(), to.to_string());
    let arguments = ["cable", "--port", &port, "--to", &to].map(str::to_owned).into();
    let protocol = options.protocol;
    Ok(Recipe { program, arguments, address, folder, name: "cable", protocol })
}

/// A folder that goes when it is dropped, where the options want it.
pub(super) fn folder(options: &Options) -> Result<TempDir, Trouble> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("twinboard-bench-");
    let made = match &options.folder {
        Some(folder) => builder.tempdir_in(folder),
        None => builder.tempdir(),
    };
    made.map_err(|error| Trouble::Io("no folder for the brokers' files", error))
}

/// Debian keeps it where a user's path does not lead.
fn mosquitto() -> PathBuf {
    let known = Path::new("/usr/sbin/mosquitto");
    if known.exists() { known.to_owned() } else { "mosquitto".into() }
}

fn resolve(address: &str) -> Result<SocketAddr, Trouble> {
    let trouble = |error| Trouble::Io("no such address", error);
    let mut found = address.to_socket_addrs().map_err(trouble)?;
    found.next().ok_or_else(|| trouble(io::ErrorKind::NotFound.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_there_and_back() {
        for name in [
            "native",
            "durable",
            "rumqttd",
            "mosquitto",
            "cabled",
            "cabled-seen",
            "cabled-apart",
            "localhost:1883",
            "[::1]:1883",
        ] {
            assert_eq!(name.parse::<Target>().map(|it| it.to_string()), Ok(name.to_owned()));
        }
        for name in ["", "nativ", "host", "host:", "host:99999"] {
            assert!(name.parse::<Target>().is_err(), "{name}");
        }
    }

    #[test]
    fn a_conf_names_what_its_broker_needs() {
        let address = ([127, 0, 0, 1], 7).into();
        let place = Place { folder: Path::new("/f"), name: "a", bridged: false, bridge_to: None };
        let conf = Target::Durable.conf(address, &place);
        assert!(conf.starts_with("listener 7 127.0.0.1\n") && conf.contains("_location /f/\n"));
        let bridge = Place { bridged: true, bridge_to: Some(([127, 0, 0, 1], 8).into()), ..place };
        let conf = Target::Mosquitto.conf(address, &bridge);
        assert!(conf.contains("address 127.0.0.1:8\n") && !conf.contains("persistence"));
    }
}
