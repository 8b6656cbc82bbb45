//! The whole shell around the real core.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpStream;

use super::client::{Client, connect, id, publish, soon, suback};
use super::store::Store;
use crate::broker::settings::StartType;
use crate::broker::status::LinkState;
use crate::broker::{Address, BridgeNumber, BridgeOrder, BridgeSettings, Event, Settings};
use crate::cable::Deed;
use crate::mqtt::packet::ConnAck;
use crate::mqtt::{Direction, Packet, QoS, Reason, Rule};
use crate::net::{BrokerHandle, LiveCable, Start, bind};

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn in_memory(settings: Settings) -> Start {
    Start::in_memory("test", settings, vec![bind(any_port()).expect("a port")])
}

fn start(start: Start) -> (BrokerHandle, SocketAddr) {
    let broker = BrokerHandle::start(start).expect("listeners that work");
    let address = broker.addresses()[0];
    (broker, address)
}

fn persistent(store: &Store) -> Start {
    let settings = Settings { persistence: true, ..Settings::default() };
    Start { durable: Some(store.open()), image: store.image(), ..in_memory(settings) }
}

#[tokio::test]
async fn every_qos_gets_through() {
    let (broker, address) = start(in_memory(Settings::default()));
    let (mut subscriber, _) = Client::connect(address, "subscriber").await;
    subscriber.subscribe("#", QoS::ExactlyOnce).await;
    let (mut publisher, _) = Client::connect(address, "publisher").await;
    for (qos, number) in [(QoS::AtMostOnce, 1), (QoS::AtLeastOnce, 2), (QoS::ExactlyOnce, 3)] {
        publisher.send(&publish("a", qos, number, b"hello")).await;
        match qos {
            QoS::AtMostOnce => {}
            QoS::AtLeastOnce => {
                assert_eq!(publisher.next().await, Packet::PubAck(id(number).into()));
            }
            QoS::ExactlyOnce => {
                assert_eq!(publisher.next().await, Packet::PubRec(id(number).into()));
                publisher.send(&Packet::PubRel(id(number).into())).await;
                assert_eq!(publisher.next().await, Packet::PubComp(id(number).into()));
            }
        }
        let Packet::Publish(came) = subscriber.next().await else { panic!("no PUBLISH") };
        assert_eq!((came.qos, &came.payload[..]), (qos, &b"hello"[..]));
    }
    broker.stop().await.expect("nothing to keep");
    assert!(subscriber.ended_politely().await);
    assert!(publisher.ended_politely().await);
}

#[tokio::test]
async fn bytes_may_come_one_by_one() {
    let (broker, address) = start(in_memory(Settings::default()));
    let (mut client, _) = Client::connect(address, "slow").await;
    for _ in 0..20 {
        for byte in [0xc0, 0x00] {
            client.send_bytes(&[byte]).await;
            tokio::task::yield_now().await;
        }
        assert_eq!(client.next().await, Packet::PingResp);
    }
    broker.stop().await.expect("nothing to keep");
}

#[tokio::test]
async fn a_violation_ends_that_connection_alone_and_its_last_word_arrives() {
    let (broker, address) = start(in_memory(Settings::default()));
    let (mut bystander, _) = Client::connect(address, "bystander").await;
    let (mut guilty, _) = Client::connect(address, "guilty").await;
    guilty.send_bytes(&[0xc0, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff]).await;
    assert_eq!(guilty.next().await, Packet::PingResp);
    assert!(guilty.ended_politely().await);
    // A level nobody speaks is answered, though more than CONNECT was sent.
    let mut stranger = Client::dial(address).await;
    let mut hello = vec![0x10, 0x0c, 0, 4, b'M', b'Q', b'T', b'T', 9, 2, 0, 0, 0, 0];
    hello.resize(100_000, 0xc0);
    stranger.send_bytes(&hello).await;
    let reason = Reason::UnsupportedProtocolVersion;
    let refused = ConnAck { reason, ..ConnAck::default() };
    assert_eq!(stranger.next().await, Packet::ConnAck(refused));
    assert!(stranger.ended_politely().await);
    bystander.send(&Packet::PingReq).await;
    assert_eq!(bystander.next().await, Packet::PingResp);
    broker.stop().await.expect("nothing to keep");
}

