//! MQTT's nouns as text in files: scenarios, traces, reports.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ClientId, Filter, QoS, Topic};

macro_rules! as_text {
    ($noun:ty, $parse:expr) => {
        impl Serialize for $noun {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $noun {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                let parse: fn(&str) -> Result<Self, String> = $parse;
                parse(&text).map_err(D::Error::custom)
            }
        }
    };
}

as_text!(Filter, |text| Filter::parse(text).map_err(|error| format!("{text:?}: {error}")));
as_text!(ClientId, |text| Ok(ClientId::new(text)));
as_text!(Topic, |text| match text {
    "" => Ok(Topic::omitted()),
    name => Topic::parse(name).map_err(|error| format!("{name:?}: {error}")),
});

impl Serialize for QoS {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.level())
    }
}

impl<'de> Deserialize<'de> for QoS {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let level = u8::deserialize(deserializer)?;
        Self::from_level(level)
            .ok_or_else(|| D::Error::custom(format!("QoS {level} is none: write 0, 1 or 2")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nouns_read_back_as_they_were_written() {
        let topic = Topic::parse("a/b").expect("a topic");
        let filter = Filter::parse("$share/g/a/+").expect("a filter");
        let all = (topic, filter, ClientId::new("c"), QoS::ExactlyOnce, Topic::omitted());
        let text = serde_json::to_string(&all).expect("text");
        assert_eq!(text, r#"["a/b","$share/g/a/+","c",2,""]"#);
        let back: (Topic, Filter, ClientId, QoS, Topic) =
            serde_json::from_str(&text).expect("the same");
        assert_eq!(back, all);
        for wrong in [r#""a/+""#, "\"a#\""] {
            assert!(serde_json::from_str::<Topic>(wrong).is_err(), "{wrong}");
        }
        assert!(serde_json::from_str::<QoS>("3").is_err());
    }
}
