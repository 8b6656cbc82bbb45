//! Bridges that drop the retain flag of what crosses.

use super::place;
use crate::lint::{Check, Finding, Severity, System};
use crate::mqtt::Direction;

pub(super) static CHECK: Check = Check {
    id: "retain-flag",
    about: "a bridge that loses the retain flag on the way",
    why: "A retained message is changed and deleted by messages with the retain flag. To an ordinary \
          client a broker sends them without it, but for those that it sends at the subscription: so \
          a bridge with `try_private false` brings a state in as retained when it connects, and the \
          empty message that deletes it as a plain one, which deletes nothing. With \
          `bridge_outgoing_retain false` nothing that goes out is retained on the far side, and \
          nothing that is retained there is deleted from here.",
    find,
};

fn find(system: &System) -> Vec<Finding> {
    let mut findings = Vec::new();
    for link in system.links() {
        let has = |way| link.rules_that(way).next().is_some();
        let name = &link.settings.name;
        if !link.settings.try_private && has(Direction::In) {
            let what = format!(
                "bridge {name} brings in retained messages at its connect, and their changes and \
                 deletions without the retain flag: what is retained here gets old and stays"
            );
            let at = place(&link, link.lines.near("try_private"));
            findings.push(CHECK.at(Severity::Warning, at, what, "take `try_private false` away"));
        }
        if !link.settings.outgoing_retain && has(Direction::Out) {
            let what = format!(
                "bridge {name} takes nothing out as retained: who subscribes at the far broker later \
                 gets no state, and a retained message there is not deleted from here"
            );
            let at = place(&link, link.lines.near("bridge_outgoing_retain"));
            let cure = "take `bridge_outgoing_retain false` away, unless that is meant";
            findings.push(CHECK.at(Severity::Note, at, what, cure));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::lint::fixtures::expect;

    #[test]
    fn flags() {
        let check = |rest: &str, expected: &[&str]| {
            expect(&CHECK, &format!("connection a\naddress h\n{rest}\n"), expected);
        };
        check("topic # both 2", &[]);
        check("topic # in 2\nbridge_outgoing_retain false", &[]);
        check("topic # out 2\ntry_private false", &[]);
        check(
            "topic # in 2\ntry_private false",
            &["a.conf:4 warning: bridge a brings in retained messages at its connect, and their \
               changes and deletions without the retain flag: what is retained here gets old and \
               stays"],
        );
        check(
            "bridge_outgoing_retain false\ntopic # out 2",
            &["a.conf:3 note: bridge a takes nothing out as retained: who subscribes at the far \
               broker later gets no state, and a retained message there is not deleted from here"],
        );
    }
}
