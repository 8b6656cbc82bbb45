//! Parties that behave, in whatever order: the bench holds what the trace says against what is sent.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::bench::*;
use super::bench5::*;

/// Three clients and the far side of a bridge.
const PARTIES: usize = 4;
const FAR: usize = 3;

/// Something that a party does, or that happens to the broker.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// With a clean session, or for the far side of the bridge one that forgot.
    Come(usize, bool),
    Cut(usize),
    Goodbye(usize),
    Subscribe(usize, &'static str, QoS),
    Unsubscribe(usize, &'static str),
    Publish(usize, &'static str, QoS, bool),
    /// Answers so many packets that came.
    Answer(usize, usize),
    Stalled(usize),
    Drained(usize),
    HoldCommits,
    Commit,
    StoreFails,
    Wait(u64),
    PullPlug,
}

fn step() -> impl Strategy<Value = Step> {
    let party = || 0..PARTIES;
    let qos = || prop::sample::select(vec![Q0, Q1, Q2]);
    let topic = prop::sample::select(vec!["t", "t/u", "v", "near/t"]);
    let filters = ["#", "t/#", "v", "$share/g/t", "$share/g/#", "$SYS/#", "near/+"];
    let filter = move || prop::sample::select(filters.to_vec());
    prop_oneof![
        6 => (party(), any::<bool>()).prop_map(|(who, new)| Step::Come(who, new)),
        1 => party().prop_map(Step::Cut),
        1 => party().prop_map(Step::Goodbye),
        4 => (party(), filter(), qos()).prop_map(|(who, it, qos)| Step::Subscribe(who, it, qos)),
        1 => (party(), filter()).prop_map(|(who, it)| Step::Unsubscribe(who, it)),
        16 => (party(), topic, qos(), any::<bool>())
            .prop_map(|(who, topic, qos, retain)| Step::Publish(who, topic, qos, retain)),
        12 => (party(), 1..5_usize).prop_map(|(who, count)| Step::Answer(who, count)),
        1 => party().prop_map(Step::Stalled),
        2 => party().prop_map(Step::Drained),
        1 => Just(Step::HoldCommits),
        8 => Just(Step::Commit),
        1 => Just(Step::StoreFails),
        2 => (0_u64..10).prop_map(Step::Wait),
        1 => Just(Step::PullPlug),
    ]
}

struct Parties {
    bench: Bench,
    conns: [Option<ConnId>; PARTIES],
    next_id: u16,
}

impl Parties {
    fn new() -> Self {
        let bench = Bench::with(|it| {
            it.trace = true;
            it.sys_interval = secs(7);
            it.limits.max_inflight_messages = 3;
            it.limits.max_queued_messages = 4;
            it.limits.queue_qos0_messages = true;
            let both = ("t/#", Direction::Both, Q2, "", "");
            let out = ("v", Direction::Out, Q1, "", "far/");
            let into = ("t", Direction::In, Q1, "near/", "");
            it.bridges = vec![bridge(&[into, both, out])];
        });
        let mut parties = Self { bench, conns: [None; PARTIES], next_id: 1 };
        for who in 0..PARTIES {
            parties.step(Step::Come(who, false));
            parties.step(Step::Subscribe(who, "t/#", [Q2, Q1, Q0, Q0][who]));
        }
        parties
    }

    /// A party's connection, where it has one that is open.
    fn conn(&self, who: usize) -> Option<ConnId> {
        self.conns[who].filter(|conn| self.bench.is_open(*conn))
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Come(who, new) => self.come(who, new),
            Step::HoldCommits => self.bench.hold_commits(),
            Step::Commit => self.bench.commit(),
            Step::StoreFails => self.bench.store_fails(),
            Step::Wait(seconds) => self.bench.wait(secs(seconds)),
            Step::PullPlug => {
                self.bench.pull_plug(|_| {});
                self.bench.dials.clear();
                self.conns = [None; PARTIES];
                self.bench.input(Input::DialFailed { bridge: BRIDGE, reason: "x".to_owned() });
            }
            Step::Cut(who)
            | Step::Goodbye(who)
            | Step::Subscribe(who, ..)
            | Step::Unsubscribe(who, _)
            | Step::Publish(who, ..)
            | Step::Answer(who, _)
            | Step::Stalled(who)
            | Step::Drained(who) => {
                if let Some(conn) = self.conn(who) {
                    self.act(who, conn, step);
                }
            }
        }
    }

    fn come(&mut self, who: usize, new: bool) {
        if who == FAR {
            if self.conn(who).is_none() {
                self.conns[who] = Some(self.bench.link(!new));
            }
            return;
        }
        let name = ["a", "b", "c"][who];
        let five = [lasts(20), Property::TopicAliasMaximum(2), Property::ReceiveMaximum(2)];
        let connect = match who {
            0 => connect(name, new),
            1 => connect5(name, new, &five),
            _ => Connect { bridge: true, ..connect(name, new) },
        };
        let will = Some(message("t", "gone", Q1, false).into());
        self.conns[who] = Some(self.bench.ask(Connect { will, ..connect }));
    }

    fn act(&mut self, who: usize, conn: ConnId, step: Step) {
        self.next_id = self.next_id % 1000 + 1;
        let id = self.next_id;
        match step {
            Step::Subscribe(_, filter, qos) if who != FAR => {
                self.bench.send(conn, subscribe(id, &[(filter, qos)]));
            }
            Step::Unsubscribe(_, filter) if who != FAR => {
                self.bench.send(conn, unsubscribe(id, &[filter]));
            }
            Step::Publish(_, topic, qos, retained) => {
                let packet = publish(topic, "x", qos, if qos == Q0 { 0 } else { id });
                let packet = if retained { retain(packet) } else { packet };
                let packet = if who == 1 { with(packet, &[expires(5)]) } else { packet };
                self.bench.send(conn, packet);
            }
            Step::Answer(_, count) => {
                for _ in 0..count {
                    let packets = self.bench.sent.entry(conn).or_default();
                    let Some(answer) = packets.pop_front().and_then(|it| answer(&it)) else {
                        continue;
                    };
                    if self.bench.is_open(conn) {
                        self.bench.send(conn, answer);
                    }
                }
            }
            Step::Cut(_) => {
                self.bench.cut(conn);
                self.conns[who] = None;
            }
            Step::Goodbye(_) if who != FAR => {
                self.bench.send(conn, goodbye());
                self.conns[who] = None;
            }
            Step::Stalled(_) => self.bench.input(Input::Stalled { conn }),
            Step::Drained(_) => self.bench.input(Input::Drained { conn }),
            _ => {}
        }
    }
}

fn answer(packet: &Packet) -> Option<Packet> {
    Some(match packet {
        Packet::Publish(it) if it.qos == Q1 => Packet::PubAck(it.packet_id?.into()),
        Packet::Publish(it) => Packet::PubRec(it.packet_id?.into()),
        Packet::PubRec(it) => Packet::PubRel(it.id.into()),
        Packet::PubRel(it) => Packet::PubComp(it.id.into()),
        Packet::Subscribe(it) => {
            let reasons = it.filters.iter().map(|(_, it)| granted(it.qos)).collect();
            Packet::SubAck(Answers::new(it.id, reasons))
        }
        _ => return None,
    })
}

/// See [`Follower::read`](super::follower::Follower::read).
#[test]
fn the_trace_says_what_is_sent() {
    let config = Config { failure_persistence: None, ..Config::with_cases(150) };
    let mut runner = TestRunner::new(config);
    let sent = std::cell::Cell::new(0);
    let steps = proptest::collection::vec(step(), 1..150);
    let outcome = runner.run(&steps, |steps| {
        let mut parties = Parties::new();
        for step in steps {
            parties.step(step);
        }
        sent.set(sent.get() + parties.bench.follower.sent);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    assert!(sent.get() > 2_000, "only {} messages were sent", sent.get());
}
