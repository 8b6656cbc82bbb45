//! A run can be gone through in both directions, changed, and written down.

use std::fmt::Write as _;

use super::*;
use crate::cable::{Deed as CableDeed, Fault, Pick, fault::Drop};
use crate::card::SensorNumber;
use crate::conf::Folder;
use crate::conf::scenario::Deed;
use crate::lab::explore;
use crate::lab::script::command as command_of;
use crate::lab::stage::Player;
use crate::lab::trace::Event;
use crate::lab::world::sim::World;
use crate::lab::{Action, BoardName, CableName, ProgramName};
use crate::mqtt::PacketKind;

fn recipe(name: &str, seed: u64) -> Recipe {
    Recipe::new(Folder::builtin(name).expect("it is there"), seed)
}

fn timeline(recipe: Recipe) -> Timeline {
    let plan = recipe.plan().unwrap_or_else(|error| panic!("{error}"));
    Timeline::new(Arc::new(plan), recipe).expect("it can be simulated")
}

fn lines<'a>(entries: impl IntoIterator<Item = &'a Arc<Entry>>) -> String {
    let mut text = String::new();
    for entry in entries {
        writeln!(text, "{}", serde_json::to_string(&**entry).expect("JSON")).expect("text");
    }
    text
}

fn told(timeline: &Timeline) -> String {
    lines(timeline.entries().iter().map(|it| &it.entry))
}

fn toggle(sensor: u8) -> Command {
    let program = if sensor < 4 { "card1_monitor" } else { "card2_monitor" };
    Command::Toggle { program: ProgramName::new(program), sensor: SensorNumber(sensor) }
}

