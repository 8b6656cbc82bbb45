//! Brokers that are processes leave no threads, files and ports behind, however often they are started
//! and however they end. A test of its own process, as it counts the process's threads and files.

#![cfg(target_os = "linux")]

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

use twinboard::conf::ConfText;
use twinboard::engine::{EngineError, Process, Running, mosquitto, rumqttd};

const ROUNDS: usize = 20;

fn counts() -> (usize, usize) {
    let count = |what: &str| std::fs::read_dir(what).expect("Linux has it").count();
    (count("/proc/self/fd"), count("/proc/self/task"))
}

/// Starts it on what it left before.
async fn start(engine: &str, state: &Path) -> Result<(Process, Vec<SocketAddr>), EngineError> {
    let tell = Box::new(|_| {});
    let own = Path::new(env!("CARGO_BIN_EXE_twinboard"));
    if engine == "rumqttd" {
        return rumqttd::start(own, state, tell).await.map(|(process, at)| (process, vec![at]));
    }
    let text = "listener 1\nlistener 2\nallow_anonymous true\npersistence true\n".to_owned();
    let conf = ConfText { file: "b.conf".to_owned(), text, folder: None };
    mosquitto::start(mosquitto::Start { conf: &conf, listeners: 2, bridges: &[], state, own, tell })
        .await
}

async fn round(number: usize, engine: &str, state: &Path) {
    let (process, addresses) = start(engine, state).await.expect("it starts");
    let id = process.id();
    let engine = "rumqttd".parse().expect("an engine");
    let running = Running::Process { engine, process, addresses: addresses.clone() };
    match number % 4 {
        0 => running.stop().await.expect("it ends politely"),
        1 => running.kill().await,
        2 => {
            running.freeze().await.expect("it can be frozen");
            running.stop().await.expect("it ends politely all the same");
        }
        _ => drop(running),
    }
    assert!(!Path::new(&format!("/proc/{id}")).exists(), "round {number}: it is gone");
    for address in addresses {
        TcpListener::bind(address).expect("its port is free");
    }
}

#[test]
fn twenty_starts_and_ends_leave_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let mut engines = vec!["rumqttd"];
    if mosquitto::find().is_ok() {
        engines.push("mosquitto");
    } else {
        eprintln!("skipped: mosquitto is not installed");
    }
    for engine in engines {
        let state = tempfile::tempdir().expect("a folder");
        runtime.block_on(round(0, engine, state.path()));
        let before = counts();
        for number in 0..ROUNDS {
            runtime.block_on(round(number, engine, state.path()));
            // What hears a process that was dropped ends a moment after it.
            let until = Instant::now() + Duration::from_secs(20);
            while counts() != before {
                assert!(
                    Instant::now() < until,
                    "{engine}, {number}: {:?}, not {before:?}",
                    counts()
                );
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}
