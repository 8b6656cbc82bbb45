//! The ladder around the present: what was, and dimmed what is known to come.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Block, Paragraph};

use super::app::App;
use crate::lab::ladder::{Ladder, Row, What};
use crate::lab::timeline::Placed;
use crate::lab::trace::{Event, Party};
use crate::report::ladder::text_evenly;

impl App {
    pub(super) fn draw_ladder(&mut self, frame: &mut Frame<'_>, area: Rect) {
        let columns = self.columns();
        let rows = usize::from(area.height.saturating_sub(3));
        let (shown, past) = self.around(&columns, rows);
        let ladder = Ladder { columns, rows: shown };
        let width = usize::from(area.width.saturating_sub(2));
        let text = text_evenly(&ladder, width);
        let mut lines = text.lines();
        let head = lines.next().unwrap_or("nobody has spoken yet");
        let bold = Style::new().add_modifier(Modifier::BOLD);
        let mut drawn = vec![Line::styled(head.to_owned(), bold)];
        for (at, (line, row)) in lines.zip(&ladder.rows).enumerate() {
            drawn.push(Line::styled(line.to_owned(), style(row, at + 1 == past, at >= past)));
        }
        let block = Block::bordered().title(" What passes, in ms ");
        frame.render_widget(Paragraph::new(Text::from(drawn)).block(block), area);
    }

    /// The rows around the present, and how many of them are past.
    fn around(&self, columns: &[Party], rows: usize) -> (Vec<Row>, usize) {
        let all = self.timeline.known_entries();
        let (past, ahead) = all.split_at(self.timeline.entries().len());
        let row = |placed: &Placed| row(columns, placed);
        let coming: Vec<_> = ahead.iter().filter_map(row).take(rows / 4).collect();
        let room = rows - coming.len();
        let mut shown: Vec<_> = past.iter().rev().filter_map(row).take(room).collect();
        shown.reverse();
        let past = shown.len();
        shown.extend(coming);
        (shown, past)
    }
}

/// The row of an entry; none for what a broker tells of each message beside its packets.
fn row(columns: &[Party], placed: &Placed) -> Option<Row> {
    let event = &placed.entry.event;
    if event.is_detail() && !matches!(event, Event::Packet(_)) {
        return None;
    }
    Row::of(columns, &placed.entry, Duration::ZERO)
}

fn style(row: &Row, is_now: bool, is_ahead: bool) -> Style {
    let style = match &row.what {
        What::Arrow { passage, .. } if !passage.arrived() => Style::new().fg(Color::Red),
        What::Line { is_fault: true, .. } => Style::new().fg(Color::Yellow),
        What::Line { .. } => Style::new().fg(Color::Cyan),
        What::Arrow { .. } => Style::new(),
    };
    match (is_now, is_ahead) {
        (true, _) => style.add_modifier(Modifier::REVERSED),
        (_, true) => Style::new().fg(Color::DarkGray),
        _ => style,
    }
}
