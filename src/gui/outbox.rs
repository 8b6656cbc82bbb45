//! What windows ask for: commands to the world, and asks to the application itself. Never blocks,
//! but for the very last command.
//!
//! ```text
//! window --- Command ---> world
//!        --- Ask -------> application: this window was closed, dock the windows
//! ```

use std::time::Duration;

use crossbeam_channel::{Receiver, SendTimeoutError, Sender, TrySendError};
use egui::{Context, ViewportId};

use crate::lab::{Command, ProgramName};

/// How long a busy world is waited for with the last command.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a window asks of the application rather than of the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// A person closed this program's window.
    Closed(ProgramName),
    /// This program is to be seen again.
    Reopen(ProgramName),
    /// Dock the windows in the Lab, or undock them.
    ToggleDock,
    /// A command could not be handed over; in words.
    Trouble(String),
}

/// The way out of a window; every window has a clone.
#[derive(Debug, Clone)]
pub struct Outbox {
    commands: Sender<Command>,
    asks: Sender<Ask>,
    ctx: Context,
}

impl Outbox {
    /// An outbox to the world behind `commands`, and where the application finds what is asked of
    /// itself.
    pub fn new(ctx: &Context, commands: Sender<Command>) -> (Self, Receiver<Ask>) {
        let (asks, asked) = crossbeam_channel::unbounded();
        (Self { commands, asks, ctx: ctx.clone() }, asked)
    }

    /// Hands `command` to the world. A world that does not take it is trouble that the Lab shows.
    pub fn send(&self, command: Command) {
        match self.commands.try_send(command) {
            Ok(()) => {}
            Err(TrySendError::Full(command)) => self.ask(Ask::Trouble(format!(
                "The lab has too much to do and did not take this: {command:?}. Try again in a \
                 moment."
            ))),
            // A world that has ended closes the windows by itself.
            Err(TrySendError::Disconnected(command)) => {
                tracing::debug!(?command, "the world has ended already");
            }
        }
    }

    /// Tells the world to end. The last command of all is worth a wait: a world that never heard of
    /// it would be waited for without end.
    pub fn send_quit(&self) {
        match self.commands.send_timeout(Command::Quit, PATIENCE) {
            Ok(()) => {}
            Err(SendTimeoutError::Timeout(_)) => {
                tracing::error!("the world takes no commands; it was not told to end");
            }
            Err(SendTimeoutError::Disconnected(_)) => {
                tracing::debug!("the world has ended already");
            }
        }
    }

    /// Asks something of the application and wakes it.
    pub fn ask(&self, ask: Ask) {
        // The application holds the receiver for as long as there are windows.
        if let Err(unheard) = self.asks.send(ask) {
            tracing::debug!(?unheard, "the application has ended already");
        }
        self.ctx.request_repaint_of(ViewportId::ROOT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_channel_is_told_and_an_ended_world_is_not_trouble() {
        let (sent, commands) = crossbeam_channel::bounded(1);
        let (outbox, asked) = Outbox::new(&Context::default(), sent);
        outbox.send(Command::FreshStart);
        assert!(asked.try_recv().is_err());
        outbox.send(Command::FreshStart);
        let Ok(Ask::Trouble(words)) = asked.try_recv() else { panic!("nothing was told") };
        assert!(words.contains("FreshStart") && words.contains("Try again"), "{words}");
        assert_eq!(commands.try_iter().count(), 1);
        drop(commands);
        outbox.send(Command::FreshStart);
        outbox.send_quit();
        assert!(asked.try_recv().is_err());
    }
}
