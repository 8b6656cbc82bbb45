//! A very short bench of our broker and of rumqttd, each as a process: every message is accounted
//! for, in the figures that come out as JSON. Counts, not times.

use std::process::{Command, Output};

use serde_json::Value;

const OURS: &str = env!("CARGO_BIN_EXE_twinboard");

fn bench(arguments: &[&str]) -> Output {
    let short = ["bench", "--seconds", "0.2", "--rounds", "1", "--format", "json"];
    Command::new(OURS).args(short).args(arguments).output().expect("it starts")
}

fn report(arguments: &[&str]) -> Value {
    let output = bench(arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn cells(report: &Value) -> &Vec<Value> {
    report["cells"].as_array().expect("a list")
}

#[test]
fn every_message_is_accounted_for() {
    let loads = ["qos2-4-4", "latency-qos2", "connect-storm", "retained-flood", "idle"];
    let few = ["--retained", "500", "--connections", "50", "--target", "native", "rumqttd"];
    let report = report(&[&["--load"][..], &loads, &few].concat());
    assert_eq!(report["ended_early"], false);
    assert_eq!(cells(&report).len(), loads.len() * 2);
    let measured = |cell: &&Value| cell["absent"].is_null();
    assert_eq!(cells(&report).iter().filter(measured).count(), loads.len() * 2 - 1);
    for cell in cells(&report).iter().filter(measured) {
        let rounds = cell["rounds"].as_array().expect("a list");
        assert_eq!(rounds.len(), 1, "{cell}");
        for wrong in ["lost", "duplicated"] {
            assert_eq!(rounds[0][wrong], 0, "{cell}");
        }
        assert!(rounds[0]["delivered"].as_u64() > Some(0), "{cell}");
    }
}

#[test]
fn a_bridge_and_a_disk_are_measured_too() {
    let report = report(&["--load", "bridge-qos2", "--target", "durable", "rumqttd"]);
    let [durable, rumqttd] = &cells(&report)[..] else { panic!("{report}") };
    assert!(durable["rounds"][0]["delivered"].as_u64() > Some(0), "{durable}");
    assert_eq!(rumqttd["absent"], "no bridge");
    assert!(report["machine"]["fsync_p50_us"].as_f64() > Some(0.0), "{report}");
}

#[test]
fn growth_has_a_point_at_every_step() {
    let folder = tempfile::tempdir().expect("a folder");
    let svg = folder.path().join("growth.svg");
    let output = Command::new(OURS)
        .args(["bench", "growth", "--seconds", "0.05", "--rounds", "1", "--format", "json"])
        .args(["--topics", "30", "--connections", "10", "--target", "durable", "--svg"])
        .arg(&svg)
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let growth: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let curves = growth["curves"].as_array().expect("a list");
    let counts = curves.iter().map(|curve| {
        let points = curve["points"].as_array().expect("a list");
        points.iter().filter_map(|it| it["count"].as_u64()).collect::<Vec<_>>()
    });
    let topics = vec![1, 10, 30];
    assert_eq!(counts.collect::<Vec<_>>(), [vec![1, 10], topics.clone(), topics.clone(), topics]);
    let drawn = std::fs::read_to_string(svg).expect("a file");
    assert!(drawn.starts_with("<svg") && drawn.contains("killed broker"));
}

#[test]
fn nobody_there_is_an_error_that_says_so() {
    // Port 1 of loopback: nobody listens, and the system says so at once.
    let output = bench(&["--load", "qos0-1-1", "--target", "127.0.0.1:1"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("127.0.0.1:1") && said.contains("refused"), "{said}");
}
