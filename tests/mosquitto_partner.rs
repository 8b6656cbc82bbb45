//! A real mosquitto at the other end of the bridge, with the bridge in our conf or in mosquitto's, and
//! with either version of MQTT on it. Where there is no mosquitto on the machine there is nothing to test.

#[path = "common/client.rs"]
mod client;
#[path = "common/ledger.rs"]
mod ledger;
#[path = "common/process.rs"]
mod process;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use client::{Client, Happened};
use ledger::{
    Publisher, Random, Shared, change, end_both_ways, setting, some_moment, subscriber, wait_until,
};
use process::{Process, free_port};
use tokio::runtime::Runtime;
use twinboard::cable::Deed;
use twinboard::mqtt::packet::{Level, Publish};
use twinboard::mqtt::{Message, Properties, Property, QoS, Topic};
use twinboard::net::{LiveCable, SharedCable};

/// How long what must happen may take; only waited out when a test fails.
const PATIENCE: Duration = Duration::from_secs(20);
const OURS: &str = env!("CARGO_BIN_EXE_twinboard");
const STATE: &str = "$SYS/broker/connection/lab/state";

/// `bridge_protocol_version`.
const OLD: &str = "mqttv311";
const NEW: &str = "mqttv50";

/// Two brokers, the cable between them, and which of them is ours.
struct Pair {
    /// The one whose conf has the bridge.
    local: Process,
    remote: Process,
    cable: SharedCable,
    _end: LiveCable,
    ours_bridges: bool,
    _runtime: Runtime,
    _folder: tempfile::TempDir,
}

impl Pair {
    /// None where there is no mosquitto.
    fn start(ours_bridges: bool, version: &str) -> Option<Self> {
        if !is_installed() {
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let of = |ours: bool| {
            // Started by root, mosquitto would become a user who may not write here.
            let user = if ours { "" } else { "user root\n" };
            let conf = format!("persistence true\nmax_queued_messages 100000\n{user}");
            (if ours { OURS } else { "mosquitto" }, conf)
        };
        let (program, conf) = of(!ours_bridges);
        let mut remote = Process::new(program, folder.path(), "remote", free_port(), &conf);
        let inside = runtime.enter();
        let (faults, cable) = LiveCable::unseen(remote.address()).expect("a port");
        drop(inside);
        let (program, conf) = of(ours_bridges);
        let conf = format!(
            "{conf}connection lab\naddress {}\nremote_clientid lab\nrestart_timeout 1\n\
             bridge_protocol_version {version}\ntopic out/# out 2\ntopic in/# in 2\ntopic both/# both 2\ntopic cap/# out 1\n\
             topic x/# out 2 here/ there/\ntopic y/# in 2 here/ there/\n",
            cable.address()
        );
        let mut local = Process::new(program, folder.path(), "local", free_port(), &conf);
        remote.start();
        local.start();
        let pair = Self {
            local,
            remote,
            cable: faults,
            _end: cable,
            ours_bridges,
            _runtime: runtime,
            _folder: folder,
        };
        pair.until_state("1", "1");
        Some(pair)
    }

    fn ours(&mut self) -> &mut Process {
        if self.ours_bridges { &mut self.local } else { &mut self.remote }
    }

    fn address(&self, local: bool) -> SocketAddr {
        if local { self.local.address() } else { self.remote.address() }
    }

    /// Waits until the notification topic says so on the local side and on the remote one.
    fn until_state(&self, local: &str, remote: &str) {
        until_says(&self.local, local);
        until_says(&self.remote, remote);
    }
}

fn is_installed() -> bool {
    let found = Command::new("mosquitto").arg("-h").stdout(Stdio::null()).status().is_ok();
    if !found {
        eprintln!("skipped: mosquitto is not installed");
    }
    found
}

/// Waits until the retained message of the notification topic is this.
fn until_says(broker: &Process, expected: &str) {
    let port = broker.address().port().to_string();
    let until = Instant::now() + PATIENCE;
    loop {
        let seen = Command::new("mosquitto_sub")
            .args(["-h", "127.0.0.1", "-p", &port, "-t", STATE, "-C", "1", "-W", "1"])
            .output()
            .expect("mosquitto_sub starts");
        if String::from_utf8_lossy(&seen.stdout).trim() == expected {
            return;
        }
        assert!(Instant::now() < until, "port {port}: {seen:?}, not {expected}");
    }
}

/// What our broker says of itself, heard by mosquitto's client.
#[test]
fn mosquittos_client_hears_our_statistics() {
    if !is_installed() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut ours = Process::new(OURS, folder.path(), "ours", free_port(), "sys_interval 1\n");
    ours.start();
    let port = ours.address().port().to_string();
    let hear = |filter: &str, count: &str, options: &[&str]| {
        let seen = Command::new("mosquitto_sub")
            .args(["-h", "127.0.0.1", "-p", &port, "-W", "20", "-v", "-t", filter, "-C", count])
            .args(options)
            .output()
            .expect("mosquitto_sub starts");
        assert!(seen.status.success(), "{seen:?}");
        String::from_utf8(seen.stdout).expect("text")
    };
    let version = format!("$SYS/broker/version twinboard version {}", env!("CARGO_PKG_VERSION"));
    for options in [&["-q", "0"][..], &["-q", "2"], &["-q", "2", "-V", "5"]] {
        let all = hear("$SYS/#", "52", options);
        assert!(all.lines().any(|line| line == version), "{all}");
        assert!(all.lines().any(|line| line.starts_with("$SYS/broker/load/bytes/sent/15min ")));
    }
    // The retained value first, then a newer one.
    let twice = hear("$SYS/broker/uptime", "2", &[]);
    assert!(twice.lines().all(|line| line.ends_with(" seconds")), "{twice}");
}

fn client(name: &str, address: SocketAddr) -> Client {
    let mut client = Client::new(name, true);
    client.connect(address).expect("it runs");
    client
}

fn next(client: &mut Client) -> Publish {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if let Happened::Arrived(publish) = client.turn(PATIENCE).expect("it runs") {
            return publish;
        }
    }
    panic!("nothing arrived");
}

