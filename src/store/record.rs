//! A commit's records as bytes, each way: what a row of the `log` table holds. Knows no table.
//!
//! Numbers are big-endian; text and binary data have their length before them, in four bytes; what
//! may be absent has a byte before it that says whether it is there.

use std::num::NonZeroU16;
use std::str::Utf8Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, TryGetError};

use super::value;
use crate::broker::durable::{Delivery, Digest, Expiry, Stage, Subscription, WillImage};
use crate::broker::{MessageId, Record};
use crate::mqtt::topic::TopicError;
use crate::mqtt::{ClientId, Filter, Message, PacketId, Properties, QoS, Topic};

/// Appends `record` to `to`.
pub(super) fn put(record: &Record, to: &mut Vec<u8>) {
    match record {
        Record::Message { id, message } => {
            to.put_u8(1);
            to.put_u64(id.0);
            put_message(message, to);
        }
        Record::DropMessage { id } => {
            to.put_u8(2);
            to.put_u64(id.0);
        }
        Record::Retain { topic, id, origin } => {
            put_named(3, topic.as_str(), to);
            to.put_u64(id.0);
            put_option(origin.as_ref(), to, |origin, to| put_bytes(origin.as_str().as_bytes(), to));
        }
        Record::ClearRetained { topic } => put_named(4, topic.as_str(), to),
        Record::OpenSession { client, bridge } => {
            put_named(5, client.as_str(), to);
            to.put_u8((*bridge).into());
        }
        Record::DropSession { client } => put_named(6, client.as_str(), to),
        Record::Subscribe { client, filter, options } => {
            put_named(7, client.as_str(), to);
            put_bytes(filter.as_str().as_bytes(), to);
            let Subscription { qos, no_local, retain_as_published, identifier } = options;
            to.extend([qos.level(), (*no_local).into(), (*retain_as_published).into()]);
            put_option(*identifier, to, |identifier, to| to.put_u32(identifier));
        }
        Record::Unsubscribe { client, filter } => {
            put_named(8, client.as_str(), to);
            put_bytes(filter.as_str().as_bytes(), to);
        }
        Record::Queue { client, number, delivery } => {
            put_named(9, client.as_str(), to);
            to.put_u64(*number);
            put_delivery(delivery, to);
        }
        Record::Advance { client, number, stage } => {
            put_named(10, client.as_str(), to);
            to.put_u64(*number);
            put_stage(*stage, to);
        }
        Record::Dequeue { client, number } => {
            put_named(11, client.as_str(), to);
            to.put_u64(*number);
        }
        Record::Receive { client, packet_id, digest } => {
            put_named(12, client.as_str(), to);
            to.put_u16(packet_id.get());
            to.put_u64(digest.0);
        }
        Record::Release { client, packet_id } => {
            put_named(13, client.as_str(), to);
            to.put_u16(packet_id.get());
        }
        session => put_session(session, to),
    }
}

/// The records that [`put`] appended to `bytes` one by one.
pub(super) fn take_all(mut bytes: &[u8]) -> Result<Vec<Record>, Damaged> {
    let mut records = Vec::new();
    while !bytes.is_empty() {
        records.push(take(&mut bytes)?);
    }
    Ok(records)
}

/// Bytes that are no records.
#[derive(Debug)]
pub(super) struct Damaged;

impl From<TryGetError> for Damaged {
    fn from(_: TryGetError) -> Self {
        Self
    }
}

impl From<TopicError> for Damaged {
    fn from(_: TopicError) -> Self {
        Self
    }
}

impl From<Utf8Error> for Damaged {
    fn from(_: Utf8Error) -> Self {
        Self
    }
}

/// Appends what becomes of a session itself.
fn put_session(record: &Record, to: &mut Vec<u8>) {
    match record {
        Record::Established { client, rules } => {
            put_named(14, client.as_str(), to);
            put_option(*rules, to, |rules, to| to.put_u64(rules.0));
        }
        Record::MissedRetained { client, missed } => {
            put_named(15, client.as_str(), to);
            to.put_u8((*missed).into());
        }
        Record::SessionExpiry { client, expiry, ends_at } => {
            put_named(16, client.as_str(), to);
            let seconds = match expiry {
                Expiry::Seconds(seconds) => Some(*seconds),
                Expiry::Never => None,
            };
            put_option(seconds, to, |seconds, to| to.put_u32(seconds));
            put_time(*ends_at, to);
        }
        Record::Will { client, will } => {
            put_named(17, client.as_str(), to);
            put_option(*will, to, |will, to| {
                to.put_u64(will.id.0);
                to.put_u32(will.delay_s);
                put_option(will.expiry_s, to, |seconds, to| to.put_u32(seconds));
                put_time(will.due, to);
            });
        }
        other => unreachable!("{other:?} is written by `put`"),
    }
}

