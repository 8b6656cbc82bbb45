//! `tally`: says which numbers came, each run of each topic by itself.
//!
//! - `received`: numbers that came, each once.
//! - `missing`: numbers between the lowest and the highest that came of a run, and did not come. One
//!   that comes late is not missing any more.
//! - `doubled`: messages whose number had come before.
//! - `out_of_order`: numbers that came after a higher one.
//! - `refreshed`: messages with the retain flag. That is what the broker kept, told again to whoever
//!   subscribes [MQTT-3.3.1-8], and no delivery: it changes none of the above. Live messages come
//!   without the flag [MQTT-3.3.1-9].
//!
//! What was said before the first number, or was to come after the last, it cannot know: `received`
//! shows it. A bridge that sends its retained messages again sends them as new ones; those count as
//! doubled, so count with `retain = false` where nothing may be doubled.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::account::{Account, Heard};
use super::{CountFace, KEEP_ALIVE, Number, Run};
use crate::card::{Face, Identity, Input, Link, Output, Program};
use crate::defect::{self, Defect};
use crate::mqtt::{ClientId, Filter, QoS, Topic};

/// So many runs are known at once; then the one that was silent for longest is forgotten, and what
/// it added to the sums stays.
const RUNS: usize = 64;
/// So many of them are shown.
const SHOWN: usize = 3;

/// What a tally is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TallySettings {
    /// The client id.
    pub client_id: ClientId,
    /// What it subscribes to. Where two of them match a topic, a broker may deliver twice
    /// [MQTT-3.3.5-1], and the tally says so.
    pub topics: Vec<Filter>,
    /// The `QoS` it asks for.
    pub qos: QoS,
    /// CONNECT's clean session flag.
    pub clean_session: bool,
}

/// What a tally shows: sums over all runs, see the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TallyFace {
    /// What it was told.
    pub settings: TallySettings,
    /// Whether a broker has answered its SUBSCRIBE: before that, it misses what it cannot know of.
    pub subscribed: bool,
    /// Numbers that came, each once.
    pub received: u64,
    /// Numbers that did not come.
    pub missing: u64,
    /// Numbers that were missing for however short.
    pub skipped: u64,
    /// Messages whose number had come before.
    pub doubled: u64,
    /// Numbers that came after a higher one.
    pub out_of_order: u64,
    /// Messages with the retain flag.
    pub refreshed: u64,
    /// The last that was not as it should be.
    pub odd: Option<Odd>,
    /// The runs heard last, the newest first.
    pub runs: Vec<RunFace>,
}

/// A run of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFace {
    /// On which topic.
    pub topic: Topic,
    /// Which run.
    pub run: Run,
    /// The lowest number that came.
    pub first: u64,
    /// The highest number that came.
    pub last: u64,
}

/// Numbers that did not come as they should.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Odd {
    /// When that was seen.
    pub at: Duration,
    /// What was wrong.
    pub fault: Fault,
    /// The first and the last of them.
    pub numbers: (u64, u64),
    /// Of which run.
    pub run: Run,
    /// On which topic.
    pub topic: Topic,
}

/// What can be wrong with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// It did not come before a higher one.
    Missing,
    /// It came again.
    Doubled,
    /// It came after a higher one.
    OutOfOrder,
}

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { numbers: (from, to), run, topic, .. } = self;
        let what = match self.fault {
            Fault::Missing if from < to => {
                return write!(f, "{from} to {to} are missing (run {run} on {topic})");
            }
            Fault::Missing => "is missing",
            Fault::Doubled => "came again",
            Fault::OutOfOrder => "came after a higher one",
        };
        write!(f, "{from} {what} (run {run} on {topic})")
    }
}

impl TallyFace {
    /// How often that was wrong; it never gets less.
    #[must_use]
    pub fn faults(&self, fault: Fault) -> u64 {
        match fault {
            Fault::Missing => self.skipped,
            Fault::Doubled => self.doubled,
            Fault::OutOfOrder => self.out_of_order,
        }
    }
}

/// The program.
#[derive(Debug, Clone)]
pub struct Tally {
    face: Face,
    count: TallyFace,
    runs: BTreeMap<(Topic, Run), Kept>,
    /// Numbers the messages, to know which run was heard last.
    messages: u64,
}

/// A run that is known.
#[derive(Debug, Clone)]
struct Kept {
    account: Account,
    heard: u64,
}

impl Tally {
    /// A tally that was just started and has heard nothing.
    #[must_use]
    pub fn new(settings: TallySettings) -> Self {
        let count = TallyFace {
            settings,
            subscribed: false,
            received: 0,
            missing: 0,
            skipped: 0,
            doubled: 0,
            out_of_order: 0,
            refreshed: 0,
            odd: None,
            runs: Vec::new(),
        };
        let face = Face { count: Some(CountFace::Tally(count.clone())), ..Face::default() };
        Self { face, count, runs: BTreeMap::new(), messages: 0 }
    }

