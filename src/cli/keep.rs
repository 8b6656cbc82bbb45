//! What `run` and `watch` can write of a trace beside what they show.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clap::Args;

use crate::lab::chronicle::Chronicle;
use crate::lab::trace::{Entry, Listener};
use crate::report::jsonl::{Header, JsonLines};
use crate::report::pcapng::PcapNg;
use crate::report::recorder::{RecordError, Recorder};

/// Files that a trace is written to while it comes into being.
#[derive(Debug, Args)]
pub struct Keep {
    /// Write the whole trace to this file, as JSON lines for `twinboard trace`
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Write all packets to this file, for Wireshark
    #[arg(long, value_name = "FILE")]
    pcapng: Option<PathBuf>,
}

/// Whoever is given the entries of a run. Copies are the same.
#[derive(Clone)]
pub struct Keeper(Arc<Mutex<Kept>>);

struct Kept {
    recorders: Vec<Recorder>,
    chronicle: Option<Chronicle>,
}

impl Keep {
    /// Begins the files.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn begin(&self, header: &Header, chronicle: Option<Chronicle>) -> anyhow::Result<Keeper> {
        Ok(Keeper(Arc::new(Mutex::new(Kept { recorders: self.recorders(header)?, chronicle }))))
    }

    /// The same for a world whose time stands still while a file is slow.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn begin_patiently(
        &self,
        header: &Header,
        chronicle: Option<Chronicle>,
    ) -> anyhow::Result<Keeper> {
        let recorders = self.recorders(header)?.into_iter().map(Recorder::patiently).collect();
        Ok(Keeper(Arc::new(Mutex::new(Kept { recorders, chronicle }))))
    }

    fn recorders(&self, header: &Header) -> anyhow::Result<Vec<Recorder>> {
        let mut recorders = Vec::new();
        if let Some(path) = &self.trace {
            let format = Box::new(JsonLines::new(header.clone()));
            recorders.push(Recorder::start(path, format)?);
        }
        if let Some(path) = &self.pcapng {
            recorders.push(Recorder::start(path, Box::new(PcapNg::new(&header.scenario)))?);
        }
        Ok(recorders)
    }
}

impl Keeper {
    /// What a world gives its entries to; none where nobody wants them.
    pub fn listener(&self) -> Option<Listener> {
        let kept = self.lock();
        if kept.recorders.is_empty() && kept.chronicle.is_none() {
            return None;
        }
        drop(kept);
        let keeper = self.clone();
        Some(Box::new(move |entry| keeper.take(entry)))
    }

    /// Gives the next entry.
    pub fn take(&self, entry: &Arc<Entry>) {
        let mut kept = self.lock();
        kept.recorders.iter_mut().for_each(|recorder| recorder.take(entry));
        if let Some(chronicle) = &mut kept.chronicle {
            chronicle.take(entry);
        }
    }

    /// Ends the files: what comes now is not in them. Gives back what it came to, and says on
    /// standard error what is not in a file.
    pub fn finish(&self) -> Option<Chronicle> {
        let (recorders, chronicle) = {
            let mut kept = self.lock();
            (std::mem::take(&mut kept.recorders), kept.chronicle.take())
        };
        for recorder in recorders {
            if let Err(error) = recorder.finish() {
                eprintln!("twinboard: {}", said(&error));
            }
        }
        chronicle
    }

    /// A panic under the lock is a defect that shows elsewhere.
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn said(error: &RecordError) -> String {
    format!("the trace is not whole: {error}")
}
