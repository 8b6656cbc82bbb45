//! Rules over which the deletion of a retained message can get lost.

use super::{lines, place};
use crate::lint::{Check, Finding, Severity, System};
use crate::mqtt::{Direction, QoS};

pub(super) static CHECK: Check = Check {
    id: "retained-deletes",
    about: "rules of QoS 0 that swallow the deletion of retained messages",
    why: "A retained message is deleted by an empty one. While a bridge is away, messages of QoS 0 do \
          not wait for it unless `queue_qos0_messages` is true on the broker they wait at. At the next \
          connect all retained messages are sent again, so a changed state arrives after all; a \
          deleted one is not there to be sent, and the other side keeps it for ever.",
    find,
};

fn find(system: &System) -> Vec<Finding> {
    let mut findings = Vec::new();
    for link in system.links() {
        let waits = |way| match way {
            Direction::Out => Some(link.conf),
            _ => system.far(&link).map(|far| &far.conf),
        };
        let swallows = |way| {
            let kept = waits(way).is_none_or(|it| it.settings.limits.queue_qos0_messages);
            let rules = link.rules_that(way).filter(|(rule, _)| rule.qos() == QoS::AtMostOnce);
            rules.filter(move |_| !kept).map(|(_, line)| line.line).collect::<Vec<_>>()
        };
        let mut rules = swallows(Direction::Out);
        rules.extend(swallows(Direction::In));
        rules.sort_unstable();
        rules.dedup();
        let Some(first) = rules.first() else { continue };
        let what = format!(
            "a retained message that is deleted while bridge {} is away stays on the other side for \
             ever: {} cross with QoS 0, and nothing of that waits",
            link.settings.name,
            match &rules[..] {
                [_] => "this rule's messages".to_owned(),
                all => format!("those of {}", lines(all)),
            }
        );
        let cure = "give the rule QoS 1 or 2, or the broker `queue_qos0_messages true`";
        findings.push(CHECK.at(Severity::Warning, place(&link, *first), what, cure));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::lint::fixtures::{expect, found, system};

    #[test]
    fn deletes() {
        let told = |line: usize, which: &str| {
            format!(
                "a.conf:{line} warning: a retained message that is deleted while bridge a is away \
                 stays on the other side for ever: {which} cross with QoS 0, and nothing of that \
                 waits"
            )
        };
        let check = |rest: &str, expected: Option<String>| {
            let expected: Vec<_> = expected.iter().map(String::as_str).collect();
            expect(&CHECK, &format!("connection a\naddress h\n{rest}\n"), &expected);
        };
        check("topic a out 1", None);
        check("topic a out 0", Some(told(3, "this rule's messages")));
        check("topic a out 0\ntopic b both", Some(told(3, "those of lines 3 and 4")));
        check("topic a out 0\nqueue_qos0_messages true", None);
        // Whether the far broker keeps them is not known.
        check("topic a in 0", None);
        let near = "connection a\naddress localhost:1\ntopic a in 0\n";
        let far = |rest: &str| format!("listener 1 localhost\n{rest}");
        let both = |rest: &str| found(&CHECK, &system(&[("a.conf", near), ("b.conf", &far(rest))]));
        assert_eq!(both(""), [told(3, "this rule's messages")]);
        assert_eq!(both("queue_qos0_messages true\n"), [""; 0]);
    }
}
