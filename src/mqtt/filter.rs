//! A topic filter: what a client subscribes to. [MQTT 3.1.1, section 4.7]

use std::fmt;
use std::sync::Arc;

use super::topic::{Topic, TopicError, check_text};

/// A topic filter, with or without wildcards.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Filter(Arc<str>);

impl Filter {
    /// Checks `text` and takes it as a topic filter.
    ///
    /// # Errors
    /// The rule of section 4.7 that `text` breaks.
    pub fn parse(text: &str) -> Result<Self, TopicError> {
        check_text(text)?;
        let mut levels = text.split('/').peekable();
        while let Some(level) = levels.next() {
            if level.contains('#') && (level != "#" || levels.peek().is_some()) {
                return Err(TopicError::MultiLevel);
            }
            if level.contains('+') && level != "+" {
                return Err(TopicError::SingleLevel);
            }
        }
        Ok(Self(text.into()))
    }

    /// The filter as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The levels between the slashes.
    pub fn levels(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// Whether a message published to `topic` is for this filter. A leading wildcard never
    /// matches a topic that begins with `$` [MQTT-4.7.2-1]; `a/#` matches `a` too [MQTT-4.7.1-2].
    #[must_use]
    pub fn matches(&self, topic: &Topic) -> bool {
        if topic.is_dollar() && self.0.starts_with(['+', '#']) {
            return false;
        }
        let mut names = topic.levels();
        for level in self.levels() {
            if level == "#" {
                return true;
            }
            match names.next() {
                Some(name) if level == "+" || level == name => {}
                _ => return false,
            }
        }
        names.next().is_none()
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters() {
        let check = |text: &str, expected: Result<(), TopicError>| {
            assert_eq!(Filter::parse(text).map(drop), expected, "{text:?}");
        };
        for good in ["#", "+", "a/#", "+/a/+", "/", "a//b", "$SYS/#", "+/#"] {
            check(good, Ok(()));
        }
        check("", Err(TopicError::Empty));
        check("a#", Err(TopicError::MultiLevel));
        check("#/a", Err(TopicError::MultiLevel));
        check("a/#/b", Err(TopicError::MultiLevel));
        check("a+", Err(TopicError::SingleLevel));
        check("a/+b/c", Err(TopicError::SingleLevel));
        check("a\0", Err(TopicError::Null));
    }

    #[test]
    fn matching() {
        let check = |filter: &str, topic: &str, expected: bool| {
            let (filter, topic) = (Filter::parse(filter), Topic::parse(topic));
            let (filter, topic) = (filter.expect("a filter"), topic.expect("a topic"));
            assert_eq!(filter.matches(&topic), expected, "{filter} on {topic}");
        };
        check("a/b", "a/b", true);
        check("a/b", "a/B", false);
        check("a/b", "a", false);
        check("a", "a/b", false);
        check("a/#", "a", true);
        check("a/#", "a/b/c", true);
        check("a/#", "ab", false);
        check("#", "a/b", true);
        check("#", "/", true);
        check("+", "a", true);
        check("+", "/a", false);
        check("+/+", "/a", true);
        check("/+", "/a", true);
        check("a/+/c", "a//c", true);
        check("a/+", "a", false);
        check("a/+", "a/", true);
        check("#", "$SYS/x", false);
        check("+/x", "$SYS/x", false);
        check("$SYS/#", "$SYS/x", true);
        check("$SYS/+", "$SYS/x", true);
        check("+/+/#", "a/b", true);
    }
}
