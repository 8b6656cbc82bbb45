//! Who wants the messages of one filter: each for itself, or a group together.
//! [MQTT 5.0, sections 4.7 and 4.8.2]

use std::collections::BTreeMap;

use super::durable::Subscription;
use super::sessions::SessionKey;

/// Somebody who wants the messages of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscriber {
    /// Whose.
    pub session: SessionKey,
    /// For a bridge's session: by which of its rules. 0 for clients.
    pub rule: usize,
    /// How.
    pub options: Subscription,
}

impl Subscriber {
    /// Whether a message goes to both only once, under the same name.
    pub fn is_same_as(&self, other: &Self) -> bool {
        (self.session, self.rule) == (other.session, other.rule)
    }
}

/// The subscribers of one filter.
#[derive(Debug, Clone, Default)]
pub struct Subscribers {
    single: Vec<Subscriber>,
    groups: BTreeMap<Box<str>, Group>,
}

/// The members of a group: each message goes to one of them.
#[derive(Debug, Clone, Default)]
struct Group {
    members: Vec<Subscriber>,
    /// Whose turn it is.
    turn: usize,
}

impl Subscribers {
    /// Adds a subscriber, to a group where it names one; in place of its earlier subscription.
    /// Gives back whether there was none.
    pub fn add(&mut self, group: Option<&str>, subscriber: Subscriber) -> bool {
        let list = match group {
            None => &mut self.single,
            Some(name) => &mut self.groups.entry(name.into()).or_default().members,
        };
        let before = list.iter_mut().find(|it| it.is_same_as(&subscriber));
        let new = before.is_none();
        match before {
            Some(before) => *before = subscriber,
            None => list.push(subscriber),
        }
        new
    }

    /// Takes a session's subscriptions away, and gives back how many there were: a bridge may have
    /// several, by several of its rules.
    pub fn remove(&mut self, group: Option<&str>, session: SessionKey) -> usize {
        let Some(name) = group else { return take_out(&mut self.single, session) };
        let Some(group) = self.groups.get_mut(name) else { return 0 };
        let gone = take_out(&mut group.members, session);
        if group.members.is_empty() {
            self.groups.remove(name);
        }
        gone
    }

    /// Whether nobody is left.
    pub fn is_empty(&self) -> bool {
        self.single.is_empty() && self.groups.is_empty()
    }

    /// Those who want each message for themselves.
    pub fn single(&self) -> &[Subscriber] {
        &self.single
    }

    /// For each group its members, beginning with the one whose turn it is; the turn goes on.
    pub fn turns(&mut self) -> impl Iterator<Item = Vec<Subscriber>> {
        self.groups.values_mut().map(Group::turn)
    }

    /// The same for one group, where it has members.
    pub fn turn_of(&mut self, group: &str) -> Option<Vec<Subscriber>> {
        self.groups.get_mut(group).map(Group::turn)
    }
}

impl Group {
    fn turn(&mut self) -> Vec<Subscriber> {
        let mut members = self.members.clone();
        let turn = self.turn % members.len();
        members.rotate_left(turn);
        self.turn = turn + 1;
        members
    }
}

fn take_out(list: &mut Vec<Subscriber>, session: SessionKey) -> usize {
    let before = list.len();
    list.retain(|it| it.session != session);
    before - list.len()
}
