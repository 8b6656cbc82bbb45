//! What a run comes to: what was promised, and whether it was kept.
//!
//! ```text
//! Ledger ---> judge(settled) ---> Verdict: counts, breaches (each with its part of the trace), notes
//! ```
//!
//! A message counts as promised when the acknowledgement arrived that makes a broker answer for it:
//! what nobody acknowledged is claimed by nobody. What waits for a session that is away is kept, not
//! lost. What a broker said that it would not take is over the limit. A QoS 1 message may come twice;
//! a retained one comes to whoever subscribes.

mod agreement;
mod breach;
mod excerpt;
mod keeping;
mod said;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use agreement::{Inspection, disagreements};
pub use breach::Breach;
pub use keeping::not_kept;
pub use said::{claims, said};

use super::ledger::{Fate, Ledger, Message};
use super::trace::Party;
use crate::broker::event::DropReason;
use crate::conf::scenario::BreachKind;
use crate::mqtt::{QoS, Topic};

/// So many breaches of a kind are told one by one; the rest is counted.
const TOLD: usize = 5;

/// What a run comes to.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// Whether nothing more was to come when it was given: then it is the last word.
    pub settled: bool,
    /// In numbers.
    pub counts: Counts,
    /// What was promised and not kept, the gravest first.
    pub breaches: Vec<Breach>,
    /// What looks like a breach and is none, in words.
    pub notes: Vec<String>,
}

/// A run in numbers. A message counts once for each session that it goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Messages that clients published.
    pub published: u64,
    /// Messages that came by bridges.
    pub bridged: u64,
    /// Deliveries that arrived.
    pub delivered: u64,
    /// Deliveries that are owed and wait for a session that is away.
    pub waiting: u64,
    /// Deliveries that are owed and under way.
    pub under_way: u64,
    /// Deliveries that are owed and stall, because a packet was dropped on a connection that lives.
    pub stalled: u64,
    /// Deliveries that were promised and did not come.
    pub lost: u64,
    /// QoS 2 or QoS 0 messages that came once more.
    pub doubled: u64,
    /// Messages that came too late.
    pub reordered: u64,
    /// Deliveries that a full queue, or another limit, refused.
    pub over_limit: u64,
    /// Sessions that a broker forgot although it had promised to keep them.
    pub forgot: u64,
    /// Messages that went round.
    pub looped: u64,
    /// QoS 1 messages that came once more, as they may.
    pub repeats: u64,
    /// Retained messages that came because somebody subscribed or connected.
    pub refreshed: u64,
    /// QoS 0 messages that a cable lost.
    pub lost_on_the_way: u64,
    /// Messages from before the trace.
    pub unexplained: u64,
    /// Messages that waited while so many others came that they were forgotten here.
    pub unjudged: u64,
    /// Packets that came too fast to be seen: with any, nothing is certain.
    pub missed: u64,
}

impl Verdict {
    /// Whether everything that was promised was kept.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.breaches.is_empty()
    }
}

/// Judges what the ledger says. `settled` says that nothing more is to come: what is still under way
/// then, to somebody who is there, is lost.
#[must_use]
pub fn judge(ledger: &Ledger, settled: bool) -> Verdict {
    let mut verdict = Verdict { settled, counts: of_notable(ledger), ..Verdict::default() };
    let mut refused: BTreeMap<DropReason, u64> = BTreeMap::new();
    let moment = Moment::new(ledger, settled);
    for message in ledger.messages() {
        for (at, leg) in message.legs.iter().enumerate().filter(|(_, leg)| leg.owed) {
            match moment.standing(message, at) {
                Standing::Kept => {}
                Standing::Waits => verdict.counts.waiting += 1,
                Standing::UnderWay => verdict.counts.under_way += 1,
                Standing::Stalls => verdict.counts.stalled += 1,
                Standing::OverLimit(reason) => {
                    verdict.counts.over_limit += 1;
                    *refused.entry(reason).or_default() += 1;
                }
                Standing::Lost => {
                    verdict.counts.lost += 1;
                    verdict.tell(BreachKind::Lost, || breach::lost(ledger, message, leg));
                }
            }
        }
    }
    verdict.tell_notable(ledger);
    verdict.tell_conduct(ledger, moment.now.filter(|_| settled));
    for (reason, count) in refused {
        verdict.notes.push(format!("{count} deliveries were over a limit: {reason}"));
    }
    verdict.explain();
    verdict.breaches.sort_by_key(|breach| breach.kind);
    verdict
}

/// How a delivery that is owed stands.
enum Standing {
    Kept,
    Waits,
    UnderWay,
    Stalls,
    OverLimit(DropReason),
    Lost,
}

/// What is the same for all deliveries, found once.
struct Moment<'a> {
    ledger: &'a Ledger,
    settled: bool,
    now: Option<Duration>,
    /// The connections on which a handshake may be stalled.
    stalled: BTreeSet<u64>,
}

impl<'a> Moment<'a> {
    fn new(ledger: &'a Ledger, settled: bool) -> Self {
        let now = ledger.entries().next_back().map(|entry| entry.at);
        let stalled = ledger.stalled().map(|(wire, _)| wire).collect();
        Self { ledger, settled, now, stalled }
    }

