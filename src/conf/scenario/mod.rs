//! `scenario.toml`: a scenario's boards, the programs on them, its script and what it promises.
//!
//! ```toml
//! title = "Dual board"
//! description = "Two boards, two brokers, one bridge."
//! fuse = 20                           # a message that goes round so often cuts a bridge; none if left out
//!
//! [[board]]
//! name = "board1"
//! title = "Board 1"
//! conf = "board1.conf"                # mosquitto's words, in the same folder
//! engine = "native"                   # or rumqttd, mosquitto, remote; native where nothing is said
//!
//! [[board.program]]
//! name = "card1_monitor"
//! kind = "card1"                      # card1, card2, display, counter or tally
//!
//! [[board.program]]
//! name = "counter"                    # its client id too
//! kind = "counter"                    # publishes 1, 2, 3 …
//! topic = "count"                     # all from here on may be left out; these are the defaults
//! rate = 1                            # numbers a second, 0.5 for example; 0 counts only by hand
//! qos = 2
//! retain = false
//! clean_session = false
//! limit = 100                         # where the rate ends; without it, never
//!
//! [[board.program]]
//! name = "tally"                      # its client id too
//! kind = "tally"                      # says which of them came
//! topic = "count"                     # a filter; or several that do not overlap, in `topics = []`
//! qos = 2
//! clean_session = false
//!
//! [[step]]                            # one deed each, in this order
//! say = "A sensor of board 1 fails."  # for people; may be left out
//! toggle = { program = "card1_monitor", sensor = 2 }
//!
//! [[step]]
//! wait_until = { agree = true }       # a condition, see below
//! within = 20                         # seconds; 10 where nothing is said
//!
//! [[expect]]                          # conditions that hold at the end
//! agree = true
//!
//! [[expect]]                          # what it shows on purpose, see below
//! breach = "lost"
//! ```
//!
//! A board whose `engine` is `remote` names its `address` (`host:port`) and may leave out `conf`.
//!
//! Deeds: `toggle`, `set` (with `ok = true` or `false`), `stop`, `start`, `restart` and `kill` of
//! `{ program = … }`, `{ broker = BOARD }` or `{ bridge = … }`, `freeze` and `thaw` of the first two,
//! `power_off` and `power_on` of a board, `disk_full`, `disk_slow` (`{ board, ms = 50 }`) and
//! `disk_ok` of a board whose broker keeps its state, `publish` (`{ program, count }`: so many more
//! numbers at once, of a counter), `message`, `wait` (seconds), `wait_until`.
//!
//! `message = { program, topic = "a/b", payload = "", qos = 2, retain = false }` publishes any message
//! in the name of a program that is connected, by its connection; the program hears nothing of it.
//! All but program and topic may be left out; these are the defaults. With `retain = true` an empty
//! payload deletes what is retained. [MQTT-3.3.1-10]
//!
//! A cable has the name of the bridge or the program that dials through it; the one at a board's
//! public ports has the board's. `cut`, `cut_silently`, `hold`, `reset` and `mend` need but that name.
//! Any fault of [`crate::cable::fault`] is set by
//! `fault = { cable = …, direction = "in", drop = { packet = "PUBREC" } }`, and goes by
//! `clear = { cable = …, fault = "drop" }`. `release = { cable = …, packets = 1, direction = "in" }` lets
//! packets go that are held.
//!
//! A step may have `at = 3.5`: it waits until the script is that old, in seconds. With one at each
//! step the script is a schedule. Conditions: `shows`
//! (`{ program, sensor, as = "ok" | "ko" | "unknown" }`), `online`, `offline`, `connected`,
//! `disconnected`, `agree = true`, `quiet = true`, `published` (`{ program, count }`: its broker
//! acknowledged at least so many numbers of this counter) and `counted` (`{ program, received,
//! missing, doubled, out_of_order }` of a tally: at least so many received, and of the others exactly
//! so many, each of which may be left out; it does not hold before the tally has subscribed).
//!
//! A breach of a promise fails a run. With `breach = KIND` among its expectations, a scenario passes
//! only if the verdict has a breach of that kind, and none of a kind that is not expected: `lost`,
//! `doubled`, `reordered`, `forgot`, `loop`, `disagree`, `shows`, `claims`,
//! `conduct`.
//!
//! `[explore]` says what `twinboard sim --seeds` may do to the system; see [`Budget`].
//!
//! This file holds the values; `read` reads and checks them. Names are plain strings:
//! what a world makes of them is the lab's.

