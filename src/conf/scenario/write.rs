//! A step written as `read` reads it: the same step comes back, but for its line.
//!
//! ```toml
//! at = 3.5
//! cut = "bridge_to_broker1"
//! ```
//!
//! Each key has a line of its own, so that it can stand below `[[step]]` or beside keys that are
//! somebody else's.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Map, Value, json};
use thiserror::Error;

use super::{Condition, Counts, DEFAULT_WITHIN, Deed, Step, Target};
use crate::cable::{self, Direction};
use crate::mqtt::{Message, QoS};

/// Why a step cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unwritable {
    /// The payload of a message is not UTF-8.
    #[error("the payload of a message to {0} is no text, so no file can say it")]
    Payload(String),
    /// A message carries what only MQTT 5 knows.
    #[error("the message to {0} has properties, which a step does not have")]
    Properties(String),
}

impl Step {
    /// The step in lines of TOML.
    ///
    /// # Errors
    /// When it publishes what cannot be written; no step that was read does.
    pub fn text(&self) -> Result<String, Unwritable> {
        let mut text = String::new();
        let mut line = |key: &str, value: &Value| {
            writeln!(text, "{key} = {}", inline(value)).expect("a string takes all");
        };
        if let Some(say) = &self.say {
            line("say", &json!(say));
        }
        if let Some(at) = self.at {
            line("at", &seconds(at));
        }
        let (key, value) = deed(&self.deed)?;
        line(key, &value);
        if let Deed::WaitUntil { within, .. } = &self.deed
            && *within != DEFAULT_WITHIN
        {
            line("within", &json!(within.as_secs()));
        }
        Ok(text)
    }
}

fn deed(deed: &Deed) -> Result<(&'static str, Value), Unwritable> {
    Ok(match deed {
        Deed::Toggle { program, sensor } => {
            ("toggle", json!({ "program": program, "sensor": sensor }))
        }
        Deed::Set { program, sensor, ok } => {
            ("set", json!({ "program": program, "sensor": sensor, "ok": ok }))
        }
        Deed::Stop(it) => ("stop", target(it)),
        Deed::Start(it) => ("start", target(it)),
        Deed::Restart(it) => ("restart", target(it)),
        Deed::Kill(it) => ("kill", target(it)),
        Deed::Freeze(it) => ("freeze", target(it)),
        Deed::Thaw(it) => ("thaw", target(it)),
        Deed::PowerOff(board) => ("power_off", json!(board)),
        Deed::PowerOn(board) => ("power_on", json!(board)),
        Deed::Cable { cable, deed } => on_cable(cable, deed),
        Deed::DiskFull(board) => ("disk_full", json!(board)),
        Deed::DiskSlow { board, ms } => ("disk_slow", json!({ "board": board, "ms": ms })),
        Deed::DiskOk(board) => ("disk_ok", json!(board)),
        Deed::Wait(time) => ("wait", seconds(*time)),
        Deed::Publish { program, count } => {
            ("publish", json!({ "program": program, "count": count }))
        }
        Deed::Message { program, message } => ("message", said(program, message)?),
        Deed::WaitUntil { condition: it, .. } => ("wait_until", condition(it)),
    })
}

fn target(target: &Target) -> Value {
    match target {
        Target::Program(name) => json!({ "program": name }),
        Target::Broker(board) => json!({ "broker": board }),
        Target::Bridge(name) => json!({ "bridge": name }),
    }
}

fn on_cable(cable: &str, deed: &cable::Deed) -> (&'static str, Value) {
    let direction = |value: &mut Value, direction: Option<Direction>| {
        if let Some(direction) = direction {
            value["direction"] = json!(direction);
        }
    };
    match deed {
        deed if *deed == cable::Deed::cut() => ("cut", json!(cable)),
        deed if *deed == cable::Deed::cut_silently() => ("cut_silently", json!(cable)),
        cable::Deed::Reset => ("reset", json!(cable)),
        cable::Deed::Mend => ("mend", json!(cable)),
        cable::Deed::Clear(fault) => ("clear", json!({ "cable": cable, "fault": fault })),
        cable::Deed::Release { direction: way, packets } => {
            let mut value = json!({ "cable": cable, "packets": packets });
            direction(&mut value, *way);
            ("release", value)
        }
        cable::Deed::Set(fault) => {
            let mut value = json!({ "cable": cable });
            direction(&mut value, fault.direction);
            // A kind is written as a map of one entry: its name, and what people say of it.
            let kind = serde_json::to_value(&fault.kind).expect("a fault is numbers and names");
            if let (Value::Object(all), Value::Object(kind)) = (&mut value, kind) {
                all.extend(kind);
            }
            ("fault", value)
        }
    }
}

