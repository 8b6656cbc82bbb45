//! Growth as figures: for each measure and target a point at each step. As a table and as JSON; its
//! picture is the chart's.

use serde::Serialize;

use super::chart;
use super::figures::Spread;
use super::options::Options;
use super::table::{Style, Table, thousands};
use super::target::Target;

/// What grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    Connections,
    Retained,
    Subscriptions,
    Restart,
}

/// One step of a curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// How many there are of what grows.
    pub count: u64,
    /// Microseconds of the broker's processor time for a message; seconds of a restart.
    pub value: Spread,
    /// Messages that went through meanwhile.
    pub per_second: Option<f64>,
    /// The broker's memory at this step, before the messages.
    pub memory_bytes: Option<u64>,
    /// What each one since the first step has added to it.
    pub bytes_each: Option<f64>,
}

/// One measure of one target.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curve {
    pub measure: Measure,
    pub target: String,
    pub points: Vec<Point>,
}

/// All curves.
#[derive(Debug, Clone, Serialize)]
pub struct Growth {
    pub options: Options,
    pub curves: Vec<Curve>,
    pub errors: Vec<String>,
}

impl Measure {
    /// In the order in which they are taken.
    pub const ALL: [Self; 4] =
        [Self::Connections, Self::Retained, Self::Subscriptions, Self::Restart];

    /// In words, with its unit.
    pub fn what(self) -> &'static str {
        match self {
            Self::Connections => "CPU µs a message, beside connections",
            Self::Retained => "CPU µs a retained message, among retained topics",
            Self::Subscriptions => "CPU µs a message, among subscriptions",
            Self::Restart => "seconds to restart, with retained messages",
        }
    }

    /// What grows, in one word or two.
    pub fn grows(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Retained | Self::Restart => "retained topics",
            Self::Subscriptions => "subscriptions",
        }
    }

    /// Whether it says something of this target.
    pub fn fits(self, target: &Target) -> bool {
        self != Self::Restart || *target == Target::Durable
    }
}

impl Growth {
    /// Curve by curve, step by step.
    #[must_use]
    pub fn table(&self, style: Style) -> String {
        let mut counts: Vec<_> =
            self.curves.iter().flat_map(|it| &it.points).map(|it| it.count).collect();
        counts.sort_unstable();
        counts.dedup();
        let mut head = vec!["growth".to_owned(), "target".to_owned()];
        head.extend(counts.iter().map(|it| thousands(super::figures::float(*it))));
        head.push("bytes each".to_owned());
        let mut rows = vec![head];
        for curve in &self.curves {
            let at = |count: &u64| curve.points.iter().find(|it| it.count == *count);
            let shown = |it: Option<&Point>| it.map_or(String::new(), |it| short(it.value.median));
            let mut row = vec![curve.measure.what().to_owned(), curve.target.clone()];
            row.extend(counts.iter().map(|count| shown(at(count))));
            let each = curve.points.last().and_then(|it| it.bytes_each);
            row.push(each.map_or(String::new(), thousands));
            rows.push(row);
        }
        let errors = self.errors.iter().map(|it| format!("ERROR: {it}\n"));
        Table { rows }.draw(style) + &errors.collect::<String>()
    }

    /// As JSON.
    ///
    /// # Panics
    /// Never: all keys are text.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("all keys are text") + "\n"
    }

    /// As a picture: on the left what a message costs, on the right the restarts.
    #[must_use]
    pub fn svg(&self) -> String {
        let line = |curve: &Curve| chart::Line {
            name: format!("{}, {}", curve.measure.grows(), curve.target),
            points: curve
                .points
                .iter()
                .map(|it| (super::figures::float(it.count), it.value.median))
                .collect(),
        };
        let lines = |restart: bool| {
            let curves = self.curves.iter();
            curves.filter(move |it| (it.measure == Measure::Restart) == restart).map(line).collect()
        };
        chart::draw(&[
            chart::Panel {
                title: "What a message costs as the broker grows".to_owned(),
                x: "connections, retained topics or subscriptions".to_owned(),
                y: "processor time of the broker, µs a message".to_owned(),
                lines: lines(false),
            },
            chart::Panel {
                title: "How long a killed broker takes to answer again".to_owned(),
                x: "retained messages on disk".to_owned(),
                y: "seconds from start to CONNACK".to_owned(),
                lines: lines(true),
            },
        ])
    }
}

/// Three digits that count.
fn short(value: f64) -> String {
    if value.is_nan() {
        "n/a".to_owned()
    } else if value >= 100.0 {
        thousands(value)
    } else if value >= 1.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    }
}
