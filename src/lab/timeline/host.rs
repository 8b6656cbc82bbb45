//! A timeline for windows: what [`Live`](crate::lab::world::live::Live) is in real time. A thread owns
//! the run and lets its time pass as fast as somebody wants; while it is paused the thread sleeps.
//!
//! ```text
//! Command, Order --> thread "timeline" --> Snapshot, with where the run stands
//!                      Timeline <-- Pace <-- the real clock
//! ```

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::{Moment, Timeline};
use crate::lab::recipe::Recipe;
use crate::lab::transport::{Order, Shared, Speed, Transport};
use crate::lab::world::outlet::Outlet;
use crate::lab::{Command, Snapshot};

/// So many commands may wait; whoever sends more waits too.
const COMMANDS: usize = 256;
/// How often time is brought up to date while it passes, and shown.
const FRAME: Duration = Duration::from_millis(33);
/// How often time is shown while nothing else happens.
const CALM: Duration = Duration::from_millis(100);
/// A machine that is too slow for the speed plays more slowly, and does not run after the clock.
const LONGEST: Duration = Duration::from_millis(100);

/// A run in simulated time, seen from outside.
#[derive(Debug)]
pub struct Host {
    /// Takes commands and orders; when it is dropped the run ends.
    pub commands: Sender<Command>,
    /// Gives the newest snapshot; older ones that nobody took are dropped.
    pub snapshots: Receiver<Arc<Snapshot>>,
    thread: JoinHandle<()>,
}

impl Host {
    /// Plays the run from where it is; `changed` is called after each new snapshot and must not
    /// block.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(timeline: Timeline, changed: Box<dyn Fn() + Send>) -> io::Result<Self> {
        let (commands, ordered) = bounded(COMMANDS);
        let (outlet, snapshots) = Outlet::new(changed);
        let thread = thread::Builder::new()
            .name("timeline".to_owned())
            .spawn(move || run(Desk::new(timeline), &ordered, outlet))?;
        Ok(Self { commands, snapshots, thread })
    }

    /// Ends the run and waits for that.
    ///
    /// # Panics
    /// When its thread did, which is a defect.
    pub fn end(self) {
        if self.commands.send(Command::Quit).is_err() {
            tracing::debug!("the run has ended already");
        }
        if let Err(panic) = self.thread.join() {
            std::panic::resume_unwind(panic);
        }
    }
}

fn run(mut desk: Desk, commands: &Receiver<Command>, outlet: Outlet) {
    let mut last = Instant::now();
    let (mut shown, mut shown_at) = (None, last);
    loop {
        let turn = Some(desk.timeline.position());
        if turn != shown || last >= shown_at + CALM {
            outlet.put(desk.snapshot());
            (shown, shown_at) = (turn, last);
        }
        let next = if desk.pace.playing {
            commands.recv_deadline(last + FRAME)
        } else {
            commands.recv().map_err(|_| RecvTimeoutError::Disconnected)
        };
        let first = match next {
            Ok(command) => Some(command),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => break,
        };
        let now = Instant::now();
        desk.pass(now - last);
        last = now;
        if first.is_some() {
            shown = None;
        }
        let waiting = commands.try_iter().take(COMMANDS);
        if desk.obey(first.into_iter().chain(waiting)).is_end() {
            break;
        }
    }
    outlet.close();
}

/// How simulated time follows the real one.
#[derive(Debug, Clone, Copy, Default)]
struct Pace {
    playing: bool,
    speed: Speed,
}

impl Pace {
    /// Until which time to play, when so much real time has passed since it was `at`; none while it
    /// is paused.
    fn until(self, at: Duration, passed: Duration) -> Option<Duration> {
        self.playing.then(|| at + self.speed.of(passed.min(LONGEST)))
    }
}

/// Whether a run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    GoOn,
    End,
}

impl Then {
    fn is_end(self) -> bool {
        self == Self::End
    }
}

/// The run, and what was asked of it. Knows no clock.
struct Desk {
    timeline: Timeline,
    pace: Pace,
    shared: Option<Arc<Shared>>,
    /// What could not be done last, in words.
    trouble: Option<String>,
}

impl Desk {
    fn new(timeline: Timeline) -> Self {
        let pace = Pace { playing: true, ..Pace::default() };
        Self { timeline, pace, shared: None, trouble: None }
    }

    /// So much real time has passed.
    fn pass(&mut self, passed: Duration) {
        if let Some(until) = self.pace.until(self.timeline.moment().at, passed) {
            self.timeline.play_until(until);
        }
    }

