//! A disk that keeps what was committed, and loses the rest.

use crate::broker::{Image, Record};

/// A broker's store in the simulated world.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    image: Image,
}

impl Disk {
    /// What a broker finds at its start.
    pub fn open(&mut self) -> Image {
        self.image.boot += 1;
        self.image.clone()
    }

    /// Makes records durable, all at once.
    pub fn commit(&mut self, records: &[Record]) {
        for record in records {
            self.image.apply(record);
        }
    }

    /// What is on it.
    #[must_use]
    pub fn image(&self) -> &Image {
        &self.image
    }
}
