//! Packets wait until somebody lets them go, one by one. Pings pass, so that a connection lives as
//! long as it takes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cable::frame::Frame;
use crate::cable::rule::{Direction, Rule};

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// How many packets may leave: out, in.
    #[serde(skip)]
    released: [u64; 2],
}

impl Hold {
    /// Lets so many more packets go.
    pub fn release(&mut self, direction: Direction, packets: u64) {
        let released = &mut self.released[direction as usize];
        *released = released.saturating_add(packets);
    }
}

impl Rule for Hold {
    fn holds(&self, direction: Direction, frame: Frame<'_>) -> bool {
        self.released[direction as usize] == 0 && !frame.kind().is_ping()
    }

    fn left(&mut self, direction: Direction) {
        let released = &mut self.released[direction as usize];
        *released = released.saturating_sub(1);
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hold every packet")
    }
}
