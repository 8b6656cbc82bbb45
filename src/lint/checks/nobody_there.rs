//! Bridges to this machine that lead to none of the brokers.

use super::place;
use crate::broker::is_loopback;
use crate::lint::{Check, Finding, Severity, System};

pub(super) static CHECK: Check = Check {
    id: "nobody-there",
    about: "a bridge to a port of this machine where no broker of these files listens",
    why: "The bridge dials, and waits, and dials again, unless something else listens there. Nor can \
          the other checks see where it leads: a loop over that broker is not found. If several of \
          the files listen on the port, they are for different machines, and nothing is known either.",
    find,
};

fn find(system: &System) -> Vec<Finding> {
    let mut findings = Vec::new();
    for link in system.links().filter(|link| link.far.is_none()) {
        let here = link.settings.addresses.iter().find(|address| is_loopback(&address.host));
        let Some(address) = here else { continue };
        let what = format!("none of these brokers alone listens at {address}");
        let cure = "check the port, or check that broker's file together with this one";
        let at = place(&link, link.lines.near("address"));
        findings.push(CHECK.at(Severity::Note, at, what, cure));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::lint::fixtures::expect;

    #[test]
    fn addresses() {
        let check = |address: &str, expected: &[&str]| {
            let text =
                format!("listener 1884 localhost\nconnection a\naddress {address}\ntopic b in 2\n");
            expect(&CHECK, &text, expected);
        };
        check("elsewhere:1885", &[]);
        check("localhost:1884", &[]);
        check(
            "localhost:1885",
            &["a.conf:3 note: none of these brokers alone listens at localhost:1885"],
        );
    }
}