fn take(from: &mut &[u8]) -> Result<Record, Damaged> {
    let kind = from.try_get_u8()?;
    Ok(match kind {
        1 => Record::Message { id: take_id(from)?, message: Arc::new(take_message(from)?) },
        2 => Record::DropMessage { id: take_id(from)? },
        3 => {
            let (topic, id) = (take_topic(from)?, take_id(from)?);
            Record::Retain { topic, id, origin: take_option(from, take_client)? }
        }
        4 => Record::ClearRetained { topic: take_topic(from)? },
        5..=17 => take_of_session(kind, take_client(from)?, from)?,
        _ => return Err(Damaged),
    })
}

fn take_of_session(kind: u8, client: ClientId, from: &mut &[u8]) -> Result<Record, Damaged> {
    Ok(match kind {
        5 => Record::OpenSession { client, bridge: take_bool(from)? },
        6 => Record::DropSession { client },
        7 => {
            let filter = take_filter(from)?;
            let options = Subscription {
                qos: take_qos(from)?,
                no_local: take_bool(from)?,
                retain_as_published: take_bool(from)?,
                identifier: take_option(from, take_identifier)?,
            };
            Record::Subscribe { client, filter, options }
        }
        8 => Record::Unsubscribe { client, filter: take_filter(from)? },
        9 => Record::Queue { client, number: take_u64(from)?, delivery: take_delivery(from)? },
        10 => Record::Advance { client, number: take_u64(from)?, stage: take_stage(from)? },
        11 => Record::Dequeue { client, number: take_u64(from)? },
        12 => {
            let packet_id = take_packet_id(from)?;
            Record::Receive { client, packet_id, digest: Digest(take_u64(from)?) }
        }
        13 => Record::Release { client, packet_id: take_packet_id(from)? },
        14 => Record::Established { client, rules: take_option(from, take_u64)?.map(Digest) },
        15 => Record::MissedRetained { client, missed: take_bool(from)? },
        16 => {
            let seconds = take_option(from, take_u32)?;
            let expiry = seconds.map_or(Expiry::Never, Expiry::Seconds);
            Record::SessionExpiry { client, expiry, ends_at: take_time(from)? }
        }
        17 => Record::Will { client, will: take_option(from, take_will)? },
        _ => return Err(Damaged),
    })
}

fn put_named(kind: u8, name: &str, to: &mut Vec<u8>) {
    to.put_u8(kind);
    put_bytes(name.as_bytes(), to);
}

fn take_client(from: &mut &[u8]) -> Result<ClientId, Damaged> {
    Ok(ClientId::new(take_text(from)?))
}

fn take_topic(from: &mut &[u8]) -> Result<Topic, Damaged> {
    Ok(Topic::parse(take_text(from)?)?)
}

fn take_filter(from: &mut &[u8]) -> Result<Filter, Damaged> {
    Ok(Filter::parse(take_text(from)?)?)
}

fn put_message(message: &Message, to: &mut Vec<u8>) {
    put_bytes(message.topic.as_str().as_bytes(), to);
    put_bytes(&message.payload, to);
    to.extend([message.qos.level(), message.retain.into()]);
    put_bytes(message.properties.as_bytes(), to);
    put_time(message.expires_at, to);
}

fn take_message(from: &mut &[u8]) -> Result<Message, Damaged> {
    Ok(Message {
        topic: take_topic(from)?,
        payload: Bytes::copy_from_slice(take_bytes(from)?),
        qos: take_qos(from)?,
        retain: take_bool(from)?,
        properties: properties(take_bytes(from)?).ok_or(Damaged)?,
        expires_at: take_time(from)?,
    })
}

/// Properties of a message: none but those that travel with one, and nothing left over.
pub(super) fn properties(bytes: &[u8]) -> Option<Properties> {
    if bytes.is_empty() {
        return Some(Properties::NONE);
    }
    let properties = Properties::encoded(Bytes::copy_from_slice(bytes)).travelling();
    (properties.as_bytes() == bytes).then_some(properties)
}

fn put_delivery(delivery: &Delivery, to: &mut Vec<u8>) {
    to.put_u64(delivery.id.0);
    to.extend([delivery.qos.level(), delivery.retain.into()]);
    put_stage(delivery.stage, to);
    put_len(delivery.subscription_ids.len(), to);
    for id in &delivery.subscription_ids {
        to.put_u32(*id);
    }
}

