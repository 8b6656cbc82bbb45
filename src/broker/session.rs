//! A session: what a broker keeps of one client, or of one of its own bridges.

use std::collections::BTreeMap;
use std::time::Duration;

use super::durable::{Digest, Expiry, Record, SessionImage, Subscription, WillImage};
use super::io::{BridgeNumber, ConnId};
use super::journal::{Journal, Numbered};
use super::log::Log;
use super::outgoing::Outgoing;
use crate::defect::{self, Defect};
use crate::mqtt::packet::Publish;
use crate::mqtt::{ClientId, Filter, PacketId};

/// A QoS 2 message taken in.
#[derive(Debug, Clone, Copy)]
struct Taken {
    digest: Digest,
    /// On which of the session's connections it last came.
    visit: u32,
}

/// A will that waits for the end of the connection, or after that for its time.
#[derive(Debug, Clone)]
pub struct Will {
    /// What is published.
    pub numbered: Numbered,
    /// How long after the connection's end, in seconds.
    pub delay_s: u32,
    /// For how long it is of use from then on, in seconds.
    pub expiry_s: Option<u32>,
    /// When it is published: known once the connection has ended.
    pub due: Option<Duration>,
}

impl Will {
    /// The same, its time begun at `at`.
    pub fn due_from(self, at: Duration) -> Self {
        Self { due: Some(at + Duration::from_secs(self.delay_s.into())), ..self }
    }
}

/// One session.
#[derive(Debug, Clone)]
pub struct Session {
    /// Whose.
    pub client: ClientId,
    /// Whether its changes are kept: it began as one that outlives its connection.
    pub persistent: bool,
    /// How long it outlives its connection.
    pub expiry: Expiry,
    /// When it ends; none while it has a connection, and for one that never ends.
    pub ends_at: Option<Duration>,
    /// What is to be published when its client is gone. [MQTT-3.1.2-8]
    pub will: Option<Will>,
    /// When the broker looks at it again: for its end, or its will.
    pub wakes_at: Option<Duration>,
    /// For the local half of a bridge: which.
    pub bridge: Option<BridgeNumber>,
    /// Its connection, while it has one.
    pub conn: Option<ConnId>,
    /// Its subscriptions. For a bridge's session: those the far broker has granted.
    pub subscriptions: BTreeMap<Filter, Subscription>,
    /// What is on its way to it.
    pub outgoing: Outgoing,
    /// QoS 2 messages taken in from it whose PUBREL is to come. [MQTT-4.3.3-2]
    received: BTreeMap<PacketId, Taken>,
    /// Counts this session's connections.
    visit: u32,
    /// Whether something new came on this connection.
    moved_on: bool,
    /// For a bridge's session: see [`Record::Established`].
    pub established: Option<Digest>,
    /// For the session of a far broker's bridge: see [`Record::MissedRetained`].
    pub missed_retained: bool,
}

impl Session {
    /// A session in which nothing has happened.
    pub fn new(client: ClientId, persistent: bool, bridge: Option<BridgeNumber>) -> Self {
        Self {
            client,
            persistent,
            expiry: if persistent { Expiry::Never } else { Expiry::Seconds(0) },
            ends_at: None,
            will: None,
            wakes_at: None,
            bridge,
            conn: None,
            subscriptions: BTreeMap::new(),
            outgoing: Outgoing::default(),
            received: BTreeMap::new(),
            visit: 0,
            moved_on: false,
            established: None,
            missed_retained: false,
        }
    }

    /// A session as a store kept it.
    pub fn restore(
        client: ClientId,
        bridge: Option<BridgeNumber>,
        image: &SessionImage,
        outgoing: Outgoing,
        will: Option<Will>,
    ) -> Self {
        Self {
            expiry: image.expiry,
            ends_at: image.ends_at,
            will,
            subscriptions: image.subscriptions.clone(),
            outgoing,
            received: image
                .received
                .iter()
                .map(|(id, digest)| (*id, Taken { digest: *digest, visit: 0 }))
                .collect(),
            established: image.established,
            missed_retained: image.missed_retained,
            ..Self::new(client, true, bridge)
        }
    }

