//! Tables of figures made by hand.

use std::time::Duration;

use super::super::figures::{Figures, Latency};
use super::super::ledger::Counts;
use super::super::load::Load;
use super::super::options::{Options, Protocol};
use super::super::report::Machine;
use super::*;

fn report() -> Report {
    let stream = Load::named("qos0-1-1").expect("there is one");
    let single = Load::named("latency-qos2").expect("there is one");
    let counts = Counts { lost: 3, duplicated: 0, reordered: 1 };
    let figures = |count| {
        let second = Duration::from_secs(1);
        Figures::of(count, second, counts, Some(second / 10))
    };
    let mut ours = Cell::new(&stream, "native".to_owned());
    ours.push(figures(1_000_000));
    ours.push(figures(2_000_000));
    ours.push(figures(1_200_000));
    let mut absent = Cell::new(&stream, "mosquitto".to_owned());
    absent.absent = Some("not installed".to_owned());
    let mut slow = Cell::new(&single, "native".to_owned());
    let latency = Latency::of(&mut [48_250]);
    let value = latency.map_or(0.0, |it| it.p50_us);
    slow.push(Figures { value, latency, ..figures(1) });
    Report {
        options: Options {
            seconds: 1.0,
            rounds: 3,
            payload_bytes: 64,
            window: 20,
            lag: 2000,
            protocol: Protocol::V311,
            retained: 1,
            connections: 1,
            folder: None,
        },
        machine: Machine {
            system: "linux",
            processors: 2,
            fsync_p50_us: Some(123.4),
            fsync_p99_us: Some(456.7),
        },
        ended_early: true,
        errors: vec!["something".to_owned()],
        cells: vec![ours, absent, slow, Cell::new(&single, "mosquitto".to_owned())],
    }
}

#[test]
fn targets_stand_side_by_side() {
    let text = draw(&report(), Style::Text);
    let lines: Vec<_> = text.lines().collect();
    let words = |line: usize| lines[line].split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words(0), "load unit native mosquitto");
    assert_eq!(words(2), "QoS 0, 1 publisher to 1 subscriber messages/s 1,200,000 not installed");
    assert_eq!(words(3), "QoS 2, one at a time, median µs 48.2 not measured");
    assert_eq!(lines[2].chars().count(), lines[0].chars().count());
}

#[test]
fn what_it_cost_follows() {
    let text = draw(&report(), Style::Text);
    assert!(text.contains("qos0-1-1"), "{text}");
    let line = text.lines().find(|it| it.starts_with("qos0-1-1")).expect("a line of it");
    let words: Vec<_> = line.split_whitespace().collect();
    assert_eq!(
        words,
        ["qos0-1-1", "native", "1,000,000", "2,000,000", "0.08", "n/a", "9", "0", "3"]
    );
    assert!(!text.contains("also"), "a column of nothing is left out");
    for said in ["median 123 µs", "Ended early", "ERROR: something", "3 rounds of 1 s"] {
        assert!(text.contains(said), "{said} in {text}");
    }
}

#[test]
fn markdown_has_its_rules() {
    let text = draw(&report(), Style::Markdown);
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("| load ") && lines[0].ends_with(" |"), "{}", lines[0]);
    assert!(lines[1].starts_with("| ---") && lines[1].ends_with("-: |"), "{}", lines[1]);
    let columns = |line: &str| line.matches('|').count();
    assert!(lines[..4].iter().all(|it| columns(it) == columns(lines[0])), "{text}");
}

#[test]
fn thousands_are_set_apart() {
    for (value, expected) in [
        (0.0, "0"),
        (999.4, "999"),
        (999.5, "1,000"),
        (1_234_567.0, "1,234,567"),
        (-1e4, "-10,000"),
    ] {
        assert_eq!(thousands(value), expected);
    }
}
