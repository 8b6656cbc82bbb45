//! What a broker is told when it starts: its limits and its bridges, in mosquitto's words.
//!
//! Names and defaults are those of mosquitto 2.1's `mosquitto.conf` manual.

use core::net::IpAddr;
use std::time::Duration;

use crate::mqtt::packet::Level;
use crate::mqtt::{ClientId, QoS, Rule, Topic};

/// Everything a broker core is told at its start.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// What a client may use up.
    pub limits: Limits,
    /// `persistence`: whether what is promised outlives the process.
    pub persistence: bool,
    /// The bridges this broker dials out for, in the order of the file.
    pub bridges: Vec<BridgeSettings>,
    /// `sys_interval`: how often the broker says under `$SYS` what has changed of it; zero for never.
    pub sys_interval: Duration,
    /// Whether every message is told as an event: off where nobody reads the trace.
    pub trace: bool,
}

/// The limits of one broker.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of mosquitto's")]
pub struct Limits {
    /// `max_inflight_messages`: QoS 1 and 2 messages on their way to one client. 0 means 65,520.
    pub max_inflight_messages: u16,
    /// `max_inflight_bytes`: their bytes. 0 means no limit.
    pub max_inflight_bytes: usize,
    /// `max_queued_messages`: messages that wait for one client beyond those in flight. 0 means no
    /// limit.
    pub max_queued_messages: usize,
    /// `max_queued_bytes`: their bytes. 0 means no limit.
    pub max_queued_bytes: usize,
    /// `max_packet_size`, in bytes: a client that sends a larger packet is disconnected, and a
    /// larger message is not sent to anybody.
    pub max_packet_size: usize,
    /// `message_size_limit`: the largest payload that is published, in bytes. 0 means no limit.
    pub message_size_limit: usize,
    /// `max_connections`; none means no limit.
    pub max_connections: Option<usize>,
    /// `global_max_clients`: sessions of clients, connected or kept; none means no limit.
    pub global_max_clients: Option<usize>,
    /// `memory_limit`, in bytes of the messages that are held for somebody: retained, queued, in
    /// flight, or a will. Each is counted once, with its topic and properties and an estimate of
    /// what it and each reference to it take beside that; what a large payload takes because it
    /// shares the buffer it was read into, and what the allocator adds, is not counted. Who
    /// publishes beyond it is refused. 0 means no limit. (Mosquitto counts the whole heap.)
    pub memory_limit: usize,
    /// `max_qos`: the highest QoS a client may publish with.
    pub max_qos: QoS,
    /// `retain_available`: whether retained messages are kept at all.
    pub retain_available: bool,
    /// `allow_zero_length_clientid`: whether a client may leave its name to the broker.
    pub allow_zero_length_clientid: bool,
    /// `auto_id_prefix`: how such a name begins.
    pub auto_id_prefix: String,
    /// `queue_qos0_messages`: whether QoS 0 messages wait for a persistent session that is away.
    pub queue_qos0_messages: bool,
    /// `upgrade_outgoing_qos`: deliver with the subscription's QoS even where the message was
    /// published with a lower one.
    pub upgrade_outgoing_qos: bool,
    /// `allow_duplicate_messages`: whether a message that matches several subscriptions of one
    /// client is sent once for each.
    pub allow_duplicate_messages: bool,
    /// `max_subscriptions_per_client`, of our own: 0 means no limit.
    pub max_subscriptions_per_client: usize,
    /// `max_keepalive`, in seconds: the longest keep-alive of a client. 0 means no limit.
    pub max_keepalive_s: u16,
    /// `persistent_client_expiration`, in seconds: the longest that a session outlives its
    /// connection; none means no limit.
    pub persistent_client_expiration_s: Option<u32>,
    /// `max_topic_alias`: how many topic aliases a client may use.
    pub max_topic_alias: u16,
    /// `max_topic_alias_broker`: how many the broker uses towards a client that takes them.
    pub max_topic_alias_broker: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_inflight_messages: 20,
            max_inflight_bytes: 0,
            max_queued_messages: 1000,
            max_queued_bytes: 0,
            max_packet_size: 2_000_000,
            message_size_limit: 0,
            max_connections: None,
            global_max_clients: None,
            memory_limit: 0,
            max_qos: QoS::ExactlyOnce,
            retain_available: true,
            allow_zero_length_clientid: true,
            auto_id_prefix: "auto-".to_owned(),
            queue_qos0_messages: false,
            upgrade_outgoing_qos: false,
            allow_duplicate_messages: true,
            max_subscriptions_per_client: 10_000,
            max_keepalive_s: 0,
            persistent_client_expiration_s: None,
            max_topic_alias: 10,
            max_topic_alias_broker: 10,
        }
    }
}

