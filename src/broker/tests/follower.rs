//! Reads the outputs of a broker that traces, and holds its events against them.

use std::collections::{BTreeMap, BTreeSet};

use super::bench::*;
use crate::broker::MessageId;
use crate::broker::publish::is_brokers_own;

/// What it has read so far.
#[derive(Debug, Default)]
pub struct Follower {
    /// Messages that have entered, in this life of the broker or before.
    known: BTreeSet<MessageId>,
    /// What the broker's aliases stand for.
    aliases: BTreeMap<(ConnId, u16), Topic>,
    /// How many PUBLISHes were sent.
    pub sent: usize,
}

impl Follower {
    /// The broker has these messages from its store.
    pub fn knows<'a>(&mut self, messages: impl IntoIterator<Item = &'a MessageId>) {
        self.known.extend(messages);
    }

    /// Reads what one input led to: each PUBLISH has its `Sent` right before it, and every message
    /// that is spoken of has entered before.
    #[track_caller]
    pub fn read(&mut self, broker: &Broker, outputs: &[Output]) {
        // What the broker counts of itself is not published, but all of it is retained.
        let own = broker.retained.matched_by(&filter("$SYS/broker/#"));
        let own = own.iter().map(|it| &it.numbered);
        let own = own.filter(|it| is_brokers_own(&it.message.topic));
        self.known.extend(own.map(|it| it.id));
        let mut told = None;
        for output in outputs {
            match output {
                Output::Send { conn, packet: Packet::Publish(publish) } => {
                    let event = told.take();
                    assert_eq!(event, Some(self.sent_as(*conn, publish)), "{outputs:?}");
                    self.sent += 1;
                }
                other => assert_eq!(told.take(), None, "before {other:?}"),
            }
            let Output::Event(event) = output else { continue };
            self.enter(event);
            if let Some(message) = message_of(event) {
                assert!(self.known.contains(&message), "{event:?} speaks of what never entered");
            }
            told = fields(event);
        }
        assert_eq!(told, None, "nothing follows");
    }

    fn enter(&mut self, event: &Event) {
        let new = match event {
            Event::Published { message, .. } => *message,
            Event::TakenOut { message, becomes, .. } if becomes != message => *becomes,
            _ => return,
        };
        assert!(self.known.insert(new), "{event:?} has an old number");
    }

    /// What is to be told of a packet.
    fn sent_as(&mut self, conn: ConnId, publish: &Publish) -> Fields {
        let topic = match publish.properties.topic_alias() {
            Some(alias) if publish.topic.is_omitted() => self.aliases[&(conn, alias)].clone(),
            Some(alias) => {
                self.aliases.insert((conn, alias), publish.topic.clone());
                publish.topic.clone()
            }
            None => publish.topic.clone(),
        };
        (conn, publish.packet_id, topic, publish.qos, publish.retain, publish.dup)
    }
}

/// What a PUBLISH and its event have in common.
type Fields = (ConnId, Option<PacketId>, Topic, QoS, bool, bool);

fn fields(event: &Event) -> Option<Fields> {
    let Event::Sent { conn, packet_id, topic, qos, retain, dup, .. } = event else { return None };
    Some((*conn, *packet_id, topic.clone(), *qos, *retain, *dup))
}

/// The message that an event speaks of and that must have entered before.
fn message_of(event: &Event) -> Option<MessageId> {
    match event {
        Event::Sent { message, .. } | Event::Dropped { message, .. } => *message,
        Event::TakenOut { message, .. }
        | Event::Queued { message, .. }
        | Event::Delivered { message, .. } => Some(*message),
        _ => None,
    }
}
