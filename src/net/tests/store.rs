//! A store in memory that commits when it is told to, as a test wants it.

use std::sync::{Arc, Mutex};

use crate::broker::Commit;
use crate::broker::durable::Image;
use crate::net::{Durable, OpenDurable, Reports};

/// What the store was asked, seen from the test.
#[derive(Clone, Default)]
pub struct Store(Arc<Mutex<Inside>>);

#[derive(Default)]
struct Inside {
    image: Image,
    reports: Option<Reports>,
    waiting: Vec<Commit>,
    holding: bool,
    ended: Option<&'static str>,
}

impl Store {
    pub fn open(&self) -> OpenDurable {
        let store = self.clone();
        Box::new(move |reports| {
            store.inside(|inside| inside.reports = Some(reports));
            Ok(Box::new(store))
        })
    }

    fn inside<T>(&self, look: impl FnOnce(&mut Inside) -> T) -> T {
        look(&mut self.0.lock().expect("no panic"))
    }

    /// From now on nothing is committed.
    pub fn hold(&self) {
        self.inside(|inside| inside.holding = true);
    }

    /// Commits what waits, and goes on committing.
    pub fn release(&self) {
        self.inside(|inside| {
            inside.holding = false;
            inside.commit();
        });
    }

    pub fn image(&self) -> Image {
        self.inside(|inside| inside.image.clone())
    }

    /// Whether something waits to be committed.
    pub fn is_asked(&self) -> bool {
        self.inside(|inside| !inside.waiting.is_empty())
    }

    pub fn ended(&self) -> Option<&'static str> {
        self.inside(|inside| inside.ended)
    }
}

impl Inside {
    fn commit(&mut self) {
        for commit in self.waiting.drain(..) {
            commit.records.iter().for_each(|record| self.image.apply(record));
            if let Some(reports) = &self.reports {
                reports.committed(commit.number);
            }
        }
    }
}

impl Durable for Store {
    fn submit(&mut self, commit: Commit) {
        self.inside(|inside| {
            assert!(inside.waiting.is_empty(), "one commit at a time");
            inside.waiting.push(commit);
            if !inside.holding {
                inside.commit();
            }
        });
    }

    fn stop(self: Box<Self>) -> Result<(), String> {
        self.inside(|inside| {
            inside.ended = Some("stopped");
            if inside.waiting.is_empty() { Ok(()) } else { Err("the disk is full".to_owned()) }
        })
    }

    fn abandon(self: Box<Self>) {
        self.inside(|inside| inside.ended = Some("abandoned"));
    }
}
