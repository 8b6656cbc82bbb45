//! A ladder as text for a terminal.
//!
//! ```text
//!    ms         pub                                board1
//!   0.0          |-- PUBLISH 1 a QoS 2 x ------------>|
//!   0.2          |<-x PUBREC 1 a ---------------------|  dropped (drop)
//! ```

use std::time::Duration;

use crate::lab::ladder::{Columns, Ladder, Row, What};
use crate::lab::trace::{Entry, Event, Party, Passage};

/// A gap between two columns has at least so many letters.
const NARROWEST: usize = 16;
/// And at most so many, where nobody knows how wide the terminal is.
const WIDEST: usize = 54;
/// Lines of a ladder that grows have so many letters, where nobody knows how wide the terminal is.
const GUESS: usize = 140;
/// A line begins with the time.
const TIME: usize = 12;
/// So much of a remark has room beside the columns.
const REMARK: usize = 24;
/// Where the first column stands.
const MARGIN: usize = 8;

/// Draws it. Empty for a ladder without rows.
#[must_use]
pub fn text(ladder: &Ladder) -> String {
    text_within(ladder, None)
}

/// Draws it for a terminal with lines of so many letters. Empty for a ladder without rows.
#[must_use]
pub fn text_within(ladder: &Ladder, width: Option<usize>) -> String {
    if ladder.rows.is_empty() {
        return String::new();
    }
    let places = places(ladder, width);
    let mut text = header(&ladder.columns, &places);
    for row in &ladder.rows {
        text.push_str(&line(&places, row));
    }
    text
}

/// The same with all gaps alike: where rows come and go, the columns stay where they are.
#[must_use]
pub fn text_evenly(ladder: &Ladder, width: usize) -> String {
    let places = evenly(&ladder.columns, width);
    let rows = ladder.rows.iter().map(|row| line(&places, row));
    std::iter::once(header(&ladder.columns, &places)).chain(rows).collect()
}

/// One row, with the columns at these places.
fn line(places: &[usize], row: &Row) -> String {
    let ms = row.after.as_secs_f64() * 1_000.0;
    let (cells, remark) = match &row.what {
        What::Arrow { from, to, text, passage, remark } => {
            (arrow(places, *from, *to, text, *passage), remark.as_str())
        }
        What::Line { at, text, is_fault } => (across(places, *at, text, *is_fault), ""),
    };
    format!("{}\n", format!("{ms:10.1}  {cells}  {remark}").trim_end())
}

/// Where each column stands, counted from the first character behind the time.
fn places(ladder: &Ladder, width: Option<usize>) -> Vec<usize> {
    let mut gaps: Vec<usize> = (1..ladder.columns.len())
        .map(|at| self::width(ladder, at - 1).midpoint(self::width(ladder, at)) + 3)
        .map(|names| names.max(NARROWEST))
        .collect();
    let mut longest_remark = 0;
    for row in &ladder.rows {
        let What::Arrow { from, to, text, remark, .. } = &row.what else { continue };
        longest_remark = longest_remark.max(remark.chars().count());
        let crossed = *from.min(to)..*from.max(to);
        let wanted = text.chars().count() + 10;
        if let [gap] = &mut gaps[crossed] {
            *gap = wanted.max(*gap);
        }
    }
    match width {
        None => gaps.iter_mut().for_each(|gap| *gap = (*gap).min(WIDEST)),
        Some(width) => fit(&mut gaps, width, longest_remark),
    }
    let mut places = vec![MARGIN];
    for gap in gaps {
        places.push(places[places.len() - 1] + gap);
    }
    places
}

/// Takes from the widest gaps what the terminal has no room for.
fn fit(gaps: &mut [usize], width: usize, longest_remark: usize) {
    let room = width.saturating_sub(TIME + MARGIN + 3 + longest_remark.min(REMARK));
    let mut over = gaps.iter().sum::<usize>().saturating_sub(room);
    while over > 0
        && let Some(widest) = gaps.iter_mut().max()
        && *widest > NARROWEST
    {
        *widest -= 1;
        over -= 1;
    }
}

