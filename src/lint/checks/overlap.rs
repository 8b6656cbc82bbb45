//! Rules of one bridge that have some topics in common.

use super::place;
use crate::lint::{Check, Finding, Severity, System};
use crate::mqtt::{Direction, TopicSet};

pub(super) static CHECK: Check = Check {
    id: "overlap",
    about: "two rules of a bridge that take the same messages",
    why: "A bridge subscribes once for each rule. A message that two of its rules take in the same \
          direction matches two subscriptions of one client and is sent twice, which QoS 2 does not \
          prevent: they are two deliveries, each of them exactly once. `allow_duplicate_messages` \
          makes a broker send both: it is true by default here and in mosquitto 2.1. Mosquitto 2.0 \
          sends one copy unless it is told otherwise, and any mosquitto names all copies as the first \
          of the rules does; here each has the name that its own rule gives.",
    find,
};

fn find(system: &System) -> Vec<Finding> {
    let mut findings = Vec::new();
    for link in system.links() {
        for way in [Direction::Out, Direction::In] {
            let sender = if way == Direction::Out {
                Some(link.conf)
            } else {
                system.far(&link).map(|it| &it.conf)
            };
            if sender.is_some_and(|it| !it.settings.limits.allow_duplicate_messages) {
                continue;
            }
            let set = |rule: &crate::mqtt::Rule| {
                TopicSet::of(if way == Direction::Out { rule.local() } else { rule.remote() })
            };
            let rules: Vec<_> = link.rules_that(way).map(|(rule, at)| (set(rule), at)).collect();
            for (at, (topics, line)) in rules.iter().enumerate() {
                let shared = rules[..at].iter().find_map(|(earlier, by)| {
                    let shared = earlier.meet(topics)?;
                    (!earlier.covers(topics)).then_some((shared, by))
                });
                let Some((shared, by)) = shared else { continue };
                let does = if way == Direction::Out { "goes out" } else { "comes in" };
                let example = shared.example("x", 0).map_or_else(String::new, |it| it.to_string());
                let what =
                    format!("`{example}` matches this rule and line {}, and {does} twice", by.line);
                let cure =
                    "write rules whose patterns have no topic in common, such as a prefix each";
                findings.push(CHECK.at(Severity::Warning, place(&link, line.line), what, cure));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::lint::fixtures::expect;

    #[test]
    fn overlaps() {
        let check = |rules: &str, expected: &[&str]| {
            expect(&CHECK, &format!("connection a\naddress h\n{rules}\n"), expected);
        };
        check("topic a/# in 2\ntopic b/# in 2", &[]);
        check("topic a/# in 2\ntopic a/# out 2", &[]);
        // What an earlier rule covers is told as shadowed.
        check("topic # in 2\ntopic a in 2", &[]);
        check(
            "topic a in 2\ntopic # in 2",
            &["a.conf:4 warning: `a` matches this rule and line 3, and comes in twice"],
        );
        check(
            "topic a/+ out 2\ntopic +/b both 2",
            &["a.conf:4 warning: `a/b` matches this rule and line 3, and goes out twice"],
        );
        check("topic a out 2\ntopic # out 2\nallow_duplicate_messages false", &[]);
    }
}