fn said(program: &str, message: &Message) -> Result<Value, Unwritable> {
    let topic = message.topic.as_str();
    let Ok(payload) = std::str::from_utf8(&message.payload) else {
        return Err(Unwritable::Payload(topic.to_owned()));
    };
    if !message.properties.as_bytes().is_empty() || message.expires_at.is_some() {
        return Err(Unwritable::Properties(topic.to_owned()));
    }
    let mut value = json!({ "program": program, "topic": topic });
    if !payload.is_empty() {
        value["payload"] = json!(payload);
    }
    if message.qos != QoS::ExactlyOnce {
        value["qos"] = json!(message.qos.level());
    }
    if message.retain {
        value["retain"] = json!(true);
    }
    Ok(value)
}

fn condition(condition: &Condition) -> Value {
    match condition {
        Condition::Shows { program, sensor, state } => {
            let state = match state {
                Some(true) => "ok",
                Some(false) => "ko",
                None => "unknown",
            };
            json!({ "shows": { "program": program, "sensor": sensor, "as": state } })
        }
        Condition::Online(program) => json!({ "online": program }),
        Condition::Offline(program) => json!({ "offline": program }),
        Condition::Connected(bridge) => json!({ "connected": bridge }),
        Condition::Disconnected(bridge) => json!({ "disconnected": bridge }),
        Condition::Agree => json!({ "agree": true }),
        Condition::Quiet => json!({ "quiet": true }),
        Condition::Published { program, count } => {
            json!({ "published": { "program": program, "count": count } })
        }
        Condition::Counted { program, counts } => {
            let Counts { received, missing, doubled, out_of_order } = counts;
            let mut value = json!({ "program": program });
            for (key, count) in [
                ("received", received),
                ("missing", missing),
                ("doubled", doubled),
                ("out_of_order", out_of_order),
            ] {
                if let Some(count) = count {
                    value[key] = json!(count);
                }
            }
            json!({ "counted": value })
        }
    }
}

/// A time in seconds, with as many digits as it needs and no more.
fn seconds(time: Duration) -> Value {
    if time.subsec_nanos() == 0 { json!(time.as_secs()) } else { json!(time.as_secs_f64()) }
}

/// A value in one line of TOML.
fn inline(value: &Value) -> String {
    match value {
        Value::Null => "\"\"".to_owned(),
        // TOML's numbers end where those of 64 bits with a sign do.
        Value::Number(number) if number.is_u64() && !number.is_i64() => format!("\"{number}\""),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(all) => {
            format!("[{}]", all.iter().map(inline).collect::<Vec<_>>().join(", "))
        }
        Value::Object(all) if all.is_empty() => "{}".to_owned(),
        Value::Object(all) => format!("{{ {} }}", pairs(all)),
    }
}

fn pairs(all: &Map<String, Value>) -> String {
    let pairs = all.iter().map(|(key, value)| format!("{key} = {}", inline(value)));
    pairs.collect::<Vec<_>>().join(", ")
}

/// A text between quotation marks, as TOML escapes it.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            it if it.is_control() => {
                write!(quoted, "\\u{:04X}", u32::from(it)).expect("a string takes all");
            }
            it => quoted.push(it),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::cable::Random;
    use crate::cable::fault::{self, Bandwidth, Delay, Fault};
    use crate::conf::scenario::{DEEDS, Scenario};
    use crate::mqtt::Topic;

    const BOARDS: &str = "title = 'T'