/// A ladder that grows at its end, for a terminal: its head is drawn again when somebody new turns up.
#[derive(Debug)]
pub struct Roll {
    width: usize,
    columns: Columns,
    shown: Vec<Party>,
    places: Vec<usize>,
    start: Option<Duration>,
}

impl Roll {
    /// For lines of so many letters; a guess, where nobody knows.
    #[must_use]
    pub fn new(width: Option<usize>) -> Self {
        Self {
            width: width.unwrap_or(GUESS),
            columns: Columns::default(),
            shown: Vec::new(),
            places: Vec::new(),
            start: None,
        }
    }

    /// What the next entry adds; empty where it has no row.
    pub fn entry(&mut self, entry: &Entry) -> String {
        let start = *self.start.get_or_insert(entry.at);
        let mut text = String::new();
        if self.columns.see(entry) {
            self.shown = self.columns.list();
            self.places = evenly(&self.shown, self.width);
            text = header(&self.shown, &self.places);
        }
        if let Some(row) = Row::of(&self.shown, entry, start) {
            text.push_str(&line(&self.places, &row));
        }
        // Who is gone keeps the column until somebody new needs room.
        if let Event::WireEnded { wire, .. } = &entry.event {
            self.columns.leave(&wire.dialer);
        }
        text
    }
}

/// Where each column stands with all gaps alike, as wide as there is room.
fn evenly(columns: &[Party], width: usize) -> Vec<usize> {
    let room = width.saturating_sub(TIME + MARGIN + 3 + REMARK);
    let gap = room / columns.len().saturating_sub(1).max(1);
    let (mut at, mut places) = (MARGIN, Vec::new());
    for party in columns {
        if !places.is_empty() {
            at += gap.clamp(NARROWEST, WIDEST).max(party.name().chars().count() + 2);
        }
        places.push(at);
    }
    places
}

fn width(ladder: &Ladder, at: usize) -> usize {
    ladder.columns[at].name().chars().count()
}

fn header(columns: &[Party], places: &[usize]) -> String {
    let mut line = format!("{:>10}  ", "ms");
    let margin = line.len();
    for (party, place) in columns.iter().zip(places) {
        let name = party.name();
        let half = name.chars().count() / 2;
        let want = margin + place.saturating_sub(half);
        let have = line.chars().count();
        line.extend(std::iter::repeat_n(
            ' ',
            want.saturating_sub(have).max(usize::from(have > margin)),
        ));
        line.push_str(name);
    }
    line.push('\n');
    line
}

/// The columns' lines, with nothing between them.
fn rails(places: &[usize]) -> Vec<char> {
    let mut cells = vec![' '; places.last().map_or(0, |last| last + 1)];
    for place in places {
        cells[*place] = '|';
    }
    cells
}

fn arrow(places: &[usize], from: usize, to: usize, text: &str, passage: Passage) -> String {
    let mut cells = rails(places);
    let (left, right) = (places[from].min(places[to]), places[from].max(places[to]));
    let room = right - left - 1;
    for cell in &mut cells[left + 1..right] {
        *cell = '-';
    }
    let label: Vec<char> = fitted(text, room.saturating_sub(6)).chars().collect();
    let begin = left + 3;
    cells[begin] = ' ';
    cells[begin + 1..=begin + label.len()].copy_from_slice(&label);
    cells[begin + 1 + label.len()] = ' ';
    let (head, last) = if from < to { ('>', right - 1) } else { ('<', left + 1) };
    cells[last] = if passage.arrived() { head } else { 'x' };
    cells.into_iter().collect()
}

fn across(places: &[usize], at: Option<usize>, text: &str, is_fault: bool) -> String {
    let mark = if is_fault { "**" } else { "--" };
    let text = format!("{mark} {text} {mark}");
    let mut cells = rails(places);
    let begin = at.map_or(0, |at| places[at] + 2);
    let needed = begin + text.chars().count();
    if cells.len() < needed {
        cells.resize(needed, ' ');
    }
    for (cell, letter) in cells[begin..].iter_mut().zip(text.chars()) {
        *cell = letter;
    }
    cells.into_iter().collect()
}

/// As much of it as there is room for.
fn fitted(text: &str, room: usize) -> String {
    let room = room.max(1);
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let kept: String = text.chars().take(room - 1).collect();
    format!("{kept}…")
}
