//! The parser of `mosquitto.conf`, as tables: what files mean, and what is said of wrong ones.

use std::time::Duration;

use proptest::prelude::*;

use super::log::{Destination, LogType};
use super::*;
use crate::broker::settings::{Restart, StartType};
use crate::broker::{Address, BridgeSettings, Limits};
use crate::mqtt::QoS;
use crate::mqtt::packet::Level;

fn parse(text: &str) -> Config {
    Config::parse("b.conf", text, "host").unwrap_or_else(|error| panic!("{text}\n{error}"))
}

fn error(text: &str) -> String {
    match Config::parse("b.conf", text, "host") {
        Ok(config) => panic!("this is no mistake:\n{text}\n{config:?}"),
        Err(error) => error.to_string(),
    }
}

const BRIDGE: &str = "connection far\naddress localhost\ntopic # in\n";

fn bridge(options: &str) -> BridgeSettings {
    let mut config = parse(&format!("{BRIDGE}{options}"));
    config.settings.bridges.pop().expect("a bridge")
}

#[test]
fn an_empty_file_has_mosquittos_defaults() {
    for text in ["", "\n\r\n# listener 1\n   \n", "\u{feff}# a comment"] {
        let config = parse(text);
        assert!(config.listeners.is_empty() && config.allow_anonymous && config.notes.is_empty());
        assert!(!config.settings.persistence && config.settings.bridges.is_empty());
        assert_eq!(config.persistence_file, "mosquitto.db");
        assert_eq!(config.persistence_location, None);
        assert_eq!(config.settings.sys_interval, Duration::from_secs(10));
        assert_eq!(format!("{:?}", config.settings.limits), format!("{:?}", Limits::default()));
        assert_eq!(config.log, Log::default());
    }
}

#[test]
fn every_limit() {
    let check = |line: &str, expected: &dyn Fn(&mut Limits)| {
        let mut limits = Limits::default();
        expected(&mut limits);
        let read = parse(line).settings.limits;
        assert_eq!(format!("{read:?}"), format!("{limits:?}"), "{line}");
    };
    check("max_inflight_messages 7", &|it| it.max_inflight_messages = 7);
    check("max_inflight_messages 0", &|it| it.max_inflight_messages = 0);
    check("max_inflight_messages -1", &|it| it.max_inflight_messages = 0);
    check("max_inflight_messages 65535", &|it| it.max_inflight_messages = 0);
    check("max_inflight_bytes 7", &|it| it.max_inflight_bytes = 7);
    check("max_queued_messages 7", &|it| it.max_queued_messages = 7);
    check("max_queued_messages -7", &|it| it.max_queued_messages = 0);
    check("max_queued_bytes 0x10", &|it| it.max_queued_bytes = 16);
    check("max_packet_size 20", &|it| it.max_packet_size = 20);
    check("max_packet_size 268435460", &|it| it.max_packet_size = 268_435_460);
    check("message_size_limit 268435455", &|it| it.message_size_limit = 268_435_455);
    check("max_connections 7", &|it| it.max_connections = Some(7));
    check("max_connections -1", &|it| it.max_connections = None);
    check("global_max_connections 7", &|it| it.max_connections = Some(7));
    check("max_connections 9\nglobal_max_connections 7", &|it| it.max_connections = Some(7));
    check("max_qos 1", &|it| it.max_qos = QoS::AtLeastOnce);
    check("maximum_qos 0", &|it| it.max_qos = QoS::AtMostOnce);
    check("retain_available false", &|it| it.retain_available = false);
    check("allow_zero_length_clientid 0", &|it| it.allow_zero_length_clientid = false);
    check("auto_id_prefix my id-", &|it| it.auto_id_prefix = "my id-".to_owned());
    check("queue_qos0_messages true", &|it| it.queue_qos0_messages = true);
    check("upgrade_outgoing_qos 1", &|it| it.upgrade_outgoing_qos = true);
    check("allow_duplicate_messages false", &|it| it.allow_duplicate_messages = false);
    check("max_subscriptions_per_client 7", &|it| it.max_subscriptions_per_client = 7);
    check("max_topic_alias 7", &|it| it.max_topic_alias = 7);
    check("max_topic_alias_broker 0", &|it| it.max_topic_alias_broker = 0);
    check("max_keepalive 65535", &|it| it.max_keepalive_s = 65535);
    check("max_keepalive 0", &|it| it.max_keepalive_s = 0);
    check("global_max_clients 7", &|it| it.global_max_clients = Some(7));
    check("global_max_clients 0", &|it| it.global_max_clients = Some(0));
    check("global_max_clients -1", &|it| it.global_max_clients = None);
    check("memory_limit 0", &|it| it.memory_limit = 0);
    check("memory_limit 5000000000", &|it| it.memory_limit = 5_000_000_000);
    check("max_qos 0\nmax_topic_alias 1\nmax_topic_alias_broker 2", &|it| {
        (it.max_qos, it.max_topic_alias, it.max_topic_alias_broker) = (QoS::AtMostOnce, 1, 2);
    });
}

