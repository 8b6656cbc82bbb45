//! Whatever comes, in whatever order: no panic, records that fit together, a store from which the
//! broker goes on as it was, and a trace that says what was sent.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::bench::*;
use super::counts;
use super::follower::Follower;
use crate::broker::Limits;
use crate::mqtt::codec::DecodeError;

/// Something that happens to a broker.
#[derive(Debug, Clone)]
enum Step {
    Accept,
    Packet(usize, Packet),
    Malformed(usize),
    Closed(usize),
    Stalled(usize),
    Drained(usize),
    Dialed,
    DialFailed,
    Order(BridgeOrder),
    Commit,
    StoreFails,
    Wait(u64),
    Restart,
}

fn packet() -> impl Strategy<Value = Packet> {
    let id = || (1_u16..5).prop_map(id);
    let topic = || prop::sample::select(vec!["t", "t/u", "v", "$SYS/x"]);
    let filter = || prop::sample::select(vec!["#", "t", "t/+", "+/u", "$SYS/#"]);
    let qos = || prop::sample::select(vec![Q0, Q1, Q2]);
    let published =
        (topic(), prop::sample::select(vec!["", "x", "y"]), qos(), 1_u16..5, any::<[bool; 2]>());
    let published = published.prop_map(|(topic, payload, qos, number, [dup, retain])| {
        let Packet::Publish(it) = publish(topic, payload, qos, number) else { unreachable!() };
        let packet_id = it.packet_id.filter(|_| qos > Q0);
        Packet::Publish(Publish { dup: dup && qos > Q0, retain, packet_id, ..it })
    });
    let client = prop::sample::select(vec!["a", "b", "", "local.host.link"]);
    let will = proptest::option::of((topic(), qos(), any::<bool>()));
    let connects = (client, any::<[bool; 2]>(), will, 0_u16..3).prop_map(
        |(client, [clean, bridge], will, keep_alive_s)| {
            let will = will.map(|(topic, qos, retain)| {
                let topic = Topic::parse(topic).expect("a topic");
                Will::from(Message::new(topic, "gone", qos, retain))
            });
            let connect = connect(client, clean);
            Packet::Connect(Box::new(Connect { bridge, keep_alive_s, will, ..connect }))
        },
    );
    let reason = || prop::sample::select(vec![Reason::Success, Reason::QuotaExceeded]);
    let ack = move || (id(), reason()).prop_map(|(id, reason)| Ack::because(id, reason));
    let filters = || proptest::collection::vec((filter(), qos()), 1..3);
    let parse = |text: &str| Filter::parse(text).expect("a filter");
    prop_oneof![
        4 => connects,
        6 => published,
        2 => (id(), filters()).prop_map(move |(id, filters)| {
            let filters = filters.iter().map(|(it, qos)| (parse(it), (*qos).into())).collect();
            Packet::Subscribe(Subscribe::new(id, filters))
        }),
        1 => (id(), filters()).prop_map(move |(id, filters)| {
            let filters = filters.iter().map(|(it, _)| parse(it)).collect();
            Packet::Unsubscribe(Unsubscribe::new(id, filters))
        }),
        8 => five(),
        1 => ack().prop_map(Packet::PubAck),
        1 => ack().prop_map(Packet::PubRec),
        1 => id().prop_map(|it| Packet::PubRel(it.into())),
        1 => id().prop_map(|it| Packet::PubComp(it.into())),
        1 => any::<bool>().prop_map(|present| connack(present, Reason::Success)),
        1 => id().prop_map(|id| suback(id.get(), &[Some(Q2), None])),
        1 => id().prop_map(|id| unsuback(id.get(), &[Reason::Success])),
        1 => prop::sample::select(vec![Packet::PingReq, Packet::PingResp, goodbye()]),
    ]
}

