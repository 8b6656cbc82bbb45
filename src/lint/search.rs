//! Looks for loops: topics that come back to where they were by the rules of bridges.
//!
//! ```text
//! filters --- followed as sets ---> which topics can be anywhere ---> one example of each kind
//! each example --- followed by the rules themselves ---> does it come back, as itself or longer?
//! ```
//!
//! The sets only choose the examples: what is called a loop has been walked by the very functions
//! that the broker uses, so none is called one that is none.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::graph::{Crossing, Graph};
use crate::mqtt::topic::{MAX_LEN, MAX_LEVELS};
use crate::mqtt::{Topic, TopicSet};

/// How many sets are told apart before the search gives up.
const MOST_SETS: usize = 4_000;
/// How many steps all walks together may take.
const MOST_STEPS: usize = 400_000;
/// How many steps one walk may take.
const WALK: usize = 4_000;
/// A topic that grows with each round, this often, grows for ever: its beginning repeats itself
/// long before.
const ROUNDS: usize = 300;

/// What the search found.
#[derive(Debug, Default)]
pub struct Found<'a> {
    /// The loops, one for each set of bridges.
    pub loops: Vec<Loop<'a>>,
    /// Whether there was too much to look at all of it.
    pub gave_up: bool,
}

/// A loop.
#[derive(Debug, Clone)]
pub struct Loop<'a> {
    /// The way round. The last is the one that is written last.
    pub path: Vec<Crossing<'a>>,
    /// A topic that goes round, as it is where the way begins.
    pub topic: Topic,
    /// What it is called when it is back: itself, or something longer.
    pub back: Topic,
    /// Whether something goes round the other way as well.
    pub both_ways: bool,
}

/// All loops of a graph.
#[must_use]
pub fn search<'a>(graph: &Graph<'a>) -> Found<'a> {
    let mut search = Search::new(graph);
    let mut loops: BTreeMap<BTreeSet<usize>, Loop<'a>> = BTreeMap::new();
    for (start, topic) in search.examples() {
        let Some(path) = search.walk(start, &topic) else { continue };
        let bridges = path.iter().map(|at| graph.crossings[*at].link.number).collect();
        let path: Vec<_> = path.iter().map(|at| graph.crossings[*at]).collect();
        if let Some(known) = loops.get_mut(&bridges) {
            let other = |it: &Crossing<'_>| {
                !known.path.iter().any(|own| own.way == it.way && own.link.number == it.link.number)
            };
            known.both_ways |= path.iter().all(other);
        } else if let Some(found) = turned(&path, &topic) {
            loops.insert(bridges, found);
        }
    }
    let mut loops: Vec<_> = loops.into_values().collect();
    loops.sort_by_key(|it| it.path.len());
    Found { loops, gave_up: search.gave_up }
}

struct Search<'g, 'a> {
    graph: &'g Graph<'a>,
    /// Which may follow which.
    next: Vec<Vec<usize>>,
    /// The levels of the deepest filter.
    deepest: usize,
    /// A level that no rule names.
    name: String,
    steps: usize,
    gave_up: bool,
}

