//! Where a scenario's state lives, and how it is kept aside and put back.
//!
//! ```text
//! DATA/<scenario>/state/<board>/broker.db     what the boards' brokers keep
//! DATA/<scenario>/state/<board>/<engine>/…     what others keep, each in its own form
//! DATA/<scenario>/aside/<day and time>/…      what a fresh start moved out of the way
//! DATA/<scenario>/in-use                       held locked by the process that runs it
//! ```

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;
use time::OffsetDateTime;
use time::macros::format_description;

use super::name::BoardName;

/// A folder could not be used.
#[derive(Debug, Error)]
#[error("{what} {}: {why}; {advice}choose another folder with --data DIR", path.display())]
pub struct DataError {
    what: &'static str,
    path: PathBuf,
    why: io::Error,
    advice: &'static str,
}

/// A scenario's folder, for this process alone. It ends with the process at the latest.
#[derive(Debug)]
pub struct Claim {
    _locked: File,
}

/// A scenario's part of the data folder.
#[derive(Debug, Clone)]
pub struct Data {
    folder: PathBuf,
}

impl Data {
    /// The state of `scenario` under `root`; none stands for the user's own data folder.
    ///
    /// # Errors
    /// In words, when the system tells of no such folder.
    pub fn new(root: Option<&Path>, scenario: &str) -> Result<Self, String> {
        let root = match root {
            Some(root) => root.to_owned(),
            None => directories::ProjectDirs::from("", "", "twinboard")
                .map(|dirs| dirs.data_dir().to_owned())
                .ok_or("this system tells of no folder for data; name one with --data DIR")?,
        };
        Ok(Self { folder: root.join(scenario) })
    }

    /// Makes the folder, and keeps other processes from running the same state.
    ///
    /// # Errors
    /// When the folder cannot be made or written to, or when another process runs its state.
    pub fn claim(&self) -> Result<Claim, DataError> {
        let folder = &self.folder;
        fs::create_dir_all(folder).map_err(error("cannot make the folder", folder))?;
        let path = folder.join("in-use");
        let cannot = || error("cannot keep a state in", folder);
        let mut options = File::options();
        options.create(true).truncate(false).read(true).write(true);
        let mut file = options.open(&path).map_err(cannot())?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::Error(why)) => return Err(cannot()(why)),
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Some systems let nobody read what is locked; then it stays unnamed.
                let named = file.read_to_string(&mut holder).is_ok() && !holder.is_empty();
                let who = if named { format!(" (process {holder})") } else { String::new() };
                let why = io::Error::other(format!("another Twinboard{who} runs there"));
                return Err(DataError { advice: "close that one, or ", ..cannot()(why) });
            }
        }
        file.set_len(0)
            .and_then(|()| file.write_all(std::process::id().to_string().as_bytes()))
            .map_err(cannot())?;
        Ok(Claim { _locked: file })
    }

    /// The folder of this scenario.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file of a board's broker.
    #[must_use]
    pub fn store(&self, board: &BoardName) -> PathBuf {
        self.state().join(board.as_str()).join("broker.db")
    }

    /// The folder of a board's broker that is not ours.
    #[must_use]
    pub fn engine(&self, board: &BoardName, engine: &str) -> PathBuf {
        self.state().join(board.as_str()).join(engine)
    }

    /// Moves the state out of the way. None where there was no state.
    ///
    /// # Errors
    /// When a folder cannot be made or moved; then nothing has changed.
    pub fn set_aside(&self, now: OffsetDateTime) -> Result<Option<PathBuf>, DataError> {
        if !self.state().exists() {
            return Ok(None);
        }
        let aside = self.folder.join("aside");
        fs::create_dir_all(&aside).map_err(error("cannot make the folder", &aside))?;
        let to = free_name(&aside, now);
        fs::rename(self.state(), &to).map_err(error("cannot move the state to", &to))?;
        Ok(Some(to))
    }

    /// Puts a state that was kept aside back in place; the state of now goes aside in turn.
    ///
    /// # Errors
    /// When a folder cannot be moved.
    pub fn put_back(&self, from: &Path, now: OffsetDateTime) -> Result<(), DataError> {
        if !from.is_dir() {
            let gone = io::Error::new(io::ErrorKind::NotFound, "it is not there any more");
            return Err(error("cannot put back", from)(gone));
        }
        self.set_aside(now)?;
        fs::rename(from, self.state()).map_err(error("cannot put back", from))
    }

    /// The states kept aside, newest first. A folder that cannot be read has none.
    #[must_use]
    pub fn asides(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.folder.join("aside")) else { return Vec::new() };
        let mut found: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        found.sort();
        found.reverse();
        found
    }

    fn state(&self) -> PathBuf {
        self.folder.join("state")
    }
}

/// A name that sorts by time and that nothing has yet.
fn free_name(folder: &Path, now: OffsetDateTime) -> PathBuf {
    let format = format_description!("[year]-[month]-[day] [hour].[minute].[second]");
    let name = now.format(&format).expect("a date has all these parts");
    let first = folder.join(&name);
    let others = (2..).map(|number| folder.join(format!("{name} ({number})")));
    let mut names = std::iter::once(first).chain(others);
    names.find(|path| !path.exists()).expect("one of endlessly many is free")
}

fn error<'a>(what: &'static str, path: &'a Path) -> impl Fn(io::Error) -> DataError + 'a {
    move |why| DataError { what, path: path.to_owned(), why, advice: "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_at_a_time() {
        let root = tempfile::tempdir().expect("a folder");
        let data = Data::new(Some(root.path()), "dual-board").expect("a root is given");
        for _ in 0..2 {
            let claim = data.claim().expect("it is free");
            let error = data.claim().expect_err("it is taken").to_string();
            let holder = format!("(process {}) runs there; close that one, or", std::process::id());
            assert!(error.contains(&holder), "{error}");
            drop(claim);
        }
        let file = root.path().join("a file");
        fs::write(&file, "").expect("written");
        let data = Data::new(Some(&file), "dual-board").expect("a root is given");
        let error = data.claim().expect_err("no folder can be there").to_string();
        assert!(error.contains("a file") && error.contains("--data DIR"), "{error}");
    }

    #[test]
    fn aside_and_back() {
        let root = tempfile::tempdir().expect("a folder");
        let data = Data::new(Some(root.path()), "dual-board").expect("a root is given");
        let now = OffsetDateTime::UNIX_EPOCH;
        assert_eq!(data.set_aside(now).expect("nothing to move"), None);
        let store = data.store(&BoardName::new("board1"));
        let write = |text: &str| {
            fs::create_dir_all(store.parent().expect("a folder")).expect("made");
            fs::write(&store, text).expect("written");
        };
        write("first");
        let first = data.set_aside(now).expect("moved").expect("there was a state");
        assert!(!store.exists());
        write("second");
        let second = data.set_aside(now).expect("moved").expect("there was a state");
        assert_eq!(data.asides(), [second, first.clone()]);
        write("third");
        data.put_back(&first, now).expect("moved");
        assert_eq!(fs::read_to_string(&store).expect("it is back"), "first");
        assert_eq!(data.asides().len(), 2);
        let error = data.put_back(&first, now).expect_err("it is gone").to_string();
        assert!(error.contains("not there any more"), "{error}");
        assert!(store.exists(), "a failed put-back changes nothing");
    }
}
