//! Reads `scenario.toml` and checks what serde cannot: that names are unique and known, that
//! sensors belong to their programs, that a step does one thing.

use std::collections::BTreeMap;
use std::time::Duration;

use toml::{Spanned, Table};

use super::raw::{
    RawBoard, RawCondition, RawCounted, RawLine, RawMessage, RawNumbers, RawScenario, RawState,
    RawStep,
};
use super::read_programs::{AT_ONCE, word};
use super::{
    Board, BreachKind, Condition, Counts, DEFAULT_WITHIN, Deed, Expectation, Kind, Scenario, Step,
    Target,
};
use crate::conf::engine::Engine;
use crate::conf::error::{ConfError, Mistake, Sort};
use crate::conf::mosquitto::parse_address;
use crate::conf::nearest::nearest;
use crate::mqtt::{Message, Topic};

/// What a step can do, as it is written.
pub const DEEDS: &[&str] = &[
    "toggle",
    "set",
    "stop",
    "start",
    "restart",
    "kill",
    "freeze",
    "thaw",
    "power_off",
    "power_on",
    "disk_full",
    "disk_slow",
    "disk_ok",
    "cut",
    "cut_silently",
    "hold",
    "fault",
    "clear",
    "release",
    "reset",
    "mend",
    "publish",
    "message",
    "wait",
    "wait_until",
];

/// Reads the text of a file.
pub(super) fn scenario(file: &str, text: &str) -> Result<Scenario, ConfError> {
    let mut check = Check { file, text, mistakes: Vec::new(), programs: BTreeMap::new() };
    let raw: RawScenario = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        check.wrong(at, error.message(), None);
        ConfError { mistakes: std::mem::take(&mut check.mistakes) }
    })?;
    let boards = check.boards(raw.board);
    let steps = raw.step.into_iter().filter_map(|step| check.step(step, &boards)).collect();
    let (mut expectations, mut breaches) = (Vec::new(), Vec::new());
    for mut expected in raw.expect {
        match expected.get_mut().breach.take() {
            Some(kind) => breaches.extend(check.breach(&kind, &expected)),
            None => expectations.extend(check.expectation(expected)),
        }
    }
    if !check.mistakes.is_empty() {
        check.mistakes.sort_by_key(|mistake| mistake.line);
        return Err(ConfError { mistakes: check.mistakes });
    }
    let (title, description, fuse, budget) = (raw.title, raw.description, raw.fuse, raw.explore);
    Ok(Scenario { title, description, fuse, budget, boards, steps, expectations, breaches })
}

/// Reads one step in a line of its own.
pub(super) fn step(scenario: &Scenario, text: &str) -> Result<Step, ConfError> {
    let programs = scenario.boards.iter().flat_map(|board| &board.programs);
    let programs = programs.map(|program| (program.name.clone(), program.kind())).collect();
    // Several keys in one line are an inline table.
    let inline = toml::from_str::<Table>(text).is_err();
    let text = if inline { format!("step = {{ {text} }}") } else { text.to_owned() };
    let raw = if inline {
        toml::from_str::<RawLine>(&text).map(|line| line.step)
    } else {
        toml::from_str(&text)
    };
    let mut check = Check { file: "this step", text: &text, mistakes: Vec::new(), programs };
    let found = match raw {
        Ok(raw) => check.step(Spanned::new(0..0, raw), &scenario.boards),
        Err(error) => {
            check.wrong(0, error.message(), None);
            None
        }
    };
    found.ok_or(()).and_then(|it| if check.mistakes.is_empty() { Ok(it) } else { Err(()) }).map_err(
        |()| {
            // There is one line, which whoever wrote it sees.
            let plain = |it| Mistake { line: None, text: String::new(), ..it };
            ConfError { mistakes: check.mistakes.into_iter().map(plain).collect() }
        },
    )
}

/// The checks, and what they found. Places are bytes of the text.
pub(super) struct Check<'a> {
    file: &'a str,
    text: &'a str,
    mistakes: Vec<Mistake>,
    pub(super) programs: BTreeMap<String, Kind>,
}

