//! Writes a trace to a file while it comes into being, on a thread of its own.
//!
//! ```text
//! world --- entry ---> Recorder::take --- bounded ---> thread "trace file" ---> file
//! ```
//!
//! Whoever gives entries never waits. What the file is too slow for is left out, and
//! [`Event::Missed`] stands in its place; how much that was is said at the end.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use thiserror::Error;

use crate::lab::trace::{Entry, Event};

/// So many entries may wait to be written.
const WAITING: usize = 50_000;
/// And so many bytes of packets.
const WAITING_BYTES: usize = 64 << 20;
/// What was written stays with the program at most so long.
const FLUSH_AFTER: Duration = Duration::from_millis(200);

/// Writes entries in some form.
pub trait Format: Send {
    /// What stands before the first.
    ///
    /// # Errors
    /// When `to` takes no more.
    fn begin(&mut self, to: &mut dyn Write) -> io::Result<()>;

    /// The next one.
    ///
    /// # Errors
    /// When `to` takes no more.
    fn entry(&mut self, entry: &Entry, to: &mut dyn Write) -> io::Result<()>;
}

/// A trace's file is not whole.
#[derive(Debug, Error)]
pub enum RecordError {
    /// It cannot be written at all.
    #[error("{} cannot be written: {why}", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// It took no more from some entry on.
    #[error("{} takes no more: {why}; what came after entry {last} is not in it", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The last entry that is in it.
        last: u64,
        /// Why.
        why: io::Error,
    },
    /// It was too slow.
    #[error("{lost} entries came too fast for {} and are not in it", path.display())]
    Slow {
        /// The file.
        path: PathBuf,
        /// How many.
        lost: u64,
    },
}

/// A file that is being written.
#[derive(Debug)]
pub struct Recorder {
    path: PathBuf,
    sender: Sender<Arc<Entry>>,
    waiting_bytes: Arc<AtomicUsize>,
    /// Entries that did not find room since the last that did, and the last of them.
    gap: Option<(u64, Arc<Entry>)>,
    lost: u64,
    /// Whether it waits for the file.
    patient: bool,
    thread: JoinHandle<Result<(), (u64, io::Error)>>,
}

impl Recorder {
    /// Begins the file; one that was there is overwritten.
    ///
    /// # Errors
    /// When it cannot be written.
    ///
    /// # Panics
    /// When the system gives no thread.
    pub fn start(path: &Path, mut format: Box<dyn Format>) -> Result<Self, RecordError> {
        let failed = |why| RecordError::Create { path: path.to_owned(), why };
        let mut file = BufWriter::new(File::create(path).map_err(failed)?);
        format.begin(&mut file).and_then(|()| file.flush()).map_err(failed)?;
        let (sender, entries) = bounded(WAITING);
        let waiting_bytes: Arc<AtomicUsize> = Arc::default();
        let waiting = Arc::clone(&waiting_bytes);
        let thread = thread::Builder::new()
            .name("trace file".to_owned())
            .spawn(move || write(&entries, &waiting, format.as_mut(), &mut file))
            .map_err(failed)?;
        let path = path.to_owned();
        Ok(Self { path, sender, waiting_bytes, gap: None, lost: 0, patient: false, thread })
    }

    /// Waits for the file from now on where it is slow: for worlds whose time stands still meanwhile.
    #[must_use]
    pub fn patiently(self) -> Self {
        Self { patient: true, ..self }
    }

    /// Gives the next entry; never waits, unless it is patient.
    pub fn take(&mut self, entry: &Arc<Entry>) {
        if self.patient {
            self.waiting_bytes.fetch_add(size(entry), Ordering::Relaxed);
            if self.sender.send(Arc::clone(entry)).is_err() {
                tracing::debug!("the writer has ended; `finish` tells why");
            }
            return;
        }
        if let Some((count, last)) = self.gap.take() {
            let event = Event::Missed { packets: count };
            let missed = Arc::new(Entry { number: last.number, at: last.at, event });
            if !self.send(&missed) {
                self.gap = Some((count, last));
            }
        }
        if self.gap.is_some() || !self.send(entry) {
            self.lost += 1;
            let count = self.gap.take().map_or(0, |(count, _)| count);
            self.gap = Some((count + 1, Arc::clone(entry)));
        }
    }