#[tokio::test]
async fn a_client_that_does_not_read_hurts_nobody_and_is_not_waited_for() {
    let (broker, address) = start(in_memory(Settings::default()));
    let (mut deaf, _) = Client::connect(address, "deaf").await;
    deaf.subscribe("flood", QoS::AtMostOnce).await;
    let (mut publisher, _) = Client::connect(address, "publisher").await;
    let body = vec![b'x'; 64 * 1024];
    // Much more than sockets and outboxes hold together.
    for _ in 0..600 {
        publisher.send(&publish("flood", QoS::AtMostOnce, 0, &body)).await;
    }
    publisher.send(&Packet::PingReq).await;
    assert_eq!(publisher.next().await, Packet::PingResp);
    let status = soon(broker.status()).await.expect("it runs");
    assert!(status.refused > 0, "what a deaf client cannot take is counted");
    let began = std::time::Instant::now();
    broker.stop().await.expect("nothing to keep");
    assert!(began.elapsed().as_secs() < 4, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_stalled_client_that_reads_again_gets_what_was_queued() {
    let (broker, address) = start(in_memory(Settings::default()));
    let (mut slow, _) = Client::connect(address, "slow").await;
    slow.subscribe("flood", QoS::AtLeastOnce).await;
    let (mut publisher, _) = Client::connect(address, "publisher").await;
    let body = vec![b'x'; 1_000_000];
    for number in 1..=100 {
        publisher.send(&publish("flood", QoS::AtLeastOnce, number, &body)).await;
        assert_eq!(publisher.next().await, Packet::PubAck(id(number).into()));
    }
    for number in 1..=100 {
        let Packet::Publish(came) = slow.next().await else { panic!("no PUBLISH") };
        assert_eq!(came.payload.len(), body.len(), "message {number}");
        slow.send(&Packet::PubAck(came.packet_id.expect("QoS 1").into())).await;
    }
    broker.stop().await.expect("nothing to keep");
}

#[tokio::test]
async fn nothing_is_acknowledged_before_it_is_durable() {
    let store = Store::default();
    let (broker, address) = start(persistent(&store));
    let (mut client, _) = Client::connect(address, "client").await;
    client.subscribe("a", QoS::AtMostOnce).await;
    let (mut other, _) = Client::connect(address, "other").await;
    store.hold();
    client.subscribe_without_waiting("b").await;
    let mut changes = broker.changes();
    while !store.is_asked() {
        soon(changes.changed()).await.expect("it runs");
    }
    // What needs no commit does not pass what does.
    client.send(&Packet::PingReq).await;
    other.send(&Packet::PingReq).await;
    assert_eq!(other.next().await, Packet::PingResp);
    let nothing = client.stream.try_read(&mut [0; 1]).expect_err("nothing is to come");
    assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
    store.release();
    assert_eq!(client.next().await, suback(QoS::AtLeastOnce));
    assert_eq!(client.next().await, Packet::PingResp);
    broker.stop().await.expect("all committed");
    assert_eq!(store.ended(), Some("stopped"));
    assert_eq!(store.image().sessions.len(), 2);
    let (broker, address) = start(persistent(&store));
    let (_client, present) = Client::connect(address, "client").await;
    assert!(present);
    broker.stop().await.expect("all committed");
}

#[tokio::test]
async fn a_stop_says_what_could_not_be_kept() {
    let store = Store::default();
    let (broker, address) = start(persistent(&store));
    let (mut client, _) = Client::connect(address, "client").await;
    store.hold();
    client.subscribe_without_waiting("a").await;
    let mut changes = broker.changes();
    while !store.is_asked() {
        soon(changes.changed()).await.expect("it runs");
    }
    let error = broker.stop().await.expect_err("the store is stuck").to_string();
    assert_eq!(error, "test has stopped: the disk is full");
}

#[tokio::test]
async fn a_killed_broker_resets_and_its_port_is_free() {
    let store = Store::default();
    let (broker, address) = start(persistent(&store));
    let (mut client, _) = Client::connect(address, "client").await;
    let mut stranger = Client::dial(address).await;
    let mut changes = broker.changes();
    broker.kill().await;
    assert!(!client.ended_politely().await);
    stranger.ended_politely().await;
    assert_eq!(store.ended(), Some("abandoned"));
    while soon(changes.changed()).await.is_ok() {}
    TcpStream::connect(address).await.expect_err("nobody listens");
    let listeners = vec![bind(address).expect("the port is free at once")];
    let again = Start { listeners, ..persistent(&store) };
    let (broker, address) = start(again);
    let (_client, present) = Client::connect(address, "client").await;
    assert!(present);
    drop(broker);
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_bridge_dials_through_a_cable() {
    let (remote, remote_address) = start(in_memory(Settings::default()));
    let (faults, cable) = LiveCable::unseen(remote_address).expect("a port");
    let mut bridge = BridgeSettings::new("bridge", "host");
    bridge.addresses = vec![Address { host: "board1".to_owned(), port: 1883 }];
    bridge.rules = vec![Rule::new("a", Direction::Out, QoS::ExactlyOnce, "", "").expect("a rule")];
    bridge.restart.base = std::time::Duration::from_hours(1);
    bridge.restart.cap = bridge.restart.base;
    bridge.start = StartType::Automatic;
    let settings = Settings { bridges: vec![bridge], ..Settings::default() };
    let through = cable.address();
    let events = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&events);
    let (local, local_address) = start(Start {
        route: Box::new(move |_, address| (address.host == "board1").then_some(through)),
        events: Box::new(move |_, event| heard.lock().expect("no panic").push(event)),
        ..in_memory(settings)
    });
    let reaches = async |wanted: fn(&LinkState) -> bool| {
        let mut changes = local.changes();
        while !wanted(&soon(local.status()).await.expect("it runs").bridges[0].state) {
            soon(changes.changed()).await.expect("it runs");
        }
    };
    let (mut subscriber, _) = Client::connect(remote_address, "subscriber").await;
    subscriber.subscribe("a", QoS::ExactlyOnce).await;
    reaches(|state| matches!(state, LinkState::Connected { .. })).await;
    faults.apply(Deed::cut());
    reaches(|state| matches!(state, LinkState::Waiting { .. })).await;
    let (mut publisher, _) = Client::connect(local_address, "publisher").await;
    publisher.send(&publish("a", QoS::AtMostOnce, 0, b"lost")).await;
    publisher.send(&publish("a", QoS::AtLeastOnce, 1, b"kept")).await;
    assert_eq!(publisher.next().await, Packet::PubAck(id(1).into()));
    faults.apply(Deed::Mend);
    local.order(BridgeNumber(0), BridgeOrder::Retry);
    let Packet::Publish(came) = subscriber.next().await else { panic!("no PUBLISH") };
    assert_eq!(&came.payload[..], b"kept");
    remote.kill().await;
    reaches(|state| matches!(state, LinkState::Waiting { .. })).await;
    local.order(BridgeNumber(0), BridgeOrder::Retry);
    reaches(|state| matches!(state, LinkState::Waiting { .. })).await;
    local.stop().await.expect("nothing to keep");
    cable.stop().await;
    let events = events.lock().expect("no panic");
    assert!(events.iter().any(|event| matches!(event, Event::BridgeUp { .. })), "{events:?}");
}

#[tokio::test]
async fn a_large_packet_passes_and_one_too_large_ends_the_connection() {
    let mut settings = Settings::default();
    settings.limits.max_packet_size = 20_000_000;
    let (broker, address) = start(in_memory(settings));
    let (mut client, _) = Client::connect(address, "client").await;
    client.subscribe("a", QoS::AtMostOnce).await;
    let body = vec![b'x'; 19_999_000];
    client.send(&publish("a", QoS::AtMostOnce, 0, &body)).await;
    let Packet::Publish(came) = client.next().await else { panic!("no PUBLISH") };
    assert_eq!(came.payload, body);
    client.send_bytes(&[0x30, 0xff, 0xff, 0xff, 0x7f]).await;
    assert!(client.ended_politely().await);
    let mut stranger = Client::dial(address).await;
    stranger.send(&Packet::Connect(Box::new(connect("x")))).await;
    assert!(matches!(stranger.next().await, Packet::ConnAck(_)));
    broker.stop().await.expect("nothing to keep");
}

#[tokio::test]
async fn what_was_promised_is_in_the_store_after_a_kill_and_after_a_stop() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("board1.db");
    let open = || {
        let (store, image) = crate::store::Store::open(&file).expect("a store");
        let settings = Settings { persistence: true, ..Settings::default() };
        let durable = Some(crate::net::saved_in(store, "board1"));
        start(Start { image, durable, ..in_memory(settings) })
    };
    let (broker, address) = open();
    let (mut away, present) = Client::connect(address, "away").await;
    assert!(!present);
    away.subscribe("a", QoS::ExactlyOnce).await;
    drop(away);
    broker.kill().await;
    for (number, kill) in [(1, true), (2, false), (3, true)] {
        let (broker, address) = open();
        let (mut publisher, _) = Client::connect(address, "publisher").await;
        publisher.send(&publish("a", QoS::AtLeastOnce, number, &[0; 100])).await;
        assert_eq!(publisher.next().await, Packet::PubAck(id(number).into()));
        if kill {
            broker.kill().await;
        } else {
            broker.stop().await.expect("a disk with room");
        }
    }
    let (broker, address) = open();
    let (mut away, present) = Client::connect(address, "away").await;
    assert!(present);
    for _ in 0..3 {
        assert!(matches!(away.next().await, Packet::Publish(_)));
    }
    broker.stop().await.expect("a disk with room");
}

/// The statistics alone are no change that a snapshot would show.
#[tokio::test]
async fn what_it_says_of_itself_is_no_change() {
    let sys_interval = Duration::from_millis(1);
    let (broker, address) = start(in_memory(Settings { sys_interval, ..Settings::default() }));
    let changes = broker.changes();
    let (mut client, _) = Client::connect(address, "a").await;
    client.subscribe("$SYS/broker/bytes/+", QoS::AtMostOnce).await;
    let next = async |client: &mut Client| {
        let Packet::Publish(publish) = client.next().await else { panic!("no PUBLISH") };
        let value = String::from_utf8(publish.payload.to_vec()).expect("text");
        (publish.topic.to_string(), value.parse::<u64>().expect("a number"))
    };
    // Both packets of the client are counted, to the byte: there is nothing else to come in.
    let everything = ("$SYS/broker/bytes/received".to_owned(), 15 + 26);
    while next(&mut client).await != everything {}
    let before = *changes.borrow();
    let mut sent = 0;
    for _ in 0..5 {
        let (topic, value) = next(&mut client).await;
        // Each news is something sent, and so the next news.
        assert!(topic.ends_with("sent") && value > sent, "{topic} {value}");
        sent = value;
    }
    assert_eq!(*changes.borrow(), before);
    broker.stop().await.expect("nothing to keep");
}
