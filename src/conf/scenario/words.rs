//! Deeds and conditions as sentences, for progress and tables.

use std::fmt;

use super::{Condition, Counts, Deed, Target};
use crate::cable;
use crate::mqtt::Message;

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Toggle { program, sensor } => write!(f, "toggle sensor {sensor} on {program}"),
            Self::Set { program, sensor, ok } => {
                write!(f, "set sensor {sensor} on {program} to {}", state(Some(*ok)))
            }
            Self::Stop(target) => write!(f, "stop {target}"),
            Self::Start(target) => write!(f, "start {target}"),
            Self::Restart(target) => write!(f, "restart {target}"),
            Self::Kill(target) => write!(f, "kill {target}"),
            Self::PowerOff(board) => write!(f, "power off {board}"),
            Self::PowerOn(board) => write!(f, "power on {board}"),
            Self::Freeze(target) => write!(f, "freeze {target}"),
            Self::Thaw(target) => write!(f, "thaw {target}"),
            Self::Cable { cable, deed } => cable_deed(f, cable, deed),
            Self::DiskFull(board) => write!(f, "fill the disk of {board}"),
            Self::DiskSlow { board, ms } => {
                write!(f, "let each commit to the disk of {board} take {ms} ms more")
            }
            Self::DiskOk(board) => write!(f, "mend the disk of {board}"),
            Self::Wait(time) => write!(f, "wait {} s", time.as_secs_f64()),
            Self::Publish { program, count } => write!(f, "publish {count} more on {program}"),
            Self::Message { program, message } => said(f, program, message),
            Self::WaitUntil { condition, within } => {
                write!(f, "wait until {condition}, at most {} s", within.as_secs())
            }
        }
    }
}

fn said(f: &mut fmt::Formatter<'_>, program: &str, message: &Message) -> fmt::Result {
    let Message { topic, payload, qos, retain, .. } = message;
    if *retain && payload.is_empty() {
        return write!(f, "delete what is retained for {topic}, as {program} ({qos})");
    }
    let payload = String::from_utf8_lossy(payload);
    let retain = if *retain { ", retained" } else { "" };
    write!(f, "publish {topic} = {payload:?} as {program} ({qos}{retain})")
}

fn cable_deed(f: &mut fmt::Formatter<'_>, cable: &str, deed: &cable::Deed) -> fmt::Result {
    if *deed == cable::Deed::cut() {
        return write!(f, "cut the cable of {cable}");
    }
    if *deed == cable::Deed::cut_silently() {
        return write!(f, "cut the cable of {cable} silently");
    }
    match deed {
        cable::Deed::Mend => write!(f, "mend the cable of {cable}"),
        other => write!(f, "the cable of {cable}: {other}"),
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program(name) => f.write_str(name),
            Self::Broker(board) => write!(f, "the broker of {board}"),
            Self::Bridge(name) => write!(f, "the bridge {name}"),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shows { program, sensor, state: shown } => {
                write!(f, "{program} shows sensor {sensor} as {}", state(*shown))
            }
            Self::Online(program) => write!(f, "{program} is connected"),
            Self::Offline(program) => write!(f, "{program} is not connected"),
            Self::Connected(bridge) => write!(f, "{bridge} is connected"),
            Self::Disconnected(bridge) => write!(f, "{bridge} is not connected"),
            Self::Published { program, count } => {
                write!(f, "{program} has published {count}")
            }
            // Only a tally that has subscribed has counted anything, be it nothing.
            Self::Counted { program, counts } if *counts == Counts::NONE => {
                write!(f, "{program} has subscribed")
            }
            Self::Counted { program, counts } => write!(f, "{program} has counted {counts}"),
            Self::Agree => f.write_str("all programs agree on every sensor"),
            Self::Quiet => f.write_str("nothing is queued and nothing waits to be sent"),
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { received, missing, doubled, out_of_order } = self;
        let counts = [
            (*received, "or more received"),
            (*missing, "missing"),
            (*doubled, "doubled"),
            (*out_of_order, "out of order"),
        ];
        let said = counts.iter().filter_map(|(count, what)| Some(((*count)?, *what)));
        let said: Vec<_> = said.map(|(count, what)| format!("{count} {what}")).collect();
        f.write_str(&said.join(", "))
    }
}

fn state(state: Option<bool>) -> &'static str {
    match state {
        Some(true) => "OK",
        Some(false) => "KO",
        None => "unknown",
    }
}
