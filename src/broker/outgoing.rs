//! The sending half of a session: what is in flight to the other side, and what waits behind it.
//! A client's session and a bridge's use the same. [MQTT 5.0, sections 4.3, 4.4, 4.6 and 4.9]
//!
//! ```text
//! offer ---> queued ---> Published ---PUBACK---> done           (QoS 1)
//!              |            |
//!              |            +---PUBREC---> Released ---PUBCOMP---> done   (QoS 2)
//!              +---> dropped: expired, or too large for the other side
//! ```

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use hashbrown::HashSet;

use super::durable::{Delivery, MessageId, Record, SessionImage, Stage};
use super::event::{Cause, DropReason};
use super::item::{Item, Tag, Terms};
use super::journal::Numbered;
use super::log::Log;
use super::settings::Limits;
use crate::defect::{self, Defect};
use crate::mqtt::packet::{Ack, Publish};
use crate::mqtt::{Packet, PacketId, QoS, Topic};

/// A window without a limit: some packet ids are left for a bridge's SUBSCRIBE and UNSUBSCRIBE.
const MOST_IN_FLIGHT: usize = u16::MAX as usize - 15;

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

/// What is next for a connection that takes more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Send this PUBLISH or PUBREL of that message.
    Send(Packet, Tag),
    /// A message that waited goes nowhere.
    Dropped(Numbered, QoS, DropReason),
}

/// What an acknowledgement meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It was awaited, and another one is.
    Fits,
    /// It was awaited, and was the last for this message.
    Done(MessageId),
    /// It was awaited, and says that the other side did not take this message.
    Refused(Numbered, QoS),
    /// Nothing waits for it, or not yet, or not any more.
    Unknown,
    /// It belongs to another QoS than the message in flight under that packet id.
    Misfit,
}