[[board]]
name = 'one'
conf = 'one.conf'
program = [{ name = 'c1', kind = 'card1' }, { name = 'n', kind = 'counter' }]
[[board]]
name = 'two'
conf = 'two.conf'
program = [{ name = 'c2', kind = 'card2' }, { name = 't', kind = 'tally' }]
";

    /// Every deed, every condition and every fault, as somebody might write them.
    const STEPS: &[&str] = &[
        "toggle = { program = 'c1', sensor = 2 }",
        "set = { program = 'c2', sensor = 6, ok = false }",
        "stop = { program = 'c1' }",
        "start = { broker = 'two' }",
        "restart = { bridge = 'b' }",
        "kill = { program = 'c1' }",
        "freeze = { program = 'c1' }",
        "thaw = { broker = 'two' }",
        "power_off = 'one'",
        "power_on = 'one'",
        "disk_full = 'one'",
        "disk_slow = { board = 'one', ms = 50 }",
        "disk_ok = 'one'",
        "cut = 'b'",
        "cut_silently = 'b'",
        "hold = 'b'",
        "clear = { cable = 'b', fault = 'hold' }",
        "release = { cable = 'b' }",
        "release = { cable = 'b', packets = 3, direction = 'out' }",
        "reset = 'c1'",
        "mend = 'b'",
        "publish = { program = 'n', count = 100 }",
        "message = { program = 'c1', topic = 'a' }",
        "message = { program = 'n', topic = 'a/b', payload = 'x', qos = 0, retain = true }",
        "wait = 0.5",
        "wait_until = { agree = true }\nwithin = 3",
        "wait_until = { quiet = true }",
        "wait_until = { published = { program = 'n', count = 7 } }",
        "wait_until = { counted = { program = 't', received = 9, missing = 1, doubled = 2, \
         out_of_order = 3 } }",
        "wait_until = { online = 'c1' }",
        "wait_until = { offline = 'c1' }",
        "wait_until = { connected = 'b' }",
        "wait_until = { disconnected = 'b' }",
        "wait_until = { shows = { program = 'c2', sensor = 6, as = 'ok' } }",
        "wait_until = { shows = { program = 'c2', sensor = 1, as = 'ko' } }",
        "wait_until = { shows = { program = 'c1', sensor = 1, as = 'unknown' } }",
        "fault = { cable = 'b', direction = 'in', cut = {} }",
        "fault = { cable = 'b', direction = 'out', silent = {} }",
        "fault = { cable = 'b', direction = 'in', hold = {} }",
        "fault = { cable = 'b', drop = { packet = 'PUBREC', nth = 2, times = 0 } }",
        "fault = { cable = 'b', cut_before = { topic = 'a/#', client = 'c' } }",
        "fault = { cable = 'b', cut_after = { packet = 'PUBLISH' } }",
        "fault = { cable = 'b', repeat = { last = 4, after = { packet = 'PUBREL' } } }",
        "fault = { cable = 'b', lose = { chance = 0.01, seed = 4 } }",
        "fault = { cable = 'b', delay = { ms = 20, jitter_ms = 5, seed = 9 } }",
        "fault = { cable = 'b', bandwidth = { bytes_per_s = 100 } }",
        "fault = { cable = 'b', slice = { bytes = 1 } }",
        "fault = { cable = 'b', slow_close = { ms = 100 } }",
        "say = 'a \"word\" and a \\ and more'\nat = 3.25\nmend = 'b'",
    ];

    fn read(text: &str) -> Step {
        let scenario = Scenario::parse("s.toml", &format!("{BOARDS}[[step]]\n{text}"));
        let mut scenario = scenario.unwrap_or_else(|error| panic!("{text}: {error}"));
        scenario.steps.pop().expect("a step")
    }

    /// Writes it and reads that.
    fn again(step: &Step) -> Step {
        let text = step.text().expect("it can be written");
        Step { line: step.line, ..read(&text) }
    }

    #[test]
    fn every_step_comes_back() {
        let (mut deeds, mut faults) = (BTreeSet::new(), BTreeSet::new());
        for text in STEPS {
            let step = read(text);
            deeds.extend(DEEDS.iter().filter(|deed| text.contains(&format!("{deed} ="))));
            if let Deed::Cable { deed: cable::Deed::Set(fault), .. } = &step.deed {
                faults.insert(fault.kind.name());
            }
            assert_eq!(again(&step), step, "{text}: {}", step.text().expect("text"));
        }
        assert_eq!(deeds, DEEDS.iter().collect(), "a deed is missing here");
        assert_eq!(faults, fault::NAMES.iter().copied().collect(), "a fault is missing here");
    }

    #[test]
    fn as_it_is_written() {
        let check =
            |text: &str, expected: &str| assert_eq!(read(text).text().as_deref(), Ok(expected));
        check(
            "at = 3.0\nsay = 'A sensor fails.'\ntoggle = { program = 'c1', sensor = 2 }",
            "say = \"A sensor fails.\"\nat = 3\ntoggle = { program = \"c1\", sensor = 2 }\n",
        );
        check("fault = { cable = 'b', cut = {} }", "cut = \"b\"\n");
        check(
            "fault = { cable = 'b', direction = 'in', drop = { packet = 'PUBREC' } }",
            "fault = { cable = \"b\", direction = \"in\", \
             drop = { nth = 1, packet = \"PUBREC\", times = 1 } }\n",
        );
    }

    #[test]
    fn what_no_file_can_say() {
        let topic = Topic::parse("a").expect("a topic");
        let message = Message::new(topic, Bytes::from_static(&[0xff]), QoS::AtMostOnce, false);
        let deed = Deed::Message { program: "c1".to_owned(), message };
        let step = Step { say: None, at: None, deed, line: 0 };
        assert_eq!(step.text(), Err(Unwritable::Payload("a".to_owned())));
    }

    proptest! {
        #[test]
        fn times_seeds_and_texts_come_back(
            nanos in 0_u64..86_400_000_000_000,
            seed in any::<u64>(),
            chance in 0.0..=1.0,
            ms in any::<u32>(),
            payload in ".*",
        ) {
            let at = Some(Duration::from_nanos(nanos));
            let on = |kind: fault::Kind| Deed::Cable {
                cable: "b".to_owned(),
                deed: cable::Deed::Set(Fault::both(kind)),
            };
            let topic = Topic::parse("a").expect("a topic");
            let message = Message::new(topic, payload.clone(), QoS::AtLeastOnce, true);
            let (ms, seed) = (u64::from(ms), Random(seed));
            for deed in [
                on(Delay { ms, jitter_ms: ms, seed }.into()),
                on(fault::Lose { chance, seed }.into()),
                on(Bandwidth::new(ms).into()),
                Deed::Message { program: "c1".to_owned(), message },
                Deed::Wait(Duration::from_nanos(nanos)),
            ] {
                let step = Step { say: Some(payload.clone()), at, deed, line: 1 };
                prop_assert_eq!(again(&step), step);
            }
        }
    }
}
