//! A set of topics, as one filter describes one: what two filters have in common, what one leaves of
//! another, and what becomes of a set when a rule changes its prefix. [MQTT 5.0, section 4.7]
//!
//! Filters are not enough for that: `a/#` has the topic `a` too, which has no prefix `a/` to lose,
//! and `#` behind a new prefix would let topics in that begin with `$`. Both are kept apart here, so
//! that a set is exact whatever is done to it.

use std::fmt;

use super::topic::MAX_LEVELS;
use super::{Filter, Topic};

/// A set of topics that is never empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicSet {
    levels: Vec<Level>,
    /// Whether any number of levels may follow, none included.
    open: bool,
}

/// What may stand in a level.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Level {
    Name(String),
    Any,
    /// Anything that does not begin with `$`. [MQTT-4.7.2-1]
    Plain,
}

impl Level {
    fn has(&self, name: &str) -> bool {
        match self {
            Self::Name(own) => own == name,
            Self::Any => true,
            Self::Plain => !name.starts_with('$'),
        }
    }

    fn meet(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Any, level) | (level, Self::Any) => Some(level.clone()),
            (Self::Plain, Self::Plain) => Some(Self::Plain),
            (Self::Name(name), level) | (level, Self::Name(name)) => {
                level.has(name).then(|| Self::Name(name.clone()))
            }
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Name(name)) => self.has(name),
            (Self::Any, _) | (Self::Plain, Self::Plain) => true,
            _ => false,
        }
    }
}

impl TopicSet {
    /// The topics that a filter matches.
    #[must_use]
    pub fn of(filter: &Filter) -> Self {
        let mut levels: Vec<_> = filter.levels().collect();
        let open = levels.last() == Some(&"#");
        if open {
            levels.pop();
        }
        let level = |(at, text): (usize, &str)| match text {
            "+" if at == 0 => Level::Plain,
            "+" => Level::Any,
            name => Level::Name(name.to_owned()),
        };
        let mut levels: Vec<_> = levels.into_iter().enumerate().map(level).collect();
        // A topic has one level at least.
        if levels.is_empty() {
            levels.push(Level::Plain);
        }
        Self { levels, open }
    }

    /// Whether the topic is in the set.
    #[must_use]
    pub fn has(&self, topic: &Topic) -> bool {
        let count = topic.levels().count();
        let fits = count == self.levels.len() || self.open && count > self.levels.len();
        fits && self.levels.iter().zip(topic.levels()).all(|(level, name)| level.has(name))
    }

    /// The topics that are in both sets, if there are any.
    #[must_use]
    pub fn meet(&self, other: &Self) -> Option<Self> {
        let (short, long) =
            if self.levels.len() < other.levels.len() { (self, other) } else { (other, self) };
        if short.levels.len() < long.levels.len() && !short.open {
            return None;
        }
        let shared = short.levels.iter().zip(&long.levels).map(|(one, two)| one.meet(two));
        let mut levels = shared.collect::<Option<Vec<_>>>()?;
        levels.extend_from_slice(&long.levels[short.levels.len()..]);
        Some(Self { levels, open: self.open && other.open })
    }

