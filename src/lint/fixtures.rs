//! Conf files in a table, and what a check finds in them, for the checks' tests.

use super::{Check, Client, Node, System};
use crate::conf::mosquitto::Config;
use crate::mqtt::{QoS, Topic};

/// Brokers from the texts of their files. `allow_anonymous true` is added where it is missing.
pub fn system(files: &[(&str, &str)]) -> System {
    with_clients(files, &[])
}

/// The same, with programs that publish with QoS 2: file, client id, topic.
pub fn with_clients(files: &[(&str, &str)], clients: &[(&str, &str, &str)]) -> System {
    let mut mistakes = Vec::new();
    let node = |(file, text): &(&str, &str)| {
        let told = text.contains("allow_anonymous");
        let text = if told { (*text).to_owned() } else { format!("{text}\nallow_anonymous true") };
        let (conf, wrong) = Config::read(file, &text, "host");
        mistakes.extend(wrong);
        let own = clients.iter().filter(|(at, ..)| at == file);
        let client = |(_, id, topic): &(&str, &str, &str)| Client {
            id: (*id).to_owned(),
            publishes: vec![(Topic::parse(topic).expect("a topic"), QoS::ExactlyOnce)],
        };
        let name = file.trim_end_matches(".conf").to_owned();
        Node { name, conf, clients: own.map(client).collect() }
    };
    let nodes = files.iter().map(node).collect();
    System::new(nodes, mistakes)
}

/// What a check finds: `file:line severity: what`, one line each.
pub fn found(check: &Check, system: &System) -> Vec<String> {
    let told = |it: &super::Finding| {
        assert_eq!(it.id, check.id);
        assert!(!it.cure.is_empty(), "{it} has no cure");
        let line = it.line.map_or_else(String::new, |line| format!(":{line}"));
        format!("{}{line} {}: {}", it.file, it.severity, it.what)
    };
    (check.find)(system).iter().map(told).collect()
}

/// Fails unless the check finds exactly this in one file `a.conf`.
pub fn expect(check: &Check, text: &str, expected: &[&str]) {
    assert_eq!(found(check, &system(&[("a.conf", text)])), expected, "\n{text}");
}