    /// The sending half, and where its changes are noted.
    pub fn sending<'a>(&'a mut self, journal: &'a mut Journal) -> (&'a mut Outgoing, Log<'a>) {
        let log = Log { journal, client: &self.client, persistent: self.persistent };
        (&mut self.outgoing, log)
    }

    /// Where changes of the session are noted.
    pub fn log<'a>(&'a self, journal: &'a mut Journal) -> Log<'a> {
        Log { journal, client: &self.client, persistent: self.persistent }
    }

    /// Another connection begins.
    pub fn visit(&mut self, conn: ConnId) {
        self.conn = Some(conn);
        self.visit += 1;
        self.moved_on = false;
        if defect::on(Defect::ForgetsInbound) {
            self.received.clear();
        }
    }

    /// Sets how long it outlives its connection, and for one without a connection when it ends.
    pub fn set_expiry(&mut self, expiry: Expiry, ends_at: Option<Duration>, journal: &mut Journal) {
        if (self.expiry, self.ends_at) != (expiry, ends_at) {
            (self.expiry, self.ends_at) = (expiry, ends_at);
            self.log(journal).record(|client| Record::SessionExpiry { client, expiry, ends_at });
        }
    }

    /// Keeps a will in place of the one before.
    pub fn set_will(&mut self, will: Option<Will>, journal: &mut Journal) {
        if self.will.is_none() && will.is_none() {
            return;
        }
        let image = will.as_ref().map(|it| WillImage {
            id: it.numbered.id,
            delay_s: it.delay_s,
            expiry_s: it.expiry_s,
            due: it.due,
        });
        if let Some(will) = &will {
            journal.refer(&will.numbered, self.persistent);
        }
        self.log(journal).record(|client| Record::Will { client, will: image });
        if let Some(before) = &self.will {
            journal.forget(&before.numbered, self.persistent);
        }
        self.will = will;
    }

    /// Whether this PUBLISH repeats one that was taken in, and is not released yet.
    pub fn has_received(&self, id: PacketId, publish: &Publish) -> bool {
        self.repeats(id, publish, Digest::of(publish))
    }

    fn repeats(&self, id: PacketId, publish: &Publish, digest: Digest) -> bool {
        self.received.get(&id).is_some_and(|it| {
            it.digest == digest && (publish.dup || it.visit == self.visit || !self.moved_on)
        })
    }

    /// Takes in a QoS 2 PUBLISH. Gives back whether its message is new: not when the same packet id
    /// came with the same content and was not released since. With other content it comes from a
    /// client that lost its memory and counts from 1 again.
    ///
    /// Such a client may also come to an id it left behind with the very content it had then. What
    /// is not finished is repeated first on a new connection, and marked [MQTT-4.4.0-1,
    /// MQTT-3.3.1-1]: so after something new, an unmarked one from an earlier connection is new too.
    pub fn receive(&mut self, id: PacketId, publish: &Publish, journal: &mut Journal) -> bool {
        let (digest, visit) = (Digest::of(publish), self.visit);
        let repeats = self.repeats(id, publish, digest);
        self.received.insert(id, Taken { digest, visit });
        if repeats {
            return false;
        }
        self.moved_on = true;
        if !defect::on(Defect::LeavesOutReceive) {
            self.log(journal).record(|client| Record::Receive { client, packet_id: id, digest });
        }
        true
    }

    /// PUBREL came. Gives back whether anything was taken in under that id.
    pub fn release(&mut self, id: PacketId, journal: &mut Journal) -> bool {
        let known = self.received.remove(&id).is_some();
        if known {
            self.log(journal).record(|client| Record::Release { client, packet_id: id });
        }
        known
    }

    /// Forgets all packet ids the other side has used: it has forgotten them itself. Gives back how
    /// many there were.
    pub fn forget_received(&mut self, journal: &mut Journal) -> usize {
        let ids = std::mem::take(&mut self.received);
        for id in ids.keys() {
            self.log(journal).record(|client| Record::Release { client, packet_id: *id });
        }
        ids.len()
    }

    /// Notes by which rules a bridge's far side has its retained messages.
    pub fn set_established(&mut self, rules: Option<Digest>, journal: &mut Journal) {
        if self.established != rules {
            self.established = rules;
            self.log(journal).record(|client| Record::Established { client, rules });
        }
    }

    /// Notes whether a far broker's bridge missed retained messages.
    pub fn set_missed_retained(&mut self, missed: bool, journal: &mut Journal) {
        if self.missed_retained != missed {
            self.missed_retained = missed;
            self.log(journal).record(|client| Record::MissedRetained { client, missed });
        }
    }
}

impl Digest {
    /// The digest of a PUBLISH: of topic, payload and `QoS`. FNV-1a, because it is stored and must
    /// mean the same in every later version of this program.
    #[must_use]
    pub fn of(publish: &Publish) -> Self {
        let mut fnv = Fnv::new();
        fnv.write(publish.topic.as_str().as_bytes());
        fnv.write(&[0, publish.qos.level()]);
        fnv.write(&publish.payload);
        fnv.finish()
    }

    /// The digest of some lines of text.
    #[must_use]
    pub fn of_lines(lines: impl IntoIterator<Item = String>) -> Self {
        let mut fnv = Fnv::new();
        for line in lines {
            fnv.write(line.as_bytes());
            fnv.write(b"\n");
        }
        fnv.finish()
    }
}

/// Fowler, Noll and Vo's hash, variant 1a, 64 bits.
struct Fnv(u64);

impl Fnv {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> Digest {
        Digest(self.0)
    }
}
