//! How MQTT's values stand in columns, each way there beside its way back. Knows no table.
//!
//! SQLite's integers have a sign and ours do not: a number that may use all of its bits keeps them.
//! Times are whole milliseconds since 1970; what is below a millisecond is not kept.

use std::time::Duration;

use rusqlite::Row;

use super::load::Fault;
use super::record;
use crate::broker::MessageId;
use crate::broker::durable::{Digest, Expiry, Stage};
use crate::mqtt::{Filter, PacketId, Properties, QoS, Topic};

/// A stage, as two columns.
pub(super) fn of_stage(stage: Stage) -> (&'static str, Option<PacketId>) {
    match stage {
        Stage::Queued => ("queued", None),
        Stage::Published(packet_id) => ("published", Some(packet_id)),
        Stage::Released(packet_id) => ("released", Some(packet_id)),
    }
}

/// The stage that two columns from `column` on stand for.
pub(super) fn stage(row: &Row<'_>, column: usize) -> Result<Stage, Fault> {
    match (row.get_ref(column)?.as_str()?, row.get(column + 1)?) {
        ("queued", None) => Ok(Stage::Queued),
        ("published", Some(packet_id)) => Ok(Stage::Published(packet_id)),
        ("released", Some(packet_id)) => Ok(Stage::Released(packet_id)),
        (other, _) => Err(Fault::Nonsense(format!("a delivery is {other:?}"))),
    }
}

/// The identifiers of subscriptions: a JSON array, which SQLite's `json_each` takes apart. Most
/// deliveries have none, and cost nothing.
pub(super) fn of_subscription_ids(ids: &[u32]) -> Option<String> {
    if ids.is_empty() {
        return None;
    }
    let ids: Vec<_> = ids.iter().map(u32::to_string).collect();
    Some(format!("[{}]", ids.join(",")))
}

/// The identifiers that a column stands for.
pub(super) fn subscription_ids(row: &Row<'_>, column: usize) -> Result<Vec<u32>, Fault> {
    let Some(text) = row.get_ref(column)?.as_str_or_null()? else { return Ok(Vec::new()) };
    let nonsense = || Fault::Nonsense(format!("{text:?} are no subscription identifiers"));
    let list = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let ids = list.ok_or_else(nonsense)?.split(',').map(|id| id.trim().parse().ok());
    let valid = ids.map(|id| id.filter(|id| is_identifier(*id)));
    valid.collect::<Option<_>>().ok_or_else(nonsense)
}

/// Whether a subscription may have this identifier. [MQTT 5.0, section 3.8.2.1.2]
pub(super) fn is_identifier(id: u32) -> bool {
    (1..=268_435_455).contains(&id)
}

/// A time. One that is millions of years away may come a little early.
pub(super) fn of_time(time: Option<Duration>) -> Option<i64> {
    time.map(|time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}

/// The time that a column stands for.
pub(super) fn time(row: &Row<'_>, column: usize) -> Result<Option<Duration>, Fault> {
    let Some(millis) = row.get::<_, Option<i64>>(column)? else { return Ok(None) };
    let early = |_| Fault::Nonsense(format!("time {millis} is before 1970"));
    Ok(Some(Duration::from_millis(u64::try_from(millis).map_err(early)?)))
}

/// How long a session outlives its connection, in seconds.
pub(super) fn of_expiry(expiry: Expiry) -> Option<u32> {
    match expiry {
        Expiry::Seconds(seconds) => Some(seconds),
        Expiry::Never => None,
    }
}

/// The expiry that a column stands for.
pub(super) fn expiry(row: &Row<'_>, column: usize) -> Result<Expiry, Fault> {
    Ok(row.get::<_, Option<u32>>(column)?.map_or(Expiry::Never, Expiry::Seconds))
}

/// Properties of a message.
pub(super) fn properties(row: &Row<'_>, column: usize) -> Result<Properties, Fault> {
    let bytes = row.get_ref(column)?.as_blob()?;
    let nonsense = || format!("{} bytes are no properties of a message", bytes.len());
    record::properties(bytes).ok_or_else(|| Fault::Nonsense(nonsense()))
}

/// A topic.
pub(super) fn topic(row: &Row<'_>, column: usize) -> Result<Topic, Fault> {
    let text = row.get_ref(column)?.as_str()?;
    Topic::parse(text).map_err(|error| Fault::Nonsense(format!("topic {text:?}: {error}")))
}

/// A subscription's filter.
pub(super) fn filter(row: &Row<'_>, column: usize) -> Result<Filter, Fault> {
    let text = row.get_ref(column)?.as_str()?;
    Filter::parse(text).map_err(|error| Fault::Nonsense(format!("filter {text:?}: {error}")))
}

/// A `QoS`.
pub(super) fn qos(row: &Row<'_>, column: usize) -> Result<QoS, Fault> {
    let level: u8 = row.get(column)?;
    QoS::from_level(level).ok_or_else(|| Fault::Nonsense(format!("there is no QoS {level}")))
}

/// A message's number, or a delivery's.
pub(super) fn message_id(row: &Row<'_>, column: usize) -> Result<MessageId, Fault> {
    Ok(MessageId(row.get::<_, i64>(column)?.cast_unsigned()))
}

/// A digest.
pub(super) fn digest(bits: i64) -> Digest {
    Digest(bits.cast_unsigned())
}
