//! Rules for which nothing that is known publishes anything.

use std::collections::BTreeSet;

use super::place;
use crate::lint::flow::{hops, published};
use crate::lint::graph::Graph;
use crate::lint::{Check, Finding, Severity, System};

pub(super) static CHECK: Check = Check {
    id: "idle-rule",
    about: "a rule that takes nothing of what the scenario's programs publish",
    why: "The programs of a scenario are known, and so is every topic they publish to and where the \
          bridges take it. A rule that takes none of it waits for clients from outside; or it is \
          meant for a topic whose name is spelled otherwise.",
    find,
};

fn find(system: &System) -> Vec<Finding> {
    let graph = Graph::new(system);
    if !system.has_programs() {
        return Vec::new();
    }
    let used: BTreeSet<_> =
        hops(system, &graph).iter().map(|it| (it.crossing.link.number, it.crossing.at)).collect();
    let mut told = BTreeSet::new();
    let mut findings = Vec::new();
    for crossing in &graph.crossings {
        let rule = (crossing.link.number, crossing.at);
        let own = crossing.filter().levels().next().is_some_and(|level| level.starts_with('$'));
        if own || used.contains(&rule) || !told.insert(rule) {
            continue;
        }
        let wanted = crossing.filter().as_str();
        let near = published(system).find(|(.., topic, _)| is_near(wanted, topic.as_str()));
        let what = format!("no program of the scenario publishes anything that `{wanted}` matches");
        let (severity, what, cure) = if let Some((.., topic, _)) = near {
            let what = format!("{what}, and one publishes to `{topic}`");
            (Severity::Warning, what, format!("did you mean `{topic}`?"))
        } else {
            let cure = "take it away, unless clients from outside publish there";
            (Severity::Note, what, cure.to_owned())
        };
        findings.push(CHECK.at(severity, place(&crossing.link, crossing.line()), what, cure));
    }
    findings
}

/// Whether two names differ by a letter or two.
fn is_near(one: &str, other: &str) -> bool {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (at, letter) in one.chars().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], at + 1);
        for (column, its) in other.chars().enumerate() {
            let changed = corner + usize::from(letter != its);
            corner = row[column + 1];
            row[column + 1] = changed.min(corner + 1).min(row[column] + 1);
        }
    }
    one.len() > 3 && row.last().is_some_and(|distance| *distance <= 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::fixtures::{found, system, with_clients};

    #[test]
    fn idle_rules() {
        let one = "listener 1 localhost\n";
        let files = |rule: &str| {
            format!("listener 2 localhost\nconnection x\naddress localhost:1\ntopic {rule}\n")
        };
        let check = |rule: &str, expected: &[&str]| {
            let two = files(rule);
            let clients = [("a.conf", "card", "sensors/card1")];
            let system = with_clients(&[("a.conf", one), ("b.conf", &two)], &clients);
            assert_eq!(found(&CHECK, &system), expected, "{rule}");
        };
        check("sensors/card1 in 2", &[]);
        check("sensors/# both 2", &[]);
        check("$SYS/# in 0", &[]);
        check(
            "sensor/card1 in 2",
            &[
                "b.conf:4 warning: no program of the scenario publishes anything that `sensor/card1` \
               matches, and one publishes to `sensors/card1`",
            ],
        );
        check(
            "alarms/# out 2",
            &[
                "b.conf:4 note: no program of the scenario publishes anything that `alarms/#` matches",
            ],
        );
        let two = files("alarms in 2");
        assert_eq!(found(&CHECK, &system(&[("a.conf", one), ("b.conf", &two)])), [""; 0]);
    }

    #[test]
    fn names_that_are_near() {
        let check =
            |one, other, expected| assert_eq!(is_near(one, other), expected, "{one} {other}");
        check("sensors/all", "sensors/all", true);
        check("sensor/all", "sensors/al", true);
        check("sensors/all", "sensors/card1", false);
        check("a", "b", false);
    }
}
