//! Where in its file a thing is said, for messages about what it means. Lines count from 1.

use std::collections::BTreeMap;

use super::line::Line;
use super::names;

/// The lines of a file's options and bridges.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines {
    options: Options,
    /// Those of the bridges, in the order of the settings.
    pub bridges: Vec<BridgeLines>,
}

/// The lines of a bridge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BridgeLines {
    /// Where its section begins.
    pub connection: usize,
    /// Its `topic` lines, in the order of its rules.
    pub rules: Vec<RuleLine>,
    options: Options,
}

/// A `topic` line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleLine {
    /// Its place.
    pub line: usize,
    /// Whether it gives a QoS, or leaves it at mosquitto's 0.
    pub says_qos: bool,
}

/// The last line of each option.
type Options = BTreeMap<&'static str, usize>;

impl Lines {
    /// Where an option of the whole broker is said, if it is.
    #[must_use]
    pub fn of(&self, option: &str) -> Option<usize> {
        self.options.get(option).copied()
    }

    pub(super) fn note(&mut self, line: &Line<'_>) {
        if !names::BRIDGE.contains(&line.option) {
            note(&mut self.options, line);
        }
    }
}

impl BridgeLines {
    pub(super) fn new(connection: usize) -> Self {
        Self { connection, ..Self::default() }
    }

    /// Where an option of the bridge is said; old names stand for the new ones.
    #[must_use]
    pub fn of(&self, option: &str) -> Option<usize> {
        self.options.get(option).copied()
    }

    /// Where an option of the bridge is said, or where the bridge begins.
    #[must_use]
    pub fn near(&self, option: &str) -> usize {
        self.of(option).unwrap_or(self.connection)
    }

    pub(super) fn note(&mut self, line: &Line<'_>) {
        note(&mut self.options, line);
    }
}

fn note(options: &mut Options, line: &Line<'_>) {
    let name = match line.option {
        "clientid" => "remote_clientid",
        "addresses" => "address",
        other => other,
    };
    if let Some(name) = names::supported().find(|known| *known == name) {
        options.insert(name, line.number);
    }
}

#[cfg(test)]
mod tests {
    use crate::conf::mosquitto::Config;

    #[test]
    fn every_line_is_known() {
        let text = "listener 1884\nallow_anonymous true\n\nconnection a\naddress h\nclientid x\n\
                    topic a out\ntopic b in 2\nconnection b\naddresses h:1\ntry_private false\n\
                    topic # in\nqueue_qos0_messages true\n";
        let lines = Config::parse("b.conf", text, "host").expect("a conf file").lines;
        assert_eq!(lines.of("allow_anonymous"), Some(2));
        assert_eq!(lines.of("queue_qos0_messages"), Some(13));
        assert_eq!(lines.of("persistence"), None);
        let [one, two] = &lines.bridges[..] else { panic!("{lines:?}") };
        assert_eq!(
            (one.connection, one.of("remote_clientid"), one.near("address")),
            (4, Some(6), 5)
        );
        let rules: Vec<_> = one.rules.iter().map(|it| (it.line, it.says_qos)).collect();
        assert_eq!(rules, [(7, false), (8, true)]);
        assert_eq!((two.of("try_private"), two.near("cleansession")), (Some(11), 9));
    }

    #[test]
    fn a_broken_file_is_read_as_far_as_it_goes() {
        let text = "listener 1884\nallow_anonymous true\nconnection a\naddress h\ntopic a/#/b\n\
                    topic b in 2\ncafile x\n";
        let (config, mistakes) = Config::read("b.conf", text, "host");
        assert_eq!(mistakes.iter().map(|it| it.line).collect::<Vec<_>>(), [Some(5), Some(7)]);
        assert_eq!(config.settings.bridges[0].rules.len(), 1);
        assert_eq!(config.lines.bridges[0].rules[0].line, 6);
        let (_, mistakes) = Config::read("b.conf", "listener 1\npassword_file x\n", "host");
        assert_eq!(mistakes.len(), 1, "whoever has a password gets in");
    }
}