mod breach;
mod budget;
mod program;
mod raw;
pub(super) mod read;
mod read_faults;
mod read_programs;
mod words;
pub mod write;

#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::Deserialize;

use super::engine::Engine;
use super::error::ConfError;
use crate::cable;
use crate::mqtt::Message;

pub use self::breach::BreachKind;
pub use self::budget::{Budget, Trouble};
pub use self::program::{CounterSetup, Kind, Program, Setup, TallySetup};
pub use self::read::DEEDS;

/// How long a `wait_until` waits where nothing is said.
pub const DEFAULT_WITHIN: Duration = Duration::from_secs(10);

/// A scenario, its names checked against each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// For people: "Dual board".
    pub title: String,
    /// For people, a sentence or more; empty where nothing is said.
    pub description: String,
    /// How often a message may come to the same broker before the bridge that brings it back is cut;
    /// none where bridges are left alone.
    pub fuse: Option<u32>,
    /// What an explorer may do.
    pub budget: Budget,
    /// At least one, with distinct names.
    pub boards: Vec<Board>,
    /// The script; may be empty.
    pub steps: Vec<Step>,
    /// What must hold when the script has run.
    pub expectations: Vec<Expectation>,
    /// Breaches that it shows on purpose: each must be found, and no other.
    pub breaches: Vec<BreachKind>,
}

/// A board: a broker and programs that connect to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Board {
    /// Letters, digits, `_` and `-`: it names a folder too.
    pub name: String,
    /// For people: "Board 1". The name, where nothing is said.
    pub title: String,
    /// The broker's conf file, beside the scenario. A broker that somebody else runs may have none.
    pub conf: Option<String>,
    /// Which broker it runs.
    pub engine: Engine,
    /// Its programs, whose names are unique in the scenario.
    pub programs: Vec<Program>,
    /// The line of its name in the file.
    pub line: usize,
}

/// One step of the script.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What to tell people before it.
    pub say: Option<String>,
    /// How old the script is before it, at least.
    pub at: Option<Duration>,
    /// What is done.
    pub deed: Deed,
    /// The line of the file where it begins.
    pub line: usize,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub enum Deed {
    /// Click a sensor's button.
    Toggle { program: String, sensor: u8 },
    /// Set a sensor to OK (true) or KO (false).
    Set { program: String, sensor: u8, ok: bool },
    /// Stop politely.
    Stop(Target),
    /// Start, if it is not running.
    Start(Target),
    /// Stop politely and start again.
    Restart(Target),
    /// End without a goodbye.
    Kill(Target),
    /// Let it do nothing at all; no bridge.
    Freeze(Target),
    /// Let it go on after that; no bridge.
    Thaw(Target),
    /// Take power from a board, as by a pulled plug.
    PowerOff(String),
    /// Give a board power.
    PowerOn(String),
    /// Do something to a cable.
    Cable { cable: String, deed: cable::Deed },
    /// Let a board's disk be full.
    DiskFull(String),
    /// Let each commit to a board's disk take so much longer.
    DiskSlow { board: String, ms: u64 },
    /// Let a board's disk work again.
    DiskOk(String),
    /// Go on when so much time has passed.
    Wait(Duration),
    /// Have a counter publish so many more numbers at once.
    Publish { program: String, count: u64 },
    /// Publish a message in a program's name, by its connection.
    Message { program: String, message: Message },
    /// Go on as soon as the condition holds; it fails the script if that takes longer.
    WaitUntil { condition: Condition, within: Duration },
}

impl Deed {
    /// Whether nothing is done: the script waits.
    #[must_use]
    pub fn is_wait(&self) -> bool {
        matches!(self, Self::Wait(_) | Self::WaitUntil { .. })
    }
}

/// What can be stopped, started, restarted and killed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// A program, by its name.
    Program(String),
    /// A broker, by its board's name.
    Broker(String),
    /// A bridge, by its `connection` name.
    Bridge(String),
}

