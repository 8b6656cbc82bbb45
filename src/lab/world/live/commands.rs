//! Commands, carried out one after the other.

use std::path::Path;
use std::time::Duration;

use time::OffsetDateTime;

use super::World;
use super::board::Ground;
use crate::broker::{BridgeNumber, BridgeOrder};
use crate::cable::Deed;
use crate::card::{Link, SensorNumber, driver};
use crate::conf::Engine;
use crate::lab::snapshot::{Holdings, ProgramKind, Run};
use crate::lab::trace::Event;
use crate::lab::{Action, BoardName, BridgeName, CableName, Command, DiskTrouble, ProgramName};
use crate::mqtt::Message;
use crate::net::DiskState;

impl World {
    /// Carries out a command; what went wrong shows as the world's trouble.
    pub(super) async fn carry_out(&mut self, command: Command) {
        self.trouble = None;
        let done = match command {
            Command::Toggle { program, sensor } => self.click(&program, sensor, None),
            Command::Set { program, sensor, ok } => self.click(&program, sensor, Some(ok)),
            Command::Publish { program, count } => self.publish_more(&program, count),
            Command::Message { program, message } => self.say_as(&program, message),
            Command::Program { program, action } => self.act_on_program(&program, action).await,
            Command::Broker { board, action } => self.act_on_broker(&board, action).await,
            Command::Bridge { bridge, action } => self.act_on_bridge(&bridge, action),
            Command::RetryNow { bridge } => self.order(&bridge, &[BridgeOrder::Retry]),
            Command::Power { board, on } => self.power(&board, on).await,
            Command::Cable { cable, deed } => self.act_on_cable(&cable, deed),
            Command::Disk { board, trouble } => self.act_on_disk(&board, trouble),
            Command::Reconnect => {
                self.reconnect_stalled();
                Ok(())
            }
            Command::Judge => {
                self.judge().await;
                Ok(())
            }
            Command::FreshStart => self.fresh_start().await,
            Command::PutBack { aside } => self.put_back(&aside).await,
            // The loop ends before it carries out this one.
            Command::Quit => Ok(()),
        };
        if let Err(trouble) = done {
            self.record(Event::Note(trouble.clone()));
            self.trouble = Some(trouble);
        }
    }

    fn click(
        &self,
        program: &ProgramName,
        sensor: SensorNumber,
        ok: Option<bool>,
    ) -> Result<(), String> {
        let handle = self.running(program)?;
        let taken = match ok {
            None => handle.toggle(sensor),
            Some(ok) => handle.set(sensor, ok),
        };
        taken.map_err(|error| format!("{program}: {error}"))
    }

    fn publish_more(&self, program: &ProgramName, count: u64) -> Result<(), String> {
        let (board, at) = self.find_program(program)?;
        if self.plan.boards[board].programs[at].kind() != ProgramKind::Counter {
            return Err(format!("{program} is no counter: it has nothing to count"));
        }
        let taken = self.running(program)?.publish(count);
        taken.map_err(|error| format!("{program}: {error}"))
    }

    fn say_as(&self, program: &ProgramName, message: Message) -> Result<(), String> {
        let handle = self.running(program)?;
        if !matches!(handle.face().link, Link::Online { .. }) {
            return Err(format!("{program} is not connected: wait until it is online"));
        }
        handle.say(message).map_err(|error| format!("{program}: {error}"))
    }

    /// A program that runs.
    fn running(&self, program: &ProgramName) -> Result<&driver::Handle, String> {
        let (board, at) = self.find_program(program)?;
        let handle = self.boards[board].programs[at].handle.as_ref();
        let handle = handle.ok_or_else(|| format!("{program} does not run: start it first"))?;
        if handle.is_frozen() {
            return Err(format!("{program} is frozen: thaw it first"));
        }
        Ok(handle)
    }

    async fn act_on_program(&mut self, name: &ProgramName, action: Action) -> Result<(), String> {
        let (board, at) = self.find_program(name)?;
        self.has_power(board, action)?;
        frost(name.as_str(), &self.boards[board].programs[at].run, action)?;
        self.asked(name.as_str(), action);
        if matches!(action, Action::Freeze | Action::Thaw) {
            self.boards[board].freeze_program(at, action == Action::Freeze);
        }
        if matches!(action, Action::Stop | Action::Restart | Action::Kill) {
            self.boards[board].end_program(at, action != Action::Kill).await;
        }
        if matches!(action, Action::Start | Action::Restart) {
            self.start_program(board, at);
        }
        Ok(())
    }