    /// Whether every topic of the other set is in this one.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let (own, its) = (self.levels.len(), other.levels.len());
        let long_enough = if self.open { own <= its } else { own == its && !other.open };
        long_enough && self.levels.iter().zip(&other.levels).all(|(one, two)| one.covers(two))
    }

    /// The topics of the set that begin with `from`, with `to` in its place. None where there are
    /// none, or where they would be no topics.
    #[must_use]
    pub fn renamed(&self, from: &str, to: &str) -> Option<Self> {
        if from == to {
            return Some(self.clone());
        }
        let (parents, partial) = from.rsplit_once('/').map_or((None, from), |(a, b)| (Some(a), b));
        let mut rest = self.levels.clone();
        let wanted = parents.map_or(0, |parents| parents.split('/').count());
        // What is shorter than the prefix does not begin with it.
        while rest.len() <= wanted && self.open {
            rest.push(Level::Any);
        }
        if rest.len() <= wanted {
            return None;
        }
        let gone: Vec<_> = rest.drain(..wanted).collect();
        let mut names = parents.into_iter().flat_map(|parents| parents.split('/'));
        if !gone.iter().all(|level| names.next().is_some_and(|name| level.has(name))) {
            return None;
        }
        match &mut rest[0] {
            Level::Name(name) => *name = name.strip_prefix(partial)?.to_owned(),
            Level::Any | Level::Plain if partial.is_empty() => {}
            Level::Any | Level::Plain => return None,
        }
        let mut levels: Vec<_> = to.split('/').map(|it| Level::Name(it.to_owned())).collect();
        if let (Some(Level::Name(glue)), Some(first)) = (levels.pop(), rest.first_mut()) {
            match first {
                Level::Name(name) => name.insert_str(0, &glue),
                Level::Any | Level::Plain if glue.is_empty() => {}
                Level::Any | Level::Plain => return None,
            }
        }
        levels.append(&mut rest);
        (levels.len() <= MAX_LEVELS).then_some(Self { levels, open: self.open })
    }

    /// How many levels its shortest topics have.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.levels.len()
    }

    /// A topic of the set with `name` wherever anything may stand, as many levels deep as is asked
    /// for, or as the set allows.
    #[must_use]
    pub fn example(&self, name: &str, depth: usize) -> Option<Topic> {
        let level = |level: &Level| match level {
            Level::Name(own) => own.clone(),
            Level::Any | Level::Plain => name.to_owned(),
        };
        let mut levels: Vec<_> = self.levels.iter().map(level).collect();
        while self.open && levels.len() < depth {
            levels.push(name.to_owned());
        }
        Topic::parse(&levels.join("/")).ok()
    }
}

