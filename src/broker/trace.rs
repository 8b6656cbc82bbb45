//! What the broker tells of each message: the events of the trace, told where somebody wants them,
//! and what went nowhere, told always.

use super::Broker;
use super::durable::MessageId;
use super::event::{Behind, DropReason, Event, Origin};
use super::io::{BridgeNumber, ConnId};
use super::item::Tag;
use super::journal::Numbered;
use super::publish::is_brokers_own;
use super::sessions::SessionKey;
use crate::mqtt::packet::Publish;
use crate::mqtt::{Packet, QoS, Rule};

impl Broker {
    /// The packet that a message comes in, and the bridge's rule that lets it in, for the trace.
    pub(super) fn came_in(
        &self,
        conn: ConnId,
        publish: &Publish,
        rule: Option<&Rule>,
    ) -> Option<Box<Origin>> {
        let packet_id = publish.packet_id;
        let origin = || Origin { conn, packet_id, rule: rule.map(Rule::to_string) };
        self.settings.trace.then(|| Box::new(origin()))
    }

    /// Sends a packet that carries a message or belongs to one. The trace hears of a PUBLISH when it
    /// leaves. (Inlined, as what it calls: measured, a call costs more than all the rest of it.)
    #[inline]
    pub(super) fn send_message(
        &mut self,
        conn: ConnId,
        packet: Packet,
        tag: Tag,
        after_commit: bool,
    ) {
        let told = if self.settings.trace { self.sent_event(conn, &packet, tag) } else { None };
        self.hand_over(conn, packet, told, after_commit);
    }

    /// Made before a topic alias takes the place of the topic.
    #[cold]
    fn sent_event(&self, conn: ConnId, packet: &Packet, tag: Tag) -> Option<Box<Event>> {
        let Packet::Publish(publish) = packet else { return None };
        let client = self.sessions[self.session_of(conn)?].client.clone();
        let Publish { packet_id, qos, retain, dup, .. } = *publish;
        let (Tag { message, cause }, topic) = (tag, publish.topic.clone());
        Some(Box::new(Event::Sent {
            message,
            client,
            conn,
            packet_id,
            topic,
            qos,
            retain,
            dup,
            cause,
        }))
    }

    /// Tells that a bridge takes a message out, and what it is from here on.
    pub(super) fn tell_taken_out(
        &mut self,
        bridge: BridgeNumber,
        rule: usize,
        numbered: &Numbered,
        becomes: &Numbered,
    ) {
        if self.settings.trace {
            let client = self.sessions[self.bridges[bridge.0].session].client.clone();
            let rule = self.bridge_settings(bridge).rules[rule].to_string();
            let topic = becomes.message.topic.clone();
            let (message, becomes) = (numbered.id, becomes.id);
            self.tell(Event::TakenOut { message, becomes, client, rule, topic });
        }
    }

    /// Tells that a message waits for a session.
    pub(super) fn tell_queued(&mut self, key: SessionKey, tag: Tag, qos: QoS, behind: Behind) {
        let Tag { message: Some(message), cause } = tag else { return };
        if self.settings.trace {
            let client = self.sessions[key].client.clone();
            self.tell(Event::Queued { message, client, qos, cause, behind });
        }
    }

    /// Tells that the other side has a message.
    pub(super) fn tell_delivered(&mut self, key: SessionKey, message: MessageId) {
        if self.settings.trace {
            let client = self.sessions[key].client.clone();
            self.tell(Event::Delivered { message, client });
        }
    }

    /// Notes that a session does not get a message.
    pub(super) fn drop_message(
        &mut self,
        key: SessionKey,
        numbered: &Numbered,
        qos: QoS,
        reason: DropReason,
    ) {
        let topic = numbered.message.topic.clone();
        if is_brokers_own(&topic) {
            return; // Nobody who published it would want to know.
        }
        self.counters.dropped += 1;
        let (message, client) = (Some(numbered.id), self.sessions[key].client.clone());
        self.tell(Event::Dropped { message, client, topic, qos, reason });
    }
}
