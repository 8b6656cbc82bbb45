//! Shared subscriptions: each message to one of a group. [MQTT 5.0, section 4.8.2]

use super::bench::*;
use super::bench5::*;
use crate::broker::event::DropReason;
use crate::broker::settings::Limits;

/// A bench and the members of a group on `t`, of either version in turn, with sessions that are
/// kept.
struct Group {
    bench: Bench,
    members: Vec<ConnId>,
}

impl Group {
    fn of(qoses: &[QoS], change: impl FnOnce(&mut Limits)) -> Self {
        let bench = Bench::with(|it| change(&mut it.limits));
        let mut group = Self { bench, members: Vec::new() };
        for (at, qos) in qoses.iter().enumerate() {
            let conn = group.join(at);
            group.members.push(conn);
            group.bench.subscribe(conn, "$share/g/t", *qos);
        }
        group
    }

    /// A member connects, and takes its session up where it has one.
    fn join(&mut self, at: usize) -> ConnId {
        let name = format!("member {at}");
        if at.is_multiple_of(2) {
            self.bench.connect5(&name, false, &[lasts(NEVER)])
        } else {
            self.bench.connect(&name, false)
        }
    }

    fn leave(&mut self, at: usize) {
        let conn = self.members[at];
        self.bench.cut(conn);
    }

    fn come_back(&mut self, at: usize) {
        self.members[at] = self.join(at);
    }

    fn publish(&mut self, qos: QoS, payloads: impl IntoIterator<Item = u32>) {
        let a = self.bench.connect("a", true);
        for number in payloads {
            let packet = publish("t", &number.to_string(), qos, u16::from(qos > Q0));
            self.bench.publish(a, packet);
        }
    }

    /// What each member got since the last time, by payload.
    fn got(&mut self) -> Vec<Vec<u32>> {
        let members = self.members.clone();
        let number = |it: String| it.parse().expect("a number");
        members
            .iter()
            .map(|it| self.bench.payloads(*it).into_iter().map(number).collect())
            .collect()
    }
}

/// Each has its turn, in either version and with each QoS.
#[test]
fn turns() {
    for qos in [Q0, Q1, Q2] {
        let mut group = Group::of(&[Q2, Q2, Q2], |_| {});
        group.publish(qos, 0..9);
        assert_eq!(group.got(), [[0, 3, 6], [1, 4, 7], [2, 5, 8]], "{qos}");
    }
}

/// A group is one subscriber beside others: other groups, and subscriptions of one's own.
#[test]
fn beside_others() {
    let mut group = Group::of(&[Q1, Q1], |_| {});
    let member = group.members[0];
    group.bench.subscribe(member, "$share/h/t", Q1);
    group.bench.subscribe(member, "$share/g/+", Q1);
    let alone = group.bench.connect5("alone", true, &[]);
    group.bench.subscribe(alone, "t", Q1);
    group.publish(Q1, 0..2);
    let got = group.got();
    assert_eq!(got[0].len() + got[1].len(), 2 + 2 + 2);
    assert_eq!(group.bench.payloads(alone), ["0", "1"]);
}

/// A subscription of one's own and one in a group are two, whatever `allow_duplicate_messages` says
/// of the former.
#[test]
fn member_and_subscriber_at_once() {
    let mut group = Group::of(&[Q1], |_| {});
    let member = group.members[0];
    group.bench.subscribe(member, "t", Q1);
    group.publish(Q1, 0..1);
    assert_eq!(group.got(), [[0, 0]]);
}

/// Who is away gets nothing while somebody is there; with nobody there the sessions keep them.
#[test]
fn members_that_are_away() {
    for qos in [Q1, Q2] {
        let mut group = Group::of(&[Q2, Q2, Q2], |_| {});
        group.leave(1);
        group.publish(qos, 0..4);
        let got = group.got();
        assert!(got[1].is_empty());
        assert_eq!((got[0].len(), got[2].len()), (2, 2));
        group.leave(0);
        group.leave(2);
        group.publish(qos, 10..14);
        (0..3).for_each(|at| group.come_back(at));
        let mut all: Vec<_> = group.got().concat();
        all.retain(|it| *it >= 10);
        all.sort_unstable();
        assert_eq!(all, [10, 11, 12, 13], "{qos}");
    }
}

