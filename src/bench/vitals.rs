//! What a process uses: processor time and memory, where the system tells. Limits of our own, where
//! it lets us raise them.

use std::time::Duration;

/// User and system time of a process so far, to its ticks of usually 10 ms.
#[cfg(target_os = "linux")]
pub fn cpu(id: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let ticks = ticks(&stat)?;
    let per_second = rustix::param::clock_ticks_per_second();
    Some(Duration::from_secs(ticks) / u32::try_from(per_second).ok()?)
}

/// The system does not tell.
#[cfg(not(target_os = "linux"))]
pub fn cpu(_id: u32) -> Option<Duration> {
    None
}

/// Bytes of physical memory that a process has now.
pub fn memory(id: u32) -> Option<u64> {
    status(id, "VmRSS:")
}

/// The most bytes of physical memory that a process ever had.
pub fn peak_memory(id: u32) -> Option<u64> {
    status(id, "VmHWM:")
}

/// Raises the number of files that this process and those it starts may have open as far as it may
/// go without asking anybody, and tells it; none where there is no such limit.
#[cfg(unix)]
pub fn open_files() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    }
}

/// There is no such limit.
#[cfg(not(unix))]
pub fn open_files() -> Option<u64> {
    None
}

#[cfg(target_os = "linux")]
fn status(id: u32, name: &str) -> Option<u64> {
    kilobytes(&std::fs::read_to_string(format!("/proc/{id}/status")).ok()?, name)
}

#[cfg(not(target_os = "linux"))]
fn status(_id: u32, _name: &str) -> Option<u64> {
    None
}

/// The sum of utime and stime, fields 14 and 15. The second one is the program's name, in which
/// anything may stand. [proc(5)]
#[cfg(target_os = "linux")]
fn ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

#[cfg(target_os = "linux")]
fn kilobytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|it| it * 1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_systems_files_are_understood() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 9 0 0 0 120 34 0 0 20 0 3 0 5 6 7";
        assert_eq!(ticks(stat), Some(154));
        assert_eq!(ticks("7 (a"), None);
        let status = "Name:\ta\nVmHWM:\t   12 kB\nVmRSS:\t    8 kB\n";
        assert_eq!(kilobytes(status, "VmHWM:"), Some(12 * 1024));
        assert_eq!(kilobytes(status, "VmPeak:"), None);
    }

    #[test]
    fn this_process_has_both() {
        let id = std::process::id();
        assert!(cpu(id).is_some());
        assert!(peak_memory(id) >= memory(id).filter(|it| *it > 0));
    }
}
