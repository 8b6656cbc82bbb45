//! A frozen broker, and one on a disk that is broken on purpose.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::client::{Client, connect, id, publish, soon};
use super::store::Store;
use crate::broker::Settings;
use crate::mqtt::packet::Connect;
use crate::mqtt::{Packet, QoS};
use crate::net::{BrokerHandle, Disk, DiskState, Start, bind, on_disk};

fn start(disk: &Disk, store: &Store) -> BrokerHandle {
    let listener = bind(([127, 0, 0, 1], 0).into()).expect("a port");
    let settings = Settings { persistence: true, ..Settings::default() };
    let start = Start {
        durable: Some(on_disk(disk.clone(), store.open())),
        image: store.image(),
        ..Start::in_memory("test", settings, vec![listener])
    };
    BrokerHandle::start(start).expect("a listener that works")
}

/// Whether nothing comes for a moment; that it was too short a one fails nothing.
async fn is_silent(client: &mut Client) -> bool {
    timeout(Duration::from_millis(50), client.next()).await.is_err()
}

#[tokio::test]
async fn a_frozen_broker_answers_when_it_goes_on() {
    let broker = start(&Disk::default(), &Store::default());
    let (mut client, _) = Client::connect(broker.addresses()[0], "client").await;
    for _ in 0..2 {
        broker.freeze().await;
        assert!(broker.is_frozen());
        client.send(&Packet::PingReq).await;
        let mut other = Client::dial(broker.addresses()[0]).await;
        other.send(&Packet::Connect(Box::new(connect("other")))).await;
        assert!(is_silent(&mut client).await);
        assert!(is_silent(&mut other).await);
        // It is seen from outside all the same.
        assert!(soon(broker.status()).await.is_some());
        broker.thaw();
        assert_eq!(client.next().await, Packet::PingResp);
        assert!(matches!(other.next().await, Packet::ConnAck(_)));
    }
    broker.freeze().await;
    soon(broker.stop()).await.expect("nothing to keep");
}

#[tokio::test]
async fn a_frozen_broker_can_be_killed() {
    let broker = start(&Disk::default(), &Store::default());
    let (mut client, _) = Client::connect(broker.addresses()[0], "client").await;
    broker.freeze().await;
    soon(broker.kill()).await;
    assert!(!client.ended_politely().await);
}

/// [MQTT-3.1.2-24], judged by the time that has passed.
#[tokio::test]
async fn a_keep_alive_that_ran_out_meanwhile_is_judged_when_it_goes_on() {
    let broker = start(&Disk::default(), &Store::default());
    let mut client = Client::dial(broker.addresses()[0]).await;
    let keep_alive = Connect { keep_alive_s: 1, ..connect("client") };
    client.send(&Packet::Connect(Box::new(keep_alive))).await;
    assert!(matches!(client.next().await, Packet::ConnAck(_)));
    broker.freeze().await;
    sleep(Duration::from_millis(1_600)).await;
    broker.thaw();
    client.ended_politely().await;
    broker.kill().await;
}

#[tokio::test]
async fn a_disk_holds_commits_back_and_lets_them_go() {
    let (disk, store) = (Disk::default(), Store::default());
    let broker = start(&disk, &store);
    let (mut client, _) = Client::connect(broker.addresses()[0], "client").await;
    let mut number = 0;
    let states = [DiskState::Full, DiskState::Slow(Duration::from_hours(1))];
    for (first, second) in [(states[0], states[1]), (states[1], states[0])] {
        number += 1;
        disk.set(first);
        client.send(&publish("a", QoS::ExactlyOnce, number, b"x")).await;
        assert!(is_silent(&mut client).await);
        disk.set(second);
        assert!(is_silent(&mut client).await);
        disk.set(DiskState::Works);
        assert_eq!(client.next().await, Packet::PubRec(id(number).into()));
    }
    disk.set(DiskState::Slow(Duration::from_millis(1)));
    client.send(&publish("a", QoS::ExactlyOnce, 9, b"x")).await;
    assert_eq!(client.next().await, Packet::PubRec(id(9).into()));
    broker.stop().await.expect("all is saved");
    assert_eq!(store.ended(), Some("stopped"));
}

#[tokio::test]
async fn an_end_does_not_wait_for_a_disk() {
    let (disk, store) = (Disk::default(), Store::default());
    for (state, expected) in [
        (DiskState::Full, Err("could not be saved: the disk is full")),
        (DiskState::Slow(Duration::from_hours(1)), Ok(())),
    ] {
        disk.set(DiskState::Works);
        let broker = start(&disk, &store);
        let (mut client, _) = Client::connect(broker.addresses()[0], "client").await;
        disk.set(state);
        client.send(&publish("a", QoS::ExactlyOnce, 1, b"x")).await;
        assert!(is_silent(&mut client).await);
        let ended = soon(broker.stop()).await.map_err(|error| error.to_string());
        match (ended, expected) {
            (Ok(()), Ok(())) => {}
            (Err(said), Err(expected)) => assert!(said.contains(expected), "{said}"),
            (ended, _) => panic!("{state:?}: {ended:?}"),
        }
    }
    let broker = start(&disk, &store);
    let mut client = Client::dial(broker.addresses()[0]).await;
    client.send(&Packet::Connect(Box::new(connect("client")))).await;
    soon(broker.kill()).await;
    assert_eq!(store.ended(), Some("abandoned"));
}
