//! The open connections as the owner task sees them: a number, and bytes on their way out.

use std::sync::Arc;

use bytes::BytesMut;
use hashbrown::HashMap;

use super::outbox::Outbox;
use crate::broker::ConnId;
use crate::mqtt::packet::Level;
use crate::mqtt::{Packet, codec};

/// So many bytes go to a connection's outbox without waiting for the end of the batch.
const FLUSH_BYTES: usize = 64 * 1024;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Connections {
    open: HashMap<ConnId, Open>,
    /// Those with bytes that no outbox has yet.
    dirty: Vec<ConnId>,
    /// Bytes encoded since somebody asked.
    sent_bytes: usize,
    last: u64,
}

#[derive(Debug, Default)]
struct Open {
    /// How packets are written.
    level: Option<Level>,
    outbox: Arc<Outbox>,
    staged: BytesMut,
}

impl Connections {
    /// Numbers a new connection.
    pub(super) fn open(&mut self, level: Option<Level>) -> (ConnId, Arc<Outbox>) {
        self.last += 1;
        let conn = ConnId(self.last);
        let open = Open { level, ..Open::default() };
        let outbox = Arc::clone(&open.outbox);
        self.open.insert(conn, open);
        (conn, outbox)
    }

    /// A CONNECT came: from the first one on packets are written as its level has them.
    pub(super) fn speak(&mut self, conn: ConnId, level: Level) {
        if let Some(open) = self.open.get_mut(&conn) {
            open.level.get_or_insert(level);
        }
    }

    /// Whether it is open: what still comes from one that is not is of no interest.
    pub(super) fn is_open(&self, conn: ConnId) -> bool {
        self.open.contains_key(&conn)
    }

    /// Encodes a packet; true where that makes the connection stall.
    pub(super) fn send(&mut self, conn: ConnId, packet: &Packet) -> bool {
        let Some(open) = self.open.get_mut(&conn) else { return false };
        if open.staged.is_empty() {
            self.dirty.push(conn);
        }
        let before = open.staged.len();
        codec::write(packet, open.level.unwrap_or_default(), &mut open.staged);
        self.sent_bytes += open.staged.len() - before;
        open.staged.len() >= FLUSH_BYTES && open.outbox.put(&mut open.staged)
    }

    /// How many bytes were sent since the last time somebody asked.
    pub(super) fn take_sent_bytes(&mut self) -> usize {
        std::mem::take(&mut self.sent_bytes)
    }

    /// Lets a connection end when what was sent is written.
    pub(super) fn close(&mut self, conn: ConnId) {
        let Some(mut open) = self.open.remove(&conn) else { return };
        if !open.staged.is_empty() {
            open.outbox.put(&mut open.staged);
        }
        open.outbox.close();
    }

    /// Lets all of them end.
    pub(super) fn close_all(&mut self) {
        let all: Vec<ConnId> = self.open.keys().copied().collect();
        for conn in all {
            self.close(conn);
        }
    }

    /// Gives what was encoded to the outboxes, and appends the connections that stall by that.
    pub(super) fn flush(&mut self, stalled: &mut Vec<ConnId>) {
        for conn in self.dirty.drain(..) {
            let Some(open) = self.open.get_mut(&conn) else { continue };
            if !open.staged.is_empty() && open.outbox.put(&mut open.staged) {
                stalled.push(conn);
            }
        }
    }
}
