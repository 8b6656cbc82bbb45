//! What a broker counts of what it does: for statistics and snapshots, never for decisions.

use std::ops::AddAssign;

use crate::mqtt::Packet;

/// An amount that comes in and one that goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flow {
    /// In.
    pub received: u64,
    /// Out.
    pub sent: u64,
}

impl AddAssign for Flow {
    fn add_assign(&mut self, more: Self) {
        self.received += more.received;
        self.sent += more.sent;
    }
}

/// Everything since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Connections to a listener, whatever became of them.
    pub sockets: u64,
    /// CONNECT packets received.
    pub connects: u64,
    /// Packets of all kinds, bridges' included.
    pub packets: Flow,
    /// PUBLISH packets among them.
    pub publishes: Flow,
    /// Their payloads, in bytes.
    pub publish_bytes: Flow,
    /// Bytes of the packets as they were on the wire; the shell tells them.
    pub bytes: Flow,
    /// Messages that were not delivered to a session that wanted them.
    pub dropped: u64,
    /// Sessions that have outlived their connection for as long as they were to.
    pub expired: u64,
    /// Clients connected now.
    pub connected: usize,
    /// The most there were at a time.
    pub most_connected: usize,
    /// Subscriptions now, shared ones left out, those of bridges' rules included.
    pub subscriptions: usize,
    /// Shared subscriptions now.
    pub shared_subscriptions: usize,
}

impl Counters {
    /// A packet came.
    pub fn came(&mut self, packet: &Packet) {
        self.packets.received += 1;
        match packet {
            Packet::Publish(publish) => {
                self.publishes.received += 1;
                self.publish_bytes.received += wide(publish.payload.len());
            }
            Packet::Connect(_) => self.connects += 1,
            _ => {}
        }
    }

    /// A packet went out.
    pub fn went(&mut self, packet: &Packet) {
        self.packets.sent += 1;
        if let Packet::Publish(publish) = packet {
            self.publishes.sent += 1;
            self.publish_bytes.sent += wide(publish.payload.len());
        }
    }

    /// A client is connected.
    pub fn client_came(&mut self) {
        self.connected += 1;
        self.most_connected = self.most_connected.max(self.connected);
    }

    /// It is not any more.
    pub fn client_went(&mut self) {
        self.connected -= 1;
    }

    /// How many subscriptions there are, shared or not.
    pub fn subscriptions(&mut self, shared: bool) -> &mut usize {
        if shared { &mut self.shared_subscriptions } else { &mut self.subscriptions }
    }
}

fn wide(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
