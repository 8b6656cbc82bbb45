//! Rules that bring back what the same bridge took out.

use super::{lines, place};
use crate::lint::{Check, Finding, Severity, System};
use crate::mqtt::{Direction, TopicSet};

pub(super) static CHECK: Check = Check {
    id: "echo",
    about: "`both`, or an `out` and an `in` rule, without no-local",
    why: "With `try_private true` a bridge tells the far broker that it is one, by the bridge bit of \
          MQTT 3.1.1 or by MQTT 5's no-local, and gets nothing back that it brought. With \
          `try_private false` it is an ordinary client: it subscribes to what it publishes, and \
          everything that goes out comes in again. It does not go out a second time, but every \
          subscriber here hears it twice, and the second copy may carry an old state over a newer \
          one.",
    find,
};

fn find(system: &System) -> Vec<Finding> {
    let mut findings = Vec::new();
    for link in system.links().filter(|link| !link.no_local()) {
        for (rule, line) in link.rules_that(Direction::Out) {
            let there =
                TopicSet::of(rule.local()).renamed(rule.local_prefix(), rule.remote_prefix());
            let Some(there) = there else { continue };
            let back = |set: &TopicSet| Some(there.meet(set)?.example("x", 0)?.to_string());
            let mut inward = link.rules_that(Direction::In);
            let echo = inward.find_map(|(it, at)| Some((at, back(&TopicSet::of(it.remote()))?)));
            let Some((by, example)) = echo else { continue };
            let how = if by == line {
                "`both` without no-local".to_owned()
            } else {
                format!("no no-local, and {} brings it in", lines(&[by.line]))
            };
            let what = format!(
                "what this rule takes out comes back as an echo: {how}, since `try_private` is \
                 false; `{example}` at the far broker, for one"
            );
            let cure = "take `try_private false` away, or let each topic go one way only";
            findings.push(CHECK.at(Severity::Warning, place(&link, line.line), what, cure));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::lint::fixtures::expect;

    #[test]
    fn echoes() {
        let check = |rules: &str, expected: &[&str]| {
            expect(&CHECK, &format!("connection a\naddress h\n{rules}\n"), expected);
        };
        check("topic # both 2", &[]);
        check("topic # both 2\ntry_private true", &[]);
        check(
            "topic a/+ both 2\ntry_private false",
            &["a.conf:3 warning: what this rule takes out comes back as an echo: `both` without \
               no-local, since `try_private` is false; `a/x` at the far broker, for one"],
        );
        check(
            "topic # out 2 \"\" far/\ntopic far/y in 2\ntry_private false",
            &[
                "a.conf:3 warning: what this rule takes out comes back as an echo: no no-local, and \
               line 4 brings it in, since `try_private` is false; `far/y` at the far broker, for \
               one",
            ],
        );
        check("topic a out 2\ntopic b in 2\ntry_private false", &[]);
    }
}
