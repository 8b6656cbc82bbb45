//! A tree of topic levels that holds values: subscriptions under filters, retained messages under
//! topic names. Looking up costs what the levels of the name cost, however much the tree holds.
//!
//! One hash table finds the children of all nodes: a map in each node would cost more the more
//! children it has, and memory where it has few.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use smallvec::SmallVec;

use crate::mqtt::{Filter, Topic};

const ROOT: usize = 0;

/// Values under paths of levels. Wildcards are levels like any other; only the two searches give
/// them a meaning.
#[derive(Debug, Clone)]
pub struct Tree<V> {
    nodes: Vec<Node<V>>,
    free: Vec<usize>,
    /// Every node but the root, by its parent and its level. Never iterated: the order of siblings
    /// is that in which they came.
    by_level: HashTable<usize>,
    hasher: DefaultHashBuilder,
}

/// A level under its parent. The root stands for "none" where a node is named, as it is nobody's
/// child.
#[derive(Debug, Clone)]
struct Node<V> {
    parent: usize,
    level: Box<str>,
    last_child: usize,
    next_sibling: usize,
    previous_sibling: usize,
    /// How many of its children are wildcards.
    wildcards: u8,
    value: Option<V>,
}

impl<V> Default for Tree<V> {
    fn default() -> Self {
        Self {
            nodes: vec![Node::new(ROOT, "", ROOT)],
            free: Vec::new(),
            by_level: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
        }
    }
}

impl<V> Node<V> {
    fn new(parent: usize, level: &str, previous_sibling: usize) -> Self {
        Self {
            parent,
            level: level.into(),
            last_child: ROOT,
            next_sibling: ROOT,
            previous_sibling,
            wildcards: 0,
            value: None,
        }
    }
}

impl<V> Tree<V> {
    /// The place of a value under `path`, made if need be.
    pub fn entry<'a>(&mut self, path: impl Iterator<Item = &'a str>) -> &mut Option<V> {
        let mut at = ROOT;
        for level in path {
            at = match self.child(at, level) {
                Some(child) => child,
                None => self.grow(at, level),
            };
        }
        &mut self.nodes[at].value
    }

    /// Whether there is a value under `path`.
    pub fn contains<'a>(&self, path: impl Iterator<Item = &'a str>) -> bool {
        self.find(path).is_some_and(|at| self.nodes[at].value.is_some())
    }

    /// The value under `path`.
    pub fn get_mut<'a>(&mut self, path: impl Iterator<Item = &'a str>) -> Option<&mut V> {
        let at = self.find(path)?;
        self.nodes[at].value.as_mut()
    }

    /// Takes the value under `path` out, and the levels that nothing needs any more.
    pub fn remove<'a>(&mut self, path: impl Iterator<Item = &'a str>) -> Option<V> {
        let mut at = self.find(path)?;
        let value = self.nodes[at].value.take();
        while at != ROOT && self.nodes[at].value.is_none() && self.nodes[at].last_child == ROOT {
            at = self.cut_off(at);
        }
        value
    }

    /// The values under filters that match `topic`, in an order that depends on the filters alone.
    /// [MQTT 3.1.1, section 4.7]
    pub fn matching(&mut self, topic: &Topic, mut found: impl FnMut(&mut V)) {
        if self.nodes.len() == 1 {
            return;
        }
        // Nodes to look at, each with what is left of the name: none behind its last level.
        let mut open = SmallVec::<[(usize, Option<&str>); 8]>::new();
        open.push((ROOT, Some(topic.as_str())));
        let mut dollar = topic.is_dollar();
        while let Some((at, rest)) = open.pop() {
            // [MQTT-4.7.2-1]
            let leading_dollar = std::mem::take(&mut dollar);
            let wild = self.nodes[at].wildcards > 0 && !leading_dollar;
            if wild && let Some(all) = self.child(at, "#") {
                self.nodes[all].value.iter_mut().for_each(&mut found);
            }
            let Some(rest) = rest else {
                self.nodes[at].value.iter_mut().for_each(&mut found);
                continue;
            };
            let (level, rest) = match rest.split_once('/') {
                Some((level, rest)) => (level, Some(rest)),
                None => (rest, None),
            };
            if wild && let Some(child) = self.child(at, "+") {
                open.push((child, rest));
            }
            if let Some(child) = self.child(at, level) {
                open.push((child, rest));
            }
        }
    }

    /// The values under topic names that `filter` matches; where a wildcard stands for several
    /// names, in the order in which those came.
    pub fn matched_by(&self, filter: &Filter, mut found: impl FnMut(&V)) {
        let levels: Vec<&str> = filter.levels().collect();
        let mut open = vec![(ROOT, 0)];
        while let Some((at, depth)) = open.pop() {
            let Some(level) = levels.get(depth) else {
                self.nodes[at].value.iter().for_each(&mut found);
                continue;
            };
            match *level {
                "#" => self.everything_from(at, &mut found),
                "+" => open.extend(self.wild_children(at).map(|child| (child, depth + 1))),
                name => open.extend(self.child(at, name).map(|child| (child, depth + 1))),
            }
        }
    }

    /// The values of a node and of all below it: what `#` stands for. [MQTT-4.7.1-2]
    fn everything_from(&self, from: usize, found: &mut impl FnMut(&V)) {
        let mut open = vec![from];
        while let Some(at) = open.pop() {
            self.nodes[at].value.iter().for_each(&mut *found);
            open.extend(self.wild_children(at));
        }
    }

    /// The children a wildcard stands for, the last one first, because they go onto a stack: a
    /// leading wildcard leaves out names that begin with `$`. [MQTT-4.7.2-1]
    fn wild_children(&self, at: usize) -> impl Iterator<Item = usize> {
        let some = |node: usize| (node != ROOT).then_some(node);
        let all = std::iter::successors(some(self.nodes[at].last_child), move |child| {
            some(self.nodes[*child].previous_sibling)
        });
        all.filter(move |child| at != ROOT || !self.nodes[*child].level.starts_with('$'))
    }

    fn find<'a>(&self, path: impl Iterator<Item = &'a str>) -> Option<usize> {
        let mut at = ROOT;
        for level in path {
            at = self.child(at, level)?;
        }
        Some(at)
    }

    fn child(&self, parent: usize, level: &str) -> Option<usize> {
        if self.nodes[parent].last_child == ROOT {
            return None;
        }
        let hash = self.hasher.hash_one((parent, level));
        let same = |node: &usize| {
            let node = &self.nodes[*node];
            node.parent == parent && *node.level == *level
        };
        self.by_level.find(hash, same).copied()
    }

    fn grow(&mut self, parent: usize, level: &str) -> usize {
        let previous = self.nodes[parent].last_child;
        let node = Node::new(parent, level, previous);
        let at = if let Some(at) = self.free.pop() {
            self.nodes[at] = node;
            at
        } else {
            self.nodes.push(node);
            self.nodes.len() - 1
        };
        if previous != ROOT {
            self.nodes[previous].next_sibling = at;
        }
        self.nodes[parent].last_child = at;
        self.nodes[parent].wildcards += u8::from(is_wildcard(level));
        let hash = |node: &usize| {
            let node = &self.nodes[*node];
            self.hasher.hash_one((node.parent, &*node.level))
        };
        self.by_level.insert_unique(hash(&at), at, hash);
        at
    }

    /// Takes a node without children out, and gives back its parent.
    fn cut_off(&mut self, at: usize) -> usize {
        let level = std::mem::take(&mut self.nodes[at].level);
        let Node { parent, next_sibling, previous_sibling, .. } = self.nodes[at];
        let hash = self.hasher.hash_one((parent, &*level));
        if let Ok(entry) = self.by_level.find_entry(hash, |node| *node == at) {
            entry.remove();
        }
        if previous_sibling != ROOT {
            self.nodes[previous_sibling].next_sibling = next_sibling;
        }
        if next_sibling == ROOT {
            self.nodes[parent].last_child = previous_sibling;
        } else {
            self.nodes[next_sibling].previous_sibling = previous_sibling;
        }
        self.nodes[parent].wildcards -= u8::from(is_wildcard(&level));
        self.free.push(at);
        parent
    }
}

