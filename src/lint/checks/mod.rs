//! The checks, one file each.

mod dead_rule;
mod default_qos;
mod echo;
mod empty_prefix;
mod glued_prefix;
mod idle_rule;
mod loops;
mod memory_only;
mod mistake;
mod no_session;
mod nobody_there;
mod open_listener;
mod overlap;
mod qos_cap;
mod retain_flag;
mod retained_deletes;
mod same_client_id;
mod shadowed;
mod unsupported;

use super::system::Link;
use super::{Check, Finding, Severity};

/// All checks there are.
pub static CHECKS: &[&Check] = &[
    &mistake::CHECK,
    &empty_prefix::CHECK,
    &loops::CHECK,
    &same_client_id::CHECK,
    &echo::CHECK,
    &shadowed::CHECK,
    &overlap::CHECK,
    &dead_rule::CHECK,
    &idle_rule::CHECK,
    &default_qos::CHECK,
    &qos_cap::CHECK,
    &no_session::CHECK,
    &retained_deletes::CHECK,
    &retain_flag::CHECK,
    &glued_prefix::CHECK,
    &open_listener::CHECK,
    &nobody_there::CHECK,
    &memory_only::CHECK,
    &unsupported::CHECK,
];

impl Check {
    /// A finding of this check in a line of a file.
    fn at(
        &self,
        severity: Severity,
        (file, line): (&str, usize),
        what: impl Into<String>,
        cure: impl Into<String>,
    ) -> Finding {
        Finding {
            id: self.id,
            severity,
            file: file.to_owned(),
            line: Some(line),
            what: what.into(),
            cure: cure.into(),
        }
    }
}

/// A line of a bridge's file.
fn place<'a>(bridge: &Link<'a>, line: usize) -> (&'a str, usize) {
    (&bridge.conf.file, line)
}

/// Lines as words: "line 3", "lines 3, 4 and 7".
fn lines(lines: &[usize]) -> String {
    let text: Vec<_> = lines.iter().map(usize::to_string).collect();
    match text.split_last() {
        None => String::new(),
        Some((only, [])) => format!("line {only}"),
        Some((last, others)) => format!("lines {} and {last}", others.join(", ")),
    }
}