/// The payload of the retained message; empty where there is none.
fn retained(topic: &str, address: SocketAddr) -> String {
    let mut looks = client("looks", address);
    looks.subscribe(topic, QoS::ExactlyOnce).expect("it runs");
    looks.subscribe("fence", QoS::ExactlyOnce).expect("it runs");
    looks.publish("fence", "", QoS::ExactlyOnce, false).expect("it runs");
    let first = next(&mut looks);
    assert!(first.retain || first.topic.as_str() == "fence", "{first:?}");
    String::from_utf8(first.payload.to_vec()).expect("text")
}

/// What one end says crosses under which name, retained and in its QoS, and comes back from nowhere.
fn carries(ours_bridges: bool, version: &str) {
    let Some(pair) = Pair::start(ours_bridges, version) else { return };
    let (here, there) = (true, false);
    let cases = [
        (here, "out/a", "out/a", QoS::ExactlyOnce),
        (there, "in/a", "in/a", QoS::ExactlyOnce),
        (here, "both/a", "both/a", QoS::ExactlyOnce),
        (there, "both/b", "both/b", QoS::ExactlyOnce),
        (here, "cap/a", "cap/a", QoS::AtLeastOnce),
        (here, "here/x/a", "there/x/a", QoS::ExactlyOnce),
        (there, "there/y/a", "here/y/a", QoS::ExactlyOnce),
    ];
    let mut ends = [here, there].map(|local| {
        let mut end = client("listens", pair.address(local));
        for filter in ["out/#", "in/#", "both/#", "cap/#", "here/#", "there/#"] {
            end.subscribe(filter, QoS::ExactlyOnce).expect("it runs");
        }
        end
    });
    let [local, remote] = &mut ends;
    for (from_local, topic, arrives_as, qos) in cases {
        let (from, to) =
            if from_local { (&mut *local, &mut *remote) } else { (&mut *remote, &mut *local) };
        let not_carried = if from_local { "in/not" } else { "out/not" };
        for topic in [not_carried, topic] {
            from.publish(topic, topic, QoS::ExactlyOnce, true).expect("it runs");
            let own = next(from);
            assert_eq!((own.topic.as_str(), own.qos), (topic, QoS::ExactlyOnce), "no echo");
        }
        let came = next(to);
        assert_eq!((came.topic.as_str(), came.qos), (arrives_as, qos));
        assert_eq!((&came.payload[..], came.retain), (topic.as_bytes(), false));
        assert_eq!(retained(arrives_as, pair.address(!from_local)), topic);
        from.publish(topic, "", QoS::ExactlyOnce, true).expect("it runs");
        assert_eq!(next(from).topic.as_str(), topic);
        let gone = next(to);
        assert_eq!((gone.topic.as_str(), &gone.payload[..]), (arrives_as, &b""[..]));
        assert_eq!(retained(arrives_as, pair.address(!from_local)), "", "{arrives_as} is deleted");
    }
}

