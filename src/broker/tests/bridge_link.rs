//! A bridge's link: dialling, addresses, orders, keep-alive.

use super::bench::*;
use super::counts;
use crate::broker::settings::StartType;
use crate::broker::status::LinkState;

fn with(change: impl FnOnce(&mut BridgeSettings)) -> Bench {
    Bench::with(|it| {
        let mut bridge = bridge(&[("t", Direction::Out, Q2, "", "")]);
        bridge.notifications = false;
        change(&mut bridge);
        it.bridges = vec![bridge];
    })
}

fn address(host: &str) -> Address {
    Address { host: host.to_owned(), port: 1883 }
}

fn fail(bench: &mut Bench) -> String {
    while bench.dials.is_empty() {
        let at = bench.broker.deadline().expect("it dials again");
        bench.wait(at.saturating_sub(bench.now));
    }
    let host = bench.dials.pop_front().expect("just seen").host;
    bench.input(Input::DialFailed { bridge: BRIDGE, reason: "refused".to_owned() });
    host
}

fn state(bench: &Bench) -> LinkState {
    bench.broker.status().bridges[0].state.clone()
}

#[test]
fn waits_grow_to_the_cap() {
    let mut bench = with(|_| {});
    let mut last = bench.now;
    for round in 0..20 {
        fail(&mut bench);
        let waited = bench.now.saturating_sub(last);
        last = bench.now;
        assert!(round == 0 || (secs(5)..=secs(30)).contains(&waited), "{waited:?}");
    }
}

#[test]
fn every_address_is_tried_before_it_waits() {
    let mut bench = with(|it| it.addresses.push(address("second")));
    let start = bench.now;
    assert_eq!([fail(&mut bench), fail(&mut bench)], ["first", "second"]);
    assert_eq!(bench.now, start);
    assert_eq!(fail(&mut bench), "first");
    assert!(bench.now >= start + secs(5));
}

/// Without `round_robin` the first address is tried from time to time, and gone over to.
#[test]
fn the_first_address_is_preferred() {
    let mut bench = with(|it| it.addresses.push(address("second")));
    fail(&mut bench);
    let second = bench.link(false);
    bench.sent(second);
    bench.wait(secs(61));
    assert_eq!(bench.dials.pop_front(), Some(address("first")));
    bench.input(Input::DialFailed { bridge: BRIDGE, reason: "refused".to_owned() });
    assert!(bench.is_open(second));
    let first = bench.link(false);
    bench.expect_closed(second, "the first address is back");
    assert!(matches!(state(&bench), LinkState::Connected { .. }));
    bench.sent(first);
    bench.wait(secs(50));
    assert_eq!(bench.dials.len(), 0);
}

#[test]
fn round_robin_goes_on() {
    let mut bench = with(|it| {
        it.addresses.push(address("second"));
        it.round_robin = true;
    });
    let first = bench.link(false);
    bench.cut(first);
    assert_eq!(fail(&mut bench), "second");
}

#[test]
fn orders() {
    let mut bench = with(|_| {});
    let order = |bench: &mut Bench, order| bench.input(Input::Bridge { bridge: BRIDGE, order });
    let link = bench.link(false);
    order(&mut bench, BridgeOrder::Stop);
    bench.expect(link, [goodbye()]);
    bench.expect_closed(link, "stopped");
    bench.wait(secs(1000));
    assert_eq!((state(&bench), bench.dials.len()), (LinkState::Stopped, 0));
    order(&mut bench, BridgeOrder::Retry);
    assert_eq!(bench.dials.len(), 0);
    order(&mut bench, BridgeOrder::Start);
    fail(&mut bench);
    assert!(matches!(state(&bench), LinkState::Waiting { .. }));
    order(&mut bench, BridgeOrder::Retry);
    assert_eq!(bench.dials.len(), 1);
    order(&mut bench, BridgeOrder::Stop);
    bench.dials.clear();
    // A dial that succeeds when nobody wants it any more is closed.
    let conn = bench.conn();
    bench.input(Input::Dialed { bridge: BRIDGE, conn });
    bench.expect_closed(conn, "nobody waits");
    bench.expect(conn, []);
}

/// However often it is started and stopped, nothing of that is left behind.
#[test]
fn orders_leave_nothing_behind() {
    let mut bench = with(|_| {});
    for round in 0..20 {
        if round % 2 == 0 {
            bench.link(false);
        } else {
            fail(&mut bench);
        }
        for order in [BridgeOrder::Stop, BridgeOrder::Start, BridgeOrder::Kill, BridgeOrder::Start]
        {
            bench.input(Input::Bridge { bridge: BRIDGE, order });
            counts::check(&bench.broker);
        }
        bench.dials.truncate(1);
    }
}

#[test]
fn once_is_once() {
    let mut bench = with(|it| it.start = StartType::Once);
    let link = bench.link(false);
    bench.cut(link);
    bench.wait(secs(1000));
    assert_eq!((state(&bench), bench.dials.len()), (LinkState::Stopped, 0));
}

/// A far broker that does not take the bridge bit is asked without it.
#[test]
fn try_private() {
    let mut bench = with(|_| {});
    let (link, connect) = bench.dial();
    assert!(connect.bridge);
    bench.send(link, connack(false, Reason::UnsupportedProtocolVersion));
    assert!(!bench.is_open(link));
    let (_, connect) = bench.dial();
    assert!(!connect.bridge);
}

#[test]
fn answers_that_are_none() {
    let check = |packet: Option<Packet>, reason: &str| {
        let mut bench = with(|_| {});
        let (link, _) = bench.dial();
        match packet {
            Some(packet) => bench.send(link, packet),
            None => bench.wait(secs(10)),
        }
        bench.expect_closed(link, reason);
        bench.dial();
    };
    check(Some(Packet::PingResp), "first packet is not CONNACK");
    check(Some(connack(false, Reason::NotAuthorized)), "CONNACK: not authorized");
    check(None, "no CONNACK came");
    let mut bench = with(|_| {});
    let link = bench.link(false);
    bench.send(link, Packet::PingReq);
    bench.expect_closed(link, "only a client sends");
}

/// [MQTT-3.1.2-23], and a far side that is not there any more is noticed.
#[test]
fn keep_alive() {
    let mut bench = with(|it| it.keepalive_interval = secs(20));
    let link = bench.link(false);
    bench.sent(link);
    for _ in 0..3 {
        bench.wait(secs(20));
        bench.expect(link, [Packet::PingReq]);
        bench.send(link, Packet::PingResp);
    }
    bench.wait(secs(20));
    bench.expect(link, [Packet::PingReq]);
    bench.wait(secs(20));
    bench.expect_closed(link, "PINGREQ was not answered");
}

/// 0 means never, as in CONNECT.
#[test]
fn no_keep_alive() {
    let mut bench = with(|it| it.keepalive_interval = secs(0));
    let link = bench.link(false);
    bench.sent(link);
    bench.wait(secs(1000));
    bench.expect(link, []);
    assert!(bench.is_open(link));
}
