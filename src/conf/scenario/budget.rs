//! `[explore]`: what `twinboard sim --seeds` may do to a system.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a random schedule may do, and how much of it.
///
/// ```toml
/// [explore]
/// seconds = 20                      # how long it goes on
/// clicks = 20                       # clicks and messages, at most
/// troubles = 6                      # what goes wrong, at most; each is mended again
/// may = ["cut", "power", "kill"]    # of these kinds; all but "drop", where nothing is said
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Budget {
    /// How long it goes on, in seconds.
    pub seconds: u32,
    /// How many clicks, numbers and messages there are, at most.
    pub clicks: u32,
    /// How many things go wrong, at most.
    pub troubles: u32,
    /// What may go wrong.
    pub may: Vec<Trouble>,
}

impl Default for Budget {
    fn default() -> Self {
        let may = Trouble::ALL.iter().filter(|it| **it != Trouble::Drop);
        Self { seconds: 20, clicks: 20, troubles: 6, may: may.copied().collect() }
    }
}

macro_rules! troubles {
    ($($(#[$doc:meta])* $kind:ident)*) => {
        /// What may go wrong in a random schedule.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Trouble {
            $($(#[$doc])* $kind,)*
        }

        impl Trouble {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$kind),*];
        }
    };
}

troubles! {
    /// A cable is cut, and mended.
    Cut
    /// A cable is cut silently, and mended.
    CutSilently
    /// A connection is cut before or after a certain packet.
    CutAt
    /// A certain packet is dropped on a living connection, as no TCP does it: what comes after it
    /// overtakes it, and MQTT does not mend that. [MQTT 3.1.1, section 4.2]
    Drop
    /// Packets are held, and let go.
    Hold
    /// A cable is slow.
    Delay
    /// A cable loses connections by chance.
    Lose
    /// A board loses its power, and gets it again.
    Power
    /// A broker or a program is killed, and started again.
    Kill
    /// A broker, a program or a bridge is stopped politely, and started again.
    Stop
    /// A broker or a program is frozen, and thaws.
    Freeze
    /// A disk is full or slow for a while.
    Disk
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seconds, clicks, troubles, .. } = self;
        write!(f, "at most {clicks} clicks and {troubles} troubles in {seconds} s")
    }
}
