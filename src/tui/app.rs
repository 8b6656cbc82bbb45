//! What is shown, and what the keys do to it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::menu::{Item, Menu};
use crate::lab::ladder::Columns;
use crate::lab::timeline::{Placed, Timeline};
use crate::lab::trace::Event;
use crate::lab::{Command, Snapshot};
use crate::report::VerdictReport;

/// Simulated seconds for each real one.
const SPEEDS: [f64; 7] = [0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1_000.0];
/// A big step, and a bigger one, in turns.
const BIG: u64 = 50;
const BIGGER: u64 = 1_000;
/// So far a search for the next packet goes, in turns: nobody may be there to send one.
const SEARCH: usize = 100_000;
/// Nobody waits for more than this, in seconds.
const LATEST: f64 = 7_200.0;

/// See the module.
pub struct App {
    pub(super) timeline: Timeline,
    /// The other run, once there are two.
    pub(super) other: Option<Timeline>,
    pub(super) playing: bool,
    pub(super) speed: usize,
    pub(super) mode: Mode,
    /// What the last key did, or why not.
    pub(super) said: String,
    over: bool,
    /// Whether something was done by hand here.
    changed: bool,
    columns: Columns,
    /// How many entries the columns have seen.
    seen: usize,
}

/// What the keys are for.
#[derive(Debug)]
pub(super) enum Mode {
    /// Going through the run.
    Watch,
    /// Reading what the keys do.
    Help,
    /// Writing a time, in seconds.
    Time(String),
    /// Choosing something.
    Pick(Menu),
    /// Reading something, under a title.
    Reading(&'static str, String),
}

/// What a key asks of whoever has files.
#[derive(Debug)]
pub enum Errand {
    /// Save a run.
    Save {
        /// What its file is called.
        stem: String,
        /// What is in it.
        text: String,
    },
}

impl App {
    /// At the beginning of a run, or wherever it is.
    #[must_use]
    pub fn new(timeline: Timeline) -> Self {
        Self {
            timeline,
            other: None,
            playing: false,
            speed: SPEEDS.iter().position(|speed| *speed >= 1.0).unwrap_or(0),
            mode: Mode::Watch,
            said: String::new(),
            over: false,
            changed: false,
            columns: Columns::default(),
            seen: 0,
        }
    }

    /// Whether somebody has seen enough.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Whether time passes.
    #[must_use]
    pub fn is_playing(&self) -> bool {
        self.playing
    }

    /// The string of the run, where something was done by hand.
    #[must_use]
    pub fn changed(&self) -> Option<String> {
        self.changed.then(|| self.timeline.recipe().short().ok()).flatten()
    }

    /// So much real time has passed.
    pub fn pass(&mut self, time: Duration) {
        if self.playing {
            let until = self.timeline.moment().at + time.mul_f64(SPEEDS[self.speed]);
            self.timeline.play_until(until);
        }
    }

    /// The run was saved, or was not.
    pub fn saved(&mut self, saved: io::Result<PathBuf>) {
        let path = match saved {
            Ok(path) => path,
            Err(why) => return self.said = format!("it could not be saved: {why}"),
        };
        let path = path.display();
        match self.timeline.recipe().short() {
            Ok(short) => {
                let text = format!(
                    "The run is in {path}. Whoever has that file, or this line, has the run:\n\n\
                     twinboard replay {short}"
                );
                self.mode = Mode::Reading("Saved", text);
            }
            Err(why) => self.said = format!("saved as {path}; {why}"),
        }
    }