/// Packets that only MQTT 5 has in this form.
fn five() -> impl Strategy<Value = Packet> {
    let topic = || prop::sample::select(vec!["t", "t/u", "v", ""]);
    let expiry_s = || prop::sample::select(vec![0_u32, 3, u32::MAX]);
    let connects = (any::<[bool; 2]>(), expiry_s(), expiry_s(), 1_u16..4).prop_map(
        |([clean, will], expiry_s, delay_s, receive_maximum)| {
            let properties = Properties::of(&[
                Property::SessionExpiryInterval(expiry_s),
                Property::ReceiveMaximum(receive_maximum),
                Property::TopicAliasMaximum(receive_maximum),
                Property::MaximumPacketSize(20),
            ]);
            let message = Message::new(Topic::parse("t").expect("a topic"), "gone", Q1, true);
            let will = will.then_some(Will { message, delay_s, expiry_s: Some(2) });
            let level = Level::V5;
            Packet::Connect(Box::new(Connect { level, will, properties, ..connect("a", clean) }))
        },
    );
    let published = (topic(), 0_u16..12, 0_u32..4, 1_u16..5, any::<bool>()).prop_map(
        |(topic, alias, expiry_s, number, retain)| {
            let Packet::Publish(it) = publish("x", "y", Q2, number) else { unreachable!() };
            let topic = Topic::parse(topic).unwrap_or(Topic::omitted());
            let mut properties = Properties::of(&[Property::MessageExpiryInterval(expiry_s)]);
            if alias > 0 || topic.is_omitted() {
                properties = properties.with(&[Property::TopicAlias(alias)]);
            }
            Packet::Publish(Publish { retain, topic, properties, ..it })
        },
    );
    let filters = prop::sample::select(vec!["t/#", "$share/g/t", "$share/g/#", "$share/h/t"]);
    let subscribes = (filters, 1_u32..3, any::<[bool; 2]>()).prop_map(|(text, number, options)| {
        let [no_local, retain_as_published] = options;
        let shared = text.starts_with("$share");
        let options = SubscribeOptions {
            qos: Q2,
            no_local: no_local && !shared,
            retain_as_published,
            retain_handling: RetainHandling::SendIfNew,
        };
        let mut packet = Subscribe::new(id(9), vec![(filter(text), options)]);
        packet.properties = Properties::of(&[Property::SubscriptionIdentifier(number)]);
        Packet::Subscribe(packet)
    });
    let notice = (any::<bool>(), proptest::option::of(expiry_s())).prop_map(|(will, expiry_s)| {
        let reason = if will { Reason::DisconnectWithWill } else { Reason::Success };
        let expiry = expiry_s.map(Property::SessionExpiryInterval);
        let properties = Properties::of(expiry.as_slice());
        Packet::Disconnect(Notice { reason, properties })
    });
    prop_oneof![
        3 => connects,
        4 => published,
        2 => subscribes,
        1 => notice,
        1 => Just(Packet::Auth(Notice::default())),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let orders = vec![BridgeOrder::Start, BridgeOrder::Stop, BridgeOrder::Kill, BridgeOrder::Retry];
    prop_oneof![
        3 => Just(Step::Accept),
        20 => (any::<usize>(), packet()).prop_map(|(conn, packet)| Step::Packet(conn, packet)),
        1 => any::<usize>().prop_map(Step::Malformed),
        1 => any::<usize>().prop_map(Step::Closed),
        1 => any::<usize>().prop_map(Step::Stalled),
        1 => any::<usize>().prop_map(Step::Drained),
        2 => Just(Step::Dialed),
        1 => Just(Step::DialFailed),
        1 => prop::sample::select(orders).prop_map(Step::Order),
        4 => Just(Step::Commit),
        1 => Just(Step::StoreFails),
        2 => (0_u64..20_000).prop_map(Step::Wait),
        1 => Just(Step::Restart),
    ]
}

/// A broker, its disk, and the connections that are open.
struct Run {
    broker: Broker,
    settings: Settings,
    disk: Image,
    now: Duration,
    open: Vec<ConnId>,
    next: u64,
    follower: Follower,
}

impl Run {
    fn new() -> Self {
        let rules = [("t/#", Direction::Both, Q2, "", ""), ("v", Direction::Out, Q1, "", "far/")];
        let limits =
            Limits { max_queued_messages: 5, max_inflight_messages: 2, ..Limits::default() };
        let limits = Limits { memory_limit: 4000, ..limits };
        let bridges = vec![bridge(&rules)];
        let settings =
            Settings { limits, persistence: true, bridges, sys_interval: secs(7), trace: true };
        let disk = Image::default();
        let broker = Broker::new(Duration::ZERO, settings.clone(), &disk, 1);
        let follower = Follower::default();
        Self { broker, settings, disk, now: Duration::ZERO, open: Vec::new(), next: 0, follower }
    }

    fn input(&mut self, input: Input) {
        let mut outputs = Vec::new();
        self.broker.handle(self.now, input, &mut outputs);
        self.follower.read(&self.broker, &outputs);
        for output in outputs {
            if let Output::Close { conn, .. } = output {
                self.open.retain(|it| *it != conn);
            }
        }
    }

    fn conn(&mut self) -> ConnId {
        self.next += 1;
        self.open.push(ConnId(self.next));
        ConnId(self.next)
    }

    /// One of the open connections; none is open where there is none.
    fn pick(&self, number: usize) -> Option<ConnId> {
        (!self.open.is_empty()).then(|| self.open[number % self.open.len()])
    }

    fn commit(&mut self) {
        if let Some(commit) = self.broker.take_commit() {
            for record in &commit.records {
                self.disk.apply(record);
            }
            self.input(Input::Committed { number: commit.number });
        }
    }

    fn step(&mut self, step: Step) {
        let bridge = BridgeNumber(0);
        match step {
            Step::Accept => {
                let conn = self.conn();
                self.input(Input::Accepted { conn });
            }
            Step::Dialed => {
                let conn = self.conn();
                self.input(Input::Dialed { bridge, conn });
            }
            Step::DialFailed => self.input(Input::DialFailed { bridge, reason: "x".to_owned() }),
            Step::Order(order) => self.input(Input::Bridge { bridge, order }),
            Step::Commit => self.commit(),
            Step::StoreFails => self.input(Input::StoreFails { reason: "full".to_owned() }),
            Step::Wait(time_ms) => {
                self.now += Duration::from_millis(time_ms);
                self.input(Input::Time);
            }
            Step::Restart => {
                self.commit();
                self.disk.boot += 1;
                self.check();
                let settings = self.settings.clone();
                self.broker = Broker::new(self.now, settings, &self.disk, self.next);
                self.open.clear();
                self.follower.knows(self.disk.messages.keys());
            }
            Step::Packet(at, packet) => self.to(at, |conn| Input::Packet { conn, packet }),
            Step::Malformed(at) => {
                self.to(at, |conn| Input::Malformed { conn, error: DecodeError::Length });
            }
            Step::Stalled(at) => self.to(at, |conn| Input::Stalled { conn }),
            Step::Drained(at) => self.to(at, |conn| Input::Drained { conn }),
            Step::Closed(at) => {
                if let Some(conn) = self.pick(at) {
                    self.open.retain(|it| *it != conn);
                    self.input(Input::Closed { conn, reason: "x".to_owned() });
                }
            }
        }
    }

    fn to(&mut self, at: usize, input: impl FnOnce(ConnId) -> Input) {
        if let Some(conn) = self.pick(at) {
            self.input(input(conn));
        }
    }

    /// What is on the disk is what the broker holds for those who come back.
    fn check(&self) {
        let status = self.broker.status();
        let held: BTreeMap<_, _> = status
            .sessions
            .iter()
            .filter(|it| it.persistent)
            .map(|it| (it.client.clone(), it.queued))
            .collect();
        let clients = self.disk.sessions.iter().filter(|(_, it)| !it.bridge);
        let kept: BTreeMap<_, _> =
            clients.map(|(client, it)| (client.clone(), it.deliveries.len())).collect();
        assert_eq!(held, kept);
        assert_eq!(status.retained, self.disk.retained.len());
        let referred = self.disk.retained.values().map(|it| it.id);
        let queued = self.disk.sessions.values().flat_map(|it| it.deliveries.values());
        let wills = self.disk.sessions.values().filter_map(|it| it.will.map(|will| will.id));
        let referred: BTreeSet<_> = referred.chain(queued.map(|it| it.id)).chain(wills).collect();
        let bodies: BTreeSet<_> = self.disk.messages.keys().copied().collect();
        counts::check(&self.broker);
        assert_eq!(bodies, referred, "a body is kept exactly as long as something refers to it");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_comes(steps in proptest::collection::vec(step(), 1..150)) {
        let mut run = Run::new();
        for step in steps {
            run.step(step);
        }
        run.step(Step::Restart);
        run.step(Step::Restart);
    }
}
