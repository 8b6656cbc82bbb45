//! Listeners that let strangers in.

use crate::broker::is_loopback;
use crate::conf::mosquitto::Listener;
use crate::lint::{Check, Severity};

pub(super) static CHECK: Check = Check {
    id: "open-listener",
    about: "a port that lets everybody on the network in without a password",
    why: "`allow_anonymous true` lets in whoever can reach the port, to read and publish everything, \
          and a listener without an address can be reached by every machine of the network. On \
          loopback (`127.0.0.1`, `::1`, `localhost`) only programs of this machine can connect.",
    find: |system| {
        let open = system.nodes.iter().filter(|node| node.conf.allow_anonymous);
        let finding = |(node, listener): (&crate::lint::Node, &Listener)| {
            let port = listener.port;
            let whom = match &listener.bind_address {
                None => "the whole network".to_owned(),
                Some(host) => format!("everybody who reaches {host}"),
            };
            let what = format!("port {port} lets in {whom} without a password");
            let cure = format!("bind it to this machine: `listener {port} 127.0.0.1`");
            CHECK.at(Severity::Warning, (&node.conf.file, listener.line), what, cure)
        };
        open.flat_map(|node| node.conf.listeners.iter().map(move |it| (node, it)))
            .filter(|(_, it)| !it.bind_address.as_deref().is_some_and(is_loopback))
            .map(finding)
            .collect()
    },
};

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::lint::fixtures::expect;

    #[test]
    fn listeners() {
        let check = |text: &str, expected: &[&str]| expect(&CHECK, text, expected);
        check("", &[]);
        check("listener 1884 127.0.0.1", &[]);
        check("listener 1884 ::1", &[]);
        check("listener 1884 localhost", &[]);
        check(
            "listener 1884",
            &["a.conf:1 warning: port 1884 lets in the whole network without a password"],
        );
        check(
            "\nlistener 1884 0.0.0.0",
            &[
                "a.conf:2 warning: port 1884 lets in everybody who reaches 0.0.0.0 without a password",
            ],
        );
        check("listener 1884\npassword_file x\nallow_anonymous false", &[]);
    }
}
