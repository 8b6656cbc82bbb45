//! The sending half of a session: what is in flight to the other side, and what waits behind it.
//! A client's session and a bridge's use the same. [MQTT 3.1.1, sections 4.3, 4.4 and 4.6]
//!
//! ```text
//! offer ---> queued ---> Published ---PUBACK---> done           (QoS 1)
//!                           |
//!                           +---PUBREC---> Released ---PUBCOMP---> done   (QoS 2)
//! ```

use std::collections::{HashMap, HashSet, VecDeque};

use bytes::Bytes;

use super::durable::{Delivery, Record, SessionImage, Stage};
use super::journal::{Journal, Numbered};
use super::settings::Limits;
use crate::mqtt::packet::Publish;
use crate::mqtt::{ClientId, Packet, PacketId, QoS, Topic};

/// A window without a limit: some packet ids are left for a bridge's SUBSCRIBE and UNSUBSCRIBE.
const MOST_IN_FLIGHT: usize = u16::MAX as usize - 15;

/// Where the changes of one session are noted: nowhere, for a session that ends with its connection.
#[derive(Debug)]
pub struct Log<'a> {
    /// The broker's journal.
    pub journal: &'a mut Journal,
    /// Whose session it is.
    pub client: &'a ClientId,
    /// Whether the session outlives its connections.
    pub persistent: bool,
}

impl Log<'_> {
    /// Notes a change of this session.
    pub fn record(&mut self, record: impl FnOnce(ClientId) -> Record) {
        if self.persistent {
            self.journal.record(record(self.client.clone()));
        }
    }
}

/// What became of a message that was offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offer {
    /// It goes out at once.
    Send(Packet),
    /// It waits.
    Queued,
    /// There is no room: it was never promised to this session.
    Full,
}

/// What an acknowledgement meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It was awaited.
    Fits,
    /// Nothing waits for it, or not yet, or not any more.
    Unknown,
    /// It belongs to another QoS than the message in flight under that packet id.
    Misfit,
}

/// One message on its way.
#[derive(Debug, Clone)]
struct Item {
    number: u64,
    numbered: Numbered,
    qos: QoS,
    retain: bool,
    stage: Stage,
}

/// Messages on their way to one session, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Outgoing {
    in_flight: VecDeque<Item>,
    in_flight_bytes: usize,
    queued: VecDeque<Item>,
    queued_bytes: usize,
    /// The packet ids in flight: looked through as a list, a wide window would cost too much.
    used: HashSet<PacketId>,
    next_number: u64,
    last_id: u16,
}

impl Outgoing {
    /// Goes on from what a store kept; `body` finds a message by its number.
    pub fn restore(image: &SessionImage, body: impl Fn(&Delivery) -> Numbered) -> Self {
        let mut outgoing = Self::default();
        for (number, delivery) in &image.deliveries {
            let Delivery { qos, retain, stage, .. } = *delivery;
            let item = Item { number: *number, numbered: body(delivery), qos, retain, stage };
            outgoing.next_number = number + 1;
            match stage {
                Stage::Queued => outgoing.push_queued(item),
                Stage::Published(id) | Stage::Released(id) => {
                    outgoing.last_id = id.get();
                    outgoing.push_in_flight(item);
                }
            }
        }
        outgoing
    }

    /// How many messages are in flight or wait.
    pub fn len(&self) -> usize {
        self.in_flight.len() + self.queued.len()
    }

    /// Whether any of them waits for room in the window.
    pub fn waits(&self) -> bool {
        !self.queued.is_empty()
    }

    /// Whether `max_queued_messages` or `max_queued_bytes` leaves no room for `more` bytes.
    pub fn is_full(&self, limits: &Limits, more_bytes: usize) -> bool {
        let messages = limits.max_queued_messages;
        let bytes = limits.max_queued_bytes;
        (messages > 0 && self.queued.len() >= messages)
            || (bytes > 0 && self.queued_bytes + more_bytes > bytes)
    }

