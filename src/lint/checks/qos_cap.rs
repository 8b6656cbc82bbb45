//! Rules that let less through than others before them, or than programs publish with.

use std::collections::BTreeMap;

use super::place;
use crate::lint::flow::hops;
use crate::lint::graph::Graph;
use crate::lint::{Check, Finding, Severity, System};
use crate::mqtt::TopicSet;

pub(super) static CHECK: Check = Check {
    id: "qos-cap",
    about: "a rule whose QoS is lower than what gets to it",
    why: "A rule's QoS caps, and never promotes: on its way over several brokers a message has the \
          lowest QoS of all rules it crossed. A chain whose first rule says 2 and whose second says \
          0 promises exactly once and delivers at most once, and no broker tells anybody.",
    find,
};

fn find(system: &System) -> Vec<Finding> {
    let graph = Graph::new(system);
    // One finding for each rule: what programs publish says more than what rules let through.
    let mut told = BTreeMap::new();
    for hop in hops(system, &graph).iter().filter(|hop| hop.qos > hop.crossing.qos()) {
        let (client, topic, qos) = (hop.client, &hop.topic, hop.qos);
        let what = format!("`{client}` publishes `{topic}`, which gets here with {qos}");
        told.entry((hop.crossing.link.number, hop.crossing.at)).or_insert((
            hop.crossing,
            qos,
            what,
        ));
    }
    for crossing in &graph.crossings {
        let taken = TopicSet::of(crossing.filter());
        let arriving = graph.crossings.iter().filter(|before| {
            let here = || before.cross_all(&TopicSet::of(before.filter()));
            before.qos() > crossing.qos()
                && crossing.follows(before)
                && here().is_some_and(|here| here.meet(&taken).is_some())
        });
        if let Some(before) = arriving.max_by_key(|before| before.qos()) {
            let (file, line, qos) = (&before.link.conf.file, before.line(), before.qos());
            let what = format!("what comes over {file}:{line} gets here with {qos}");
            told.entry((crossing.link.number, crossing.at)).or_insert((*crossing, qos, what));
        }
    }
    let finding = |(crossing, qos, what): (crate::lint::graph::Crossing<'_>, _, String)| {
        let what = format!("{what}, and goes on with {} at most", crossing.qos());
        let cure = format!("give this rule {qos} as well, if the message must not be lost");
        CHECK.at(Severity::Warning, place(&crossing.link, crossing.line()), what, cure)
    };
    // A rule that gives no QoS is told of as such.
    let written = told.into_values().filter(|(it, ..)| it.link.lines.rules[it.at].says_qos);
    written.map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::lint::fixtures::{found, with_clients};

    #[test]
    fn caps() {
        let check = |clients: &[(&str, &str, &str)],
                     first: &str,
                     second: &str,
                     expected: &[&str]| {
            let one =
                format!("listener 1 localhost\nconnection x\naddress localhost:2\ntopic {first}\n");
            let two = format!(
                "listener 2 localhost\nconnection y\naddress localhost:3\ntopic {second}\n"
            );
            let files =
                [("a.conf", one.as_str()), ("b.conf", &two), ("c.conf", "listener 3 localhost\n")];
            assert_eq!(
                found(&CHECK, &with_clients(&files, clients)),
                expected,
                "{first}, {second}"
            );
        };
        let card = [("a.conf", "card", "sensors/all")];
        check(&card, "sensors/# out 2", "# out 2", &[]);
        check(&[], "# out 1", "# out 2", &[]);
        check(
            &[],
            "# out 2",
            "a/# out 1",
            &[
                "b.conf:4 warning: what comes over a.conf:4 gets here with QoS 2, and goes on with QoS 1 at most",
            ],
        );
        check(&[], "b/# out 2", "a/# out 1", &[]);
        check(
            &[],
            "b/# out 2 \"\" a/",
            "a/# out 1",
            &[
                "b.conf:4 warning: what comes over a.conf:4 gets here with QoS 2, and goes on with QoS 1 at most",
            ],
        );
        check(
            &card,
            "sensors/# out 1",
            "# out 1",
            &[
                "a.conf:4 warning: `card` publishes `sensors/all`, which gets here with QoS 2, and goes on with QoS 1 at most",
            ],
        );
        check(&card, "other out 1", "# out 1", &[]);
        check(&card, "sensors/# out", "# out 0", &[]);
    }
}
