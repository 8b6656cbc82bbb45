//! Which broker a board runs, as `scenario.toml` and the command line say it.
//!
//! ```text
//! engine = "mosquitto"                      for a board, in its scenario
//! --engine mosquitto                        for all boards
//! --engine board1=remote:10.0.0.7:1883      for one
//! ```

use std::fmt;
use std::str::FromStr;

use super::mosquitto::parse_address;
use crate::broker::Address;

/// Which broker a board runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Engine {
    /// Ours, inside the program.
    #[default]
    Native,
    /// rumqttd, which comes with the program.
    Rumqttd,
    /// The mosquitto of this machine.
    Mosquitto,
    /// One that somebody else runs, at that address.
    Remote(Address),
}

impl Engine {
    /// Its name alone.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Rumqttd => "rumqttd",
            Self::Mosquitto => "mosquitto",
            Self::Remote(_) => "remote",
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Remote(address) => write!(f, ":{address}"),
            _ => Ok(()),
        }
    }
}

impl FromStr for Engine {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "native" => Ok(Self::Native),
            "rumqttd" => Ok(Self::Rumqttd),
            "mosquitto" => Ok(Self::Mosquitto),
            _ => match text.strip_prefix("remote:") {
                Some(address) => parse_address(address).map(Self::Remote),
                None => Err("it is native, rumqttd, mosquitto or remote:HOST:PORT".to_owned()),
            },
        }
    }
}

/// `--engine [BOARD=]ENGINE`: what runs in place of what the scenario says. Later ones win.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The board; none stands for all.
    pub board: Option<String>,
    /// What it runs.
    pub engine: Engine,
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (board, engine) = match text.split_once('=') {
            Some((board, engine)) => (Some(board.to_owned()), engine),
            None => (None, text),
        };
        Ok(Self { board, engine: engine.parse()? })
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.board {
            Some(board) => write!(f, "{board}={}", self.engine),
            None => self.engine.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_lead_there_and_back() {
        for text in
            ["native", "rumqttd", "one=mosquitto", "remote:10.0.0.7:1884", "two=remote:host:1883"]
        {
            assert_eq!(text.parse::<Choice>().map(|it| it.to_string()), Ok(text.to_owned()));
        }
        let check = |text: &str, expected: &str| {
            let error = text.parse::<Choice>().expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
        };
        check("one=mosquito", "it is native, rumqttd, mosquitto or remote:HOST:PORT");
        check("remote", "remote:HOST:PORT");
        check("one=remote:host:0", "from 1 to 65535");
    }
}