    /// Takes a message in. `ready` says whether it could be sent now; `limits` is none for retained
    /// messages that answer a SUBSCRIBE, whose number is bounded by what the broker retains.
    pub fn offer(
        &mut self,
        numbered: &Numbered,
        qos: QoS,
        retain: bool,
        ready: bool,
        limits: (&Limits, bool),
        log: &mut Log,
    ) -> Offer {
        let (limits, enforced) = limits;
        let size = numbered.message.size_bytes();
        let at_once = ready && self.queued.is_empty() && self.has_window(limits, size);
        if !at_once && enforced && self.is_full(limits, size) {
            return Offer::Full;
        }
        let number = self.next_number;
        self.next_number += 1;
        let stage = if at_once { Stage::Published(self.fresh_id()) } else { Stage::Queued };
        if log.persistent {
            log.journal.refer(numbered);
            let delivery = Delivery { id: numbered.id, qos, retain, stage };
            log.record(|client| Record::Queue { client, number, delivery });
        }
        let item = Item { number, numbered: numbered.clone(), qos, retain, stage };
        if at_once {
            let packet = item.packet(false);
            self.push_in_flight(item);
            Offer::Send(packet)
        } else {
            self.push_queued(item);
            Offer::Queued
        }
    }

    /// The next message that the window has room for, as a packet to send.
    pub fn pump(&mut self, limits: &Limits, log: &mut Log) -> Option<Packet> {
        let size = self.queued.front()?.numbered.message.size_bytes();
        if self.queued.front()?.qos > QoS::AtMostOnce && !self.has_window(limits, size) {
            return None;
        }
        let mut item = self.queued.pop_front()?;
        self.queued_bytes -= size;
        if item.qos == QoS::AtMostOnce {
            Self::done(&item, log);
            return Some(item.packet(false));
        }
        item.stage = Stage::Published(self.fresh_id());
        let (number, stage) = (item.number, item.stage);
        log.record(|client| Record::Advance { client, number, stage });
        let packet = item.packet(false);
        self.push_in_flight(item);
        Some(packet)
    }

    /// PUBACK came.
    pub fn acknowledged(&mut self, id: PacketId, log: &mut Log) -> Answer {
        match self.find(id) {
            None => Answer::Unknown,
            Some((at, QoS::AtLeastOnce, _)) => self.finish(at, log),
            Some(_) => Answer::Misfit,
        }
    }

    /// PUBREC came: PUBREL is to follow unless it is a misfit, for without it the other side would
    /// keep the packet id for ever. [MQTT-4.3.3-1]
    pub fn received(&mut self, id: PacketId, log: &mut Log) -> Answer {
        match self.find(id) {
            Some((at, QoS::ExactlyOnce, Stage::Published(_))) => {
                let stage = Stage::Released(id);
                self.in_flight[at].stage = stage;
                let number = self.in_flight[at].number;
                log.record(|client| Record::Advance { client, number, stage });
                Answer::Fits
            }
            None | Some((_, QoS::ExactlyOnce, _)) => Answer::Unknown,
            Some(_) => Answer::Misfit,
        }
    }

    /// PUBCOMP came.
    pub fn completed(&mut self, id: PacketId, log: &mut Log) -> Answer {
        match self.find(id) {
            Some((at, _, Stage::Released(_))) => self.finish(at, log),
            None | Some((_, QoS::ExactlyOnce, _)) => Answer::Unknown,
            Some(_) => Answer::Misfit,
        }
    }

    /// The newest message for each topic that is in flight or waits, with its retain flag.
    pub fn newest(&self) -> HashMap<Topic, (Bytes, bool)> {
        let items = self.in_flight.iter().chain(&self.queued);
        let entry = |item: &Item| {
            let message = &item.numbered.message;
            (message.topic.clone(), (message.payload.clone(), item.retain))
        };
        items.map(entry).collect()
    }

    /// What a client that comes back to its session is sent first, in the order it was sent before.
    /// [MQTT-4.4.0-1, MQTT-4.6.0-1]
    pub fn resume(&self) -> Vec<Packet> {
        self.in_flight.iter().map(|item| item.packet(true)).collect()
    }

    /// The far side of a bridge has forgotten the session: what it had taken over is done with, the
    /// rest goes out as new. Gives back what to send, and how many were done with.
    pub fn start_over(&mut self, log: &mut Log) -> (Vec<Packet>, usize) {
        let before = self.in_flight.len();
        let released = |item: &Item| matches!(item.stage, Stage::Released(_));
        while let Some(at) = self.in_flight.iter().position(released) {
            self.finish(at, log);
        }
        let packets: Vec<_> = self.in_flight.iter().map(|item| item.packet(false)).collect();
        let gone = before - packets.len();
        (packets, gone)
    }

