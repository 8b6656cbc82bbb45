//! Whether an engine can do what a conf asks, line by line.

use crate::broker::BridgeSettings;
use crate::conf::mosquitto::{Line, is_of_a_bridge, said};
use crate::conf::{ConfText, Engine, Mistake, Sort};
use crate::mqtt::packet::Level;

/// What an engine makes of a conf.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fit {
    /// What it cannot do.
    pub mistakes: Vec<Mistake>,
    /// What it does less well than the conf asks.
    pub weaker: Vec<Mistake>,
}

/// Options that mean the same to rumqttd, or change nothing that a client would see.
const SAME: &[&str] = &[
    "allow_anonymous",
    "autosave_interval",
    "autosave_on_changes",
    "bind_address",
    "connection_messages",
    "listener",
    "log_dest",
    "log_timestamp",
    "log_type",
    "persistence_file",
    "persistence_location",
    "pid_file",
    "port",
    "protocol",
    "retry_interval",
    "set_tcp_nodelay",
    "user",
];

/// Options that cost something when they are not kept, but let everything work.
const WEAKER: &[(&str, &str)] = &[
    ("persistence", "rumqttd keeps everything in memory alone: what it holds ends with it"),
    (
        "retained_persistence",
        "rumqttd keeps everything in memory alone: what it holds ends with it",
    ),
    ("sys_interval", "rumqttd says nothing under $SYS"),
];

const CAN: &str = "native and mosquitto can: `engine = \"native\"`, or `--engine BOARD=native`";

/// Why rumqttd's own bridge is no way out. [rumqttd 0.20, `link/bridge.rs`]
const NO_BRIDGE: &str = "rumqttd cannot keep up a bridge: its own subscribes with packet id 0, for \
                         which other brokers hang up [MQTT-2.3.1-1], keeps no session and drops QoS 2";

/// What `engine` makes of the conf of a board.
#[must_use]
pub fn fits(engine: &Engine, conf: &ConfText) -> Fit {
    match engine {
        Engine::Native | Engine::Mosquitto => Fit::default(),
        Engine::Rumqttd => rumqttd(conf),
        Engine::Remote(_) => remote(conf),
    }
}

/// What is wrong with a bridge that leads to a board with this engine: in words, and what to do.
/// Its listener takes level 4 alone, and the bridge bit makes 132 of that. [rumqttd 0.20,
/// `protocol/v4/connect.rs`]
#[must_use]
pub fn refuses(engine: &Engine, bridge: &BridgeSettings) -> Option<(String, String)> {
    if *engine != Engine::Rumqttd {
        return None;
    }
    if bridge.level != Level::V311 {
        let what = "rumqttd takes MQTT 3.1.1 alone, and hangs up on this bridge";
        let help = format!("add `bridge_protocol_version mqttv311`; {CAN}");
        return Some((what.to_owned(), help));
    }
    let what = "rumqttd hangs up on whoever says that he is a bridge, as this one does";
    let help = format!("add `try_private false`: then retained messages come as plain ones; {CAN}");
    bridge.try_private.then(|| (what.to_owned(), help))
}

fn rumqttd(conf: &ConfText) -> Fit {
    let mut fit = Fit::default();
    let mistake = |line: &Line<'_>, what: String, help| Mistake {
        sort: Sort::Unsupported,
        file: conf.file.clone(),
        line: Some(line.number),
        text: line.text.to_owned(),
        what,
        help,
    };
    for line in said(&conf.text) {
        let option = line.option;
        if option == "connection" {
            fit.mistakes.push(mistake(&line, NO_BRIDGE.to_owned(), Some(CAN.to_owned())));
        } else if let Some((_, why)) = WEAKER.iter().find(|(name, _)| *name == option) {
            if !matches!(line.value, "false" | "0") {
                fit.weaker.push(mistake(&line, (*why).to_owned(), None));
            }
        } else if !SAME.contains(&option) && !is_of_a_bridge(option) {
            let what = format!("rumqttd has nothing like `{option}`");
            fit.mistakes.push(mistake(&line, what, Some(CAN.to_owned())));
        }
    }
    fit
}

