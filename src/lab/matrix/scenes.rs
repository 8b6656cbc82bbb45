//! How trials are written: a scene is set, things happen, and what must have come of it is waited
//! for.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::Trial;

/// How long a trial waits for what must come.
const WITHIN_S: u64 = 8;

/// A trial that grows.
pub(super) struct Scene {
    name: String,
    scenario: String,
    confs: BTreeMap<String, String>,
}

/// What every board is told. Mosquitto saves after each change: the best it can do.
const CONF: &str = "\
allow_anonymous true
persistence true
autosave_on_changes true
autosave_interval 1
";

impl Scene {
    /// One board with a counter and a tally; two numbers have passed.
    pub(super) fn alone(name: &str, qos: u8) -> Self {
        let mut scene = Self::new(name);
        scene.board("board1", 1883, "");
        scene.counter(qos);
        scene.tally(qos);
        scene.begin()
    }

    /// A counter at one board, a tally at another, and a QoS 2 bridge between them.
    pub(super) fn bridged(name: &str) -> Self {
        let mut scene = Self::new(name);
        let bridge = "connection bridge\naddress 127.0.0.1:1884\nrestart_timeout 1\n\
                      try_private false\nnotifications false\ntopic count out 2\n";
        scene.board("board1", 1883, bridge);
        scene.counter(2);
        scene.board("board2", 1884, "");
        scene.tally(2);
        scene.step("wait_until = { connected = \"bridge\" }\nwithin = 20").begin()
    }

    /// One board with the monitor of card 2 and the display.
    pub(super) fn cards(name: &str) -> Self {
        let mut scene = Self::new(name);
        scene.board("board1", 1883, "");
        for (program, kind) in [("card2_monitor", "card2"), ("global_display", "display")] {
            scene.add(&format!("[[board.program]]\nname = \"{program}\"\nkind = \"{kind}\"\n"));
        }
        let online = |it: &str| format!("wait_until = {{ online = \"{it}\" }}");
        scene.step(&online("card2_monitor")).step(&online("global_display"))
    }

    fn new(name: &str) -> Self {
        let scenario = format!("title = \"{name}\"\n");
        Self { name: name.to_owned(), scenario, confs: BTreeMap::new() }
    }

    fn add(&mut self, text: &str) {
        writeln!(self.scenario, "{text}").expect("a string takes all");
    }

    fn board(&mut self, name: &str, port: u16, more: &str) {
        self.add(&format!("[[board]]\nname = \"{name}\"\nconf = \"{name}.conf\"\n"));
        let conf = format!("listener {port} 127.0.0.1\n{CONF}{more}");
        self.confs.insert(format!("{name}.conf"), conf);
    }

    fn counter(&mut self, qos: u8) {
        let kind = "name = \"counter\"\nkind = \"counter\"\nrate = 0";
        self.add(&format!("[[board.program]]\n{kind}\nqos = {qos}\n"));
    }

    fn tally(&mut self, qos: u8) {
        self.add(&format!("[[board.program]]\nname = \"tally\"\nkind = \"tally\"\nqos = {qos}\n"));
    }

    /// Two numbers pass, so that sessions and handshakes are as they are in the middle of a life.
    fn begin(self) -> Self {
        self.counted("tally", 0).publish(2).counted("tally", 2)
    }

    /// Anything in the words of a script.
    pub(super) fn step(mut self, step: &str) -> Self {
        self.add(&format!("[[step]]\n{step}\n"));
        self
    }

    /// More lines of a conf.
    pub(super) fn conf(mut self, file: &str, more: &str) -> Self {
        self.confs.entry(file.to_owned()).or_default().push_str(more);
        self
    }

    pub(super) fn fault(self, cable: &str, direction: &str, kind: &str, packet: &str) -> Self {
        let fault = format!("{kind} = {{ packet = \"{packet}\" }}");
        self.step(&format!(
            "fault = {{ cable = \"{cable}\", direction = \"{direction}\", {fault} }}"
        ))
    }

