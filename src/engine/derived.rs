//! The conf that a mosquitto of the lab runs with, derived from its board's line by line: the same
//! file, with a few lines changed and a comment above each.
//!
//! ```text
//! listener 1883 127.0.0.1   ->   # Twinboard: in place of `listener 1883 127.0.0.1`
//!                                listener 40001 127.0.0.1
//! ```
//!
//! Only text: it starts nothing and asks for no ports.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;

use crate::conf::mosquitto::Line;

/// What takes the place of what a conf says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ends<'a> {
    /// A private port for each listener, in the order of the file; one where the file has none.
    pub ports: &'a [u16],
    /// Where to dial for each address of each bridge, in the order of the file: the near ends of
    /// their cables.
    pub bridges: &'a [Vec<SocketAddr>],
    /// Where its state is kept.
    pub folder: &'a Path,
    /// Whether it is started by root, whom it would change for a user who may not write there.
    pub root: bool,
}

/// The conf of a mosquitto, from that of its board.
#[must_use]
pub fn derived(text: &str, ends: &Ends<'_>) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut out = Out { text: String::new(), ends, listeners: 0, bridge: None };
    let says = |option: &str| {
        text.lines().filter_map(|raw| Line::parse(0, raw)).any(|line| line.option == option)
    };
    let listens = ["listener", "port", "bind_address"].into_iter().any(says);
    out.head(listens, says("allow_anonymous"));
    let port_is_said = says("port");
    for (at, raw) in text.lines().enumerate() {
        match Line::parse(at + 1, raw) {
            Some(line) => out.line(&line, raw, port_is_said),
            None => out.keep(raw),
        }
    }
    out.text
}

struct Out<'a> {
    text: String,
    ends: &'a Ends<'a>,
    /// So many ports are given away.
    listeners: usize,
    /// The bridge whose section this is.
    bridge: Option<usize>,
}

