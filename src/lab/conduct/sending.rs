//! One side's messages of QoS 1 and 2, as its packets show them: which handshakes are open.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::rule::Rule;
use crate::lab::trace::Entry;
use crate::mqtt::packet::Publish;
use crate::mqtt::{PacketId, QoS, Topic};

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Sending {
    open: BTreeMap<PacketId, Handshake>,
    next: u64,
}

/// A message whose end its sender has not heard.
#[derive(Debug, Clone)]
struct Handshake {
    content: (Topic, Bytes, QoS),
    /// Its place among those that were sent for the first time.
    order: u64,
    /// The connection on which PUBLISH was last sent.
    wire: u64,
    /// Whether PUBREC came.
    received: bool,
    /// The connection on which PUBREL was last sent.
    released: Option<u64>,
    /// The packet that shows how far it is.
    last: Arc<Entry>,
}

/// What is known of the connection that a PUBLISH goes by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course {
    pub(super) wire: u64,
    /// Whether the sender has a session that nothing was ever sent in before.
    pub(super) fresh: bool,
    /// Whether a repeat may come on the same connection, as it may in MQTT 3.1.1.
    pub(super) patient: bool,
    /// The place of the last that was sent again.
    pub(super) newest_again: u64,
}

/// What a PUBLISH shows.
#[derive(Debug, Clone, Default)]
pub(super) struct Sent {
    /// What is wrong with it, with the packet it follows.
    pub(super) wrong: Option<(Rule, Option<Arc<Entry>>)>,
    /// Its place, where it is a repeat.
    pub(super) again: Option<u64>,
}

impl Sending {
    /// PUBLISH is sent.
    pub(super) fn publish(
        &mut self,
        id: PacketId,
        publish: &Publish,
        topic: &Topic,
        course: Course,
        entry: &Arc<Entry>,
    ) -> Sent {
        let content = (topic.clone(), publish.payload.clone(), publish.qos);
        let Some(known) = self.open.get_mut(&id) else {
            self.begin(id, content, course.wire, entry);
            let wrong = (course.fresh && publish.dup).then_some((Rule::NotDup, None));
            return Sent { wrong, again: None };
        };
        let before = Some(Arc::clone(&known.last));
        if known.content != content {
            self.begin(id, content, course.wire, entry);
            return Sent { wrong: Some((Rule::IdInUse, before)), again: None };
        }
        let same_wire = known.wire == course.wire;
        let wrong = if known.released.is_some() {
            Some(Rule::Released)
        } else if !publish.dup {
            Some(Rule::Dup)
        } else if same_wire && !course.patient {
            Some(Rule::NotAgain)
        } else if !same_wire && known.order < course.newest_again {
            Some(Rule::Order)
        } else {
            None
        };
        let order = known.order;
        (known.wire, known.last) = (course.wire, Arc::clone(entry));
        Sent { wrong: wrong.map(|rule| (rule, before)), again: (!same_wire).then_some(order) }
    }

    fn begin(&mut self, id: PacketId, content: (Topic, Bytes, QoS), wire: u64, entry: &Arc<Entry>) {
        self.next += 1;
        let (order, last) = (self.next, Arc::clone(entry));
        let begun = Handshake { content, order, wire, received: false, released: None, last };
        self.open.insert(id, begun);
    }

    /// PUBREC came.
    pub(super) fn received(&mut self, id: PacketId) {
        if let Some(known) = self.open.get_mut(&id) {
            known.received = true;
        }
    }

    /// PUBREL is sent. Gives back whether it is too early, with the packet it follows.
    pub(super) fn release(
        &mut self,
        id: PacketId,
        wire: u64,
        entry: &Arc<Entry>,
    ) -> Option<Arc<Entry>> {
        let known = self.open.get_mut(&id)?;
        let early = (!known.received).then(|| Arc::clone(&known.last));
        (known.released, known.last) = (Some(wire), Arc::clone(entry));
        early
    }

    /// The end of a handshake came; or what it was cannot be known any more.
    pub(super) fn done(&mut self, id: PacketId) {
        self.open.remove(&id);
    }

    /// Nothing is known any more of what is open.
    pub(super) fn forget(&mut self) {
        self.open.clear();
    }

    /// The PUBRELs that went on an earlier connection than that, and not on it.
    pub(super) fn not_released(&self, wire: u64) -> impl Iterator<Item = &Arc<Entry>> {
        let behind = self.open.values().filter(move |it| it.released.is_some_and(|on| on != wire));
        behind.map(|it| &it.last)
    }
}
