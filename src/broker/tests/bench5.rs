//! The bench's words for MQTT 5.

use std::time::Duration;

use super::bench::*;
use crate::broker::event::DropReason;
use crate::mqtt::codec;

/// A Session Expiry Interval without an end.
pub const NEVER: u32 = u32::MAX;

impl Bench {
    /// A client of MQTT 5 connects and is accepted. What follows CONNACK is left to see.
    #[track_caller]
    pub fn connect5(&mut self, id: &str, clean: bool, properties: &[Property]) -> ConnId {
        let conn = self.ask(connect5(id, clean, properties));
        self.accepted(conn);
        conn
    }

    /// Takes the CONNACK away that a connection got, and gives back whether a session was there.
    #[track_caller]
    pub fn accepted(&mut self, conn: ConnId) -> bool {
        let answer = self.answered(conn);
        assert_eq!(answer.reason, Reason::Success);
        answer.session_present
    }

    /// Takes the CONNACK away that a connection got.
    #[track_caller]
    pub fn answered(&mut self, conn: ConnId) -> ConnAck {
        match self.sent.get_mut(&conn).and_then(std::collections::VecDeque::pop_front) {
            Some(Packet::ConnAck(answer)) => answer,
            other => panic!("{other:?} in place of CONNACK"),
        }
    }

    /// Whether the broker has a session of that client, which is asked for by taking it up; it
    /// will end so long after the connection.
    #[track_caller]
    pub fn has_session(&mut self, id: &str, expiry_s: u32) -> bool {
        let conn = self.ask(connect5(id, false, &[lasts(expiry_s)]));
        self.accepted(conn)
    }

    /// Subscribes with options; the SUBACK is checked, what follows it is left to see.
    #[track_caller]
    pub fn subscribe5(
        &mut self,
        conn: ConnId,
        filter: &str,
        options: impl Into<SubscribeOptions>,
        properties: &[Property],
    ) {
        let options = options.into();
        self.send(conn, subscribe5(1000, &[(filter, options)], properties));
        let packets = self.sent.get_mut(&conn).expect("an answer");
        let at = packets.iter().position(|it| matches!(it, Packet::SubAck(..))).expect("a SUBACK");
        assert_eq!(packets.remove(at), Some(suback(1000, &[Some(options.qos)])));
    }

    /// The plug is pulled, and put back after some time. Connections are not closed by anybody.
    pub fn off_for(&mut self, time: Duration) {
        self.now += time;
        self.pull_plug(|_| {});
    }

    /// Exactly this DISCONNECT was the last that was said to a connection that is closed; its words
    /// are not looked at.
    #[track_caller]
    pub fn expect_dismissed(&mut self, conn: ConnId, reason: Reason) {
        let sent = self.sent(conn);
        let said = sent.last().and_then(|it| match it {
            Packet::Disconnect(notice) => Some(notice.reason),
            _ => None,
        });
        assert_eq!(said, Some(reason), "{sent:?}");
        assert!(!self.is_open(conn));
    }

    /// How many messages were dropped for that reason.
    pub fn dropped(&self, why: DropReason) -> usize {
        let mine = |it: &&Event| matches!(it, Event::Dropped { reason, .. } if *reason == why);
        self.events.iter().filter(mine).count()
    }

    /// What was sent on a connection, payloads of PUBLISH only.
    pub fn payloads(&mut self, conn: ConnId) -> Vec<String> {
        let sent = self.sent(conn);
        let payloads = sent.iter().filter_map(|it| match it {
            Packet::Publish(it) => Some(String::from_utf8_lossy(&it.payload).into_owned()),
            _ => None,
        });
        payloads.collect()
    }
}

pub fn connect5(id: &str, clean: bool, properties: &[Property]) -> Connect {
    let properties = Properties::of(properties);
    Connect { level: Level::V5, properties, ..connect(id, clean) }
}

/// The session outlives its connection so long.
pub fn lasts(seconds: u32) -> Property<'static> {
    Property::SessionExpiryInterval(seconds)
}

/// A message is of use so long.
pub fn expires(seconds: u32) -> Property<'static> {
    Property::MessageExpiryInterval(seconds)
}

/// The packet with these properties behind those it has.
pub fn with(mut packet: Packet, more: &[Property]) -> Packet {
    let properties = match &mut packet {
        Packet::ConnAck(it) => &mut it.properties,
        Packet::Publish(it) => &mut it.properties,
        Packet::PubAck(it) | Packet::PubRec(it) | Packet::PubRel(it) | Packet::PubComp(it) => {
            &mut it.properties
        }
        Packet::Disconnect(it) | Packet::Auth(it) => &mut it.properties,
        other => panic!("{other:?} has no properties here"),
    };
    *properties = properties.with(more);
    packet
}

/// The acknowledgement or the goodbye with that reason.
pub fn because(mut packet: Packet, reason: Reason) -> Packet {
    match &mut packet {
        Packet::PubAck(it) | Packet::PubRec(it) | Packet::PubRel(it) | Packet::PubComp(it) => {
            it.reason = reason;
        }
        Packet::Disconnect(it) => it.reason = reason,
        other => panic!("{other:?} has no reason here"),
    }
    packet
}

/// PUBLISH with an alias in place of its topic.
pub fn omitted(mut packet: Packet) -> Packet {
    if let Packet::Publish(publish) = &mut packet {
        publish.topic = Topic::omitted();
    }
    packet
}

pub fn subscribe5(
    number: u16,
    filters: &[(&str, SubscribeOptions)],
    properties: &[Property],
) -> Packet {
    let filters = filters.iter().map(|(it, options)| (filter(it), *options)).collect();
    let packet = Subscribe::new(id(number), filters);
    Packet::Subscribe(Subscribe { properties: Properties::of(properties), ..packet })
}

/// How many bytes a packet has.
pub fn size(packet: &Packet, level: Level) -> usize {
    let mut bytes = bytes::BytesMut::new();
    codec::write(packet, level, &mut bytes);
    bytes.len()
}
