//! What the trace tells of single messages, from where they enter to where they end.

use super::bench::*;
use super::bench5::*;
use crate::broker::MessageId;
use crate::broker::durable::Image;

/// A bench that traces.
fn traced() -> Bench {
    traced_with(|_| {})
}

fn traced_with(change: impl FnOnce(&mut Settings)) -> Bench {
    Bench::with(|it| {
        it.trace = true;
        change(it);
    })
}

/// A bench with a bridge of one rule, which says nothing of itself.
fn bridged(rule: (&str, Direction, QoS, &str, &str)) -> Bench {
    traced_with(|it| {
        let quiet = |it| BridgeSettings { notifications: false, ..it };
        it.bridges = vec![quiet(bridge(&[rule]))];
    })
}

/// The events of messages since the last time, one line each; `m1` is the first message of this
/// start of the broker.
#[track_caller]
fn expect(bench: &mut Bench, expected: &[&str]) {
    let events = std::mem::take(&mut bench.events);
    let lines: Vec<_> = events.iter().filter_map(line).collect();
    assert_eq!(lines, expected);
}

fn line(event: &Event) -> Option<String> {
    let flag = |set: bool, word: &'static str| if set { word } else { "" };
    let packet = |conn: &ConnId, id: &Option<PacketId>| match id {
        Some(id) => format!("{}/{id}", conn.0),
        None => conn.0.to_string(),
    };
    Some(match event {
        Event::Published { message, packet: origin, client, topic, qos, retain, .. } => {
            let who = client.as_ref().map_or("the broker", ClientId::as_str);
            let retain = flag(*retain, " retained");
            let by = origin.as_ref().map_or(String::new(), |it| {
                let rule = it.rule.as_ref().map_or(String::new(), |it| format!(", {it}"));
                format!(" on {}{rule}", packet(&it.conn, &it.packet_id))
            });
            format!("{} from {who}{by}: {topic} {}{retain}", m(*message), qos.level())
        }
        Event::TakenOut { message, becomes, client, rule, topic } => {
            format!("{} out by {client}, {rule}: {} {topic}", m(*message), m(*becomes))
        }
        Event::Queued { message, client, qos, cause, behind } => {
            format!("{} waits for {client}: {} {cause:?} {behind:?}", m(*message), qos.level())
        }
        Event::Sent { message, client, conn, packet_id, topic, qos, retain, dup, cause } => {
            let name = message.map_or("nothing".to_owned(), m);
            let on = packet(conn, packet_id);
            let (retain, dup) = (flag(*retain, " retained"), flag(*dup, " again"));
            let qos = qos.level();
            format!("{name} to {client} on {on}: {topic} {qos}{retain}{dup} {cause:?}")
        }
        Event::Delivered { message, client } => format!("{} delivered to {client}", m(*message)),
        Event::Dropped { message, client, topic, qos, reason } => {
            let name = message.map_or("nothing".to_owned(), m);
            format!("{name} not for {client}: {topic} {} {reason:?}", qos.level())
        }
        _ => return None,
    })
}

fn m(message: MessageId) -> String {
    let boot = message.0 >> MessageId::START_SHIFT;
    let number = message.0 - (boot << MessageId::START_SHIFT) + 1;
    if boot == 1 { format!("m{number}") } else { format!("boot {boot} m{number}") }
}

/// A subscriber `s` on connection 1 with a session that is kept, and a publisher `p` on 2.
fn two(bench: &mut Bench, qos: QoS) -> (ConnId, ConnId) {
    let s = bench.connect("s", false);
    bench.subscribe(s, "t", qos);
    (s, bench.connect("p", true))
}

#[test]
fn live() {
    let mut bench = traced();
    let (s, p) = two(&mut bench, Q2);
    bench.send(p, publish("t", "x", Q0, 0));
    expect(&mut bench, &["m1 from p on 2: t 0", "m1 to s on 1: t 0 Live"]);
    bench.send(p, publish("t", "x", Q1, 7));
    expect(&mut bench, &["m2 from p on 2/7: t 1", "m2 to s on 1/1: t 1 Live"]);
    bench.send(s, puback(1));
    expect(&mut bench, &["m2 delivered to s"]);
    bench.send(p, publish("t", "x", Q2, 8));
    expect(&mut bench, &["m3 from p on 2/8: t 2", "m3 to s on 1/2: t 2 Live"]);
    bench.send(p, again(publish("t", "x", Q2, 8)));
    bench.send(p, pubrel(8));
    bench.send(s, pubrec(2));
    expect(&mut bench, &[]);
    bench.send(s, pubcomp(2));
    expect(&mut bench, &["m3 delivered to s"]);
    bench.send(s, pubcomp(2));
    bench.send(p, publish("nobody", "x", Q0, 0));
    expect(&mut bench, &["m4 from p on 2: nobody 0"]);
}

