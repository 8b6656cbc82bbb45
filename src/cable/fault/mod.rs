//! The faults there are. Each is a file: what people say of it, what it remembers, and its [`Rule`].
//!
//! In a scenario, a schedule or on the command line a fault is written as it is here:
//!
//! ```toml
//! direction = "in"                              # as who dialled sees it; both, if left out
//! drop = { packet = "PUBREC", nth = 2 }
//! ```
//!
//! A new fault is a file here and a line in `kinds!`.

mod bandwidth;
mod cut;
mod cut_at;
mod delay;
mod drop;
mod hold;
mod lose;
mod repeat;
mod silent;
mod slice;
mod slow_close;
mod text;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use bandwidth::Bandwidth;
pub use cut::Cut;
pub use cut_at::{CutAfter, CutBefore};
pub use delay::Delay;
pub use drop::Drop;
pub use hold::Hold;
pub use lose::Lose;
pub use repeat::Repeat;
pub use silent::Silent;
pub use slice::Slice;
pub use slow_close::SlowClose;

use super::rule::{Direction, Rule};

/// A fault of a cable.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// The direction it concerns; both, where none is named.
    pub direction: Option<Direction>,
    /// What goes wrong.
    pub kind: Kind,
}

macro_rules! kinds {
    ($($name:literal $kind:ident)*) => {
        /// What can go wrong with a cable; each is described where it is.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[expect(missing_docs, reason = "each is described where it is")]
        pub enum Kind {
            $(#[serde(rename = $name)] $kind($kind),)*
        }

        /// The names of the faults, as they are written.
        pub const NAMES: &[&str] = &[$($name),*];

        impl Kind {
            /// Its name, as it is written.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$kind(_) => $name,)*
                }
            }

            /// What it does with packets.
            #[must_use]
            pub fn rule(&self) -> &dyn Rule {
                match self {
                    $(Self::$kind(rule) => rule,)*
                }
            }

            /// The same, to be asked.
            pub fn rule_mut(&mut self) -> &mut dyn Rule {
                match self {
                    $(Self::$kind(rule) => rule,)*
                }
            }
        }

        impl fmt::Display for Kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$kind(rule) => rule.fmt(f),)*
                }
            }
        }

        $(
            impl From<$kind> for Kind {
                fn from(rule: $kind) -> Self {
                    Self::$kind(rule)
                }
            }
        )*
    };
}

// A packet is judged by the faults in the order in which they were set.
kinds! {
    "cut" Cut
    "silent" Silent
    "hold" Hold
    "drop" Drop
    "cut_before" CutBefore
    "cut_after" CutAfter
    "repeat" Repeat
    "lose" Lose
    "delay" Delay
    "bandwidth" Bandwidth
    "slice" Slice
    "slow_close" SlowClose
}

impl Fault {
    /// A fault in both directions.
    #[must_use]
    pub fn both(kind: impl Into<Kind>) -> Self {
        Self { direction: None, kind: kind.into() }
    }

    /// A fault in one direction.
    #[must_use]
    pub fn one_way(direction: Direction, kind: impl Into<Kind>) -> Self {
        Self { direction: Some(direction), kind: kind.into() }
    }

    /// Whether it concerns that direction.
    #[must_use]
    pub fn concerns(&self, direction: Direction) -> bool {
        self.direction.is_none_or(|it| it == direction)
    }
}

/// "drop the next PUBREC (in)".
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)?;
        self.direction.map_or(Ok(()), |direction| write!(f, " ({direction})"))
    }
}