impl fmt::Display for TopicSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, level) in self.levels.iter().enumerate() {
            let slash = if at == 0 { "" } else { "/" };
            match level {
                Level::Name(name) => write!(f, "{slash}{name}")?,
                Level::Any | Level::Plain => write!(f, "{slash}+")?,
            }
        }
        f.write_str(if self.open { "/#" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mqtt::{Direction, QoS, Rule};

    fn set(filter: &str) -> TopicSet {
        TopicSet::of(&Filter::parse(filter).expect("a filter"))
    }

    fn topic(name: &str) -> Topic {
        Topic::parse(name).expect("a topic")
    }

    #[test]
    fn what_two_filters_have_in_common() {
        let check = |one: &str, two: &str, expected: Option<&str>| {
            for (one, two) in [(one, two), (two, one)] {
                let met = set(one).meet(&set(two)).map(|it| it.to_string());
                assert_eq!(met.as_deref(), expected, "{one} and {two}");
            }
        };
        check("a/b", "a/b", Some("a/b"));
        check("a/b", "a/c", None);
        check("a/+", "+/b", Some("a/b"));
        check("a/#", "a", Some("a"));
        check("a/#", "+/b/#", Some("a/b/#"));
        check("#", "+", Some("+"));
        check("#", "$SYS/#", None);
        check("+/x", "$SYS/x", None);
        check("$SYS/#", "$SYS/+/x", Some("$SYS/+/x"));
        check("a/+/c", "a/b", None);
        check("a/+/#", "a", None);
    }

    #[test]
    fn what_covers_what() {
        let check = |one: &str, two: &str, expected: bool| {
            assert_eq!(set(one).covers(&set(two)), expected, "{one} and {two}");
        };
        check("#", "a/b", true);
        check("#", "+/#", true);
        check("+/#", "#", true);
        check("#", "$SYS/#", false);
        check("a/#", "a", true);
        check("a/+", "a/#", false);
        check("a/#", "a/+", true);
        check("a/+/#", "a/#", false);
        check("a/b", "a/+", false);
        check("$SYS/+", "$SYS/x", true);
    }

    #[test]
    fn a_set_under_another_prefix() {
        let check = |filter: &str, from: &str, to: &str, expected: Option<&str>| {
            let renamed = set(filter).renamed(from, to).map(|it| it.to_string());
            assert_eq!(renamed.as_deref(), expected, "{filter}: {from} to {to}");
        };
        check("a/#", "a/", "b/", Some("b/+/#"));
        check("a/#", "", "b/", Some("b/a/#"));
        check("a/+", "a/", "", Some("+"));
        check("a", "a/", "b/", None);
        check("la/b", "l", "r/", Some("r/a/b"));
        check("#", "", "b/c/", Some("b/c/+/#"));
        check("x/y", "x/y", "z", Some("z"));
        let loose = set("a/#").renamed("a/", "").expect("a set");
        assert!(loose.has(&topic("$SYS/x")), "a prefix may have hidden a dollar");
        assert_eq!(loose.meet(&set("#")).map(|it| it.has(&topic("$SYS/x"))), Some(false));
    }

    #[test]
    fn examples_are_in_the_set() {
        let check = |filter: &str, depth: usize, expected: &str| {
            let example = set(filter).example("x", depth).expect("a topic");
            assert_eq!(example.as_str(), expected);
            assert!(set(filter).has(&example));
        };
        check("#", 1, "x");
        check("#", 3, "x/x/x");
        check("a/+/#", 0, "a/x");
        check("a/b", 9, "a/b");
    }

    /// Few names, so that they meet.
    fn words(wild: &'static [&'static str]) -> impl Strategy<Value = String> {
        let level = prop::sample::select(["a", "b", "$S", ""].to_vec());
        let wild = prop::sample::select(wild.to_vec());
        (prop::collection::vec(prop_oneof![4 => level, 2 => wild], 1..4), any::<bool>())
            .prop_map(|(levels, open)| levels.join("/") + if open { "/#" } else { "" })
    }

    fn filters() -> impl Strategy<Value = Filter> {
        words(&["+"]).prop_filter_map("no filter", |text| Filter::parse(&text).ok())
    }

    fn topics() -> impl Strategy<Value = Topic> {
        let level = prop::sample::select(["a", "b", "$S", "", "c"].to_vec());
        prop::collection::vec(level, 1..5)
            .prop_filter_map("no topic", |levels| Topic::parse(&levels.join("/")).ok())
    }

    proptest! {
        #[test]
        fn sets_are_what_filters_match(one in filters(), two in filters(), topic in topics()) {
            let (first, second) = (TopicSet::of(&one), TopicSet::of(&two));
            prop_assert_eq!(first.has(&topic), one.matches(&topic));
            let met = first.meet(&second);
            let both = one.matches(&topic) && two.matches(&topic);
            prop_assert_eq!(met.is_some_and(|met| met.has(&topic)), both);
            if first.covers(&second) && two.matches(&topic) {
                prop_assert!(one.matches(&topic));
            }
        }

        #[test]
        fn a_renamed_set_has_what_the_rule_makes_of_its_topics(
            (filter, topic) in (filters(), topics()),
            pattern in words(&["+"]),
            local in prop::sample::select(["", "a/", "a", "b/a/", "/"].to_vec()),
            remote in prop::sample::select(["", "a/", "b", "a/b/", "/"].to_vec()),
        ) {
            let Ok(rule) = Rule::new(&pattern, Direction::Out, QoS::AtMostOnce, local, remote)
            else { return Ok(()) };
            let leaves = TopicSet::of(&filter).meet(&TopicSet::of(rule.local()));
            let there = leaves.and_then(|set| set.renamed(local, remote));
            if filter.matches(&topic) && let Some(renamed) = rule.to_remote(&topic) {
                prop_assert!(there.as_ref().is_some_and(|set| set.has(&renamed)), "{}", renamed);
            }
            // And nothing else: each topic of the new set has one that it comes from.
            if let Some(set) = &there && set.has(&topic) {
                let back = Rule::new(&pattern, Direction::Out, QoS::AtMostOnce, remote, local);
                let back = back.expect("the rule the other way round");
                let source = back.to_remote(&topic);
                let source = source.filter(|it| filter.matches(it));
                let again = source.and_then(|it| rule.to_remote(&it));
                // A topic behind a prefix may begin with `$`, which no filter gives back.
                if !topic.is_dollar() {
                    prop_assert_eq!(again, Some(topic));
                }
            }
        }
    }
}