/// The notification topic on both sides, and what was retained while the cable was cut.
fn tells_its_state(ours_bridges: bool, version: &str) {
    let Some(mut pair) = Pair::start(ours_bridges, version) else { return };
    pair.cable.apply(Deed::cut());
    pair.until_state("0", "0");
    for (local, topic) in [(true, "out/kept"), (false, "in/kept")] {
        let mut teller = client("tells", pair.address(local));
        for number in ["1", "2"] {
            teller.publish(topic, number, QoS::ExactlyOnce, true).expect("it runs");
        }
        while teller.unfinished() > 0 {
            teller.turn(PATIENCE).expect("it runs");
        }
    }
    pair.cable.apply(Deed::Mend);
    pair.until_state("1", "1");
    for (local, topic) in [(true, "in/kept"), (false, "out/kept")] {
        let until = Instant::now() + PATIENCE;
        while retained(topic, pair.address(local)) != "2" {
            assert!(Instant::now() < until, "{topic} did not cross");
        }
    }
    for politely in [false, true] {
        if politely && !ours_bridges && version == NEW {
            continue; // To mosquitto 2.0 a DISCONNECT is no end: it goes on saying 1 of itself.
        }
        pair.ours().end(politely);
        let mosquitto = if ours_bridges { &pair.remote } else { &pair.local };
        until_says(mosquitto, "0");
        pair.ours().start();
        pair.until_state("1", "1");
    }
}

/// One break in what is between the two brokers, or of ours.
fn make_trouble(pair: &mut Pair, random: &mut Random) {
    match random.below(4) {
        0 => pair.cable.apply(Deed::cut()),
        1 => {
            pair.cable.apply(Deed::cut_silently());
            std::thread::sleep(Duration::from_millis(random.below(20)));
            pair.cable.apply(Deed::cut());
        }
        2 => {
            pair.ours().end(false);
            pair.ours().start();
        }
        _ => {
            pair.ours().end(true);
            pair.ours().start();
        }
    }
    pair.cable.apply(Deed::Mend);
}

/// Each message once and in order, both ways, while the cable is cut and our broker killed.
fn exactly_once(ours_bridges: bool, version: &str) {
    let Some(mut pair) = Pair::start(ours_bridges, version) else { return };
    let (rounds, mut random) = setting(8);
    let shared = Shared::default();
    let (here, there) = (pair.address(true), pair.address(false));
    let out = subscriber("out/x", QoS::ExactlyOnce, there, random.level(), &shared);
    let into = subscriber("in/x", QoS::ExactlyOnce, here, random.level(), &shared);
    change(&shared, |it| it.open = true);
    // With each connection, mosquitto's bridge says again what is retained.
    let retain = ours_bridges;
    let mut publisher = |place, topic, address| {
        let (qos, level) = (QoS::ExactlyOnce, random.level());
        Publisher { place, topic, qos, retain, address, level }.spawn(&shared)
    };
    let publishers = [publisher(0, "out/x", here), publisher(1, "in/x", there)];
    for _ in 0..rounds {
        some_moment(&shared, &mut random);
        make_trouble(&mut pair, &mut random);
    }
    end_both_ways(&shared, publishers, [out, into]);
}

