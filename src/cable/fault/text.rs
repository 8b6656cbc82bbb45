//! A fault as it is written: one kind by its name, and beside it `direction` where it concerns but
//! one.

use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::{Direction, Fault, Kind, NAMES};

/// The key that says which way.
const DIRECTION: &str = "direction";

#[derive(Serialize)]
struct Written<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<Direction>,
    #[serde(flatten)]
    kind: &'a Kind,
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written { direction: self.direction, kind: &self.kind }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Fault {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Keys)
    }
}

struct Keys;

impl<'de> Visitor<'de> for Keys {
    type Value = Fault;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a fault: one of {}", NAMES.join(", "))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fault, A::Error> {
        let (mut direction, mut kind) = (None, None);
        while let Some(key) = map.next_key::<String>()? {
            if key == DIRECTION {
                direction = Some(map.next_value::<Direction>()?);
                continue;
            }
            if !NAMES.contains(&key.as_str()) {
                return Err(A::Error::custom(format!(
                    "there is no fault `{key}`: write one of {}",
                    NAMES.join(", ")
                )));
            }
            // As an enum is written: a map of one entry.
            let entry: Map<_, _> = [(key, map.next_value::<Value>()?)].into_iter().collect();
            let named = Kind::deserialize(Value::Object(entry)).map_err(A::Error::custom)?;
            if kind.replace(named).is_some() {
                return Err(A::Error::custom("this names two faults: set one at a time"));
            }
        }
        let nothing = || format!("this names no fault: write one of {}", NAMES.join(", "));
        Ok(Fault { direction, kind: kind.ok_or_else(|| A::Error::custom(nothing()))? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cable::fault::{Cut, Delay, Drop, Hold};
    use crate::cable::pick::Pick;
    use crate::mqtt::PacketKind;

    #[test]
    fn faults_read_back_as_they_were_written() {
        let check = |text: &str, expected: Fault, words: &str| {
            let read: Fault = toml::from_str(text).expect(text);
            assert_eq!(read, expected, "{text}");
            assert_eq!(read.to_string(), words);
            let written = serde_json::to_string(&expected).expect("text");
            let again: Fault = serde_json::from_str(&written).expect(&written);
            assert_eq!(again, expected, "{written}");
        };
        check("cut = {}", Fault::both(Cut {}), "cut");
        check("hold = {}", Fault::both(Hold::default()), "hold every packet");
        let next = Drop::of(Pick { nth: 2, ..Pick::next(PacketKind::PUBREC) });
        check(
            "direction = 'in'\ndrop = { packet = 'PUBREC', nth = 2 }",
            Fault::one_way(Direction::In, next),
            "drop the 2nd PUBREC (in)",
        );
        let delay = Delay { ms: 20, jitter_ms: 5, ..Delay::default() };
        check(
            "delay = { ms = 20, jitter_ms = 5 }",
            Fault::both(delay),
            "delay packets by 20 ms, give or take 5 ms",
        );
    }

    #[test]
    fn mistakes_are_named() {
        let check = |text: &str, expected: &str| {
            let error = toml::from_str::<Fault>(text).expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        };
        check("", "this names no fault");
        check("dorp = {}", "there is no fault `dorp`");
        check("drop = {}\nhold = {}", "two faults");
        check("drop = { packet = 'PUBRIC' }", "no packet is called");
        check("drop = { pocket = 'PUBREC' }", "unknown field `pocket`");
        check("direction = 'up'\ncut = {}", "unknown variant `up`");
        check("delay = { }", "missing field `ms`");
    }
}
