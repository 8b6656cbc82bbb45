//! The screen: boards on the left, the ladder beside them, time and verdict below.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, Clear, Gauge, Paragraph, Wrap};

use super::app::{App, Mode};
use super::menu::Menu;
use crate::card::{CountFace, Link};
use crate::lab::Snapshot;
use crate::lab::snapshot::{
    BoardView, BridgeState, BrokerView, CableState, CableView, ProgramView, Run,
};
use crate::lab::verdict::Verdict;

/// The boards need so many letters.
const BOARDS: u16 = 38;

const OK: Style = Style::new().fg(Color::Green);
const KO: Style = Style::new().fg(Color::Red);
const ODD: Style = Style::new().fg(Color::Yellow);
const FAINT: Style = Style::new().fg(Color::DarkGray);
const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);

const KEYS: &str = "space play  ←→ step  n p packet  g time  1-6 click  c cable  k part  v verdict  \
                    b branch  s save  ? help  q end";

const HELP: &str = "\
space          play, and stand still
→ ←            a turn forward and back
shift + → ←    fifty turns
PgDn PgUp      a thousand turns
Home End       the beginning, and the end of what is known
n p            the next and the last packet or deed
+ -            faster and slower
g              go to a time
1 to 6         click a sensor
c              choose a cable, and break or mend it
k              kill, start, freeze … a part
b              two runs from here on
Tab            the other run, and since when they differ
v              the verdict, if everything were mended now
s              save the run, and show it as one string
q              end

What is done by hand happens now, and what lay ahead becomes
another run. Dimmed rows of the ladder are known to come.";

impl App {
    /// Draws everything.
    pub fn draw(&mut self, frame: &mut Frame<'_>) {
        let snapshot = self.timeline.snapshot();
        let [middle, foot] =
            Layout::vertical([Constraint::Min(8), Constraint::Length(5)]).areas(frame.area());
        let [left, ladder] =
            Layout::horizontal([Constraint::Length(BOARDS), Constraint::Min(40)]).areas(middle);
        let block = Block::bordered().title(format!(" {} ", snapshot.title));
        frame.render_widget(Paragraph::new(Text::from(boards(&snapshot))).block(block), left);
        self.draw_ladder(frame, ladder);
        self.draw_foot(frame, foot, &snapshot);
        match &self.mode {
            Mode::Watch | Mode::Time(_) => {}
            Mode::Help => popup(frame, "Keys", Text::from(HELP)),
            Mode::Reading(title, text) => popup(frame, title, Text::from(text.as_str())),
            Mode::Pick(menu) => draw_menu(frame, menu),
        }
    }

    fn draw_foot(&self, frame: &mut Frame<'_>, area: Rect, snapshot: &Snapshot) {
        let rows = [Constraint::Length(1); 5];
        let [bar, place, verdict, said, keys] = Layout::vertical(rows).areas(area);
        let (now, known) = (self.timeline.moment(), self.timeline.known());
        let ratio = if known.at.is_zero() { 1.0 } else { now.at.div_duration_f64(known.at) };
        let time = format!("{:.6} s of {:.6} s", now.at.as_secs_f64(), known.at.as_secs_f64());
        let style = Style::new().fg(Color::Blue).bg(Color::Black);
        let gauge = Gauge::default().ratio(ratio.clamp(0.0, 1.0)).label(time).gauge_style(style);
        frame.render_widget(gauge, bar);
        let moves = if self.playing { "playing" } else { "standing still" };
        let script = self.timeline.script().map_or(String::new(), |(done, all)| {
            format!(", {done} of {all} steps of the script done")
        });
        let runs = if self.other.is_some() { ", one of two runs" } else { "" };
        let text = format!(
            "{moves} at {} × real time, turn {} of {} known{script}{runs}",
            self.pace(),
            now.position,
            known.position
        );
        frame.render_widget(Line::raw(text), place);
        frame.render_widget(judged(&snapshot.verdict), verdict);
        let prompt = match &self.mode {
            Mode::Time(text) => format!("go to which time, in seconds? {text}_"),
            _ => self.said.clone(),
        };
        frame.render_widget(Line::styled(prompt, ODD), said);
        frame.render_widget(Line::styled(KEYS, FAINT), keys);
    }
}

fn judged(verdict: &Verdict) -> Line<'static> {
    let counts = verdict.counts;
    let rest = counts.under_way + counts.waiting + counts.stalled;
    match verdict.breaches.first() {
        None => Line::styled(
            format!(
                "no promise broken so far: {} published, {} delivered, {rest} under way",
                counts.published, counts.delivered
            ),
            OK,
        ),
        Some(first) => {
            let more = match verdict.breaches.len() {
                1 => String::new(),
                all => format!(" (and {} more)", all - 1),
            };
            Line::styled(format!("BROKEN: {}{more}", first.what), KO.add_modifier(Modifier::BOLD))
        }
    }
}

fn boards(snapshot: &Snapshot) -> Vec<Line<'static>> {
    let mut lines: Vec<_> = snapshot.boards.iter().flat_map(board).collect();
    lines.extend(snapshot.cables.iter().flat_map(cable));
    lines
}