    /// The SUBSCRIBE, unless the broker kept what this process asked for. A process that is new
    /// asks in any case: it may be told other topics than an earlier one.
    fn subscribe(&self, session_present: bool) -> Option<Output> {
        let TallySettings { topics, qos, .. } = &self.count.settings;
        let all = || topics.iter().map(|filter| (filter.clone(), *qos)).collect();
        let asks = !session_present && !defect::on(Defect::SubscribesOnce);
        (asks || !self.count.subscribed).then(|| Output::Subscribe(all()))
    }

    fn hear(&mut self, now: Duration, topic: &Topic, payload: &[u8], retain: bool) {
        let Number { n, run } = match Number::parse(payload) {
            Ok(number) => number,
            Err(reason) => return self.face.ignore(now, topic.as_str(), reason),
        };
        self.face.updated = Some(now);
        if retain {
            self.count.refreshed += 1;
            return;
        }
        let heard = self.account(n, topic, &run);
        let odd = |fault, numbers| Some(Odd { at: now, fault, numbers, run, topic: topic.clone() });
        let count = &mut self.count;
        let skipped = match heard {
            Heard::Next { skipped } => {
                count.received += 1;
                if let Some(numbers) = skipped {
                    count.odd = odd(Fault::Missing, numbers);
                }
                skipped
            }
            Heard::Late { was_missing, skipped } => {
                count.received += 1;
                count.missing = count.missing.saturating_sub(u64::from(was_missing));
                count.out_of_order += 1;
                count.odd = odd(Fault::OutOfOrder, (n, n));
                skipped
            }
            Heard::Again => {
                count.doubled += 1;
                count.odd = odd(Fault::Doubled, (n, n));
                None
            }
            Heard::TooOld => {
                let reason = format!("{n} is too far back to tell whether it came before");
                return self.face.ignore(now, topic.as_str(), reason);
            }
        };
        if let Some((from, to)) = skipped {
            count.missing = count.missing.saturating_add(to - from + 1);
            count.skipped = count.skipped.saturating_add(to - from + 1);
        }
    }

    /// Enters a number into the account of its run.
    fn account(&mut self, n: u64, topic: &Topic, run: &Run) -> Heard {
        self.messages += 1;
        let key = (topic.clone(), run.clone());
        if let Some(kept) = self.runs.get_mut(&key) {
            kept.heard = self.messages;
            return kept.account.hear(n);
        }
        let silent = self.runs.iter().min_by_key(|(_, kept)| kept.heard).map(|(key, _)| key);
        if self.runs.len() >= RUNS
            && let Some(silent) = silent.cloned()
        {
            self.runs.remove(&silent);
        }
        self.runs.insert(key, Kept { account: Account::new(n), heard: self.messages });
        Heard::Next { skipped: None }
    }

    /// The runs heard last.
    fn shown(&self) -> Vec<RunFace> {
        let mut runs: Vec<_> = self.runs.iter().collect();
        runs.sort_by_key(|(_, kept)| std::cmp::Reverse(kept.heard));
        let face = |((topic, run), kept): (&(Topic, Run), &Kept)| {
            let (first, last) = kept.account.span();
            RunFace { topic: topic.clone(), run: run.clone(), first, last }
        };
        runs.into_iter().take(SHOWN).map(face).collect()
    }
}

impl Program for Tally {
    fn identity(&self) -> Identity {
        let TallySettings { client_id, clean_session, .. } = &self.count.settings;
        let (client_id, clean_session) = (client_id.clone(), *clean_session);
        Identity { client_id, clean_session, keep_alive: KEEP_ALIVE }
    }

    fn handle(&mut self, now: Duration, input: Input) -> Vec<Output> {
        let mut output = None;
        match input {
            Input::Connected { session_present } => {
                self.face.link = Link::Online { since: now, session_present };
                output = self.subscribe(session_present);
            }
            Input::Disconnected { reason } => self.face.link.lose(now, reason),
            Input::Subscribed => self.count.subscribed = true,
            Input::Message { topic, payload, retain } => self.hear(now, &topic, &payload, retain),
            Input::Time
            | Input::Sent(_)
            | Input::Publish(_)
            | Input::Toggle(_)
            | Input::Set(..) => {}
        }
        self.count.runs = self.shown();
        self.face.count = Some(CountFace::Tally(self.count.clone()));
        output.into_iter().collect()
    }

    fn face(&self) -> &Face {
        &self.face
    }

    fn fork(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }
}
