//! The brokers a board can run, behind one face.
//!
//! ```text
//!              +-- native      inside the program                              BrokerHandle
//! Running -----+-- rumqttd     this program as a process of its own            Process
//!              +-- mosquitto   the machine's, with a conf derived from ours    Process
//!              \-- remote      somebody else's: nothing is started or ended    its address
//! ```
//!
//! rumqttd is a process, since inside the program nothing could end it: its router's thread holds
//! the sender of the very channel it waits at, and so waits for ever [rumqttd 0.20,
//! `router/routing.rs`]. As processes, rumqttd and mosquitto can be killed, frozen and thawed, and they
//! end with the program that started them ([`leash`]).
//!
//! What an engine cannot do of what a conf asks is said before anything starts, by [`fits`]. Knows no
//! world, no windows and no measuring.

pub mod derived;
mod fits;
pub mod leash;
pub mod mosquitto;
mod process;
pub mod rumqttd;
mod running;

pub use fits::{Fit, fits, refuses};
pub use process::{Process, Said, Tell};
pub use running::Running;

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::process::ExitStatus;

use thiserror::Error;

/// Brokers' private ports are from here on,
const FIRST: u16 = 12_000;
/// and among so many.
const ROOM: u64 = 18_000;
/// So often a port is tried.
const TRIES: usize = 1_000;

/// A broker that is a process could not be had, or ended otherwise than it should.
#[derive(Debug, Error)]
pub enum EngineError {
    /// There is no mosquitto.
    #[error(
        "mosquitto is not installed: install it (Debian and Ubuntu: `apt install mosquitto`, macOS: \
         `brew install mosquitto`, others: mosquitto.org/download), or choose another engine"
    )]
    NoMosquitto,
    /// Something it needs from the system failed.
    #[error("{what}: {source}")]
    Io {
        /// What was to be done.
        what: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// It ended, or did not listen.
    #[error("{engine} {why}{}", Quoted(.said))]
    Ended {
        /// Which engine.
        engine: String,
        /// How that was.
        why: String,
        /// The last lines it said.
        said: Vec<String>,
    },
    /// This engine cannot do that; in words, with those that can.
    #[error("{0}")]
    Cannot(String),
}

struct Quoted<'a>(&'a [String]);

impl std::fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            [] => Ok(()),
            lines => write!(f, "; it said:\n    {}", lines.join("\n    ")),
        }
    }
}

/// What a failure of the system stopped.
fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> EngineError {
    move |source| EngineError::Io { what: what.into(), source }
}

fn how(status: ExitStatus) -> String {
    format!("ended by itself ({status})")
}

/// So many ports of loopback that nobody has now. They are from below those that systems give to
/// outgoing connections: hardly anybody takes one before the broker does, and then it says so.
///
/// # Errors
/// When there are none.
pub fn free_ports(count: usize) -> Result<Vec<u16>, EngineError> {
    let random = || u16::try_from(RandomState::new().hash_one(0) % ROOM).unwrap_or_default();
    let tries = (0..TRIES).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, FIRST + random())));
    // All are held until all are known, so that they differ.
    let held: Vec<_> = tries.filter_map(Result::ok).take(count).collect();
    let ports = held.iter().filter_map(|it| Some(it.local_addr().ok()?.port()));
    let ports: Vec<_> = ports.collect();
    if ports.len() == count {
        return Ok(ports);
    }
    Err(io(format!("no {count} free ports"))(std::io::ErrorKind::AddrInUse.into()))
}
