//! A live cable between plain sockets.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::client::{Client, publish, soon};
use crate::broker::Settings;
use crate::cable::{Deed, State};
use crate::mqtt::packet::Notice;
use crate::mqtt::{Packet, QoS};
use crate::net::{BrokerHandle, LiveCable, Observer, SharedCable, Start, Target};

const PING: [u8; 2] = [0xc0, 0x00];
const PONG: [u8; 2] = [0xd0, 0x00];
const PUBLISH: [u8; 7] = [0x30, 0x05, 0x00, 0x01, b'a', b'h', b'i'];

/// A cable, its target's listener, and one connection through it.
struct Rig {
    cable: LiveCable,
    faults: SharedCable,
    target: TcpListener,
    near: TcpStream,
    far: TcpStream,
}

impl Rig {
    async fn new() -> Self {
        let target = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (faults, cable) =
            LiveCable::unseen(target.local_addr().expect("bound")).expect("a port");
        let near = dial(cable.address()).await;
        let (far, _) = soon(target.accept()).await.expect("a connection");
        Self { cable, faults, target, near, far }
    }
}

async fn dial(address: SocketAddr) -> TcpStream {
    let stream = soon(TcpStream::connect(address)).await.expect("somebody listens");
    stream.set_nodelay(true).expect("an option");
    stream
}

async fn send(stream: &mut TcpStream, bytes: &[u8]) {
    soon(stream.write_all(bytes)).await.expect("an open connection");
}

async fn expect(stream: &mut TcpStream, bytes: &[u8]) {
    let mut read = vec![0; bytes.len()];
    soon(stream.read_exact(&mut read)).await.expect("an open connection");
    assert_eq!(read, bytes);
}

/// Whether the connection ends with a goodbye; otherwise with a reset.
async fn ends_politely(stream: &mut TcpStream) -> bool {
    match soon(stream.read(&mut [0; 1])).await {
        Ok(0) => true,
        Ok(_) => panic!("a byte came"),
        Err(_) => false,
    }
}

/// Lets everything that can happen on these tasks and sockets happen: a connection of its own,
/// through a cable of its own, goes to and fro behind it.
async fn let_things_happen() {
    for _ in 0..3 {
        let Rig { cable, target: _target, mut near, mut far, .. } = Rig::new().await;
        send(&mut near, &PING).await;
        expect(&mut far, &PING).await;
        cable.stop().await;
    }
}