impl<'g, 'a> Search<'g, 'a> {
    fn new(graph: &'g Graph<'a>) -> Self {
        let all = || graph.crossings.iter();
        let follow = |before: &Crossing<'a>| {
            all().enumerate().filter(|(_, it)| it.follows(before)).map(|(at, _)| at).collect()
        };
        let taken: BTreeSet<_> = all()
            .flat_map(|it| it.rule().local().levels().chain(it.rule().remote().levels()))
            .collect();
        let names = (0..=taken.len()).map(|at| format!("x{at}"));
        let mut names = std::iter::once("x".to_owned()).chain(names);
        Self {
            graph,
            next: all().map(follow).collect(),
            deepest: all().map(|it| TopicSet::of(it.filter()).depth()).max().unwrap_or(0),
            name: names.find(|name| !taken.contains(name.as_str())).unwrap_or_default(),
            steps: 0,
            gave_up: false,
        }
    }

    /// Follows whole filters along all ways, and gives back one topic of each kind that gets to a
    /// crossing: of a loop's crossing, one of the topics that make it round is among them.
    /// Those that look like what people publish come first: below `a/#` it is `a/x`, not `a`; then the
    /// shortest.
    fn examples(&mut self) -> Vec<(usize, Topic)> {
        let all = self.graph.crossings.iter().enumerate();
        let mut queue: VecDeque<_> =
            all.map(|(at, crossing)| (at, TopicSet::of(crossing.filter()))).collect();
        let mut seen: BTreeSet<_> = queue.iter().cloned().collect();
        while let Some((at, topics)) = queue.pop_front() {
            let Some(there) = self.graph.crossings[at].cross_all(&topics) else { continue };
            for next in &self.next[at] {
                let filter = self.graph.crossings[*next].filter();
                let Some(taken) = there.meet(&TopicSet::of(filter)) else { continue };
                let state = (*next, taken);
                // What is deeper than all filters comes of a prefix that grows, and has been seen
                // growing.
                if state.1.depth() > self.deepest + 2 || seen.contains(&state) {
                    continue;
                }
                if seen.len() >= MOST_SETS {
                    self.gave_up = true;
                    continue;
                }
                seen.insert(state.clone());
                queue.push_back(state);
            }
        }
        let deepest = self.deepest + 1;
        let depths = |topics: &TopicSet| topics.depth()..=topics.depth().max(deepest);
        let example = |(at, topics): &(usize, TopicSet)| {
            let all = depths(topics).filter_map(|depth| topics.example(&self.name, depth));
            all.map(|topic| (*at, topic)).collect::<Vec<_>>()
        };
        let mut all: Vec<_> = seen.iter().flat_map(example).collect();
        let bare = |topic: &Topic| topic.levels().all(|level| level != self.name);
        all.sort_by_cached_key(|(at, topic)| {
            (bare(topic), topic.as_str().len(), topic.clone(), *at)
        });
        all.dedup();
        all
    }

    /// The shortest way round that brings a topic back to its crossing, as itself or longer and
    /// longer.
    fn walk(&mut self, start: usize, topic: &Topic) -> Option<Vec<usize>> {
        let mut steps = vec![(start, topic.clone(), 0)];
        let mut seen = BTreeSet::from([(start, topic.clone())]);
        let mut at = 0;
        while let Some((crossing, name, _)) = steps.get(at).cloned() {
            self.steps += 1;
            if self.steps > MOST_STEPS || at > WALK {
                self.gave_up = true;
                return None;
            }
            if let Some(there) = self.graph.crossings[crossing].cross(&name) {
                for next in &self.next[crossing] {
                    if *next == start && self.comes_back(&steps, at, &there) {
                        return Some(way(&steps, at));
                    }
                    let deep = there.levels().count() > self.deepest + topic.levels().count() + 2;
                    if !deep && seen.insert((*next, there.clone())) {
                        steps.push((*next, there.clone(), at));
                    }
                }
            }
            at += 1;
        }
        None
    }

    /// Whether the way to step `at`, gone again and again from `there`, never ends.
    fn comes_back(&self, steps: &[Step], at: usize, there: &Topic) -> bool {
        if *there == steps[0].1 {
            return true;
        }
        let path: Vec<_> = way(steps, at).iter().map(|at| self.graph.crossings[*at]).collect();
        there.as_str().len() > steps[0].1.as_str().len() && grows(&path, there)
    }
}

/// A crossing, the topic that goes there, and the step before it; the first is its own.
type Step = (usize, Topic, usize);

/// The crossings from the first step to step `at`.
fn way(steps: &[Step], mut at: usize) -> Vec<usize> {
    let mut path = vec![steps[at].0];
    while at > 0 {
        at = steps[at].2;
        path.push(steps[at].0);
    }
    path.reverse();
    path
}

/// One round.
fn round(path: &[Crossing<'_>], topic: &Topic) -> Option<Topic> {
    path.iter().try_fold(topic.clone(), |topic, crossing| crossing.cross(&topic))
}

/// Whether a topic goes round until it is too long to be one.
fn grows(path: &[Crossing<'_>], topic: &Topic) -> bool {
    let mut topic = topic.clone();
    for _ in 0..ROUNDS {
        let Some(next) = round(path, &topic) else {
            // A round adds at most the prefixes of its rules.
            let added: usize = path.iter().map(|it| added(it, str::len)).sum();
            let levels: usize =
                path.iter().map(|it| added_levels(it)).sum::<usize>() + topic.levels().count();
            return levels > MAX_LEVELS || topic.as_str().len() + added > MAX_LEN;
        };
        if next.as_str().len() <= topic.as_str().len() {
            return false;
        }
        topic = next;
    }
    true
}

fn added(crossing: &Crossing<'_>, count: impl Fn(&str) -> usize) -> usize {
    count(crossing.rule().local_prefix()) + count(crossing.rule().remote_prefix())
}

fn added_levels(crossing: &Crossing<'_>) -> usize {
    added(crossing, |text| text.matches('/').count())
}

/// The loop, begun so that its last rule is the one that its authors wrote last.
fn turned<'a>(path: &[Crossing<'a>], topic: &Topic) -> Option<Loop<'a>> {
    let written = |it: &Crossing<'_>| (it.link.number, it.at);
    let last = (0..path.len()).max_by_key(|at| written(&path[*at]))?;
    let (before, after) = path.split_at((last + 1) % path.len());
    let topic = round(before, topic)?;
    let path = [after, before].concat();
    let back = round(&path, &topic)?;
    Some(Loop { path, topic, back, both_ways: false })
}
