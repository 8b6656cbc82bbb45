//! The boards' messages: flat JSON, `{"sensor_1": true, …}`; true is OK, false is KO, null is
//! unknown.
//!
//! It knows nothing of who sends them or what they change.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;
use std::ops::RangeInclusive;

use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::SensorNumber;

/// Sensors 1 to 3, published by card 1.
pub const CARD1: &str = "sensors/card1";
/// Sensors 1 to 6, published by card 2.
pub const ALL: &str = "sensors/all";
/// The sensors of board 1.
pub const BOARD1: RangeInclusive<u8> = 1..=3;
/// The sensors of board 2.
pub const BOARD2: RangeInclusive<u8> = 4..=6;
/// The longest message that is read, in bytes. A real one has under 130.
pub const MAX_BYTES: usize = 64 * 1024;

/// The states that are known; a sensor that is not in here is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct States(BTreeMap<SensorNumber, bool>);

impl States {
    /// A sensor's state; `None` is unknown.
    #[must_use]
    pub fn get(&self, sensor: SensorNumber) -> Option<bool> {
        self.0.get(&sensor).copied()
    }

    /// Notes a sensor's state.
    pub fn set(&mut self, sensor: SensorNumber, state: bool) {
        self.0.insert(sensor, state);
    }

    /// Takes over what `newer` knows. What it does not know stays: null never overwrites a state.
    pub fn learn(&mut self, newer: &Self) {
        self.0.extend(&newer.0);
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The known states, in order of the sensors.
    pub fn iter(&self) -> impl Iterator<Item = (SensorNumber, bool)> {
        self.0.iter().map(|(sensor, state)| (*sensor, *state))
    }
}

impl FromIterator<(SensorNumber, bool)> for States {
    fn from_iter<I: IntoIterator<Item = (SensorNumber, bool)>>(states: I) -> Self {
        Self(states.into_iter().collect())
    }
}

/// Writes `states` as a message that names each of `sensors`, the unknown ones as null.
#[must_use]
pub fn print(sensors: RangeInclusive<u8>, states: &States) -> Bytes {
    let mut text = String::from("{");
    for number in sensors {
        let comma = if text.len() > 1 { ", " } else { "" };
        let state = match states.get(SensorNumber(number)) {
            Some(true) => "true",
            Some(false) => "false",
            None => "null",
        };
        write!(text, "{comma}\"sensor_{number}\": {state}").expect("a String takes any text");
    }
    text.push('}');
    text.into()
}

/// Reads a message that may speak of `sensors`.
///
/// # Errors
/// In words, why the message as a whole is not to be used.
pub fn parse(payload: &[u8], sensors: &RangeInclusive<u8>) -> Result<States, String> {
    if payload.is_empty() {
        return Err("it is empty: somebody cleared the retained message".to_owned());
    }
    if payload.len() > MAX_BYTES {
        return Err(format!("{} bytes are too many, at most {MAX_BYTES} are read", payload.len()));
    }
    let members: Members = serde_json::from_slice(payload).map_err(|error| {
        let what = if error.is_data() { "not a JSON object" } else { "not JSON" };
        format!("{what}: {error}")
    })?;
    let mut states = States::default();
    let mut seen = Vec::new();
    for (key, value) in members.0 {
        let sensor = sensor(&key, sensors)?;
        if seen.contains(&sensor) {
            return Err(format!("sensor_{sensor} is there twice"));
        }
        seen.push(sensor);
        match value {
            Value::Bool(state) => states.set(sensor, state),
            Value::Null => {}
            other => {
                let other = short(&other.to_string());
                return Err(format!("sensor_{sensor} is {other}, not true, false or null"));
            }
        }
    }
    Ok(states)
}

/// The sensor that a member's name stands for.
fn sensor(key: &str, sensors: &RangeInclusive<u8>) -> Result<SensorNumber, String> {
    sensors.clone().find(|number| key == format!("sensor_{number}")).map(SensorNumber).ok_or_else(
        || {
            let (first, last) = (sensors.start(), sensors.end());
            format!("{:?} is none of sensor_{first} to sensor_{last}", short(key))
        },
    )
}

/// The beginning of a text that may be long.
fn short(text: &str) -> String {
    const LONGEST: usize = 40;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The members of a JSON object in their order, so that repeated names are seen.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(known: &[(u8, bool)]) -> States {
        known.iter().map(|(number, state)| (SensorNumber(*number), *state)).collect()
    }

    #[test]
    fn messages_that_are_read() {
        let check = |payload: &str, expected: &[(u8, bool)]| {
            assert_eq!(parse(payload.as_bytes(), &(1..=6)), Ok(states(expected)), "{payload}");
        };
        check(
            r#"{"sensor_1": true, "sensor_2": false, "sensor_3": null}"#,
            &[(1, true), (2, false)],
        );
        check(
            r#" {"sensor_6":false}
        "#,
            &[(6, false)],
        );
        check("{}", &[]);
    }

    #[test]
    fn messages_that_are_ignored_say_why() {
        let check = |payload: &[u8], reason: &str| {
            let said = parse(payload, &(1..=3)).expect_err("is to be ignored");
            assert!(said.contains(reason), "{said:?} does not say {reason:?}");
            assert!(said.len() < 200, "{said:?} is too long for a window");
        };
        check(b"", "empty");
        check(b"OK", "not JSON: ");
        check(b"{\"sensor_1\": true} true", "not JSON: ");
        check(b"{\"sensor_1\": tru", "not JSON: ");
        check(b"\xff\xfe", "not JSON: ");
        check(b"[true, false]", "not a JSON object: ");
        check(b"true", "not a JSON object: ");
        check(b"{\"sensor_1\": 1}", "sensor_1 is 1, not true, false or null");
        check(b"{\"sensor_1\": \"OK\"}", "sensor_1 is \"OK\", not");
        check(b"{\"sensor_1\": {\"state\": true}}", "sensor_1 is {");
        check(b"{\"sensor_4\": true}", "\"sensor_4\" is none of sensor_1 to sensor_3");
        check(b"{\"sensor_01\": true}", "none of");
        check(b"{\"sensor_1\": true, \"sensor_1\": true}", "sensor_1 is there twice");
        check(b"{\"sensor_1\": null, \"sensor_1\": true}", "sensor_1 is there twice");
        check(&b" ".repeat(MAX_BYTES + 1), "65537 bytes are too many");
        check(format!("{{\"{}\": true}}", "ä".repeat(9_000)).as_bytes(), "ä…");
        check(format!("{{\"sensor_1\": \"{}\"}}", "x".repeat(9_000)).as_bytes(), "x…");
        check("[".repeat(9_000).as_bytes(), "not a JSON object");
        check(format!("{{\"sensor_1\": {}", "[".repeat(9_000)).as_bytes(), "not JSON");
    }

    #[test]
    fn what_is_printed_is_read_again() {
        let known = states(&[(4, true), (6, false)]);
        let text = print(4..=6, &known);
        assert_eq!(text, r#"{"sensor_4": true, "sensor_5": null, "sensor_6": false}"#);
        assert_eq!(parse(&text, &(1..=6)), Ok(known));
    }

    #[test]
    fn null_never_overwrites_a_state() {
        let mut known = states(&[(1, false), (2, false)]);
        known.learn(&states(&[(2, true), (3, true)]));
        assert_eq!(known, states(&[(1, false), (2, true), (3, true)]));
    }
}