#[test]
fn without_the_trace_only_what_is_always_told() {
    let mut bench = Bench::with(|it| it.limits.max_queued_messages = 1);
    let (s, p) = two(&mut bench, Q1);
    bench.send(p, publish("t", "x", Q1, 1));
    bench.send(s, puback(1));
    bench.cut(s);
    bench.send(p, publish("t", "x", Q1, 2));
    bench.send(p, publish("t", "x", Q1, 3));
    expect(&mut bench, &["m3 not for s: t 1 QueueFull"]);
}

#[test]
fn offline_and_back() {
    let mut bench = traced();
    let (s, p) = two(&mut bench, Q2);
    bench.cut(s);
    bench.send(p, publish("t", "x", Q2, 1));
    expect(&mut bench, &["m1 from p on 2/1: t 2", "m1 waits for s: 2 Live Offline"]);
    let s = bench.connect("s", false);
    expect(&mut bench, &["m1 to s on 3/1: t 2 Live"]);
    bench.send(s, pubrec(1));
    bench.cut(s);
    // PUBREL alone goes again, and that carries no message.
    let s = bench.connect("s", false);
    expect(&mut bench, &[]);
    bench.send(s, pubcomp(1));
    expect(&mut bench, &["m1 delivered to s"]);
}

#[test]
fn again_after_a_cut_and_after_a_restart() {
    let mut bench = traced();
    let (s, p) = two(&mut bench, Q1);
    bench.send(p, publish("t", "x", Q1, 1));
    expect(&mut bench, &["m1 from p on 2/1: t 1", "m1 to s on 1/1: t 1 Live"]);
    bench.cut(s);
    let s = bench.connect("s", false);
    expect(&mut bench, &["m1 to s on 3/1: t 1 again Live"]);
    bench.cut(s);
    bench.pull_plug(|_| {});
    let s = bench.connect("s", false);
    bench.send(s, puback(1));
    let p = bench.connect("p", true);
    bench.send(p, publish("t", "x", Q1, 1));
    let second = ["boot 2 m1 from p on 5/1: t 1", "boot 2 m1 to s on 4/2: t 1 Live"];
    let first = ["m1 to s on 4/1: t 1 again Live", "m1 delivered to s"];
    expect(&mut bench, &[first, second].concat());
}

#[test]
fn what_it_waits_for() {
    let limited = |it: &mut Settings| {
        it.limits.max_inflight_messages = 1;
        it.limits.queue_qos0_messages = true;
    };
    let mut bench = traced_with(limited);
    let (s, p) = two(&mut bench, Q1);
    bench.send(p, publish("t", "1", Q1, 1));
    bench.send(p, publish("t", "2", Q1, 1));
    bench.send(p, publish("t", "3", Q0, 0));
    let first = ["m1 from p on 2/1: t 1", "m1 to s on 1/1: t 1 Live"];
    let second = ["m2 from p on 2/1: t 1", "m2 waits for s: 1 Live Window"];
    let third = ["m3 from p on 2: t 0", "m3 waits for s: 0 Live Window"];
    expect(&mut bench, &[first, second, third].concat());
    bench.send(s, puback(1));
    bench.send(s, puback(2));
    let second = ["m1 delivered to s", "m2 to s on 1/2: t 1 Live"];
    let third = ["m3 to s on 1: t 0 Live", "m2 delivered to s"];
    // QoS 0 needs no room in the window.
    expect(&mut bench, &[second, third].concat());
    bench.input(Input::Stalled { conn: s });
    bench.send(p, publish("t", "4", Q1, 1));
    expect(&mut bench, &["m4 from p on 2/1: t 1", "m4 waits for s: 1 Live SlowReader"]);
    bench.send(p, publish("t", "5", Q0, 0));
    expect(&mut bench, &["m5 from p on 2: t 0", "m5 waits for s: 0 Live SlowReader"]);
    bench.input(Input::Drained { conn: s });
    expect(&mut bench, &["m4 to s on 1/3: t 1 Live", "m5 to s on 1: t 0 Live"]);
    bench.cut(s);
    bench.send(p, publish("t", "6", Q0, 0));
    expect(&mut bench, &["m6 from p on 2: t 0", "m6 waits for s: 0 Live Offline"]);
}

