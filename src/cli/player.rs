//! The live world as a stage: snapshots come over a channel, and a signal ends the run.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use crossbeam_channel::{Receiver, select};

use crate::lab::stage::{PATIENCE, Stage};
use crate::lab::world::live::Live;
use crate::lab::{Command, Snapshot};

/// How long `show` waits for what is on its way to be shown: a snapshot is made every 16 ms.
const MOMENT: Duration = Duration::from_millis(40);

/// See the module.
pub(super) struct LiveStage<'a> {
    pub(super) live: &'a Live,
    pub(super) stopped: Receiver<()>,
    pub(super) started: Instant,
}

impl Stage for LiveStage<'_> {
    type Error = anyhow::Error;

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn send(&mut self, command: Command) -> anyhow::Result<()> {
        self.live.commands.send(command).context("the world has ended")
    }

    fn next(&mut self, within: Duration) -> anyhow::Result<Option<Arc<Snapshot>>> {
        select! {
            recv(self.live.snapshots) -> snapshot => {
                Ok(Some(snapshot.context("the world has ended")?))
            }
            recv(self.stopped) -> _ => bail!("stopped by a signal; everything was ended cleanly"),
            default(within) => Ok(None),
        }
    }

    fn stuck(&self) -> anyhow::Error {
        anyhow!("the world did not carry out a command within {PATIENCE:?}")
    }
}

impl LiveStage<'_> {
    /// The newest snapshot there is.
    pub(super) fn catch_up(&mut self, seen: &mut Arc<Snapshot>) -> anyhow::Result<()> {
        while let Some(newer) = self.next(MOMENT)? {
            let late = newer.now > seen.now + MOMENT;
            *seen = newer;
            if late {
                break;
            }
        }
        Ok(())
    }

    /// The next of these lines, however long it takes; none when they have ended.
    pub(super) fn line(
        &mut self,
        lines: &Receiver<String>,
        seen: &mut Arc<Snapshot>,
    ) -> anyhow::Result<Option<String>> {
        loop {
            select! {
                recv(lines) -> line => return Ok(line.ok()),
                recv(self.live.snapshots) -> snapshot => {
                    *seen = snapshot.context("the world has ended")?;
                }
                recv(self.stopped) -> _ => {
                    bail!("stopped by a signal; everything was ended cleanly")
                }
            }
        }
    }
}