fn nothing_came(stream: &TcpStream) {
    let error = stream.try_read(&mut [0; 1]).expect_err("nothing is to come");
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn packets_pass_whole_and_in_order() {
    let mut rig = Rig::new().await;
    let stream = [&PING[..], &PUBLISH, &PUBLISH, &PONG].concat();
    for byte in &stream[..stream.len() - 1] {
        send(&mut rig.near, &[*byte]).await;
    }
    expect(&mut rig.far, &stream[..stream.len() - 2]).await;
    let_things_happen().await;
    nothing_came(&rig.far);
    send(&mut rig.near, &stream[stream.len() - 1..]).await;
    expect(&mut rig.far, &PONG).await;
    send(&mut rig.far, &PONG).await;
    expect(&mut rig.near, &PONG).await;
    rig.cable.stop().await;
}

#[tokio::test]
async fn what_is_no_mqtt_passes_too() {
    let mut rig = Rig::new().await;
    let noise = [&PING[..], &[0x30, 0xff, 0xff, 0xff, 0xff, 0x01], b"anything"].concat();
    send(&mut rig.near, &noise).await;
    expect(&mut rig.far, &noise).await;
    rig.cable.stop().await;
}

#[tokio::test]
async fn goodbyes_pass_behind_the_last_bytes() {
    let mut rig = Rig::new().await;
    send(&mut rig.near, &PUBLISH[..3]).await;
    rig.near.shutdown().await.expect("open");
    expect(&mut rig.far, &PUBLISH[..3]).await;
    assert!(ends_politely(&mut rig.far).await);
    send(&mut rig.far, &PONG).await;
    expect(&mut rig.near, &PONG).await;
    drop(rig.far);
    assert!(ends_politely(&mut rig.near).await);
    rig.cable.stop().await;
}

#[tokio::test]
async fn resets_pass() {
    let mut rig = Rig::new().await;
    rig.far.set_zero_linger().expect("an option");
    drop(rig.far);
    assert!(!ends_politely(&mut rig.near).await);
    rig.cable.stop().await;
}

#[tokio::test]
async fn a_cut_resets_both_ends_even_if_mended_at_once() {
    for mended in [false, true] {
        let mut rig = Rig::new().await;
        send(&mut rig.near, &[&PING[..], &PUBLISH[..3]].concat()).await;
        expect(&mut rig.far, &PING).await;
        rig.faults.apply(Deed::cut());
        if mended {
            rig.faults.apply(Deed::Mend);
        }
        assert!(!ends_politely(&mut rig.near).await);
        assert!(!ends_politely(&mut rig.far).await);
        assert_eq!(rig.faults.now().state(), if mended { State::Whole } else { State::Cut });
        let mut next = dial(rig.cable.address()).await;
        if mended {
            let (mut far, _) = soon(rig.target.accept()).await.expect("a connection");
            send(&mut next, &PING).await;
            expect(&mut far, &PING).await;
        } else {
            assert!(!ends_politely(&mut next).await);
        }
        rig.cable.stop().await;
    }
}

#[tokio::test]
async fn a_silent_cut_holds_everything_until_it_is_mended() {
    let mut rig = Rig::new().await;
    send(&mut rig.near, &PUBLISH[..4]).await;
    let_things_happen().await;
    rig.faults.apply(Deed::cut_silently());
    send(&mut rig.near, &PUBLISH[4..]).await;
    send(&mut rig.far, &PONG).await;
    rig.near.shutdown().await.expect("open");
    let_things_happen().await;
    nothing_came(&rig.far);
    nothing_came(&rig.near);
    rig.faults.apply(Deed::Mend);
    expect(&mut rig.far, &PUBLISH).await;
    assert!(ends_politely(&mut rig.far).await);
    expect(&mut rig.near, &PONG).await;
    rig.cable.stop().await;
}

#[tokio::test]
async fn a_silent_cut_hides_an_end_that_was_killed() {
    let mut rig = Rig::new().await;
    rig.faults.apply(Deed::cut_silently());
    rig.far.set_zero_linger().expect("an option");
    drop(rig.far);
    let_things_happen().await;
    nothing_came(&rig.near);
    rig.faults.apply(Deed::Mend);
    assert!(!ends_politely(&mut rig.near).await);
    rig.cable.stop().await;
}

#[tokio::test]
async fn a_silent_cut_turns_into_a_cut() {
    let mut rig = Rig::new().await;
    rig.faults.apply(Deed::cut_silently());
    let mut hanging = dial(rig.cable.address()).await;
    let_things_happen().await;
    rig.faults.apply(Deed::cut());
    for stream in [&mut rig.near, &mut rig.far, &mut hanging] {
        assert!(!ends_politely(stream).await);
    }
    rig.cable.stop().await;
}

#[tokio::test]
async fn new_connections_hang_and_given_up_ones_never_arrive() {
    let rig = Rig::new().await;
    rig.faults.apply(Deed::cut_silently());
    let mut given_up = dial(rig.cable.address()).await;
    send(&mut given_up, &PING).await;
    drop(given_up);
    let mut patient = dial(rig.cable.address()).await;
    send(&mut patient, &PUBLISH).await;
    let_things_happen().await;
    nothing_came(&patient);
    rig.faults.apply(Deed::Mend);
    let (mut far, _) = soon(rig.target.accept()).await.expect("the patient one");
    expect(&mut far, &PUBLISH).await;
    let_things_happen().await;
    let other = tokio::time::timeout(std::time::Duration::ZERO, rig.target.accept()).await;
    assert!(other.is_err(), "nobody else arrives");
    rig.cable.stop().await;
}

#[tokio::test]
async fn a_slow_reader_holds_up_its_sender_and_loses_nothing() {
    let mut rig = Rig::new().await;
    let mut packet = vec![0x30, 0x80, 0x80, 0x04];
    packet.resize(4 + 65_536, b'x');
    let total = 400 * packet.len();
    let (mut far, mut near) = (rig.far, rig.near);
    let sending = tokio::spawn(async move {
        for _ in 0..400 {
            send(&mut near, &packet).await;
        }
        near
    });
    rig.far = {
        let mut seen = 0;
        let mut chunk = vec![0; 10_000];
        while seen < total {
            if seen % 7 == 0 {
                rig.faults.apply(Deed::cut_silently());
                let_things_happen().await;
                rig.faults.apply(Deed::Mend);
            }
            seen += soon(far.read(&mut chunk)).await.expect("an open connection");
        }
        assert_eq!(seen, total);
        far
    };
    rig.near = soon(sending).await.expect("no panic");
    rig.cable.stop().await;
}

#[tokio::test]
async fn a_target_can_change_and_be_away() {
    let rig = Rig::new().await;
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = elsewhere.local_addr().expect("bound");
    rig.cable.set_target(Target::At(address));
    let mut near = dial(rig.cable.address()).await;
    let (mut far, _) = soon(elsewhere.accept()).await.expect("a connection");
    send(&mut near, &PING).await;
    expect(&mut far, &PING).await;
    drop((far, elsewhere));
    assert!(ends_politely(&mut near).await);
    let mut refused = dial(rig.cable.address()).await;
    assert!(!ends_politely(&mut refused).await);
    rig.cable.stop().await;
}

#[tokio::test]
async fn its_state_can_be_followed_and_stopping_frees_its_port() {
    let rig = Rig::new().await;
    let mut watch = rig.faults.watch();
    rig.faults.apply(Deed::cut_silently());
    soon(watch.changed()).await.expect("it lives");
    assert_eq!(watch.borrow_and_update().state, State::Silent);
    let address = rig.cable.address();
    rig.cable.stop().await;
    drop(rig.faults);
    assert!(soon(watch.changed()).await.is_err(), "it is gone");
    assert!(TcpStream::connect(address).await.is_err());
}

/// A broker, and a cable to its door.
fn door(name: &str) -> (BrokerHandle, SharedCable, LiveCable) {
    let start = Start::in_memory(name, Settings::default(), Vec::new());
    let broker = BrokerHandle::start(start).expect("no listener to fail");
    let (faults, target) = (SharedCable::default(), Target::Inside(broker.door()));
    let cable = LiveCable::start(faults.clone(), target, Observer::nobody()).expect("a port");
    (broker, faults, cable)
}

#[tokio::test]
async fn a_broker_of_this_program_is_reached_without_a_port() {
    let (broker, faults, cable) = door("test");
    assert_eq!(broker.addresses(), []);
    let (mut client, _) = Client::connect(cable.address(), "client").await;
    client.subscribe("a", QoS::AtLeastOnce).await;
    // More than the pipe takes at once, both ways.
    let large = vec![b'x'; 1_000_000];
    for number in 1..4 {
        let sent = publish("a", QoS::AtLeastOnce, number, &large);
        client.send(&sent).await;
        for _ in 0..2 {
            if let Packet::Publish(back) = client.next().await {
                assert_eq!(back.payload.len(), large.len());
            }
        }
    }
    faults.apply(Deed::cut());
    assert!(!client.ended_politely().await);
    faults.apply(Deed::Mend);
    let (mut client, known) = Client::connect(cable.address(), "client").await;
    assert!(known, "it is the same broker");
    client.send(&Packet::Disconnect(Notice::default())).await;
    assert!(client.ended_politely().await);
    soon(broker.stop()).await.expect("nothing to keep");
    cable.stop().await;
}

#[tokio::test]
async fn the_door_of_a_broker_that_is_killed_resets() {
    let (broker, _, cable) = door("test");
    let (mut client, _) = Client::connect(cable.address(), "client").await;
    broker.kill().await;
    assert!(!client.ended_politely().await);
    let mut late = dial(cable.address()).await;
    assert!(!ends_politely(&mut late).await);
    cable.stop().await;
}

#[tokio::test]
async fn doors_are_equal_when_they_lead_to_the_same_broker() {
    let ((one, _, _), (other, _, _)) = (door("one"), door("other"));
    assert_eq!(one.door(), one.door());
    assert_ne!(one.door(), other.door());
    one.kill().await;
    other.kill().await;
}