/// Where a far broker listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// Name or number of the host.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl Address {
    /// Whether it is on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }
}

/// Whether a host is this machine, and nobody else can get there.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// `restart_timeout`: how long a bridge waits before it dials again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restart {
    /// The first wait, and the least one.
    pub base: Duration,
    /// The longest wait; with `base` equal to it the wait is constant.
    pub cap: Duration,
    /// How long a connection must have lasted for the waits to begin at `base` again.
    pub stable: Duration,
}

impl Restart {
    /// How long to wait after a wait of `last`: a random time between `base` and three times the
    /// last wait, at most `cap`, so that many bridges do not dial in step.
    #[must_use]
    pub fn wait(&self, last: Duration, random: u64) -> Duration {
        let most = (last * 3).clamp(self.base, self.cap.max(self.base));
        let room_ms = u64::try_from(most.saturating_sub(self.base).as_millis()).unwrap_or(u64::MAX);
        self.base + Duration::from_millis(random % (room_ms.saturating_add(1)))
    }
}

/// One bridge: a `connection` section.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of mosquitto's")]
pub struct BridgeSettings {
    /// `connection`: the bridge's name.
    pub name: String,
    /// `address`: the far broker, and where else it may be found.
    pub addresses: Vec<Address>,
    /// `topic` lines.
    pub rules: Vec<Rule>,
    /// `remote_clientid`.
    pub remote_clientid: ClientId,
    /// `local_clientid`.
    pub local_clientid: ClientId,
    /// `remote_username`.
    pub remote_username: Option<String>,
    /// `remote_password`.
    pub remote_password: Option<String>,
    /// `cleansession`: the far half of the session ends with the connection.
    pub cleansession: bool,
    /// `local_cleansession`: so does the near half.
    pub local_cleansession: bool,
    /// `keepalive_interval`.
    pub keepalive_interval: Duration,
    /// `restart_timeout`.
    pub restart: Restart,
    /// `start_type automatic`; without it the bridge dials only when told to (`once` dials once).
    pub start: StartType,
    /// `bridge_protocol_version`.
    pub level: Level,
    /// `try_private`: tell the far broker that this is a bridge.
    pub try_private: bool,
    /// `notifications`.
    pub notifications: bool,
    /// `notifications_local_only`.
    pub notifications_local_only: bool,
    /// `notification_topic`; none stands for `$SYS/broker/connection/<remote_clientid>/state`.
    pub notification_topic: Option<Topic>,
    /// `round_robin`: every address is as good as the first.
    pub round_robin: bool,
    /// `bridge_attempt_unsubscribe`: take back at the far broker what an `out` rule does not want.
    pub attempt_unsubscribe: bool,
    /// `bridge_outgoing_retain`: messages keep their retain flag on the way out.
    pub outgoing_retain: bool,
}

/// `start_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StartType {
    /// Dial at the start, and again whenever the connection ends.
    #[default]
    Automatic,
    /// Dial at the start only.
    Once,
}

impl BridgeSettings {
    /// A bridge with mosquitto's defaults. `host` is the machine's name, which mosquitto puts into
    /// the default `remote_clientid`.
    #[must_use]
    pub fn new(name: &str, host: &str) -> Self {
        let remote = format!("{host}.{name}");
        Self {
            name: name.to_owned(),
            addresses: Vec::new(),
            rules: Vec::new(),
            local_clientid: ClientId::new(&format!("local.{remote}")),
            remote_clientid: ClientId::new(&remote),
            remote_username: None,
            remote_password: None,
            cleansession: false,
            local_cleansession: false,
            keepalive_interval: Duration::from_mins(1),
            restart: Restart {
                base: Duration::from_secs(5),
                cap: Duration::from_secs(30),
                stable: Duration::from_secs(30),
            },
            start: StartType::Automatic,
            level: Level::V311,
            try_private: true,
            notifications: true,
            notifications_local_only: false,
            notification_topic: None,
            round_robin: false,
            attempt_unsubscribe: true,
            outgoing_retain: true,
        }
    }

    /// Where the bridge says whether it is connected: retained 1 or 0.
    ///
    /// # Panics
    /// Never for names that came out of `conf`, which checks them as topics.
    #[must_use]
    pub fn notification_topic(&self) -> Topic {
        self.notification_topic.clone().unwrap_or_else(|| {
            let name = format!("$SYS/broker/connection/{}/state", self.remote_clientid);
            Topic::parse(&name).expect("conf checks that remote_clientid can stand in a topic")
        })
    }
}
