//! Rules without a QoS.

use super::place;
use crate::lint::{Check, Finding, Severity, System};

pub(super) static CHECK: Check = Check {
    id: "default-qos",
    about: "a rule that gives no QoS, and so has QoS 0",
    why: "A rule's QoS caps what crosses, and where none is written it is 0: a message that was \
          published with QoS 2 crosses with QoS 0, and is lost if the cable is cut or the far broker \
          away. Nothing says so when it happens.",
    find,
};

fn find(system: &System) -> Vec<Finding> {
    let mut findings = Vec::new();
    for link in system.links() {
        for (rule, line) in link.rules().filter(|(_, line)| !line.says_qos) {
            let what = format!(
                "this rule gives no QoS, so everything crosses with QoS 0, whatever it was \
                 published with (`{rule}`)"
            );
            let better = rule.to_string().replacen(" 0", " 2", 1);
            let cure = format!("write the QoS that is meant: `{better}`, or 0 if it may be lost");
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
    fn rules_without_a_qos() {
        let check = |rule: &str, told: Option<&str>| {
            let what = told.map(|it| {
                format!(
                    "a.conf:3 warning: this rule gives no QoS, so everything crosses with QoS 0, \
                     whatever it was published with (`topic {it}`)"
                )
            });
            let what: Vec<_> = what.iter().map(String::as_str).collect();
            expect(&CHECK, &format!("connection a\naddress h\ntopic {rule}\n"), &what);
        };
        check("a in 0", None);
        check("a in 2 l/ r/", None);
        check("a", Some("a out 0"));
        check("# both", Some("# both 0"));
    }
}
