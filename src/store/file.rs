//! A store's file and its neighbours: made so that it is whole or not there, and looked at before
//! SQLite touches it. Knows no table.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::error::StoreError;
use super::schema;

/// SQLite's files beside a database that hold changes not yet in it.
const LOGS: [&str; 2] = ["-wal", "-journal"];

/// `path` with `suffix` appended to its last part.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// The file that `path` stands for: SQLite puts its logs beside the file a link points to, and two
/// links to one store must meet at one lock.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, StoreError> {
    if path.is_symlink() {
        return fs::canonicalize(path).map_err(|error| StoreError::io(path, &error));
    }
    Ok(path.to_owned())
}

/// Makes `folder` and those above it, so that they are there after a power loss.
pub(super) fn make_folders(folder: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let above = folder.parent().unwrap_or(Path::new(""));
    make_folders(above)?;
    match fs::create_dir(folder) {
        Ok(()) => sync_folder(above),
        // Another broker of the same scenario may be making it too.
        Err(_) if folder.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes an empty store at `path`, where nothing is.
///
/// It is built under another name and renamed when it is on the disk: whatever happens meanwhile,
/// the file at `path` is a whole store or is not there.
pub(super) fn create(path: &Path) -> Result<(), StoreError> {
    // A log without its file is somebody's data, and SQLite would replay it into the new file.
    if let Some(log) = LOGS.map(|log| beside(path, log)).into_iter().find(|log| log.exists()) {
        return Err(StoreError::Orphaned { path: path.to_owned(), log });
    }
    let new = beside(path, ".new");
    let made = build(&new).and_then(|()| {
        let io = |error| StoreError::io(path, &error);
        File::options().write(true).open(&new).and_then(|file| file.sync_all()).map_err(io)?;
        fs::rename(&new, path).map_err(io)?;
        sync_folder(path.parent().unwrap_or(Path::new(""))).map_err(io)
    });
    if made.is_err() {
        discard(&new);
    }
    made
}

/// Writes the empty store that `create` renames.
fn build(new: &Path) -> Result<(), StoreError> {
    // One that was begun by a process that died is worth nothing.
    if new.exists() {
        fs::remove_file(new).map_err(|error| StoreError::io(new, &error))?;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let sqlite = |error: rusqlite::Error| StoreError::sqlite(new, &error);
    let mut db = Connection::open_with_flags(new, flags).map_err(sqlite)?;
    schema::create(&mut db).map_err(sqlite)?;
    db.close().map_err(|(_, error)| StoreError::sqlite(new, &error))
}

/// Looks at the first bytes of the file at `path`: it must be a store, and one we know.
///
/// This comes before SQLite opens the file, because SQLite may write to what it opens. It is only
/// for files that nobody in this process has open: to close any handle of a file takes away all
/// the locks that SQLite has on it in this process.
pub(super) fn look(path: &Path) -> Result<(), StoreError> {
    let not_a_store = |reason: &str| {
        Err(StoreError::NotAStore { path: path.to_owned(), reason: reason.to_owned() })
    };
    let io = |error: io::Error| StoreError::io(path, &error);
    let kind = fs::metadata(path).map_err(io)?.file_type();
    if kind.is_dir() {
        return not_a_store("it is a folder");
    }
    if !kind.is_file() {
        return not_a_store("it is no ordinary file");
    }
    let mut header = Vec::with_capacity(100);
    File::open(path).and_then(|file| file.take(100).read_to_end(&mut header)).map_err(io)?;
    if header.is_empty() {
        return not_a_store("it is empty");
    }
    // https://sqlite.org/fileformat2.html#the_database_header
    let Some(header) =
        header.as_array::<100>().filter(|header| header.starts_with(b"SQLite format 3\0"))
    else {
        return not_a_store("it is no SQLite database");
    };
    let number = |at: usize| {
        i32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    if number(68) != schema::APPLICATION_ID {
        return not_a_store("it is another program's SQLite database");
    }
    schema::check_version(path, number(60))
}

/// SQLite's neighbours of a file, as they were before SQLite opened it.
#[derive(Debug)]
pub(super) struct Neighbours {
    absent: Vec<PathBuf>,
}

impl Neighbours {
    /// Notes which are not there.
    pub(super) fn note(path: &Path) -> Self {
        let all = ["-wal", "-shm"].map(|suffix| beside(path, suffix));
        Self { absent: all.into_iter().filter(|file| !file.exists()).collect() }
    }

    /// Removes those that came since, for a file that was only read.
    pub(super) fn restore(&self) {
        for file in self.absent.iter().filter(|file| file.exists()) {
            discard(file);
        }
    }
}

/// Removes a file that was ours alone; if that fails it is no more than litter.
fn discard(file: &Path) {
    if let Err(error) = fs::remove_file(file)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!("{} could not be removed: {error}", file.display());
    }
}

/// Makes a folder's entries durable. Windows has no such call, and needs none on NTFS.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(windows) {
        return Ok(());
    }
    let here = Path::new(".");
    File::open(if folder.as_os_str().is_empty() { here } else { folder })?.sync_all()
}
