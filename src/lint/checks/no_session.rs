//! Bridges whose session ends with the connection.

use super::place;
use crate::lint::{Check, Finding, Severity, System};
use crate::mqtt::{Direction, QoS};

pub(super) static CHECK: Check = Check {
    id: "no-session",
    about: "a bridge that forgets what waits for it when it is cut",
    why: "With `cleansession true` the far broker forgets the bridge with each connection: what is \
          published there meanwhile is not kept for it. `local_cleansession`, which is the same \
          unless it is said, does so for what waits here to go out. Retained messages come again at \
          the next connect, so states mend themselves; the deletion of one does not, for nothing is \
          left to send: the other side keeps what was deleted.",
    find,
};

fn find(system: &System) -> Vec<Finding> {
    let mut findings = Vec::new();
    for link in system.links() {
        let settings = link.settings;
        let kept = |way| link.rules_that(way).any(|(rule, _)| rule.qos() > QoS::AtMostOnce);
        let comes = settings.cleansession && kept(Direction::In);
        let goes = settings.local_cleansession && kept(Direction::Out);
        let what = match (comes, goes) {
            (true, true) => "what is published on either side while it is away",
            (true, false) => "what the far side publishes while it is away",
            (false, true) => "what is published here while it is away",
            (false, false) => continue,
        };
        let option = if settings.cleansession { "cleansession" } else { "local_cleansession" };
        let line = link.lines.near(option);
        let what = format!("bridge {} has no persistent session: {what} is lost", settings.name);
        let cure = format!("write `{option} false`, or leave it out");
        findings.push(CHECK.at(Severity::Warning, place(&link, line), what, cure));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::lint::fixtures::expect;

    #[test]
    fn sessions() {
        let check = |rest: &str, told: Option<(usize, &str)>| {
            let what = told.map(|(line, it)| {
                format!("a.conf:{line} warning: bridge a has no persistent session: {it} is lost")
            });
            let what: Vec<_> = what.iter().map(String::as_str).collect();
            expect(&CHECK, &format!("connection a\naddress h\n{rest}\n"), &what);
        };
        check("topic # both 2", None);
        check("topic # both 2\ncleansession false", None);
        let (either, far, here) = (
            "what is published on either side while it is away",
            "what the far side publishes while it is away",
            "what is published here while it is away",
        );
        check("topic # both 2\ncleansession true", Some((4, either)));
        check("cleansession true\ntopic # in 1", Some((3, far)));
        check("topic # both 2\ncleansession true\nlocal_cleansession false", Some((4, far)));
        check("topic # both 2\nlocal_cleansession true", Some((4, here)));
        check("topic # in 2\nlocal_cleansession true", None);
        check("topic # both 0\ncleansession true", None);
    }
}