/// Who has no room left, or does not read, is passed over.
#[test]
fn members_that_cannot_take_it_now() {
    let mut group = Group::of(&[Q1, Q1], |it| it.max_inflight_messages = 2);
    group.publish(Q1, 0..4);
    assert_eq!(group.got(), [[0, 2], [1, 3]]);
    // Both windows are full: what waits is shared out, and goes on with the first room.
    group.publish(Q1, 4..6);
    let (first, second) = (group.members[0], group.members[1]);
    for number in 1..=2 {
        group.bench.send(first, puback(number));
    }
    assert_eq!(group.got(), [vec![4], vec![]]);
    // Only the first one has room now, whosever turn it is.
    group.bench.send(first, puback(3));
    group.publish(Q1, 6..8);
    assert_eq!(group.got(), [vec![6, 7], vec![]]);
    group.bench.send(first, puback(4));
    group.bench.send(second, puback(1));
    assert_eq!(group.got(), [vec![], vec![5]]);
    // The second one's window is full, with nothing behind it.
    group.bench.send(first, puback(5));
    group.publish(Q1, 8..10);
    assert_eq!(group.got(), [vec![8, 9], vec![]]);
    // A stalled connection.
    let mut group = Group::of(&[Q1, Q1], |_| {});
    let first = group.members[0];
    group.bench.input(Input::Stalled { conn: first });
    for qos in [Q0, Q1] {
        group.publish(qos, 0..4);
        assert_eq!(group.got(), [vec![], vec![0, 1, 2, 3]]);
    }
    assert_eq!(group.bench.broker.status().refused, 0);
    group.bench.input(Input::Drained { conn: first });
    group.publish(Q0, 0..2);
    assert_eq!(group.got().iter().map(Vec::len).collect::<Vec<_>>(), [1, 1]);
}

/// Nothing is lost while the session of any member has room for it, and what is then refused is
/// told.
#[test]
fn all_the_room_there_is() {
    for online in [false, true] {
        let mut group = Group::of(&[Q1, Q1, Q1], |it| {
            it.max_queued_messages = 4;
            it.max_inflight_messages = 1;
        });
        let mut room = 12;
        if online {
            room += 1;
            group.leave(1);
            group.leave(2);
        } else {
            (0..3).for_each(|at| group.leave(at));
        }
        group.publish(Q1, 0..room + 3);
        assert_eq!(group.bench.dropped(DropReason::QueueFull), 3, "online {online}");
        let mut all = group.got().concat();
        (0..3).for_each(|at| group.come_back(at));
        // Each acknowledges until nothing comes any more.
        loop {
            let mut more = false;
            for member in group.members.clone() {
                for packet in group.bench.sent(member) {
                    if let Packet::Publish(it) = packet {
                        all.push(String::from_utf8_lossy(&it.payload).parse().expect("a number"));
                        group
                            .bench
                            .send(member, Packet::PubAck(it.packet_id.expect("QoS 1").into()));
                        more = true;
                    }
                }
            }
            if !more {
                break;
            }
        }
        all.sort_unstable();
        all.dedup();
        assert_eq!(all, (0..room).collect::<Vec<_>>(), "online {online}");
    }
}

/// A member whose own subscription would not keep the message is no place for it while another's
/// would.
#[test]
fn a_member_with_qos_0_keeps_nothing() {
    type Trouble = fn(&mut Group);
    let away: Trouble = |group| {
        group.leave(0);
        group.leave(1);
    };
    let stalled: Trouble = |group| {
        let conn = group.members[0];
        group.bench.input(Input::Stalled { conn });
        group.leave(1);
    };
    for trouble in [away, stalled] {
        let mut group = Group::of(&[Q0, Q1], |_| {});
        trouble(&mut group);
        group.publish(Q1, 0..4);
        group.come_back(1);
        assert_eq!(group.got()[1], [0, 1, 2, 3]);
        assert_eq!(group.bench.broker.status().refused, 0);
    }
}