    async fn act_on_broker(&mut self, name: &BoardName, action: Action) -> Result<(), String> {
        let board = self.find_board(name)?;
        self.has_power(board, action)?;
        self.is_ours(board)?;
        let broker = format!("the broker of {name}");
        frost(&broker, &self.boards[board].run, action)?;
        self.asked(&broker, action);
        if matches!(action, Action::Freeze | Action::Thaw) {
            self.boards[board].freeze_broker(action == Action::Freeze).await?;
        }
        if matches!(action, Action::Stop | Action::Restart | Action::Kill) {
            self.boards[board].end_broker(action != Action::Kill).await;
        }
        if matches!(action, Action::Start | Action::Restart) {
            return self.start_broker(board).await;
        }
        Ok(())
    }

    fn act_on_bridge(&mut self, name: &BridgeName, action: Action) -> Result<(), String> {
        let orders: &[BridgeOrder] = match action {
            Action::Start => &[BridgeOrder::Start],
            Action::Stop => &[BridgeOrder::Stop],
            Action::Restart => &[BridgeOrder::Stop, BridgeOrder::Start],
            Action::Kill => &[BridgeOrder::Kill],
            Action::Freeze | Action::Thaw => {
                return Err(format!("{name} cannot be frozen alone: freeze its broker"));
            }
        };
        self.order(name, orders)?;
        self.asked(name.as_str(), action);
        Ok(())
    }

    fn order(&mut self, name: &BridgeName, orders: &[BridgeOrder]) -> Result<(), String> {
        let (board, at) = self.find_bridge(name)?;
        let Some(broker) = &self.boards[board].broker else {
            let board = &self.plan.boards[board].name;
            return Err(format!(
                "{name} rests because the broker of {board} does: start that first"
            ));
        };
        let ordered = orders.iter().map(|order| broker.order(BridgeNumber(at), *order));
        ordered.collect::<Result<(), _>>().map_err(|error| format!("{name}: {error}"))
    }

    async fn power(&mut self, name: &BoardName, on: bool) -> Result<(), String> {
        let board = self.find_board(name)?;
        if self.boards[board].power == on {
            return Ok(());
        }
        self.is_ours(board)?;
        self.record(Event::Power { board: name.clone(), on });
        if on {
            self.power_on(board).await
        } else {
            self.boards[board].power_off().await;
            Ok(())
        }
    }

    fn act_on_disk(
        &mut self,
        name: &BoardName,
        trouble: Option<DiskTrouble>,
    ) -> Result<(), String> {
        let board = self.find_board(name)?;
        let engine = &self.plan.boards[board].engine;
        if *engine != Engine::Native {
            return Err(format!(
                "the broker of {name} is {engine}, whose disk cannot be made to fail: the native \
                 engine alone can do that"
            ));
        }
        if !self.plan.boards[board].settings.persistence {
            return Err(format!(
                "the broker of {name} is memory only and needs no disk: `persistence true` in its \
                 conf keeps its state on one"
            ));
        }
        // Told before it takes effect.
        self.record(Event::Disk { board: name.clone(), trouble });
        self.boards[board].disk.set(match trouble {
            None => DiskState::Works,
            Some(DiskTrouble::Full) => DiskState::Full,
            Some(DiskTrouble::Slow { ms }) => DiskState::Slow(Duration::from_millis(ms)),
        });
        Ok(())
    }

    fn act_on_cable(&mut self, name: &CableName, deed: Deed) -> Result<(), String> {
        let mut cables = self.boards.iter().flat_map(|board| board.cables.all());
        let named = cables.find(|it| it.name == *name).map(|it| it.cable.clone());
        drop(cables);
        let cable = named.ok_or_else(|| format!("there is no cable {name}"))?;
        // Told before it takes effect.
        self.record(Event::Cable { cable: name.clone(), deed: deed.clone() });
        cable.apply(deed);
        Ok(())
    }

    async fn fresh_start(&mut self) -> Result<(), String> {
        self.stop_everything().await;
        let moved = self.data.set_aside(self.local_time());
        self.aside = self.data.asides();
        self.begin_again().await;
        let note = match moved.map_err(|error| error.to_string())? {
            Some(aside) => format!("A fresh start; the old state is kept in {}", aside.display()),
            None => "A fresh start; there was no state to keep".to_owned(),
        };
        self.record(Event::Note(note));
        Ok(())
    }

    async fn put_back(&mut self, aside: &Path) -> Result<(), String> {
        self.stop_everything().await;
        let moved = self.data.put_back(aside, self.local_time());
        self.aside = self.data.asides();
        self.begin_again().await;
        moved.map_err(|error| error.to_string())?;
        self.record(Event::Note(format!("The state of {} is back", aside.display())));
        Ok(())
    }

    /// The time on the wall, for the names of folders.
    fn local_time(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc().to_offset(self.epoch.offset())
    }

