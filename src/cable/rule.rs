//! What a cable does with each packet, and how people change that.

use super::frame::Frame;

/// Which way a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the end that dialled to the end that listens.
    ToTarget,
    /// From the end that listens to the end that dialled.
    ToDialer,
}

/// The state of a cable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum State {
    /// Packets pass.
    #[default]
    Whole,
    /// Cut, and both ends were told.
    Cut,
    /// Cut, and neither end was told.
    Silent,
}

/// What is to become of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It goes on its way.
    Pass,
    /// It waits, with everything behind it, until the cable changes; then it is judged again.
    Hold,
    /// The connection is reset at both ends.
    Cut,
}

/// A cable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cable {
    state: State,
    cuts: u64,
}

impl Cable {
    /// The state it is in.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// How often it was cut so that the ends were told. A connection that began at another count
    /// was reset, even where the cable was mended before anybody looked.
    #[must_use]
    pub fn cuts(&self) -> u64 {
        self.cuts
    }

    /// Cuts it; both ends are told.
    pub fn cut(&mut self) {
        self.state = State::Cut;
        self.cuts += 1;
    }

    /// Cuts it; neither end is told. Connections that an earlier cut ended stay ended.
    pub fn cut_silently(&mut self) {
        self.state = State::Silent;
    }

    /// Makes it whole.
    pub fn mend(&mut self) {
        self.state = State::Whole;
    }

    /// Judges one packet.
    #[must_use]
    pub fn verdict(&self, _direction: Direction, _frame: Frame<'_>) -> Verdict {
        match self.state {
            State::Whole => Verdict::Pass,
            State::Cut => Verdict::Cut,
            State::Silent => Verdict::Hold,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cable::frame;

    #[test]
    fn the_state_decides() {
        let ping = frame::first(&[0xc0, 0x00]).expect("a packet").expect("a whole one");
        let check = |change: &[fn(&mut Cable)], state: State, expected: Verdict, cuts: u64| {
            let mut cable = Cable::default();
            for change in change {
                change(&mut cable);
            }
            assert_eq!((cable.state(), cable.cuts()), (state, cuts));
            for direction in [Direction::ToTarget, Direction::ToDialer] {
                assert_eq!(cable.verdict(direction, ping), expected, "{state:?}");
            }
        };
        check(&[], State::Whole, Verdict::Pass, 0);
        check(&[Cable::cut], State::Cut, Verdict::Cut, 1);
        check(&[Cable::cut, Cable::mend], State::Whole, Verdict::Pass, 1);
        check(&[Cable::cut_silently], State::Silent, Verdict::Hold, 0);
        check(&[Cable::cut_silently, Cable::mend], State::Whole, Verdict::Pass, 0);
        check(&[Cable::cut_silently, Cable::cut], State::Cut, Verdict::Cut, 1);
        check(&[Cable::cut, Cable::cut_silently], State::Silent, Verdict::Hold, 1);
    }
}