#[test]
fn retained() {
    let mut bench = traced();
    let p = bench.connect("p", true);
    bench.send(p, retain(publish("t", "x", Q1, 1)));
    expect(&mut bench, &["m1 from p on 1/1: t 1 retained"]);
    let s = bench.connect("s", false);
    bench.subscribe(s, "t", Q1);
    expect(&mut bench, &["m1 to s on 2/1: t 1 retained Subscribed"]);
    bench.cut(s);
    // Why it was sent is known as long as the broker runs.
    let s = bench.connect("s", false);
    expect(&mut bench, &["m1 to s on 3/1: t 1 retained again Subscribed"]);
    bench.cut(s);
    bench.pull_plug(|_| {});
    bench.connect("s", false);
    let s = bench.connect("other", true);
    bench.subscribe(s, "#", Q0);
    let again = "m1 to s on 4/1: t 1 retained again Live";
    expect(&mut bench, &[again, "m1 to other on 5: t 0 retained Subscribed"]);
}

#[test]
fn a_will() {
    let mut bench = traced();
    let (s, p) = two(&mut bench, Q1);
    let will = Some(message("t", "gone", Q1, false).into());
    let w = bench.ask(Connect { will, ..connect("w", true) });
    bench.cut(w);
    // The will has a number of its own from CONNECT on, under which it is not published.
    expect(&mut bench, &["m2 from w: t 1", "m2 to s on 1/1: t 1 Live"]);
    bench.send(s, puback(1));
    bench.send(p, goodbye());
    expect(&mut bench, &["m2 delivered to s"]);
}

#[test]
fn out_of_a_bridge() {
    let mut bench = bridged(("#", Direction::Out, Q1, "", "far/"));
    let p = bench.connect("p", true);
    bench.send(p, retain(publish("t", "x", Q2, 1)));
    let name = "local.host.link";
    let rule = "topic # out 1 \"\" far/";
    let out = format!("m1 out by {name}, {rule}: m2 far/t");
    let waits = format!("m2 waits for {name}: 1 Live Offline");
    expect(&mut bench, &["m1 from p on 1/1: t 2 retained", &out, &waits]);
    let link = bench.link(false);
    // What waits is not sent as retained besides.
    expect(&mut bench, &[&format!("m2 to {name} on 2/1: far/t 1 retained Live")]);
    bench.link_sent(link);
    bench.send(link, puback(1));
    expect(&mut bench, &[&format!("m2 delivered to {name}")]);
    bench.cut(link);
    bench.link(false);
    let out = format!("m1 out by {name}, {rule}: m3 far/t");
    let sent = format!("m3 to {name} on 3/2: far/t 1 retained BridgeConnected");
    expect(&mut bench, &[&out, &sent]);
}

#[test]
fn out_of_a_bridge_under_the_same_name() {
    let mut bench = bridged(("t", Direction::Out, Q2, "", ""));
    let link = bench.link(false);
    let p = bench.connect("p", true);
    bench.send(p, publish("t", "x", Q2, 1));
    let name = "local.host.link";
    let out = format!("m1 out by {name}, topic t out 2: m1 t");
    let sent = format!("m1 to {name} on 1/1: t 2 Live");
    expect(&mut bench, &["m1 from p on 2/1: t 2", &out, &sent]);
    bench.send(link, pubrec(1));
    bench.send(p, publish("t", "y", Q2, 2));
    let out = format!("m2 out by {name}, topic t out 2: m2 t");
    let sent = format!("m2 to {name} on 1/2: t 2 Live");
    expect(&mut bench, &["m2 from p on 2/2: t 2", &out, &sent]);
    bench.cut(link);
    // A far side that forgot: what it had taken over is delivered, the rest is not a repeat.
    bench.link(false);
    let sent = format!("m2 to {name} on 3/2: t 2 Live");
    expect(&mut bench, &[&format!("m1 delivered to {name}"), &sent]);
}

#[test]
fn a_bridge_is_told_not_now() {
    let mut bench = traced_with(|it| {
        let rule = ("t", Direction::Out, Q1, "", "");
        let bridge = bridge(&[rule]);
        it.bridges = vec![BridgeSettings { level: Level::V5, notifications: false, ..bridge }];
    });
    let link = bench.link(false);
    let p = bench.connect("p", true);
    bench.send(p, publish("t", "x", Q1, 1));
    bench.events.clear();
    bench.send(link, because(puback(1), Reason::QuotaExceeded));
    expect(&mut bench, &["m1 waits for local.host.link: 1 Live Offline"]);
    bench.link(true);
    expect(&mut bench, &["m1 to local.host.link on 3/2: t 1 Live"]);
}

