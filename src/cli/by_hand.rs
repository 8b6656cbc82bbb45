//! `twinboard run --by-hand`: steps from standard input, one a line, in the words of a script. What
//! is wrong with one is its answer, and ends nothing.

use std::io::{self, IsTerminal, Write};
use std::thread;

use anyhow::Context;
use crossbeam_channel::{Receiver, bounded};

use super::performance::Performance;
use super::player::LiveStage;
use crate::conf::Opened;
use crate::lab::Snapshot;
use crate::lab::snapshot::{CableState, CableView, Run};
use crate::report::StepReport;

/// So many lines may wait; whoever writes more waits too.
const LINES: usize = 64;

/// What `help` says: words, and steps with the names of the dual-board system.
const HELP: &str = r#"A line is a step, as a script has it:
  toggle = { program = "card1_monitor", sensor = 2 }
  set = { program = "card2_monitor", sensor = 5, ok = false }
  publish = { program = "NAME", count = 10 }                       a counter's
  message = { program = "card1_monitor", topic = "a/b", payload = "x", qos = 1 }
  message = { program = "card1_monitor", topic = "a/b", retain = true }    deletes what is retained
  stop = { program = "card1_monitor" }                             also start, restart, kill
  kill = { broker = "board1" }                                     or { bridge = "bridge_to_broker1" }
  freeze = { broker = "board2" }                                   and thaw; or a program
  power_off = "board1"                                             and power_on
  disk_full = "board1"                                             and disk_ok
  disk_slow = { board = "board1", ms = 50 }
  cut = "bridge_to_broker1"                                        also cut_silently, hold, reset, mend
  fault = { cable = "bridge_to_broker1", direction = "in", drop = { packet = "PUBREC" } }
  fault = { cable = "card1_monitor", delay = { ms = 20, jitter_ms = 5 } }
  clear = { cable = "card1_monitor", fault = "delay" }
  release = { cable = "bridge_to_broker1", packets = 1, direction = "in" }
  wait = 0.5
  wait_until = { agree = true }, within = 20
A cable has the name of its bridge or program; the one at a board's public port has the board's.
Faults: cut, silent, hold, drop, cut_before, cut_after, repeat, lose, delay, bandwidth, slice, slow_close.
  show   cables, their faults, and the packets that are held
  help   this
  quit   end, with the verdict; so does the end of the input
"#;

/// What a session by hand needs.
pub(super) struct ByHand {
    opened: Opened,
    lines: Receiver<String>,
    answers: Box<dyn Write>,
}

impl ByHand {
    /// Reads lines from now on. The thread that does ends with them, or with the process: a read of
    /// standard input cannot be called off.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn begin(opened: Opened, answers: Box<dyn Write>) -> anyhow::Result<Self> {
        let (sender, lines) = bounded(LINES);
        let read = move || {
            for line in io::stdin().lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        };
        thread::Builder::new().name("by hand".to_owned()).spawn(read).context("no thread")?;
        Ok(Self { opened, lines, answers })
    }

    /// Does what the lines say until they end; the steps that were done are among those taken.
    ///
    /// # Errors
    /// When the world has ended, or nobody takes the answers any more.
    pub(super) fn run(
        mut self,
        performance: &mut Performance<'_, LiveStage<'_>>,
    ) -> anyhow::Result<()> {
        if io::stdin().is_terminal() {
            eprintln!("\nBy hand: a step a line; `help` lists the words, `quit` ends.");
        }
        while let Some(line) = {
            let player = &mut performance.player;
            player.stage.line(&self.lines, &mut player.seen)?
        } {
            match line.trim() {
                "" => {}
                comment if comment.starts_with('#') => {}
                "quit" | "exit" => break,
                "help" => self.answers.write_all(HELP.as_bytes())?,
                "show" => {
                    let player = &mut performance.player;
                    player.stage.catch_up(&mut player.seen)?;
                    self.answers.write_all(show(&player.seen).as_bytes())?;
                }
                text => self.step(text, performance)?,
            }
            self.answers.flush()?;
        }
        Ok(())
    }

    fn step(
        &mut self,
        text: &str,
        performance: &mut Performance<'_, LiveStage<'_>>,
    ) -> anyhow::Result<()> {
        let step = match self.opened.step(text) {
            Ok(step) => step,
            Err(error) => {
                for mistake in error.mistakes {
                    writeln!(self.answers, "wrong: {}", mistake.what)?;
                    if let Some(help) = mistake.help {
                        writeln!(self.answers, "    help: {help}")?;
                    }
                }
                return Ok(());
            }
        };
        let what = step.deed.to_string();
        let player = &mut performance.player;
        let (mut late, before) = (None, player.asked);
        player.play(vec![step], |_, _, _, why| late = why)?;
        let ordered = player.asked > before;
        let trouble = player.seen.trouble.clone().filter(|_| ordered);
        if let Some(why) = late.or(trouble) {
            writeln!(self.answers, "not done: {what}: {why}")?;
            return Ok(());
        }
        writeln!(self.answers, "done: {what}")?;
        let (number, at_seconds) = (performance.taken.len() + 1, performance.seconds());
        performance.taken.push(StepReport { number, what, at_seconds, failed: None });
        Ok(())
    }
}

