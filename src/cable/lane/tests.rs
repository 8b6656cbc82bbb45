//! Each fault on its own and some together, packet by packet.

use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::cable::fault::{
    Bandwidth, CutAfter, CutBefore, Delay, Drop, Hold, Lose, Repeat, Slice, SlowClose,
};
use crate::cable::state::Deed;
use crate::cable::{Fault, Pick, Random, State};
use crate::mqtt::PacketKind;

const PUBLISH: &[u8] = &[0x34, 5, 0, 1, b'a', 0, 1];
const PUBREC: &[u8] = &[0x50, 2, 0, 1];
const PUBREL: &[u8] = &[0x62, 2, 0, 1];
const PING: &[u8] = &[0xc0, 0];

/// A cable and one direction of a connection through it.
struct Rig {
    cable: Cable,
    line: Line,
    lane: Lane,
}

impl Rig {
    fn new(faults: impl IntoIterator<Item = Fault>) -> Self {
        let mut cable = Cable::default();
        for fault in faults {
            cable.apply(Deed::Set(fault));
        }
        Self { cable, line: Line::default(), lane: Lane::new(1, Direction::Out) }
    }

    /// Packets come at these milliseconds.
    fn come(&mut self, packets: &[(u64, &'static [u8])]) {
        for (at, bytes) in packets {
            let bytes = Bytes::from_static(bytes);
            let topic = self.line.read(Direction::Out, &bytes).topic;
            self.lane.push(ms(*at), bytes, topic);
        }
    }

    fn step(&mut self, at: u64) -> Step {
        self.lane.step(ms(at), &self.line, &mut self.cable)
    }

    /// What happens up to that millisecond: when, the first byte, and how it ends.
    fn until(&mut self, last: u64) -> Vec<(u64, u8, End)> {
        let mut happened = Vec::new();
        let mut now = 0;
        while now <= last {
            match self.step(now) {
                Step::Packet { bytes, fate, .. } => {
                    happened.push((now, bytes[0], fate.end));
                    happened.extend(fate.again.iter().map(|it| (now, it[0], End::Arrives)));
                }
                Step::Wait(until) => {
                    now = u64::try_from(until.as_micros().div_ceil(1000)).expect("soon");
                }
                Step::Held | Step::Empty | Step::End => break,
            }
        }
        happened
    }
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn check(faults: &[Fault], packets: &[(u64, &'static [u8])], expected: &[(u64, u8, End)]) {
    let mut rig = Rig::new(faults.iter().cloned());
    rig.come(packets);
    assert_eq!(rig.until(10_000), expected, "{faults:?}");
}

#[test]
fn each_fault_on_its_own() {
    use End::{Arrives, ArrivesAndCuts, Cut, Dropped};
    let two: &[(u64, &'static [u8])] = &[(0, PUBLISH), (5, PUBREL)];
    let next = || Pick::next(PacketKind::PUBREL);
    check(&[], two, &[(0, 0x34, Arrives), (0, 0x62, Arrives)]);
    check(&[Fault::both(Drop::of(next()))], two, &[(0, 0x34, Arrives), (0, 0x62, Dropped)]);
    check(&[Fault::both(CutBefore::of(next()))], two, &[(0, 0x34, Arrives), (0, 0x62, Cut)]);
    let after = &[(0, 0x34, Arrives), (0, 0x62, ArrivesAndCuts)];
    check(&[Fault::both(CutAfter::of(next()))], two, after);
    let repeated =
        &[(0, 0x34, Arrives), (0, 0x62, Arrives), (0, 0x3c, Arrives), (0, 0x62, Arrives)];
    check(&[Fault::both(Repeat::of(2, next()))], two, repeated);
    let delay = Delay { ms: 20, ..Delay::default() };
    check(&[Fault::both(delay)], two, &[(20, 0x34, Arrives), (25, 0x62, Arrives)]);
    let slow = Bandwidth::new(1_000); // 7 and 4 bytes, one a millisecond
    check(&[Fault::both(slow)], two, &[(7, 0x34, Arrives), (11, 0x62, Arrives)]);
    let never = Lose { chance: 0.0, seed: Random(1) };
    check(&[Fault::both(never)], two, &[(0, 0x34, Arrives), (0, 0x62, Arrives)]);
    let always = Lose { chance: 1.0, seed: Random(1) };
    check(&[Fault::both(always)], &two[..1], &[(0, 0x34, Cut)]);
    check(&[Fault::both(Slice { bytes: 1 })], two, &[(0, 0x34, Arrives), (0, 0x62, Arrives)]);
    check(
        &[Fault::one_way(Direction::In, Drop::of(next()))],
        two,
        &[(0, 0x34, Arrives), (0, 0x62, Arrives)],
    );
}

#[test]
fn faults_together() {
    use End::{Arrives, Dropped};
    let delay = |ms| Fault::both(Delay { ms, ..Delay::default() });
    let drop = || Fault::both(Drop::of(Pick::next(PacketKind::PUBLISH)));
    let three: &[(u64, &'static [u8])] = &[(0, PUBLISH), (0, PUBLISH), (0, PUBREC)];
    // What is dropped takes no time; what follows keeps its own.
    check(
        &[delay(10), drop()],
        three,
        &[(0, 0x34, Dropped), (10, 0x34, Arrives), (10, 0x50, Arrives)],
    );
    // A slow cable behind a long one: whichever is later.
    let slow = Fault::both(Bandwidth::new(1_000));
    check(
        &[delay(10), slow],
        three,
        &[(10, 0x34, Arrives), (14, 0x34, Arrives), (18, 0x50, Arrives)],
    );
    let nth = Pick { nth: 2, ..Pick::next(PacketKind::PUBLISH) };
    check(
        &[drop(), Fault::both(Repeat::of(1, nth))],
        three,
        &[(0, 0x34, Dropped), (0, 0x34, Arrives), (0, 0x50, Arrives)],
    );
}

#[test]
fn jitter_keeps_the_order_and_repeats_itself() {
    let run = || {
        let delay = Delay { ms: 50, jitter_ms: 50, seed: Random(7) };
        let mut rig = Rig::new([Fault::both(delay)]);
        rig.come(&[(0, PUBLISH), (1, PUBREC), (2, PUBREL), (3, PING)]);
        rig.until(1_000)
    };
    let first: Vec<u8> = run().iter().map(|it| it.1).collect();
    assert_eq!(first, [0x34, 0x50, 0x62, 0xc0]);
    assert!(run().iter().any(|it| it.0 != 50), "it differs from packet to packet");
    assert_eq!(run(), run());
}

#[test]
fn what_is_held_goes_one_by_one_and_pings_pass() {
    let mut rig = Rig::new([Fault::both(Hold::default())]);
    rig.come(&[(0, PUBLISH), (0, PING), (0, PUBREL)]);
    let ping = |step: Step| matches!(step, Step::Packet { bytes, .. } if bytes[0] == 0xc0);
    assert!(ping(rig.step(1)));
    assert_eq!(rig.step(1), Step::Held);
    let release = |packets| Deed::Release { direction: None, packets };
    rig.cable.apply(release(1));
    assert_eq!(rig.until(1), [(0, 0x34, End::Arrives)]);
    assert_eq!(rig.step(1), Step::Held);
    rig.cable.apply(Deed::Release { direction: Some(Direction::In), packets: 1 });
    assert_eq!(rig.step(1), Step::Held, "that was for the other direction");
    // A fault that is set now meets what waits.
    rig.cable.apply(Deed::Set(Fault::both(Drop::of(Pick::default()))));
    rig.cable.apply(release(1));
    assert_eq!(rig.until(1), [(0, 0x62, End::Dropped)]);
    rig.cable.apply(Deed::Clear("hold".to_owned()));
    rig.come(&[(2, PUBLISH)]);
    assert_eq!(rig.until(2), [(0, 0x34, End::Arrives)]);
}

#[test]
fn a_silent_cut_holds_everything_and_a_cut_nothing() {
    let mut rig = Rig::new([]);
    rig.cable.apply(Deed::cut_silently());
    rig.come(&[(0, PING), (0, PUBLISH)]);
    rig.lane.end(ms(1));
    assert_eq!((rig.step(1), rig.cable.state()), (Step::Held, State::Silent));
    rig.cable.apply(Deed::Mend);
    assert_eq!(rig.until(1), [(0, 0xc0, End::Arrives), (0, 0x34, End::Arrives)]);
    assert_eq!(rig.step(1), Step::End);
    let mut rig = Rig::new([]);
    rig.cable.apply(Deed::cut());
    rig.come(&[(0, PING)]);
    assert_eq!(rig.until(1), [(0, 0xc0, End::Cut)]);
    assert_eq!((rig.cable.state(), rig.cable.cuts()), (State::Cut, 1));
    rig.cable.apply(Deed::Reset);
    rig.cable.apply(Deed::Mend);
    assert_eq!((rig.cable.state(), rig.cable.cuts()), (State::Whole, 2));
}

#[test]
fn the_end_takes_its_time_but_comes_last() {
    let mut rig = Rig::new([Fault::both(SlowClose { ms: 100 })]);
    rig.come(&[(0, PUBLISH)]);
    rig.lane.end(ms(5));
    rig.lane.end(ms(50));
    assert_eq!(rig.until(5), [(0, 0x34, End::Arrives)]);
    assert_eq!(rig.step(6), Step::Wait(ms(105)));
    assert_eq!(rig.step(105), Step::End);
}

#[test]
fn a_fault_that_is_set_again_takes_the_place_of_the_first() {
    let mut cable = Cable::default();
    for bytes_per_s in [1, 2] {
        cable.apply(Deed::Set(Fault::both(Bandwidth::new(bytes_per_s))));
    }
    cable.apply(Deed::Set(Fault::one_way(Direction::In, Bandwidth::new(3))));
    let words: Vec<String> = cable.faults().iter().map(ToString::to_string).collect();
    assert_eq!(words, ["let 2 bytes pass a second", "let 3 bytes pass a second (in)"]);
    cable.apply(Deed::Clear("bandwidth".to_owned()));
    assert!(cable.is_clear());
}

#[test]
fn one_shot_faults_are_gone_when_they_are_spent() {
    let mut rig = Rig::new([Fault::both(Drop::of(Pick::default()))]);
    rig.come(&[(0, PUBLISH), (0, PUBLISH)]);
    assert_eq!(rig.until(0), [(0, 0x34, End::Dropped), (0, 0x34, End::Arrives)]);
    assert!(rig.cable.is_clear());
    let mut forever = Rig::new([Fault::both(Drop::of(Pick { times: 0, ..Pick::default() }))]);
    forever.come(&[(0, PUBLISH), (0, PUBLISH)]);
    assert_eq!(forever.until(0), [(0, 0x34, End::Dropped), (0, 0x34, End::Dropped)]);
}
