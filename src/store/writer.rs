//! A store's own thread, so that its broker goes on while the disk works.
//!
//! ```text
//! broker's shell --- submit(Commit) ---> [one waits] ---> thread ---> Store::commit
//!                <------------- Done::Committed, Done::Failing ---------+
//!                                                  a quiet moment ---> Store::fold
//! ```
//!
//! A commit that fails is kept and tried again until it works or the writer is told to end. Knows
//! nothing of what the records mean.

use std::io;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{
    Receiver, RecvTimeoutError, Sender, TryRecvError, after, bounded, never, select,
};
use thiserror::Error;

use super::Store;
use crate::broker::Commit;

/// How long nothing comes before the tables are given what only the log has.
const QUIET: Duration = Duration::from_millis(50);

/// How long a failed commit waits before it is tried again; doubled after each try.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// How long it waits at most.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// How often a commit is tried once the writer is to stop, [`FIRST_WAIT`] apart.
const LAST_TRIES: usize = 5;

/// What the thread tells of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// It is durable, and so are all before it.
    Committed { number: u64 },
    /// It could not be written for this reason and will be tried again. Told once for each reason,
    /// until `Committed`.
    Failing { number: u64, reason: String },
}

/// What was still not written when the writer stopped. None of it had been promised to anybody.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "the broker's last {} could not be saved in {file}: {reason}. None of it had been acknowledged; what had been is saved",
    if numbers.len() == 1 { "change".to_owned() } else { format!("{} changes", numbers.len()) }
)]
pub struct Unsaved {
    /// The store's file.
    pub file: String,
    /// The commits' numbers.
    pub numbers: Vec<u64>,
    /// What stood in the way.
    pub reason: String,
}

/// The handle of a store's thread. Dropping it is [`Writer::abandon`].
#[derive(Debug)]
pub struct Writer {
    commits: Sender<Commit>,
    end: Sender<End>,
    thread: Option<JoinHandle<Result<(), Unsaved>>>,
}

impl Writer {
    /// Starts the thread `store <name>`, which tells `done` what becomes of each commit.
    ///
    /// # Errors
    /// When the system has no room for another thread.
    pub fn spawn(
        name: &str,
        store: Store,
        done: impl Fn(Done) + Send + 'static,
    ) -> io::Result<Self> {
        // A broker has one commit outstanding: the thread takes it up, and the place is free again.
        let (commits, incoming) = bounded(1);
        let (end, ending) = bounded(1);
        let thread = thread::Builder::new()
            .name(format!("store {name}"))
            .spawn(move || Thread { store, incoming, ending, done }.run())?;
        Ok(Self { commits, end, thread: Some(thread) })
    }

    /// Hands over a commit. Waits only if the one before it has not been taken up yet, which a
    /// broker that asks for one commit at a time never sees.
    ///
    /// # Panics
    /// When the thread panicked, in the store or in `done`: nothing can be promised any more.
    pub fn submit(&self, commit: Commit) {
        self.commits.send(commit).expect("a store's thread ends only when it is told to");
    }

    /// Waits until all that was submitted is durable, and closes the store.
    ///
    /// # Errors
    /// What could not be saved, when it fails and goes on failing for about half a second.
    ///
    /// # Panics
    /// When the thread panicked.
    pub fn stop(mut self) -> Result<(), Unsaved> {
        match self.finish(End::Stop) {
            Some(ended) => ended.expect("a store's thread does not panic"),
            None => Ok(()),
        }
    }

    /// Ends as a pulled plug does: what waits is not written, and a transaction that is under way
    /// may or may not be. The store is closed when this returns.
    pub fn abandon(self) {
        drop(self);
    }

    /// Tells the thread how to end and waits for it; nothing if that has been done already.
    fn finish(&mut self, how: End) -> Option<thread::Result<Result<(), Unsaved>>> {
        let thread = self.thread.take()?;
        if self.end.send(how).is_err() {
            tracing::error!("the thread of a store had ended before it was told to");
        }
        Some(thread.join())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // A panic of the thread was printed when it happened; here only its end counts.
        if let Some(Ok(Err(unsaved))) = self.finish(End::Abandon) {
            tracing::error!("{unsaved}");
        }
    }
}

/// How a writer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Stop,
    Abandon,
}

/// What became of a commit.
enum Fate {
    Committed,
    /// The writer was told to end while this commit was waiting to be tried again.
    Interrupted(End, String),
}