    /// A key.
    pub fn key(&mut self, key: KeyEvent) -> Option<Errand> {
        if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
            self.over = true;
            return None;
        }
        match &mut self.mode {
            Mode::Watch => return self.watch(key),
            Mode::Help | Mode::Reading(..) => self.mode = Mode::Watch,
            Mode::Time(text) => match key.code {
                KeyCode::Char(letter) if letter.is_ascii_digit() || letter == '.' => {
                    text.push(letter);
                }
                KeyCode::Backspace => {
                    text.pop();
                }
                KeyCode::Enter => {
                    let text = std::mem::take(text);
                    self.mode = Mode::Watch;
                    self.go_to(&text);
                }
                KeyCode::Esc => self.mode = Mode::Watch,
                _ => {}
            },
            Mode::Pick(menu) => match key.code {
                KeyCode::Up | KeyCode::Char('k') => menu.up(),
                KeyCode::Down | KeyCode::Char('j') => menu.down(),
                KeyCode::Enter => {
                    let chosen = menu.chosen();
                    self.mode = Mode::Watch;
                    self.choose(chosen);
                }
                KeyCode::Esc | KeyCode::Char('q') => self.mode = Mode::Watch,
                _ => {}
            },
        }
        None
    }

    fn watch(&mut self, key: KeyEvent) -> Option<Errand> {
        self.said.clear();
        let far = key.modifiers.contains(KeyModifiers::SHIFT);
        match key.code {
            KeyCode::Char(' ') => self.playing = !self.playing,
            KeyCode::Right => self.go(if far { BIG } else { 1 }),
            KeyCode::Left => self.go_back(if far { BIG } else { 1 }),
            KeyCode::PageDown => self.go(BIGGER),
            KeyCode::PageUp => self.go_back(BIGGER),
            KeyCode::Home => self.still().jump_to(0),
            KeyCode::End => {
                let known = self.timeline.known();
                self.still().jump_to(known.position);
            }
            KeyCode::Char('n') => self.next_notable(),
            KeyCode::Char('p') => self.last_notable(),
            KeyCode::Char('+' | '=') => self.speed = (self.speed + 1).min(SPEEDS.len() - 1),
            KeyCode::Char('-') => self.speed = self.speed.saturating_sub(1),
            KeyCode::Char('g') => self.mode = Mode::Time(String::new()),
            KeyCode::Char(digit @ '1'..='6') => self.click(digit),
            KeyCode::Char('c') => self.mode = Mode::Pick(Menu::cables(&self.now())),
            KeyCode::Char('k') => self.mode = Mode::Pick(Menu::parts(&self.now())),
            KeyCode::Char('v') => self.judge(),
            KeyCode::Char('b') => self.branch(),
            KeyCode::Tab => self.swap(),
            KeyCode::Char('s') => return self.save(),
            KeyCode::Char('?' | 'h') => self.mode = Mode::Help,
            KeyCode::Char('q') => self.over = true,
            _ => {}
        }
        None
    }

    fn say(&mut self, words: &str) {
        words.clone_into(&mut self.said);
    }

    fn now(&mut self) -> Snapshot {
        self.timeline.snapshot()
    }

    /// The run, at a standstill.
    fn still(&mut self) -> &mut Timeline {
        self.playing = false;
        &mut self.timeline
    }

    fn go(&mut self, turns: u64) {
        let position = self.timeline.position() + turns;
        self.still().jump_to(position);
    }

    fn go_back(&mut self, turns: u64) {
        let position = self.timeline.position().saturating_sub(turns);
        self.still().jump_to(position);
    }

    fn go_to(&mut self, seconds: &str) {
        match seconds.parse::<f64>() {
            Ok(seconds) if (0.0..=LATEST).contains(&seconds) => {
                self.still().jump_to_time(Duration::from_secs_f64(seconds));
            }
            Ok(_) => self.said = format!("a time is 0 to {LATEST} seconds"),
            Err(_) => self.say("that is no time: write seconds, such as 12.5"),
        }
    }

    fn next_notable(&mut self) {
        let before = self.timeline.entries().len();
        let timeline = self.still();
        for _ in 0..SEARCH {
            let went = timeline.step();
            if !went || timeline.entries()[before..].iter().any(is_notable) {
                return;
            }
        }
    }

    fn last_notable(&mut self) {
        let position = self.timeline.position();
        let past = self.timeline.entries().iter().rev().filter(|it| it.position < position);
        let to = past.clone().find(|it| is_notable(it)).map_or(0, |it| it.position);
        self.still().jump_to(to);
    }

