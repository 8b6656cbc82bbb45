//! A trace as JSON lines: a header, then an entry a line. It is written while a world runs and read
//! back exactly, packets from their bytes.
//!
//! ```text
//! {"format":"twinboard trace","version":1,"scenario":"counting",…,"bridges":[…]}
//! {"number":1,"at":{"secs":1760000000,"nanos":0},"note":"…"}
//! {"number":2,"at":{…},"packet":{"wire":{…},"direction":"out",…,"bytes":"10…","text":"CONNECT …"}}
//! ```
//!
//! Times count from 1970. `text` of a packet is for people and tools such as `jq`; it is not read
//! back. What the ledger has to know of the bridges stands in the header, so that a verdict from the
//! file is the verdict of the run.

mod header;
mod reader;

#[cfg(test)]
mod tests;

use std::io::{self, Write};

pub use header::{Header, WrittenBridge};
pub use reader::{ReadError, Reader};

use super::recorder::Format;
use crate::lab::trace::Entry;

/// Writes a trace in this form.
#[derive(Debug)]
pub struct JsonLines {
    header: Header,
}

impl JsonLines {
    /// With this first line.
    #[must_use]
    pub fn new(header: Header) -> Self {
        Self { header }
    }
}

impl Format for JsonLines {
    fn begin(&mut self, to: &mut dyn Write) -> io::Result<()> {
        line(&self.header, to)
    }

    fn entry(&mut self, entry: &Entry, to: &mut dyn Write) -> io::Result<()> {
        line(entry, to)
    }
}

fn line<T: serde::Serialize>(what: &T, mut to: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut to, what)?;
    to.write_all(b"\n")
}
