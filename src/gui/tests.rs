//! The windows as a person or a screen reader meets them: found by role and name, used by pointer
//! and keyboard, judged by the commands they send.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};
use egui::accesskit::Role;
use egui::{Key, Modifiers, Vec2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

use super::app::App;
use super::fixtures::{self, bridge_mut, counter_mut, program_mut, tally_mut};
use super::outbox::Outbox;
use super::theme;
use crate::cable::Deed;
use crate::card::count::{Fault, Odd};
use crate::card::{Ignored, Link, SensorNumber};
use crate::lab::snapshot::{BridgeState, CableState, Run};
use crate::lab::transport::{Order, Shared, Speed, Transport};
use crate::lab::{Action, BoardName, CableName, Command, ProgramName, Snapshot};
use crate::lint::{Finding, Severity};

/// The whole application on one screen; without native windows it shows them inside its own.
struct Stage {
    harness: Harness<'static, App>,
    world: Sender<Arc<Snapshot>>,
    commands: Receiver<Command>,
}

impl Stage {
    fn new(snapshot: &Snapshot, one_window: bool) -> Self {
        Self::sized(snapshot, one_window, vec2(1340.0, 1060.0))
    }

    fn sized(snapshot: &Snapshot, one_window: bool, size: Vec2) -> Self {
        let (world, snapshots) = crossbeam_channel::unbounded();
        let (sent, commands) = crossbeam_channel::unbounded();
        world.send(Arc::new(snapshot.clone())).expect("the application listens");
        // The application wants the context that only the harness has.
        let ctx = egui::Context::default();
        let app = App::new(snapshots, Outbox::new(&ctx, sent), one_window, None);
        let harness = Harness::builder().with_size(size).with_max_steps(30).build_ui_state(
            |ui: &mut egui::Ui, app: &mut App| {
                theme::install(ui.ctx());
                app.tick(ui.ctx());
                app.show(ui);
            },
            app,
        );
        let mut stage = Self { harness, world, commands };
        stage.settle();
        stage
    }

    fn docked(snapshot: &Snapshot) -> Self {
        Self::new(snapshot, true)
    }

    /// A countdown never comes to rest, so this is a number of frames and not a run.
    fn settle(&mut self) {
        self.harness.run_steps(4);
    }

    fn world_says(&mut self, snapshot: &Snapshot) {
        self.world.send(Arc::new(snapshot.clone())).expect("the application listens");
        self.settle();
    }

    fn click(&mut self, name: &str) {
        self.harness.get_by_role_and_label(Role::Button, name).click();
        self.settle();
    }

    fn sent(&self) -> Vec<Command> {
        self.commands.try_iter().collect()
    }

    /// Whether something is named, or says, exactly this.
    fn says(&self, words: &str) -> bool {
        self.harness.query_all_by_label(words).next().is_some()
    }

    fn says_about(&self, words: &str) -> bool {
        self.harness.query_all_by_label_contains(words).next().is_some()
    }
}

fn program(name: &str) -> ProgramName {
    ProgramName::new(name)
}

#[test]
fn a_click_toggles_and_changes_nothing_by_itself() {
    let mut stage = Stage::docked(&fixtures::dual_board());
    stage.click("Sensor 1: OK, clicked here 12:00:04");
    let toggle = Command::Toggle { program: program("card1_monitor"), sensor: SensorNumber(1) };
    assert_eq!(stage.sent(), [toggle]);
    // What a window shows comes from the world alone.
    assert!(stage.says("Sensor 1: OK, clicked here 12:00:04"));
    let mut changed = fixtures::dual_board();
    program_mut(&mut changed, "card1_monitor").face.own[0].state = Some(false);
    stage.world_says(&changed);
    assert!(stage.says("Sensor 1: KO, clicked here 12:00:04"));
}

#[test]
fn keys_toggle_too() {
    let mut stage = Stage::docked(&fixtures::dual_board());
    let check = |stage: &mut Stage, key: Key, name: &str, number: u8| {
        stage.harness.key_press(key);
        stage.settle();
        let expected = Command::Toggle { program: program(name), sensor: SensorNumber(number) };
        assert_eq!(stage.sent(), [expected]);
    };
    check(&mut stage, Key::Num2, "card1_monitor", 2);
    check(&mut stage, Key::Num6, "card2_monitor", 6);
    // Somebody who writes a number means a number.
    stage.harness.get_by_label("Filter events").focus();
    stage.settle();
    stage.harness.key_press(Key::Num2);
    stage.settle();
    assert_eq!(stage.sent(), []);
}

#[test]
fn a_focused_sensor_is_toggled_by_space_and_enter() {
    let mut stage = Stage::docked(&fixtures::dual_board());
    for key in [Key::Space, Key::Enter] {
        stage
            .harness
            .get_by_role_and_label(Role::Button, "Sensor 5: OK, clicked here 12:00:04")
            .focus();
        stage.settle();
        stage.harness.key_press(key);
        stage.settle();
        let sensor = SensorNumber(5);
        let expected = Command::Toggle { program: program("card2_monitor"), sensor };
        assert_eq!(stage.sent(), [expected], "{key:?}");
    }
}

#[test]
fn the_tab_key_reaches_every_sensor() {
    let mut stage = Stage::docked(&fixtures::dual_board());
    let mut reached = Vec::new();
    for _ in 0..60 {
        stage.harness.key_press_modifiers(Modifiers::NONE, Key::Tab);
        stage.harness.run_steps(2);
        for number in 1..=6 {
            let mut found = stage.harness.query_all_by_role(Role::Button);
            let name = format!("Sensor {number}:");
            let focused = found.any(|node| {
                node.is_focused()
                    && node.accesskit_node().label().is_some_and(|label| label.starts_with(&name))
            });
            if focused && !reached.contains(&number) {
                reached.push(number);
            }
        }
    }
    assert_eq!(reached, [1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_click_without_a_broker_is_not_sent_yet() {
    let mut snapshot = fixtures::dual_board();
    let face = &mut program_mut(&mut snapshot, "card1_monitor").face;
    face.own[0].unsent = true;
    face.link = Link::Offline { since: Duration::from_secs(5), reason: String::from("cut off") };
    face.note = String::from("Waits for its broker.");
    let stage = Stage::docked(&snapshot);
    assert!(stage.says("Sensor 1: OK, clicked here 12:00:04, not sent yet"));
    for words in ["Not connected", "cut off", "Waits for its broker."] {
        assert!(stage.says(words), "{words}");
    }
}

#[test]
fn monitors_say_what_they_ignored_and_when_they_were_updated() {
    let mut snapshot = fixtures::dual_board();
    let face = &mut program_mut(&mut snapshot, "card2_monitor").face;
    face.updated = Some(Duration::from_secs(7));
    face.ignored_count = 3;
    face.ignored = Some(Ignored {
        at: Duration::from_secs(9),
        topic: String::from("sensors/card1"),
        reason: String::from("not JSON"),
    });
    let stage = Stage::docked(&snapshot);
    assert!(stage.says("Updated: 12:00:07"));
    assert!(stage.says("3 messages ignored, the last at 12:00:09 on sensors/card1: not JSON"));
    assert!(stage.says("Received from board 1"));
    // Statistics: card 1's monitor has 2 OK, the two others 5.
    assert_eq!(stage.harness.query_all_by_label("OK: 2").count(), 1);
    assert_eq!(stage.harness.query_all_by_label("OK: 5").count(), 2);
}

#[test]
fn the_display_says_how_old_board_1_is() {
    let mut snapshot = fixtures::dual_board();
    assert!(!Stage::docked(&snapshot).says_about("as of"));
    program_mut(&mut snapshot, "global_display").face.bridge =
        Some((false, Duration::from_secs(9)));
    let stage = Stage::docked(&snapshot);
    assert!(stage.says("as of 12:00:09"));
    for (words, expected) in [
        ("Sensor 1: OK, arrived live 12:00:04, as of 12:00:09", true),
        ("Sensor 2: KO, arrived live 12:00:04, as of 12:00:09", true),
        ("Sensor 4: OK, arrived live 12:00:04, as of 12:00:09", false),
        ("Sensor 4: OK, arrived live 12:00:04", true),
    ] {
        assert_eq!(stage.says(words), expected, "{words}");
    }
}

#[test]
fn a_board_without_power_is_dark_and_offers_it() {
    let mut snapshot = fixtures::dual_board();
    snapshot.boards[0].power = false;
    let mut stage = Stage::docked(&snapshot);
    assert!(stage.says("Board 1 has no power"));
    assert!(!stage.says("Sensor 1: OK, clicked here 12:00:04"));
    let on = Command::Power { board: BoardName::new("board1"), on: true };
    stage.click("Power on");
    assert_eq!(stage.sent(), std::slice::from_ref(&on));
    stage.click("Power on Board 1");
    assert_eq!(stage.sent(), [on]);
    stage.click("Power off Board 2");
    assert_eq!(stage.sent(), [Command::Power { board: BoardName::new("board2"), on: false }]);
}

#[test]
fn a_stopped_program_keeps_its_window_and_offers_a_start() {
    let mut snapshot = fixtures::dual_board();
    program_mut(&mut snapshot, "global_display").run = Run::Stopped;
    let mut stage = Stage::docked(&snapshot);
    assert!(stage.says("global_display is stopped"));
    stage.click("Start");
    let start = Command::Program { program: program("global_display"), action: Action::Start };
    assert_eq!(stage.sent(), [start]);
}

#[test]
fn the_labs_buttons_send_what_they_say() {
    let mut snapshot = fixtures::dual_board();
    program_mut(&mut snapshot, "global_display").run = Run::Stopped;
    let mut stage = Stage::docked(&snapshot);
    let on_program = |name: &str, action| Command::Program { program: program(name), action };
    let on_broker = |action| Command::Broker { board: BoardName::new("board2"), action };
    let on_bridge = |action| Command::Bridge { bridge: fixtures::bridge_name(), action };
    let on_cable = |deed| Command::Cable { cable: CableName::new("bridge_to_broker1"), deed };
    for (name, expected) in [
        ("Stop card1_monitor", on_program("card1_monitor", Action::Stop)),
        ("Restart card2_monitor", on_program("card2_monitor", Action::Restart)),
        ("Kill card2_monitor", on_program("card2_monitor", Action::Kill)),
        ("Start global_display", on_program("global_display", Action::Start)),
        ("Stop Board 2's broker", on_broker(Action::Stop)),
        ("Restart Board 2's broker", on_broker(Action::Restart)),
        ("Kill Board 2's broker", on_broker(Action::Kill)),
        ("Stop bridge_to_broker1", on_bridge(Action::Stop)),
        ("Restart bridge_to_broker1", on_bridge(Action::Restart)),
        ("Kill bridge_to_broker1", on_bridge(Action::Kill)),
        ("Cut the cable of bridge_to_broker1", on_cable(Deed::cut())),
        ("Cut silently the cable of bridge_to_broker1", on_cable(Deed::cut_silently())),
    ] {
        stage.click(name);
        assert_eq!(stage.sent(), [expected], "{name}");
    }
}

#[test]
fn a_bridge_says_what_each_end_believes() {
    let mut snapshot = fixtures::dual_board();
    let bridge = bridge_mut(&mut snapshot);
    bridge.cable = CableState::Silent;
    bridge.remote_believes = Some(false);
    let mut stage = Stage::docked(&snapshot);
    for words in [
        "Board 2 believes: connected",
        "Board 1 believes: not connected",
        "Cable cut, neither end was told",
        "5 out · 7 in · 0 queued",
    ] {
        assert!(stage.says(words), "{words}");
    }
    stage.click("Mend the cable of bridge_to_broker1");
    let cable = CableName::new("bridge_to_broker1");
    assert_eq!(stage.sent(), [Command::Cable { cable, deed: Deed::Mend }]);
    snapshot.boards[1].power = false;
    stage.world_says(&snapshot);
    assert!(stage.says("Board 2 believes: nothing; its broker is not running"));
}

#[test]
fn a_waiting_bridge_counts_down_and_can_be_hurried() {
    let mut snapshot = fixtures::dual_board();
    let until = snapshot.now + Duration::from_hours(1);
    bridge_mut(&mut snapshot).state =
        BridgeState::Waiting { until, reason: String::from("connection refused") };
    let mut stage = Stage::docked(&snapshot);
    assert!(stage.says_about("Tries again in 3"));
    assert!(stage.says("Not connected: connection refused"));
    stage.click("Retry now bridge_to_broker1");
    assert_eq!(stage.sent(), [Command::RetryNow { bridge: fixtures::bridge_name() }]);
}

#[test]
fn an_idle_application_asks_for_no_frame_and_a_countdown_for_one_a_second() {
    let wait = |stage: &Stage| {
        stage
            .harness
            .output()
            .viewport_output
            .values()
            .map(|viewport| viewport.repaint_delay)
            .min()
            .expect("a viewport")
    };
    let mut snapshot = fixtures::dual_board();
    let mut stage = Stage::docked(&snapshot);
    stage.harness.run_steps(30);
    assert_eq!(wait(&stage), Duration::MAX);
    let until = snapshot.now + Duration::from_hours(1);
    bridge_mut(&mut snapshot).state = BridgeState::Waiting { until, reason: String::new() };
    stage.world_says(&snapshot);
    stage.harness.run_steps(30);
    assert!(wait(&stage) <= Duration::from_millis(1005), "{:?}", wait(&stage));
    assert!(wait(&stage) > Duration::ZERO, "a countdown must not keep it busy");
}

#[test]
fn what_failed_is_said_in_full_until_it_is_read() {
    let mut snapshot = fixtures::dual_board();
    let words = "port 1883 is taken by pid 7; stop it, or use --ports auto";
    snapshot.boards[0].broker.run = Run::Failed(words.to_owned());
    snapshot.trouble = Some(String::from("no space left on the disk; make some"));
    let mut stage = Stage::docked(&snapshot);
    assert!(stage.says("no space left on the disk; make some"));
    assert!(stage.says("Board 1's broker failed"));
    stage.click("Dismiss Trouble");
    assert!(!stage.says("no space left on the disk; make some"));
    stage.click("Dismiss Board 1's broker failed");
    // It has failed all the same, and its box goes on saying so.
    assert!(!stage.says("Board 1's broker failed"));
    assert!(stage.says(words));
    snapshot.trouble = None;
    stage.world_says(&snapshot);
    snapshot.trouble = Some(String::from("no space left on the disk; make some"));
    stage.world_says(&snapshot);
    assert!(stage.says("no space left on the disk; make some"), "it is news again");
}

#[test]
fn a_memory_only_broker_shows_that_it_is() {
    let mut snapshot = fixtures::dual_board();
    assert!(!Stage::docked(&snapshot).says("Memory only"));
    snapshot.boards[0].broker.persistent = false;
    assert!(Stage::docked(&snapshot).says("Memory only"));
}

#[test]
fn a_fresh_start_names_what_goes_and_waits_for_the_answer() {
    let mut snapshot = fixtures::dual_board();
    snapshot.aside = vec![PathBuf::from("aside/yesterday")];
    let mut stage = Stage::docked(&snapshot);
    let holdings = "Board 1: 3 retained messages, 2 sessions, 4 queued";
    stage.click("Fresh start");
    assert!(stage.says(holdings));
    assert!(stage.says("The old state is kept aside and can be put back."));
    assert_eq!(stage.sent(), []);
    stage.click("Cancel");
    assert!(!stage.says(holdings));
    stage.click("Fresh start");
    stage.harness.key_press(Key::Escape);
    stage.settle();
    assert!(!stage.says(holdings));
    assert_eq!(stage.sent(), []);
    stage.click("Fresh start");
    stage.click("Start fresh");
    assert!(!stage.says(holdings));
    assert_eq!(stage.sent(), [Command::FreshStart]);
    stage.click("Fresh start");
    stage.click("Put back yesterday");
    assert_eq!(stage.sent(), [Command::PutBack { aside: PathBuf::from("aside/yesterday") }]);
}

#[test]
fn events_are_filtered_by_their_words() {
    let mut stage = Stage::docked(&fixtures::dual_board());
    assert!(stage.says("sensor 2 is KO"));
    stage.harness.get_by_label("Filter events").focus();
    stage.settle();
    stage.harness.get_by_label("Filter events").type_text("Bridge");
    stage.settle();
    assert!(!stage.says("sensor 2 is KO"));
    assert!(stage.says("No event has these words."));
}

#[test]
fn f9_docks_and_undocks() {
    let mut stage = Stage::docked(&fixtures::dual_board());
    let close = "Close Global Display - All Sensors";
    for title in ["Board 1 - 3 Sensors Monitor", "Board 2 - 3 Sensors Monitor"] {
        assert!(stage.says(title), "{title}");
    }
    assert!(stage.says(close));
    stage.harness.key_press(Key::F9);
    stage.settle();
    assert!(!stage.says(close));
    // Undocked, each is a window of its own, with the same content.
    assert!(stage.says("Sensor 4: OK, clicked here 12:00:04"));
    stage.click("Dock windows");
    assert!(stage.says(close));
    assert_eq!(stage.sent(), []);
}

#[test]
fn closing_a_window_stops_its_program_and_a_start_brings_it_back() {
    let mut snapshot = fixtures::dual_board();
    let mut stage = Stage::docked(&snapshot);
    stage.click("Close Board 1 - 3 Sensors Monitor");
    let stop = Command::Program { program: program("card1_monitor"), action: Action::Stop };
    assert_eq!(stage.sent(), [stop]);
    program_mut(&mut snapshot, "card1_monitor").run = Run::Stopped;
    stage.world_says(&snapshot);
    assert!(!stage.says("Board 1 - 3 Sensors Monitor"));
    stage.click("Start card1_monitor");
    assert!(stage.says("Board 1 - 3 Sensors Monitor"));
    assert!(stage.says("card1_monitor is stopped"), "the world has not started it yet");
    program_mut(&mut snapshot, "card1_monitor").run = Run::Running;
    stage.world_says(&snapshot);
    assert!(stage.says("Sensor 1: OK, clicked here 12:00:04"));
}

#[test]
fn what_runs_can_be_frozen_and_what_is_frozen_thawed() {
    let mut snapshot = fixtures::dual_board();
    let mut stage = Stage::docked(&snapshot);
    stage.click("Freeze card1_monitor");
    stage.click("Freeze Board 1's broker");
    program_mut(&mut snapshot, "card1_monitor").run = Run::Frozen;
    snapshot.boards[0].broker.run = Run::Frozen;
    stage.world_says(&snapshot);
    assert!(stage.says("card1_monitor is frozen"));
    stage.click("Thaw card1_monitor");
    stage.click("Thaw Board 1's broker");
    let on_program = |action| Command::Program { program: program("card1_monitor"), action };
    let on_broker = |action| Command::Broker { board: BoardName::new("board1"), action };
    let (freeze, thaw) = (Action::Freeze, Action::Thaw);
    let expected = [on_program(freeze), on_broker(freeze), on_program(thaw), on_broker(thaw)];
    assert_eq!(stage.sent(), expected);
}

#[test]
fn windows_follow_the_programs_there_are() {
    let mut snapshot = fixtures::dual_board();
    snapshot.boards[0].title = String::from("Pump house");
    snapshot.boards[1].programs.pop();
    let stage = Stage::docked(&snapshot);
    assert!(stage.says("Pump house - 3 Sensors Monitor"));
    assert!(!stage.says_about("Global Display"));
}

#[test]
fn a_counter_shows_how_far_it_is_and_is_asked_for_more() {
    let mut snapshot = fixtures::counting();
    let mut stage = Stage::docked(&snapshot);
    for words in [
        "Board 1 - counter",
        "count · QoS 2 · 10 a second",
        "Published: 1,000",
        "Acknowledged: 1,000",
        "Unacknowledged: 0",
        "Waiting: 234",
        "Run 00003f9a",
        "1,000 published",
    ] {
        assert!(stage.says(words), "{words}");
    }
    for (button, count) in [("Publish one", 1), ("Publish 100", 100)] {
        stage.click(button);
        assert_eq!(stage.sent(), [Command::Publish { program: program("counter"), count }]);
    }
    let count = counter_mut(&mut snapshot);
    (count.waiting, count.acknowledged) = (0, 970);
    stage.world_says(&snapshot);
    assert!(stage.says("Unacknowledged: 30") && stage.says("1,000 published · 30 unacknowledged"));
    assert!(!stage.says_about("Waiting"), "there is nothing to wait for");
    program_mut(&mut snapshot, "counter").run = Run::Stopped;
    stage.world_says(&snapshot);
    assert!(stage.says("counter is stopped") && !stage.says("Publish one"));
}

#[test]
fn a_tally_shows_what_came_and_what_did_not() {
    let mut snapshot = fixtures::counting();
    let mut stage = Stage::docked(&snapshot);
    for words in [
        "Board 2 - tally",
        "count · QoS 2",
        "Received: 1,000",
        "Missing: 0",
        "Doubled: 0",
        "Out of order: 0",
        "Refreshed: 0",
        "Run 00003f9a on count: 1 to 1,000",
        "1,000 received",
    ] {
        assert!(stage.says(words), "{words}");
    }
    let count = tally_mut(&mut snapshot);
    (count.missing, count.doubled, count.out_of_order, count.refreshed) = (3, 1, 2, 7);
    let (run, topic) = (count.runs[0].run.clone(), count.runs[0].topic.clone());
    let (fault, numbers) = (Fault::Doubled, (17, 17));
    count.odd = Some(Odd { at: Duration::from_secs(4), fault, numbers, run, topic });
    stage.world_says(&snapshot);
    for words in [
        "Missing: 3",
        "Doubled: 1",
        "Out of order: 2",
        "Refreshed: 7",
        "12:00:04: 17 came again (run 00003f9a on count)",
        "1,000 received · 3 missing · 1 doubled · 2 out of order",
    ] {
        assert!(stage.says(words), "{words}");
    }
}

#[test]
fn counting_programs_are_shown_in_every_size() {
    for one_window in [true, false] {
        for (width, height) in [(400.0, 300.0), (600.0, 700.0), (1340.0, 1060.0)] {
            let stage = Stage::sized(&fixtures::counting(), one_window, vec2(width, height));
            assert!(stage.says("Received: 1,000"), "{width} {height}");
        }
    }
}

#[test]
fn the_end_is_told_once() {
    let mut stage = Stage::docked(&fixtures::dual_board());
    stage.harness.state_mut().quit();
    stage.harness.state_mut().quit();
    assert_eq!(stage.sent(), [Command::Quit]);
}

#[test]
fn sensors_are_large_enough_for_a_finger() {
    for size in [vec2(1340.0, 1060.0), vec2(800.0, 500.0)] {
        let stage = Stage::sized(&fixtures::dual_board(), true, size);
        for node in stage.harness.get_all_by_role(Role::Button) {
            let label = node.accesskit_node().label().unwrap_or_default();
            if label.starts_with("Sensor") {
                let rect = node.rect();
                assert!(rect.height() >= 48.0 && rect.width() >= 48.0, "{label}: {rect}");
            }
        }
    }
}

#[test]
fn every_size_and_mode_is_shown_without_a_panic() {
    let mut snapshot = fixtures::dual_board();
    // A third board with a bridge to the first, which no gap has room for.
    let mut third = snapshot.boards[1].clone();
    third.name = BoardName::new("board3");
    third.title = String::from("Board 3");
    third.programs.truncate(1);
    third.programs[0].name = program("card3_monitor");
    snapshot.boards.push(third);
    for one_window in [true, false] {
        for (width, height) in
            [(400.0, 300.0), (600.0, 700.0), (808.0, 238.0), (1300.0, 300.0), (1900.0, 1100.0)]
        {
            let stage = Stage::sized(&snapshot, one_window, vec2(width, height));
            assert!(stage.says("Dual board"), "{width} {height}");
        }
    }
}

#[test]
fn findings_are_one_line_until_they_are_opened() {
    let mut snapshot = fixtures::dual_board();
    assert!(!Stage::docked(&snapshot).says_about("in the conf files"));
    let finding = Finding {
        id: "loop",
        severity: Severity::Error,
        file: String::from("board2.conf"),
        line: Some(31),
        what: String::from("it goes round for ever"),
        cure: String::from("take a bridge away"),
    };
    snapshot.findings = [finding].into();
    let mut stage = Stage::docked(&snapshot);
    assert!(!stage.says_about("it goes round"));
    stage.harness.get_by_label("1 finding in the conf files").click();
    // It opens by and by.
    stage.harness.run_steps(20);
    for words in ["loop", "board2.conf:31", "it goes round for ever", "Cure: take a bridge away"] {
        assert!(stage.says(words), "{words}");
    }
    assert_eq!(stage.sent(), []);
}

#[test]
fn a_run_in_simulated_time_is_gone_through() {
    let mut snapshot = fixtures::dual_board();
    assert!(!Stage::docked(&snapshot).says("One step back"), "real time has no way back");
    snapshot.transport = Some(fixtures::transport());
    let mut stage = Stage::docked(&snapshot);
    let order = |order| Command::Transport(order);
    for (name, expected) in [
        ("Play the run", Order::Play),
        ("Previous event", Order::Previous),
        ("One step back", Order::Back),
        ("One step forward", Order::Forward),
        ("Next event", Order::Next),
        ("10x", Order::Speed(Speed::Ten)),
    ] {
        stage.click(name);
        assert_eq!(stage.sent(), [order(expected)], "{name}");
    }
    stage.click("1x");
    assert_eq!(stage.sent(), [], "it is that fast already");
    assert!(stage.says("30.000000 s of 60.000 s"));
    for absent in ["Fresh start", "Pause the run"] {
        assert!(!stage.says(absent), "{absent}");
    }
    stage.harness.get_by_role_and_label(Role::Slider, "Time of the run").focus();
    stage.settle();
    stage.harness.key_press(Key::ArrowLeft);
    stage.settle();
    let sent = stage.sent();
    let [Command::Transport(Order::Jump(at))] = sent[..] else { panic!("{sent:?}") };
    assert!(at < Duration::from_secs(30), "{at:?}");
    if let Some(transport) = &mut snapshot.transport {
        transport.playing = true;
    }
    stage.world_says(&snapshot);
    stage.click("Pause the run");
    assert_eq!(stage.sent(), [order(Order::Pause)]);
}

#[test]
fn what_simulated_time_cannot_do_is_not_offered() {
    let mut snapshot = fixtures::dual_board();
    let until = snapshot.now + Duration::from_secs(5);
    bridge_mut(&mut snapshot).state = BridgeState::Waiting { until, reason: String::new() };
    snapshot.transport = Some(fixtures::transport());
    let stage = Stage::docked(&snapshot);
    assert!(stage.says("Tries again in 5 s"));
    assert!(!stage.says("Retry now bridge_to_broker1"));
}

#[test]
fn a_run_is_saved_under_a_name_and_copied_as_a_string() {
    let mut snapshot = fixtures::dual_board();
    snapshot.transport = Some(fixtures::transport());
    let mut stage = Stage::docked(&snapshot);
    let shared = |stage: &mut Stage, saved| {
        let (string, proposed) = (Ok(String::from("tb1:abc")), String::from("dual-board-7.toml"));
        let mut snapshot = snapshot.clone();
        let shared = Some(Arc::new(Shared { string, proposed, saved }));
        snapshot.transport = Some(Transport { shared, ..fixtures::transport() });
        stage.world_says(&snapshot);
    };
    stage.click("Save run");
    assert_eq!(stage.sent(), [Command::Transport(Order::Share)]);
    assert!(!stage.says("Copy the string"), "it is not written yet");
    shared(&mut stage, None);
    assert!(stage.says("tb1:abc"));
    stage.click("Copy the string");
    stage.harness.get_by_label("File of the run").focus();
    stage.settle();
    stage.harness.get_by_label("File of the run").type_text("2");
    stage.settle();
    stage.click("Save");
    let path = PathBuf::from("dual-board-7.toml2");
    assert_eq!(stage.sent(), [Command::Transport(Order::Save(path.clone()))]);
    shared(&mut stage, Some(Err(String::from("it is there already"))));
    assert!(stage.says("it is there already"));
    shared(&mut stage, Some(Ok(path)));
    assert!(stage.says("Saved. Again: twinboard replay dual-board-7.toml2"));
    stage.harness.key_press(Key::Escape);
    stage.settle();
    assert!(!stage.says("Copy the string"));
    assert_eq!(stage.sent(), []);
}

#[test]
fn the_bar_is_shown_in_every_size() {
    let mut snapshot = fixtures::dual_board();
    snapshot.transport = Some(fixtures::transport());
    for one_window in [true, false] {
        for (width, height) in [(400.0, 300.0), (808.0, 238.0), (1340.0, 1060.0)] {
            let stage = Stage::sized(&snapshot, one_window, vec2(width, height));
            let slider = stage.harness.get_by_label("Time of the run").rect();
            assert!(slider.width() >= 80.0, "{width} {height}: {slider}");
        }
    }
}
