//! How long the disk takes to promise something: what no durable broker can be faster than, alone.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

const WRITES: u32 = 100;
/// About a message and what a log keeps beside it.
const BYTES: usize = 128;
/// No disk is so slow that fewer would say nothing.
const AT_MOST: Duration = Duration::from_secs(2);

/// Times small writes with their fsync in that folder, in nanoseconds.
///
/// # Errors
/// When nothing can be written there.
pub fn times(folder: &Path) -> io::Result<Vec<u64>> {
    let path = folder.join("fsync");
    let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
    let begun = Instant::now();
    let mut times = Vec::new();
    for _ in 0..WRITES {
        let before = Instant::now();
        file.write_all(&[b'x'; BYTES])?;
        file.sync_data()?;
        times.push(u64::try_from(before.elapsed().as_nanos()).unwrap_or(u64::MAX));
        if begun.elapsed() > AT_MOST {
            break;
        }
    }
    std::fs::remove_file(path)?;
    Ok(times)
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let times = super::times(folder.path()).expect("it can be written");
        assert!(!times.is_empty());
        assert_eq!(folder.path().read_dir().expect("it is there").count(), 0);
    }
}
