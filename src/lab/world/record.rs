//! What is written down of a world: its trace, and what follows from that.

use std::sync::Arc;
use std::time::Duration;

use crate::lab::ledger::{BridgeFacts, Ledger};
use crate::lab::name::CableName;
use crate::lab::snapshot::Snapshot;
use crate::lab::trace::{Entry, Event, Party, Scribe, Trace};
use crate::lab::verdict::{Inspection, Verdict, disagreements, judge, not_kept, said};
use crate::mqtt::Topic;

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Record {
    /// The last entries.
    pub(super) trace: Trace,
    /// Who follows the connections.
    pub(super) scribe: Scribe,
    /// Who owes what to whom.
    pub(super) ledger: Ledger,
    verdict: Arc<Verdict>,
    /// The newest entry that the verdict knows.
    judged: u64,
    /// Whether that is the last word: it stands until something else is done.
    last_word: bool,
}

impl Record {
    /// Nothing yet, of a world with these bridges.
    pub(super) fn new(bridges: Vec<BridgeFacts>) -> Self {
        Self {
            trace: Trace::default(),
            scribe: Scribe::default(),
            ledger: Ledger::new(bridges),
            verdict: Arc::default(),
            judged: 0,
            last_word: false,
        }
    }

    /// Something happens.
    pub(super) fn add(&mut self, at: Duration, event: Event) -> Arc<Entry> {
        let entry = self.trace.add(at, event);
        self.ledger.take(&entry);
        entry
    }

    /// Whether there are newer entries than the verdict knows, and it is not the last word.
    pub(super) fn is_verdict_stale(&self) -> bool {
        !self.last_word && self.judged != self.trace.number()
    }

    /// Something is done that may change the verdict.
    pub(super) fn go_on(&mut self) {
        self.last_word = false;
    }

    /// The last verdict that was given.
    pub(super) fn verdict(&self) -> Arc<Verdict> {
        Arc::clone(&self.verdict)
    }

    /// Gives a verdict of everything so far, with more to come.
    pub(super) fn judge(&mut self) {
        self.settle(judge(&self.ledger, false));
    }

    /// Gives the last word on everything so far, which stands until it is told to go on: somebody
    /// waits for it, and not for what happens by itself while he does. `inspection` is what the brokers retain, `snapshot`
    /// what the programs say.
    pub(super) fn conclude(&mut self, inspection: &Inspection, snapshot: &Snapshot) {
        let mut verdict = judge(&self.ledger, true);
        let (breaches, notes) = disagreements(&self.ledger, inspection);
        verdict.add(breaches);
        let durable = |broker: &Party| {
            let mut boards = snapshot.boards.iter().filter(|it| broker.board() == Some(&it.name));
            boards.any(|it| it.broker.persistent && it.broker.tells)
        };
        verdict.add(not_kept(&self.ledger, inspection, durable));
        verdict.add(said(&self.ledger, snapshot));
        verdict.notes.extend(notes);
        self.settle(verdict);
        self.last_word = true;
    }

    fn settle(&mut self, verdict: Verdict) {
        (self.verdict, self.judged) = (Arc::new(verdict), self.trace.number());
    }

    /// The bridge by which a topic's messages come back to a broker more than so many times.
    pub(super) fn beyond(&self, most: u32) -> Option<(CableName, Topic)> {
        self.ledger.beyond(most).map(|(cable, topic)| (cable.clone(), topic.clone()))
    }
}
