//! What a person may ask of a bench, and its defaults.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Serialize;

/// How everything is measured.
#[derive(Debug, Clone, Serialize)]
pub struct Options {
    /// How long each run measures, after its warm-up.
    pub seconds: f64,
    /// How often each load meets each target.
    pub rounds: u32,
    /// Bytes of each payload.
    pub payload_bytes: usize,
    /// Unacknowledged messages of a publisher at QoS 1 and 2.
    pub window: u16,
    /// How many messages a publisher may be ahead of the slowest subscriber.
    pub lag: u64,
    pub protocol: Protocol,
    /// Messages of a retained flood.
    pub retained: u64,
    /// Connections that idle.
    pub connections: usize,
    /// Where durable brokers keep their state; the system's place for temporary files otherwise.
    pub folder: Option<PathBuf>,
}

/// The protocol that the load speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Protocol {
    #[serde(rename = "3.1.1")]
    V311,
    #[serde(rename = "5")]
    V5,
}

impl Options {
    /// Lowers what the machine cannot do, and tells of it.
    pub fn fit(&mut self) -> Option<String> {
        let files = usize::try_from(super::vitals::open_files()?).unwrap_or(usize::MAX);
        // The load and its broker each have some files beside their connections.
        let most = files.saturating_sub(100);
        let wanted = self.connections;
        (wanted > most).then(|| {
            self.connections = most;
            format!(
                "{most} idle connections instead of {wanted}: the system allows {files} open \
                 files; raise that (`ulimit -Hn`)"
            )
        })
    }

    /// How long a run measures.
    pub fn measured(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    /// How long a load runs before anything counts.
    pub fn warm_up(&self) -> Duration {
        self.measured().mul_f64(0.2).min(Duration::from_millis(500))
    }
}

/// The wish to end early, which anybody may have at any time.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Wishes it.
    pub fn wish(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody did.
    pub fn wished(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
