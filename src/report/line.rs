//! An entry of the trace as a line of text.

use std::time::Duration;

use time::{OffsetDateTime, UtcOffset};

use crate::card::{Event as ProgramEvent, SensorNumber};
use crate::lab::DiskTrouble;
use crate::lab::trace::{Entry, Event, remark};

/// "   12  10:04:42.123  counter -> board1: PUBLISH 1 count QoS 2 1".
#[must_use]
pub fn text(entry: &Entry, offset: UtcOffset) -> String {
    format!("{:>6}  {}  {}", entry.number, clock(entry.at, offset), what(&entry.event))
}

/// `at` as HH:MM:SS.mmm.
#[must_use]
pub fn clock(at: Duration, offset: UtcOffset) -> String {
    let time = OffsetDateTime::UNIX_EPOCH.to_offset(offset) + at;
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    format!("{hour:02}:{minute:02}:{second:02}.{:03}", time.millisecond())
}

/// A moment in seconds since 1970 as a day and a time: "2026-01-01 12:00".
#[must_use]
pub fn day(seconds: u64, offset: UtcOffset) -> String {
    let time = OffsetDateTime::UNIX_EPOCH.to_offset(offset) + Duration::from_secs(seconds);
    let (hour, minute) = (time.hour(), time.minute());
    format!("{} {hour:02}:{minute:02}", time.date())
}

/// What happened.
#[must_use]
pub fn what(event: &Event) -> String {
    match event {
        Event::Packet(crossing) => {
            let (from, to) = (crossing.from(), crossing.to());
            let remark = match remark(crossing) {
                remark if remark.is_empty() => remark,
                remark => format!("  [{remark}]"),
            };
            format!("{from} -> {to}: {}{remark}", crossing.words())
        }
        Event::WireEnded { wire, how } => {
            format!("{} and {}: the connection ended ({how})", wire.dialer, wire.target)
        }
        Event::Broker { board, event } => format!("{board}: {event}"),
        Event::Program { program, event } => format!("{program}: {}", of_program(event)),
        Event::Cable { cable, deed } => format!("** {cable}: {deed} **"),
        Event::Power { board, on } => {
            format!("** {board}: power {} **", if *on { "on" } else { "off" })
        }
        Event::Disk { board, trouble } => match trouble {
            None => format!("** {board}: the disk works again **"),
            Some(DiskTrouble::Full) => format!("** {board}: the disk is full **"),
            Some(DiskTrouble::Slow { ms }) => {
                format!("** {board}: the disk takes {ms} ms more **")
            }
        },
        Event::EngineSays { board, line } => format!("{board} says: {line}"),
        Event::EngineDrops { board, client } => {
            format!("{board} drops messages for {client}: its queue is full")
        }
        Event::Asked { what, action } => format!("** {what}: {action} **"),
        Event::Fresh => "everything begins again".to_owned(),
        Event::Missed { packets } => format!("{packets} packets are missing here"),
        Event::Note(text) => text.clone(),
    }
}

fn of_program(event: &ProgramEvent) -> String {
    match event {
        ProgramEvent::Connected { session_present: true } => {
            "connected; its session had been kept".to_owned()
        }
        ProgramEvent::Connected { session_present: false } => {
            "connected with a new session".to_owned()
        }
        ProgramEvent::Disconnected { reason } => format!("not connected: {reason}"),
        ProgramEvent::Restored => "knows all that its broker kept for it".to_owned(),
        ProgramEvent::Sensor { sensor: SensorNumber(number), state } => {
            let word = match state {
                Some(true) => "OK",
                Some(false) => "KO",
                None => "unknown",
            };
            format!("sensor {number} is {word}")
        }
        ProgramEvent::Ignored { topic, reason } => {
            format!("ignored a message on {topic}: {reason}")
        }
        ProgramEvent::LimitReached { limit } => format!("counted to its limit of {limit}"),
        ProgramEvent::Odd { odd, so_far: 1 } => odd.to_string(),
        ProgramEvent::Odd { odd, so_far } => format!("{odd}; {so_far} so far"),
    }
}
