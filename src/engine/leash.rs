//! A leash: a program on it ends when the one that started it ends, however that ends. Without it, a
//! broker whose lab was killed would go on, and write into the same folder as the next one.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::Command;

/// The command of this program that puts another one on the leash.
pub const COMMAND: &str = "leash";

/// How `program` is started by `own`, this program's file. Where the system knows no leash, it is
/// started as it is.
pub(super) fn command(own: &Path, program: &Path, arguments: &[OsString]) -> Command {
    if !cfg!(target_os = "linux") {
        let mut command = Command::new(program);
        command.args(arguments);
        return command;
    }
    let mut command = Command::new(own);
    command.arg(COMMAND).arg(program).args(arguments);
    command
}

/// Becomes `program`, with the same number in the system. Returns only when that fails. The leash is
/// held by the thread that started this process. [prctl(2) manual, `PR_SET_PDEATHSIG`]
#[cfg(target_os = "linux")]
#[must_use]
pub fn become_on_leash(program: &OsString, arguments: &[OsString]) -> io::Error {
    use std::os::unix::process::CommandExt;

    use rustix::process::{Signal, set_parent_process_death_signal};
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return error.into();
    }
    Command::new(program).args(arguments).exec()
}

/// There is none here.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn become_on_leash(_: &OsString, _: &[OsString]) -> io::Error {
    io::ErrorKind::Unsupported.into()
}
