//! A run in simulated time, in a terminal.
//!
//! ```text
//! keys ---> App::key ---> Timeline (step, back, jump, command)
//!                             |
//! screen <--- App::draw <-----+ entries, snapshot
//! ```
//!
//! The [`App`] has no terminal, no clock and no files: tests press its keys and read its screen. What
//! reaches out is in this file.

mod app;
mod draw;
mod ladder;
mod menu;

#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEventKind};

use crate::lab::timeline::Timeline;
pub use app::{App, Errand};

/// So often the screen is drawn while time passes.
const FRAME: Duration = Duration::from_millis(33);
/// So often somebody looks at the size of the terminal while nothing moves.
const IDLE: Duration = Duration::from_millis(500);
/// Whoever was stopped for longer does not find that the run has gone on without them.
const LONGEST: Duration = Duration::from_millis(250);

/// Shows a run until somebody has seen enough.
///
/// # Errors
/// When this is no terminal, or it takes no more.
pub fn run(timeline: Timeline) -> io::Result<()> {
    let mut terminal = ratatui::try_init()?;
    let mut app = App::new(timeline);
    let driven = drive(&mut terminal, &mut app);
    ratatui::try_restore()?;
    driven?;
    if let Some(short) = app.changed() {
        println!("The run as you left it: twinboard replay {short}");
    }
    Ok(())
}

fn drive(terminal: &mut DefaultTerminal, app: &mut App) -> io::Result<()> {
    let mut last = Instant::now();
    while !app.is_over() {
        terminal.draw(|frame| app.draw(frame))?;
        if event::poll(if app.is_playing() { FRAME } else { IDLE })?
            && let Event::Key(key) = event::read()?
            && key.kind != KeyEventKind::Release
            && let Some(errand) = app.key(key)
        {
            match errand {
                Errand::Save { stem, text } => app.saved(save(&stem, &text)),
            }
        }
        let now = Instant::now();
        app.pass((now - last).min(LONGEST));
        last = now;
    }
    Ok(())
}

/// Writes a file that was not there before.
fn save(stem: &str, text: &str) -> io::Result<PathBuf> {
    let mut number = 1;
    loop {
        let path = PathBuf::from(if number == 1 {
            format!("{stem}.toml")
        } else {
            format!("{stem}-{number}.toml")
        });
        match std::fs::File::create_new(&path) {
            Ok(mut file) => {
                io::Write::write_all(&mut file, text.as_bytes())?;
                return Ok(path);
            }
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(why) => return Err(why),
        }
    }
}