impl Out<'_> {
    /// What belongs to no section stands above all of them.
    fn head(&mut self, listens: bool, anonymous_is_said: bool) {
        self.keep("# Twinboard: this conf is derived from the board's; what is changed is marked.");
        self.keep("# Twinboard: the state and the log are the lab's.");
        let folder = self.ends.folder.display();
        self.keep(&format!("persistence_location {folder}/"));
        self.keep("log_dest stderr");
        if self.ends.root {
            self.keep("# Twinboard: root starts it, and its folder is root's.");
            self.keep("user root");
        }
        if !listens {
            self.keep("# Twinboard: a file without a listener serves this machine alone.");
            let port = self.port();
            self.keep(&format!("listener {port} 127.0.0.1"));
            if !anonymous_is_said {
                self.keep("allow_anonymous true");
            }
        }
    }

    fn line(&mut self, line: &Line<'_>, raw: &str, port_is_said: bool) {
        match line.option {
            "listener" => {
                let port = self.port();
                self.change(line, &[&format!("listener {port} 127.0.0.1")]);
            }
            "port" => {
                let port = self.port();
                self.change(line, &[&format!("port {port}")]);
            }
            "bind_address" if port_is_said => self.change(line, &["bind_address 127.0.0.1"]),
            "bind_address" => {
                let port = self.port();
                self.change(line, &[&format!("port {port}"), "bind_address 127.0.0.1"]);
            }
            "connection" => {
                self.bridge = Some(self.bridge.map_or(0, |at| at + 1));
                self.keep(raw);
            }
            "address" | "addresses" => {
                let ends = self.bridge.and_then(|at| self.ends.bridges.get(at));
                let ends = ends.into_iter().flatten().map(ToString::to_string);
                let ends = ends.collect::<Vec<_>>().join(" ");
                self.change(line, &[&format!("{} {ends}", line.option)]);
            }
            "user" if !self.ends.root => self.keep(raw),
            // A broker that says something under $SYS/broker/log goes on doing so.
            "log_dest" if line.value == "topic" => self.keep(raw),
            "persistence_location"
            | "log_dest"
            | "user"
            | "pid_file"
            | "bind_interface"
            | "socket_domain" => self.change(line, &[]),
            _ => self.keep(raw),
        }
    }

    fn port(&mut self) -> u16 {
        self.listeners += 1;
        self.ends.ports.get(self.listeners - 1).copied().unwrap_or_default()
    }

    fn change(&mut self, line: &Line<'_>, to: &[&str]) {
        let how = if to.is_empty() { "without" } else { "in place of" };
        self.keep(&format!("# Twinboard: {how} `{}`", line.text));
        for line in to {
            self.keep(line);
        }
    }

    fn keep(&mut self, line: &str) {
        writeln!(self.text, "{line}").expect("a string takes all");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let bridges = [
            vec![([127, 0, 0, 1], 71).into(), ([127, 0, 0, 1], 72).into()],
            vec![([127, 0, 0, 1], 73).into()],
        ];
        let folder = Path::new("/state/one");
        let ends = Ends { ports: &[61, 62], bridges: &bridges, folder, root: false };
        let head = "\
# Twinboard: this conf is derived from the board's; what is changed is marked.
# Twinboard: the state and the log are the lab's.
persistence_location /state/one/
log_dest stderr
";
        let out = derived(text, &ends);
        assert_eq!(out.strip_prefix(head).expect("the head"), expected, "{text}");
    }

    #[test]
    fn listeners() {
        check(
            "# Mine\nlistener 1883 0.0.0.0\nmax_connections 5\n\n  listener 1884\r\nallow_anonymous true\n",
            "# Mine
# Twinboard: in place of `listener 1883 0.0.0.0`
listener 61 127.0.0.1
max_connections 5

# Twinboard: in place of `listener 1884`
listener 62 127.0.0.1
allow_anonymous true
",
        );
        let old = "# Twinboard: in place of `port 1883`\nport 61\n";
        check("port 1883\nallow_anonymous true\n", &format!("{old}allow_anonymous true\n"));
        let bound =
            format!("{old}# Twinboard: in place of `bind_address ::1`\nbind_address 127.0.0.1\n");
        check("port 1883\nbind_address ::1\n", &bound);
        check(
            "bind_address localhost\n",
            "# Twinboard: in place of `bind_address localhost`\nport 61\nbind_address 127.0.0.1\n",
        );
        let none = "# Twinboard: a file without a listener serves this machine alone.\n\
                    listener 61 127.0.0.1\n";
        check("persistence true\n", &format!("{none}allow_anonymous true\npersistence true\n"));
        check("allow_anonymous false", &format!("{none}allow_anonymous false\n"));
    }

    #[test]
    fn bridges() {
        check(
            "listener 1\nconnection a\naddress x:1 y # two\ntopic # in 2\nconnection b\naddresses z\nbridge_cafile f\n",
            "# Twinboard: in place of `listener 1`
listener 61 127.0.0.1
connection a
# Twinboard: in place of `address x:1 y # two`
address 127.0.0.1:71 127.0.0.1:72
topic # in 2
connection b
# Twinboard: in place of `addresses z`
addresses 127.0.0.1:73
bridge_cafile f
",
        );
    }

    #[test]
    fn what_is_the_labs() {
        check(
            "listener 1\npersistence_location /var/lib/\npersistence_file a.db\nautosave_on_changes true\n\
             log_dest file /var/log/m\nlog_dest topic\nlog_type all\npid_file /run/m\nuser m\npassword_file p\nnew 1\n",
            "# Twinboard: in place of `listener 1`
listener 61 127.0.0.1
# Twinboard: without `persistence_location /var/lib/`
persistence_file a.db
autosave_on_changes true
# Twinboard: without `log_dest file /var/log/m`
log_dest topic
log_type all
# Twinboard: without `pid_file /run/m`
user m
password_file p
new 1
",
        );
    }

    #[test]
    fn root_stays_root() {
        let ends = Ends { ports: &[61], bridges: &[], folder: Path::new("/s"), root: true };
        let out = derived("listener 1\nuser m\n", &ends);
        let expected = "\
# Twinboard: this conf is derived from the board's; what is changed is marked.
# Twinboard: the state and the log are the lab's.
persistence_location /s/
log_dest stderr
# Twinboard: root starts it, and its folder is root's.
user root
# Twinboard: in place of `listener 1`
listener 61 127.0.0.1
# Twinboard: without `user m`
";
        assert_eq!(out, expected);
    }
}