/// What runs in the thread.
struct Thread<F> {
    store: Store,
    incoming: Receiver<Commit>,
    ending: Receiver<End>,
    done: F,
}

impl<F: Fn(Done)> Thread<F> {
    fn run(mut self) -> Result<(), Unsaved> {
        let (how, waiting) = self.work();
        match how {
            End::Abandon => {
                self.store.abandon();
                Ok(())
            }
            End::Stop => self.stop(waiting),
        }
    }

    /// Commits what comes, until told to end; gives back the commit that was not written by then.
    fn work(&mut self) -> (End, Option<(Commit, String)>) {
        let mut can_fold = true;
        loop {
            let idle = can_fold && !self.store.is_folded();
            let quiet = if idle { after(QUIET) } else { never() };
            let commit = select! {
                recv(quiet) -> _ => {
                    // What cannot be done now is tried again after the next commit.
                    can_fold = self.fold();
                    continue;
                }
                recv(self.ending) -> how => return (how.unwrap_or(End::Abandon), None),
                recv(self.incoming) -> commit => match commit {
                    Ok(commit) => commit,
                    // The handle is gone: its last word is in the other channel, if there was one.
                    Err(_) => return (self.ending.recv().unwrap_or(End::Abandon), None),
                },
            };
            // A plug that was pulled before the commit was begun has been pulled.
            match self.ending.try_recv() {
                Ok(End::Abandon) | Err(TryRecvError::Disconnected) => return (End::Abandon, None),
                Ok(End::Stop) => return (End::Stop, Some((commit, String::new()))),
                Err(TryRecvError::Empty) => {}
            }
            match self.persist(&commit) {
                Fate::Committed => {
                    (self.done)(Done::Committed { number: commit.number });
                    can_fold = true;
                }
                Fate::Interrupted(how, reason) => return (how, Some((commit, reason))),
            }
        }
    }

    /// Whether the tables could be given what only the log has. If not, nothing is lost by it.
    fn fold(&mut self) -> bool {
        let folded = self.store.fold();
        if let Err(error) = &folded {
            let file = self.store.path().display();
            tracing::warn!("the latest changes in {file} stay in its log for now: {error}");
        }
        folded.is_ok()
    }

    /// Tries a commit until it works, or until the writer is told to end.
    fn persist(&mut self, commit: &Commit) -> Fate {
        let mut wait = FIRST_WAIT;
        let mut told = String::new();
        while let Err(error) = self.store.commit(&commit.records) {
            let reason = error.to_string();
            if reason != told {
                let failing = Done::Failing { number: commit.number, reason: reason.clone() };
                (self.done)(failing);
                told = reason;
            }
            match self.ending.recv_timeout(wait) {
                Ok(how) => return Fate::Interrupted(how, told),
                Err(RecvTimeoutError::Disconnected) => {
                    return Fate::Interrupted(End::Abandon, told);
                }
                Err(RecvTimeoutError::Timeout) => wait = (wait * 2).min(LONGEST_WAIT),
            }
        }
        Fate::Committed
    }

    /// Writes what is left, with a last few tries if it fails, and closes the store.
    fn stop(mut self, waiting: Option<(Commit, String)>) -> Result<(), Unsaved> {
        let (first, mut reason) = waiting.unzip();
        // The handle waits for this thread, so nothing more can come.
        let incoming = self.incoming.clone();
        let mut tries = LAST_TRIES;
        let mut numbers = Vec::new();
        for commit in first.into_iter().chain(incoming.try_iter()) {
            // After one that could not be written the later ones must not be either.
            if numbers.is_empty() && self.last_tries(&commit, &mut tries, &mut reason) {
                (self.done)(Done::Committed { number: commit.number });
            } else {
                numbers.push(commit.number);
            }
        }
        let file = self.store.path().display().to_string();
        drop(self.store);
        if numbers.is_empty() {
            return Ok(());
        }
        Err(Unsaved { file, numbers, reason: reason.unwrap_or_default() })
    }

    fn last_tries(
        &mut self,
        commit: &Commit,
        tries: &mut usize,
        reason: &mut Option<String>,
    ) -> bool {
        while let Err(error) = self.store.commit(&commit.records) {
            *reason = Some(error.to_string());
            *tries = tries.saturating_sub(1);
            if *tries == 0 {
                return false;
            }
            thread::sleep(FIRST_WAIT);
        }
        true
    }
}