/// Messages on their way to one session, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Outgoing {
    /// In order of their numbers.
    in_flight: VecDeque<Item>,
    in_flight_bytes: usize,
    /// Numbers of what is in flight and was not sent on this connection yet.
    again: VecDeque<u64>,
    /// Whether some of these may be PUBRELs behind a PUBLISH.
    releases_behind: bool,
    /// Whether it goes as a repeat: not to a side that forgot.
    repeats: bool,
    /// Receive Maximum of this connection's other side; none where it set none.
    receive_maximum: Option<u16>,
    queued: VecDeque<Item>,
    queued_bytes: usize,
    /// How many of them expire some time.
    queued_expiring: usize,
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
            let numbered = body(delivery);
            let Delivery { qos, retain, subscription_ids, stage, .. } = delivery.clone();
            let (number, cause) = (*number, Cause::Live);
            let item = Item { number, numbered, qos, retain, subscription_ids, cause, stage };
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
        !self.queued.is_empty() || !self.again.is_empty()
    }

    /// Whether another message could go at once.
    pub fn takes_more(&self, limits: &Limits) -> bool {
        !self.waits() && self.has_window(limits, 0)
    }

    /// Whether `max_queued_messages` or `max_queued_bytes` leaves no room for `more` bytes.
    pub fn is_full(&self, limits: &Limits, more_bytes: usize) -> bool {
        let messages = limits.max_queued_messages;
        let bytes = limits.max_queued_bytes;
        (messages > 0 && self.queued.len() >= messages)
            || (bytes > 0 && self.queued_bytes + more_bytes > bytes)
    }

    /// Makes room in the queue: what has expired would not be sent anyway. Gives back what that was.
    pub fn drop_expired(&mut self, now: Duration, log: &mut Log) -> Vec<(Numbered, QoS)> {
        let mut dropped = Vec::new();
        if self.queued_expiring == 0 {
            return dropped;
        }
        for item in std::mem::take(&mut self.queued) {
            if item.numbered.message.expires_at.is_some_and(|at| at <= now) {
                self.queued_bytes -= item.numbered.message.size_bytes();
                self.queued_expiring -= 1;
                Self::done(&item, log);
                dropped.push((item.numbered, item.qos));
            } else {
                self.queued.push_back(item);
            }
        }
        dropped
    }

    /// Takes a message in. `ready` says whether it could be sent now.
    pub fn offer(
        &mut self,
        numbered: &Numbered,
        terms: Terms,
        ready: bool,
        limits: &Limits,
        now: Duration,
        log: &mut Log,
    ) -> Offer {
        let size = numbered.message.size_bytes();
        let at_once = ready && !self.waits() && self.has_window(limits, size);
        if !at_once && terms.limited && self.is_full(limits, size) {
            match defect::on(Defect::DropsOldest).then(|| self.pop_queued()).flatten() {
                Some(oldest) => Self::done(&oldest, log),
                None => return Offer::Full,
            }
        }
        let number = self.next_number;
        self.next_number += 1;
        let stage = if at_once { Stage::Published(self.fresh_id()) } else { Stage::Queued };
        let Terms { qos, retain, subscription_ids, cause, .. } = terms;
        log.journal.refer(numbered, log.persistent);
        if log.persistent {
            let subscription_ids = subscription_ids.clone();
            let delivery = Delivery { id: numbered.id, qos, retain, subscription_ids, stage };
            log.record(|client| Record::Queue { client, number, delivery });
        }
        let numbered = numbered.clone();
        let item = Item { number, numbered, qos, retain, subscription_ids, cause, stage };
        if at_once {
            let packet = item.packet(false, now);
            self.push_in_flight(item);
            Offer::Send(packet)
        } else {
            self.push_queued(item);
            Offer::Queued
        }
    }

    /// The next message that the window has room for. What does not fit into the other side's
    /// Maximum Packet Size, and what expired while it waited, goes nowhere. [MQTT-3.1.2-25,
    /// MQTT-3.3.2-5]
    pub fn pump(
        &mut self,
        limits: &Limits,
        now: Duration,
        fits: impl Fn(&Publish) -> bool,
        log: &mut Log,
    ) -> Option<Next> {
        if !self.again.is_empty() {
            return self.pump_again(limits, now, fits, log);
        }
        let front = self.queued.front()?;
        let expired = front.numbered.message.expires_at.is_some_and(|at| at <= now);
        let size = front.numbered.message.size_bytes();
        if !expired && front.qos > QoS::AtMostOnce && !self.has_window(limits, size) {
            return None;
        }
        let mut item = self.pop_queued()?;
        if expired {
            return Some(Self::dropped(item, DropReason::Expired, log));
        }
        if item.qos > QoS::AtMostOnce {
            item.stage = Stage::Published(self.fresh_id());
        }
        let packet = item.packet(false, now);
        if !matches!(&packet, Packet::Publish(publish) if fits(publish)) {
            return Some(Self::dropped(item, DropReason::TooLarge, log));
        }
        let tag = item.tag();
        if item.qos == QoS::AtMostOnce {
            Self::done(&item, log);
        } else {
            let (number, stage) = (item.number, item.stage);
            log.record(|client| Record::Advance { client, number, stage });
            self.push_in_flight(item);
        }
        Some(Next::Send(packet, tag))
    }

    /// The next of what was in flight when the connection began, in the order it was sent before.
    /// [MQTT-4.4.0-1, MQTT-4.6.0-1]
    fn pump_again(
        &mut self,
        limits: &Limits,
        now: Duration,
        fits: impl Fn(&Publish) -> bool,
        log: &mut Log,
    ) -> Option<Next> {
        let number = *self.again.front()?;
        let at = self.in_flight.binary_search_by_key(&number, |item| item.number);
        let at = at.expect("what is done with leaves both lists");
        let item = &self.in_flight[at];
        let (packet, tag) = (item.packet(self.repeats, now), item.tag());
        if let Packet::Publish(publish) = &packet {
            if !self.has_window(limits, item.numbered.message.size_bytes()) {
                if !std::mem::take(&mut self.releases_behind) {
                    return None;
                }
                self.releases_first();
                return self.pump_again(limits, now, fits, log);
            }
            if !fits(publish) {
                let item = self.take_in_flight(at);
                return Some(Self::dropped(item, DropReason::TooLarge, log));
            }
        }
        self.again.pop_front();
        Some(Next::Send(packet, tag))
    }

    /// A PUBLISH waits for room, which a PUBREL must not do: it goes before. [MQTT-3.3.4-10]
    fn releases_first(&mut self) {
        let released = |number: &u64| {
            let at = self.in_flight.binary_search_by_key(number, |item| item.number);
            at.is_ok_and(|at| matches!(self.in_flight[at].stage, Stage::Released(_)))
        };
        let (first, then): (VecDeque<_>, VecDeque<_>) =
            self.again.iter().partition(|it| released(it));
        self.again = first.into_iter().chain(then).collect();
    }

    /// PUBACK came.
    pub fn acknowledged(&mut self, ack: &Ack, log: &mut Log) -> Answer {
        match self.find(ack.id) {
            None => Answer::Unknown,
            Some((at, QoS::AtLeastOnce, _)) => self.finish_as(at, ack, log),
            Some(_) => Answer::Misfit,
        }
    }

    /// PUBREC came: PUBREL is to follow unless it is a misfit, for without it the other side would
    /// keep the packet id for ever [MQTT-4.3.3-4]; or unless it is a refusal.
    pub fn received(&mut self, ack: &Ack, log: &mut Log) -> Answer {
        match self.find(ack.id) {
            Some((at, QoS::ExactlyOnce, Stage::Published(_))) if ack.reason.is_error() => {
                self.finish_as(at, ack, log)
            }
            Some((at, QoS::ExactlyOnce, Stage::Published(_))) => {
                let stage = Stage::Released(ack.id);
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
            Some((at, _, Stage::Released(_))) => Answer::Done(self.finish(at, log)),
            None | Some((_, QoS::ExactlyOnce, _)) => Answer::Unknown,
            Some(_) => Answer::Misfit,
        }
    }

    /// A message that the other side refused for now goes back to the head of the queue, to be sent
    /// as a new packet later. Gives back which it is, and its QoS; none where it was not in flight.
    pub fn put_back(&mut self, id: PacketId, log: &mut Log) -> Option<(Tag, QoS)> {
        let (at, qos, Stage::Published(_)) = self.find(id)? else { return None };
        let mut item = self.take_in_flight(at);
        item.stage = Stage::Queued;
        let (number, tag) = (item.number, item.tag());
        log.record(|client| Record::Advance { client, number, stage: Stage::Queued });
        self.queued_bytes += item.numbered.message.size_bytes();
        self.queued_expiring += usize::from(item.numbered.message.expires_at.is_some());
        // Those behind it that were put back before stay behind it.
        let before = self.queued.iter().take_while(|it| it.number < number).count();
        self.queued.insert(before, item);
        Some((tag, qos))
    }

    /// Everything in flight, then everything that waits.
    #[cfg(test)]
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.in_flight.iter().chain(&self.queued)
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

    /// A connection begins whose other side takes so many at once: what is in flight goes out again,
    /// before all else. [MQTT-4.4.0-1, MQTT 5.0, section 4.9]
    pub fn resume(&mut self, receive_maximum: Option<u16>) {
        self.again = self.in_flight.iter().map(|item| item.number).collect();
        (self.repeats, self.receive_maximum) = (true, receive_maximum);
        if defect::on(Defect::ResendsInDisorder) {
            self.again = self.again.drain(..).rev().collect();
        }
        if defect::on(Defect::ForgetsRelease) {
            let waits = |it: &&Item| matches!(it.stage, Stage::Published(_));
            self.again = self.in_flight.iter().filter(waits).map(|item| item.number).collect();
        }
        self.releases_behind = true;
    }

    /// The same, with a far side of a bridge that has forgotten the session: what it had taken over
    /// is done with, the rest goes out as new. Gives back what was done with, and how many go.
    pub fn start_over(
        &mut self,
        receive_maximum: Option<u16>,
        log: &mut Log,
    ) -> (Vec<MessageId>, usize) {
        let mut done = Vec::new();
        let released = |item: &Item| matches!(item.stage, Stage::Released(_));
        while let Some(at) = self.in_flight.iter().position(released) {
            done.push(self.finish(at, log));
        }
        while defect::on(Defect::DropsWhenForgotten) && !self.in_flight.is_empty() {
            self.finish(0, log);
        }
        self.resume(receive_maximum);
        self.repeats = false;
        (done, self.in_flight.len())
    }

    /// Messages that another receiver may still be given: not those of QoS 2 that were sent
    /// [MQTT-4.8.2-5], and not what has expired.
    pub fn undone(&self, now: Duration) -> Vec<Numbered> {
        let sent = self.in_flight.iter().filter(|item| item.qos == QoS::AtLeastOnce);
        let fresh = |item: &&Item| item.numbered.message.expires_at.is_none_or(|at| at > now);
        sent.chain(&self.queued).filter(fresh).map(|item| item.numbered.clone()).collect()
    }

    /// Forgets everything.
    pub fn clear(&mut self, log: &mut Log) {
        for item in self.in_flight.drain(..).chain(self.queued.drain(..)) {
            Self::done(&item, log);
        }
        (self.in_flight_bytes, self.queued_bytes, self.queued_expiring) = (0, 0, 0);
        self.again.clear();
        self.used.clear();
    }

    fn has_window(&self, limits: &Limits, more_bytes: usize) -> bool {
        let theirs = self.receive_maximum.filter(|_| !defect::on(Defect::IgnoresReceiveMaximum));
        let theirs = theirs.map_or(MOST_IN_FLIGHT, usize::from);
        let messages = match limits.max_inflight_messages {
            0 => MOST_IN_FLIGHT,
            limit => usize::from(limit).min(MOST_IN_FLIGHT),
        };
        let sent = self.in_flight.len() - self.again.len();
        let bytes = limits.max_inflight_bytes;
        // One message may always go, or a large one would wait for ever.
        let fits =
            bytes == 0 || self.in_flight_bytes + more_bytes <= bytes || !self.again.is_empty();
        sent < messages.min(theirs) && (fits || self.in_flight.is_empty())
    }

    /// A packet id that nothing in flight uses. The window is smaller than the number of ids.
    pub fn fresh_id(&mut self) -> PacketId {
        if defect::on(Defect::ReusesIds) {
            return PacketId::MIN;
        }
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

    /// It is done with, and not sent again whatever the other side says. [MQTT-4.4.0-2]
    fn finish_as(&mut self, at: usize, ack: &Ack, log: &mut Log) -> Answer {
        if !ack.reason.is_error() {
            return Answer::Done(self.finish(at, log));
        }
        let item = self.take_in_flight(at);
        Self::done(&item, log);
        Answer::Refused(item.numbered, item.qos)
    }

    fn finish(&mut self, at: usize, log: &mut Log) -> MessageId {
        let item = self.take_in_flight(at);
        Self::done(&item, log);
        item.numbered.id
    }

    fn take_in_flight(&mut self, at: usize) -> Item {
        let item = self.in_flight.remove(at).expect("a position that was just found");
        self.in_flight_bytes -= item.numbered.message.size_bytes();
        if let Some(id) = item.packet_id() {
            self.used.remove(&id);
        }
        if !self.again.is_empty() {
            self.again.retain(|number| *number != item.number);
        }
        item
    }

    fn dropped(item: Item, reason: DropReason, log: &mut Log) -> Next {
        Self::done(&item, log);
        Next::Dropped(item.numbered, item.qos, reason)
    }

    fn done(item: &Item, log: &mut Log) {
        let number = item.number;
        log.record(|client| Record::Dequeue { client, number });
        log.journal.forget(&item.numbered, log.persistent);
    }

    fn push_in_flight(&mut self, item: Item) {
        self.in_flight_bytes += item.numbered.message.size_bytes();
        self.used.extend(item.packet_id());
        self.in_flight.push_back(item);
    }

    fn push_queued(&mut self, item: Item) {
        self.queued_bytes += item.numbered.message.size_bytes();
        self.queued_expiring += usize::from(item.numbered.message.expires_at.is_some());
        self.queued.push_back(item);
    }

    fn pop_queued(&mut self) -> Option<Item> {
        let item = self.queued.pop_front()?;
        self.queued_bytes -= item.numbered.message.size_bytes();
        self.queued_expiring -= usize::from(item.numbered.message.expires_at.is_some());
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::broker::journal::Journal;
    use crate::mqtt::{ClientId, Message};

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
        let terms = Terms {
            qos: QoS::AtLeastOnce,
            retain: false,
            subscription_ids: Vec::new(),
            limited: true,
            cause: Cause::Live,
        };
        let mut used: BTreeSet<PacketId> = BTreeSet::new();
        for round in 0..200_000_u32 {
            let now = Duration::ZERO;
            let offer = outgoing.offer(&numbered, terms.clone(), true, &limits, now, &mut log);
            let Offer::Send(Packet::Publish(publish)) = offer else { panic!("{offer:?}") };
            let id = publish.packet_id.expect("QoS 1 has one");
            assert!(used.insert(id), "{id} is in use already");
            // All but every 10,000th are acknowledged, at most eight of those stay.
            let stays = round.is_multiple_of(10_000) && used.len() < 8;
            if !stays {
                used.remove(&id);
                let answer = outgoing.acknowledged(&id.into(), &mut log);
                assert_eq!(answer, Answer::Done(MessageId(0)));
            }
        }
    }
}
