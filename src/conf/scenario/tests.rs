//! The scenario's reader, as a table.

use super::*;
use crate::mqtt::{Filter, QoS, Topic};

const BOARDS: &str = "title = 'T'
[[board]]
name = 'one'
title = 'Board 1'
conf = 'one.conf'
program = [{ name = 'c1', kind = 'card1' }]
[[board]]
name = 'two'
conf = 'two.conf'
program = [{ name = 'c2', kind = 'card2' }, { name = 'all', kind = 'display' },
    { name = 'n', kind = 'counter' }, { name = 't', kind = 'tally' }]
";

/// The deeds of a script, in words.
fn script(steps: &str) -> Result<Vec<String>, String> {
    match Scenario::parse("s.toml", &format!("{BOARDS}{steps}")) {
        Ok(scenario) => Ok(scenario.steps.iter().map(|step| step.deed.to_string()).collect()),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn boards_and_programs() {
    let scenario = Scenario::parse("s.toml", BOARDS).expect("a scenario");
    assert_eq!((scenario.title.as_str(), scenario.description.as_str()), ("T", ""));
    let titles: Vec<_> = scenario.boards.iter().map(|board| board.title.as_str()).collect();
    assert_eq!(titles, ["Board 1", "two"]);
    let (board, program) = scenario.program("all").expect("it is there");
    assert_eq!((board.name.as_str(), program.kind(), board.line), ("two", Kind::Display, 8));
    assert_eq!(scenario.program("x"), None);
}

#[test]
fn every_deed() {
    let check = |step: &str, expected: &str| {
        assert_eq!(script(&format!("[[step]]\n{step}")), Ok(vec![expected.to_owned()]), "{step}");
    };
    check("toggle = { program = 'c1', sensor = 2 }", "toggle sensor 2 on c1");
    check("set = { program = 'c2', sensor = 6, ok = false }", "set sensor 6 on c2 to KO");
    check("stop = { program = 'all' }", "stop all");
    check("start = { broker = 'two' }", "start the broker of two");
    check("restart = { bridge = 'b' }", "restart the bridge b");
    check("kill = { program = 'c1' }", "kill c1");
    check("power_off = 'one'", "power off one");
    check("power_on = 'one'", "power on one");
    check("cut = 'b'", "cut the cable of b");
    check("cut_silently = 'b'", "cut the cable of b silently");
    check("mend = 'b'", "mend the cable of b");
    check("publish = { program = 'n', count = 100 }", "publish 100 more on n");
    check("message = { program = 'c1', topic = 'a' }", "publish a = \"\" as c1 (QoS 2)");
    check(
        "message = { program = 'n', topic = 'a/b', payload = 'x', qos = 0, retain = true }",
        "publish a/b = \"x\" as n (QoS 0, retained)",
    );
    check(
        "message = { program = 't', topic = 'a', retain = true }",
        "delete what is retained for a, as t (QoS 2)",
    );
    check("hold = 'b'", "the cable of b: hold every packet");
    check("reset = 'c1'", "the cable of c1: reset all connections");
    check(
        "fault = { cable = 'b', direction = 'in', drop = { packet = 'PUBREC' } }",
        "the cable of b: drop the next PUBREC (in)",
    );
    check(
        "fault = { cable = 'one', delay = { ms = 20, jitter_ms = 5 } }",
        "the cable of one: delay packets by 20 ms, give or take 5 ms",
    );
    check("fault = { cable = 'b', cut = {} }", "cut the cable of b");
    check("clear = { cable = 'b', fault = 'hold' }", "the cable of b: no hold any more");
    check("release = { cable = 'b' }", "the cable of b: let 1 packet go");
    check(
        "release = { cable = 'b', packets = 2, direction = 'in' }",
        "the cable of b: let 2 packets go (in)",
    );
    check("freeze = { program = 'all' }", "freeze all");
    check("thaw = { broker = 'two' }", "thaw the broker of two");
    check("disk_full = 'one'", "fill the disk of one");
    check(
        "disk_slow = { board = 'one', ms = 50 }",
        "let each commit to the disk of one take 50 ms more",
    );
    check("disk_ok = 'one'", "mend the disk of one");
    check("wait = 0.5", "wait 0.5 s");
    check("wait = 2", "wait 2 s");
    let wait = |condition: &str, expected: &str| {
        let step = format!("wait_until = {{ {condition} }}");
        check(&step, &format!("wait until {expected}, at most 10 s"));
    };
    wait("agree = true", "all programs agree on every sensor");
    wait("quiet = true", "nothing is queued and nothing waits to be sent");
    wait("published = { program = 'n', count = 7 }", "n has published 7");
    wait("counted = { program = 't', received = 0 }", "t has subscribed");
    wait("counted = { program = 't', missing = 0 }", "t has counted 0 missing");
    wait(
        "counted = { program = 't', received = 9, missing = 1, doubled = 2, out_of_order = 3 }",
        "t has counted 9 or more received, 1 missing, 2 doubled, 3 out of order",
    );
    wait("online = 'c1'", "c1 is connected");
    wait("offline = 'c1'", "c1 is not connected");
    wait("connected = 'b'", "b is connected");
    wait("disconnected = 'b'", "b is not connected");
    wait("shows = { program = 'all', sensor = 6, as = 'ok' }", "all shows sensor 6 as OK");
    wait("shows = { program = 'c2', sensor = 1, as = 'ko' }", "c2 shows sensor 1 as KO");
    wait("shows = { program = 'c1', sensor = 1, as = 'unknown' }", "c1 shows sensor 1 as unknown");
    check(
        "wait_until = { agree = true }\nwithin = 3",
        "wait until all programs agree on every sensor, at most 3 s",
    );
}

#[test]
fn steps_remember_their_lines_and_bridges() {
    let text = format!(
        "{BOARDS}[[step]]\nsay = 'cut'\ncut = 'b'\n\n[[step]]\nwait_until = {{ disconnected = 'b' }}\n\
         [[step]]\nkill = {{ bridge = 'c' }}\n[[expect]]\nconnected = 'd'\n[[expect]]\nagree = true\n"
    );
    let scenario = Scenario::parse("s.toml", &text).expect("a scenario");
    assert_eq!(scenario.steps[0].say.as_deref(), Some("cut"));
    let bridges: Vec<_> = scenario.bridges_named().collect();
    assert_eq!(bridges, [("b", 16), ("c", 18), ("d", 20)]);
    let cables: Vec<_> = scenario.cables_named().collect();
    assert_eq!(cables, [("b", 12)]);
}

#[test]
fn what_is_wrong_with_a_script() {
    let check = |steps: &str, expected: &str| {
        let error = script(steps).expect_err(steps);
        assert!(error.contains(expected), "{steps}: {error}");
    };
    let step = |step: &str, expected: &str| check(&format!("[[step]]\n{step}"), expected);
    step(
        "toggle = { program = 'c', sensor = 2 }",
        "s.toml:13: there is no program `c`\n    toggle = { program = 'c', sensor = 2 }\n    \
         help: did you mean `c1`?",
    );
    step(
        "toggle = { program = 'monitor', sensor = 2 }",
        "help: there is `all`, `c1`, `c2`, `n`, `t`",
    );
    step("toggle = { program = 'c1', sensor = 4 }", "`c1` has no button for sensor 4");
    step("toggle = { program = 'all', sensor = 1 }", "`all` has no button for sensor 1");
    step("set = { program = 'c2', sensor = 0, ok = true }", "`c2` has no button for sensor 0");
    step("toggle = { program = 'c1' }", "s.toml:13: missing field `sensor`");
    step(
        "toggel = { program = 'c1', sensor = 1 }",
        "s.toml:13: unknown field `toggel`, expected one of",
    );
    step("kill = { prog = 'c1' }", "s.toml:13: unknown variant `prog`");
    step("power_off = 'three'", "there is no board `three`");
    step("kill = { broker = 'twoo' }", "help: did you mean `two`?");
    step("kill = { program = 'one' }", "there is no program `one`");
    step(
        "fault = { cable = 'b', dorp = { packet = 'PUBREC' } }",
        "s.toml:13: there is no fault `dorp`\n    \
         fault = { cable = 'b', dorp = { packet = 'PUBREC' } }\n    help: did you mean `drop`?",
    );
    step("fault = { drop = {} }", "s.toml:13: this names no cable");
    step("fault = { cable = 'b' }", "this names no fault: write one of cut, silent, hold");
    step("fault = { cable = 'b', drop = {}, hold = {} }", "this names two faults");
    step("fault = { cable = 'b', delay = {} }", "missing field `ms`");
    step("fault = { cable = 'b', drop = { packet = 'PUBRIC' } }", "no packet is called");
    step("fault = { cable = 'b', direction = 'up', cut = {} }", "unknown variant `up`");
    step("fault = { cable = 'b', lose = { chance = 2.0 } }", "`chance` is 0 to 1");
    step("clear = { cable = 'b', fault = 'hodl' }", "there is no fault `hodl`");
    step("release = { cable = 'b', packets = 0 }", "`packets` is 1 or more");
    step("freeze = { bridge = 'b' }", "s.toml:13: a bridge cannot be frozen alone");
    step("freeze = { program = 'c' }", "there is no program `c`");
    step("disk_full = 'three'", "there is no board `three`");
    step("disk_slow = { board = 'twoo', ms = 5 }", "help: did you mean `two`?");
    step("wait = -1", "`wait` is 0 to 86400 seconds, not -1");
    step("cut = 'b'\nat = nan", "`at` is 0 to 86400 seconds, not NaN");
    step("say = 'nothing'", "s.toml:12: this step does nothing");
    step("cut = 'b'\nmend = 'b'", "s.toml:12: this step does several things");
    step("cut = 'b'\nwithin = 3", "`within` belongs to a step with `wait_until`");
    step("wait_until = { agree = true }\nwithin = 0", "`within` is 1 to 3600 seconds, not 0");
    step("wait_until = { agree = true, quiet = true }", "this must be one condition");
    step("wait_until = { }", "this must be one condition");
    step("wait_until = { agree = false }", "can only be true");
    step("wait_until = { online = 'x' }", "there is no program `x`");
    step(
        "wait_until = { shows = { program = 'c1', sensor = 4, as = 'ok' } }",
        "`c1` does not show sensor 4",
    );
    step(
        "wait_until = { shows = { program = 'c1', sensor = 1, as = 'KO' } }",
        "unknown variant `KO`",
    );
    check(
        "[[expect]]\nshows = { program = 'all', sensor = 7, as = 'ok' }",
        "`all` does not show sensor 7",
    );
    step("publish = { program = 'n', count = 0 }", "`count` is 1 to 10000, not 0");
    step("publish = { program = 't', count = 1 }", "`t` is not a counter\n    publish");
    step("publish = { program = 'c1', count = 1 }", "help: there is `n`");
    step("message = { program = 'm', topic = 'a' }", "there is no program `m`");
    step("message = { program = 'n', topic = 'a/#' }", "must not contain + or #");
    step("message = { program = 'n', topic = 'a', qos = 3 }", "`qos` is 0, 1 or 2, not 3");
    step("message = { program = 'n' }", "missing field `topic`");
    step("message = { program = 'n', topic = 'a', retained = true }", "unknown field `retained`");
    step("publish = { program = 'm', count = 1 }", "there is no program `m`");
    step("wait_until = { published = { program = 't', count = 1 } }", "`t` is not a counter");
    step("wait_until = { counted = { program = 'n', missing = 0 } }", "`n` is not a tally");
    step("wait_until = { counted = { program = 't' } }", "`counted` says no count");
    step("wait_until = { counted = { program = 't', mising = 0 } }", "unknown field `mising`");
    check("[[expect]]\n", "s.toml:12: this must be one condition");
    check("[[step]\n", "s.toml:12: ");
}

#[test]
fn expected_breaches() {
    let parse = |text: &str| Scenario::parse("s.toml", &format!("{BOARDS}{text}"));
    for kind in BreachKind::ALL {
        let name = kind.name();
        let scenario = parse(&format!("[[expect]]\nagree = true\n[[expect]]\nbreach = '{name}'"));
        let scenario = scenario.expect("a scenario");
        assert_eq!((scenario.breaches, scenario.expectations.len()), (vec![kind], 1), "{name}");
    }
    let wrong = |text: &str, expected: &str| {
        let error = parse(text).expect_err(text).to_string();
        assert!(error.contains(expected), "{text}: {error}");
    };
    let lots =
        "s.toml:13: there is no breach `lots`\n    breach = 'lots'\n    help: did you mean `lost`?";
    wrong("[[expect]]\nbreach = 'lots'", lots);
    wrong("[[expect]]\nbreach = 'lost'\nquiet = true", "this expects a breach and a condition");
    wrong("[[step]]\nwait_until = { breach = 'lost' }", "nothing can wait for a breach");
}

#[test]
fn a_schedule() {
    let text = format!("{BOARDS}[[step]]\nat = 1\ncut = 'b'\n[[step]]\nat = 2.5\nmend = 'b'\n");
    let scenario = Scenario::parse("s.toml", &text).expect("a scenario");
    let times: Vec<_> = scenario.steps.iter().map(|step| step.at).collect();
    assert_eq!(times, [1_000, 2_500].map(|ms| Some(Duration::from_millis(ms))));
}

#[test]
fn steps_by_hand() {
    let scenario = Scenario::parse("s.toml", BOARDS).expect("a scenario");
    let step = |text: &str| scenario.step(text).map_err(|error| error.to_string());
    let check = |text: &str, expected: &str| {
        assert_eq!(step(text).map(|it| it.deed.to_string()), Ok(expected.to_owned()), "{text}");
    };
    check("toggle = { program = 'c1', sensor = 2 }", "toggle sensor 2 on c1");
    check("cut = 'b' # at once", "cut the cable of b");
    check(
        "wait_until = { online = 'c1' }, within = 3, say = 'now'",
        "wait until c1 is connected, at most 3 s",
    );
    let wrong = |text: &str, expected: &str| {
        let error = step(text).expect_err(text);
        assert!(error.starts_with("this step: ") && error.contains(expected), "{text}: {error}");
    };
    wrong("toggel = { program = 'c1', sensor = 1 }", "unknown field `toggel`, expected one of");
    wrong("toggle = { program = 'x', sensor = 1 }", "there is no program `x`");
    wrong("", "this step does nothing\n    help: write one of toggle, set");
    wrong("cut = 'b', mend = 'b'", "this step does several things");
    wrong("cut", "");
    wrong("[[step]]", "");
    wrong("}", "");
}

#[test]
fn what_is_wrong_with_the_boards() {
    let check = |from: &str, to: &str, expected: &str| {
        let text = BOARDS.replace(from, to);
        let error = Scenario::parse("s.toml", &text).expect_err(to).to_string();
        assert!(error.contains(expected), "{to}: {error}");
    };
    check("name = 'two'", "name = 'one'", "s.toml:8: there is a board `one` already");
    check("name = 'two'", "name = '../x'", "s.toml:8: `../x` cannot be a name");
    check("name = 'two'", "name = ''", "s.toml:8: `` cannot be a name");
    check("name = 'c2'", "name = 'c1'", "s.toml:10: there is a program `c1` already");
    check("'display'", "'card2'", "this board has a program of this kind already");
    check("'display'", "'dispaly'", "s.toml:10: unknown variant `dispaly`");
    check("conf = 'two.conf'\n", "", "s.toml:8: this board has no conf file");
    check("'two.conf'", "'../two.conf'", "s.toml:9: `../two.conf` is no file's name");
    check("title = 'T'", "titel = 'T'", "s.toml:1: unknown field `titel`");
    let error = Scenario::parse("s.toml", "title = 'T'").expect_err("no board").to_string();
    assert!(error.contains("s.toml:1: a scenario needs a board"), "{error}");
}

#[test]
fn engines() {
    let engine = |lines: &str| {
        let text = BOARDS.replace("conf = 'two.conf'", lines);
        Scenario::parse("s.toml", &text).map(|it| it.boards[1].engine.to_string())
    };
    let check = |lines: &str, expected: &str| {
        let said = engine(lines).unwrap_or_else(|error| error.to_string());
        assert!(said.contains(expected), "{lines}: {said}");
    };
    check("conf = 'two.conf'", "native");
    check("conf = 'two.conf'\nengine = 'rumqttd'", "rumqttd");
    check("engine = 'mosquitto'\nconf = 'two.conf'", "mosquitto");
    check("engine = 'remote'\naddress = '10.0.0.7:1884'", "remote:10.0.0.7:1884");
    check("conf = 'two.conf'\nengine = 'remote'\naddress = 'far'", "remote:far:1883");
    check("conf = 'two.conf'\nengine = 'mosquito'", "s.toml:10: there is no engine `mosquito`");
    check("conf = 'two.conf'\nengine = 'mosquito'", "help: did you mean `mosquitto`?");
    check("engine = 'remote'", "s.toml:9: a remote broker needs an address");
    check("conf = 'two.conf'\naddress = 'far'", "s.toml:10: `address` belongs to a board with");
    check("engine = 'remote'\naddress = 'far:0'", "s.toml:10: `port` must be from 1 to 65535");
    check("engine = 'mosquitto'", "s.toml:8: this board has no conf file");
}

#[test]
fn every_mistake_is_told() {
    let steps =
        "[[step]]\ntoggle = { program = 'x', sensor = 1 }\n[[step]]\n[[step]]\npower_on = 'y'\n";
    let error = script(steps).expect_err("three mistakes");
    let lines: Vec<_> = error.lines().filter(|line| line.starts_with("s.toml")).collect();
    assert_eq!(
        lines,
        [
            "s.toml:13: there is no program `x`",
            "s.toml:14: this step does nothing",
            "s.toml:16: there is no board `y`",
        ]
    );
}

#[test]
fn what_counters_and_tallies_are_told() {
    let setup = |keys: &str| {
        let text = BOARDS.replace("name = 'n', kind = 'counter'", &format!("name = 'n', {keys}"));
        Scenario::parse("s.toml", &text).map(|it| it.program("n").expect("n").1.setup.clone())
    };
    let topic = |name: &str| Topic::parse(name).expect("a topic");
    let filter = |name: &str| Filter::parse(name).expect("a filter");
    let counter = CounterSetup {
        topic: topic("count"),
        every: Some(Duration::from_secs(1)),
        qos: QoS::ExactlyOnce,
        retain: false,
        limit: None,
        clean_session: false,
    };
    let check = |keys: &str, expected: Setup| assert_eq!(setup(keys), Ok(expected), "{keys}");
    check("kind = 'counter'", Setup::Counter(counter.clone()));
    let all = CounterSetup {
        topic: topic("a/b"),
        every: Some(Duration::from_millis(2_500)),
        qos: QoS::AtLeastOnce,
        retain: true,
        limit: Some(9),
        clean_session: true,
    };
    let keys = "kind = 'counter', topic = 'a/b', rate = 0.4, qos = 1, retain = true, limit = 9, \
                clean_session = true";
    check(keys, Setup::Counter(all));
    let hand = CounterSetup { every: None, qos: QoS::AtMostOnce, ..counter };
    check("kind = 'counter', rate = 0, qos = 0", Setup::Counter(hand));
    let tally = |topics: &[&str], qos, clean_session| {
        let topics = topics.iter().map(|it| filter(it)).collect();
        Setup::Tally(TallySetup { topics, qos, clean_session })
    };
    check("kind = 'tally'", tally(&["count"], QoS::ExactlyOnce, false));
    check(
        "kind = 'tally', topic = 'a/#', qos = 0, clean_session = true",
        tally(&["a/#"], QoS::AtMostOnce, true),
    );
    check("kind = 'tally', topics = ['a', '+/b']", tally(&["a", "+/b"], QoS::ExactlyOnce, false));

    let wrong = |keys: &str, expected: &str| {
        let error = setup(keys).expect_err(keys).to_string();
        assert!(error.contains("s.toml:11: ") && error.contains(expected), "{keys}: {error}");
    };
    wrong(
        "kind = 'tally', rate = 1",
        "a tally has no `rate`\n    { name = 'n', kind = 'tally', rate = 1 }, { name = 't', kind = \
         'tally' }]\n    help: it belongs to a counter; a tally has topic, topics, qos, clean_session",
    );
    wrong("kind = 'tally', limit = 1", "a tally has no `limit`");
    wrong("kind = 'counter', topics = ['a']", "help: it belongs to a tally; a counter has topic, ");
    wrong(
        "kind = 'card1', qos = 2",
        "help: it belongs to a counter and a tally; card1 has nothing",
    );
    wrong("kind = 'counter', qos = 3", "`qos` is 0, 1 or 2, not 3");
    wrong("kind = 'counter', limit = 0", "`limit` is at least 1");
    wrong("kind = 'counter', rate = -1", "`rate` is 0 to 10000 a second, not -1");
    wrong("kind = 'counter', rate = 20000", "`rate` is 0 to 10000 a second, not 20000");
    wrong("kind = 'counter', rate = nan", "not NaN");
    wrong("kind = 'counter', rate = 'fast'", "expected f64");
    wrong("kind = 'counter', topic = 'a/#'", "must not contain + or #");
    wrong("kind = 'counter', colour = 'red'", "unknown field `colour`");
    wrong("kind = 'tally', topic = 'a#'", "# must stand alone");
    wrong("kind = 'tally', topics = []", "a tally needs a topic");
    wrong("kind = 'tally', topic = 'a', topics = ['b']", "this tally has `topic` and `topics`");
}

#[test]
fn which_programs_a_board_may_have() {
    let several = BOARDS.replace("'tally' }]", "'tally' }, { name = 'u', kind = 'tally' }]");
    assert_eq!(Scenario::parse("s.toml", &several).map(drop), Ok(()));
    let taken = BOARDS.replace("name = 't'", "name = 'card1_monitor'");
    let error = Scenario::parse("s.toml", &taken).expect_err("a card's client id").to_string();
    assert!(error.contains("`card1_monitor` is the client id of another kind"), "{error}");
}
