//! The trials that every broker can be put to: each a small scenario in which one thing goes wrong,
//! and what came of it.
//!
//! A new trial is an entry of [`all`].

mod scenes;

use std::collections::BTreeMap;

use scenes::{Scene, bridge_cuts, client_cuts};

/// One trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// Names it; unique.
    pub name: String,
    /// Its files, by their names: `scenario.toml` and the boards' confs.
    pub files: BTreeMap<String, String>,
}

/// All trials, in the order of the table.
#[must_use]
pub fn all() -> Vec<Trial> {
    let mut trials = client_cuts();
    trials.extend(bridge_cuts());
    trials.extend(handshakes());
    trials.extend(power());
    trials.extend(sessions());
    trials.extend(bridges());
    trials
}

/// What happens to packets on a connection that lives.
fn handshakes() -> Vec<Trial> {
    let dropped = |name: &str, cable: &str, direction: &str, packet: &str| {
        Scene::alone(name, 2)
            .fault(cable, direction, "drop", packet)
            .publish(3)
            .settle_and_reset(cable)
            .once_each("tally", 5)
            .trial()
    };
    vec![
        Scene::alone("QoS 1, publisher: cut before PUBACK", 1)
            .fault("counter", "in", "cut_before", "PUBACK")
            .publish(3)
            .arrived("tally", 5)
            .trial(),
        Scene::alone("QoS 1, subscriber: cut before PUBACK", 1)
            .fault("tally", "out", "cut_before", "PUBACK")
            .publish(3)
            .arrived("tally", 5)
            .trial(),
        dropped("publisher: PUBREC dropped, reconnect", "counter", "in", "PUBREC"),
        dropped("publisher: PUBCOMP dropped, reconnect", "counter", "in", "PUBCOMP"),
        dropped("subscriber: PUBLISH dropped, reconnect", "tally", "in", "PUBLISH"),
        dropped("subscriber: PUBREL dropped, reconnect", "tally", "in", "PUBREL"),
        Scene::alone("publisher: PUBLISH repeated with DUP", 2)
            .step("fault = { cable = \"counter\", direction = \"out\", repeat = { after = { packet = \"PUBLISH\" } } }")
            .publish(3)
            .counted("tally", 5)
            .trial(),
        Scene::alone("every byte in a segment of its own", 2)
            .step("fault = { cable = \"counter\", slice = { bytes = 1 } }")
            .step("fault = { cable = \"tally\", slice = { bytes = 1 } }")
            .publish(3)
            .counted("tally", 5)
            .trial(),
    ]
}

/// A broker that ends.
fn power() -> Vec<Trial> {
    vec![
        Scene::alone("broker killed right after PUBCOMP, subscriber away", 2)
            .step("stop = { program = \"tally\" }")
            .publish(3)
            .acknowledged(5)
            .step("kill = { broker = \"board1\" }")
            .step("start = { broker = \"board1\" }")
            .step("start = { program = \"tally\" }")
            .received("tally", 3)
            .trial(),
        Scene::alone("broker restarted politely, subscriber away", 2)
            .step("stop = { program = \"tally\" }")
            .publish(3)
            .acknowledged(5)
            .step("restart = { broker = \"board1\" }")
            .step("start = { program = \"tally\" }")
            .received("tally", 3)
            .trial(),
        Scene::alone("power cut in a burst of 200", 2)
            .publish(200)
            .step("power_off = \"board1\"")
            .step("power_on = \"board1\"")
            .publish(1)
            .acknowledged(1)
            .trial(),
    ]
}

/// What a broker keeps for a session that is away.
fn sessions() -> Vec<Trial> {
    vec![
        Scene::cards("resume and re-subscribe: the retained state comes")
            .step("set = { program = \"card2_monitor\", sensor = 4, ok = false }")
            .shows_ko("global_display", 4)
            .step("kill = { program = \"global_display\" }")
            .step("start = { program = \"global_display\" }")
            .shows_ko("global_display", 4)
            .trial(),
        Scene::alone("subscriber away: 10 fit in its queue, 40 do not", 2)
            .conf("board1.conf", "max_queued_messages 10\n")
            .step("stop = { program = \"tally\" }")
            .publish(50)
            .acknowledged(52)
            .step("start = { program = \"tally\" }")
            .received("tally", 10)
            .trial(),
        Scene::alone("equal states in a row", 2)
            .message("same", false)
            .message("same", false)
            .message("same", false)
            .publish(1)
            .counted("tally", 3)
            .trial(),
    ]
}

/// Bridges.
fn bridges() -> Vec<Trial> {
    vec![
        Scene::bridged("bridge cut while 50 wait, then mended")
            .step("cut = \"bridge\"")
            .publish(50)
            .acknowledged(52)
            .step("mend = \"bridge\"")
            .counted("tally", 52)
            .trial(),
        Scene::bridged("a burst of 100 over a bridge").publish(100).counted("tally", 102).trial(),
        Scene::bridged("far broker killed while 50 wait")
            .step("kill = { broker = \"board2\" }")
            .publish(50)
            .acknowledged(52)
            .step("start = { broker = \"board2\" }")
            .counted("tally", 52)
            .trial(),
        Scene::bridged("retained message deleted while the far side is away")
            .message("first", true)
            .publish(1)
            .counted("tally", 3)
            .step("cut = \"bridge\"")
            .message("", true)
            .step("mend = \"bridge\"")
            .publish(1)
            .counted("tally", 4)
            .trial(),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::conf::Folder;

    #[test]
    fn every_trial_is_a_scenario_with_a_name_of_its_own() {
        let trials = all();
        let names: BTreeSet<&str> = trials.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names.len(), trials.len());
        for trial in trials {
            let folder = Folder::of("trial", trial.files);
            let opened = folder.open("host");
            opened.unwrap_or_else(|error| panic!("{}: {error}", trial.name));
        }
    }
}
