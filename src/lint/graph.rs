//! The ways between brokers: each rule of each bridge, once for each direction, and who may follow
//! whom.

use super::system::{Link, System};
use crate::mqtt::{Direction, Filter, QoS, Rule, Topic, TopicSet};

/// All ways of a system.
#[derive(Debug)]
pub struct Graph<'a> {
    /// The brokers' names, by their places.
    pub names: Vec<&'a str>,
    /// The ways between brokers of the system.
    pub crossings: Vec<Crossing<'a>>,
}

/// A rule in one direction.
#[derive(Debug, Clone, Copy)]
pub struct Crossing<'a> {
    /// The bridge.
    pub link: Link<'a>,
    /// The rule's place in the bridge.
    pub at: usize,
    /// Out or in, as the bridge sees it.
    pub way: Direction,
    /// The broker that it takes from.
    pub from: usize,
    /// The broker that it takes to.
    pub to: usize,
}

impl<'a> Graph<'a> {
    /// The ways of a system. What leads out of it leads back on no way that is known.
    #[must_use]
    pub fn new(system: &'a System) -> Self {
        let mut crossings = Vec::new();
        for link in system.links() {
            let Some(far) = link.far else { continue };
            for (at, rule) in link.settings.rules.iter().enumerate() {
                let (near, way) = (link.near, rule.direction());
                if way.goes_out() {
                    let way = Direction::Out;
                    crossings.push(Crossing { link, at, way, from: near, to: far });
                }
                if way.comes_in() {
                    let way = Direction::In;
                    crossings.push(Crossing { link, at, way, from: far, to: near });
                }
            }
        }
        let names = system.nodes.iter().map(|node| node.name.as_str()).collect();
        Self { names, crossings }
    }
}

impl<'a> Crossing<'a> {
    /// The rule.
    #[must_use]
    pub fn rule(&self) -> &'a Rule {
        &self.link.settings.rules[self.at]
    }

    /// The rule's line.
    #[must_use]
    pub fn line(&self) -> usize {
        self.link.lines.rules[self.at].line
    }

    /// Its highest QoS.
    #[must_use]
    pub fn qos(&self) -> QoS {
        self.rule().qos()
    }

    /// What it takes.
    #[must_use]
    pub fn filter(&self) -> &'a Filter {
        if self.way == Direction::Out { self.rule().local() } else { self.rule().remote() }
    }

    /// The name of a topic behind it, if it takes the topic. Of rules that bring in, the first that
    /// fits names what came.
    #[must_use]
    pub fn cross(&self, topic: &Topic) -> Option<Topic> {
        if self.way == Direction::Out {
            return self.rule().to_remote(topic);
        }
        let mut rules = self.link.settings.rules.iter().enumerate();
        let (at, named) = rules.find_map(|(at, rule)| Some((at, rule.to_local(topic)?)))?;
        (at == self.at).then_some(named)
    }

    /// What becomes of those topics that it takes.
    #[must_use]
    pub fn cross_all(&self, topics: &TopicSet) -> Option<TopicSet> {
        let (local, remote) = (self.rule().local_prefix(), self.rule().remote_prefix());
        let (from, to) = if self.way == Direction::Out { (local, remote) } else { (remote, local) };
        topics.meet(&TopicSet::of(self.filter()))?.renamed(from, to)
    }

    /// Whether what came by `before` may go on by this. Nothing goes back into the session it came
    /// out of: a broker never takes out what the bridge brought in, and the far broker sends back
    /// what the bridge brought only where it was not told that this is a bridge.
    #[must_use]
    pub fn follows(&self, before: &Crossing<'_>) -> bool {
        if before.to != self.from {
            return false;
        }
        let same = before.link.number == self.link.number;
        match (before.way, self.way) {
            (Direction::In, Direction::Out) => !same,
            (Direction::Out, Direction::In) => {
                !(same && self.link.no_local() && self.filter().group().is_none())
            }
            _ => true,
        }
    }
}