fn is_wildcard(level: &str) -> bool {
    matches!(level, "+" | "#")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(levels: &[usize]) -> String {
        levels.iter().map(|n| ["a", "b", "", "$x", "+"][*n]).collect::<Vec<_>>().join("/")
    }

    proptest! {
        /// Both searches find what `Filter::matches` says, whatever came and went before.
        #[test]
        fn searches_agree_with_the_definition(
            topics in proptest::collection::vec(proptest::collection::vec(0_usize..4, 1..4), 1..20),
            filters in proptest::collection::vec((proptest::collection::vec(0_usize..5, 1..4), any::<bool>()), 1..20),
            gone in proptest::collection::vec(any::<bool>(), 20),
        ) {
            let mut topics: Vec<_> = topics.iter().filter_map(|t| Topic::parse(&text(t)).ok()).collect();
            let mut filters: Vec<_> = filters
                .iter()
                .map(|(levels, rest)| text(levels) + if *rest { "/#" } else { "" })
                .chain(["#".to_owned()])
                .filter_map(|f| Filter::parse(&f).ok())
                .collect();
            let (mut names, mut wanted) = (Tree::default(), Tree::default());
            for topic in &topics {
                *names.entry(topic.levels()) = Some(topic.clone());
            }
            for filter in &filters {
                *wanted.entry(filter.levels()) = Some(filter.clone());
            }
            for (topic, _) in topics.iter().zip(&gone).filter(|(_, gone)| **gone) {
                names.remove(topic.levels());
            }
            for (filter, _) in filters.iter().zip(&gone).filter(|(_, gone)| **gone) {
                wanted.remove(filter.levels());
            }
            let dead: Vec<_> = topics.iter().zip(&gone).filter(|(_, g)| **g).map(|(t, _)| t.clone()).collect();
            topics.retain(|t| !dead.contains(t));
            topics.sort();
            topics.dedup();
            let dead: Vec<_> = filters.iter().zip(&gone).filter(|(_, g)| **g).map(|(f, _)| f.clone()).collect();
            filters.retain(|f| !dead.contains(f));
            filters.sort();
            filters.dedup();
            for topic in &topics {
                let mut found = Vec::new();
                wanted.matching(topic, |f: &mut Filter| found.push(f.clone()));
                found.sort();
                let expected: Vec<_> = filters.iter().filter(|f| f.matches(topic)).cloned().collect();
                prop_assert_eq!(found, expected, "filters for {}", topic);
            }
            for filter in &filters {
                let mut found = Vec::new();
                names.matched_by(filter, |t: &Topic| found.push(t.clone()));
                found.sort();
                let expected: Vec<_> = topics.iter().filter(|t| filter.matches(t)).cloned().collect();
                prop_assert_eq!(found, expected, "topics for {}", filter);
            }
        }
    }

    #[test]
    fn an_emptied_tree_needs_no_more_room() {
        let mut tree = Tree::default();
        for round in 0..100 {
            let topic = Topic::parse(&format!("a/{round}/c")).expect("a topic");
            *tree.entry(topic.levels()) = Some(round);
            assert_eq!(tree.remove(topic.levels()), Some(round));
        }
        assert_eq!(tree.nodes.len(), 4);
        assert!(tree.by_level.is_empty());
    }
}