impl Check<'_> {
    fn line(&self, at: usize) -> usize {
        self.text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
    }

    pub(super) fn wrong(&mut self, at: usize, what: impl Into<String>, help: Option<String>) {
        let line = self.line(at);
        let text = self.text.lines().nth(line - 1).unwrap_or_default().trim().to_owned();
        let (sort, file) = (Sort::Wrong, self.file.to_owned());
        self.mistakes.push(Mistake { sort, file, line: Some(line), text, what: what.into(), help });
    }

    fn boards(&mut self, raw: Vec<RawBoard>) -> Vec<Board> {
        if raw.is_empty() {
            let what = "a scenario needs a board";
            self.wrong(0, what, Some("add a `[[board]]` with `name` and `conf`".to_owned()));
        }
        let mut boards: Vec<Board> = Vec::new();
        for board in raw {
            let (at, name) = (board.name.span().start, board.name.into_inner());
            self.name(at, &name);
            if boards.iter().any(|other| other.name == name) {
                self.wrong(at, format!("there is a board `{name}` already"), None);
            }
            let engine = self.engine(board.engine, board.address);
            let conf = board.conf.map(|conf| self.conf(conf));
            if conf.is_none() && !matches!(engine, Engine::Remote(_)) {
                let help = "add `conf = \"FILE.conf\"`, or `engine = \"remote\"` and its `address`";
                self.wrong(at, "this board has no conf file", Some(help.to_owned()));
            }
            let programs = self.programs(board.program);
            let (title, line) = (board.title.unwrap_or_else(|| name.clone()), self.line(at));
            boards.push(Board { name, title, conf, engine, programs, line });
        }
        boards
    }

    fn conf(&mut self, raw: Spanned<String>) -> String {
        let (at, conf) = (raw.span().start, raw.into_inner());
        if conf.is_empty() || conf.contains(['/', '\\']) {
            let help = "put the file beside scenario.toml and write its name alone";
            self.wrong(at, format!("`{conf}` is no file's name"), Some(help.to_owned()));
        }
        conf
    }

    fn engine(
        &mut self,
        engine: Option<Spanned<String>>,
        address: Option<Spanned<String>>,
    ) -> Engine {
        let (at, word) = match engine {
            Some(it) => (it.span().start, it.into_inner()),
            None => (0, "native".to_owned()),
        };
        let Some(address) = address else {
            if word == "remote" {
                let help = "add where it listens: `address = \"HOST:PORT\"`";
                self.wrong(at, "a remote broker needs an address", Some(help.to_owned()));
                return Engine::Native;
            }
            return word.parse().unwrap_or_else(|_| {
                let help = meant(&word, ["native", "rumqttd", "mosquitto", "remote"].into_iter());
                self.wrong(at, format!("there is no engine `{word}`"), help);
                Engine::Native
            });
        };
        let address_at = address.span().start;
        if word != "remote" {
            let help = "the others listen where their conf files say".to_owned();
            let what = "`address` belongs to a board with `engine = \"remote\"`";
            self.wrong(address_at, what, Some(help));
            return Engine::Native;
        }
        match parse_address(&address.into_inner()) {
            Ok(address) => Engine::Remote(address),
            Err(what) => {
                self.wrong(address_at, what, None);
                Engine::Native
            }
        }
    }

    /// A name also becomes the name of a folder.
    pub(super) fn name(&mut self, at: usize, name: &str) {
        let fit = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || !name.chars().all(fit) {
            let help = "a name has letters, digits, `_` and `-`; what people read is the title";
            self.wrong(at, format!("`{name}` cannot be a name"), Some(help.to_owned()));
        }
    }

    fn step(&mut self, raw: Spanned<RawStep>, boards: &[Board]) -> Option<Step> {
        let at = raw.span().start;
        let mut raw = raw.into_inner();
        let (say, within) = (raw.say.take(), self.within(&raw));
        let at_time = raw.at.take().map(|time| self.seconds("at", &time));
        let mut deeds = self.deeds(raw, within, boards);
        let deed = match deeds.len() {
            1 => deeds.pop().flatten(),
            0 => {
                let help = format!("write one of {}", DEEDS.join(", "));
                self.wrong(at, "this step does nothing", Some(help));
                None
            }
            _ => {
                let help = "write a `[[step]]` for each, in the order wanted";
                self.wrong(at, "this step does several things", Some(help.to_owned()));
                None
            }
        };
        deed.map(|deed| Step { say, at: at_time, deed, line: self.line(at) })
    }

    fn within(&mut self, raw: &RawStep) -> Duration {
        let Some(within) = &raw.within else { return DEFAULT_WITHIN };
        let (at, seconds) = (within.span().start, *within.get_ref());
        if raw.wait_until.is_none() {
            self.wrong(at, "`within` belongs to a step with `wait_until`", None);
        } else if !(1..=3600).contains(&seconds) {
            self.wrong(at, format!("`within` is 1 to 3600 seconds, not {seconds}"), None);
        }
        Duration::from_secs(seconds)
    }

    /// Everything a step does, which should be one thing; a wrong condition stands as none.
    fn deeds(&mut self, mut raw: RawStep, within: Duration, boards: &[Board]) -> Vec<Option<Deed>> {
        let faults = self.faults(&mut raw, boards);
        let toggle = raw.toggle.map(|it| {
            let (at, it) = (it.span().start, it.into_inner());
            self.own_sensor(at, &it.program, it.sensor);
            Some(Deed::Toggle { program: it.program, sensor: it.sensor })
        });
        let set = raw.set.map(|it| {
            let (at, it) = (it.span().start, it.into_inner());
            self.own_sensor(at, &it.program, it.sensor);
            Some(Deed::Set { program: it.program, sensor: it.sensor, ok: it.ok })
        });
        let mut on_target = |target: Option<Spanned<Target>>, deed: fn(Target) -> Deed| {
            target.map(|it| Some(deed(self.target(it, boards))))
        };
        let stop = on_target(raw.stop, Deed::Stop);
        let start = on_target(raw.start, Deed::Start);
        let restart = on_target(raw.restart, Deed::Restart);
        let kill = on_target(raw.kill, Deed::Kill);
        let mut on_board = |board: Option<Spanned<String>>, deed: fn(String) -> Deed| {
            board.map(|it| {
                self.known_board(it.span().start, it.get_ref(), boards);
                Some(deed(it.into_inner()))
            })
        };
        let off = on_board(raw.power_off, Deed::PowerOff);
        let on = on_board(raw.power_on, Deed::PowerOn);
        let publish = raw.publish.map(|it| Some(self.publish(it)));
        let message = raw.message.map(|it| self.message(it));
        let wait = raw.wait_until.map(|it| {
            let condition = self.condition(it)?;
            Some(Deed::WaitUntil { condition, within })
        });
        let all = [toggle, set, stop, start, restart, kill, off, on, publish, message, wait];
        all.into_iter().flatten().chain(faults).collect()
    }

    fn publish(&mut self, raw: Spanned<RawNumbers>) -> Deed {
        let (at, RawNumbers { program, count }) = (raw.span().start, raw.into_inner());
        self.of_kind(at, &program, Kind::Counter);
        if !AT_ONCE.contains(&count) {
            let (first, last) = (AT_ONCE.start(), AT_ONCE.end());
            self.wrong(at, format!("`count` is {first} to {last}, not {count}"), None);
        }
        Deed::Publish { program, count }
    }

    fn message(&mut self, raw: Spanned<RawMessage>) -> Option<Deed> {
        let (at, raw) = (raw.span().start, raw.into_inner());
        self.known_program(at, &raw.program);
        let topic = self.parsed(raw.topic.span().start, Topic::parse(raw.topic.get_ref()));
        let qos = self.qos(raw.qos.as_ref());
        let message = Message::new(topic?, raw.payload, qos?, raw.retain);
        Some(Deed::Message { program: raw.program, message })
    }

    pub(super) fn target(&mut self, raw: Spanned<Target>, boards: &[Board]) -> Target {
        let (at, target) = (raw.span().start, raw.into_inner());
        match &target {
            Target::Program(name) => {
                self.known_program(at, name);
            }
            Target::Broker(board) => self.known_board(at, board, boards),
            // Bridges are named in conf files, which are not read yet.
            Target::Bridge(_) => {}
        }
        target
    }

    /// A breach that is expected, which stands alone.
    fn breach(
        &mut self,
        kind: &Spanned<String>,
        beside: &Spanned<RawCondition>,
    ) -> Option<BreachKind> {
        if beside.get_ref().is_something() {
            let help = "write an `[[expect]]` for each";
            let what = "this expects a breach and a condition";
            self.wrong(beside.span().start, what, Some(help.to_owned()));
        }
        let (at, name) = (kind.span().start, kind.get_ref());
        let found = BreachKind::parse(name);
        if found.is_none() {
            let help = meant(name, BreachKind::ALL.into_iter().map(BreachKind::name));
            self.wrong(at, format!("there is no breach `{name}`"), help);
        }
        found
    }

    fn expectation(&mut self, raw: Spanned<RawCondition>) -> Option<Expectation> {
        let line = self.line(raw.span().start);
        Some(Expectation { condition: self.condition(raw)?, line })
    }

    fn condition(&mut self, raw: Spanned<RawCondition>) -> Option<Condition> {
        let (at, raw) = (raw.span().start, raw.into_inner());
        if raw.breach.is_some() {
            let help = "the verdict is given at the end: write it in an `[[expect]]`";
            self.wrong(at, "nothing can wait for a breach", Some(help.to_owned()));
            return None;
        }
        let shows = raw.shows.map(|it| {
            self.shown_sensor(at, &it.program, it.sensor);
            let state = match it.r#as {
                RawState::Ok => Some(true),
                RawState::Ko => Some(false),
                RawState::Unknown => None,
            };
            Condition::Shows { program: it.program, sensor: it.sensor, state }
        });
        for program in [&raw.online, &raw.offline].into_iter().flatten() {
            self.known_program(at, program);
        }
        if raw.agree == Some(false) || raw.quiet == Some(false) {
            self.wrong(at, "`agree` and `quiet` can only be true here", None);
            return None;
        }
        let published = raw.published.map(|RawNumbers { program, count }| {
            self.of_kind(at, &program, Kind::Counter);
            Condition::Published { program, count }
        });
        let counted = raw.counted.map(|it| self.counted(at, it));
        let found = [
            shows,
            published,
            counted,
            raw.online.map(Condition::Online),
            raw.offline.map(Condition::Offline),
            raw.connected.map(Condition::Connected),
            raw.disconnected.map(Condition::Disconnected),
            raw.agree.map(|_| Condition::Agree),
            raw.quiet.map(|_| Condition::Quiet),
        ];
        let mut found: Vec<_> = found.into_iter().flatten().collect();
        if found.len() != 1 {
            let help = "write one of shows, online, offline, connected, disconnected, agree, quiet, \
                        published, counted, or in an `[[expect]]` breach";
            self.wrong(at, "this must be one condition", Some(help.to_owned()));
            return None;
        }
        found.pop()
    }

    fn counted(&mut self, at: usize, raw: RawCounted) -> Condition {
        let RawCounted { program, received, missing, doubled, out_of_order } = raw;
        self.of_kind(at, &program, Kind::Tally);
        let counts = Counts { received, missing, doubled, out_of_order };
        if counts == Counts::default() {
            let help = "write at least one of received, missing, doubled, out_of_order";
            self.wrong(at, "`counted` says no count", Some(help.to_owned()));
        }
        Condition::Counted { program, counts }
    }

    /// Whether a program is what a deed or condition speaks of.
    fn of_kind(&mut self, at: usize, program: &str, kind: Kind) {
        if self.known_program(at, program).is_some_and(|it| it != kind) {
            let what = format!("`{program}` is not {}", word(kind));
            let known = self.programs.iter().filter(|(_, it)| **it == kind).map(|(name, _)| name);
            let known: Vec<_> = known.map(|name| format!("`{name}`")).collect();
            let help = (!known.is_empty()).then(|| format!("there is {}", known.join(", ")));
            self.wrong(at, what, help);
        }
    }

    fn own_sensor(&mut self, at: usize, program: &str, sensor: u8) {
        if self.known_program(at, program).is_some_and(|kind| !kind.owns(sensor)) {
            let what = format!("`{program}` has no button for sensor {sensor}");
            let help = "card1 has sensors 1 to 3, card2 has 4 to 6, the others have none";
            self.wrong(at, what, Some(help.to_owned()));
        }
    }

    fn shown_sensor(&mut self, at: usize, program: &str, sensor: u8) {
        if self.known_program(at, program).is_some_and(|kind| !kind.shows(sensor)) {
            let help = "card1 shows sensors 1 to 3, card2 and the display 1 to 6, the others none";
            let what = format!("`{program}` does not show sensor {sensor}");
            self.wrong(at, what, Some(help.to_owned()));
        }
    }

    fn known_program(&mut self, at: usize, name: &str) -> Option<Kind> {
        let kind = self.programs.get(name).copied();
        if kind.is_none() {
            let help = meant(name, self.programs.keys().map(String::as_str));
            self.wrong(at, format!("there is no program `{name}`"), help);
        }
        kind
    }

    pub(super) fn known_board(&mut self, at: usize, name: &str, boards: &[Board]) {
        if boards.iter().all(|board| board.name != name) {
            let help = meant(name, boards.iter().map(|board| board.name.as_str()));
            self.wrong(at, format!("there is no board `{name}`"), help);
        }
    }
}

/// The help for a name that is not known.
pub(in crate::conf) fn meant<'a>(
    name: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Option<String> {
    let all = known.clone().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match nearest(name, known) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if all.is_empty() => None,
        None => Some(format!("there is {all}")),
    }
}