#[test]
fn sessions_expire() {
    let check = |value: &str, seconds: u64| {
        let limits = parse(&format!("persistent_client_expiration {value}")).settings.limits;
        assert_eq!(limits.persistent_client_expiration_s.map(u64::from), Some(seconds), "{value}");
    };
    check("30s", 30);
    check("1h", 3600);
    check("14d", 14 * 86_400);
    check("2w", 14 * 86_400);
    check("2m", 60 * 86_400);
    check("1y", 365 * 86_400);
    check("136y", 136 * 365 * 86_400);
}

#[test]
fn listeners() {
    let check = |text: &str, expected: &[(u16, Option<&str>, usize)]| {
        let config = parse(&format!("{text}\nallow_anonymous true"));
        let found =
            config.listeners.iter().map(|it| (it.port, it.bind_address.as_deref(), it.line));
        assert_eq!(found.collect::<Vec<_>>(), expected, "{text}");
    };
    check("listener 1884", &[(1884, None, 1)]);
    check("\nlistener 1884 127.0.0.1", &[(1884, Some("127.0.0.1"), 2)]);
    check("listener 1884 # here", &[(1884, None, 1)]);
    check("listener 1\nlistener 2 ::1", &[(1, None, 1), (2, Some("::1"), 2)]);
    check("listener 1 a\nlistener 1 b", &[(1, Some("a"), 1), (1, Some("b"), 2)]);
    check("port 1885", &[(1885, None, 1)]);
    check("bind_address localhost", &[(1883, Some("localhost"), 1)]);
    check("port 1885\nbind_address localhost", &[(1885, Some("localhost"), 1)]);
    check("listener 1\nmax_qos 1\nlistener 2\nmax_qos 1", &[(1, None, 1), (2, None, 3)]);
    let two = "listener 1\nmax_topic_alias 3\nmax_topic_alias_broker 4\nlistener 2\n\
               max_topic_alias_broker 4\nmax_topic_alias 3";
    check(two, &[(1, None, 1), (2, None, 4)]);
    check("listener 1\nprotocol mqtt", &[(1, None, 1)]);
    check("max_qos 1\nport 2", &[(2, None, 2)]);
}

#[test]
fn persistence_and_the_rest() {
    let config = parse(
        "persistence true\npersistence_location /var/lib/a b/\npersistence_file x.db\n\
         set_tcp_nodelay true\nlog_dest stdout\nlog_dest file /tmp/a log\nlog_type error\n\
         log_type debug\nlog_timestamp false\nconnection_messages false\n",
    );
    assert!(config.settings.persistence && config.set_tcp_nodelay);
    assert_eq!(config.persistence_location, Some(PathBuf::from("/var/lib/a b/")));
    assert_eq!(config.persistence_file, "x.db");
    let file = Destination::File(PathBuf::from("/tmp/a log"));
    assert_eq!(
        config.log,
        Log {
            destinations: vec![Destination::Stdout, file],
            types: vec![LogType::Error, LogType::Debug],
            timestamp: false,
            connection_messages: false,
        }
    );
    assert!(parse("retained_persistence 1").settings.persistence);
    assert_eq!(parse("sys_interval 1").settings.sys_interval, Duration::from_secs(1));
    assert_eq!(parse("sys_interval 0").settings.sys_interval, Duration::ZERO);
    assert!(parse("log_dest none").log.destinations.is_empty());
    assert!(parse("log_type none").log.types.is_empty());
    assert_eq!(parse("log_type all").log.types.len(), 7);
}

