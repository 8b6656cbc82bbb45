//! A ladder as text for a terminal.
//!
//! ```text
//!    ms         pub                                board1
//!   0.0          |-- PUBLISH 1 a QoS 2 x ------------>|
//!   0.2          |<-x PUBREC 1 a ---------------------|  dropped (drop)
//! ```

use std::fmt::Write;

use crate::lab::ladder::{Ladder, What};
use crate::lab::trace::Passage;

/// A gap between two columns is as wide as its longest packet, within these bounds.
const GAP: (usize, usize) = (16, 54);
/// Where the first column stands.
const MARGIN: usize = 14;

/// Draws it. Empty for a ladder without rows.
#[must_use]
pub fn text(ladder: &Ladder) -> String {
    if ladder.rows.is_empty() {
        return String::new();
    }
    let places = places(ladder);
    let mut text = header(ladder, &places);
    for row in &ladder.rows {
        let ms = row.after.as_secs_f64() * 1_000.0;
        let (line, remark) = match &row.what {
            What::Arrow { from, to, text, passage, remark } => {
                (arrow(&places, *from, *to, text, *passage), remark.as_str())
            }
            What::Line { at, text, is_fault } => (across(&places, *at, text, *is_fault), ""),
        };
        let line = format!("{ms:10.1}  {line}  {remark}");
        writeln!(text, "{}", line.trim_end()).expect("a string takes all");
    }
    text
}

/// Where each column stands, counted from the first character behind the time.
fn places(ladder: &Ladder) -> Vec<usize> {
    let mut places = vec![MARGIN.saturating_sub(6)];
    for at in 1..ladder.columns.len() {
        let between = ladder.rows.iter().filter_map(|row| match &row.what {
            What::Arrow { from, to, text, .. }
                if from.abs_diff(*to) == 1 && *from.max(to) == at =>
            {
                Some(text.chars().count() + 10)
            }
            _ => None,
        });
        let names = width(ladder, at - 1).midpoint(width(ladder, at)) + 3;
        let gap = between.max().unwrap_or(0).max(names).clamp(GAP.0, GAP.1);
        places.push(places[at - 1] + gap);
    }
    places
}

fn width(ladder: &Ladder, at: usize) -> usize {
    ladder.columns[at].name().chars().count()
}

fn header(ladder: &Ladder, places: &[usize]) -> String {
    let mut line = format!("{:>10}  ", "ms");
    let margin = line.len();
    for (party, place) in ladder.columns.iter().zip(places) {
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