    /// How the leg `at` of a message stands.
    fn standing(&self, message: &Message, at: usize) -> Standing {
        let leg = &message.legs[at];
        match leg.fate {
            Fate::Arrived | Fate::Done | Fate::SessionEnded | Fate::Unseen => {
                return Standing::Kept;
            }
            Fate::Refused(reason) => return Standing::OverLimit(reason),
            Fate::Open | Fate::Sent => {}
        }
        if !message.promised {
            return Standing::Kept;
        }
        if message.expires_at.zip(self.now).is_some_and(|(at, now)| at <= now) {
            return Standing::OverLimit(DropReason::Expired);
        }
        let book = self.ledger.book(&leg.to.broker);
        let Some(session) = book.and_then(|book| book.sessions.get(&leg.to.client)) else {
            return Standing::Lost;
        };
        let key = (message.key, at);
        if !session.open.contains(&key) && !session.outgoing.values().any(|it| *it == key) {
            return Standing::Lost;
        }
        match session.wire {
            None => Standing::Waits,
            // Which ones it meant is not known: those that did not come.
            Some(_) if session.drops && self.settled => Standing::OverLimit(DropReason::QueueFull),
            Some(wire) if self.stalled.contains(&wire) => Standing::Stalls,
            Some(_) if self.settled => Standing::Lost,
            Some(_) => Standing::UnderWay,
        }
    }
}

fn of_notable(ledger: &Ledger) -> Counts {
    let (notable, counts) = (ledger.notable(), ledger.counts());
    let wide = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    Counts {
        published: counts.published,
        bridged: counts.bridged,
        delivered: counts.delivered,
        unjudged: counts.unjudged,
        doubled: wide(notable.doubled.len()),
        reordered: wide(notable.overtook.len()),
        forgot: wide(notable.forgot.len()),
        looped: notable.loops.values().map(|it| it.messages).sum(),
        repeats: notable.repeats,
        refreshed: notable.refreshed,
        lost_on_the_way: notable.lost_on_the_way,
        unexplained: notable.unexplained,
        missed: notable.missed,
        ..Counts::default()
    }
}

impl Verdict {
    /// Tells a breach, unless enough of its kind were told.
    fn tell(&mut self, kind: BreachKind, breach: impl FnOnce() -> Breach) {
        if self.breaches.iter().filter(|it| it.kind == kind).count() < TOLD {
            self.breaches.push(breach());
        }
    }

    fn tell_notable(&mut self, ledger: &Ledger) {
        let notable = ledger.notable();
        for doubled in &notable.doubled {
            self.tell(BreachKind::Doubled, || breach::doubled(ledger, doubled));
        }
        for overtook in &notable.overtook {
            self.tell(BreachKind::Reordered, || breach::reordered(ledger, overtook));
        }
        for forgot in &notable.forgot {
            self.tell(BreachKind::Forgot, || breach::forgot(ledger, forgot));
        }
        let mut told: Vec<(&Topic, BTreeSet<&(Party, String)>)> = Vec::new();
        for ((broker, topic), found) in &notable.loops {
            // The same way round, seen from another of its brokers.
            let way = (topic, found.path.iter().collect());
            if !told.contains(&way) {
                told.push(way);
                self.tell(BreachKind::Loop, || breach::looped(ledger, broker, topic, found));
            }
        }
    }

    /// What the standard forbids; once nothing more is to come, at that time, also what was not done.
    fn tell_conduct(&mut self, ledger: &Ledger, settled_at: Option<Duration>) {
        for odd in &ledger.notable().odd {
            self.tell(BreachKind::Conduct, || breach::odd(ledger, odd));
        }
        let conduct = ledger.conduct();
        let omitted = settled_at.map(|now| conduct.omitted(now)).unwrap_or_default();
        for misconduct in conduct.found().iter().chain(&omitted) {
            self.tell(BreachKind::Conduct, || Breach {
                kind: BreachKind::Conduct,
                what: misconduct.what.clone(),
                entries: misconduct.entries.clone(),
            });
        }
    }

    /// What people may take for a breach.
    fn explain(&mut self) {
        let Counts {
            waiting,
            stalled,
            repeats,
            refreshed,
            lost_on_the_way,
            missed,
            unjudged,
            unexplained,
            ..
        } = self.counts;
        let told = [
            (waiting, "deliveries wait for sessions that are away: kept, not lost"),
            (
                stalled,
                "deliveries stall: a packet was dropped, and MQTT sends nothing again while the \
                 connection lives [MQTT-4.4.0-1]",
            ),
            (repeats, "QoS 1 messages came once more, as they may"),
            (refreshed, "retained messages came because somebody subscribed: no duplicates"),
            (lost_on_the_way, "QoS 0 messages were lost on the way: nobody promised them"),
            (unexplained, "messages are from before this trace, or wills"),
            (
                unjudged,
                "messages were too many to follow to their end: this verdict leaves them out",
            ),
            (missed, "packets came too fast to be seen: this verdict is not complete"),
        ];
        for (count, words) in told.into_iter().filter(|(count, _)| *count > 0) {
            self.notes.push(format!("{count} {words}"));
        }
    }

    /// Adds breaches that were found otherwise.
    pub fn add(&mut self, breaches: impl IntoIterator<Item = Breach>) {
        self.breaches.extend(breaches);
        self.breaches.sort_by_key(|breach| breach.kind);
    }
}

/// Whether anything is owed to that session and under way: a run that waits for it is not over.
#[must_use]
pub fn is_quiet(ledger: &Ledger) -> bool {
    let moment = Moment::new(ledger, false);
    ledger.messages().all(|message| {
        let mut legs = message.legs.iter().enumerate();
        legs.all(|(at, leg)| {
            let owed = leg.owed && leg.qos > QoS::AtMostOnce;
            let open =
                || matches!(moment.standing(message, at), Standing::UnderWay | Standing::Stalls);
            !(owed && open())
        })
    })
}
