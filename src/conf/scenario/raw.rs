//! `scenario.toml` as serde reads it: which keys there are, and nothing about what they mean. A
//! [`Spanned`] value remembers its place for messages.

use serde::Deserialize;
use toml::{Spanned, Table};

use super::{Budget, Kind, Target};
use crate::cable::Direction;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawScenario {
    pub(super) title: String,
    #[serde(default)]
    pub(super) description: String,
    pub(super) fuse: Option<u32>,
    #[serde(default)]
    pub(super) explore: Budget,
    #[serde(default)]
    pub(super) board: Vec<RawBoard>,
    #[serde(default)]
    pub(super) step: Vec<Spanned<RawStep>>,
    #[serde(default)]
    pub(super) expect: Vec<Spanned<RawCondition>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBoard {
    pub(super) name: Spanned<String>,
    pub(super) title: Option<String>,
    pub(super) conf: Option<Spanned<String>>,
    pub(super) engine: Option<Spanned<String>>,
    pub(super) address: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) program: Vec<RawProgram>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProgram {
    pub(super) name: Spanned<String>,
    pub(super) kind: Spanned<Kind>,
    pub(super) topic: Option<Spanned<String>>,
    pub(super) topics: Option<Spanned<Vec<String>>>,
    pub(super) rate: Option<Spanned<f64>>,
    pub(super) qos: Option<Spanned<u64>>,
    pub(super) retain: Option<Spanned<bool>>,
    pub(super) limit: Option<Spanned<u64>>,
    pub(super) clean_session: Option<Spanned<bool>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStep {
    pub(super) say: Option<String>,
    pub(super) at: Option<Spanned<f64>>,
    pub(super) toggle: Option<Spanned<RawToggle>>,
    pub(super) set: Option<Spanned<RawSet>>,
    pub(super) stop: Option<Spanned<Target>>,
    pub(super) start: Option<Spanned<Target>>,
    pub(super) restart: Option<Spanned<Target>>,
    pub(super) kill: Option<Spanned<Target>>,
    pub(super) freeze: Option<Spanned<Target>>,
    pub(super) thaw: Option<Spanned<Target>>,
    pub(super) power_off: Option<Spanned<String>>,
    pub(super) power_on: Option<Spanned<String>>,
    pub(super) disk_full: Option<Spanned<String>>,
    pub(super) disk_slow: Option<Spanned<RawSlow>>,
    pub(super) disk_ok: Option<Spanned<String>>,
    pub(super) cut: Option<Spanned<String>>,
    pub(super) cut_silently: Option<Spanned<String>>,
    pub(super) hold: Option<Spanned<String>>,
    pub(super) fault: Option<Spanned<Table>>,
    pub(super) clear: Option<Spanned<RawClear>>,
    pub(super) release: Option<Spanned<RawRelease>>,
    pub(super) reset: Option<Spanned<String>>,
    pub(super) mend: Option<Spanned<String>>,
    pub(super) publish: Option<Spanned<RawNumbers>>,
    pub(super) message: Option<Spanned<RawMessage>>,
    pub(super) wait: Option<Spanned<f64>>,
    pub(super) wait_until: Option<Spanned<RawCondition>>,
    pub(super) within: Option<Spanned<u64>>,
}

/// A step in a line of its own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLine {
    pub(super) step: RawStep,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawToggle {
    pub(super) program: String,
    pub(super) sensor: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSet {
    pub(super) program: String,
    pub(super) sensor: u8,
    pub(super) ok: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSlow {
    pub(super) board: String,
    pub(super) ms: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawClear {
    pub(super) cable: String,
    pub(super) fault: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRelease {
    pub(super) cable: String,
    #[serde(default = "one")]
    pub(super) packets: u64,
    pub(super) direction: Option<Direction>,
}

fn one() -> u64 {
    1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMessage {
    pub(super) program: String,
    pub(super) topic: Spanned<String>,
    #[serde(default)]
    pub(super) payload: String,
    pub(super) qos: Option<Spanned<u64>>,
    #[serde(default)]
    pub(super) retain: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCondition {
    /// Of expectations alone.
    pub(super) breach: Option<Spanned<String>>,
    pub(super) shows: Option<RawShows>,
    pub(super) online: Option<String>,
    pub(super) offline: Option<String>,
    pub(super) connected: Option<String>,
    pub(super) disconnected: Option<String>,
    pub(super) agree: Option<bool>,
    pub(super) quiet: Option<bool>,
    pub(super) published: Option<RawNumbers>,
    pub(super) counted: Option<RawCounted>,
}

impl RawCondition {
    /// Whether it says anything but a breach.
    pub(super) fn is_something(&self) -> bool {
        let Self {
            breach: _,
            shows,
            online,
            offline,
            connected,
            disconnected,
            agree,
            quiet,
            published,
            counted,
        } = self;
        let names = [online, offline, connected, disconnected];
        names.iter().any(|it| it.is_some())
            || agree.or(*quiet).is_some()
            || shows.is_some()
            || published.is_some()
            || counted.is_some()
    }
}

/// A counter and how many of its numbers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNumbers {
    pub(super) program: String,
    pub(super) count: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCounted {
    pub(super) program: String,
    pub(super) received: Option<u64>,
    pub(super) missing: Option<u64>,
    pub(super) doubled: Option<u64>,
    pub(super) out_of_order: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawShows {
    pub(super) program: String,
    pub(super) sensor: u8,
    pub(super) r#as: RawState,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawState {
    Ok,
    Ko,
    Unknown,
}