    fn click(&mut self, digit: char) {
        let Some(number) = digit.to_digit(10) else { return };
        let snapshot = self.now();
        let programs = snapshot.boards.iter().flat_map(|board| &board.programs);
        let owner =
            programs.flat_map(|program| program.face.own.iter().map(move |it| (program, it)));
        let found = owner.into_iter().find(|(_, sensor)| u32::from(sensor.number.0) == number);
        match found {
            Some((program, sensor)) => {
                let program = program.name.clone();
                self.ask(&Command::Toggle { program, sensor: sensor.number });
            }
            None => self.said = format!("nobody here has a sensor {number}"),
        }
    }

    fn choose(&mut self, chosen: Option<Item>) {
        match chosen {
            Some(Item::Cable(cable)) => {
                self.mode = Mode::Pick(Menu::of_cable(&cable));
            }
            Some(Item::Ask(command)) => self.ask(&command),
            None => {}
        }
    }

    /// Does something by hand.
    fn ask(&mut self, command: &Command) {
        let ahead = self.timeline.known().position > self.timeline.position();
        if let Err(why) = self.timeline.command(command) {
            self.said = why;
            return;
        }
        self.changed = true;
        self.count_columns_again();
        self.said = match (self.now().trouble, ahead) {
            (Some(trouble), _) => trouble,
            (None, true) => "done; what lay ahead is another run now".to_owned(),
            (None, false) => "done".to_owned(),
        };
    }

    /// What comes of it all, if nothing more is broken.
    fn judge(&mut self) {
        let (verdict, unrest) = self.timeline.conclusion();
        let mut text = VerdictReport::from(&*verdict).text_within(None);
        if let Some(unrest) = unrest {
            text = format!("it does not come to rest: {unrest}\n{text}");
        }
        let title = "Once everything is mended and at rest, seen from here";
        self.mode = Mode::Reading(title, text);
    }

    fn branch(&mut self) {
        self.other = Some(self.timeline.fork());
        self.say("two runs from here on: change this one, Tab shows the other");
    }

    fn swap(&mut self) {
        match self.other.take() {
            Some(other) => {
                self.other = Some(std::mem::replace(&mut self.timeline, other));
                self.count_columns_again();
                self.said = self.difference();
            }
            None => self.say("there is one run: `b` makes it two"),
        }
    }

    /// Since when the two runs differ, in words.
    fn difference(&self) -> String {
        let Some(other) = &self.other else { return String::new() };
        let (one, two) = (self.timeline.known_entries(), other.known_entries());
        let same = one.iter().zip(two).take_while(|(one, two)| one == two).count();
        // What one of them alone has is a difference once the other is known to be later.
        let at = |entries: &[Placed]| entries.get(same).map(|first| first.entry.at);
        let known = self.timeline.known().at.min(other.known().at);
        match at(one).into_iter().chain(at(two)).min().filter(|at| *at <= known) {
            Some(at) => format!("the two runs differ from {:.6} s on", at.as_secs_f64()),
            None => "the two runs are the same as far as both are known".to_owned(),
        }
    }

    fn save(&mut self) -> Option<Errand> {
        let recipe = self.timeline.recipe();
        let stem = format!("{}-{}", recipe.scenario.name(), recipe.seed);
        match recipe.text() {
            Ok(text) => Some(Errand::Save { stem, text }),
            Err(why) => {
                self.said = why.to_string();
                None
            }
        }
    }

    /// Simulated seconds for each real one.
    pub(super) fn pace(&self) -> f64 {
        SPEEDS[self.speed]
    }

    /// Everybody who has spoken in what is known of the run.
    pub(super) fn columns(&mut self) -> Vec<crate::lab::trace::Party> {
        let entries = self.timeline.known_entries();
        for placed in &entries[self.seen.min(entries.len())..] {
            self.columns.see(&placed.entry);
        }
        self.seen = entries.len();
        self.columns.list()
    }

    fn count_columns_again(&mut self) {
        (self.columns, self.seen) = (Columns::default(), 0);
    }
}

/// Whether an entry is one that a person goes to: a packet, or a deed.
fn is_notable(placed: &Placed) -> bool {
    matches!(placed.entry.event, Event::Packet(_)) || placed.entry.event.is_deed()
}
