//! A bridge's `topic` line: which topics cross, in which direction, and under which name on the
//! other side. [mosquitto.conf manual, section "Configuring bridges"]
//!
//! ```text
//! topic pattern [[[out|in|both] qos] local-prefix remote-prefix]
//!
//! local  broker:  local-prefix  + pattern
//! remote broker:  remote-prefix + pattern
//! ```

use std::fmt;

use thiserror::Error;

use super::topic::TopicError;
use super::{Filter, QoS, Topic};

/// Which way a rule lets messages cross, seen from the broker that has the bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// From the local broker to the remote one.
    #[default]
    Out,
    /// From the remote broker to the local one.
    In,
    /// Both ways.
    Both,
}

impl Direction {
    /// Whether local messages cross to the remote broker.
    #[must_use]
    pub fn goes_out(self) -> bool {
        matches!(self, Self::Out | Self::Both)
    }

    /// Whether remote messages cross to the local broker.
    #[must_use]
    pub fn comes_in(self) -> bool {
        matches!(self, Self::In | Self::Both)
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Out => "out",
            Self::In => "in",
            Self::Both => "both",
        })
    }
}

/// Why the words of a `topic` line make no rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RuleError {
    /// Pattern and prefixes together are not a topic filter.
    #[error("{text:?} is not a valid topic filter: {why}")]
    Filter {
        /// Prefix and pattern as joined.
        text: String,
        /// The rule of MQTT it breaks.
        why: TopicError,
    },
    /// A prefix with a wildcard could not be put back on a topic.
    #[error("a prefix must not contain + or #: {0:?}")]
    WildcardPrefix(String),
    /// Mosquitto's table of empty patterns asks for both prefixes.
    #[error("an empty pattern needs a local and a remote prefix, to name one topic on each side")]
    EmptyPattern,
}

/// One `topic` line of a bridge.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rule {
    pattern: String,
    direction: Direction,
    qos: QoS,
    local_prefix: String,
    remote_prefix: String,
    local: Filter,
    remote: Filter,
}

impl Rule {
    /// Joins pattern and prefixes; `""` stands for an empty pattern or prefix.
    ///
    /// # Errors
    /// What makes the words no rule; see [`RuleError`].
    pub fn new(
        pattern: &str,
        direction: Direction,
        qos: QoS,
        local_prefix: &str,
        remote_prefix: &str,
    ) -> Result<Self, RuleError> {
        if pattern.is_empty() && (local_prefix.is_empty() || remote_prefix.is_empty()) {
            return Err(RuleError::EmptyPattern);
        }
        for prefix in [local_prefix, remote_prefix] {
            if prefix.contains(['+', '#']) {
                return Err(RuleError::WildcardPrefix(prefix.to_owned()));
            }
        }
        let join = |prefix: &str| {
            let text = format!("{prefix}{pattern}");
            Filter::parse(&text).map_err(|why| RuleError::Filter { text, why })
        };
        Ok(Self {
            local: join(local_prefix)?,
            remote: join(remote_prefix)?,
            pattern: pattern.to_owned(),
            direction,
            qos,
            local_prefix: local_prefix.to_owned(),
            remote_prefix: remote_prefix.to_owned(),
        })
    }

    /// Which way messages cross.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// The highest `QoS` that crosses: it caps, it never promotes.
    #[must_use]
    pub fn qos(&self) -> QoS {
        self.qos
    }

    /// What stands behind either prefix.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// What a topic begins with on the local broker, and not on the remote one.
    #[must_use]
    pub fn local_prefix(&self) -> &str {
        &self.local_prefix
    }

    /// What a topic begins with on the remote broker, and not on the local one.
    #[must_use]
    pub fn remote_prefix(&self) -> &str {
        &self.remote_prefix
    }

    /// What the bridge subscribes to on its own broker, for `out` and `both`.
    #[must_use]
    pub fn local(&self) -> &Filter {
        &self.local
    }

    /// What the bridge subscribes to on the far broker, for `in` and `both`.
    #[must_use]
    pub fn remote(&self) -> &Filter {
        &self.remote
    }