/// In MQTT 5 the bridge of mosquitto 2.0 asks for a session that ends with its connection, so ours
/// forgets it each time: what it takes out arrives, maybe twice.
fn at_least_once() {
    let Some(mut pair) = Pair::start(false, NEW) else { return };
    let (rounds, mut random) = setting(8);
    let shared = Shared::default();
    let (qos, topic) = (QoS::ExactlyOnce, "out/x");
    let out = subscriber(topic, qos, pair.address(false), random.level(), &shared);
    change(&shared, |it| it.open = true);
    let (address, level) = (pair.address(true), random.level());
    let publisher = Publisher { place: 0, topic, qos, retain: false, address, level };
    let publisher = publisher.spawn(&shared);
    for _ in 0..rounds {
        some_moment(&shared, &mut random);
        make_trouble(&mut pair, &mut random);
    }
    change(&shared, |it| it.last_round = true);
    let count = publisher.join().expect("no panic");
    wait_until(&shared, "the last one arrives", |it| it.newest >= count);
    change(&shared, |it| it.over = true);
    let arrived: BTreeSet<_> = out.join().expect("no panic").into_iter().collect();
    let lost: Vec<_> = (1..=count).filter(|it| !arrived.contains(it)).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
}

/// One of mosquitto's clients, speaking MQTT 5 to that broker.
fn tool(name: &str, address: SocketAddr, words: &[&str]) -> Command {
    let mut command = Command::new(name);
    let port = address.port().to_string();
    command.args(["-V", "5", "-h", "127.0.0.1", "-p", &port, "-q", "2"]).args(words);
    command
}

/// The retained message of a topic with all that mosquitto shows of it.
fn shown(topic: &str, address: SocketAddr) -> String {
    let words = ["-t", topic, "-C", "1", "-W", "20", "-F", "%p|%q|%r|%P|%C|%R|%D|%F"];
    let seen = tool("mosquitto_sub", address, &words).output().expect("mosquitto_sub starts");
    String::from_utf8(seen.stdout).expect("text").trim().to_owned()
}

/// What a message has beside its payload crosses, in either direction.
fn properties_cross(ours_bridges: bool) {
    let Some(pair) = Pair::start(ours_bridges, NEW) else { return };
    for (from_local, topic, arrives_as) in [
        (true, "out/a", "out/a"),
        (false, "in/a", "in/a"),
        (true, "here/x/a", "there/x/a"),
        (false, "there/y/a", "here/y/a"),
    ] {
        let properties = [
            "-D PUBLISH user-property k 1",
            "-D PUBLISH user-property a b",
            "-D PUBLISH user-property k 2",
            "-D PUBLISH content-type text",
            "-D PUBLISH response-topic answers",
            "-D PUBLISH correlation-data seven",
            "-D PUBLISH payload-format-indicator 1",
            "-D PUBLISH message-expiry-interval 1000",
        ];
        let mut words = vec!["-r", "-m", "hello", "-t", topic];
        words.extend(properties.iter().flat_map(|it| it.split(' ')));
        let said = tool("mosquitto_pub", pair.address(from_local), &words).status();
        assert!(said.expect("mosquitto_pub starts").success());
        let came = shown(arrives_as, pair.address(!from_local));
        // A message that comes as it is published, and not out of what is retained, has no flag.
        let came = came.replacen("|2|0|", "|2|1|", 1);
        assert_eq!(came, "hello|2|1|k:1 a:b k:2|text|answers|seven|1", "{topic}");
        let left = tool(
            "mosquitto_sub",
            pair.address(!from_local),
            &["-t", arrives_as, "-C", "1", "-W", "20", "-F", "%E"],
        );
        let left = { left }.output().expect("mosquitto_sub starts").stdout;
        let left: u32 = String::from_utf8_lossy(&left).trim().parse().expect("an expiry");
        assert!((900..=1000).contains(&left), "{left}");
    }
}

