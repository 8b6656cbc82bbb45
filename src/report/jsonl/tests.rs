//! Traces come back from JSON lines as they were, and what is no trace is told.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::broker::{Address, BridgeSettings, Settings};
use crate::lab::ledger::Ledger;
use crate::lab::trace::{Event, Party};
use crate::lab::verdict::judge;
use crate::lab::world::sim::client::Client;
use crate::lab::world::sim::{Fault, Sim};
use crate::mqtt::{Direction, Message, QoS, Rule, Topic};
use crate::report::fixtures;

fn written(header: Header, entries: &[Arc<Entry>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut lines = JsonLines::new(header);
    lines.begin(&mut bytes).expect("memory takes all");
    for entry in entries {
        lines.entry(entry, &mut bytes).expect("memory takes all");
    }
    bytes
}

fn read(bytes: &[u8]) -> (Header, Vec<Arc<Entry>>) {
    let mut reader = Reader::new(bytes).expect("a header");
    let header = reader.header().clone();
    let entries = reader.by_ref().map(|entry| Arc::new(entry.expect("an entry")));
    (header, entries.collect())
}

#[track_caller]
fn come_back(entries: &[Arc<Entry>]) {
    let header = Header::new("test", 3_600, &[]);
    let (head, back) = read(&written(header.clone(), entries));
    assert_eq!(head, header);
    assert_eq!(back.len(), entries.len());
    for (back, entry) in back.iter().zip(entries) {
        assert_eq!(back, entry);
    }
}

#[test]
fn every_kind_of_event_comes_back() {
    come_back(&fixtures::every_event());
}

#[test]
fn packets_of_both_versions_come_back_decoded() {
    let entries = fixtures::both_versions();
    come_back(&entries);
    // An alias is resolved, and so is the topic of its handshake.
    let topics = entries.iter().filter_map(|entry| match &entry.event {
        Event::Packet(crossing) => crossing.topic().map(Topic::as_str),
        _ => None,
    });
    assert_eq!(topics.filter(|topic| *topic == "a/long/name").count(), 4);
}

/// Two brokers and a bridge, cut while it carries a message.
fn bridged() -> Sim {
    let mut sim = Sim::new();
    let settings = Settings { persistence: true, trace: true, ..Settings::default() };
    let one = sim.add_broker(1883, settings.clone());
    let mut bridge = BridgeSettings::new("up", "here");
    bridge.addresses = vec![Address { host: "localhost".to_owned(), port: 1883 }];
    let rule = Rule::new("#", Direction::Out, QoS::ExactlyOnce, "a/", "b c/");
    bridge.rules = vec![rule.expect("a rule")];
    let two = sim.add_broker(1884, Settings { bridges: vec![bridge], ..settings });
    sim.watch();
    let inbox = Client::new(one, "inbox", false).subscribing("b c/#", QoS::ExactlyOnce);
    sim.add_client(inbox);
    let paper = sim.add_client(Client::new(two, "paper", false));
    sim.run_for(Duration::from_secs(5));
    sim.fault_at(sim.crossed() + 6, Fault::CutAfter);
    for payload in ["1", "2", "3"] {
        let topic = Topic::parse("a/x").expect("a topic");
        sim.client(paper).publish(Message::new(topic, payload, QoS::ExactlyOnce, true));
    }
    sim.poke(paper);
    sim.run_for(Duration::from_secs(30));
    sim
}

#[test]
fn a_world_comes_back_and_its_verdict_with_it() {
    let sim = bridged();
    let (trace, ledger) = (sim.trace(), sim.ledger().expect("it was watched"));
    let told = trace.iter().filter(|entry| matches!(entry.event, Event::Broker { .. }));
    assert!(told.count() > 5, "its brokers tell what they do");
    come_back(trace);
    let header = Header::new("bridged", 0, ledger.bridges());
    let (header, entries) = read(&written(header, trace));
    let mut again = Ledger::new(header.bridge_facts().expect("rules"));
    for entry in &entries {
        again.take(entry);
    }
    let (there, here) = (judge(&again, true), judge(ledger, true));
    assert!(here.counts.bridged == 3 && here.counts.delivered == 6, "{:?}", here.counts);
    assert_eq!(there.counts, here.counts);
    assert_eq!(there.notes, here.notes);
    assert_eq!(again.bridges()[0].rules, ledger.bridges()[0].rules);
    assert_eq!(again.bridges()[0].local, Party::Board(crate::lab::BoardName::new("board2")));
}

#[test]
fn what_is_no_trace_is_told() {
    let header = String::from_utf8(written(Header::new("x", 0, &[]), &[])).expect("text");
    let entry = "{\"number\":1,\"at\":{\"secs\":1,\"nanos\":2},\"note\":\"x\"}\n";
    let check = |text: &str, good: usize, expected: &str| {
        let error = match Reader::new(text.as_bytes()) {
            Err(error) => error,
            Ok(reader) => {
                let all: Vec<_> = reader.collect();
                assert_eq!(all.len(), good + 1, "{text}");
                all.into_iter().next_back().expect("one").expect_err(text)
            }
        };
        assert!(error.to_string().contains(expected), "{text}: {error}");
    };
    check("", 0, "line 1: the file is empty");
    check("hello\n", 0, "line 1: this is no trace: its first line is no JSON");
    check("{}\n", 0, "no \"format\":\"twinboard trace\"");
    check("\u{7f}\n", 0, "this is no trace");
    let newer = header.replace("\"version\":1", "\"version\":2");
    check(&newer, 0, "this trace has version 2, and this program reads version 1");
    check(&header.replace("bridges", "brigdes"), 0, "the header is broken: unknown field");
    check(&format!("{header}{entry}nonsense\n"), 1, "line 3: this is no entry of a trace");
    check(&format!("{header}\n{entry}{}", &entry[..20]), 1, "line 4 ends in the middle");
    let unknown = entry.replace("note", "nota");
    check(&format!("{header}{unknown}"), 0, "line 2: this is no entry of a trace");
    let header = Header::new("x", 0, &[]);
    let text = String::from_utf8(written(header, &fixtures::both_versions())).expect("text");
    check(&text.replacen("\"bytes\":\"10", "\"bytes\":\"1z", 1), 0, "pairs of hexadecimal digits");
}

#[test]
fn a_file_holds_what_was_given() {
    use crate::report::recorder::Recorder;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trace.jsonl");
    let format = Box::new(JsonLines::new(Header::new("x", 0, &[])));
    let mut recorder = Recorder::start(&path, format).expect("a file");
    let entries = fixtures::every_event();
    for entry in &entries {
        recorder.take(entry);
    }
    recorder.finish().expect("all is in it");
    let (_, back) = read(&std::fs::read(&path).expect("it is there"));
    assert_eq!(back, entries);
    let nowhere = folder.path().join("no/such/folder");
    let format = Box::new(JsonLines::new(Header::new("x", 0, &[])));
    let error = Recorder::start(&nowhere, format).expect_err("no such folder").to_string();
    assert!(error.contains("no/such/folder cannot be written"), "{error}");
}