    /// Does all of this in turn. Of jumps in a row the last one counts: a slider that is drawn asks
    /// for many.
    fn obey(&mut self, commands: impl Iterator<Item = Command>) -> Then {
        let mut commands = commands.peekable();
        while let Some(command) = commands.next() {
            let is_jump = |it: &Command| matches!(it, Command::Transport(Order::Jump(_)));
            if is_jump(&command) && commands.peek().is_some_and(is_jump) {
                continue;
            }
            match command {
                Command::Quit => return Then::End,
                Command::Transport(order) => {
                    self.trouble = None;
                    self.go(order);
                }
                command => {
                    self.trouble = self.timeline.command(&command).err();
                    self.shared = None;
                }
            }
        }
        Then::GoOn
    }

    fn go(&mut self, order: Order) {
        if let Order::Back | Order::Forward | Order::Previous | Order::Next = order {
            self.pace.playing = false;
        }
        match order {
            Order::Play => self.pace.playing = true,
            Order::Pause => self.pace.playing = false,
            Order::Speed(speed) => self.pace.speed = speed,
            Order::Back => {
                self.timeline.back();
            }
            Order::Forward => {
                self.timeline.step();
            }
            Order::Previous => self.timeline.previous_notable(),
            Order::Next => {
                self.timeline.next_notable();
            }
            Order::Jump(at) => self.timeline.jump_to_time(at),
            Order::Share => self.shared = Some(Arc::new(shared(self.timeline.recipe(), None))),
            Order::Save(path) => {
                let saved = save(self.timeline.recipe(), &path);
                self.shared = Some(Arc::new(shared(self.timeline.recipe(), Some(saved))));
            }
        }
    }

    fn snapshot(&mut self) -> Snapshot {
        let snapshot = self.timeline.snapshot();
        let Moment { position: turn, at } = self.timeline.moment();
        let known = self.timeline.known();
        let transport = Transport {
            seed: self.timeline.recipe().seed,
            at,
            turn,
            known: known.at,
            known_turns: known.position,
            playing: self.pace.playing,
            speed: self.pace.speed,
            script: self.timeline.script(),
            shared: self.shared.clone(),
        };
        let trouble = self.trouble.clone().or(snapshot.trouble);
        Snapshot { trouble, transport: Some(transport), ..snapshot }
    }
}

fn shared(recipe: &Recipe, saved: Option<Result<PathBuf, String>>) -> Shared {
    let string = recipe.short().map_err(|why| why.to_string());
    let name = format!("{}-{}", recipe.scenario.name(), recipe.seed);
    let numbered = (2..).map(|number| format!("{name}-{number}.toml"));
    let names = std::iter::once(format!("{name}.toml")).chain(numbered);
    let free = names.into_iter().find(|name| !Path::new(name).exists());
    Shared { string, proposed: free.unwrap_or_default(), saved }
}

