//! The names of a scenario's parts.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize,
        )]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes `text` as a name.
            #[must_use]
            pub fn new(text: &str) -> Self {
                Self(text.into())
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// A board of a scenario: `board1`.
    BoardName
}
name! {
    /// A program of a scenario, unique in it: `card1_monitor`.
    ProgramName
}
name! {
    /// A bridge of a scenario, unique in it: its `connection` name.
    BridgeName
}
name! {
    /// A cable of a scenario, by what is at its near end: a bridge's or a program's name, or a
    /// board's, for the cable at its public port.
    CableName
}
