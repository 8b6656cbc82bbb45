//! What a report tells beside its verdict: the system, what was done to it and when, and how long
//! deliveries took.

use std::time::Duration;

use serde::Serialize;

use crate::lab::chronicle::{Chronicle, Turn};
use crate::lab::plan::Plan;
use crate::lab::snapshot::ProgramKind;

/// See the module.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Detail {
    /// The scenario's name for people.
    pub title: String,
    /// When it began, since 1970, in seconds.
    pub began_s: u64,
    /// The system.
    pub topology: Topology,
    /// What was done to it, in order.
    pub timeline: Vec<MarkReport>,
    /// How much more of that there was.
    pub left_out: u64,
    /// How long the whole took, in seconds, as the trace has it.
    pub seconds: f64,
    /// How long deliveries took, way by way.
    pub ways: Vec<WayReport>,
    /// All of them, from the shortest.
    #[serde(skip)]
    pub times: Vec<Duration>,
}

/// The boards and what joins them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Topology {
    /// In the order of the scenario.
    pub boards: Vec<BoardReport>,
    /// In the order of their boards.
    pub bridges: Vec<BridgeReport>,
}

/// A board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BoardReport {
    /// Its name.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// What its broker is.
    pub engine: String,
    /// Its programs and what they are.
    pub programs: Vec<(String, String)>,
}

/// A bridge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BridgeReport {
    /// Its name.
    pub name: String,
    /// The board that dials.
    pub from: String,
    /// The board that is dialled, or the address of somebody else.
    pub to: String,
    /// Its `topic` lines.
    pub rules: Vec<String>,
}

/// Something that was done, or that a fault did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MarkReport {
    /// Seconds since the beginning.
    pub at_seconds: f64,
    /// To what.
    pub who: String,
    /// In words.
    pub what: String,
    /// What it begins or ends.
    pub turn: Turn,
}

/// The deliveries of one way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WayReport {
    /// The broker where messages entered.
    pub from: String,
    /// The broker that delivered them.
    pub by: String,
    /// The client that got them.
    pub to: String,
    /// How many.
    pub count: usize,
    /// Half of them took no longer.
    pub median_ms: f64,
    /// Of a hundred, one took longer.
    pub p99_ms: f64,
    /// The longest.
    pub longest_ms: f64,
}

impl Topology {
    /// Of a plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let board = |board: &crate::lab::plan::BoardPlan| BoardReport {
            name: board.name.to_string(),
            title: board.title.clone(),
            engine: board.engine.name().to_owned(),
            programs: board
                .programs
                .iter()
                .map(|it| (it.name.to_string(), kind(it.kind()).to_owned()))
                .collect(),
        };
        let bridges = plan.bridge_facts().into_iter().map(|facts| BridgeReport {
            name: facts.cable.to_string(),
            from: facts.local.to_string(),
            to: facts.remote.to_string(),
            rules: facts.rules.iter().map(ToString::to_string).collect(),
        });
        Self { boards: plan.boards.iter().map(board).collect(), bridges: bridges.collect() }
    }
}

fn kind(kind: ProgramKind) -> &'static str {
    match kind {
        ProgramKind::Card1 => "sensors 1 to 3",
        ProgramKind::Card2 => "sensors 4 to 6",
        ProgramKind::Display => "display",
        ProgramKind::Counter => "counter",
        ProgramKind::Tally => "tally",
    }
}

impl Detail {
    /// Of a system with this name and shape, and what happened to it.
    #[must_use]
    pub fn new(title: &str, topology: Topology, chronicle: &Chronicle) -> Self {
        let (began, ended) = chronicle.between();
        let (marks, left_out) = chronicle.marks();
        let timeline = marks.iter().map(|mark| MarkReport {
            at_seconds: mark.at.saturating_sub(began).as_secs_f64(),
            who: mark.who.clone(),
            what: mark.what.clone(),
            turn: mark.turn,
        });
        let timings = chronicle.timings();
        let ways = timings.ways.into_iter().map(|way| WayReport {
            from: way.from,
            by: way.by,
            to: way.to,
            count: way.count,
            median_ms: ms(way.median),
            p99_ms: ms(way.p99),
            longest_ms: ms(way.longest),
        });
        Self {
            title: title.to_owned(),
            began_s: began.as_secs(),
            topology,
            timeline: timeline.collect(),
            left_out,
            seconds: ended.saturating_sub(began).as_secs_f64(),
            ways: ways.collect(),
            times: timings.all,
        }
    }
}

pub(super) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
