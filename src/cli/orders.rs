//! What a line of input may ask of `twinboard watch`, and a fault in one line.

use serde::Deserialize;

use crate::cable::fault::NAMES;
use crate::cable::{Deed, Fault};

/// What `help` says.
pub const HELP: &str = r#"  fault drop = { packet = "PUBREC" }       set a fault at all cables
  fault direction = "in", delay = { ms = 20 }
  2: fault hold = {}                        at the second address alone
  clear drop                                end all faults of that name
  release 3                                 let so many of the packets that are held go, each way
  held                                      faults in force, and the packets that are held
  reset                                     end all connections, once
  mend                                      end all faults
  quit                                      end, with the verdict
Faults: cut, silent, hold, drop, cut_before, cut_after, repeat, lose, delay, bandwidth, slice, slow_close.
"#;

/// A line of input.
#[derive(Debug, Clone, PartialEq)]
pub enum Order {
    /// Do this to all cables, or to the one at that place.
    Do(Option<usize>, Deed),
    /// Show faults, and what is held.
    Held,
    /// Say what can be asked.
    Help,
    /// An empty line.
    Nothing,
    /// End.
    Quit,
}

impl Order {
    /// Reads a line.
    ///
    /// # Errors
    /// In words, what is wrong with it.
    pub fn read(line: &str) -> Result<Self, String> {
        let line = line.trim();
        let (only, text) = match line.split_once(':') {
            Some((number, rest)) if number.bytes().all(|it| it.is_ascii_digit()) => {
                let number: usize = number.parse().map_err(|_| "addresses count from 1")?;
                (Some(number.checked_sub(1).ok_or("addresses count from 1")?), rest.trim())
            }
            _ => (None, line),
        };
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let rest = rest.trim();
        let deed = match (word, rest) {
            ("", "") => return Ok(Self::Nothing),
            ("help", "") => return Ok(Self::Help),
            ("held", "") => return Ok(Self::Held),
            ("quit" | "exit", "") => return Ok(Self::Quit),
            ("fault", rest) => Deed::Set(fault(rest)?),
            ("clear", name) if NAMES.contains(&name) => Deed::Clear(name.to_owned()),
            ("clear", name) => {
                return Err(format!(
                    "there is no fault `{name}`: write one of {}",
                    NAMES.join(", ")
                ));
            }
            ("release", rest) => Deed::Release { direction: None, packets: packets(rest)? },
            ("reset", "") => Deed::Reset,
            ("mend", "") => Deed::Mend,
            _ => {
                return Err(format!("`{line}` is nothing that can be asked; `help` lists what is"));
            }
        };
        Ok(Self::Do(only, deed))
    }
}

fn packets(text: &str) -> Result<u64, String> {
    if text.is_empty() {
        return Ok(1);
    }
    text.parse().map_err(|_| format!("`release` takes a number of packets, not `{text}`"))
}

/// Reads a fault as scenarios have it: `direction = "in", drop = { packet = "PUBREC" }`.
///
/// # Errors
/// In words, what is wrong with it.
pub fn fault(text: &str) -> Result<Fault, String> {
    #[derive(Deserialize)]
    struct Line {
        fault: Fault,
    }
    let line: Line = toml::from_str(&format!("fault = {{ {text} }}"))
        .map_err(|error| format!("`{text}` is no fault: {}", error.message()))?;
    Ok(line.fault)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cable::fault::{Delay, Drop, Hold};
    use crate::cable::{Direction, Pick};
    use crate::mqtt::PacketKind;

    #[test]
    fn lines() {
        let check =
            |line: &str, expected: Order| assert_eq!(Order::read(line), Ok(expected), "{line}");
        let drop = Fault::both(Drop::of(Pick::next(PacketKind::PUBREC)));
        check("", Order::Nothing);
        check(" help ", Order::Help);
        check("held", Order::Held);
        check("quit", Order::Quit);
        check("fault drop = { packet = \"PUBREC\" }", Order::Do(None, Deed::Set(drop)));
        let delay = Fault::one_way(Direction::In, Delay { ms: 5, ..Delay::default() });
        let line = "2: fault direction = \"in\", delay = { ms = 5 }";
        check(line, Order::Do(Some(1), Deed::Set(delay)));
        check("1: fault hold = {}", Order::Do(Some(0), Deed::Set(Fault::both(Hold::default()))));
        check("clear drop", Order::Do(None, Deed::Clear("drop".to_owned())));
        check("release", Order::Do(None, Deed::Release { direction: None, packets: 1 }));
        check("release 7", Order::Do(None, Deed::Release { direction: None, packets: 7 }));
        check("reset", Order::Do(None, Deed::Reset));
        check("1:mend", Order::Do(Some(0), Deed::Mend));
    }

    #[test]
    fn mistakes_are_named() {
        let check = |line: &str, expected: &str| {
            let error = Order::read(line).expect_err(line);
            assert!(error.contains(expected), "{line}: {error}");
        };
        check("dance", "`help` lists what is");
        check("mend it", "nothing that can be asked");
        check("clear dorp", "there is no fault `dorp`: write one of cut,");
        check("fault dorp = {}", "there is no fault `dorp`");
        check("fault", "this names no fault");
        check("fault drop = {", "is no fault");
        check("release all", "takes a number of packets");
        check("0: mend", "addresses count from 1");
    }

    #[test]
    fn the_help_is_true() {
        for line in HELP.lines().filter(|line| line.starts_with("  ")) {
            let order = line.trim().split("   ").next().expect("a first part");
            assert!(Order::read(order).is_ok(), "{order}: {:?}", Order::read(order));
        }
        for name in NAMES {
            assert!(HELP.contains(name), "{name}");
        }
    }
}