/// Its limits and its persistence are the business of whoever runs it. Its bridges would go past
/// the lab's cables.
fn remote(conf: &ConfText) -> Fit {
    let bridges = said(&conf.text).filter(|line| line.option == "connection");
    let mistakes = bridges.map(|line| Mistake {
        sort: Sort::Unsupported,
        file: conf.file.clone(),
        line: Some(line.number),
        text: line.text.to_owned(),
        what: "a remote broker is started by somebody else, who cannot be told of this bridge"
            .to_owned(),
        help: Some(
            "native and mosquitto can; or leave the bridge out here, and dial from another board"
                .to_owned(),
        ),
    });
    Fit { mistakes: mistakes.collect(), weaker: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(engine: &Engine, text: &str) -> [String; 2] {
        let (file, text) = ("b.conf".to_owned(), text.to_owned());
        let fit = fits(engine, &ConfText { file, text, folder: None });
        let words =
            |all: &[Mistake]| all.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        [words(&fit.mistakes), words(&fit.weaker)]
    }

    #[test]
    fn what_rumqttd_cannot() {
        let check = |text: &str, mistakes: &str, weaker: &str| {
            let found = fit(&Engine::Rumqttd, text);
            let fits = |found: &str, expected: &str| match expected {
                "" => found.is_empty(),
                _ => found.contains(expected),
            };
            assert!(fits(&found[0], mistakes) && fits(&found[1], weaker), "{text}: {found:?}");
        };
        check("listener 1883\nallow_anonymous true\nlog_type all\npersistence_file x\n", "", "");
        check("\npersistence true\n", "", "b.conf:2: rumqttd keeps everything in memory alone");
        check("persistence false\n", "", "");
        check("sys_interval 0\nsys_interval 5", "", "b.conf:2: rumqttd says nothing under $SYS");
        check(
            "max_queued_messages 10",
            "b.conf:1: rumqttd has nothing like `max_queued_messages`\n    max_queued_messages 10\n    \
             help: native and mosquitto can: `engine = \"native\"`, or `--engine BOARD=native`",
            "",
        );
        let bridge = "# A bridge\nconnection b\naddress a\ntopic # in 0\nremote_clientid x\n";
        check(bridge, "b.conf:2: rumqttd cannot keep up a bridge", "");
        assert_eq!(fit(&Engine::Rumqttd, bridge)[0].matches("b.conf").count(), 1);
    }

    #[test]
    fn what_the_others_cannot() {
        let text = "max_queued_messages 10\npersistence true\nconnection b\naddress a\n";
        for engine in [Engine::Native, Engine::Mosquitto] {
            assert_eq!(fit(&engine, text), [String::new(), String::new()]);
        }
        let remote = "remote:far:1883".parse().expect("an engine");
        let [mistakes, weaker] = fit(&remote, text);
        assert!(mistakes.starts_with("b.conf:3: a remote broker is started by somebody else"));
        assert_eq!(weaker, "");
    }

    #[test]
    fn whom_rumqttd_takes() {
        let check = |lines: &str, expected: &str| {
            let text = format!("connection b\naddress a\ntopic # in 1\n{lines}\n");
            let conf = crate::conf::mosquitto::Config::parse("b.conf", &text, "host");
            let bridges = conf.expect("a conf file").settings.bridges;
            assert_eq!(refuses(&Engine::Mosquitto, &bridges[0]), None);
            let refusal = refuses(&Engine::Rumqttd, &bridges[0]);
            assert!(
                refusal.as_ref().map_or(expected.is_empty(), |(_, help)| help.contains(expected)),
                "{refusal:?}"
            );
        };
        check("", "add `try_private false`");
        check("try_private false", "");
        check("bridge_protocol_version mqttv50", "add `bridge_protocol_version mqttv311`");
    }
}
