//! A passport as a tree of text.
//!
//! ```text
//! message 3: count = 3 (QoS 2) at board1, 12:00:00.120
//!   published by counter
//!         0.0 ms  counter -> board1: PUBLISH 3 count QoS 2 3
//!         0.4 ms  board1 -> counter: PUBREC 3 count
//!   |- to tally1 (QoS 2), delivered [exact]
//!   |       1.2 ms  board1 -> tally1: PUBLISH 3 count QoS 2 3
//!   `- to board2 (QoS 2) by bridge_to_broker2, topic count out 2, delivered [exact]
//!         waited 12.3 ms: it is not connected
//!      message 4: count = 3 (QoS 2) at board2
//!        `- to tally2 (QoS 2), delivered [inferred]
//! ```

use std::fmt::Write;
use std::time::Duration;

use time::UtcOffset;

use super::line::clock;
use crate::lab::passport::{End, Hop, Step, Stop, Waited};

/// Draws it.
#[must_use]
pub fn text(stop: &Stop, offset: UtcOffset) -> String {
    let mut tree = Tree { text: String::new(), start: stop.came.unwrap_or_default() };
    let Stop { number, topic, payload, qos, at, retain, .. } = stop;
    let retained = if *retain { ", retained" } else { "" };
    let came = stop.came.map_or_else(String::new, |it| format!(", {}", clock(it, offset)));
    tree.line(
        "",
        format_args!("message {number}: {topic} = {payload} ({qos}{retained}) at {at}{came}"),
    );
    match &stop.let_in {
        Some((rule, before)) => {
            tree.line("  ", format_args!("let in by {} ({rule}); it was {before} before", stop.by));
        }
        None => tree.line("  ", format_args!("published by {}", stop.by)),
    }
    tree.stop(stop, "  ");
    tree.text
}

struct Tree {
    text: String,
    start: Duration,
}

impl Tree {
    fn line(&mut self, indent: &str, what: std::fmt::Arguments<'_>) {
        writeln!(self.text, "{}", format!("{indent}{what}").trim_end())
            .expect("a string takes all");
    }

    fn stop(&mut self, stop: &Stop, indent: &str) {
        for step in &stop.packets {
            self.step(step, indent);
        }
        if let Some(why) = &stop.refused {
            self.line(indent, format_args!("{} did not take it: {why}", stop.at));
        } else if stop.qos.level() > 0 && !stop.promised {
            self.line(indent, format_args!("{} has not answered for it", stop.at));
        }
        if stop.hops.is_empty() && stop.refused.is_none() {
            self.line(indent, format_args!("nobody there had asked for it"));
        }
        for (at, hop) in stop.hops.iter().enumerate() {
            let is_last = at + 1 == stop.hops.len();
            let (branch, below) = if is_last { ("`- ", "   ") } else { ("|- ", "|  ") };
            self.hop(stop, hop, &format!("{indent}{branch}"), &format!("{indent}{below}"));
        }
    }

    fn hop(&mut self, from: &Stop, hop: &Hop, branch: &str, below: &str) {
        let mut words = format!("to {} ({}{})", hop.to, hop.qos, flags(from, hop));
        if let Some(bridge) = &hop.bridge {
            write!(words, " by {bridge}").expect("a string takes all");
        }
        if let Some(rule) = &hop.rule {
            write!(words, ", {rule}").expect("a string takes all");
        }
        if hop.topic != from.topic {
            write!(words, ", as {}", hop.topic).expect("a string takes all");
        }
        let how = if hop.exact { "exact" } else { "inferred" };
        self.line(branch, format_args!("{words}: {} [{how}]", end(&hop.end)));
        if let Some(Waited { why, time }) = &hop.waited {
            match time {
                Some(time) => {
                    let ms = time.as_secs_f64() * 1_000.0;
                    self.line(below, format_args!("      waited {ms:.1} ms: {why}"));
                }
                None => self.line(below, format_args!("      waits: {why}")),
            }
        }
        for step in &hop.packets {
            self.step(step, below);
        }
        let Some(next) = &hop.next else { return };
        if let Some((rule, before)) = &next.let_in {
            let (at, topic) = (&next.at, &next.topic);
            let renamed = if before == topic { String::new() } else { format!(" as {topic}") };
            self.line(below, format_args!("{at} let it in{renamed} ({rule})"));
        }
        let (number, qos, at, topic) = (next.number, next.qos, &next.at, &next.topic);
        self.line(below, format_args!("message {number} at {at}: {topic} ({qos})"));
        self.stop(next, &format!("{below}  "));
    }

    fn step(&mut self, step: &Step, indent: &str) {
        let ms = step.at.saturating_sub(self.start).as_secs_f64() * 1_000.0;
        let remark =
            if step.remark.is_empty() { String::new() } else { format!("  [{}]", step.remark) };
        let Step { from, to, text, .. } = step;
        self.line(indent, format_args!("{ms:>10.1} ms  {from} -> {to}: {text}{remark}"));
    }
}

