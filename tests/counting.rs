//! The counting scenario: its own brokers, bridge, counter and tallies. In simulated time every
//! packet of it is a place to cut; live it is played as people play it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use twinboard::card::{CountFace, CounterFace, Input, TallyFace};
use twinboard::conf::Folder;
use twinboard::lab::plan::{BoardPlan, Plan};
use twinboard::lab::world::sim::{ClientNumber, Fault, NodeNumber, Sim};
use twinboard::mqtt::{Message, QoS, Topic};

const ONE: NodeNumber = NodeNumber(0);
const TWO: NodeNumber = NodeNumber(1);
const COUNTER: ClientNumber = ClientNumber(0);
const TALLIES: [ClientNumber; 2] = [ClientNumber(1), ClientNumber(2)];

/// How far the counter counts.
const LIMIT: u64 = 5;

/// The built-in scenario, counting at 200 a second in the QoS given.
fn plan(qos: u8, persistence: bool) -> Plan {
    let mut folder = Folder::builtin("counting").expect("it is built in");
    let rate = format!("rate = 200\nlimit = {LIMIT}\n");
    let scenario = folder.scenario.replace("rate = 0\n", &rate);
    folder.scenario = scenario.replace("\nqos = 2\n", &format!("\nqos = {qos}\n"));
    for conf in folder.files.values_mut() {
        *conf = conf.replace("topic count out 2", &format!("topic count out {qos}"));
        *conf = conf.replace("persistence true", &format!("persistence {persistence}"));
    }
    let opened = folder.open("host").unwrap_or_else(|error| panic!("{error}"));
    Plan::new("counting", opened).expect("it fits together")
}

/// The system in simulated time. The counter waits until the tallies have subscribed.
struct System {
    sim: Sim,
    board1: BoardPlan,
}

impl System {
    fn new(plan: Plan) -> Self {
        let mut sim = Sim::new();
        for board in &plan.boards {
            sim.add_broker(board.listen[0].port(), board.settings.clone());
        }
        let [board1, board2] = <[_; 2]>::try_from(plan.boards).expect("two boards");
        assert_eq!(sim.add_program(ONE, board1.program(0, 1)), COUNTER);
        sim.kill_program(COUNTER);
        assert_eq!(sim.add_program(ONE, board1.program(1, 2)), TALLIES[0]);
        assert_eq!(sim.add_program(TWO, board2.program(0, 3)), TALLIES[1]);
        sim.run_for(Duration::from_secs(10));
        let mut system = Self { sim, board1 };
        assert!(TALLIES.iter().all(|it| system.tally(*it).subscribed));
        system.start_counter(4);
        system
    }

    fn start_counter(&mut self, seed: u64) {
        self.sim.revive_program(COUNTER, self.board1.program(0, seed));
    }

    fn counter(&self) -> &CounterFace {
        match self.sim.face(COUNTER).and_then(|face| face.count.as_ref()) {
            Some(CountFace::Counter(count)) => count,
            other => panic!("{other:?}"),
        }
    }

    fn tally(&self, number: ClientNumber) -> &TallyFace {
        match self.sim.face(number).and_then(|face| face.count.as_ref()) {
            Some(CountFace::Tally(count)) => count,
            other => panic!("{other:?}"),
        }
    }

    /// Received, missing, doubled, out of order.
    fn counted(&self, number: ClientNumber) -> (u64, u64, u64, u64) {
        let count = self.tally(number);
        (count.received, count.missing, count.doubled, count.out_of_order)
    }
}

const FAULTS: [Fault; 4] =
    [Fault::CutAfter, Fault::CutBefore, Fault::PowerOff(ONE), Fault::PowerOff(TWO)];

/// Counts once for each packet and each fault: the fault happens as that packet crosses.
fn at_every_packet(plan: &Plan, mut look: impl FnMut(&str, &System)) {
    let mut undisturbed = System::new(plan.clone());
    let first = undisturbed.sim.crossed() + 1;
    undisturbed.sim.run_for(Duration::from_secs(10));
    let last = undisturbed.sim.crossed();
    look("undisturbed", &undisturbed);
    assert!(last > first + 8, "nothing crossed");
    for packet in first..=last {
        for fault in FAULTS {
            let mut system = System::new(plan.clone());
            system.sim.fault_at(packet, fault);
            system.sim.run_for(Duration::from_mins(1));
            look(&format!("{fault:?} at packet {}", packet - first), &system);
        }
    }
}

