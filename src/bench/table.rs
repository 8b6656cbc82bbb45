//! A report as tables: the figure of each load side by side, and behind it what it cost. For a
//! terminal, or as Markdown.

use std::fmt::Write;

use super::figures::{Latency, Spread, float};
use super::load::Unit;
use super::report::{Cell, Report};

/// How a table is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Text,
    Markdown,
}

/// Rows of words; the first one is the head.
pub struct Table {
    pub rows: Vec<Vec<String>>,
}

/// The report's tables.
#[must_use]
pub fn draw(report: &Report, style: Style) -> String {
    let mut text = String::new();
    let mut targets: Vec<&str> = Vec::new();
    for cell in &report.cells {
        if !targets.contains(&cell.target.as_str()) {
            targets.push(&cell.target);
        }
    }
    text += &figures(report, &targets).draw(style);
    text += "\n";
    text += &costs(report).draw(style);
    text += "\n";
    text += &foot(report);
    text
}

/// Load by load, what each target did.
fn figures(report: &Report, targets: &[&str]) -> Table {
    let mut head = vec!["load".to_owned(), "unit".to_owned()];
    head.extend(targets.iter().map(|&it| it.to_owned()));
    let mut rows = vec![head];
    for cell in &report.cells {
        if rows.last().is_none_or(|row| row[0] != cell.what) {
            rows.push(vec![cell.what.to_owned(), unit(cell.unit).to_owned()]);
        }
        let shown = match (&cell.value, &cell.absent) {
            (Some(value), _) => figure(cell.unit, value.median),
            (None, Some(why)) => why.clone(),
            (None, None) => "not measured".to_owned(),
        };
        if let Some(row) = rows.last_mut() {
            row.push(shown);
        }
    }
    Table { rows }
}

/// For each load and target, what it took.
fn costs(report: &Report) -> Table {
    let head = [
        "load",
        "target",
        "min",
        "max",
        "p50",
        "p90",
        "p99",
        "p99.9",
        "max µs",
        "CPU µs each",
        "peak MiB",
        "lost",
        "twice",
        "late",
        "also",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for cell in report.cells.iter().filter(|it| it.value.is_some()) {
        rows.push(cost(cell));
    }
    Table { rows }
}

fn cost(cell: &Cell) -> Vec<String> {
    let spread = |of: fn(&Spread) -> f64| {
        cell.value.as_ref().map_or("n/a".to_owned(), |it| figure(cell.unit, of(it)))
    };
    let latency = |of: fn(&Latency) -> f64| {
        let median = cell.median(|it| it.latency.as_ref().map(of));
        median.map_or(String::new(), |it| format!("{it:.1}"))
    };
    let cpu = cell.median(|it| it.cpu_us_per_message);
    let peak = cell.median(|it| it.peak_memory_bytes.map(|it| float(it) / 1_048_576.0));
    let or_not =
        |it: Option<f64>, digits: usize| it.map_or("n/a".to_owned(), |it| format!("{it:.digits$}"));
    let names = cell.rounds.iter().flat_map(|it| it.more.keys()).copied();
    let also = names.collect::<std::collections::BTreeSet<_>>().into_iter().map(|name| {
        let value = cell.median(|it| it.more.get(name).copied()).unwrap_or_default();
        let value = if value < 100.0 { format!("{value:.2}") } else { thousands(value) };
        format!("{} {value}", name.replace('_', " "))
    });
    vec![
        cell.load.to_owned(),
        cell.target.clone(),
        spread(|it| it.min),
        spread(|it| it.max),
        latency(|it| it.p50_us),
        latency(|it| it.p90_us),
        latency(|it| it.p99_us),
        latency(|it| it.p999_us),
        latency(|it| it.max_us),
        or_not(cpu, 2),
        or_not(peak, 1),
        cell.sum(|it| it.lost).to_string(),
        cell.sum(|it| it.duplicated).to_string(),
        cell.sum(|it| it.reordered).to_string(),
        also.collect::<Vec<_>>().join(", "),
    ]
}

/// What holds for all rows.
fn foot(report: &Report) -> String {
    let mut text = String::new();
    let options = &report.options;
    let machine = &report.machine;
    let mut line = |words: std::fmt::Arguments<'_>| {
        writeln!(text, "{words}").expect("a string takes all");
    };
    line(format_args!(
        "Medians of {} rounds of {} s; payloads of {} bytes, windows of {}; load and brokers share \
         {} processors ({}).",
        options.rounds,
        options.seconds,
        options.payload_bytes,
        options.window,
        machine.processors,
        machine.system
    ));
    if let (Some(p50), Some(p99)) = (machine.fsync_p50_us, machine.fsync_p99_us) {
        line(format_args!(
            "A small write with its fsync in the durable broker's folder: median {p50:.0} µs, \
             99 % within {p99:.0} µs."
        ));
    }
    if report.ended_early {
        line(format_args!("Ended early: what is not measured is missing."));
    }
    for error in &report.errors {
        line(format_args!("ERROR: {error}"));
    }
    text
}

fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::MessagesPerSecond => "messages/s",
        Unit::ConnectionsPerSecond => "connections/s",
        Unit::Microseconds => "µs",
        Unit::BytesPerConnection => "bytes",
    }
}

fn figure(unit: Unit, value: f64) -> String {
    if value.is_nan() {
        return "n/a".to_owned();
    }
    match unit {
        Unit::Microseconds => format!("{value:.1}"),
        _ => thousands(value),
    }
}

/// 1234567.8 as 1,234,568.
pub fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits.as_str()), |it| ("-", it));
    let mut text = sign.to_owned();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl Table {
    /// Columns without any word below their head are left out.
    pub fn draw(&self, style: Style) -> String {
        let Some(head) = self.rows.first() else { return String::new() };
        let word = |row: &'_ Vec<String>, at: usize| row.get(at).cloned().unwrap_or_default();
        let columns: Vec<usize> = (0..head.len())
            .filter(|at| self.rows[1..].iter().any(|row| !word(row, *at).is_empty()))
            .collect();
        let width = |at: usize| {
            self.rows.iter().map(|row| word(row, at).chars().count()).max().unwrap_or(0)
        };
        let line = |cells: Vec<String>| match style {
            Style::Markdown => format!("| {} |\n", cells.join(" | ")),
            Style::Text => format!("{}\n", cells.join("  ").trim_end()),
        };
        // Numbers stand under each other; the first column is words.
        let row = |row: &Vec<String>| {
            let cells = columns.iter().map(|at| {
                let (word, width) = (word(row, *at), width(*at));
                if *at == 0 { format!("{word:width$}") } else { format!("{word:>width$}") }
            });
            line(cells.collect())
        };
        let rule = columns.iter().map(|at| match style {
            Style::Markdown if *at > 0 => format!("{}:", "-".repeat(width(*at).max(2) - 1)),
            _ => "-".repeat(width(*at)),
        });
        row(head) + &line(rule.collect()) + &self.rows[1..].iter().map(row).collect::<String>()
    }
}

#[cfg(test)]
mod tests;