fn on_bridge(deed: CableDeed) -> Command {
    Command::Cable { cable: CableName::new("bridge_to_broker1"), deed }
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_script_plays_as_it_does_for_a_player() {
    for name in ["dual-board", "counting"] {
        let mut timeline = timeline(recipe(name, 3));
        assert_ne!(timeline.script(), None);
        let plan = Arc::clone(timeline.plan());
        let mut world = World::new(Arc::clone(&plan), 3).expect("it can be simulated");
        let Ok(mut player) = Player::new(&mut world);
        let Ok(()) = player.play(plan.steps.clone(), |_, _, _, _| {});
        timeline.play_until(world.now());
        assert!(told(&timeline) == lines(&world.take_entries()), "{name}");
        // What comes last looks once more.
        timeline.play_until(world.now() + Duration::from_millis(1));
        assert_eq!(timeline.script(), None, "the script has ended");
    }
}

#[test]
fn a_schedule_plays_as_it_does_for_the_explorer() {
    let recipe = recipe("dual-board", 5);
    let plan = Arc::new(recipe.plan().expect("it fits"));
    let steps = explore::schedule(&plan, 5);
    let mut world = World::new(Arc::clone(&plan), 5).expect("it can be simulated");
    let mut entries = Vec::new();
    for step in &steps {
        world.run_until(step.at.expect("it has a time"));
        world.obey(command_of(&step.deed));
        entries.extend(world.take_entries());
    }
    let mut timeline = timeline(recipe.with_steps(steps));
    timeline.play_until(world.now());
    assert!(told(&timeline) == lines(&entries));
}

#[test]
fn back_and_forth_is_the_same_run() {
    let mut timeline = timeline(recipe("dual-board", 1));
    let mut seen = vec![(timeline.moment(), told(&timeline).len())];
    while timeline.course.now() < secs(20) && timeline.step() {
        assert_eq!(timeline.position(), seen.len() as u64, "one turn is one step");
        let bytes = told_bytes(&timeline);
        seen.push((timeline.moment(), bytes));
    }
    let whole = told(&timeline);
    let end = timeline.position();
    assert!(end > 2 * SPACING, "{end}: too short to be a test");
    for position in [end - 1, end / 2, 3, 0, end / 3, end - 2, SPACING, SPACING + 1, end] {
        timeline.jump_to(position);
        let (moment, bytes) = seen[usize::try_from(position).expect("small")];
        assert_eq!(timeline.moment(), moment);
        assert!(told(&timeline) == whole[..bytes], "{position}");
    }
    for _ in 0..100 {
        assert!(timeline.back());
    }
    assert_eq!(timeline.position(), end - 100);
    timeline.jump_to_time(secs(7));
    let until = timeline.entries().last().expect("some").entry.at;
    assert!(until <= secs(7) && timeline.course.now() == secs(7));
    timeline.jump_to(end);
    assert!(told(&timeline) == whole);
    assert_eq!(timeline.known().position, end);
    timeline.jump_to(0);
    assert!(!timeline.back(), "there is nothing before the beginning");
}

/// How long what is told is; quicker than telling it.
fn told_bytes(timeline: &Timeline) -> usize {
    thread_local! {
        static SUMS: std::cell::RefCell<Vec<usize>> = const { std::cell::RefCell::new(Vec::new()) };
    }
    SUMS.with_borrow_mut(|sums| {
        let entries = timeline.entries();
        for at in sums.len()..entries.len() {
            let before = if at == 0 { 0 } else { sums[at - 1] };
            sums.push(before + lines([&entries[at].entry]).len());
        }
        entries.len().checked_sub(1).map_or(0, |last| sums[last])
    })
}

#[test]
fn a_fork_differs_only_after_it_and_its_recipe_is_the_same_run() {
    let mut first = timeline(recipe("dual-board", 2));
    first.play_until(secs(12));
    let original = told(&first);
    let mut fork = first.fork();
    fork.jump_to_time(secs(5));
    let before = told(&fork);
    // Several at one time keep their order, between happenings too.
    fork.command(&on_bridge(CableDeed::Set(Fault::both(Drop::of(Pick::next(PacketKind::PUBREC))))))
        .expect("a deed");
    fork.command(&toggle(5)).expect("a deed");
    for _ in 0..7 {
        fork.step();
    }
    fork.command(&toggle(4)).expect("a deed");
    fork.command(&toggle(6)).expect("a deed");
    fork.jump_to_time(secs(8));
    let board = BoardName::new("board1");
    fork.command(&Command::Broker { board, action: Action::Kill }).expect("a deed");
    fork.play_until(secs(12));
    let forked = told(&fork);
    assert!(original.starts_with(&before) && forked.starts_with(&before));
    assert_ne!(original[before.len()..], forked[before.len()..]);
    assert_eq!(told(&first), original, "the first knows nothing of it");
    assert_eq!(fork.recipe().by_hand.len(), 5);

    let text = fork.recipe().text().expect("it can be written");
    let read = Recipe::read(&text).expect("what was written");
    assert_eq!(read, *fork.recipe());
    let mut again = timeline(read);
    again.play_until(secs(12));
    assert!(told(&again) == forked, "{text}");

    // Back over the fork and forth again.
    fork.jump_to_time(secs(2));
    fork.play_until(secs(12));
    assert!(told(&fork) == forked);
}

#[test]
fn a_deed_before_others_forgets_them() {
    let mut timeline = timeline(recipe("dual-board", 2));
    timeline.jump_to_time(secs(5));
    timeline.command(&toggle(5)).expect("a deed");
    timeline.jump_to_time(secs(4));
    timeline.command(&toggle(1)).expect("a deed");
    let deeds: Vec<_> = timeline.recipe().by_hand.iter().map(|it| it.deed.to_string()).collect();
    assert_eq!(deeds, ["toggle sensor 1 on card1_monitor"]);
    assert_eq!(timeline.known(), timeline.moment());
    let error = timeline.command(&Command::FreshStart).expect_err("no deed");
    assert!(error.contains("no word for this"), "{error}");
}

#[test]
fn a_deed_where_the_script_looks_comes_first_each_time() {
    // The script looks every 16 ms, and that is where whoever watches frame by frame does something.
    for ms in [2_000, 2_016, 2_032, 3_008, 4_016] {
        let mut one = timeline(recipe("dual-board", 4));
        one.jump_to_time(Duration::from_millis(ms));
        one.command(&toggle(6)).expect("a deed");
        one.play_until(secs(9));
        let mut again = timeline(one.recipe().clone());
        again.play_until(secs(9));
        assert!(told(&again) == told(&one), "{ms}");
    }
}

#[test]
fn a_file_that_names_a_turn_that_never_comes_does_it_all_the_same() {
    let mut recipe = recipe("dual-board", 4);
    let deed = Deed::PowerOff("board1".to_owned());
    recipe.by_hand.push(crate::lab::recipe::ByHand { at: secs(1), after: 1_000_000, deed });
    let mut timeline = timeline(recipe);
    timeline.play_until(secs(2));
    assert!(!timeline.snapshot().boards[0].power);
    let is_off = |it: &Entry| matches!(it.event, Event::Power { on: false, .. });
    let off = timeline.entries().iter().find(|it| is_off(&it.entry)).expect("it was done");
    assert_eq!(off.entry.at, secs(1));
}

/// Ten minutes of the dual-board system, a click a second: what a copy takes, and a jump.
///
/// `cargo test --release --lib timeline::tests::how_much -- --ignored --nocapture`
#[test]
#[ignore = "it measures, and judges nothing"]
fn how_much_a_copy_and_a_jump_take() {
    use crate::lab::plan::Plan;
    let began = std::time::Instant::now();
    let mut timeline = timeline(recipe("dual-board", 1).with_steps(Vec::new()));
    for second in 1..=600_u64 {
        timeline.play_until(secs(second));
        timeline.command(&toggle(1 + u8::try_from(second % 6).expect("small"))).expect("a deed");
    }
    let known = timeline.known();
    println!("{} turns, {} entries, {:?}", known.position, timeline.entries.len(), began.elapsed());
    println!("copies, turns apart: {:?}", timeline.copies());
    let resident = || {
        let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        text.split(' ').nth(1).and_then(|it| it.parse::<u64>().ok()).unwrap_or(0) * 4
    };
    let before = resident();
    let copies: Vec<_> = (0..200).map(|_| timeline.course.clone()).collect();
    println!("a copy at the end: {} KiB", (resident() - before) / copies.len() as u64);
    drop(copies);
    let plan: &Plan = timeline.plan();
    println!("boards: {}", plan.boards.len());
    for part in [1, 3, 5, 7, 9, 10, 2] {
        let began = std::time::Instant::now();
        timeline.jump_to(known.position * part / 10);
        println!("a jump to {part}/10: {:?}", began.elapsed());
    }
    let began = std::time::Instant::now();
    for _ in 0..100 {
        timeline.back();
    }
    println!("100 times back: {:?}", began.elapsed());
    let began = std::time::Instant::now();
    let snapshot = timeline.snapshot();
    println!("a snapshot: {:?}, {} entries in it", began.elapsed(), snapshot.trace.len());
}
