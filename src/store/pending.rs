//! What the rows of the `log` table add up to: the changes that are durable and that the other
//! tables are still to be given. What was made and undone meanwhile is not in it: most deliveries
//! never touch their table.
//!
//! Every record is held against the tables and what is pending before it is taken, so that one
//! that does not fit is refused when it is committed and not when it is too late.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, Params};

use super::error::CommitError;
use super::session::Sessions;
use super::value;
use crate::broker::durable::{
    Delivery, Digest, Expiry, RetainedImage, Stage, Subscription, WillImage,
};
use crate::broker::{MessageId, Record};
use crate::mqtt::{ClientId, Filter, Message, PacketId, Topic};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) messages: BTreeMap<MessageId, Slot<Arc<Message>>>,
    pub(super) retained: BTreeMap<Topic, Option<RetainedImage>>,
    /// By the sessions' numbers, which are never given twice.
    pub(super) sessions: BTreeMap<i64, SessionChanges>,
    /// The highest id in the table, which only what is old is looked up in.
    newest: Option<i64>,
}

/// What becomes of one row.
#[derive(Debug)]
pub(super) struct Slot<T> {
    /// Whether the table has it.
    pub(super) stored: bool,
    /// What it is to be; none for no row.
    pub(super) now: Option<T>,
}

/// What becomes of one session.
#[derive(Debug, Default)]
pub(super) struct SessionChanges {
    /// Whether the table has it.
    pub(super) stored: bool,
    /// What a new one begins with.
    pub(super) opened: Option<(ClientId, bool)>,
    /// Whether it ends, with all that the tables have of it.
    pub(super) dropped: bool,
    pub(super) established: Change<Option<Digest>>,
    pub(super) missed_retained: Change<bool>,
    pub(super) expiry: Change<(Expiry, Option<Duration>)>,
    pub(super) will: Change<Option<WillImage>>,
    pub(super) subscriptions: BTreeMap<Filter, Option<Subscription>>,
    pub(super) deliveries: BTreeMap<u64, Slot<Progress>>,
    pub(super) received: BTreeMap<PacketId, Option<Digest>>,
    /// The highest number in its deliveries' table.
    newest: Option<i64>,
}

/// What becomes of one thing that a session has.
#[derive(Debug, Default)]
pub(super) enum Change<T> {
    /// It stays what it is.
    #[default]
    Same,
    /// It becomes this.
    To(T),
}

/// What becomes of a delivery.
#[derive(Debug)]
pub(super) enum Progress {
    /// It is all of this.
    Whole(Delivery),
    /// It has come so far.
    Stage(Stage),
}

impl Pending {
    /// Takes a record that comes after all that were taken before. After an error this is no
    /// longer what the log says.
    pub(super) fn apply(
        &mut self,
        db: &Connection,
        sessions: &mut Sessions,
        record: &Record,
    ) -> Result<(), CommitError> {
        match record {
            Record::Message { id, message } => {
                fits(!self.has_message(db, *id)?, record)?;
                set(&mut self.messages, *id, Some(Arc::clone(message)));
            }
            Record::DropMessage { id } => {
                fits(self.has_message(db, *id)?, record)?;
                set(&mut self.messages, *id, None);
            }
            Record::Retain { topic, id, origin } => {
                fits(self.has_message(db, *id)?, record)?;
                let retained = RetainedImage { id: *id, origin: origin.clone() };
                self.retained.insert(topic.clone(), Some(retained));
            }
            Record::ClearRetained { topic } => {
                self.retained.insert(topic.clone(), None);
            }
            Record::Queue { client, number, delivery } => {
                let valid = delivery.subscription_ids.iter().all(|id| value::is_identifier(*id));
                fits(valid && self.has_message(db, delivery.id)?, record)?;
                let (key, session) = self.session(sessions, client)?;
                fits(!session.has_delivery(db, key, *number)?, record)?;
                set(&mut session.deliveries, *number, Some(Progress::Whole(delivery.clone())));
            }
            Record::Advance { client, number, stage } => {
                let (key, session) = self.session(sessions, client)?;
                fits(session.has_delivery(db, key, *number)?, record)?;
                session.advance(*number, *stage);
            }
            Record::Dequeue { client, number } => {
                let (key, session) = self.session(sessions, client)?;
                fits(session.has_delivery(db, key, *number)?, record)?;
                set(&mut session.deliveries, *number, None);
            }
            Record::Receive { client, packet_id, digest } => {
                let (_, session) = self.session(sessions, client)?;
                session.received.insert(*packet_id, Some(*digest));
            }
            Record::Release { client, packet_id } => {
                let (_, session) = self.session(sessions, client)?;
                session.received.insert(*packet_id, None);
            }
            rare => self.apply_rare(db, sessions, rare)?,
        }
        Ok(())
    }

