//! Which numbers of one run came: ranges of what is missing, so that a run of any length takes
//! little memory.
//!
//! An account begins with the first number it hears. Whoever subscribes late has not missed what
//! was said before, and cannot know whether there was anything.

use std::collections::BTreeMap;

/// So many ranges of missing numbers are known one by one.
const GAPS: usize = 1_000;

/// The numbers of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    /// The lowest and the highest number that came.
    first: u64,
    last: u64,
    /// What never came between them: first and last number of each range.
    missing: BTreeMap<u64, u64>,
    /// Up to here it is not known any more which numbers are missing.
    horizon: u64,
}

/// What a number was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    /// Higher than all before; the numbers it skipped are missing.
    Next { skipped: Option<(u64, u64)> },
    /// Lower than one before, for the first time. It was missing, or comes before the first; then
    /// those between are missing now.
    Late { was_missing: bool, skipped: Option<(u64, u64)> },
    /// It came before.
    Again,
    /// It came before or is late: that is too long ago to tell.
    TooOld,
}

impl Account {
    /// The account of a run whose first number that came is `n`.
    pub(super) fn new(n: u64) -> Self {
        Self { first: n, last: n, missing: BTreeMap::new(), horizon: 0 }
    }

    /// The lowest and the highest number that came.
    pub(super) fn span(&self) -> (u64, u64) {
        (self.first, self.last)
    }

    /// Another number came.
    pub(super) fn hear(&mut self, n: u64) -> Heard {
        if n > self.last {
            let skipped = self.skip(self.last + 1, n - 1);
            self.last = n;
            return Heard::Next { skipped };
        }
        if n < self.first {
            let skipped = self.skip(n + 1, self.first - 1);
            self.first = n;
            return Heard::Late { was_missing: false, skipped };
        }
        if self.fill(n) {
            return Heard::Late { was_missing: true, skipped: None };
        }
        if n <= self.horizon { Heard::TooOld } else { Heard::Again }
    }

    /// Notes that a range is missing, if there is any in it.
    fn skip(&mut self, from: u64, to: u64) -> Option<(u64, u64)> {
        if from > to {
            return None;
        }
        self.missing.insert(from, to);
        if self.missing.len() > GAPS
            && let Some((_, end)) = self.missing.pop_first()
        {
            self.horizon = end;
        }
        Some((from, to))
    }

    /// Takes a number out of what is missing. Answers whether it was.
    fn fill(&mut self, n: u64) -> bool {
        let Some((&from, &to)) = self.missing.range(..=n).next_back() else { return false };
        if n > to {
            return false;
        }
        self.missing.remove(&from);
        if from < n {
            self.missing.insert(from, n - 1);
        }
        if n < to {
            self.missing.insert(n + 1, to);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is heard of each number after the first, and what is missing then.
    fn check(numbers: &[u64], heard: &[Heard], missing: &[(u64, u64)]) {
        let mut account = Account::new(numbers[0]);
        let said: Vec<_> = numbers[1..].iter().map(|n| account.hear(*n)).collect();
        assert_eq!(said, heard, "{numbers:?}");
        let ranges: Vec<_> = account.missing.iter().map(|(from, to)| (*from, *to)).collect();
        assert_eq!(ranges, missing, "{numbers:?}");
    }

    #[test]
    fn every_order() {
        let next = || Heard::Next { skipped: None };
        let skips = |from, to| Heard::Next { skipped: Some((from, to)) };
        let late = || Heard::Late { was_missing: true, skipped: None };
        let before = |skipped| Heard::Late { was_missing: false, skipped };
        check(&[1, 2, 3], &[next(), next()], &[]);
        check(&[7, 8], &[next()], &[]);
        check(&[1, 1], &[Heard::Again], &[]);
        check(&[1, 2, 1, 2], &[next(), Heard::Again, Heard::Again], &[]);
        check(&[1, 5], &[skips(2, 4)], &[(2, 4)]);
        check(&[1, 5, 3, 3], &[skips(2, 4), late(), Heard::Again], &[(2, 2), (4, 4)]);
        check(&[1, 5, 2, 4, 3], &[skips(2, 4), late(), late(), late()], &[]);
        check(&[1, 3, 2, 2, 5], &[skips(2, 2), late(), Heard::Again, skips(4, 4)], &[(4, 4)]);
        check(&[2, 1], &[before(None)], &[]);
        check(&[5, 2, 3], &[before(Some((3, 4))), late()], &[(4, 4)]);
        check(&[5, 2, 5, 2], &[before(Some((3, 4))), Heard::Again, Heard::Again], &[(3, 4)]);
    }

    #[test]
    fn what_is_too_old_is_not_called_doubled() {
        let mut account = Account::new(1);
        let last = 2 * u64::try_from(GAPS).expect("it is small") + 3;
        for n in (3..=last).step_by(2) {
            account.hear(n);
        }
        assert_eq!(account.missing.len(), GAPS);
        assert_eq!((account.hear(1), account.hear(2)), (Heard::TooOld, Heard::TooOld));
        assert_eq!(account.hear(3), Heard::Again);
        assert_eq!(account.hear(4), Heard::Late { was_missing: true, skipped: None });
    }

    #[test]
    fn the_ends_of_the_numbers() {
        let last = super::super::number::LARGEST;
        check(&[1, last], &[Heard::Next { skipped: Some((2, last - 1)) }], &[(2, last - 1)]);
    }
}