#[test]
fn options_without_effect_are_noted() {
    let check = |line: &str, expected: &str| {
        let notes = parse(line).notes;
        assert_eq!(notes.len(), 1, "{line}");
        let note = notes[0].to_string();
        assert!(note.starts_with("b.conf:1: ") && note.contains(expected), "{note}");
    };
    check("user mosquitto", "without effect");
    check("pid_file /run/mosquitto.pid", "without effect");
    check("retry_interval 20", "without effect");
    for line in ["autosave_interval 1800", "autosave_on_changes true"] {
        assert!(parse(line).notes.is_empty(), "{line}: ours saves more often than that");
    }
    let three_one = format!("{BRIDGE}bridge_protocol_version mqttv31");
    let note = parse(&three_one).notes.pop().expect("a note").to_string();
    assert!(note.starts_with("b.conf:4: MQTT 3.1 does not say"), "{note}");
    let notes = |text: &str| parse(text).notes.iter().map(|it| it.what.clone()).collect::<Vec<_>>();
    assert_eq!(notes("port 1\nallow_anonymous true").len(), 1);
    let far = |option: &str| notes(&format!("{BRIDGE}{option}"));
    assert_eq!(far("keepalive_interval 1"), ["a keepalive interval of 1 seconds is taken for 5"]);
    assert_eq!(
        far("restart_timeout 4000"),
        ["a restart timeout of 4000 seconds is taken for 3600"]
    );
    assert!(far("keepalive_interval 5").is_empty());
}

#[test]
fn a_bridge_has_mosquittos_defaults() {
    let mut expected = BridgeSettings::new("far", "host");
    let read = bridge("");
    expected.addresses = vec![Address { host: "localhost".to_owned(), port: 1883 }];
    expected.rules.clone_from(&read.rules);
    assert_eq!(read.rules[0].to_string(), "topic # in 0");
    assert_eq!(format!("{read:?}"), format!("{expected:?}"));
    assert_eq!(read.remote_clientid.as_str(), "host.far");
    assert_eq!(read.local_clientid.as_str(), "local.host.far");
}

#[test]
fn every_bridge_option() {
    let check = |options: &str, expected: &dyn Fn(&BridgeSettings) -> bool| {
        let read = bridge(options);
        assert!(expected(&read), "{options}: {read:?}");
        let plain = bridge("");
        assert!(!expected(&plain), "{options}: it makes no difference");
    };
    check("remote_clientid r", &|it| it.remote_clientid.as_str() == "r");
    check("clientid r", &|it| it.remote_clientid.as_str() == "r");
    check("remote_clientid r", &|it| it.local_clientid.as_str() == "local.r");
    check("local_clientid l\nremote_clientid r", &|it| it.local_clientid.as_str() == "l");
    check("remote_username u\nremote_password p q", &|it| {
        it.remote_username.as_deref() == Some("u") && it.remote_password.as_deref() == Some("p q")
    });
    check("password p\nusername u", &|it| {
        it.remote_username.as_deref() == Some("u") && it.remote_password.as_deref() == Some("p")
    });
    check("cleansession true", &|it| it.cleansession && it.local_cleansession);
    check("cleansession true\nlocal_cleansession false", &|it| {
        it.cleansession && !it.local_cleansession
    });
    check("local_cleansession true", &|it| !it.cleansession && it.local_cleansession);
    check("keepalive_interval 30", &|it| it.keepalive_interval == Duration::from_secs(30));
    check("start_type once", &|it| it.start == StartType::Once);
    check("try_private false", &|it| !it.try_private);
    check("notifications false", &|it| !it.notifications);
    check("notifications_local_only true", &|it| it.notifications_local_only);
    check("notification_topic a/b", &|it| it.notification_topic().as_str() == "a/b");
    check("round_robin true", &|it| it.round_robin);
    check("bridge_attempt_unsubscribe false", &|it| !it.attempt_unsubscribe);
    check("bridge_outgoing_retain false", &|it| !it.outgoing_retain);
    check("topic a out 2", &|it| it.rules.len() == 2);
    assert_eq!(bridge("start_type automatic").start, StartType::Automatic);
    check("bridge_protocol_version mqttv31", &|it| it.level == Level::V31);
    check("bridge_protocol_version mqttv50", &|it| it.level == Level::V5);
    assert_eq!(bridge("bridge_protocol_version mqttv311").level, Level::V311);
}

