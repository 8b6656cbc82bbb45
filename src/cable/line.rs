//! One connection through a cable: what is known of it from the packets that passed, and the packets
//! themselves, decoded.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::rule::Direction;
use crate::mqtt::codec::{self, DecodeError};
use crate::mqtt::packet::{Level, Publish};
use crate::mqtt::{ClientId, Packet, PacketId, Topic};

/// So many topics of one direction's handshakes are remembered; more are not under way in MQTT.
const HANDSHAKES: usize = 65_535;

/// What is known of a connection. It is shown every packet, in the order they pass.
#[derive(Debug, Clone, Default)]
pub struct Line {
    level: Level,
    client: Option<ClientId>,
    ways: [Way; 2],
}

/// One direction.
#[derive(Debug, Clone, Default)]
struct Way {
    /// Topic aliases that its sender set. [MQTT 5.0, section 3.3.2.3.4]
    aliases: BTreeMap<u16, Topic>,
    /// The topics of its sender's messages by packet id: of the last with that id.
    topics: BTreeMap<PacketId, Topic>,
}

/// A packet as it is to be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The packet; or what its bytes break.
    pub packet: Result<Packet, DecodeError>,
    /// The topic of a PUBLISH, aliases resolved, or of the PUBLISH that it answers.
    pub topic: Option<Topic>,
}

impl Line {
    /// The protocol level of its CONNECT; MQTT 3.1.1 before that.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// The client id of its CONNECT.
    #[must_use]
    pub fn client(&self) -> Option<&ClientId> {
        self.client.as_ref()
    }

    /// Understands the next packet. `bytes` are those of one whole packet.
    pub fn read(&mut self, direction: Direction, bytes: &Bytes) -> Known {
        let packet = codec::whole(bytes, self.level);
        let topic = match &packet {
            Ok(Packet::Connect(connect)) => {
                self.level = connect.level;
                self.client = Some(connect.client_id.clone());
                None
            }
            Ok(Packet::Publish(publish)) => self.ways[direction as usize].publish(publish),
            Ok(Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubComp(ack)) => {
                self.ways[direction.back() as usize].topics.get(&ack.id).cloned()
            }
            Ok(Packet::PubRel(ack)) => self.ways[direction as usize].topics.get(&ack.id).cloned(),
            _ => None,
        };
        // A broker may name the client. [MQTT 5.0, section 3.2.2.3.7]
        if let Ok(Packet::ConnAck(answer)) = &packet
            && let Some(name) = answer.properties.assigned_client_id()
        {
            self.client = Some(ClientId::new(name));
        }
        Known { packet, topic }
    }
}

impl Way {
    fn publish(&mut self, publish: &Publish) -> Option<Topic> {
        let alias = publish.properties.topic_alias();
        let topic = if publish.topic.is_omitted() {
            self.aliases.get(&alias?)?.clone()
        } else {
            publish.topic.clone()
        };
        if let Some(alias) = alias {
            self.aliases.insert(alias, topic.clone());
        }
        if let Some(id) = publish.packet_id
            && self.topics.len() < HANDSHAKES
        {
            self.topics.insert(id, topic.clone());
        }
        Some(topic)
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::mqtt::packet::Connect;
    use crate::mqtt::{Properties, Property, QoS};

    fn bytes(packet: &Packet, level: Level) -> Bytes {
        let mut bytes = BytesMut::new();
        codec::write(packet, level, &mut bytes);
        bytes.freeze()
    }

    fn publish(topic: &str, id: u16, alias: Option<u16>) -> Packet {
        let topic =
            if topic.is_empty() { Topic::omitted() } else { Topic::parse(topic).expect("") };
        let properties = alias.map(Property::TopicAlias);
        Packet::Publish(Publish {
            dup: false,
            qos: QoS::ExactlyOnce,
            retain: false,
            topic,
            packet_id: PacketId::new(id),
            properties: Properties::of(properties.as_slice()),
            payload: Bytes::new(),
        })
    }

    #[test]
    fn topics_of_handshakes_and_aliases_are_known() {
        let mut line = Line::default();
        let connect = Connect { client_id: ClientId::new("me"), ..Connect::unknown(Level::V5) };
        let ack = |id| Packet::PubRec(PacketId::new(id).expect("not 0").into());
        let release = |id| Packet::PubRel(PacketId::new(id).expect("not 0").into());
        let mut check = |direction, packet: Packet, topic: Option<&str>| {
            let known = line.read(direction, &bytes(&packet, Level::V5));
            assert_eq!(known.topic.as_ref().map(Topic::as_str), topic, "{packet:?}");
            assert_eq!(known.packet, Ok(packet));
        };
        check(Direction::Out, Packet::Connect(Box::new(connect)), None);
        check(Direction::Out, publish("a", 1, Some(7)), Some("a"));
        check(Direction::Out, publish("", 2, Some(7)), Some("a"));
        check(Direction::Out, publish("", 3, Some(8)), None);
        check(Direction::In, publish("b", 1, None), Some("b"));
        check(Direction::In, ack(2), Some("a"));
        check(Direction::Out, ack(1), Some("b"));
        check(Direction::Out, release(1), Some("a"));
        check(Direction::In, release(9), None);
        assert_eq!(line.client(), Some(&ClientId::new("me")));
    }
}