    /// Starts everything on another state than it was stopped with.
    async fn begin_again(&mut self) {
        self.catch_up();
        self.record(Event::Fresh);
        self.start_everything().await;
    }

    /// Gives all boards power, mends all cables and disks.
    pub(super) async fn start_everything(&mut self) {
        for board in 0..self.boards.len() {
            self.boards[board].holdings = Holdings::default();
            self.boards[board].cables.mend();
            self.boards[board].disk.set(DiskState::Works);
            if let Err(trouble) = self.power_on(board).await {
                self.trouble = Some(trouble);
            }
        }
    }

    /// Ends all programs, then all brokers, politely.
    pub(super) async fn stop_everything(&mut self) {
        for board in &mut self.boards {
            for at in 0..board.programs.len() {
                board.end_program(at, true).await;
            }
        }
        for board in &mut self.boards {
            board.end_broker(true).await;
            board.power = false;
        }
    }

    async fn power_on(&mut self, board: usize) -> Result<(), String> {
        self.boards[board].power = true;
        let started = self.start_broker(board).await;
        for at in 0..self.boards[board].programs.len() {
            self.start_program(board, at);
        }
        started
    }

    async fn start_broker(&mut self, board: usize) -> Result<(), String> {
        let Self { plan, data, clock, notes, own, .. } = self;
        let ground = Ground { plan, data, clock: *clock, notes, own };
        self.boards[board].start_broker(board, &ground).await;
        self.lead_cables(board);
        match &self.boards[board].run {
            Run::Failed(why) => Err(why.clone()),
            _ => Ok(()),
        }
    }

    /// Leads the cables of all bridges to this board to its broker, or nowhere.
    fn lead_cables(&self, to: usize) {
        let target = self.boards[to].inside();
        for bridge in self.boards.iter().flat_map(|board| &board.cables.bridges) {
            for (_, _, end) in bridge.ends.iter().filter(|(_, remote, _)| *remote == Some(to)) {
                end.set_target(target.clone());
            }
        }
    }

    fn start_program(&mut self, board: usize, at: usize) {
        let plan = &self.plan.boards[board];
        self.boards[board].start_program(at, plan, self.clock, &self.notes);
    }

    fn asked(&mut self, what: &str, action: Action) {
        self.record(Event::Asked { what: what.to_owned(), action });
    }

    fn has_power(&self, board: usize, action: Action) -> Result<(), String> {
        let starts = matches!(action, Action::Start | Action::Restart);
        if starts && !self.boards[board].power {
            let name = &self.plan.boards[board].title;
            return Err(format!("{name} has no power: switch it on first"));
        }
        Ok(())
    }

    /// Nothing is started or ended where somebody else runs the broker.
    fn is_ours(&self, board: usize) -> Result<(), String> {
        let plan = &self.plan.boards[board];
        let Engine::Remote(address) = &plan.engine else { return Ok(()) };
        let title = &plan.title;
        Err(format!(
            "the broker of {title} is run by somebody else, at {address}: cut its cable, or choose \
             the engine native, mosquitto or rumqttd"
        ))
    }

    fn find_board(&self, name: &BoardName) -> Result<usize, String> {
        let found = self.plan.boards.iter().position(|board| board.name == *name);
        found.ok_or_else(|| format!("there is no board {name}"))
    }

    fn find_program(&self, name: &ProgramName) -> Result<(usize, usize), String> {
        let mut boards = self.plan.boards.iter().enumerate();
        let found = boards.find_map(|(at, board)| {
            Some((at, board.programs.iter().position(|program| program.name == *name)?))
        });
        found.ok_or_else(|| format!("there is no program {name}"))
    }

    fn find_bridge(&self, name: &BridgeName) -> Result<(usize, usize), String> {
        let mut boards = self.plan.boards.iter().enumerate();
        let found = boards.find_map(|(at, board)| {
            Some((at, board.bridges.iter().position(|bridge| bridge.name == *name)?))
        });
        found.ok_or_else(|| format!("there is no bridge {name}"))
    }
}

/// What is frozen can be thawed and killed, and only what runs can be frozen.
///
/// # Errors
/// In words, what to do first.
fn frost(what: &str, run: &Run, action: Action) -> Result<(), String> {
    match (run, action) {
        (Run::Frozen, Action::Freeze) => Err(format!("{what} is frozen already")),
        (Run::Frozen, Action::Start | Action::Stop | Action::Restart) => {
            Err(format!("{what} is frozen and hears nothing: thaw it first, or kill it"))
        }
        (Run::Running, Action::Thaw) => Err(format!("{what} is not frozen")),
        (Run::Stopped | Run::Failed(_), Action::Freeze | Action::Thaw) => {
            Err(format!("{what} does not run: start it first"))
        }
        _ => Ok(()),
    }
}