#[test]
fn restart_timeouts() {
    let check = |value: &str, base: u64, cap: u64, stable: u64| {
        let seconds = Duration::from_secs;
        let expected = Restart { base: seconds(base), cap: seconds(cap), stable: seconds(stable) };
        assert_eq!(bridge(&format!("restart_timeout {value}")).restart, expected, "{value}");
    };
    check("20", 20, 20, 30);
    check("1 5", 1, 5, 30);
    check("1 5 60", 1, 5, 60);
    check("0", 1, 1, 30);
    check("10 9999", 10, 7200, 30);
}

#[test]
fn sections_go_on_until_the_next_of_their_kind() {
    let config = parse(
        "connection one\naddresses a:1 b:2 [::1]:3\ntopic x out\nlistener 1885\n\
         allow_anonymous true\ntopic y in 1\nconnection two\naddress c # the third\ntopic z both 2\n",
    );
    let [one, two] = &config.settings.bridges[..] else { panic!("two bridges") };
    let addresses: Vec<_> = one.addresses.iter().map(|it| (it.host.as_str(), it.port)).collect();
    assert_eq!(addresses, [("a", 1), ("b", 2), ("::1", 3)]);
    assert_eq!(one.rules.len(), 2);
    assert_eq!((two.addresses.len(), two.rules.len()), (1, 1));
    assert_eq!(config.listeners.len(), 1);
}

#[test]
fn nobody_is_let_in_by_accident() {
    assert!(parse("").allow_anonymous);
    assert!(parse("listener 1\nallow_anonymous true").allow_anonymous);
    assert!(parse("allow_anonymous true\nlistener 1").allow_anonymous);
    assert_eq!(
        error("# board\nlistener 1884 # open"),
        "b.conf:2: this listener would refuse every client: with a listener, mosquitto lets nobody \
         in without a password unless the file says so\n    listener 1884 # open\n    \
         help: add the line `allow_anonymous true`"
    );
    assert!(error("port 1884").contains("b.conf:1: this listener would refuse every client"));
    for text in ["allow_anonymous false", "listener 1\nallow_anonymous false"] {
        assert!(error(text).contains("`password_file` is an option of mosquitto's"), "{text}");
    }
    let with_passwords = error("listener 1\nallow_anonymous false\npassword_file /etc/p");
    assert!(with_passwords.contains("b.conf:3: `password_file` is an option of mosquitto's that"));
}

