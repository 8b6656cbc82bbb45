//! Reads a board's programs, and checks that each is told what its kind understands.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::Spanned;

use super::raw::RawProgram;
use super::read::Check;
use super::{CounterSetup, Kind, Program, Setup, TallySetup};
use crate::mqtt::topic::TopicError;
use crate::mqtt::{Filter, QoS, Topic};

/// Where the numbers go where nothing is said.
const TOPIC: &str = "count";
/// Numbers a second, at most.
const FASTEST: f64 = 10_000.0;
/// The slowest rate counts once in a day.
const SLOWEST: f64 = 1.0 / 86_400.0;
/// What a counter may be told to count to at once.
pub(super) const AT_ONCE: RangeInclusive<u64> = 1..=10_000;

/// Programs whose client ids are their own.
const CARDS: [Kind; 3] = [Kind::Card1, Kind::Card2, Kind::Display];

impl Check<'_> {
    pub(super) fn programs(&mut self, raw: Vec<RawProgram>) -> Vec<Program> {
        let mut programs: Vec<Program> = Vec::new();
        for program in raw {
            let (at, name) = (program.name.span().start, program.name.get_ref().clone());
            self.name(at, &name);
            let (kind_at, kind) = (program.kind.span().start, *program.kind.get_ref());
            if kind.client_id().is_some() && programs.iter().any(|other| other.kind() == kind) {
                let help = "one client id would take the other's place at the broker, for ever; \
                            put the second program on another board";
                let what = "this board has a program of this kind already";
                self.wrong(kind_at, what, Some(help.to_owned()));
            }
            if kind.client_id().is_none() && CARDS.iter().any(|it| it.client_id() == Some(&name)) {
                let help = "a counter and a tally have their names for client ids";
                let what = format!("`{name}` is the client id of another kind");
                self.wrong(at, what, Some(help.to_owned()));
            }
            if self.programs.insert(name.clone(), kind).is_some() {
                self.wrong(at, format!("there is a program `{name}` already"), None);
            }
            if let Some(setup) = self.setup(kind, program) {
                programs.push(Program { name, setup });
            }
        }
        programs
    }

    /// What a program is told; nothing where that is wrong.
    fn setup(&mut self, kind: Kind, raw: RawProgram) -> Option<Setup> {
        self.strange_keys(kind, &raw);
        match kind {
            Kind::Card1 => Some(Setup::Card1),
            Kind::Card2 => Some(Setup::Card2),
            Kind::Display => Some(Setup::Display),
            Kind::Counter => self.counter(raw).map(Setup::Counter),
            Kind::Tally => self.tally(raw).map(Setup::Tally),
        }
    }

    /// Keys that another kind understands.
    fn strange_keys(&mut self, kind: Kind, raw: &RawProgram) {
        let (counter, tally) = (&[Kind::Counter][..], &[Kind::Tally][..]);
        let both = &[Kind::Counter, Kind::Tally][..];
        let keys = [
            ("topic", raw.topic.as_ref().map(Spanned::span), both),
            ("topics", raw.topics.as_ref().map(Spanned::span), tally),
            ("rate", raw.rate.as_ref().map(Spanned::span), counter),
            ("qos", raw.qos.as_ref().map(Spanned::span), both),
            ("retain", raw.retain.as_ref().map(Spanned::span), counter),
            ("limit", raw.limit.as_ref().map(Spanned::span), counter),
            ("clean_session", raw.clean_session.as_ref().map(Spanned::span), both),
        ];
        for (key, span, kinds) in keys {
            let Some(span) = span.filter(|_| !kinds.contains(&kind)) else { continue };
            let whose = if kinds == both { "a counter and a tally" } else { word(kinds[0]) };
            let known = match kind {
                Kind::Counter => "topic, rate, qos, retain, limit, clean_session",
                Kind::Tally => "topic, topics, qos, clean_session",
                Kind::Card1 | Kind::Card2 | Kind::Display => "nothing but its name and kind",
            };
            let help = format!("it belongs to {whose}; {} has {known}", word(kind));
            self.wrong(span.start, format!("{} has no `{key}`", word(kind)), Some(help));
        }
    }

    fn counter(&mut self, raw: RawProgram) -> Option<CounterSetup> {
        let topic = match &raw.topic {
            Some(topic) => self.parsed(topic.span().start, Topic::parse(topic.get_ref())),
            None => self.parsed(0, Topic::parse(TOPIC)),
        };
        let every = self.every(raw.rate.as_ref());
        let qos = self.qos(raw.qos.as_ref());
        if let Some(limit) = raw.limit.as_ref().filter(|it| *it.get_ref() == 0) {
            let help = "leave it out for no end; `rate = 0` counts only by hand";
            self.wrong(limit.span().start, "`limit` is at least 1", Some(help.to_owned()));
        }
        Some(CounterSetup {
            topic: topic?,
            every,
            qos: qos?,
            retain: raw.retain.is_some_and(Spanned::into_inner),
            limit: raw.limit.map(Spanned::into_inner),
            clean_session: raw.clean_session.is_some_and(Spanned::into_inner),
        })
    }

    fn tally(&mut self, raw: RawProgram) -> Option<TallySetup> {
        if let (Some(_), Some(topics)) = (&raw.topic, &raw.topics) {
            let help = "write all of them in `topics`";
            let what = "this tally has `topic` and `topics`";
            self.wrong(topics.span().start, what, Some(help.to_owned()));
        }
        let (at, texts) = match (raw.topics, raw.topic) {
            (Some(topics), _) => (topics.span().start, topics.into_inner()),
            (None, Some(topic)) => (topic.span().start, vec![topic.into_inner()]),
            (None, None) => (0, vec![TOPIC.to_owned()]),
        };
        if texts.is_empty() {
            let help = format!("leave it out for `{TOPIC}`");
            self.wrong(at, "a tally needs a topic", Some(help));
        }
        let topics: Vec<_> =
            texts.iter().filter_map(|it| self.parsed(at, Filter::parse(it))).collect();
        let qos = self.qos(raw.qos.as_ref());
        let clean_session = raw.clean_session.is_some_and(Spanned::into_inner);
        Some(TallySetup { topics, qos: qos?, clean_session })
    }

    pub(super) fn parsed<T>(&mut self, at: usize, parsed: Result<T, TopicError>) -> Option<T> {
        match parsed {
            Ok(parsed) => Some(parsed),
            Err(error) => {
                self.wrong(at, error.to_string(), None);
                None
            }
        }
    }

    /// The time from one number to the next: a second where nothing is said, and none for 0.
    fn every(&mut self, rate: Option<&Spanned<f64>>) -> Option<Duration> {
        let per_second = rate.map_or(1.0, |rate| *rate.get_ref());
        if per_second == 0.0 {
            return None;
        }
        if (SLOWEST..=FASTEST).contains(&per_second) {
            return Some(Duration::from_secs_f64(per_second.recip()));
        }
        let at = rate.map_or(0, |rate| rate.span().start);
        let help = "0 counts only by hand; 0.5 is one number in two seconds";
        let what = format!("`rate` is 0 to {FASTEST} a second, not {per_second}");
        self.wrong(at, what, Some(help.to_owned()));
        None
    }

    pub(super) fn qos(&mut self, qos: Option<&Spanned<u64>>) -> Option<QoS> {
        match qos.map_or(2, |qos| *qos.get_ref()) {
            0 => Some(QoS::AtMostOnce),
            1 => Some(QoS::AtLeastOnce),
            2 => Some(QoS::ExactlyOnce),
            other => {
                let at = qos.map_or(0, |qos| qos.span().start);
                self.wrong(at, format!("`qos` is 0, 1 or 2, not {other}"), None);
                None
            }
        }
    }
}

/// A kind in a sentence.
pub(super) fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Card1 => "card1",
        Kind::Card2 => "card2",
        Kind::Display => "the display",
        Kind::Counter => "a counter",
        Kind::Tally => "a tally",
    }
}
