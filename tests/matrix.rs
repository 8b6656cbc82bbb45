//! The matrix from outside: what the native broker keeps, and that a broker which forgets is found
//! out.

use std::process::Command;

use serde_json::Value;

/// What came of the trials that have these words, on one engine.
fn outcomes(words: &str, engine: &str) -> Vec<Value> {
    let run = Command::new(env!("CARGO_BIN_EXE_twinboard"))
        .args(["matrix", "--only", words, "--engines", engine, "--format", "json"])
        .output()
        .expect("it starts");
    let told = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(run.status.success(), "{told}");
    let report: Value = serde_json::from_slice(&run.stdout).expect("JSON");
    let trials = report["trials"].as_array().expect("trials");
    assert!(!trials.is_empty(), "no trial has the words {words:?}");
    trials.iter().map(|trial| trial["outcomes"][0].clone()).collect()
}

#[test]
fn the_native_broker_keeps_what_it_acknowledged() {
    for words in
        ["cut after PUB", "deleted while the far side", "equal states", "right after PUBCOMP"]
    {
        for outcome in outcomes(words, "native") {
            assert_eq!(outcome["outcome"], "ran", "{words}: {outcome}");
            assert_eq!(outcome["verdict"]["kept"], true, "{words}: {outcome:#}");
            assert_eq!(outcome["stuck"], Value::Null, "{words}: {outcome:#}");
        }
    }
}

#[test]
fn a_broker_that_forgets_is_found_out() {
    let outcome = &outcomes("publisher: cut after PUBREC", "rumqttd")[0];
    let counts = &outcome["verdict"]["counts"];
    assert_eq!((&counts["lost"], &counts["doubled"]), (&1.into(), &0.into()), "{outcome:#}");
    let breach = &outcome["verdict"]["breaches"][0];
    assert_eq!(breach["kind"], "lost");
    assert!(breach["ladder"]["rows"].as_array().expect("rows").len() > 3, "{breach:#}");
    // What an engine cannot do at all is said, and is no failure.
    let outcome = &outcomes("a burst of 100 over a bridge", "rumqttd")[0];
    assert_eq!(outcome["outcome"], "cannot");
    assert!(outcome["why"].as_str().expect("words").contains("rumqttd"), "{outcome}");
}