#[test]
fn in_qos_2_every_number_comes_once_and_in_order_whatever_is_cut() {
    at_every_packet(&plan(2, true), |case, system| {
        let counter = system.counter();
        assert_eq!((counter.published, counter.acknowledged), (LIMIT, LIMIT), "{case}");
        for tally in TALLIES {
            assert_eq!(
                system.counted(tally),
                (LIMIT, 0, 0, 0),
                "{case}: {:?}",
                system.tally(tally)
            );
        }
    });
}

#[test]
fn in_qos_1_every_number_comes_and_some_twice() {
    let mut doubled = [0; 2];
    at_every_packet(&plan(1, true), |case, system| {
        assert_eq!(system.counter().acknowledged, LIMIT, "{case}");
        for (tally, sum) in TALLIES.into_iter().zip(&mut doubled) {
            let count = system.tally(tally);
            assert_eq!((count.received, count.missing), (LIMIT, 0), "{case}: {count:?}");
            *sum += count.doubled;
        }
    });
    assert!(doubled.iter().all(|sum| *sum > 0), "{doubled:?}: no cut ever doubled a message");
}

#[test]
fn in_qos_0_no_number_comes_twice_and_some_never() {
    let mut missing = [0; 2];
    at_every_packet(&plan(0, true), |case, system| {
        for (tally, sum) in TALLIES.into_iter().zip(&mut missing) {
            let count = system.tally(tally);
            assert_eq!((count.doubled, count.out_of_order), (0, 0), "{case}: {count:?}");
            *sum += count.missing;
        }
    });
    assert!(missing.iter().all(|sum| *sum > 0), "{missing:?}: no cut ever lost a message");
}

#[test]
fn a_broker_that_forgets_is_seen_by_the_tallies() {
    let mut wrong = [0; 2];
    at_every_packet(&plan(2, false), |_, system| {
        for (tally, sum) in TALLIES.into_iter().zip(&mut wrong) {
            *sum += u32::from(system.counted(tally) != (LIMIT, 0, 0, 0));
        }
    });
    assert!(wrong.iter().all(|sum| *sum > 0), "{wrong:?}: a power failure cost nothing");
}

#[test]
fn a_killed_counter_begins_a_new_run() {
    let mut system = System::new(plan(2, true));
    let begun = system.sim.crossed();
    while system.counter().published < 3 {
        system.sim.run_for(Duration::from_millis(1));
    }
    assert!(system.sim.crossed() > begun);
    system.sim.kill_program(COUNTER);
    system.start_counter(5);
    system.sim.run_for(Duration::from_secs(10));
    for tally in TALLIES {
        let (received, missing, doubled, out_of_order) = system.counted(tally);
        assert_eq!((missing, doubled, out_of_order), (0, 0, 0));
        let runs: Vec<_> = system.tally(tally).runs.iter().map(|it| (it.first, it.last)).collect();
        assert!(runs[0] == (1, LIMIT) && runs[1].0 == 1, "{runs:?}");
        assert_eq!(received, runs[0].1 + runs[1].1);
    }
}

#[test]
fn by_hand_a_counter_goes_on_beyond_its_limit() {
    let mut system = System::new(plan(2, true));
    system.sim.run_for(Duration::from_secs(10));
    system.sim.power_off(ONE);
    system.sim.tell_program(COUNTER, Input::Publish(20));
    system.sim.run_for(Duration::from_secs(1));
    assert_eq!(system.counter().unacknowledged(), 20);
    system.sim.power_on_after(ONE, Duration::ZERO);
    system.sim.run_for(Duration::from_secs(20));
    assert_eq!(system.counter().acknowledged, LIMIT + 20);
    for tally in TALLIES {
        assert_eq!(system.counted(tally), (LIMIT + 20, 0, 0, 0));
    }
}

#[test]
fn a_message_by_hand_goes_its_way_and_is_not_counted() {
    let mut system = System::new(plan(2, true));
    system.sim.run_for(Duration::from_secs(10));
    let topic = Topic::parse("count").expect("a topic");
    for (payload, retained) in [("kept", true), ("", false)] {
        let message = Message::new(topic.clone(), payload, QoS::ExactlyOnce, true);
        system.sim.say_as(COUNTER, message);
        system.sim.run_for(Duration::from_secs(1));
        for node in [ONE, TWO] {
            let kept = system.sim.disk(node).image().retained.contains_key(&topic);
            assert_eq!(kept, retained, "{payload:?} at {node:?}");
        }
    }
    assert_eq!(system.counter().acknowledged, LIMIT);
}

