//! Rules that take topics to where no broker lets them in.

use super::place;
use crate::lint::{Check, Finding, Severity, System};
use crate::mqtt::{Direction, Filter, TopicSet};

/// What bridges may say of themselves.
const STATE: &str = "$SYS/broker/connection/+/state";

pub(super) static CHECK: Check = Check {
    id: "dead-rule",
    about: "an `out` rule into the far broker's own topics",
    why: "Topics under `$SYS` are the broker's own: what a client publishes there is refused, a \
          bridge included, but for `$SYS/broker/connection/…/state`. So nothing that the rule takes \
          out ever arrives under the name it gives.",
    find,
};

fn find(system: &System) -> Vec<Finding> {
    let state = Filter::parse(STATE).expect("this is a filter");
    let mut findings = Vec::new();
    for link in system.links() {
        for (rule, line) in link.rules_that(Direction::Out) {
            let there = TopicSet::of(rule.remote());
            let own = rule.remote().levels().next() == Some("$SYS");
            if own && there.meet(&TopicSet::of(&state)).is_none() {
                let what = format!(
                    "no far broker takes what this rule sends it: `{}` is its own",
                    rule.remote()
                );
                let cure = "give it a remote prefix of its own: `topic # out 0 $SYS/ boards/here/`";
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
    fn dead_rules() {
        let check = |rule: &str, told: Option<&str>| {
            let what = told.map(|it| format!("a.conf:3 warning: no far broker takes what this rule sends it: `{it}` is its own"));
            let what: Vec<_> = what.iter().map(String::as_str).collect();
            expect(&CHECK, &format!("connection a\naddress h\ntopic {rule}\n"), &what);
        };
        check("$SYS/broker/# out 0", None);
        check("$SYS/broker/uptime out 0", Some("$SYS/broker/uptime"));
        check("$SYS/broker/load/# both 0", Some("$SYS/broker/load/#"));
        check("$SYS/broker/uptime in 0", None);
        check("broker/uptime out 0 $SYS/ here/", None);
        check("# out 0", None);
    }
}
