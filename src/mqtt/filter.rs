//! A topic filter: what a client subscribes to. [MQTT 5.0, sections 4.7 and 4.8.2]

use std::fmt;
use std::sync::Arc;

use super::topic::{Topic, TopicError, check_text};

/// How the filter of a shared subscription begins.
const SHARE: &str = "$share/";

/// A topic filter, with or without wildcards: `a/+/#`, or shared by a group: `$share/group/a/+/#`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Filter {
    text: Arc<str>,
    /// Where the filter itself begins: behind the group.
    from: usize,
}

impl Filter {
    /// Checks `text` and takes it as a topic filter.
    ///
    /// # Errors
    /// The rule of section 4.7 that `text` breaks.
    pub fn parse(text: &str) -> Result<Self, TopicError> {
        check_text(text)?;
        let from = match text.strip_prefix(SHARE) {
            None => 0,
            Some(rest) => SHARE.len() + group_len(rest).ok_or(TopicError::Share)? + 1,
        };
        let mut levels = text[from..].split('/').peekable();
        while let Some(level) = levels.next() {
            if level.contains('#') && (level != "#" || levels.peek().is_some()) {
                return Err(TopicError::MultiLevel);
            }
            if level.contains('+') && level != "+" {
                return Err(TopicError::SingleLevel);
            }
        }
        Ok(Self { text: text.into(), from })
    }

    /// The filter as text, its group included.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The group that shares the subscription.
    #[must_use]
    pub fn group(&self) -> Option<&str> {
        self.text.get(SHARE.len()..self.from.checked_sub(1)?)
    }

    /// The levels between the slashes, without the group.
    pub fn levels(&self) -> impl Iterator<Item = &str> {
        self.text[self.from..].split('/')
    }

    /// Whether a message published to `topic` is for this filter. A leading wildcard never
    /// matches a topic that begins with `$` [MQTT-4.7.2-1]; `a/#` matches `a` too [MQTT-4.7.1-2].
    #[must_use]
    pub fn matches(&self, topic: &Topic) -> bool {
        if topic.is_dollar() && self.text[self.from..].starts_with(['+', '#']) {
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
        f.write_str(&self.text)
    }
}

/// The length of the group that `rest` begins with, where a filter follows it.
fn group_len(rest: &str) -> Option<usize> {
    let (group, filter) = rest.split_once('/')?;
    let good = !group.is_empty() && !filter.is_empty() && !group.contains(['+', '#']);
    good.then_some(group.len())
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
        for bad in ["$share/", "$share/g", "$share//a", "$share/g/", "$share/+/a", "$share/g#/a"] {
            check(bad, Err(TopicError::Share));
        }
        check("$share/g/a#", Err(TopicError::MultiLevel));
        check("$share", Ok(()));
    }

    #[test]
    fn shared() {
        let shared = Filter::parse("$share/g/+/b").expect("a filter");
        assert_eq!(shared.group(), Some("g"));
        assert_eq!(shared.levels().collect::<Vec<_>>(), ["+", "b"]);
        assert!(shared.matches(&Topic::parse("a/b").expect("a topic")));
        assert!(!shared.matches(&Topic::parse("$SYS/b").expect("a topic")));
        assert_eq!(Filter::parse("$share").expect("a filter").group(), None);
        assert_eq!(Filter::parse("a/b").expect("a filter").group(), None);
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
