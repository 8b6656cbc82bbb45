//! What a person or a script may ask of a world. The windows, the scripts of scenarios and the
//! command line all speak this.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::name::{BoardName, BridgeName, CableName, ProgramName};
use super::transport::Order;
use crate::cable::Deed;
use crate::card::SensorNumber;
use crate::mqtt::Message;

/// One request. What comes of it shows in the next snapshots and in the trace.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Click a sensor's button in a program's window.
    Toggle { program: ProgramName, sensor: SensorNumber },
    /// Set a sensor to OK (true) or KO (false).
    Set { program: ProgramName, sensor: SensorNumber, ok: bool },
    /// Have a counter publish so many more numbers at once.
    Publish { program: ProgramName, count: u64 },
    /// Publish a message in a program's name, by its connection.
    Message { program: ProgramName, message: Message },
    /// Do something to a program.
    Program { program: ProgramName, action: Action },
    /// Do something to a board's broker.
    Broker { board: BoardName, action: Action },
    /// Do something to a bridge, leaving its broker alone.
    Bridge { bridge: BridgeName, action: Action },
    /// Let a bridge that waits dial at once.
    RetryNow { bridge: BridgeName },
    /// Give a board power, or take it from broker and programs together, as by a pulled plug.
    Power { board: BoardName, on: bool },
    /// Do something to a cable.
    Cable { cable: CableName, deed: Deed },
    /// Let a board's disk fail, or work again.
    Disk { board: BoardName, trouble: Option<DiskTrouble> },
    /// Cut the connections on which a packet was dropped, once: MQTT sends again only on a new one.
    Reconnect,
    /// Ask all brokers what they retain, and give the last word on everything so far.
    Judge,
    /// Start everything again on an empty state; the old state is kept aside.
    FreshStart,
    /// Put a state that was kept aside back in place.
    PutBack { aside: PathBuf },
    /// Go through a run in simulated time.
    Transport(Order),
    /// End everything cleanly.
    Quit,
}

/// What can be done to a program, a broker or a bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Start it, if it is not running.
    Start,
    /// Stop it politely: a goodbye to whoever it is connected to, everything flushed.
    Stop,
    /// Stop it politely and start it again.
    Restart,
    /// End it without a goodbye.
    Kill,
    /// Let it do nothing at all, and lose nothing: its connections stay open.
    Freeze,
    /// Let it go on after that.
    Thaw,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Kill => "kill",
            Self::Freeze => "freeze",
            Self::Thaw => "thaw",
        })
    }
}

/// What can be wrong with a board's disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiskTrouble {
    /// Nothing can be written.
    Full,
    /// Each commit takes so much longer.
    Slow {
        /// By how much.
        ms: u64,
    },
}

impl fmt::Display for DiskTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("it is full"),
            Self::Slow { ms } => write!(f, "each commit takes {ms} ms more"),
        }
    }
}