/// Writes a file that is not there yet: what somebody has saved is never lost.
fn save(recipe: &Recipe, path: &Path) -> Result<PathBuf, String> {
    let text = recipe.text().map_err(|why| why.to_string())?;
    let written = File::create_new(path).and_then(|mut file| file.write_all(text.as_bytes()));
    match written {
        Ok(()) => Ok(std::path::absolute(path).unwrap_or_else(|_| path.to_owned())),
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {
            Err(format!("{} is there already: give it another name", path.display()))
        }
        Err(why) => Err(format!("{} cannot be written: {why}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::SensorNumber;
    use crate::conf::Folder;
    use crate::lab::ProgramName;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn timeline() -> Timeline {
        let recipe = Recipe::new(Folder::builtin("dual-board").expect("it is there"), 7);
        let recipe = recipe.with_steps(Vec::new());
        let plan = recipe.plan().expect("it fits");
        Timeline::new(Arc::new(plan), recipe).expect("it can be simulated")
    }

    fn toggle(sensor: u8) -> Command {
        let program = ProgramName::new("card1_monitor");
        Command::Toggle { program, sensor: SensorNumber(sensor) }
    }

    fn seen(desk: &mut Desk) -> Transport {
        desk.snapshot().transport.expect("it can be gone through")
    }

    fn ask(desk: &mut Desk, orders: impl IntoIterator<Item = Order>) -> Transport {
        assert_eq!(desk.obey(orders.into_iter().map(Command::Transport)), Then::GoOn);
        seen(desk)
    }

    #[test]
    fn time_passes_by_the_clock_times_the_speed() {
        let check = |speed, passed, expected| {
            let pace = Pace { playing: true, speed };
            assert_eq!(pace.until(ms(1_000), ms(passed)), Some(ms(expected)), "{speed:?}");
            assert_eq!(Pace { playing: false, speed }.until(ms(1_000), ms(passed)), None);
        };
        check(Speed::Tenth, 20, 1_002);
        check(Speed::Real, 20, 1_020);
        check(Speed::Ten, 20, 1_200);
        check(Speed::Hundred, 20, 3_000);
        // Whoever was held up does not catch up.
        check(Speed::Real, 60_000, 1_100);
        check(Speed::Hundred, 60_000, 11_000);
    }

    #[test]
    fn it_plays_and_pauses_and_goes_back() {
        let mut desk = Desk::new(timeline());
        desk.pass(ms(50));
        assert_eq!(seen(&mut desk).at, ms(50));
        let paused = ask(&mut desk, [Order::Speed(Speed::Hundred), Order::Pause]);
        assert!(!paused.playing && paused.speed == Speed::Hundred);
        desk.pass(ms(50));
        assert_eq!(seen(&mut desk), paused, "it is paused");
        ask(&mut desk, [Order::Play]);
        desk.pass(ms(50));
        let later = seen(&mut desk);
        assert_eq!((later.at, later.known, later.is_behind()), (ms(5_050), ms(5_050), false));
        let back = ask(&mut desk, [Order::Back]);
        assert_eq!((back.turn, back.playing), (later.turn - 1, false));
        assert_eq!((back.known, back.known_turns), (ms(5_050), later.turn));
        assert!(back.is_behind());
        assert_eq!(ask(&mut desk, [Order::Forward]).turn, later.turn);
        let jumped = ask(&mut desk, [ms(1), ms(5_000), ms(2_000)].map(Order::Jump));
        assert_eq!((jumped.at, jumped.known), (ms(2_000), ms(5_050)));
    }

    #[test]
    fn what_is_notable_is_found_in_both_directions() {
        let mut desk = Desk::new(timeline());
        desk.timeline.jump_to_time(ms(3_000));
        let last = |desk: &Desk| {
            let notable = desk.timeline.entries().iter().rev().find(|it| it.is_notable());
            notable.map(|it| it.entry.number)
        };
        let mut numbers = Vec::new();
        while desk.timeline.position() > 0 {
            ask(&mut desk, [Order::Previous]);
            numbers.push(last(&desk));
            assert!(numbers.len() < 1_000, "it gets nowhere");
        }
        assert!(numbers.len() > 10 && numbers.is_sorted_by(|one, next| one > next), "{numbers:?}");
        for expected in numbers.iter().rev().skip(1) {
            ask(&mut desk, [Order::Next]);
            assert_eq!(last(&desk), *expected);
        }
    }

    #[test]
    fn a_click_forgets_what_lay_ahead_and_trouble_is_told() {
        let mut desk = Desk::new(timeline());
        ask(&mut desk, [Order::Jump(ms(5_000)), Order::Pause, Order::Jump(ms(3_000))]);
        desk.obey([toggle(1)].into_iter());
        let now = seen(&mut desk);
        assert_eq!((now.at, now.known, now.is_behind()), (ms(3_000), ms(3_000), false));
        desk.obey([Command::FreshStart].into_iter());
        assert!(desk.snapshot().trouble.is_some_and(|it| it.contains("no word for this")));
        ask(&mut desk, [Order::Play]);
        assert_eq!(desk.snapshot().trouble, None);
        assert!(desk.obey([Command::Quit].into_iter()).is_end());
    }

    #[test]
    fn a_run_is_saved_once_under_a_name_and_is_the_same_run() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run.toml");
        let mut desk = Desk::new(timeline());
        desk.timeline.jump_to_time(ms(3_000));
        desk.obey([toggle(1)].into_iter());
        let shared = ask(&mut desk, [Order::Save(path.clone())]).shared.expect("it was asked for");
        assert_eq!(shared.saved, Some(Ok(path.clone())));
        assert!(shared.proposed.starts_with("dual-board-7"), "{}", shared.proposed);
        let text = std::fs::read_to_string(&path).expect("it was written");
        for written in [text.as_str(), shared.string.as_deref().expect("a string")] {
            assert_eq!(Recipe::read(written).expect("a run"), *desk.timeline.recipe());
        }
        let again = ask(&mut desk, [Order::Save(path)]).shared.expect("it was asked for");
        let why = again.saved.clone().expect("an answer").expect_err("it is there");
        assert!(why.contains("is there already"), "{why}");
        desk.obey([toggle(2)].into_iter());
        assert_eq!(seen(&mut desk).shared, None, "it is another run now");
    }

    #[test]
    fn the_thread_plays_sleeps_and_ends() {
        let (told, heard) = crossbeam_channel::unbounded();
        let changed = move || told.send(()).expect("somebody listens");
        let host = Host::start(timeline(), Box::new(changed)).expect("a thread");
        let next = || {
            let snapshot = host.snapshots.recv().expect("it goes on");
            snapshot.transport.clone().expect("it can be gone through")
        };
        while next().at == Duration::ZERO {}
        host.commands.send(Command::Transport(Order::Pause)).expect("it listens");
        while next().playing {}
        heard.recv().expect("somebody is woken");
        assert!(host.snapshots.try_recv().is_err(), "nothing is new while it is paused");
        host.end();
    }
}
