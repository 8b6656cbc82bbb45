//! Carrying out commands, in a world of either kind.

use std::path::Path;

use super::parts::Parts;
use crate::broker::BridgeOrder;
use crate::cable::Deed;
use crate::card::{Input, Link};
use crate::conf::Engine;
use crate::lab::plan::Seat;
use crate::lab::snapshot::{ProgramKind, Run};
use crate::lab::trace::Event;
use crate::lab::{Action, BoardName, BridgeName, CableName, Command, DiskTrouble, ProgramName};
use crate::mqtt::Message;

/// Carries out a command.
///
/// # Errors
/// In words, what went wrong and what to do.
pub(super) async fn carry_out<W: Parts>(world: &mut W, command: Command) -> Result<(), String> {
    match command {
        Command::Toggle { program, sensor } => tell(world, &program, Input::Toggle(sensor)),
        Command::Set { program, sensor, ok } => tell(world, &program, Input::Set(sensor, ok)),
        Command::Publish { program, count } => publish_more(world, &program, count),
        Command::Message { program, message } => say_as(world, &program, message),
        Command::Program { program, action } => act_on_program(world, &program, action).await,
        Command::Broker { board, action } => act_on_broker(world, &board, action).await,
        Command::Bridge { bridge, action } => act_on_bridge(world, &bridge, action),
        Command::RetryNow { bridge } => order(world, &bridge, &[BridgeOrder::Retry]),
        Command::Power { board, on } => power(world, &board, on).await,
        Command::Cable { cable, deed } => act_on_cable(world, &cable, deed),
        Command::Disk { board, trouble } => act_on_disk(world, &board, trouble),
        Command::Reconnect => {
            reconnect_stalled(world);
            Ok(())
        }
        Command::Judge => {
            world.judge().await;
            Ok(())
        }
        Command::FreshStart => fresh_start(world).await,
        Command::PutBack { aside } => put_back(world, &aside).await,
        // Whoever holds a run that can be gone through does that beside the world.
        Command::Transport(_) => Err("time passes by itself here".to_owned()),
        // Whoever drives the world ends before this one.
        Command::Quit => Ok(()),
    }
}

/// Gives all boards power, mends all cables and disks.
pub(super) async fn start_everything<W: Parts>(world: &mut W) -> Result<(), String> {
    let mut trouble = Ok(());
    for board in 0..world.plan().boards.len() {
        world.mend_cables(board);
        world.set_disk(board, None);
        if let Err(why) = power_on(world, board).await {
            trouble = Err(why);
        }
    }
    trouble
}

/// Ends all programs, then all brokers, politely.
pub(super) async fn stop_everything<W: Parts>(world: &mut W) {
    for seat in world.plan().seats() {
        world.end_program(seat, true).await;
    }
    for board in 0..world.plan().boards.len() {
        world.end_broker(board, true).await;
        world.set_power(board, false);
    }
}

fn tell<W: Parts>(world: &mut W, program: &ProgramName, input: Input) -> Result<(), String> {
    let seat = running(world, program)?;
    world.tell(seat, input).map_err(|error| format!("{program}: {error}"))
}

fn publish_more<W: Parts>(world: &mut W, program: &ProgramName, count: u64) -> Result<(), String> {
    let seat = world.plan().seat(program)?;
    if world.plan().program_at(seat).kind() != ProgramKind::Counter {
        return Err(format!("{program} is no counter: it has nothing to count"));
    }
    tell(world, program, Input::Publish(count))
}

fn say_as<W: Parts>(world: &mut W, program: &ProgramName, message: Message) -> Result<(), String> {
    let seat = running(world, program)?;
    if !matches!(world.link(seat), Link::Online { .. }) {
        return Err(format!("{program} is not connected: wait until it is online"));
    }
    world.say(seat, message).map_err(|error| format!("{program}: {error}"))
}

/// A program that runs.
fn running<W: Parts>(world: &W, program: &ProgramName) -> Result<Seat, String> {
    let seat = world.plan().seat(program)?;
    match world.program_run(seat) {
        Run::Running => Ok(seat),
        Run::Frozen => Err(format!("{program} is frozen: thaw it first")),
        Run::Stopped | Run::Failed(_) => Err(format!("{program} does not run: start it first")),
    }
}

async fn act_on_program<W: Parts>(
    world: &mut W,
    name: &ProgramName,
    action: Action,
) -> Result<(), String> {
    let seat = world.plan().seat(name)?;
    has_power(world, seat.board, action)?;
    frost(name.as_str(), world.program_run(seat), action)?;
    asked(world, name.as_str(), action);
    if matches!(action, Action::Freeze | Action::Thaw) {
        world.freeze_program(seat, action == Action::Freeze);
    }
    if matches!(action, Action::Stop | Action::Restart | Action::Kill) {
        world.end_program(seat, action != Action::Kill).await;
    }
    if matches!(action, Action::Start | Action::Restart) {
        world.start_program(seat);
    }
    Ok(())
}

async fn act_on_broker<W: Parts>(
    world: &mut W,
    name: &BoardName,
    action: Action,
) -> Result<(), String> {
    let board = world.plan().board(name)?;
    has_power(world, board, action)?;
    is_ours(world, board)?;
    let broker = format!("the broker of {name}");
    frost(&broker, world.broker_run(board), action)?;
    asked(world, &broker, action);
    if matches!(action, Action::Freeze | Action::Thaw) {
        world.freeze_broker(board, action == Action::Freeze).await?;
    }
    if matches!(action, Action::Stop | Action::Restart | Action::Kill) {
        world.end_broker(board, action != Action::Kill).await;
    }
    if matches!(action, Action::Start | Action::Restart) {
        return start_broker(world, board).await;
    }
    Ok(())
}

