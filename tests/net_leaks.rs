//! A live broker and a live cable leave nothing behind, however they end. A test of its own
//! process, as it counts the process's threads and files.

#![cfg(target_os = "linux")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use twinboard::broker::{Address, BridgeSettings, Settings};
use twinboard::cable::Deed;
use twinboard::net::{BrokerHandle, LiveCable, Start, bind};

const CONNECT: [u8; 15] = [0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 0, 0, 1, b'c'];
const CONNACK: [u8; 4] = [0x20, 2, 0, 0];

fn count(what: &str) -> usize {
    std::fs::read_dir(what).expect("Linux has it").count()
}

fn counts() -> (usize, usize) {
    (count("/proc/self/fd"), count("/proc/self/task"))
}

fn start(address: SocketAddr, bridge_to: Option<SocketAddr>) -> BrokerHandle {
    let mut settings = Settings::default();
    if let Some(to) = bridge_to {
        let mut bridge = BridgeSettings::new("bridge", "host");
        bridge.addresses = vec![Address { host: to.ip().to_string(), port: to.port() }];
        settings.bridges = vec![bridge];
    }
    let listeners = vec![bind(address).expect("the port is free again")];
    BrokerHandle::start(Start::in_memory("test", settings, listeners)).expect("a listener")
}

fn client(address: SocketAddr) -> TcpStream {
    let mut client = TcpStream::connect(address).expect("somebody listens");
    client.set_read_timeout(Some(Duration::from_secs(20))).expect("an option");
    client.write_all(&CONNECT).expect("somebody reads");
    let mut answer = [0; 4];
    client.read_exact(&mut answer).expect("a CONNACK");
    assert_eq!(answer, CONNACK);
    client
}

async fn round(number: usize, address: SocketAddr) {
    let remote = start(address, None);
    let (faults, cable) = LiveCable::unseen(address).expect("a port");
    let local = start(SocketAddr::from(([127, 0, 0, 1], 0)), Some(cable.address()));
    let (through, to) = (cable.address(), local.addresses()[0]);
    let clients = tokio::task::spawn_blocking(move || (client(to), client(through)));
    let clients = clients.await.expect("no panic");
    match number % 4 {
        0 => {
            // Clients that were polite are not waited for.
            drop(clients);
            local.stop().await.expect("nothing to keep");
            remote.stop().await.expect("nothing to keep");
            cable.stop().await;
        }
        1 => {
            faults.apply(Deed::cut_silently());
            remote.kill().await;
            local.kill().await;
            cable.stop().await;
        }
        2 => {
            faults.apply(Deed::cut());
            cable.stop().await;
            local.kill().await;
            remote.kill().await;
        }
        _ => {
            cable.stop().await;
            local.kill().await;
            drop(clients);
            remote.stop().await.expect("nothing to keep");
        }
    }
}

#[test]
fn fifty_starts_and_ends_leave_nothing() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let free = bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
    let address = free.local_addr().expect("bound");
    drop(free);
    runtime.block_on(round(0, address));
    let before = counts();
    for number in 0..50 {
        runtime.block_on(round(number, address));
        assert_eq!(counts(), before, "after round {number}");
    }
}