fn take_delivery(from: &mut &[u8]) -> Result<Delivery, Damaged> {
    let (id, qos, retain) = (take_id(from)?, take_qos(from)?, take_bool(from)?);
    let stage = take_stage(from)?;
    let count = take_u32(from)?;
    let subscription_ids = (0..count).map(|_| take_identifier(from)).collect::<Result<_, _>>()?;
    Ok(Delivery { id, qos, retain, subscription_ids, stage })
}

fn put_stage(stage: Stage, to: &mut Vec<u8>) {
    let (kind, packet_id) = match stage {
        Stage::Queued => (0, 0),
        Stage::Published(packet_id) => (1, packet_id.get()),
        Stage::Released(packet_id) => (2, packet_id.get()),
    };
    to.put_u8(kind);
    to.put_u16(packet_id);
}

fn take_stage(from: &mut &[u8]) -> Result<Stage, Damaged> {
    let kind = from.try_get_u8()?;
    let packet_id = NonZeroU16::new(from.try_get_u16()?);
    match (kind, packet_id) {
        (0, None) => Ok(Stage::Queued),
        (1, Some(packet_id)) => Ok(Stage::Published(packet_id)),
        (2, Some(packet_id)) => Ok(Stage::Released(packet_id)),
        _ => Err(Damaged),
    }
}

fn take_will(from: &mut &[u8]) -> Result<WillImage, Damaged> {
    Ok(WillImage {
        id: take_id(from)?,
        delay_s: take_u32(from)?,
        expiry_s: take_option(from, take_u32)?,
        due: take_time(from)?,
    })
}

/// Whole milliseconds, as in the tables.
fn put_time(time: Option<Duration>, to: &mut Vec<u8>) {
    let millis = time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    put_option(millis, to, |millis, to| to.put_u64(millis));
}

fn take_time(from: &mut &[u8]) -> Result<Option<Duration>, Damaged> {
    Ok(take_option(from, take_u64)?.map(Duration::from_millis))
}

fn put_option<T>(value: Option<T>, to: &mut Vec<u8>, put: impl Fn(T, &mut Vec<u8>)) {
    to.put_u8(value.is_some().into());
    if let Some(value) = value {
        put(value, to);
    }
}

fn take_option<T>(
    from: &mut &[u8],
    take: impl Fn(&mut &[u8]) -> Result<T, Damaged>,
) -> Result<Option<T>, Damaged> {
    if take_bool(from)? { take(from).map(Some) } else { Ok(None) }
}

fn put_bytes(bytes: &[u8], to: &mut Vec<u8>) {
    put_len(bytes.len(), to);
    to.extend_from_slice(bytes);
}

fn take_bytes<'a>(from: &mut &'a [u8]) -> Result<&'a [u8], Damaged> {
    let len = usize::try_from(take_u32(from)?).map_err(|_| Damaged)?;
    let (bytes, rest) = from.split_at_checked(len).ok_or(Damaged)?;
    *from = rest;
    Ok(bytes)
}

fn put_len(len: usize, to: &mut Vec<u8>) {
    to.put_u32(u32::try_from(len).expect("far less than what fits in a packet"));
}

fn take_text<'a>(from: &mut &'a [u8]) -> Result<&'a str, Damaged> {
    Ok(std::str::from_utf8(take_bytes(from)?)?)
}

fn take_bool(from: &mut &[u8]) -> Result<bool, Damaged> {
    match from.try_get_u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Damaged),
    }
}

fn take_qos(from: &mut &[u8]) -> Result<QoS, Damaged> {
    QoS::from_level(from.try_get_u8()?).ok_or(Damaged)
}

fn take_id(from: &mut &[u8]) -> Result<MessageId, Damaged> {
    Ok(MessageId(take_u64(from)?))
}

fn take_packet_id(from: &mut &[u8]) -> Result<PacketId, Damaged> {
    NonZeroU16::new(from.try_get_u16()?).ok_or(Damaged)
}

fn take_identifier(from: &mut &[u8]) -> Result<u32, Damaged> {
    let id = take_u32(from)?;
    if value::is_identifier(id) { Ok(id) } else { Err(Damaged) }
}

fn take_u32(from: &mut &[u8]) -> Result<u32, Damaged> {
    Ok(from.try_get_u32()?)
}

fn take_u64(from: &mut &[u8]) -> Result<u64, Damaged> {
    Ok(from.try_get_u64()?)
}