    pub(super) fn publish(self, count: u64) -> Self {
        self.step(&format!("publish = {{ program = \"counter\", count = {count} }}"))
    }

    /// The counter's connection says something else.
    pub(super) fn message(self, payload: &str, retain: bool) -> Self {
        self.step(&format!(
            "message = {{ program = \"counter\", topic = \"count\", payload = \"{payload}\", \
             retain = {retain} }}"
        ))
    }

    /// So many numbers were acknowledged.
    pub(super) fn acknowledged(self, count: u64) -> Self {
        let condition = format!("published = {{ program = \"counter\", count = {count} }}");
        self.wait(&condition)
    }

    /// So many numbers came, each once and in order.
    pub(super) fn counted(self, program: &str, count: u64) -> Self {
        self.wait(&format!(
            "counted = {{ program = \"{program}\", received = {count}, missing = 0, doubled = 0, \
             out_of_order = 0 }}"
        ))
    }

    /// So many numbers came, each once, and in whatever order: what was dropped comes behind what was
    /// not.
    pub(super) fn once_each(self, program: &str, count: u64) -> Self {
        self.wait(&format!(
            "counted = {{ program = \"{program}\", received = {count}, missing = 0, doubled = 0 }}"
        ))
    }

    /// So many numbers came, some of them maybe more than once.
    pub(super) fn arrived(self, program: &str, count: u64) -> Self {
        self.wait(&format!(
            "counted = {{ program = \"{program}\", received = {count}, missing = 0 }}"
        ))
    }

    /// So many numbers came to a program that began in the middle.
    pub(super) fn received(self, program: &str, count: u64) -> Self {
        self.wait(&format!("counted = {{ program = \"{program}\", received = {count} }}"))
    }

    pub(super) fn shows_ko(self, program: &str, sensor: u8) -> Self {
        let shows = format!("program = \"{program}\", sensor = {sensor}, as = \"ko\"");
        self.wait(&format!("shows = {{ {shows} }}"))
    }

    /// What was dropped is not sent again before the connection ends.
    pub(super) fn settle_and_reset(self, cable: &str) -> Self {
        self.step("wait = 0.3").step(&format!("reset = \"{cable}\""))
    }

    fn wait(self, condition: &str) -> Self {
        self.step(&format!("wait_until = {{ {condition} }}\nwithin = {WITHIN_S}"))
    }

    pub(super) fn trial(self) -> Trial {
        let mut files = self.confs;
        files.insert("scenario.toml".to_owned(), self.scenario);
        Trial { name: self.name, files }
    }
}

/// The packets of a QoS 2 exchange, each with the side that sends it: whoever publishes, or not.
const EXCHANGE: [(&str, bool); 4] =
    [("PUBLISH", true), ("PUBREC", false), ("PUBREL", true), ("PUBCOMP", false)];

/// Every cut point of a QoS 2 exchange, at the publisher's cable and at the subscriber's.
pub(super) fn client_cuts() -> Vec<Trial> {
    let mut trials = Vec::new();
    for (side, cable, sends) in [("publisher", "counter", "out"), ("subscriber", "tally", "in")] {
        for (packet, by_sender) in EXCHANGE {
            let back = if sends == "out" { "in" } else { "out" };
            let direction = if by_sender { sends } else { back };
            for when in ["before", "after"] {
                let scene = Scene::alone(&format!("{side}: cut {when} {packet}"), 2);
                let scene = scene.fault(cable, direction, &format!("cut_{when}"), packet);
                trials.push(scene.publish(3).counted("tally", 5).trial());
            }
        }
    }
    trials
}

/// The same at a bridge's cable.
pub(super) fn bridge_cuts() -> Vec<Trial> {
    let trial = |(packet, by_sender): (&str, bool)| {
        let direction = if by_sender { "out" } else { "in" };
        let scene = Scene::bridged(&format!("bridge: cut after {packet}"));
        let scene = scene.fault("bridge", direction, "cut_after", packet);
        scene.publish(3).counted("tally", 5).trial()
    };
    EXCHANGE.map(trial).to_vec()
}