    /// Takes a record of a kind that no ordinary message needs.
    fn apply_rare(
        &mut self,
        db: &Connection,
        sessions: &mut Sessions,
        record: &Record,
    ) -> Result<(), CommitError> {
        match record {
            Record::OpenSession { client, bridge } => {
                let opened = Some((client.clone(), *bridge));
                let key = sessions.open(client).ok_or_else(|| unfit(record))?;
                self.sessions.insert(key, SessionChanges { opened, ..SessionChanges::default() });
            }
            Record::DropSession { client } => {
                let key = sessions.drop(client).ok_or_else(|| unfit(record))?;
                // One that the table does not have leaves nothing behind.
                if self.sessions.remove(&key).is_none_or(|session| session.stored) {
                    let dropped = SessionChanges { dropped: true, ..SessionChanges::stored() };
                    self.sessions.insert(key, dropped);
                }
            }
            Record::Subscribe { client, filter, options } => {
                fits(options.identifier.is_none_or(value::is_identifier), record)?;
                let (_, session) = self.session(sessions, client)?;
                session.subscriptions.insert(filter.clone(), Some(*options));
            }
            Record::Unsubscribe { client, filter } => {
                let (_, session) = self.session(sessions, client)?;
                session.subscriptions.insert(filter.clone(), None);
            }
            Record::Established { client, rules } => {
                self.session(sessions, client)?.1.established = Change::To(*rules);
            }
            Record::MissedRetained { client, missed } => {
                self.session(sessions, client)?.1.missed_retained = Change::To(*missed);
            }
            Record::SessionExpiry { client, expiry, ends_at } => {
                self.session(sessions, client)?.1.expiry = Change::To((*expiry, *ends_at));
            }
            Record::Will { client, will } => {
                if let Some(will) = will {
                    fits(self.has_message(db, will.id)?, record)?;
                }
                self.session(sessions, client)?.1.will = Change::To(*will);
            }
            common => unreachable!("{common:?} is taken by `apply`"),
        }
        Ok(())
    }

    /// Whether there is such a message once all is in the tables.
    fn has_message(&mut self, db: &Connection, id: MessageId) -> rusqlite::Result<bool> {
        if let Some(slot) = self.messages.get(&id) {
            return Ok(slot.now.is_some());
        }
        let id = id.0.cast_signed();
        if is_newer(&mut self.newest, id, db, "SELECT max(id) FROM message", ())? {
            return Ok(false);
        }
        db.prepare_cached("SELECT 1 FROM message WHERE id = ?1")?.exists([id])
    }

    /// What becomes of a client's session, and the session's number.
    fn session(
        &mut self,
        sessions: &Sessions,
        client: &ClientId,
    ) -> Result<(i64, &mut SessionChanges), CommitError> {
        let missing = || CommitError::Mismatch(format!("it has no session of {client}"));
        let key = sessions.get(client).ok_or_else(missing)?;
        Ok((key, self.sessions.entry(key).or_insert_with(SessionChanges::stored)))
    }
}

impl SessionChanges {
    /// None yet, of a session that the table has.
    fn stored() -> Self {
        Self { stored: true, ..Self::default() }
    }

    /// Whether there is such a delivery once all is in the tables.
    fn has_delivery(&mut self, db: &Connection, key: i64, number: u64) -> rusqlite::Result<bool> {
        if let Some(slot) = self.deliveries.get(&number) {
            return Ok(slot.now.is_some());
        }
        let number = number.cast_signed();
        let highest = "SELECT max(number) FROM delivery WHERE session_id = ?1";
        if !self.stored || is_newer(&mut self.newest, number, db, highest, [key])? {
            return Ok(false);
        }
        let sql = "SELECT 1 FROM delivery WHERE session_id = ?1 AND number = ?2";
        db.prepare_cached(sql)?.exists([key, number])
    }

    /// Notes how far a delivery that is there has come.
    fn advance(&mut self, number: u64, stage: Stage) {
        let unseen = || Slot { stored: true, now: None };
        match &mut self.deliveries.entry(number).or_insert_with(unseen).now {
            Some(Progress::Whole(delivery)) => delivery.stage = stage,
            now => *now = Some(Progress::Stage(stage)),
        }
    }
}

/// Notes what a row is to be; one that the table does not have and never gets is forgotten.
fn set<K: Ord, T>(slots: &mut BTreeMap<K, Slot<T>>, key: K, now: Option<T>) {
    // What is there without having been noted is in the table.
    let stored = slots.get(&key).map_or(now.is_none(), |slot| slot.stored);
    if stored || now.is_some() {
        slots.insert(key, Slot { stored, now });
    } else {
        slots.remove(&key);
    }
}

/// Whether `number` is above all in a table, whose highest is asked for once.
fn is_newer(
    newest: &mut Option<i64>,
    number: i64,
    db: &Connection,
    highest: &str,
    of: impl Params,
) -> rusqlite::Result<bool> {
    let newest = if let Some(newest) = *newest {
        newest
    } else {
        let found =
            db.prepare_cached(highest)?.query_row(of, |row| row.get::<_, Option<i64>>(0))?;
        *newest.insert(found.unwrap_or(i64::MIN))
    };
    Ok(number > newest)
}

fn fits(it_does: bool, record: &Record) -> Result<(), CommitError> {
    if it_does { Ok(()) } else { Err(unfit(record)) }
}

fn unfit(record: &Record) -> CommitError {
    CommitError::Mismatch(format!("it cannot take {record:?}"))
}