fn board(board: &BoardView) -> Vec<Line<'static>> {
    let power = if board.power { Span::raw("") } else { Span::styled("  no power", KO) };
    let mut lines = vec![Line::from(vec![Span::styled(board.title.clone(), BOLD), power])];
    lines.push(broker(&board.broker));
    if let Some(trouble) = board.broker.disk {
        lines.push(Line::styled(format!("   disk: {trouble}"), KO));
    }
    for bridge in &board.broker.bridges {
        let (words, style) = match &bridge.state {
            BridgeState::Connected { .. } => ("connected", OK),
            BridgeState::Connecting => ("connecting", ODD),
            BridgeState::Waiting { .. } => ("waiting to dial", ODD),
            BridgeState::Stopped => ("stopped", KO),
        };
        lines.push(Line::from(vec![
            Span::raw(format!(" {} ", bridge.name)),
            Span::styled(words, style),
        ]));
    }
    lines.extend(board.programs.iter().flat_map(program));
    lines.push(Line::raw(""));
    lines
}

fn broker(broker: &BrokerView) -> Line<'static> {
    let (words, style) = run(&broker.run);
    let held = format!(" {} kept, {} queued", broker.holdings.retained, broker.holdings.queued);
    Line::from(vec![Span::raw(" broker "), Span::styled(words, style), Span::styled(held, FAINT)])
}

fn run(run: &Run) -> (&'static str, Style) {
    match run {
        Run::Running => ("runs", OK),
        Run::Frozen => ("frozen", ODD),
        Run::Stopped => ("stopped", KO),
        Run::Failed(_) => ("failed", KO),
    }
}

fn program(program: &ProgramView) -> Vec<Line<'static>> {
    let (words, style) = match (&program.run, &program.face.link) {
        (Run::Running, Link::Online { .. }) => ("online", OK),
        (Run::Running, Link::Offline { .. }) => ("offline", ODD),
        (other, _) => run(other),
    };
    let head = vec![Span::raw(format!(" {} ", program.name)), Span::styled(words, style)];
    let mut lines = vec![Line::from(head)];
    let mut sensors = vec![Span::raw("  ")];
    for sensor in program.face.sensors() {
        let (word, style) = match sensor.state {
            Some(true) => ("OK", OK),
            Some(false) => ("KO", KO),
            None => ("??", FAINT),
        };
        let unsent = if sensor.unsent { "*" } else { " " };
        sensors.push(Span::styled(format!(" {}{word}{unsent}", sensor.number.0), style));
    }
    if sensors.len() > 1 {
        lines.push(Line::from(sensors));
    }
    lines.extend(program.face.count.as_ref().map(|count| match count {
        CountFace::Counter(it) => {
            Line::raw(format!("   {} published, {} taken over", it.published, it.acknowledged))
        }
        CountFace::Tally(it) => {
            let odd = if it.missing + it.doubled == 0 { OK } else { KO };
            let words =
                format!("   {} came, {} missing, {} twice", it.received, it.missing, it.doubled);
            Line::styled(words, odd)
        }
    }));
    lines
}

/// A cable that is not as it should be.
fn cable(cable: &CableView) -> Vec<Line<'static>> {
    if cable.state == CableState::Whole && cable.faults.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![Line::styled(format!("cable {}", cable.name), KO)];
    lines.extend(cable.faults.iter().map(|fault| Line::styled(format!("   {fault}"), KO)));
    lines.extend(
        cable.held.iter().map(|held| Line::styled(format!("   holds {}", held.words), ODD)),
    );
    lines
}

fn draw_menu(frame: &mut Frame<'_>, menu: &Menu) {
    // As much of the list as there is room for, around what is chosen.
    let room = usize::from(frame.area().height.saturating_sub(6)).max(1);
    let first = menu.at.saturating_sub(room / 2).min(menu.items.len().saturating_sub(room));
    let items = menu.items.iter().enumerate().skip(first).take(room);
    let lines = items.map(|(at, (words, _))| {
        let style =
            if at == menu.at { BOLD.add_modifier(Modifier::REVERSED) } else { Style::new() };
        Line::styled(format!(" {words} "), style)
    });
    let hint = Line::styled("↑↓ Enter, Esc", FAINT);
    popup(frame, &menu.title, Text::from(lines.chain([hint]).collect::<Vec<_>>()));
}

/// A text in the middle of everything.
fn popup(frame: &mut Frame<'_>, title: &str, text: Text<'_>) {
    let all = frame.area();
    let longest = u16::try_from(text.width()).unwrap_or(u16::MAX);
    let width = longest.saturating_add(4).clamp(1, all.width.saturating_sub(4).max(1));
    let inner = width.saturating_sub(4).max(1);
    let wrapped = |line: &Line<'_>| {
        let letters = u16::try_from(line.width()).unwrap_or(u16::MAX);
        // A long word begins a row of its own.
        let begun = usize::from(letters > inner);
        usize::from(letters.div_ceil(inner).max(1)) + begun
    };
    let lines: usize = text.lines.iter().map(wrapped).sum();
    let height = u16::try_from(lines + 2).unwrap_or(u16::MAX).min(all.height);
    let area = all.centered(Constraint::Length(width), Constraint::Length(height));
    frame.render_widget(Clear, area);
    let block = Block::bordered().title(format!(" {title} ")).title_style(BOLD);
    let padded = block.padding(ratatui::widgets::Padding::horizontal(1));
    frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: false }).block(padded), area);
}
