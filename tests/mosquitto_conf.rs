//! The built-in boards' files start a real mosquitto, and its bridge carries what they say. Without
//! a mosquitto on the machine there is nothing to test.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use twinboard::conf::Folder;

/// How long a broker may take until it listens.
const LIMIT: Duration = Duration::from_secs(20);

/// A process that ends with the test, whatever comes of it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let killed = self.0.kill().and_then(|()| self.0.wait());
        if let Err(error) = killed {
            eprintln!("mosquitto could not be stopped: {error}");
        }
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

fn start(folder: &Path, conf: &str, port: u16) -> Running {
    let log = File::create(folder.join(format!("{conf}.log"))).expect("a log");
    let mut command = Command::new("mosquitto");
    command.args(["-v", "-c", conf]).current_dir(folder);
    command.stdout(Stdio::null()).stderr(log);
    let mut running = Running(command.spawn().expect("mosquitto starts"));
    let begun = Instant::now();
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        let ended = running.0.try_wait().expect("its state can be asked");
        if ended.is_some() || begun.elapsed() > LIMIT {
            let log = std::fs::read_to_string(folder.join(format!("{conf}.log")));
            panic!("mosquitto does not listen with {conf}: {log:?}");
        }
        std::thread::yield_now();
    }
    running
}

#[test]
fn the_built_in_files_start_a_real_mosquitto() {
    if Command::new("mosquitto").arg("-h").stdout(Stdio::null()).status().is_err() {
        eprintln!("skipped: mosquitto is not installed");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (one, two) = (free_port(), free_port());
    let builtin = Folder::builtin("dual-board").expect("it is built in");
    for (name, text) in &builtin.files {
        let text = text.replace("1883", &one.to_string()).replace("1884", &two.to_string());
        // Started by root, mosquitto would become a user who may not write here.
        let text = format!("{text}\nuser root\n");
        std::fs::write(folder.path().join(name), text).expect("a conf file");
    }
    let _one = start(folder.path(), "board1.conf", one);
    let _two = start(folder.path(), "board2.conf", two);
    for (topic, from, to) in [("sensors/card1", one, two), ("sensors/all", two, one)] {
        let port = from.to_string();
        let published = Command::new("mosquitto_pub")
            .args(["-h", "127.0.0.1", "-p", &port, "-t", topic, "-q", "2", "-r", "-m", topic])
            .status();
        assert!(published.expect("mosquitto_pub starts").success());
        let port = to.to_string();
        let received = Command::new("mosquitto_sub")
            .args(["-h", "127.0.0.1", "-p", &port, "-t", topic, "-q", "2", "-C", "1", "-W", "20"])
            .output()
            .expect("mosquitto_sub starts");
        assert_eq!(String::from_utf8_lossy(&received.stdout).trim(), topic, "on port {to}");
    }
}