fn act_on_bridge<W: Parts>(world: &mut W, name: &BridgeName, action: Action) -> Result<(), String> {
    let orders: &[BridgeOrder] = match action {
        Action::Start => &[BridgeOrder::Start],
        Action::Stop => &[BridgeOrder::Stop],
        Action::Restart => &[BridgeOrder::Stop, BridgeOrder::Start],
        Action::Kill => &[BridgeOrder::Kill],
        Action::Freeze | Action::Thaw => {
            return Err(format!("{name} cannot be frozen alone: freeze its broker"));
        }
    };
    order(world, name, orders)?;
    asked(world, name.as_str(), action);
    Ok(())
}

fn order<W: Parts>(world: &mut W, name: &BridgeName, orders: &[BridgeOrder]) -> Result<(), String> {
    let (board, at) = world.plan().bridge(name)?;
    if !matches!(world.broker_run(board), Run::Running | Run::Frozen) {
        let board = &world.plan().boards[board].name;
        return Err(format!("{name} rests because the broker of {board} does: start that first"));
    }
    for order in orders {
        world.order(board, at, *order).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

async fn power<W: Parts>(world: &mut W, name: &BoardName, on: bool) -> Result<(), String> {
    let board = world.plan().board(name)?;
    if world.has_power(board) == on {
        return Ok(());
    }
    is_ours(world, board)?;
    world.record(Event::Power { board: name.clone(), on });
    if on {
        return power_on(world, board).await;
    }
    world.set_power(board, false);
    world.end_broker(board, false).await;
    for seat in world.plan().seats().filter(|seat| seat.board == board) {
        world.end_program(seat, false).await;
    }
    Ok(())
}

async fn power_on<W: Parts>(world: &mut W, board: usize) -> Result<(), String> {
    world.set_power(board, true);
    let started = start_broker(world, board).await;
    for seat in world.plan().seats().filter(|seat| seat.board == board) {
        world.start_program(seat);
    }
    started
}

async fn start_broker<W: Parts>(world: &mut W, board: usize) -> Result<(), String> {
    world.start_broker(board).await;
    match world.broker_run(board) {
        Run::Failed(why) => Err(why.clone()),
        _ => Ok(()),
    }
}

fn act_on_disk<W: Parts>(
    world: &mut W,
    name: &BoardName,
    trouble: Option<DiskTrouble>,
) -> Result<(), String> {
    let board = world.plan().board(name)?;
    let plan = &world.plan().boards[board];
    if plan.engine != Engine::Native {
        return Err(format!(
            "the broker of {name} is {}, whose disk cannot be made to fail: the native engine \
             alone can do that",
            plan.engine
        ));
    }
    if !plan.settings.persistence {
        return Err(format!(
            "the broker of {name} is memory only and needs no disk: `persistence true` in its \
             conf keeps its state on one"
        ));
    }
    // Told before it takes effect.
    world.record(Event::Disk { board: name.clone(), trouble });
    world.set_disk(board, trouble);
    Ok(())
}

fn act_on_cable<W: Parts>(world: &mut W, name: &CableName, deed: Deed) -> Result<(), String> {
    if !world.has_cable(name) {
        return Err(format!("there is no cable {name}"));
    }
    // Told before it takes effect.
    world.record(Event::Cable { cable: name.clone(), deed: deed.clone() });
    world.apply(name, deed);
    Ok(())
}

/// Ends the connections on which a packet was dropped: only on new ones it is sent again.
fn reconnect_stalled<W: Parts>(world: &mut W) {
    let mut cables = world.stalled();
    cables.dedup();
    for name in cables.into_iter().filter(|name| world.has_cable(name)).collect::<Vec<_>>() {
        world.record(Event::Cable { cable: name.clone(), deed: Deed::Reset });
        world.apply(&name, Deed::Reset);
    }
}

async fn fresh_start<W: Parts>(world: &mut W) -> Result<(), String> {
    stop_everything(world).await;
    let moved = world.set_aside();
    begin_again(world, moved).await
}

async fn put_back<W: Parts>(world: &mut W, aside: &Path) -> Result<(), String> {
    stop_everything(world).await;
    let moved = world.put_back(aside);
    begin_again(world, moved).await
}

/// Starts everything again on another state than it was stopped with, or on the same where that could
/// not be moved.
async fn begin_again<W: Parts>(world: &mut W, moved: Result<String, String>) -> Result<(), String> {
    world.record(Event::Fresh);
    let started = start_everything(world).await;
    world.record(Event::Note(moved?));
    started
}

fn asked<W: Parts>(world: &mut W, what: &str, action: Action) {
    world.record(Event::Asked { what: what.to_owned(), action });
}

fn has_power<W: Parts>(world: &W, board: usize, action: Action) -> Result<(), String> {
    let starts = matches!(action, Action::Start | Action::Restart);
    if starts && !world.has_power(board) {
        let name = &world.plan().boards[board].title;
        return Err(format!("{name} has no power: switch it on first"));
    }
    Ok(())
}

/// Nothing is started or ended where somebody else runs the broker.
fn is_ours<W: Parts>(world: &W, board: usize) -> Result<(), String> {
    let plan = &world.plan().boards[board];
    let Engine::Remote(address) = &plan.engine else { return Ok(()) };
    let title = &plan.title;
    Err(format!(
        "the broker of {title} is run by somebody else, at {address}: cut its cable, or choose \
         the engine native, mosquitto or rumqttd"
    ))
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