    fn send(&self, entry: &Arc<Entry>) -> bool {
        let size = size(entry);
        if self.waiting_bytes.load(Ordering::Relaxed) > WAITING_BYTES {
            return false;
        }
        // Counted before: the writer may be done with it before this returns.
        self.waiting_bytes.fetch_add(size, Ordering::Relaxed);
        match self.sender.try_send(Arc::clone(entry)) {
            // Where the writer has ended, `finish` tells why.
            Ok(()) | Err(TrySendError::Disconnected(_)) => true,
            Err(TrySendError::Full(_)) => {
                self.waiting_bytes.fetch_sub(size, Ordering::Relaxed);
                false
            }
        }
    }

    /// Waits until everything is in the file.
    ///
    /// # Errors
    /// When something is not.
    pub fn finish(mut self) -> Result<(), RecordError> {
        if let Some((count, last)) = self.gap.take() {
            let event = Event::Missed { packets: count };
            let missed = Arc::new(Entry { number: last.number, at: last.at, event });
            // Now there is time to wait. Where the writer has ended, its error says more.
            if self.sender.send(missed).is_err() {
                tracing::debug!("the trace's file was closed before");
            }
        }
        drop(self.sender);
        let path = self.path;
        match self.thread.join() {
            Ok(Ok(())) if self.lost > 0 => Err(RecordError::Slow { path, lost: self.lost }),
            Ok(Ok(())) => Ok(()),
            Ok(Err((last, why))) => Err(RecordError::Write { path, last, why }),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

fn size(entry: &Entry) -> usize {
    match &entry.event {
        Event::Packet(crossing) => crossing.bytes.len(),
        _ => 0,
    }
}

fn write(
    entries: &Receiver<Arc<Entry>>,
    waiting_bytes: &AtomicUsize,
    format: &mut dyn Format,
    file: &mut BufWriter<File>,
) -> Result<(), (u64, io::Error)> {
    let mut last = 0;
    loop {
        let next = match entries.recv_timeout(FLUSH_AFTER) {
            Ok(entry) => entry,
            Err(error) => {
                file.flush().map_err(|why| (last, why))?;
                if error.is_disconnected() {
                    return Ok(());
                }
                continue;
            }
        };
        waiting_bytes.fetch_sub(size(&next), Ordering::Relaxed);
        format.entry(&next, file).map_err(|why| (last, why))?;
        last = next.number;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::report::fixtures;
    use crate::report::jsonl::{Header, JsonLines, Reader};

    /// Writes when it may.
    struct Slow(JsonLines, Arc<Mutex<()>>);

    impl Format for Slow {
        fn begin(&mut self, to: &mut dyn Write) -> io::Result<()> {
            self.0.begin(to)
        }

        fn entry(&mut self, entry: &Entry, to: &mut dyn Write) -> io::Result<()> {
            let may = self.1.lock().expect("nobody panics with it");
            let written = self.0.entry(entry, to);
            drop(may);
            written
        }
    }

    #[test]
    fn what_is_too_fast_is_named_where_it_is_missing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("slow.jsonl");
        let gate = Arc::new(Mutex::new(()));
        let lines = JsonLines::new(Header::new("x", 0, &[]));
        let mut recorder =
            Recorder::start(&path, Box::new(Slow(lines, Arc::clone(&gate)))).expect("a file");
        let entry = |number: u64| {
            let event = Event::Note("x".to_owned());
            Arc::new(Entry { number, at: fixtures::NOON, event })
        };
        let many = WAITING as u64 + 1_000;
        let held = gate.lock().expect("free");
        (1..=many).for_each(|number| recorder.take(&entry(number)));
        drop(held);
        let lost = recorder.lost;
        assert!((998..=1_000).contains(&lost), "{lost}: what has no room is not kept elsewhere");
        let error = recorder.finish().expect_err("it is not whole").to_string();
        assert!(error.starts_with(&format!("{lost} entries came too fast for ")), "{error}");
        let file = std::fs::read(&path).expect("a file");
        let entries: Vec<_> =
            Reader::new(file.as_slice()).expect("a header").map(|it| it.expect("one")).collect();
        let end = entries.last().expect("some");
        assert_eq!((end.number, &end.event), (many, &Event::Missed { packets: lost }));
        assert_eq!(entries.len() as u64, many - lost + 1);
    }
}