/// What changed of QoS and retain flag.
fn flags(from: &Stop, hop: &Hop) -> String {
    let mut words = String::new();
    if hop.qos != from.qos {
        write!(words, ", was {}", from.qos).expect("a string takes all");
    }
    match (from.retain, hop.retain) {
        (true, Some(true)) => words += ", retained",
        (true, Some(false)) => words += ", no longer flagged as retained",
        (false, Some(true)) => words += ", flagged as retained",
        (_, _) => {}
    }
    words
}

fn end(end: &End) -> String {
    match end {
        End::Waits => "waits".to_owned(),
        End::OnTheWay => "sent, and not there".to_owned(),
        End::Arrived => "arrived".to_owned(),
        End::Delivered => "delivered".to_owned(),
        End::Refused(why) => format!("not taken: {why}"),
        End::SessionEnded => "the session ended before".to_owned(),
        End::Unseen => "not seen, for packets came too fast".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::broker::{Address, BridgeSettings, Settings};
    use crate::lab::ledger::Ledger;
    use crate::lab::passport::passports;
    use crate::lab::trace::Event;
    use crate::lab::world::sim::Sim;
    use crate::lab::world::sim::client::Client;
    use crate::mqtt::{Direction, Message, QoS, Rule, Topic};
    use crate::report::fixtures;

    /// Board 2 counts; a bridge takes it to board 1 under another name, with QoS 1, where nobody is
    /// connected at first.
    fn world() -> Sim {
        let mut sim = Sim::new();
        let settings = Settings { persistence: true, trace: true, ..Settings::default() };
        let mut bridge = BridgeSettings::new("up", "here");
        bridge.addresses = vec![Address { host: "localhost".to_owned(), port: 1883 }];
        let rule = Rule::new("#", Direction::Out, QoS::AtLeastOnce, "a/", "b/");
        bridge.rules = vec![rule.expect("a rule")];
        let one = sim.add_broker(1883, settings.clone());
        let two = sim.add_broker(1884, Settings { bridges: vec![bridge], ..settings });
        sim.watch();
        let inbox = Client::new(one, "inbox", false).subscribing("b/#", QoS::ExactlyOnce);
        let inbox = sim.add_client(inbox);
        let paper = sim.add_client(Client::new(two, "paper", false));
        sim.run_for(Duration::from_secs(5));
        sim.cut_cable(one, two);
        sim.run_for(Duration::from_secs(1));
        let topic = Topic::parse("a/x").expect("a topic");
        sim.client(paper).publish(Message::new(topic, "hello", QoS::ExactlyOnce, true));
        sim.poke(paper);
        sim.run_for(Duration::from_secs(1));
        sim.mend_cable(one, two);
        sim.run_for(Duration::from_secs(30));
        assert_eq!(sim.client(inbox).payloads("b/x"), ["hello"]);
        sim
    }

    /// The tree without times and packets.
    fn bare(ledger: &Ledger) -> Vec<String> {
        let stops: Vec<Stop> = passports(ledger, |it| it.as_str().starts_with("a/")).collect();
        let [stop] = stops.as_slice() else { panic!("one message: {stops:?}") };
        let text = text(stop, UtcOffset::UTC);
        let lines = text.lines().filter(|line| !line.contains(" ms  "));
        lines.map(|line| line.split(", 00:").next().unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn what_a_broker_did_not_take() {
        let mut ledger = Ledger::new(Vec::new());
        for entry in &fixtures::both_versions() {
            ledger.take(entry);
        }
        let refused: Vec<_> = passports(&ledger, |it| it.as_str() == "a/long/name").collect();
        let text: String = refused.iter().map(|stop| text(stop, UtcOffset::UTC)).collect();
        assert_eq!(text.matches("board1 did not take it: quota exceeded (0x97)").count(), 1);
        assert!(!text.contains("has not answered"), "the other one was taken: {text}");
    }

    #[test]
    fn a_way_across_a_bridge() {
        let sim = world();
        let told = bare(sim.ledger().expect("it was watched"));
        let (waited, told): (Vec<_>, Vec<_>) =
            told.into_iter().partition(|line| line.contains("waited"));
        assert_eq!(waited.len(), 1, "{waited:?}");
        assert!(waited[0].ends_with("ms: it is not connected"), "{waited:?}");
        let expected = |exact: &str| {
            [
                "message 1: a/x = hello (QoS 2, retained) at board2".to_owned(),
                "  published by paper".to_owned(),
                format!(
                    "  `- to board1 (QoS 1, was QoS 2, retained) by up, topic # out 1 a/ b/, as b/x: \
                     delivered [{exact}]"
                ),
                "     message 2 at board1: b/x (QoS 1)".to_owned(),
                format!(
                    "       `- to inbox (QoS 1, no longer flagged as retained): delivered [{exact}]"
                ),
            ]
        };
        assert_eq!(told, expected("exact"));
        // From the packets alone, as with other brokers.
        let mut ledger = Ledger::new(sim.ledger().expect("one").bridges().to_vec());
        let packets = sim.trace().iter().filter(|it| !matches!(it.event, Event::Broker { .. }));
        packets.for_each(|entry| ledger.take(&Arc::clone(entry)));
        assert_eq!(bare(&ledger), expected("inferred"));
    }
}
