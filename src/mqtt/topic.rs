//! A topic name: what a message is published to. [MQTT 3.1.1, section 4.7]

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// The longest topic name or filter: MQTT strings carry their length in two bytes. [MQTT-4.7.3-3]
pub const MAX_LEN: usize = 65_535;

/// The most levels a topic name or filter has here, as in mosquitto: each costs memory where the
/// topic is kept.
pub const MAX_LEVELS: usize = 200;

/// Why a string is no topic name or no topic filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TopicError {
    /// [MQTT-4.7.3-1]
    #[error("a topic must have at least one character")]
    Empty,
    /// [MQTT-4.7.3-3]
    #[error("a topic has at most 65,535 bytes")]
    TooLong,
    /// Mosquitto's limit.
    #[error("a topic has at most 200 levels")]
    TooDeep,
    /// [MQTT-4.7.3-2]
    #[error("a topic must not contain the null character")]
    Null,
    /// [MQTT-3.3.2-2]
    #[error("a topic that is published to must not contain + or #")]
    Wildcard,
    /// [MQTT-4.7.1-2]
    #[error("# must stand alone in the last level")]
    MultiLevel,
    /// [MQTT-4.7.1-3]
    #[error("+ must fill a whole level")]
    SingleLevel,
    /// [MQTT-4.8.2-1, -2]
    #[error("a shared subscription is $share/group/filter, its group without + and #")]
    Share,
}

/// A topic name without wildcards.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(Arc<str>);

impl Topic {
    /// Checks `name` and takes it as a topic name.
    ///
    /// # Errors
    /// The rule of section 4.7 that `name` breaks.
    pub fn parse(name: &str) -> Result<Self, TopicError> {
        check_text(name)?;
        if name.bytes().any(|b| matches!(b, b'+' | b'#')) {
            return Err(TopicError::Wildcard);
        }
        Ok(Self(name.into()))
    }

    /// What stands in a PUBLISH whose topic is given by an alias: no name of a topic.
    #[must_use]
    pub fn omitted() -> Self {
        Self("".into())
    }

    /// Whether it is [`Topic::omitted`].
    #[must_use]
    pub fn is_omitted(&self) -> bool {
        self.0.is_empty()
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The levels between the slashes; an empty level is a level. [MQTT-4.7.1-1]
    pub fn levels(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// Whether the topic begins with `$`, as brokers' own topics do. [MQTT-4.7.2-1]
    #[must_use]
    pub fn is_dollar(&self) -> bool {
        self.0.starts_with('$')
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What topic names and filters have in common.
pub(super) fn check_text(text: &str) -> Result<(), TopicError> {
    if text.is_empty() {
        return Err(TopicError::Empty);
    }
    if text.len() > MAX_LEN {
        return Err(TopicError::TooLong);
    }
    if text.bytes().filter(|b| *b == b'/').count() >= MAX_LEVELS {
        return Err(TopicError::TooDeep);
    }
    if text.bytes().any(|b| b == 0) {
        return Err(TopicError::Null);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_names() {
        let check = |name: &str, expected: Result<(), TopicError>| {
            assert_eq!(Topic::parse(name).map(drop), expected, "{name:?}");
        };
        check("sensors/card1", Ok(()));
        check("/", Ok(()));
        check("$SYS/broker", Ok(()));
        check(" ", Ok(()));
        check("", Err(TopicError::Empty));
        check("a\0b", Err(TopicError::Null));
        check("a/+", Err(TopicError::Wildcard));
        check("a#", Err(TopicError::Wildcard));
        check(&"x".repeat(MAX_LEN), Ok(()));
        check(&"x".repeat(MAX_LEN + 1), Err(TopicError::TooLong));
        check(&"/".repeat(MAX_LEVELS - 1), Ok(()));
        check(&"/".repeat(MAX_LEVELS), Err(TopicError::TooDeep));
    }
}
