//! What is looked at: conf files that belong together, what their programs publish, and where
//! their bridges lead.

use crate::broker::{Address, BridgeSettings};
use crate::conf::Mistake;
use crate::conf::mosquitto::lines::{BridgeLines, RuleLine};
use crate::conf::mosquitto::{Config, Listener};
use crate::mqtt::{Direction, QoS, Rule, Topic};

/// The port where nothing is said.
const DEFAULT_PORT: u16 = 1883;

/// Brokers that belong together, as their conf files tell.
#[derive(Debug, Clone, Default)]
pub struct System {
    /// The brokers.
    pub nodes: Vec<Node>,
    /// What is wrong in the files.
    pub mistakes: Vec<Mistake>,
    bridges: Vec<Bridge>,
}

/// A broker.
#[derive(Debug, Clone)]
pub struct Node {
    /// The board's name, or the file's.
    pub name: String,
    /// What its conf file says, as far as it can be read.
    pub conf: Config,
    /// The programs that are known to connect to it.
    pub clients: Vec<Client>,
}

/// A program.
#[derive(Debug, Clone)]
pub struct Client {
    /// Its client id.
    pub id: String,
    /// What it publishes to, and with which QoS.
    pub publishes: Vec<(Topic, QoS)>,
}

/// A bridge: its place, and where it leads.
#[derive(Debug, Clone, Copy)]
struct Bridge {
    node: usize,
    at: usize,
    far: Option<usize>,
}

/// A bridge of a system, with all that is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Link<'a> {
    /// Its place among the system's bridges.
    pub number: usize,
    /// The broker that has it.
    pub near: usize,
    /// That broker's name.
    pub name: &'a str,
    /// The broker's conf file.
    pub conf: &'a Config,
    /// What the bridge is told.
    pub settings: &'a BridgeSettings,
    /// Where that is said.
    pub lines: &'a BridgeLines,
    /// The broker at its far end, if that is one of the system's.
    pub far: Option<usize>,
}

impl System {
    /// Puts brokers together, and finds out where their bridges lead.
    #[must_use]
    pub fn new(nodes: Vec<Node>, mistakes: Vec<Mistake>) -> Self {
        let mut bridges = Vec::new();
        for (node, owner) in nodes.iter().enumerate() {
            for (at, bridge) in owner.conf.settings.bridges.iter().enumerate() {
                let far = bridge.addresses.iter().find_map(|address| find(&nodes, address));
                bridges.push(Bridge { node, at, far });
            }
        }
        Self { nodes, mistakes, bridges }
    }

    /// All bridges, in the order of the brokers and of their files.
    pub fn links(&self) -> impl Iterator<Item = Link<'_>> {
        self.bridges.iter().enumerate().map(|(number, bridge)| {
            let node = &self.nodes[bridge.node];
            Link {
                number,
                near: bridge.node,
                name: &node.name,
                conf: &node.conf,
                settings: &node.conf.settings.bridges[bridge.at],
                lines: &node.conf.lines.bridges[bridge.at],
                far: bridge.far,
            }
        })
    }

    /// The far broker of a link, if it is one of the system's.
    #[must_use]
    pub fn far(&self, link: &Link<'_>) -> Option<&Node> {
        link.far.map(|far| &self.nodes[far])
    }

    /// Whether it is known what runs on the boards: without a single program, everything comes from
    /// outside.
    #[must_use]
    pub fn has_programs(&self) -> bool {
        self.nodes.iter().any(|node| !node.clients.is_empty())
    }
}

impl<'a> Link<'a> {
    /// Its rules and their lines, in the order of the file.
    pub fn rules(&self) -> impl Iterator<Item = (&'a Rule, RuleLine)> + use<'a> {
        self.settings.rules.iter().zip(self.lines.rules.iter().copied())
    }

    /// The rules that take messages this way: out or in.
    pub fn rules_that(
        &self,
        way: Direction,
    ) -> impl Iterator<Item = (&'a Rule, RuleLine)> + use<'a> {
        self.rules().filter(move |(rule, _)| match way {
            Direction::Out => rule.direction().goes_out(),
            Direction::In => rule.direction().comes_in(),
            Direction::Both => rule.direction() == Direction::Both,
        })
    }

    /// Whether the far broker is asked to send nothing back that came from this bridge.
    #[must_use]
    pub fn no_local(&self) -> bool {
        self.settings.try_private
    }
}

/// The broker that listens at an address: by its port on this machine, or by the address that it
/// binds. Where several do, they are on different machines, and nothing is known.
fn find(nodes: &[Node], address: &Address) -> Option<usize> {
    let here = address.is_loopback();
    let listens = |listener: &Listener| {
        let bound = listener.bind_address.as_deref() == Some(address.host.as_str());
        listener.port == address.port && (here || bound)
    };
    let mut found = nodes.iter().enumerate().filter(|(_, node)| {
        let listeners = &node.conf.listeners;
        let default = listeners.is_empty() && here && address.port == DEFAULT_PORT;
        default || listeners.iter().any(listens)
    });
    let first = found.next()?.0;
    found.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use crate::lint::fixtures::system;

    #[test]
    fn bridges_lead_to_listeners() {
        let check = |address: &str, one: &str, two: &str, expected: Option<usize>| {
            let bridge = format!("connection x\naddress {address}\ntopic a\n");
            let system = system(&[("a.conf", &bridge), ("b.conf", one), ("c.conf", two)]);
            assert_eq!(system.links().next().and_then(|it| it.far), expected, "{address}");
        };
        let (one, two) = ("listener 1884\n", "listener 1885 10.0.0.2\n");
        check("localhost:1884", one, two, Some(1));
        check("127.0.0.1:1885", one, two, Some(2));
        check("10.0.0.2:1885", one, two, Some(2));
        check("10.0.0.2:1884", one, two, None);
        check("other:1884", one, two, None);
        check("localhost", one, two, Some(0));
        check("localhost:1884", one, one, None);
        check("nowhere localhost:1884", one, two, Some(1));
    }
}
