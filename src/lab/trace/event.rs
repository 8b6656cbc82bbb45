//! What can happen in a world.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::crossing::Crossing;
use super::wire::Wire;
use crate::cable::Deed;
use crate::lab::command::{Action, DiskTrouble};
use crate::lab::name::{BoardName, CableName, ProgramName};
use crate::mqtt::ClientId;
use crate::{broker, card};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Counts the entries of a world from 1.
    pub number: u64,
    /// When, since 1970.
    pub at: Duration,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// Somebody who is given every entry as it comes. It is called where the world lives: it must not
/// block.
pub type Listener = Box<dyn FnMut(&Arc<Entry>) + Send>;

/// What can happen in a world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A broker decided or noticed something.
    Broker { board: BoardName, event: broker::Event },
    /// A program did something or something was done to it.
    Program { program: ProgramName, event: card::Event },
    /// A packet came to a cable and ended there in one way or the other.
    Packet(Crossing),
    /// A connection through a cable ended; in words, how.
    WireEnded { wire: Arc<Wire>, how: String },
    /// Something was done to a cable.
    Cable { cable: CableName, deed: Deed },
    /// A board's power went on or off.
    Power { board: BoardName, on: bool },
    /// Something was done to a board's disk; none when it works again.
    Disk { board: BoardName, trouble: Option<DiskTrouble> },
    /// A broker that is not ours said this in its log.
    EngineSays { board: BoardName, line: String },
    /// Its log says that it drops what it has for this client from now on, for want of room.
    EngineDrops { board: BoardName, client: ClientId },
    /// Something was started, stopped or killed by hand or by a script.
    Asked { what: String, action: Action },
    /// Everything begins again, with nothing kept.
    Fresh,
    /// So many packets came too fast and are not in this trace.
    Missed { packets: u64 },
    /// A line for people: trouble, a fresh start, a step of a script.
    Note(String),
}

impl Event {
    /// Whether it is one of many for each message, packet or subscription: for ladders and passports,
    /// and not for a list that a person reads. That a message was published is for both.
    #[must_use]
    pub fn is_detail(&self) -> bool {
        use broker::Event as E;
        match self {
            Self::Packet(_) => true,
            Self::Broker { event, .. } => matches!(
                event,
                E::TakenOut { .. }
                    | E::Queued { .. }
                    | E::Sent { .. }
                    | E::Delivered { .. }
                    | E::Subscribed { .. }
                    | E::Unsubscribed { .. }
                    | E::Committed { .. }
            ),
            _ => false,
        }
    }

    /// Whether somebody did something on purpose, to break a part or to mend it.
    #[must_use]
    pub fn is_deed(&self) -> bool {
        matches!(
            self,
            Self::Cable { .. } | Self::Power { .. } | Self::Disk { .. } | Self::Asked { .. }
        )
    }

    /// As a sentence with names: "board1: power off". A packet is told without what its cable did.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Packet(crossing) => {
                format!("{} -> {}: {}", crossing.from(), crossing.to(), crossing.words())
            }
            Self::WireEnded { wire, how } => {
                format!("{} and {}: the connection ended ({how})", wire.dialer, wire.target)
            }
            Self::Broker { board, event } => format!("{board}: {event}"),
            Self::Program { program, event } => format!("{program}: {event}"),
            Self::Cable { cable, deed } => format!("{cable}: {deed}"),
            Self::Power { board, on } => {
                format!("{board}: power {}", if *on { "on" } else { "off" })
            }
            Self::Disk { board, trouble } => match trouble {
                None => format!("{board}: the disk works again"),
                Some(DiskTrouble::Full) => format!("{board}: the disk is full"),
                Some(DiskTrouble::Slow { ms }) => format!("{board}: the disk takes {ms} ms more"),
            },
            Self::EngineSays { board, line } => format!("{board} says: {line}"),
            Self::EngineDrops { board, client } => {
                format!("{board} drops messages for {client}: its queue is full")
            }
            Self::Asked { what, action } => format!("{what}: {action}"),
            Self::Fresh => "everything begins again".to_owned(),
            Self::Missed { packets } => format!("{packets} packets are missing here"),
            Self::Note(text) => text.clone(),
        }
    }
}
