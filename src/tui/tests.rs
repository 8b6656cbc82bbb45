//! Keys are pressed, and the screen is read.

use std::sync::Arc;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Cell;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::app::Mode;
use super::*;
use crate::conf::Folder;
use crate::lab::recipe::Recipe;

struct Hands {
    app: App,
    terminal: Terminal<TestBackend>,
}

impl Hands {
    fn at(scenario: &str) -> Self {
        let folder = Folder::builtin(scenario).expect("it is there");
        // Without the script, so that hands alone do something.
        let recipe = Recipe::new(folder, 1).with_steps(Vec::new());
        let plan = Arc::new(recipe.plan().expect("it fits"));
        let timeline = Timeline::new(plan, recipe).expect("it can be simulated");
        let Ok(terminal) = Terminal::new(TestBackend::new(150, 40));
        Self { app: App::new(timeline), terminal }
    }

    fn key(&mut self, code: KeyCode) -> Option<Errand> {
        self.app.key(KeyEvent::new(code, KeyModifiers::NONE))
    }

    fn keys(&mut self, letters: &str) {
        for letter in letters.chars() {
            assert!(self.key(KeyCode::Char(letter)).is_none(), "{letter}");
        }
    }

    fn go_to(&mut self, seconds: &str) {
        self.keys("g");
        self.keys(seconds);
        self.key(KeyCode::Enter);
    }

    fn screen(&mut self) -> String {
        let Ok(_) = self.terminal.draw(|frame| self.app.draw(frame));
        let buffer = self.terminal.backend().buffer();
        let rows = buffer.content.chunks(usize::from(buffer.area.width));
        rows.map(|row| row.iter().map(Cell::symbol).collect::<String>() + "\n").collect()
    }

    fn shows(&mut self, expected: &str) {
        let screen = self.screen();
        assert!(screen.contains(expected), "no {expected:?} in\n{screen}");
    }

    fn position(&self) -> u64 {
        self.app.timeline.position()
    }
}

#[test]
fn a_run_is_gone_through_by_keys() {
    let mut hands = Hands::at("dual-board");
    hands.shows("standing still at 1 × real time, turn 0 of 0 known");
    hands.key(KeyCode::Right);
    hands.key(KeyCode::Right);
    assert_eq!(hands.position(), 2);
    hands.key(KeyCode::Left);
    hands.shows("turn 1 of 2 known");
    hands.app.key(KeyEvent::new(KeyCode::Right, KeyModifiers::SHIFT));
    assert_eq!(hands.position(), 51);
    hands.go_to("3.5");
    hands.shows("3.500000 s of 3.500000 s");
    hands.shows("bridge_to_broker1 connected");
    hands.shows("1OK");
    hands.shows("PUBCOMP");
    let there = hands.position();
    hands.keys("p");
    assert!(hands.position() < there);
    hands.keys("nn");
    hands.key(KeyCode::PageUp);
    assert_eq!(hands.position(), 0);
    hands.key(KeyCode::End);
    assert!(hands.position() >= there);
    hands.key(KeyCode::Home);
    hands.keys("+ ");
    hands.app.pass(Duration::from_millis(100));
    hands.shows("playing at 10 × real time");
    hands.shows("1.000000 s of");
    hands.keys("-- ");
    hands.shows("standing still at 0.1 × real time");
    hands.go_to("x");
    hands.go_to("9999");
    hands.shows("a time is 0 to 7200 seconds");
    hands.keys("?");
    hands.shows("fifty turns");
    hands.keys(" q");
    assert!(hands.app.is_over());
    assert_eq!(hands.app.changed(), None);
}

#[test]
fn what_is_done_by_hand_is_in_the_run_that_is_saved() {
    let mut hands = Hands::at("dual-board");
    hands.go_to("3");
    hands.keys("2");
    hands.shows("2KO");
    hands.shows("done");
    // The cable of the bridge: choose it, and cut it.
    hands.keys("c");
    hands.shows("Which cable?");
    while !hands.screen().contains("bridge_to_broker1: ") {
        let Mode::Pick(menu) = &hands.app.mode else { panic!("a list") };
        if menu.items[menu.at].0.starts_with("bridge") {
            hands.key(KeyCode::Enter);
        } else {
            hands.key(KeyCode::Down);
        }
    }
    hands.shows("drop the next PUBREC");
    hands.key(KeyCode::Down);
    hands.key(KeyCode::Enter);
    hands.shows("cable bridge_to_broker1");
    hands.go_to("3.5");
    hands.shows("bridge_to_broker1 waiting to dial");
    hands.keys("k");
    hands.shows("power off board1");
    hands.key(KeyCode::Enter);
    hands.shows("no power");
    let Some(Errand::Save { stem, text }) = hands.key(KeyCode::Char('s')) else {
        panic!("it is to be saved")
    };
    assert_eq!(stem, "dual-board-1");
    let read = Recipe::read(&text).expect("a recipe");
    let deeds: Vec<_> = read.by_hand.iter().map(|it| it.deed.to_string()).collect();
    let expected = [
        "toggle sensor 2 on card1_monitor",
        "cut the cable of bridge_to_broker1",
        "power off board1",
    ];
    assert_eq!(deeds, expected);
    hands.app.saved(Ok("dual-board-1.toml".into()));
    hands.shows("tb1:");
    hands.key(KeyCode::Esc);
    hands.app.saved(Err(io::Error::other("no room")));
    hands.shows("it could not be saved: no room");
    assert!(hands.app.changed().is_some_and(|short| short.starts_with("tb1:")));
}

#[test]
fn two_runs_are_compared() {
    let mut hands = Hands::at("dual-board");
    hands.go_to("5");
    hands.key(KeyCode::Tab);
    hands.shows("there is one run");
    hands.go_to("3");
    hands.keys("b5");
    hands.shows("one of two runs");
    hands.go_to("5");
    hands.shows("5KO");
    hands.key(KeyCode::Tab);
    hands.shows("the two runs differ from 3.000000 s on");
    hands.go_to("5");
    hands.shows("5OK");
}

#[test]
fn a_scenario_without_sensors_says_so() {
    let mut hands = Hands::at("counting");
    hands.go_to("4");
    hands.keys("1");
    hands.shows("nobody here has a sensor 1");
    hands.shows("counter online");
}

#[test]
fn the_last_word_is_heard_and_the_run_stays_as_it_is() {
    let mut hands = Hands::at("dual-board");
    hands.go_to("3");
    hands.keys("ck");
    hands.key(KeyCode::Esc);
    let before = hands.position();
    hands.keys("v");
    hands.shows("every promise");
    hands.keys(" ");
    hands.shows("3.000000 s of 3.000000 s");
    assert_eq!(hands.position(), before);
}

#[test]
fn a_small_terminal_shows_what_it_can() {
    for (width, height) in [(80, 24), (30, 10), (8, 3), (1, 1)] {
        let mut hands = Hands::at("dual-board");
        let Ok(terminal) = Terminal::new(TestBackend::new(width, height));
        hands.terminal = terminal;
        hands.go_to("3");
        for mode in ["", "?", "c", "k", "v", "g"] {
            hands.keys(mode);
            hands.screen();
            hands.key(KeyCode::Esc);
        }
    }
}