    /// The name a local topic has on the remote broker, where this rule lets it out.
    #[must_use]
    pub fn to_remote(&self, topic: &Topic) -> Option<Topic> {
        if !self.direction.goes_out() {
            return None;
        }
        rename(topic, &self.local, &self.local_prefix, &self.remote_prefix)
    }

    /// The name a remote topic has on the local broker, where this rule lets it in.
    #[must_use]
    pub fn to_local(&self, topic: &Topic) -> Option<Topic> {
        if !self.direction.comes_in() {
            return None;
        }
        rename(topic, &self.remote, &self.remote_prefix, &self.local_prefix)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |text: &str| if text.is_empty() { "\"\"".to_owned() } else { text.to_owned() };
        write!(f, "topic {} {} {}", quoted(&self.pattern), self.direction, self.qos.level())?;
        if !(self.local_prefix.is_empty() && self.remote_prefix.is_empty()) {
            write!(f, " {} {}", quoted(&self.local_prefix), quoted(&self.remote_prefix))?;
        }
        Ok(())
    }
}

/// `topic` with the prefix `from` taken off and `to` put on, if it is for `filter`. A name that
/// grows past MQTT's length limit crosses nowhere.
fn rename(topic: &Topic, filter: &Filter, from: &str, to: &str) -> Option<Topic> {
    if !filter.matches(topic) {
        return None;
    }
    if from == to {
        return Some(topic.clone());
    }
    // `a/#` matches the parent `a` as well, which is shorter than the prefix `a/`. [MQTT-4.7.1-2]
    let rest = topic.as_str().strip_prefix(from)?;
    Topic::parse(&format!("{to}{rest}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(pattern: &str, direction: Direction, local: &str, remote: &str) -> Rule {
        Rule::new(pattern, direction, QoS::ExactlyOnce, local, remote).expect("a rule")
    }

    #[test]
    fn names_cross_and_come_back() {
        let check = |rule: &Rule, local: &str, remote: Option<&str>| {
            let local = Topic::parse(local).expect("a topic");
            let there = rule.to_remote(&local);
            assert_eq!(there.as_ref().map(Topic::as_str), remote, "{rule}");
            if let Some(there) = there {
                assert_eq!(rule.to_local(&there), Some(local), "{rule}");
            }
        };
        let plain = rule("sensors/#", Direction::Both, "", "");
        check(&plain, "sensors/card1", Some("sensors/card1"));
        check(&plain, "other", None);
        let moved = rule("#", Direction::Both, "here/", "there/");
        check(&moved, "here/a/b", Some("there/a/b"));
        check(&moved, "here", None);
        check(&moved, "there/a", None);
        let one = rule("", Direction::Both, "local/topic", "remote/topic");
        check(&one, "local/topic", Some("remote/topic"));
        check(&one, "local/topic/x", None);
    }

    #[test]
    fn directions_are_kept_apart() {
        let topic = Topic::parse("a").expect("a topic");
        assert_eq!(rule("a", Direction::In, "", "").to_remote(&topic), None);
        assert_eq!(rule("a", Direction::Out, "", "").to_local(&topic), None);
        assert_eq!(rule("a", Direction::In, "", "").to_local(&topic), Some(topic));
    }

    #[test]
    fn what_is_no_rule() {
        let check = |pattern: &str, local: &str, remote: &str, expected: &str| {
            let made = Rule::new(pattern, Direction::Out, QoS::AtMostOnce, local, remote);
            let error = made.expect_err("no rule").to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("", "a", "", "needs a local and a remote prefix");
        check("", "", "", "needs a local and a remote prefix");
        check("a", "x/+/", "", "prefix must not contain");
        check("a/#/b", "", "", "not a valid topic filter");
    }

    #[test]
    fn reads_as_it_is_written() {
        assert_eq!(
            rule("sensors/all", Direction::Out, "", "").to_string(),
            "topic sensors/all out 2"
        );
        assert_eq!(rule("#", Direction::Both, "", "r/").to_string(), "topic # both 2 \"\" r/");
    }
}