/// Membership is kept over restarts, and so is what waits for a member.
#[test]
fn over_a_restart() {
    let mut group = Group::of(&[Q1, Q1], |_| {});
    group.leave(0);
    group.leave(1);
    group.publish(Q1, 0..4);
    group.bench.off_for(secs(1));
    group.publish(Q1, 4..6);
    (0..2).for_each(|at| group.come_back(at));
    let mut all = group.got().concat();
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2, 3, 4, 5]);
    group.publish(Q1, 6..10);
    assert_eq!(group.got().iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
}

/// Who has left gets no more, by UNSUBSCRIBE or with its session; the last one takes the group along.
#[test]
fn leaving() {
    let mut group = Group::of(&[Q1, Q1], |_| {});
    let (first, second) = (group.members[0], group.members[1]);
    group.bench.send(first, unsubscribe(1, &["$share/g/t"]));
    group.bench.expect(first, [unsuback(1, &[Reason::Success])]);
    group.publish(Q1, 0..2);
    assert_eq!(group.got(), [vec![], vec![0, 1]]);
    group.bench.send(second, unsubscribe(1, &["$share/g/t"]));
    let a = group.bench.connect5("a", true, &[]);
    group.bench.send(a, publish("t", "x", Q1, 1));
    group.bench.expect(a, [because(puback(1), Reason::NoMatchingSubscribers)]);
    let mut group = Group::of(&[Q1, Q1], |_| {});
    let conn = group.members[0];
    group.bench.send(conn, with(goodbye(), &[lasts(0)]));
    group.publish(Q1, 0..2);
    assert_eq!(group.got(), [vec![], vec![0, 1]]);
}

/// No retained messages for a group. [MQTT 5.0, section 4.8.2]
#[test]
fn retained_messages() {
    let mut bench = Bench::new();
    let a = bench.connect5("a", true, &[]);
    bench.send(a, retain(publish("t", "x", Q1, 1)));
    bench.sent(a);
    bench.subscribe5(a, "$share/g/t", Q1, &[]);
    bench.expect(a, []);
}

/// What a member refuses is done with: it goes to nobody else. [MQTT-4.8.2-6]
#[test]
fn what_a_member_refuses() {
    let mut group = Group::of(&[Q1, Q1], |_| {});
    group.publish(Q1, 0..1);
    let first = group.members[0];
    group.bench.send(first, because(puback(1), Reason::UnspecifiedError));
    assert_eq!(group.got(), [vec![0], vec![]]);
    assert_eq!(group.bench.dropped(DropReason::Refused), 1);
    assert!(group.bench.image.messages.is_empty());
}

/// A member whose session ends leaves what it has not acknowledged to the others, but for what was
/// sent to it with QoS 2. [MQTT-4.8.2-5]
#[test]
fn what_a_member_leaves_undone() {
    let check = |qos: QoS, expected: &[u32]| {
        let mut bench = Bench::with(|it| it.limits.max_inflight_messages = 2);
        let worker = bench.connect("worker", true);
        bench.subscribe(worker, "$share/g/t", qos);
        let a = bench.connect("a", true);
        for number in 1..=4_u16 {
            bench.publish(a, publish("t", &number.to_string(), qos, number));
        }
        assert_eq!(bench.payloads(worker), ["1", "2"]);
        let other = bench.connect("other", false);
        bench.subscribe(other, "$share/g/t", qos);
        bench.cut(worker);
        let got: Vec<u32> =
            bench.payloads(other).iter().map(|it| it.parse().expect("a number")).collect();
        assert_eq!(got, expected, "{qos}");
    };
    check(Q1, &[1, 2]);
    check(Q2, &[3, 4]);
}
