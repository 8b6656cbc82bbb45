//! An entry of the trace as a line of text.

use std::time::Duration;

use time::{OffsetDateTime, UtcOffset};

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

/// What happened; between stars, what somebody did on purpose.
#[must_use]
pub fn what(event: &Event) -> String {
    let words = event.words();
    match event {
        Event::Packet(crossing) => match remark(crossing) {
            remark if remark.is_empty() => words,
            remark => format!("{words}  [{remark}]"),
        },
        event if event.is_deed() => format!("** {words} **"),
        _ => words,
    }
}
