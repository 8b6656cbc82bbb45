//! The options that hold for the whole broker, wherever they stand in the file.

use std::path::PathBuf;
use std::time::Duration;

use super::line::{Line, Wrong, in_range, wrong};
use super::reader::Reader;
use crate::broker::Limits;
use crate::conf::error::Sort;

/// The largest payload of MQTT. [MQTT 3.1.1, section 2.2.3]
const MAX_PAYLOAD: i64 = 268_435_455;

/// The smallest `max_packet_size` that mosquitto takes: less would get in the way of a CONNECT.
const MIN_PACKET_SIZE: i64 = 20;

/// Takes a line, if it is a general one.
pub(super) fn read(reader: &mut Reader<'_>, line: &Line<'_>) -> Result<bool, Wrong> {
    Ok(limit(&mut reader.config.settings.limits, line)?
        || persistence(reader, line)?
        || reader.log.read(line)?
        || without_effect(reader, line)?
        || rest(reader, line)?)
}

fn limit(limits: &mut Limits, line: &Line<'_>) -> Result<bool, Wrong> {
    let most = i64::from(i32::MAX);
    match line.option {
        "max_inflight_messages" => {
            let number = line.number(i64::from(i32::MIN)..=i64::from(u16::MAX))?;
            // Below 0 means no limit to mosquitto, and 65,535 is what no limit comes to.
            limits.max_inflight_messages =
                u16::try_from(number).ok().filter(|count| *count < u16::MAX).unwrap_or(0);
        }
        "max_inflight_bytes" => limits.max_inflight_bytes = line.count()?,
        "max_queued_messages" => limits.max_queued_messages = line.count()?,
        "max_queued_bytes" => limits.max_queued_bytes = line.count()?,
        "max_subscriptions_per_client" => limits.max_subscriptions_per_client = line.count()?,
        "max_packet_size" => {
            limits.max_packet_size = unsigned(line.number(MIN_PACKET_SIZE..=most)?)?;
        }
        "message_size_limit" => {
            limits.message_size_limit = unsigned(line.number(0..=MAX_PAYLOAD)?)?;
        }
        "global_max_clients" => {
            limits.global_max_clients =
                usize::try_from(line.number(i64::from(i32::MIN)..=most)?).ok();
        }
        "memory_limit" => limits.memory_limit = unsigned(line.number(0..=i64::MAX)?)?,
        "max_keepalive" => limits.max_keepalive_s = line.short()?,
        "persistent_client_expiration" => {
            limits.persistent_client_expiration_s = Some(expiration_s(line.word()?)?);
        }
        "retain_available" => limits.retain_available = line.bool()?,
        "allow_zero_length_clientid" => limits.allow_zero_length_clientid = line.bool()?,
        "auto_id_prefix" => {
            let prefix = line.text()?;
            if prefix.len() > 50 {
                return Err(wrong("`auto_id_prefix` has at most 50 bytes"));
            }
            prefix.clone_into(&mut limits.auto_id_prefix);
        }
        "queue_qos0_messages" => limits.queue_qos0_messages = line.bool()?,
        "upgrade_outgoing_qos" => limits.upgrade_outgoing_qos = line.bool()?,
        "allow_duplicate_messages" => limits.allow_duplicate_messages = line.bool()?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn persistence(reader: &mut Reader<'_>, line: &Line<'_>) -> Result<bool, Wrong> {
    match line.option {
        "persistence" | "retained_persistence" => {
            reader.config.settings.persistence = line.bool()?;
        }
        "persistence_location" => {
            let location = PathBuf::from(reader.once(line)?);
            reader.config.persistence_location = Some(location);
        }
        "persistence_file" => {
            let name = reader.once(line)?;
            if name.contains(['/', '\\']) {
                return Err(wrong("`persistence_file` is a file's name, without a folder")
                    .help("name the folder by `persistence_location`"));
            }
            name.clone_into(&mut reader.config.persistence_file);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Options that change nothing here, so that a file that has them works all the same.
fn without_effect(reader: &mut Reader<'_>, line: &Line<'_>) -> Result<bool, Wrong> {
    let why = match line.option {
        // What is promised is saved before it is promised: that is more than these ask for.
        "autosave_interval" => {
            line.number(i64::from(i32::MIN)..=i64::from(i32::MAX))?;
            return Ok(true);
        }
        "autosave_on_changes" => {
            line.bool()?;
            return Ok(true);
        }
        "user" => {
            line.text()?;
            "the broker runs as whoever starts it"
        }
        "pid_file" => {
            line.text()?;
            "no pid file is written"
        }
        "retry_interval" => "a connection that lasts loses nothing; mosquitto ignores it too",
        _ => return Ok(false),
    };
    if !reader.for_mosquitto {
        reader.note(line, format!("`{}` is without effect here: {why}", line.option));
    }
    Ok(true)
}

fn rest(reader: &mut Reader<'_>, line: &Line<'_>) -> Result<bool, Wrong> {
    match line.option {
        "allow_anonymous" => {
            let allowed = line.bool()?;
            reader.anonymous = Some((allowed, reader.mistake(line, anonymous_forbidden())));
        }
        "sys_interval" => {
            let interval = Duration::from_secs(line.short()?.into());
            reader.config.settings.sys_interval = interval;
        }
        "set_tcp_nodelay" => reader.config.set_tcp_nodelay = line.bool()?,
        "global_max_connections" => {
            let most = line.number(i64::from(i32::MIN)..=i64::from(i32::MAX))?;
            reader.global_max_connections = usize::try_from(most).ok();
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// A number and its unit, in seconds; a month has 30 days and a year 365, as in mosquitto.
fn expiration_s(word: &str) -> Result<u32, Wrong> {
    const DAY_S: i64 = 24 * 60 * 60;
    let mistake = || {
        wrong(format!("`persistent_client_expiration` takes no `{word}`")).help(
            "it takes a number and one of s h d w m y (second, hour, day, week, month of 30 days, \
             year): `persistent_client_expiration 14d`",
        )
    };
    let unit = word.chars().last().ok_or_else(mistake)?;
    let unit_s = match unit {
        's' => 1,
        'h' => 60 * 60,
        'd' => DAY_S,
        'w' => 7 * DAY_S,
        'm' => 30 * DAY_S,
        'y' => 365 * DAY_S,
        _ => return Err(mistake()),
    };
    // The longest that a session can have at all, but for one that never ends. [MQTT 5.0, section
    // 3.1.2.11.2]
    let most = i64::from(u32::MAX - 1) / unit_s;
    let number = in_range("persistent_client_expiration", &word[..word.len() - 1], &(1..=most))?;
    u32::try_from(number * unit_s).map_err(|_| mistake())
}

/// Why `allow_anonymous false` cannot stand yet.
fn anonymous_forbidden() -> Wrong {
    wrong(
        "this would refuse every client: `password_file` is an option of mosquitto's that \
         Twinboard does not support yet",
    )
    .help("write `allow_anonymous true`, on a listener that only this machine can reach")
    .sort(Sort::Unsupported)
}

fn unsigned(number: i64) -> Result<usize, Wrong> {
    usize::try_from(number).map_err(|_| wrong(format!("{number} is too large for this machine")))
}
