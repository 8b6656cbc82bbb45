//! The messages that a broker holds, each counted once, however many retained ones, deliveries and
//! wills refer to it. What they take is kept as a running sum: nobody walks through them.

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use super::durable::MessageId;
use super::item::Item;
use super::journal::Numbered;
use crate::mqtt::Message;

/// What a message takes beside its topic, payload and properties: itself, the count of its owners,
/// and its place in the map. An estimate: what the allocator adds is not in it.
const BODY_BYTES: usize =
    size_of::<Message>() + 2 * size_of::<usize>() + size_of::<(MessageId, Uses)>();

/// What each reference takes: a place in a queue.
const USE_BYTES: usize = size_of::<Item>();

/// The messages that are held.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bodies {
    uses: HashMap<MessageId, Uses>,
    payload_bytes: usize,
    bytes: usize,
}

/// How many refer to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Uses {
    all: u32,
    /// Those of them that outlive the process.
    durable: u32,
}

impl Bodies {
    /// Somebody is about to refer to a message. Gives back whether it is the first one whose
    /// reference is durable.
    pub fn hold(&mut self, numbered: &Numbered, durable: bool) -> bool {
        let uses = self.uses.entry(numbered.id).or_default();
        if uses.all == 0 {
            self.payload_bytes += numbered.message.payload.len();
            self.bytes += BODY_BYTES + numbered.message.size_bytes();
        }
        self.bytes += USE_BYTES;
        uses.all += 1;
        uses.durable += u32::from(durable);
        durable && uses.durable == 1
    }

    /// Somebody no longer refers to it. Gives back whether it was the last one whose reference is
    /// durable.
    ///
    /// # Panics
    /// When nobody did, which is a bug here.
    pub fn let_go(&mut self, numbered: &Numbered, durable: bool) -> bool {
        let Entry::Occupied(mut entry) = self.uses.entry(numbered.id) else {
            panic!("{:?} is not held", numbered.id);
        };
        let uses = entry.get_mut();
        uses.all -= 1;
        uses.durable -= u32::from(durable);
        let last = durable && uses.durable == 0;
        self.bytes -= USE_BYTES;
        if uses.all == 0 {
            self.payload_bytes -= numbered.message.payload.len();
            self.bytes -= BODY_BYTES + numbered.message.size_bytes();
            entry.remove();
        }
        last
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.uses.len()
    }

    /// Their payloads.
    pub fn payload_bytes(&self) -> usize {
        self.payload_bytes
    }

    /// Whether one more message would take them over `limit` bytes, of which 0 stands for none.
    pub fn is_full(&self, limit: usize, size_bytes: usize) -> bool {
        limit > 0 && self.bytes + BODY_BYTES + USE_BYTES + size_bytes > limit
    }
}
