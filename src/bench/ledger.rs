//! Which numbered messages came: what is lost, came twice or out of order, for each publisher and
//! subscriber. Exact whatever the order is; fast when the order is right.

use std::collections::BTreeMap;

/// What one subscriber has of one publisher.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Stream {
    /// The highest number that came, and one.
    next: u64,
    /// Numbers below `next` that have not come: first to one past the last.
    missing: BTreeMap<u64, u64>,
    duplicated: u64,
    reordered: u64,
}

/// The books of a run.
#[derive(Debug, Clone)]
pub struct Ledger {
    publishers: usize,
    /// Subscriber by subscriber.
    streams: Vec<Stream>,
    received: u64,
}

/// What a ledger comes to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub lost: u64,
    pub duplicated: u64,
    /// Messages that came behind a later one of their publisher.
    pub reordered: u64,
}

impl Ledger {
    /// Empty books for so many of each.
    pub fn new(publishers: usize, subscribers: usize) -> Self {
        let streams = vec![Stream::default(); publishers * subscribers];
        Self { publishers, streams, received: 0 }
    }

    /// Message `number` of `publisher` came to `subscriber`. Whoever is not in the books is not
    /// counted.
    #[inline]
    pub fn take(&mut self, subscriber: usize, publisher: usize, number: u64) {
        if publisher >= self.publishers {
            return;
        }
        let stream = &mut self.streams[subscriber * self.publishers + publisher];
        if stream.next == number {
            stream.next += 1;
            self.received += 1;
        } else if stream.out_of_turn(number) {
            self.received += 1;
        }
    }

    /// Messages that came, each counted once for each subscriber.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// How far the slowest subscriber is with this publisher's messages.
    #[inline]
    pub fn reached(&self, publisher: usize) -> u64 {
        let streams = self.streams.iter().skip(publisher).step_by(self.publishers);
        streams.map(|it| it.next).min().unwrap_or(0)
    }

    /// What is wrong when each publisher has sent so many.
    pub fn counts(&self, sent: &[u64]) -> Counts {
        let mut counts = Counts::default();
        for (at, stream) in self.streams.iter().enumerate() {
            let gaps: u64 = stream.missing.iter().map(|(from, to)| to - from).sum();
            counts.lost += gaps + sent[at % self.publishers].saturating_sub(stream.next);
            counts.duplicated += stream.duplicated;
            counts.reordered += stream.reordered;
        }
        counts
    }
}

impl Stream {
    /// Whether it is one that had not come before.
    #[cold]
    fn out_of_turn(&mut self, number: u64) -> bool {
        if number > self.next {
            self.missing.insert(self.next, number);
            self.next = number + 1;
            return true;
        }
        let gap = self.missing.range(..=number).next_back().map(|(from, to)| (*from, *to));
        let Some((from, to)) = gap.filter(|(_, to)| number < *to) else {
            self.duplicated += 1;
            return false;
        };
        self.missing.remove(&from);
        if from < number {
            self.missing.insert(from, number);
        }
        if number + 1 < to {
            self.missing.insert(number + 1, to);
        }
        self.reordered += 1;
        true
    }
}

/// Which of so many numbers came, in whatever order: for messages that have none.
#[derive(Debug, Clone)]
pub struct Register {
    seen: Vec<bool>,
    distinct: u64,
    duplicated: u64,
}

impl Register {
    /// Nothing came yet of numbers 0 to `expected`.
    pub fn new(expected: usize) -> Self {
        Self { seen: vec![false; expected], distinct: 0, duplicated: 0 }
    }

    /// One came.
    #[inline]
    pub fn take(&mut self, number: u64) {
        match usize::try_from(number).ok().and_then(|at| self.seen.get_mut(at)) {
            Some(seen) if !*seen => {
                *seen = true;
                self.distinct += 1;
            }
            _ => self.duplicated += 1,
        }
    }

    /// How many different ones came.
    pub fn distinct(&self) -> u64 {
        self.distinct
    }

    /// What is wrong now.
    pub fn counts(&self) -> Counts {
        let lost = self.seen.len() as u64 - self.distinct;
        Counts { lost, duplicated: self.duplicated, reordered: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One publisher has sent `sent` messages, and its one subscriber got these.
    fn check(sent: u64, came: &[u64], expected: Counts) {
        let mut ledger = Ledger::new(1, 1);
        for number in came {
            ledger.take(0, 0, *number);
        }
        assert_eq!(ledger.counts(&[sent]), expected, "{came:?} of {sent}");
        let distinct: std::collections::BTreeSet<_> = came.iter().collect();
        assert_eq!(ledger.received(), distinct.len() as u64, "{came:?}");
    }

    fn counts(lost: u64, duplicated: u64, reordered: u64) -> Counts {
        Counts { lost, duplicated, reordered }
    }

    #[test]
    fn what_is_wrong_is_seen() {
        check(0, &[], counts(0, 0, 0));
        check(4, &[0, 1, 2, 3], counts(0, 0, 0));
        // Lost: in the middle, at the beginning, at the end, all.
        check(4, &[0, 1, 3], counts(1, 0, 0));
        check(4, &[2, 3], counts(2, 0, 0));
        check(4, &[0, 1], counts(2, 0, 0));
        check(4, &[], counts(4, 0, 0));
        // Doubled: at once, later, thrice.
        check(3, &[0, 0, 1, 2], counts(0, 1, 0));
        check(3, &[0, 1, 2, 0], counts(0, 1, 0));
        check(3, &[0, 1, 1, 2, 1], counts(0, 2, 0));
        // Swapped: one came late, and that is no loss.
        check(3, &[0, 2, 1], counts(0, 0, 1));
        check(6, &[0, 5, 2, 1, 4, 3], counts(0, 0, 4));
        // All at once.
        check(6, &[0, 4, 2, 2, 4], counts(3, 2, 1));
    }

    #[test]
    fn each_way_has_its_own_books() {
        let mut ledger = Ledger::new(2, 2);
        for (subscriber, publisher, number) in
            [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0), (1, 1, 1), (1, 0, 0), (1, 9, 0)]
        {
            ledger.take(subscriber, publisher, number);
        }
        assert_eq!((ledger.reached(0), ledger.reached(1), ledger.received()), (1, 1, 5));
        assert_eq!(ledger.counts(&[2, 2]), counts(3, 1, 0));
    }

    #[test]
    fn a_register_counts_what_has_no_order() {
        let mut register = Register::new(3);
        for number in [2, 0, 2, 7] {
            register.take(number);
        }
        assert_eq!((register.distinct(), register.counts()), (2, counts(1, 2, 0)));
    }
}
