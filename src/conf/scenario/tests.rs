//! The scenario's reader, as a table.

use super::*;

const BOARDS: &str = "title = 'T'
[[board]]
name = 'one'
title = 'Board 1'
conf = 'one.conf'
program = [{ name = 'c1', kind = 'card1' }]
[[board]]
name = 'two'
conf = 'two.conf'
program = [{ name = 'c2', kind = 'card2' }, { name = 'all', kind = 'display' }]
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
    let wait = |condition: &str, expected: &str| {
        let step = format!("wait_until = {{ {condition} }}");
        check(&step, &format!("wait until {expected}, at most 10 s"));
    };
    wait("agree = true", "all programs agree on every sensor");
    wait("quiet = true", "nothing is queued and nothing waits to be sent");
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
    assert_eq!(bridges, [("b", 11), ("b", 15), ("c", 17), ("d", 19)]);
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
        "s.toml:12: there is no program `c`\n    toggle = { program = 'c', sensor = 2 }\n    \
         help: did you mean `c1`?",
    );
    step("toggle = { program = 'monitor', sensor = 2 }", "help: there is `all`, `c1`, `c2`");
    step("toggle = { program = 'c1', sensor = 4 }", "`c1` has no button for sensor 4");
    step("toggle = { program = 'all', sensor = 1 }", "`all` has no button for sensor 1");
    step("set = { program = 'c2', sensor = 0, ok = true }", "`c2` has no button for sensor 0");
    step("toggle = { program = 'c1' }", "s.toml:12: missing field `sensor`");
    step(
        "toggel = { program = 'c1', sensor = 1 }",
        "s.toml:12: unknown field `toggel`, expected one of",
    );
    step("kill = { prog = 'c1' }", "s.toml:12: unknown variant `prog`");
    step("power_off = 'three'", "there is no board `three`");
    step("kill = { broker = 'twoo' }", "help: did you mean `two`?");
    step("kill = { program = 'one' }", "there is no program `one`");
    step("say = 'nothing'", "s.toml:11: this step does nothing");
    step("cut = 'b'\nmend = 'b'", "s.toml:11: this step does several things");
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
    check("[[expect]]\n", "s.toml:11: this must be one condition");
    check("[[step]\n", "s.toml:11: ");
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
    check("conf = 'two.conf'\n", "", "missing field `conf`");
    check("'two.conf'", "'../two.conf'", "s.toml:9: `../two.conf` is no file's name");
    check("title = 'T'", "titel = 'T'", "s.toml:1: unknown field `titel`");
    let error = Scenario::parse("s.toml", "title = 'T'").expect_err("no board").to_string();
    assert!(error.contains("s.toml:1: a scenario needs a board"), "{error}");
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
            "s.toml:12: there is no program `x`",
            "s.toml:13: this step does nothing",
            "s.toml:15: there is no board `y`",
        ]
    );
}