/// The cables with their faults and what they hold, and what is not as it should be beside them.
fn show(snapshot: &Snapshot) -> String {
    let mut lines: Vec<String> = snapshot.cables.iter().flat_map(cable).collect();
    for board in &snapshot.boards {
        let broker = (format!("the broker of {}", board.name), &board.broker.run);
        let programs = board.programs.iter().map(|it| (it.name.to_string(), &it.run));
        for (what, run) in std::iter::once(broker).chain(programs) {
            match run {
                Run::Running => {}
                Run::Frozen => lines.push(format!("{what} is frozen")),
                Run::Stopped => lines.push(format!("{what} is stopped")),
                Run::Failed(why) => lines.push(format!("{what} failed: {why}")),
            }
        }
        if let Some(trouble) = board.broker.disk {
            lines.push(format!("the disk of {}: {trouble}", board.name));
        }
        if let Some(trouble) = &board.broker.store_trouble {
            lines.push(format!("the broker of {} cannot commit: {trouble}", board.name));
        }
    }
    lines.join("\n") + "\n"
}

fn cable(cable: &CableView) -> Vec<String> {
    let dialer = cable.dialer.as_ref().map_or("anybody", |it| it.name());
    let state = match cable.state {
        CableState::Whole if cable.faults.is_empty() => "whole",
        CableState::Whole => "at fault",
        CableState::Cut => "cut",
        CableState::Silent => "cut silently",
    };
    let mut lines = vec![format!("{}: {dialer} to {}, {state}", cable.name, cable.target.name())];
    lines.extend(cable.faults.iter().map(|fault| format!("    fault: {fault}")));
    lines.extend(cable.held.iter().enumerate().map(|(at, held)| {
        let (number, wire, direction) = (at + 1, held.wire, held.direction);
        format!("    held: {number}. {direction}, connection {wire}: {}", held.words)
    }));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cable::Direction;
    use crate::conf::Folder;
    use crate::lab::trace::Party;
    use crate::lab::{BoardName, CableName, DiskTrouble, fixtures};

    #[test]
    fn the_help_is_true() {
        let folder = Folder::builtin("dual-board").expect("it is built in");
        let opened = folder.open("host").expect("it opens");
        let steps = HELP.lines().filter(|line| line.contains(" = ") && !line.contains("NAME"));
        let mut count = 0;
        for line in steps {
            let step = line.split("    ").next().expect("a first part").trim();
            opened.step(step).unwrap_or_else(|error| panic!("{step}: {error}"));
            count += 1;
        }
        assert!(count > 12, "{count}");
        for word in crate::conf::scenario::DEEDS {
            assert!(HELP.contains(word), "{word}");
        }
        for fault in crate::cable::fault::NAMES {
            assert!(HELP.contains(fault), "{fault}");
        }
    }

    #[test]
    fn what_is_shown() {
        let mut snapshot = fixtures::dual_board();
        let board = |name| Party::Board(BoardName::new(name));
        let held = |direction, words: &str| crate::lab::snapshot::HeldView {
            wire: 4,
            direction,
            words: words.to_owned(),
        };
        snapshot.cables = vec![
            CableView {
                name: CableName::new("up"),
                dialer: Some(board("board2")),
                target: board("board1"),
                state: CableState::Whole,
                faults: vec!["hold every packet".to_owned()],
                held: vec![held(Direction::Out, "PUBLISH 1 a"), held(Direction::In, "PUBREC 7 b")],
            },
            CableView {
                name: CableName::new("board1"),
                dialer: None,
                target: board("board1"),
                state: CableState::Whole,
                faults: Vec::new(),
                held: Vec::new(),
            },
        ];
        snapshot.boards[0].broker.run = Run::Frozen;
        snapshot.boards[1].broker.disk = Some(DiskTrouble::Slow { ms: 5 });
        let expected = "up: board2 to board1, at fault\n    \
                        fault: hold every packet\n    \
                        held: 1. out, connection 4: PUBLISH 1 a\n    \
                        held: 2. in, connection 4: PUBREC 7 b\n\
                        board1: anybody to board1, whole\n\
                        the broker of board1 is frozen\n\
                        the disk of board2: each commit takes 5 ms more\n";
        assert_eq!(show(&snapshot), expected);
    }
}
