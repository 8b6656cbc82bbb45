//! Bridges and programs that have one client id at one broker.

use std::collections::BTreeMap;

use super::place;
use crate::broker::is_loopback;
use crate::lint::{Check, Finding, Severity, System};

pub(super) static CHECK: Check = Check {
    id: "same-client-id",
    about: "two bridges, or a bridge and a program, with one client id at one broker",
    why: "A broker takes a second connection with the same client id for the same client, and ends \
          the first [MQTT-3.1.4-2]. Both dial again, and throw each other out for ever; what waits \
          for the one is sent to the other.\n\
          \n\
          A bridge without a `remote_clientid` has the machine's name and its own as client id: two \
          files on one machine whose bridges have one name have one client id too.",
    find,
};

/// A broker: one of the system's, or an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Node(usize),
    Address(String),
}

/// Who has an id at a broker.
struct Holder<'a> {
    who: String,
    /// Where a bridge says so; a program says nothing in a conf file.
    at: Option<(&'a str, usize)>,
    /// The file whose machine's name is part of the id.
    host_of: Option<&'a str>,
}

fn find(system: &System) -> Vec<Finding> {
    let mut findings = Vec::new();
    for ((_, id), holders) in holders(system) {
        let Some(first) = holders.first() else { continue };
        for holder in &holders[1..] {
            // Files that lie here side by side may be for machines of different names.
            let elsewhere = holder.host_of.is_some()
                && first.host_of.is_some()
                && holder.host_of != first.host_of;
            let Some(at) = holder.at.filter(|_| !elsewhere) else { continue };
            let place =
                first.at.map(|(file, line)| format!(" ({file}:{line})")).unwrap_or_default();
            let what = format!(
                "{} and {}{place} have one client id at the same broker, `{id}`: each throws the \
                 other out",
                holder.who, first.who
            );
            let cure = "give each bridge a `remote_clientid` of its own";
            findings.push(CHECK.at(Severity::Error, at, what, cure));
        }
    }
    findings
}

fn holders(system: &System) -> BTreeMap<(Place, String), Vec<Holder<'_>>> {
    let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (at, node) in system.nodes.iter().enumerate() {
        for client in &node.clients {
            let who = format!("program {}", client.id);
            let holder = Holder { who, at: None, host_of: None };
            all.entry((Place::Node(at), client.id.clone())).or_default().push(holder);
        }
    }
    for link in system.links() {
        let who = format!("bridge {}", link.settings.name);
        let local = Holder {
            who: format!("{who}, at home"),
            at: Some(place(&link, link.lines.near("local_clientid"))),
            host_of: None,
        };
        let id = link.settings.local_clientid.to_string();
        all.entry((Place::Node(link.near), id)).or_default().push(local);
        let address = link.settings.addresses.first();
        let there = match (link.far, address) {
            (Some(far), _) => Place::Node(far),
            (None, Some(address)) => Place::Address(address.to_string()),
            (None, None) => continue,
        };
        let here = address.is_some_and(|it| is_loopback(&it.host));
        let said = link.lines.of("remote_clientid").is_some();
        let host_of = (!said && !here).then_some(link.conf.file.as_str());
        let at = Some(place(&link, link.lines.near("remote_clientid")));
        let id = link.settings.remote_clientid.to_string();
        all.entry((there, id)).or_default().push(Holder { who, at, host_of });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::lint::fixtures::{found, with_clients};

    #[test]
    fn ids() {
        let check = |one: &str, two: &str, expected: &[&str]| {
            let one = format!("listener 1 localhost\nconnection x\ntopic a\n{one}\n");
            let two = format!("listener 2 localhost\nconnection x\ntopic a\n{two}\n");
            let files =
                [("a.conf", one.as_str()), ("b.conf", &two), ("c.conf", "listener 3 localhost\n")];
            let clients = [("c.conf", "card", "sensors/all")];
            assert_eq!(found(&CHECK, &with_clients(&files, &clients)), expected, "{one}\n{two}");
        };
        check("address localhost:3", "address localhost:3\nclientid b", &[]);
        check(
            "address localhost:3",
            "address localhost:3",
            &[
                "b.conf:2 error: bridge x and bridge x (a.conf:2) have one client id at the same broker, \
             `host.x`: each throws the other out",
            ],
        );
        check(
            "address h:3\nclientid b",
            "address h:3\nclientid b",
            &[
                "b.conf:5 error: bridge x and bridge x (a.conf:5) have one client id at the same broker, \
             `b`: each throws the other out",
            ],
        );
        // Another broker; and machines that may have other names.
        check("address h:3\nclientid b", "address h:4\nclientid b", &[]);
        check("address h:3", "address h:3", &[]);
        check(
            "address localhost:3\nclientid card",
            "address h",
            &[
                "a.conf:5 error: bridge x and program card have one client id at the same broker, `card`: \
             each throws the other out",
            ],
        );
        check(
            "address localhost:2\nclientid local.host.x",
            "address h",
            &[
                "b.conf:2 error: bridge x, at home and bridge x (a.conf:5) have one client id at the same \
             broker, `local.host.x`: each throws the other out",
            ],
        );
    }
}
