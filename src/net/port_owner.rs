//! Who listens on a port, where the system tells: on Linux, for programs whose open files this user
//! may see.

use std::fmt;

/// A program that listens on a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortOwner {
    /// Its process id.
    pub pid: u32,
    /// Its name.
    pub name: String,
}

impl fmt::Display for PortOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pid == std::process::id() {
            f.write_str("this program itself")
        } else {
            write!(f, "{} (process {})", self.name, self.pid)
        }
    }
}

/// Who listens on TCP port `port`, on any address.
#[cfg(target_os = "linux")]
pub(super) fn find(port: u16) -> Option<PortOwner> {
    linux::find(port)
}

/// Who listens on TCP port `port`: this system does not tell without a program of its own.
#[cfg(not(target_os = "linux"))]
pub(super) fn find(_port: u16) -> Option<PortOwner> {
    None
}

/// [proc(5) manual]
#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::path::Path;

    use super::PortOwner;

    /// The state of a socket that listens, in the kernel's tables.
    const LISTEN: &str = "0A";

    pub(super) fn find(port: u16) -> Option<PortOwner> {
        let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
        let inodes: Vec<String> = tables
            .iter()
            .filter_map(|table| fs::read_to_string(table).ok())
            .flat_map(|table| listening(&table, port))
            .map(|inode| format!("socket:[{inode}]"))
            .collect();
        if inodes.is_empty() {
            return None;
        }
        let processes = fs::read_dir("/proc").ok()?.filter_map(Result::ok);
        processes.filter(|entry| holds(&entry.path().join("fd"), &inodes)).find_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let name = fs::read_to_string(entry.path().join("comm")).ok()?;
            Some(PortOwner { pid, name: name.trim_end().to_owned() })
        })
    }

    /// Whether a process has one of those files open; other users' processes do not say.
    fn holds(files: &Path, inodes: &[String]) -> bool {
        let Ok(files) = fs::read_dir(files) else { return false };
        files
            .filter_map(Result::ok)
            .filter_map(|file| fs::read_link(file.path()).ok())
            .any(|file| inodes.iter().any(|inode| file.as_os_str() == inode.as_str()))
    }

    /// The inodes of the sockets that listen on `port`, in the text of a table.
    pub(super) fn listening(table: &str, port: u16) -> Vec<u64> {
        let port = format!("{port:04X}");
        let lines = table.lines().skip(1).map(|line| line.split_ascii_whitespace());
        lines
            .filter_map(|mut fields| {
                let (_, local_port) = fields.nth(1)?.rsplit_once(':')?;
                let state = fields.nth(1)?;
                let inode = fields.nth(5)?.parse().ok()?;
                (local_port == port && state == LISTEN).then_some(inode)
            })
            .collect()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::linux::listening;

    #[test]
    fn the_kernels_table() {
        let table = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:075B 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1
   1: 0100007F:075B 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1
   2: 00000000:075C 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1
   3: broken
";
        let check = |port: u16, expected: &[u64]| assert_eq!(listening(table, port), expected);
        check(1883, &[4711]);
        check(1884, &[4713]);
        check(50_000, &[]);
    }
}
