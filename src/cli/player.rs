//! Plays scripts in a live world, and waits for what comes of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use crossbeam_channel::{Receiver, select};

use crate::lab::script::{Script, Turn};
use crate::lab::world::live::Live;
use crate::lab::{Command, Snapshot};

/// How long the world may take for one command.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// How long `show` waits for what is on its way to be shown: a snapshot is made every 16 ms.
const MOMENT: Duration = Duration::from_millis(40);

/// See the module.
pub(super) struct Player<'a> {
    pub(super) live: &'a Live,
    pub(super) stopped: Receiver<()>,
    pub(super) started: Instant,
    /// How long after the script what is under way has to arrive, and expectations to come true.
    pub(super) settle: Duration,
    /// Whether steps are told on standard error.
    pub(super) quiet: bool,
}

/// The newest snapshot, and when it came.
pub(super) struct Seen {
    pub(super) snapshot: Arc<Snapshot>,
    at: Instant,
}

impl Seen {
    /// It came just now.
    pub(super) fn new(snapshot: Arc<Snapshot>) -> Self {
        Self { snapshot, at: Instant::now() }
    }
}

impl Player<'_> {
    /// Plays a script until it is done or a condition comes too late; `tell` hears of each step, and
    /// why it failed.
    pub(super) fn play(
        &self,
        script: &mut Script,
        seen: &mut Seen,
        mut tell: impl FnMut(&Script, usize, Option<String>),
    ) -> anyhow::Result<()> {
        loop {
            let now = seen.snapshot.now + seen.at.elapsed();
            match script.turn(&seen.snapshot, now) {
                Turn::Do(at, command) => {
                    tell(script, at, None);
                    self.send(command)?;
                }
                Turn::Held(at) => tell(script, at, None),
                Turn::Wait { until } => {
                    let wait = until.map_or(PATIENCE, |until| until.saturating_sub(now));
                    if let Some(newer) = self.next_within(wait)? {
                        *seen = Seen::new(newer);
                    } else if until.is_none() {
                        bail!("the world did not carry out a command within {PATIENCE:?}");
                    }
                }
                Turn::Late(at) => {
                    tell(script, at, Some(script.late(at, &seen.snapshot)));
                    return Ok(());
                }
                Turn::Done => return Ok(()),
            }
        }
    }

    /// Seconds since it began.
    pub(super) fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    pub(super) fn send(&self, command: Command) -> anyhow::Result<()> {
        self.live.commands.send(command).context("the world has ended")
    }

    pub(super) fn next(&self, within: Duration) -> anyhow::Result<Arc<Snapshot>> {
        self.next_within(within)?.context("the world shows nothing of itself")
    }

    pub(super) fn next_within(&self, wait: Duration) -> anyhow::Result<Option<Arc<Snapshot>>> {
        select! {
            recv(self.live.snapshots) -> snapshot => {
                Ok(Some(snapshot.context("the world has ended")?))
            }
            recv(self.stopped) -> _ => bail!("stopped by a signal; everything was ended cleanly"),
            default(wait) => Ok(None),
        }
    }

    /// The newest snapshot there is.
    pub(super) fn catch_up(&self, seen: &mut Seen) -> anyhow::Result<()> {
        while let Some(newer) = self.next_within(MOMENT)? {
            let late = newer.now > seen.snapshot.now + MOMENT;
            *seen = Seen::new(newer);
            if late {
                break;
            }
        }
        Ok(())
    }

    /// The next of these lines, however long it takes; none when they have ended.
    pub(super) fn line(
        &self,
        lines: &Receiver<String>,
        seen: &mut Seen,
    ) -> anyhow::Result<Option<String>> {
        loop {
            select! {
                recv(lines) -> line => return Ok(line.ok()),
                recv(self.live.snapshots) -> snapshot => {
                    *seen = Seen::new(snapshot.context("the world has ended")?);
                }
                recv(self.stopped) -> _ => {
                    bail!("stopped by a signal; everything was ended cleanly")
                }
            }
        }
    }
}