#[test]
fn what_is_wrong_with_a_line() {
    let check = |line: &str, expected: &str| {
        let error = error(line);
        assert!(error.starts_with("b.conf:1: "), "{line}: {error}");
        assert!(error.contains(expected), "{line}: {error}");
        assert!(error.lines().nth(1).is_some_and(|text| text.trim() == line.trim()), "{error}");
    };
    check("listner 1883", "is an option that neither mosquitto nor Twinboard knows");
    check("listner 1883", "help: did you mean `listener`?");
    check("pasword_file x", "help: did you mean `password_file`?");
    check("colour red", "`colour` is an option that neither");
    check(
        "cafile x",
        "1: `cafile` is an option of mosquitto's that Twinboard does not support yet\n",
    );
    check("auth_opt_x y", "`auth_opt_x` is an option of mosquitto's that Twinboard does not");
    check(" # note", "a comment has its `#` in the first column");
    check("listener\t1883", "there is a tab between the words");
    check("persistence", "`persistence` needs a value");
    check("persistence # on", "`persistence` needs a value");
    check("persistence yes", "`persistence` takes true or false, not `yes`");
    check("persistence true false", "`persistence` takes one value, not `false` too");
    check("persistence_file", "`persistence_file` needs a value");
    check("persistence_file a/b", "a file's name, without a folder");
    check("max_qos 3", "`max_qos` must be from 0 to 2, not 3");
    check("max_qos two", "`max_qos` takes a number, not `two`");
    check("max_packet_size 19", "must be from 20 to");
    check("max_packet_size 2147483648", "must be from 20 to 2147483647");
    check("message_size_limit 268435456", "must be from 0 to 268435455");
    check("message_size_limit -1", "must be from 0 to 268435455");
    check("max_inflight_messages 65536", "to 65535, not 65536");
    check("sys_interval -1", "must be from 0 to 65535");
    check("max_keepalive 65536", "must be from 0 to 65535");
    check("max_topic_alias -1", "must be from 0 to 65535");
    check("max_topic_alias_broker 65536", "must be from 0 to 65535");
    check("global_max_clients many", "takes a number, not `many`");
    check("memory_limit -1", "must be from 0 to");
    check("persistent_client_expiration", "needs a value");
    check("persistent_client_expiration 7", "takes no `7`");
    check("persistent_client_expiration 7x", "it takes a number and one of s h d w m y");
    check("persistent_client_expiration d", "takes a number, not ``");
    check("persistent_client_expiration 0d", "must be from 1 to");
    check("persistent_client_expiration 137y", "must be from 1 to 136");
    check("memory_limits 1", "help: did you mean `memory_limit`?");
    check("global_max_client 1", "help: did you mean `global_max_clients`?");
    check(&format!("auto_id_prefix {}", "x".repeat(51)), "at most 50 bytes");
    check("protocol websockets", "`protocol websockets` is an option of mosquitto's that");
    check("protocol http", "`protocol` takes mqtt, not `http`");
    check("log_dest nowhere", "`log_dest` takes no `nowhere`");
    check("log_dest file", "needs the path of a file");
    check("log_dest syslog", "`log_dest syslog` is an option of mosquitto's that");
    check("log_type loud", "`log_type` takes no `loud`");
    check("listener", "`listener` needs a value");
    check("listener 0", "`port` must be from 1 to 65535, not 0");
    check("listener 65536", "`port` must be from 1 to 65535, not 65536");
    check("listener 0 /tmp/socket", "a listener on a Unix socket");
    check("listener 1 a b", "`listener` takes a port and, if wanted, an address");
    check("port x", "`port` takes a number, not `x`");
    check("topic # in", "`topic` belongs to a bridge, and none has begun");
    check("address x", "put a line `connection NAME` above it");
    check("connection", "`connection` needs a value");
    check("connection a b", "takes one value, not `b` too");
}

#[test]
fn what_is_wrong_with_listeners() {
    let check = |text: &str, expected: &str| {
        let error = error(&format!("{text}\nallow_anonymous true"));
        assert!(error.contains(expected), "{text}: {error}");
    };
    check("listener 1\nlistener 1", "b.conf:2: line 1 listens there already");
    check("max_qos 1\nlistener 1", "b.conf:1: this stands before the `listener` it is about");
    let several = "holds for the whole broker in Twinboard so far";
    check("listener 1\nmax_qos 1\nlistener 2", several);
    check("listener 1\nmax_qos 1\nlistener 2\nmax_qos 0", several);
    check("listener 1\nmax_connections 1\nlistener 2\nmax_connections 2", several);
    check("listener 1\nmax_topic_alias 1\nlistener 2\nmax_topic_alias 2", several);
    check("listener 1\nmax_topic_alias_broker 1\nlistener 2", several);
}