#[test]
fn into_a_bridge() {
    let mut bench = bridged(("#", Direction::In, Q1, "near/", ""));
    let link = bench.link(false);
    bench.link_sent(link);
    let s = bench.connect("s", true);
    bench.subscribe(s, "near/t", Q2);
    bench.send(link, publish("t", "x", Q2, 9));
    let came = "m1 from local.host.link on 1/9, topic # in 1 near/ \"\": near/t 1";
    expect(&mut bench, &[came, "m1 to s on 2/1: near/t 1 Live"]);
    bench.send(link, again(publish("t", "x", Q2, 9)));
    expect(&mut bench, &[]);
}

/// A bridge tells its far broker that it is there: no message of this broker.
#[test]
fn what_a_bridge_says_of_itself() {
    let mut bench = traced_with(|it| it.bridges = vec![bridge(&[])]);
    let topic = "$SYS/broker/connection/host.link/state";
    let name = "local.host.link";
    let published = |number| format!("m{number} from {name}: {topic} 1 retained");
    expect(&mut bench, &[&published(1)]);
    bench.link(true);
    let sent = format!("nothing to {name} on 1: {topic} 0 retained Live");
    expect(&mut bench, &[&sent, &published(2)]);
}

/// What came of the start alone is told with the first input.
#[test]
fn at_the_start() {
    let mut bench = traced();
    let s = bench.connect("s", false);
    bench.subscribe(s, "$SYS/broker/connection/#", Q1);
    bench.cut(s);
    bench.pull_plug(|it| it.bridges = vec![bridge(&[])]);
    let topic = "$SYS/broker/connection/host.link/state";
    let published = format!("boot 2 m1 from local.host.link: {topic} 1 retained");
    expect(&mut bench, &[&published, "boot 2 m1 waits for s: 1 Live Offline"]);
    bench.connect("s", false);
    expect(&mut bench, &[&format!("boot 2 m1 to s on 2/1: {topic} 1 Live")]);
}

#[test]
fn a_far_bridge_that_missed_retained_ones() {
    let mut bench = traced_with(|it| it.limits.max_queued_messages = 1);
    let far = || Connect { bridge: true, ..connect("far", false) };
    let conn = bench.ask(far());
    bench.subscribe(conn, "#", Q1);
    bench.cut(conn);
    let p = bench.connect("p", true);
    bench.send(p, retain(publish("t", "x", Q1, 1)));
    bench.send(p, retain(publish("u", "x", Q1, 2)));
    let first = ["m1 from p on 2/1: t 1 retained", "m1 waits for far: 1 Live Offline"];
    let second = ["m2 from p on 2/2: u 1 retained", "m2 not for far: u 1 QueueFull"];
    expect(&mut bench, &[first, second].concat());
    bench.ask(far());
    let waited = "m1 to far on 3/1: t 1 retained Live";
    expect(&mut bench, &[waited, "m2 to far on 3/2: u 1 retained BridgeConnected"]);
}

#[test]
fn what_a_member_of_a_group_leaves_undone() {
    let mut bench = traced();
    let one = bench.connect("one", true);
    let two = bench.connect("two", true);
    for conn in [one, two] {
        bench.subscribe(conn, "$share/g/t", Q1);
    }
    let p = bench.connect("p", true);
    bench.send(p, publish("t", "x", Q1, 1));
    expect(&mut bench, &["m1 from p on 3/1: t 1", "m1 to one on 1/1: t 1 Live"]);
    bench.cut(one);
    expect(&mut bench, &["m1 to two on 2/1: t 1 Live"]);
    bench.send(two, puback(1));
    expect(&mut bench, &["m1 delivered to two"]);
}