/// What must hold at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// What.
    pub condition: Condition,
    /// The line of the file where it stands.
    pub line: usize,
}

/// Something that holds in a world or does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// A program shows a sensor as OK (true), KO (false) or unknown.
    Shows { program: String, sensor: u8, state: Option<bool> },
    /// A program is connected to its broker.
    Online(String),
    /// A program is not connected to its broker, or does not run.
    Offline(String),
    /// A bridge is connected, as its own end believes.
    Connected(String),
    /// A bridge is not connected.
    Disconnected(String),
    /// All programs show the same known state for each sensor that they show.
    Agree,
    /// Nothing is queued or in flight anywhere, and no click and no number waits to be sent.
    Quiet,
    /// At least so many numbers of a counter are acknowledged.
    Published { program: String, count: u64 },
    /// A tally has counted this.
    Counted { program: String, counts: Counts },
}

/// What a tally is to have counted; what is left out may be anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// At least so many numbers came, each counted once.
    pub received: Option<u64>,
    /// Exactly so many did not come.
    pub missing: Option<u64>,
    /// Exactly so many messages came again.
    pub doubled: Option<u64>,
    /// Exactly so many came after a higher one.
    pub out_of_order: Option<u64>,
}

impl Counts {
    /// Nothing received, or more.
    pub(super) const NONE: Self =
        Self { received: Some(0), missing: None, doubled: None, out_of_order: None };
}

impl Scenario {
    /// Reads the text of a file; `file` is its name in messages.
    ///
    /// # Errors
    /// What is wrong in it: a single mistake where it is no such TOML, all of them where names or
    /// numbers do not fit together. Whether conf files and bridges are there is checked by
    /// [`super::Folder::open`].
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfError> {
        read::scenario(file, text)
    }

    /// A program and its board.
    #[must_use]
    pub fn program(&self, name: &str) -> Option<(&Board, &Program)> {
        self.boards.iter().find_map(|board| {
            board.programs.iter().find(|program| program.name == name).map(|found| (board, found))
        })
    }

    /// One more step, as [`Step`] is written but in one line: `cut = "x"`, for whoever goes on by
    /// hand; with commas between its keys where there are several. Whether bridges and cables are
    /// there is checked by [`super::Opened::step`].
    ///
    /// # Errors
    /// What is wrong in it.
    pub fn step(&self, text: &str) -> Result<Step, ConfError> {
        read::step(self, text)
    }

    /// Every cable that a step speaks of and that is no program's and no board's, with the line.
    pub fn cables_named(&self) -> impl Iterator<Item = (&str, usize)> {
        self.steps.iter().filter_map(|step| Some((self.cable_of(step)?, step.line)))
    }

    /// The cable that a step speaks of, unless it is a program's or a board's.
    pub(super) fn cable_of<'a>(&self, step: &'a Step) -> Option<&'a str> {
        let Deed::Cable { cable, .. } = &step.deed else { return None };
        let board = self.boards.iter().any(|board| board.name == *cable);
        (!board && self.program(cable).is_none()).then_some(cable)
    }

    /// Every bridge that script and expectations speak of, with the line where they do.
    pub fn bridges_named(&self) -> impl Iterator<Item = (&str, usize)> {
        let steps = self.steps.iter().filter_map(|step| Some((step.deed.bridge()?, step.line)));
        let expectations = self.expectations.iter();
        steps.chain(expectations.filter_map(|it| Some((it.condition.bridge()?, it.line))))
    }
}

impl Deed {
    pub(super) fn bridge(&self) -> Option<&str> {
        match self {
            Self::Stop(Target::Bridge(name))
            | Self::Start(Target::Bridge(name))
            | Self::Restart(Target::Bridge(name))
            | Self::Kill(Target::Bridge(name)) => Some(name),
            Self::WaitUntil { condition, .. } => condition.bridge(),
            _ => None,
        }
    }
}

impl Condition {
    fn bridge(&self) -> Option<&str> {
        match self {
            Self::Connected(name) | Self::Disconnected(name) => Some(name),
            _ => None,
        }
    }
}