#[test]
fn what_is_wrong_with_a_bridge() {
    let check = |options: &str, expected: &str| {
        let error = error(&format!("{BRIDGE}{options}"));
        assert!(error.contains(expected), "{options}: {error}");
    };
    check("connection far\naddress x\ntopic # in", "b.conf:4: there is a bridge `far` already");
    check("address y", "b.conf:4: `address` is said twice");
    check("addresses y", "b.conf:4: `address` is said twice");
    check("clientid a\nremote_clientid b", "b.conf:5: `remote_clientid` is said twice");
    check("remote_clientid a#", "b.conf:4: `a#` cannot stand in the bridge's notification topic");
    check("notification_topic a/+", "`a/+` is no topic");
    check("keepalive_interval 65536", "to 65535, not 65536");
    check("restart_timeout", "`restart_timeout` needs a value");
    check("restart_timeout x", "`restart_timeout` takes a number, not `x`");
    check("restart_timeout 10 5", "the cap of `restart_timeout` is below its base");
    check("restart_timeout 1 2 3 4", "takes a base, a cap and a stable time");
    check(
        "start_type lazy",
        "`start_type lazy` is an option of mosquitto's that Twinboard does not",
    );
    check("start_type manual", "`start_type` takes no `manual`");
    check("bridge_protocol_version 5", "it takes mqttv31, mqttv311 or mqttv50");
    check("remote_password p", "b.conf:4: a password needs a name");
    check("topic a sideways", "b.conf:4: `sideways` is no direction");
    check("threshold 10", "`threshold` is an option of mosquitto's");
    check(
        "local_clientid x\nconnection b\naddress x\ntopic # in\nlocal_clientid x",
        "b.conf:5: `b` and `far` have the same local client id `x`",
    );
    let check = |text: &str, expected: &str| {
        let error = error(text);
        assert!(error.contains(expected), "{text}: {error}");
    };
    check("connection a\ntopic # in", "b.conf:1: the bridge `a` has no address");
    check("connection a\naddress x", "b.conf:1: the bridge `a` has no topic");
    check(
        "connection a#\naddress x\ntopic # in",
        "b.conf:1: `host.a#` cannot stand in the bridge's",
    );
}

#[test]
fn every_mistake_is_told_once_in_order() {
    let text = "listner 1\nconnection a\naddress x:y\ntopic\nmax_qos 9\n";
    let error = error(text);
    let lines: Vec<_> = error.lines().filter(|line| line.starts_with("b.conf")).collect();
    assert_eq!(lines.len(), 4, "{error}");
    for (line, number) in lines.iter().zip([1, 3, 4, 5]) {
        assert!(line.starts_with(&format!("b.conf:{number}:")), "{error}");
    }
}

#[test]
fn every_name_in_the_lists_is_read() {
    for option in names::supported() {
        let text = format!("{BRIDGE}{option}");
        if let Err(error) = Config::parse("b.conf", &text, "host") {
            let text = error.to_string();
            assert!(!text.contains("neither mosquitto") && !text.contains("not support"), "{text}");
        } else {
            assert_eq!(option, "retry_interval", "{option} needs no value, or is not read");
        }
    }
}

#[test]
fn a_file_that_is_not_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let error = Config::load(&folder.path().join("no.conf"), "host").expect_err("no file");
    assert!(error.to_string().contains("no.conf: the file cannot be read: "), "{error}");
}

/// What the dual-board document shows, but for the line that mosquitto 2 asks for.
const DOCUMENT: &str = "# Broker 2 listens on port 1884
listener 1884

# Bridge connection to Broker 1
connection bridge_to_broker1
address localhost:1883

# Import sensors/card1 from Broker 1 (QoS 2)
topic sensors/card1 in 2

# Export sensors/all to Broker 1 (QoS 2)
topic sensors/all out 2
";

#[test]
fn the_documents_file_works_as_written() {
    assert!(error(DOCUMENT).contains("help: add the line `allow_anonymous true`"));
    let config = parse(&format!("{DOCUMENT}allow_anonymous true\n"));
    assert_eq!((config.listeners[0].port, config.settings.bridges[0].rules.len()), (1884, 2));
    assert!(config.notes.is_empty());
}

proptest! {
    /// Whatever stands in a file, it is read or its lines are named; nothing panics.
    #[test]
    fn any_text_is_answered(
        lines in prop::collection::vec(
            (prop::sample::select(names::all().collect::<Vec<_>>()), "[ -~\t]{0,12}"), 0..12
        )
    ) {
        let lines: Vec<_> = lines.iter().map(|(option, value)| [*option, value].join(" ")).collect();
        let text = lines.join("\n");
        if let Err(error) = Config::parse("b.conf", &text, "host") {
            prop_assert!(!error.mistakes.is_empty());
            for mistake in error.mistakes {
                let line = mistake.line.expect("a line");
                let there = text.lines().nth(line - 1).is_some_and(|it| it.contains(&mistake.text));
                prop_assert!(there, "{mistake}");
            }
        }
    }
}
