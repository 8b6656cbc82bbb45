//! Brokers of bridges that keep nothing on disk.

use super::place;
use crate::lint::{Check, Finding, Severity, System};
use crate::mqtt::QoS;

pub(super) static CHECK: Check = Check {
    id: "memory-only",
    about: "a bridge whose broker keeps its session in memory alone",
    why: "A bridge's session is a session of its broker: what waits to cross and the handshakes that \
          are under way. With `persistence false`, mosquitto's default, it is gone when the broker \
          ends, although the rules say QoS 1 or 2.",
    find,
};

fn find(system: &System) -> Vec<Finding> {
    let forgets = system.links().filter(|link| {
        let promises = link.rules().any(|(rule, _)| rule.qos() > QoS::AtMostOnce);
        promises && !link.conf.settings.persistence
    });
    let finding = |link: crate::lint::system::Link<'_>| {
        let what = format!(
            "what waits for bridge {} is lost when this broker ends, for it keeps nothing on disk",
            link.settings.name
        );
        let line = link.conf.lines.of("persistence").unwrap_or(link.lines.connection);
        CHECK.at(Severity::Note, place(&link, line), what, "write `persistence true`")
    };
    forgets.map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::lint::fixtures::expect;

    #[test]
    fn brokers_that_forget() {
        let check = |text: &str, told: Option<usize>| {
            let what = told.map(|line| {
                format!(
                    "a.conf:{line} note: what waits for bridge a is lost when this broker ends, for \
                     it keeps nothing on disk"
                )
            });
            let what: Vec<_> = what.iter().map(String::as_str).collect();
            expect(&CHECK, text, &what);
        };
        check("connection a\naddress h\ntopic # in 2\n", Some(1));
        check("persistence true\nconnection a\naddress h\ntopic # in 2\n", None);
        check("connection a\naddress h\ntopic # in 0\n", None);
        check("connection a\naddress h\ntopic # in 1\npersistence false\n", Some(4));
    }
}
