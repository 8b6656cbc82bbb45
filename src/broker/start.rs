//! A broker's start, from what its store kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hashbrown::HashMap;

use super::Broker;
use super::bridge::Bridge;
use super::counters::Counters;
use super::durable::{Delivery, Image, MessageId, Record};
use super::io::{BridgeNumber, Output};
use super::journal::{Journal, Numbered};
use super::outgoing::Outgoing;
use super::retained::{Kept, Retained};
use super::session::{Session, Will};
use super::sessions::{SessionKey, Sessions};
use super::settings::Settings;
use super::status::{SessionStatus, Status};
use super::sys::Sys;
use super::timers::{Timer, Timers};
use super::tree::Tree;
use crate::defect::{self, Defect};
use crate::mqtt::{ClientId, Filter, Topic};

impl Broker {
    /// A broker that goes on from `image`; without persistence that is an empty one. `seed` feeds
    /// the jitter of bridges and the names given to clients without one. Its bridges dial when the
    /// first input comes, for which [`Broker::deadline`] asks at once.
    #[must_use]
    pub fn new(now: Duration, settings: Settings, image: &Image, seed: u64) -> Self {
        let settings = Arc::new(settings);
        let mut broker = Self {
            now,
            out: Vec::new(),
            journal: Journal::new(settings.persistence),
            connections: HashMap::new(),
            waiting: BTreeSet::new(),
            leaving: Vec::new(),
            sessions: Sessions::default(),
            subscribers: Tree::default(),
            retained: Retained::default(),
            bridges: Vec::new(),
            timers: Timers::default(),
            retained_wakes_at: None,
            next_message: MessageId::first(image.boot).0,
            counters: Counters::default(),
            sys: Sys::new(now),
            random: seed,
            settings,
        };
        broker.restore(image);
        broker.make_bridges();
        if !broker.settings.sys_interval.is_zero() {
            broker.timers.set(now, Timer::Statistics);
        }
        broker
    }

    /// What a subscription to everything would get: the retained messages but those under `$`.
    #[must_use]
    pub fn retains(&self) -> BTreeMap<Topic, Bytes> {
        let found = Filter::parse("#").map(|all| self.retained.matched_by(&all));
        let found = found.into_iter().flatten().map(|kept| kept.numbered.message);
        found.map(|message| (message.topic.clone(), message.payload.clone())).collect()
    }

    /// What it says of itself.
    #[must_use]
    pub fn status(&self) -> Status {
        let clients = self.sessions.iter().filter(|session| session.bridge.is_none());
        let mut sessions: Vec<_> = clients
            .map(|session| SessionStatus {
                client: session.client.clone(),
                connected: session.conn.is_some(),
                persistent: session.persistent,
                queued: session.outgoing.len(),
            })
            .collect();
        sessions.sort_by(|a, b| a.client.cmp(&b.client));
        Status {
            retained: self.retained.count(),
            refused: self.counters.dropped,
            store_trouble: self.journal.trouble().map(str::to_owned),
            sessions,
            bridges: self.bridges.iter().map(|bridge| self.bridge_status(bridge)).collect(),
        }
    }

    fn restore(&mut self, image: &Image) {
        let numbered = |id: MessageId| Numbered { id, message: Arc::clone(&image.messages[&id]) };
        for retained in image.retained.values() {
            let (numbered, origin) = (numbered(retained.id), retained.origin.clone());
            self.journal.refer_again(&numbered);
            self.retained.restore(Kept { numbered, origin });
        }
        for (client, session) in &image.sessions {
            let bridge = self.bridge_of(client);
            for delivery in session.deliveries.values() {
                self.journal.refer_again(&numbered(delivery.id));
            }
            let body = |delivery: &Delivery| numbered(delivery.id);
            let outgoing = Outgoing::restore(session, body);
            let will = session.will.map(|it| Will {
                numbered: numbered(it.id),
                delay_s: it.delay_s,
                expiry_s: it.expiry_s,
                due: it.due,
            });
            if let Some(will) = &will {
                self.journal.refer_again(&will.numbered);
            }
            let restored = Session::restore(client.clone(), bridge, session, outgoing, will);
            let key = self.sessions.add(restored);
            if session.bridge != bridge.is_some() {
                // The conf has changed: a bridge that is no more, or one that takes over the name
                // of a client.
                self.end_session(key);
            } else if bridge.is_none() {
                for (filter, options) in &session.subscriptions {
                    if defect::on(Defect::ForgetsSubscriptions) {
                        break;
                    }
                    self.add_subscriber(filter, key, 0, *options);
                }
                self.take_up(key);
            }
        }
        self.wake_retained();
    }

    /// A client's session goes on after a restart. Had it a connection when the broker ended, its
    /// time begins now. Whatever is due waits for the first input, when all sessions are there.
    fn take_up(&mut self, key: SessionKey) {
        let now = self.now;
        let session = &mut self.sessions[key];
        if session.ends_at.is_none() {
            let expiry = session.expiry;
            session.set_expiry(expiry, expiry.end_from(now), &mut self.journal);
        }
        if let Some(will) = session.will.clone().filter(|it| it.due.is_none()) {
            session.set_will(Some(will.due_from(now)), &mut self.journal);
        }
        self.wake_session(key);
    }

    /// The bridge whose local half that session is, by the settings of today.
    fn bridge_of(&self, client: &ClientId) -> Option<BridgeNumber> {
        let mut all = self.settings.bridges.iter();
        let at = all.position(|it| it.local_clientid == *client && !it.local_cleansession)?;
        Some(BridgeNumber(at))
    }

    fn make_bridges(&mut self) {
        let settings = Arc::clone(&self.settings);
        for (at, bridge) in settings.bridges.iter().enumerate() {
            let number = BridgeNumber(at);
            let client = &bridge.local_clientid;
            let session = self.sessions.find(client).unwrap_or_else(|| {
                let persistent = !bridge.local_cleansession;
                if persistent {
                    let client = client.clone();
                    self.journal.record(Record::OpenSession { client, bridge: true });
                }
                self.sessions.add(Session::new(client.clone(), persistent, Some(number)))
            });
            self.bridges.push(Bridge::new(session));
            self.watch_out_rules(number);
            self.notify_locally(number, false);
            self.wake_link(number, self.now);
        }
        // Nobody is connected yet; what came of this is durable, or told with the first input.
        self.out.retain(|it| matches!(it, Output::Event(_)));
    }
}