/// Plays a scenario as people do, and gives its exit status and report.
fn play(scenario: &Path) -> (Option<i32>, serde_json::Value) {
    let data = tempfile::tempdir().expect("a folder");
    let mut process = Command::new(env!("CARGO_BIN_EXE_twinboard"));
    process.arg("run").arg(scenario).args(["--ports", "auto", "--report", "json", "--data"]);
    let output = process.arg(data.path()).stdin(Stdio::null()).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let report = serde_json::from_slice(&output.stdout);
    (output.status.code(), report.unwrap_or_else(|error| panic!("{error}: {said}")))
}

#[test]
fn the_script_passes() {
    let (status, report) = play(Path::new("counting"));
    assert_eq!(status, Some(0), "{report:#}");
    let kept = report["expectations"].as_array().expect("a list");
    assert!(kept.len() == 4 && kept.iter().all(|it| it["kept"] == true), "{report:#}");
}

/// A board whose counter counts to 50 in a fiftieth of a second, is killed and counts again.
fn rated(expectation: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let text = format!(
        "title = 'T'\n[[board]]\nname = 'one'\nconf = 'one.conf'\n\
         [[board.program]]\nname = 'fast'\nkind = 'counter'\nrate = 2500\nlimit = 50\nqos = 1\n\
         [[board.program]]\nname = 'heard'\nkind = 'tally'\n\
         [[step]]\nwait_until = {{ counted = {{ program = 'heard', received = 0 }} }}\n\
         [[step]]\nkill = {{ program = 'fast' }}\n\
         [[step]]\nstart = {{ program = 'fast' }}\n\
         [[step]]\nwait_until = {{ published = {{ program = 'fast', count = 50 }} }}\n\
         [[expect]]\ncounted = {{ program = 'heard', {expectation} }}\n"
    );
    std::fs::write(folder.path().join("scenario.toml"), text).expect("a file");
    std::fs::write(folder.path().join("one.conf"), "allow_anonymous true\n").expect("a file");
    folder
}

#[test]
fn a_killed_counter_counts_again_and_nothing_is_missing() {
    let folder = rated("received = 50, missing = 0, doubled = 0, out_of_order = 0");
    let (status, report) = play(folder.path());
    assert_eq!(status, Some(0), "{report:#}");
}

#[test]
fn a_count_that_does_not_hold_is_told() {
    let folder = rated("received = 50, doubled = 7");
    let (status, report) = play(folder.path());
    assert_eq!(status, Some(1), "{report:#}");
    let why = report["expectations"][0]["why"].as_str().expect("a reason");
    assert!(why.contains("received, 0 missing, 0 doubled, 0 out of order; run "), "{why}");
}

/// A broker that is memory only is killed while it owes something: that is lost, as expected.
#[test]
fn a_loss_on_purpose_passes() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = "title = 'T'\n[[board]]\nname = 'one'\nconf = 'one.conf'\n\
         program = [{ name = 'n', kind = 'counter', rate = 0 }, { name = 'heard', kind = 'tally' }]\n\
         [[step]]\nwait_until = { counted = { program = 'heard', received = 0 } }\n\
         [[step]]\nstop = { program = 'heard' }\n\
         [[step]]\npublish = { program = 'n', count = 1 }\n\
         [[step]]\nwait_until = { published = { program = 'n', count = 1 } }\n\
         [[step]]\nkill = { broker = 'one' }\n\
         [[step]]\nstart = { broker = 'one' }\n\
         [[step]]\nstart = { program = 'heard' }\n\
         [[step]]\nwait_until = { counted = { program = 'heard', received = 0 } }\n\
         [[expect]]\nbreach = 'forgot'\n";
    std::fs::write(folder.path().join("one.conf"), "allow_anonymous true\n").expect("a file");
    let play = |more: &str| {
        std::fs::write(folder.path().join("scenario.toml"), format!("{script}{more}"))
            .expect("a file");
        play(folder.path())
    };
    let (status, report) = play("[[expect]]\nbreach = 'lost'\n");
    assert_eq!(status, Some(0), "{report:#}");
    let breaches = report["verdict"]["breaches"].as_array().expect("a list");
    assert!(breaches.iter().any(|it| it["kind"] == "lost" && it["expected"] == true), "{report:#}");
    let (status, report) = play("");
    assert_eq!(status, Some(1), "what was lost is not expected: {report:#}");
    assert_eq!(report["expectations"][0]["kept"], true, "{report:#}");
}