/// A request from one side is answered from the other: mosquitto's tool asks, a client of ours
/// answers where and to what the request says.
fn requests_cross(ours_bridges: bool) {
    let Some(pair) = Pair::start(ours_bridges, NEW) else { return };
    for (asks_locally, request, response) in
        [(true, "out/ask", "in/answer"), (false, "in/ask", "out/answer")]
    {
        let mut answers = Client::new("answers", true).speaking(Level::V5);
        answers.connect(pair.address(!asks_locally)).expect("it runs");
        answers.subscribe(request, QoS::ExactlyOnce).expect("it runs");
        let words = ["-t", request, "-e", response, "-m", "what?", "-W", "20"];
        let asks = tool("mosquitto_rr", pair.address(asks_locally), &words)
            .args(["-D", "PUBLISH", "correlation-data", "seven", "-F", "%p|%D"])
            .stdout(Stdio::piped())
            .spawn();
        let asks: Child = asks.expect("mosquitto_rr starts");
        let question = next(&mut answers);
        let mut answer_to = None;
        let mut belongs_to = Vec::new();
        for property in question.properties.iter() {
            match property {
                Property::ResponseTopic(topic) => answer_to = Topic::parse(topic).ok(),
                Property::CorrelationData(data) => belongs_to = data.to_vec(),
                _ => {}
            }
        }
        let topic = answer_to.expect("a response topic");
        assert_eq!(topic.as_str(), response);
        let mut answer = Message::new(topic, "that", QoS::ExactlyOnce, false);
        answer.properties = Properties::of(&[Property::CorrelationData(&belongs_to)]);
        answers.say(&answer).expect("it runs");
        while answers.unfinished() > 0 {
            answers.turn(PATIENCE).expect("it runs");
        }
        let heard = asks.wait_with_output().expect("mosquitto_rr ends");
        assert_eq!(String::from_utf8_lossy(&heard.stdout).trim(), "that|seven");
    }
}

#[test]
fn our_bridge_carries_to_and_from_mosquitto() {
    carries(true, OLD);
    carries(true, NEW);
}

#[test]
fn mosquittos_bridge_carries_to_and_from_ours() {
    carries(false, OLD);
    carries(false, NEW);
}

#[test]
fn our_bridge_tells_its_state_on_both_sides() {
    tells_its_state(true, OLD);
    tells_its_state(true, NEW);
}

#[test]
fn mosquittos_bridge_tells_its_state_on_both_sides() {
    tells_its_state(false, OLD);
    tells_its_state(false, NEW);
}

#[test]
fn our_bridge_to_mosquitto_is_exactly_once() {
    exactly_once(true, OLD);
}

#[test]
fn our_bridge_to_mosquitto_is_exactly_once_in_mqtt_5() {
    exactly_once(true, NEW);
}

#[test]
fn mosquittos_bridge_to_ours_is_exactly_once() {
    exactly_once(false, OLD);
}

#[test]
fn mosquittos_bridge_to_ours_is_at_least_once_in_mqtt_5() {
    at_least_once();
}

#[test]
fn properties_cross_our_bridge() {
    properties_cross(true);
}

#[test]
fn properties_cross_mosquittos_bridge() {
    properties_cross(false);
}

#[test]
fn requests_cross_our_bridge() {
    requests_cross(true);
}

#[test]
fn requests_cross_mosquittos_bridge() {
    requests_cross(false);
}