    /// Forgets everything.
    pub fn clear(&mut self, log: &mut Log) {
        for item in self.in_flight.drain(..).chain(self.queued.drain(..)) {
            Self::done(&item, log);
        }
        (self.in_flight_bytes, self.queued_bytes) = (0, 0);
        self.used.clear();
    }

    fn has_window(&self, limits: &Limits, more_bytes: usize) -> bool {
        let messages = match limits.max_inflight_messages {
            0 => MOST_IN_FLIGHT,
            limit => usize::from(limit).min(MOST_IN_FLIGHT),
        };
        let bytes = limits.max_inflight_bytes;
        // One message may always go, or a large one would wait for ever.
        let fits = bytes == 0 || self.in_flight_bytes + more_bytes <= bytes;
        self.in_flight.len() < messages && (fits || self.in_flight.is_empty())
    }

    /// A packet id that nothing in flight uses. The window is smaller than the number of ids.
    pub fn fresh_id(&mut self) -> PacketId {
        loop {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            let id = PacketId::new(self.last_id).expect("counted from 1");
            if !self.used.contains(&id) {
                return id;
            }
        }
    }

    /// The place, QoS and stage of what is in flight under that packet id.
    fn find(&self, id: PacketId) -> Option<(usize, QoS, Stage)> {
        let at = self.in_flight.iter().position(|item| item.packet_id() == Some(id))?;
        Some((at, self.in_flight[at].qos, self.in_flight[at].stage))
    }

    fn finish(&mut self, at: usize, log: &mut Log) -> Answer {
        let item = self.in_flight.remove(at).expect("a position that was just found");
        self.in_flight_bytes -= item.numbered.message.size_bytes();
        if let Some(id) = item.packet_id() {
            self.used.remove(&id);
        }
        Self::done(&item, log);
        Answer::Fits
    }

    fn done(item: &Item, log: &mut Log) {
        if log.persistent {
            let number = item.number;
            log.record(|client| Record::Dequeue { client, number });
            log.journal.forget(item.numbered.id);
        }
    }

    fn push_in_flight(&mut self, item: Item) {
        self.in_flight_bytes += item.numbered.message.size_bytes();
        self.used.extend(item.packet_id());
        self.in_flight.push_back(item);
    }

    fn push_queued(&mut self, item: Item) {
        self.queued_bytes += item.numbered.message.size_bytes();
        self.queued.push_back(item);
    }
}

impl Item {
    fn packet_id(&self) -> Option<PacketId> {
        match self.stage {
            Stage::Queued => None,
            Stage::Published(id) | Stage::Released(id) => Some(id),
        }
    }

    fn packet(&self, again: bool) -> Packet {
        if let Stage::Released(id) = self.stage {
            return Packet::PubRel(id);
        }
        let message = &self.numbered.message;
        Packet::Publish(Publish {
            dup: again,
            qos: self.qos,
            retain: self.retain,
            topic: message.topic.clone(),
            packet_id: self.packet_id(),
            payload: message.payload.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::broker::MessageId;
    use crate::mqtt::{Message, Topic};

    /// However long one message waits for its acknowledgement while the ids go round, no id is in
    /// use twice.
    #[test]
    fn ids_in_use_are_never_given_again() {
        let (mut journal, client) = (Journal::new(false), ClientId::new("c"));
        let mut log = Log { journal: &mut journal, client: &client, persistent: false };
        let (mut outgoing, limits) = (Outgoing::default(), Limits::default());
        let topic = Topic::parse("t").expect("a topic");
        let message = Message::new(topic, "x", QoS::AtLeastOnce, false).into();
        let numbered = Numbered { id: MessageId(0), message };
        let mut used: BTreeSet<PacketId> = BTreeSet::new();
        for round in 0..200_000_u32 {
            let offer =
                outgoing.offer(&numbered, QoS::AtLeastOnce, false, true, (&limits, true), &mut log);
            let Offer::Send(Packet::Publish(publish)) = offer else { panic!("{offer:?}") };
            let id = publish.packet_id.expect("QoS 1 has one");
            assert!(used.insert(id), "{id} is in use already");
            // All but every 10,000th are acknowledged, at most eight of those stay.
            let stays = round.is_multiple_of(10_000) && used.len() < 8;
            if !stays {
                used.remove(&id);
                assert_eq!(outgoing.acknowledged(id, &mut log), Answer::Fits);
            }
        }
    }
}
