//! The three programs against a real mosquitto, where one is installed.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::sync::watch;
use tokio::time::timeout;

use super::{Handle, spawn};
use crate::card::{Card1, Card2, Display, Face, Input, Program, SensorNumber};

const LIMIT: Duration = Duration::from_secs(20);

/// A mosquitto that runs, on a port of its own.
struct Mosquitto {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Mosquitto {
    /// Nothing where none is installed.
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let address = free_address();
        let conf = folder.path().join("mosquitto.conf");
        let port = address.port();
        let text = format!("listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n");
        fs::write(&conf, text).expect("the folder takes a file");
        let mut command = Command::new("mosquitto");
        command.arg("-c").arg(conf).stdout(Stdio::null()).stderr(Stdio::null());
        let child = match command.spawn() {
            Ok(child) => child,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                eprintln!("mosquitto is not installed: this test tests nothing here");
                return None;
            }
            Err(error) => panic!("mosquitto does not start: {error}"),
        };
        let mut broker = Self { child, address, _folder: folder };
        broker.connect();
        assert_eq!(broker.child.try_wait().expect("it is ours"), None, "mosquitto ended");
        Some(broker)
    }

    /// A connection, as soon as it listens.
    fn connect(&self) -> TcpStream {
        let began = Instant::now();
        loop {
            match TcpStream::connect(self.address) {
                Ok(stream) => return stream,
                Err(error) => assert!(began.elapsed() < LIMIT, "{error}"),
            }
            std::thread::yield_now();
        }
    }

    fn run(&self, program: impl Program + 'static) -> Handle {
        let (_sender, address) = watch::channel(Some(self.address));
        let began = Instant::now();
        spawn(Box::new(program), address, move || began.elapsed(), |_| {})
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it ends");
    }
}

/// A free port below those that the system hands out, so that no other test is given it before
/// mosquitto takes it.
fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let process = u16::try_from(std::process::id() % 600).expect("below 600");
    loop {
        let port = 20_000 + process * 20 + NEXT.fetch_add(1, Ordering::Relaxed) % 20;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

/// Waits until a program's face is as it should be.
async fn until(handle: &Handle, what: impl Fn(&Face) -> bool) {
    let mut faces = handle.faces();
    let reached = faces.wait_for(|face| what(face));
    let reached = timeout(LIMIT, reached).await.is_ok();
    assert!(reached, "it never came: {:#?}", handle.face());
}

fn states(face: &Face) -> Vec<Option<bool>> {
    face.sensors().map(|sensor| sensor.state).collect()
}

#[tokio::test]
async fn states_cross_and_survive_restarts() {
    let Some(broker) = Mosquitto::start() else {
        return;
    };
    let card1 = broker.run(Card1::new(1));
    until(&card1, |face| face.note.contains("waiting for sensors/all")).await;
    let card2 = broker.run(Card2::new(2));
    let display = broker.run(Display::new(3, None));
    let mut expected = vec![Some(true); 6];
    until(&display, |face| states(face) == expected).await;

    for (sensor, card) in [(2, &card1), (5, &card2)] {
        card.tell(Input::Toggle(SensorNumber(sensor))).expect("it runs");
        expected[usize::from(sensor) - 1] = Some(false);
        until(card, |face| face.own[1].state == Some(false) && !face.own[1].unsent).await;
        until(&display, |face| states(face) == expected).await;
    }
    card1.kill().await;
    card2.stop().await;
    let card1 = broker.run(Card1::new(4));
    let card2 = broker.run(Card2::new(5));
    until(&card1, |face| face.restored && states(face) == expected[..3]).await;
    until(&card2, |face| face.restored && states(face) == expected).await;
    display.kill().await;
    let display = broker.run(Display::new(6, None));
    until(&display, |face| states(face) == expected).await;
}

/// mosquitto passes a message on at its PUBREL, which a killed process never sends; yet its
/// PUBREC said that the click counts.
#[tokio::test]
async fn a_click_whose_pubrel_was_never_sent_counts() {
    let Some(broker) = Mosquitto::start() else {
        return;
    };
    for id in [1, 2, 3, 4] {
        let mut earlier = broker.connect();
        earlier.set_read_timeout(Some(LIMIT)).expect("a timeout");
        earlier.write_all(b"\x10\x19\0\x04MQTT\x04\0\0\x3c\0\x0dcard1_monitor").expect("it reads");
        earlier.read_exact(&mut [0; 4]).expect("CONNACK");
        let state = id % 2 == 0;
        let payload = format!("{{\"sensor_1\": {state}, \"sensor_2\": false, \"sensor_3\": true}}");
        let mut publish = vec![0x35, u8::try_from(17 + payload.len()).expect("short")];
        publish.extend(b"\0\x0dsensors/card1\0");
        publish.push(id);
        publish.extend(payload.as_bytes());
        earlier.write_all(&publish).expect("it reads");
        earlier.read_exact(&mut [0; 4]).expect("PUBREC");
        drop(earlier);

        let card1 = broker.run(Card1::new(id.into()));
        let expected = [Some(state), Some(false), Some(true)];
        until(&card1, |face| face.restored && states(face) == expected).await;
        card1.stop().await;
    }
}