#[test]
fn what_goes_nowhere() {
    let mut bench = traced_with(|it| {
        it.limits.max_queued_messages = 1;
        it.limits.message_size_limit = 10;
    });
    let lasting = [lasts(NEVER), Property::MaximumPacketSize(20)];
    let s = bench.connect5("s", false, &lasting);
    bench.subscribe(s, "t", Q1);
    let p = bench.connect5("p", true, &[]);
    bench.send(p, publish("$SYS/x", "x", Q1, 1));
    bench.send(p, publish("t", "far too large", Q1, 1));
    let refused = ["nothing not for p: $SYS/x 1 BrokersOwn", "nothing not for p: t 1 TooLarge"];
    expect(&mut bench, &refused);
    bench.send(p, with(publish("t", "large", Q1, 1), &[Property::ContentType("application")]));
    expect(&mut bench, &["m1 from p on 2/1: t 1", "m1 not for s: t 1 TooLarge"]);
    bench.send(p, publish("t", "x", Q1, 1));
    bench.send(s, because(puback(1), Reason::UnspecifiedError));
    let came = ["m2 from p on 2/1: t 1", "m2 to s on 1/1: t 1 Live"];
    expect(&mut bench, &[&came[..], &["m2 not for s: t 1 Refused"]].concat());
    bench.cut(s);
    bench.send(p, with(publish("t", "x", Q1, 1), &[expires(1)]));
    expect(&mut bench, &["m3 from p on 2/1: t 1", "m3 waits for s: 1 Live Offline"]);
    bench.wait(secs(2));
    bench.send(p, publish("t", "x", Q1, 1));
    let expired = ["m4 from p on 2/1: t 1", "m3 not for s: t 1 Expired"];
    expect(&mut bench, &[&expired[..], &["m4 waits for s: 1 Live Offline"]].concat());
    bench.send(p, publish("t", "x", Q1, 1));
    expect(&mut bench, &["m5 from p on 2/1: t 1", "m5 not for s: t 1 QueueFull"]);
    bench.hold_commits();
    bench.store_fails();
    bench.send(p, publish("t", "x", Q1, 1));
    expect(&mut bench, &["nothing not for p: t 1 Store"]);
}

/// The trace says the topic although an alias stands for it on the wire.
#[test]
fn under_an_alias() {
    let mut bench = traced();
    let s = bench.connect5("s", true, &[Property::TopicAliasMaximum(1)]);
    bench.subscribe(s, "topic", Q0);
    let p = bench.connect("p", true);
    bench.send(p, publish("topic", "x", Q0, 0));
    bench.send(p, publish("topic", "x", Q0, 0));
    let first = ["m1 from p on 2: topic 0", "m1 to s on 1: topic 0 Live"];
    let second = ["m2 from p on 2: topic 0", "m2 to s on 1: topic 0 Live"];
    expect(&mut bench, &[first, second].concat());
}

/// What waits for a commit is not sent, and what never leaves never is.
#[test]
fn behind_a_commit() {
    let mut bench = traced();
    let (s, p) = two(&mut bench, Q1);
    bench.hold_commits();
    bench.send(p, publish("t", "x", Q1, 1));
    expect(&mut bench, &["m1 from p on 2/1: t 1"]);
    bench.cut(s);
    bench.commit();
    expect(&mut bench, &[]);
    let s = bench.connect("s", false);
    expect(&mut bench, &["m1 to s on 3/1: t 1 again Live"]);
    bench.send(p, publish("t", "y", Q1, 2));
    bench.events.clear();
    bench.commit();
    // The body, the delivery, and nothing else.
    let committed = bench.events.remove(0);
    assert!(matches!(committed, Event::Committed { records: 2, .. }), "{committed:?}");
    expect(&mut bench, &["m2 to s on 3/2: t 1 Live"]);
    assert!(bench.is_open(s));
}

#[test]
fn commits() {
    let mut bench = traced();
    let before = bench.image.clone();
    let s = bench.connect("s", false);
    bench.subscribe(s, "t", Q1);
    let commits: Vec<_> = bench
        .events
        .iter()
        .filter_map(|it| match it {
            Event::Committed { number, records } => Some((*number, *records)),
            _ => None,
        })
        .collect();
    assert_eq!(commits, [(1, 1), (2, 1)]);
    assert_ne!(before.sessions, bench.image.sessions);
    let mut bench = Bench::new();
    bench.connect("s", false);
    assert!(!bench.events.iter().any(|it| matches!(it, Event::Committed { .. })));
    assert_ne!(bench.image.sessions, Image::default().sessions);
}

#[test]
fn subscriptions() {
    let mut bench = Bench::with(|it| it.limits.max_subscriptions_per_client = 2);
    let s = bench.connect("s", true);
    bench.events.clear();
    bench.send(s, subscribe(1, &[("t", Q1), ("$share/g/t", Q2), ("u", Q1)]));
    bench.send(s, subscribe(2, &[("t", Q0)]));
    bench.send(s, unsubscribe(3, &["t", "u"]));
    let client = || ClientId::new("s");
    let subscribed = |text, qos| Event::Subscribed { client: client(), filter: filter(text), qos };
    let expected = [
        subscribed("t", Q1),
        subscribed("$share/g/t", Q2),
        subscribed("t", Q0),
        Event::Unsubscribed { client: client(), filter: filter("t") },
    ];
    assert_eq!(bench.events, expected);
}
