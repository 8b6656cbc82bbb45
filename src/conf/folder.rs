//! A scenario's folder: its `scenario.toml` and the boards' conf files, from the executable or from
//! the disk, opened in the same way.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::builtin;
use super::engine::{Choice, Engine};
use super::error::{ConfError, Mistake, Sort};
use super::mosquitto::Config;
use super::scenario::{Board, Scenario, Step, read::meant};

/// The name of the file that makes a folder a scenario.
pub const SCENARIO_FILE: &str = "scenario.toml";

/// The texts of a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// The scenario's short name: `dual-board`; names its state's folder too.
    pub name: String,
    /// The text of `scenario.toml`.
    pub scenario: String,
    /// The other files: name and text.
    pub files: BTreeMap<String, String>,
    /// What stands before a file's name in messages: empty, or the folder's path and a slash.
    prefix: String,
    /// Where it is on the disk.
    path: Option<PathBuf>,
}

/// A board's conf file as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfText {
    /// Its name in messages.
    pub file: String,
    /// All of it.
    pub text: String,
    /// The folder that paths in it start from, where it is one on the disk.
    pub folder: Option<PathBuf>,
}

/// A scenario with what can be read of its boards' conf files, and what is wrong in them.
#[derive(Debug, Clone)]
pub struct Survey {
    /// The scenario.
    pub scenario: Scenario,
    /// The boards' conf files, in the order of the boards; none where there is no such file.
    pub confs: Vec<Option<Config>>,
    /// The same as they were written; empty where there is none.
    pub texts: Vec<ConfText>,
    /// Everything that is wrong.
    pub mistakes: Vec<Mistake>,
}

/// A scenario with its boards' conf files, checked against each other.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The scenario.
    pub scenario: Scenario,
    /// What each board's conf file says, in the order of the boards.
    pub confs: Vec<Config>,
    /// The same as they were written; empty for a board without one.
    pub texts: Vec<ConfText>,
}

impl Opened {
    /// One more step for the scenario's script, in one line, all names checked.
    ///
    /// # Errors
    /// What is wrong in it, as [`Folder::open`] says it of a script.
    pub fn step(&self, text: &str) -> Result<Step, ConfError> {
        let step = self.scenario.step(text)?;
        let wrong = |(what, help)| Mistake {
            sort: Sort::Wrong,
            file: "this step".to_owned(),
            line: None,
            text: String::new(),
            what,
            help,
        };
        let names = bridge_names(self.confs.iter());
        let bridge = step.deed.bridge().and_then(|it| unknown_bridge(it, &names));
        let cable = self.scenario.cable_of(&step);
        let cable = cable.and_then(|it| unknown_cable(it, &self.scenario, &names));
        match bridge.or(cable) {
            Some(mistake) => Err(wrong(mistake).into()),
            None => Ok(step),
        }
    }
}

impl Folder {
    /// The built-in scenario of that name; [`builtin::NAMES`] lists them.
    #[must_use]
    pub fn builtin(name: &str) -> Option<Self> {
        let (scenario, files) = builtin::texts(name)?;
        let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        Some(Self {
            name: name.to_owned(),
            scenario: scenario.to_owned(),
            files: files.iter().map(owned).collect(),
            prefix: String::new(),
            path: None,
        })
    }

    /// A scenario of these files, by their names.
    #[must_use]
    pub fn of(name: &str, mut files: BTreeMap<String, String>) -> Self {
        let scenario = files.remove(SCENARIO_FILE).unwrap_or_default();
        Self { name: name.to_owned(), scenario, files, prefix: String::new(), path: None }
    }

    /// Reads a folder: `scenario.toml` and every `.conf` file beside it.
    ///
    /// # Errors
    /// The folder, or a file in it, cannot be read.
    pub fn read(path: &Path) -> Result<Self, ConfError> {
        let shown = path.display().to_string();
        let scenario = text_of(&path.join(SCENARIO_FILE))?;
        let unreadable = |why: std::io::Error| {
            let what = format!("the folder cannot be read: {why}");
            Mistake::of_file(&shown, what, "check the path")
        };
        let mut files = BTreeMap::new();
        for entry in std::fs::read_dir(path).map_err(unreadable)? {
            let file = entry.map_err(unreadable)?.path();
            let Some(name) = file.file_name().and_then(|name| name.to_str()) else { continue };
            if file.extension().is_some_and(|end| end == "conf") {
                files.insert(name.to_owned(), text_of(&file)?);
            }
        }
        // A path such as `.` has no name of its own before it is made absolute.
        let absolute = std::path::absolute(path).map_err(unreadable)?;
        let name = absolute
            .file_name()
            .map_or_else(|| "scenario".to_owned(), |name| name.to_string_lossy().into_owned());
        let prefix = format!("{shown}/");
        Ok(Self { name, scenario, files, prefix, path: Some(absolute) })
    }

    /// Parses all texts and checks what one file says of another. `host` is the machine's name, for
    /// bridges without a `remote_clientid`.
    ///
    /// # Errors
    /// Everything that is wrong: in `scenario.toml` first, as the rest hangs on it.
    pub fn open(&self, host: &str) -> Result<Opened, ConfError> {
        self.open_with(host, &[])
    }

    /// The same, with these engines in place of what the scenario says.
    ///
    /// # Errors
    /// Also when there is no such board.
    pub fn open_with(&self, host: &str, engines: &[Choice]) -> Result<Opened, ConfError> {
        let Survey { scenario, confs, texts, mistakes } = self.survey_with(host, engines)?;
        if mistakes.is_empty() {
            let confs = confs.into_iter().flatten().collect();
            return Ok(Opened { scenario, confs, texts });
        }
        Err(ConfError { mistakes })
    }

    /// Does as [`Folder::open`] does, but keeps what can be read of a folder with mistakes.
    ///
    /// # Errors
    /// Everything that is wrong in `scenario.toml`, as the rest hangs on it.
    pub fn survey(&self, host: &str) -> Result<Survey, ConfError> {
        self.survey_with(host, &[])
    }

    fn survey_with(&self, host: &str, engines: &[Choice]) -> Result<Survey, ConfError> {
        let file = format!("{}{SCENARIO_FILE}", self.prefix);
        let mut scenario = Scenario::parse(&file, &self.scenario)?;
        choose(&mut scenario, engines)?;
        let mut mistakes = Vec::new();
        let (mut confs, mut texts) = (Vec::new(), Vec::new());
        for board in &scenario.boards {
            let text = self.conf_text(board, &file).unwrap_or_else(|missing| {
                mistakes.push(missing);
                None
            });
            confs.push(match &text {
                Some(text) => {
                    let read = Config::read_for(&board.engine, &text.file, &text.text, host);
                    mistakes.extend(read.1);
                    Some(read.0)
                }
                None => matches!(board.engine, Engine::Remote(_)).then(Config::default),
            });
            texts.push(text.unwrap_or_default());
        }
        if mistakes.is_empty() {
            let confs: Vec<_> = confs.iter().flatten().collect();
            mistakes.extend(self.bridges(&scenario, &confs, &file));
            mistakes.extend(self.ports(&scenario, &confs, &file));
        }
        Ok(Survey { scenario, confs, texts, mistakes })
    }

    /// The text of a board's conf file; none where it needs none.
    fn conf_text(&self, board: &Board, file: &str) -> Result<Option<ConfText>, Mistake> {
        let Some(name) = &board.conf else {
            if matches!(board.engine, Engine::Remote(_)) {
                return Ok(None);
            }
            let what = format!("this board has no conf file, and {} needs one", board.engine);
            return Err(self.mistake(file, board.line, what, None));
        };
        let Some(text) = self.files.get(name) else {
            let what = format!("there is no file `{name}` beside {SCENARIO_FILE}");
            let help = meant(name, self.files.keys().map(String::as_str));
            return Err(self.mistake(file, board.line, what, help));
        };
        let (file, text) = (format!("{}{name}", self.prefix), text.clone());
        Ok(Some(ConfText { file, text, folder: self.path.clone() }))
    }

    /// Bridges that are spoken of and are in no conf file, and those that share a name.
    fn bridges(&self, scenario: &Scenario, confs: &[&Config], file: &str) -> Vec<Mistake> {
        let names = bridge_names(confs.iter().copied());
        let bridges = scenario.bridges_named();
        let bridges = bridges.filter_map(|(it, line)| Some((line, unknown_bridge(it, &names)?)));
        let cables = scenario.cables_named();
        let cables =
            cables.filter_map(|(it, line)| Some((line, unknown_cable(it, scenario, &names)?)));
        let unknown = bridges.chain(cables);
        let mut mistakes: Vec<_> =
            unknown.map(|(line, (what, help))| self.mistake(file, line, what, help)).collect();
        mistakes.sort_by_key(|mistake| mistake.line);
        let mut owners = BTreeMap::new();
        for (board, conf) in scenario.boards.iter().zip(confs) {
            for bridge in &conf.settings.bridges {
                if let Some(other) = owners.insert(bridge.name.as_str(), &board.name) {
                    let what = format!("`{other}` has a `connection {}` as well", bridge.name);
                    let help = "a bridge's name is unique in a scenario".to_owned();
                    mistakes.push(self.mistake(file, board.line, what, Some(help)));
                }
            }
        }
        mistakes
    }

    /// Boards that would listen on the same port.
    fn ports(&self, scenario: &Scenario, confs: &[&Config], file: &str) -> Vec<Mistake> {
        let mut owners: BTreeMap<u16, &Board> = BTreeMap::new();
        let mut mistakes = Vec::new();
        for (board, conf) in scenario.boards.iter().zip(confs) {
            for listener in &conf.listeners {
                let other = *owners.entry(listener.port).or_insert(board);
                if other.name != board.name {
                    let what =
                        format!("`{}` listens on port {} as well", other.name, listener.port);
                    let help = format!("give the `listener` of `{}` another port", board.name);
                    mistakes.push(self.mistake(file, board.line, what, Some(help)));
                }
            }
        }
        mistakes
    }

    fn mistake(&self, file: &str, line: usize, what: String, help: Option<String>) -> Mistake {
        let text = self.scenario.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        let text = text.trim().to_owned();
        Mistake { sort: Sort::Wrong, file: file.to_owned(), line: Some(line), text, what, help }
    }
}

fn bridge_names<'a>(confs: impl Iterator<Item = &'a Config>) -> Vec<&'a str> {
    confs.flat_map(|conf| &conf.settings.bridges).map(|it| it.name.as_str()).collect()
}

/// What is wrong and the help, where no conf file has that bridge.
fn unknown_bridge(name: &str, bridges: &[&str]) -> Option<(String, Option<String>)> {
    let what = || format!("no conf file has a `connection {name}`");
    (!bridges.contains(&name)).then(|| (what(), meant(name, bridges.iter().copied())))
}

/// The same for a cable that is no program's and no board's.
fn unknown_cable(
    name: &str,
    scenario: &Scenario,
    bridges: &[&str],
) -> Option<(String, Option<String>)> {
    if bridges.contains(&name) {
        return None;
    }
    let boards = scenario.boards.iter().map(|it| it.name.as_str());
    let programs = scenario.boards.iter().flat_map(|it| &it.programs).map(|it| it.name.as_str());
    let all = bridges.iter().copied().chain(programs).chain(boards);
    Some((format!("there is no cable `{name}`"), meant(name, all)))
}

/// Puts the engines in place of what the scenario says.
fn choose(scenario: &mut Scenario, engines: &[Choice]) -> Result<(), Mistake> {
    for choice in engines {
        let Some(name) = &choice.board else {
            for board in &mut scenario.boards {
                board.engine = choice.engine.clone();
            }
            continue;
        };
        let Some(board) = scenario.boards.iter_mut().find(|board| board.name == *name) else {
            let names = scenario.boards.iter().map(|board| board.name.as_str());
            let help = meant(name, names).unwrap_or_default();
            let option = format!("--engine {choice}");
            return Err(Mistake::of_file(&option, format!("there is no board `{name}`"), help));
        };
        board.engine = choice.engine.clone();
    }
    Ok(())
}

fn text_of(path: &Path) -> Result<String, Mistake> {
    std::fs::read_to_string(path).map_err(|why| {
        let help =
            format!("a scenario is a folder with `{SCENARIO_FILE}` and its boards' conf files");
        Mistake::of_file(&path.display().to_string(), format!("cannot be read: {why}"), help)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCENARIO: &str = "title = 'T'\n\
        [[board]]\nname = 'one'\nconf = 'one.conf'\n\
        [[board]]\nname = 'two'\nconf = 'two.conf'\n\
        [[step]]\ncut = 'link'\n\
        [[expect]]\nconnected = 'link'\n";
    const ONE: &str = "listener 1883\nallow_anonymous true\n";
    const TWO: &str = "listener 1884\nallow_anonymous true\n\
        connection link\naddress localhost\ntopic # in\n";

    fn folder(one: &str, two: &str, scenario: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in [("one.conf", one), ("two.conf", two), (SCENARIO_FILE, scenario)] {
            std::fs::write(folder.path().join(name), text).expect("a file");
        }
        folder
    }

    #[test]
    fn a_folder_on_the_disk() {
        let kept = folder(ONE, TWO, SCENARIO);
        let read = Folder::read(kept.path()).expect("a folder");
        assert_eq!(Some(read.name.as_str()), kept.path().file_name().and_then(|it| it.to_str()));
        let opened = read.open("host").expect("a scenario");
        let ports: Vec<_> = opened.confs.iter().map(|conf| conf.listeners[0].port).collect();
        assert_eq!(ports, [1883, 1884]);
    }

    #[test]
    fn what_one_file_says_of_another() {
        let check = |one: &str, two: &str, scenario: &str, expected: &str| {
            let kept = folder(one, two, scenario);
            let error = Folder::read(kept.path()).expect("a folder").open("host");
            let error = error.map(drop).expect_err("a mistake").to_string();
            let shown = error.replace(&kept.path().display().to_string(), "DIR");
            assert!(shown.contains(expected), "{shown}");
        };
        check(
            ONE,
            TWO,
            &SCENARIO.replace("two.conf", "tow.conf"),
            "DIR/scenario.toml:6: there is no file `tow.conf` beside scenario.toml\n    \
             name = 'two'\n    help: did you mean `two.conf`?",
        );
        check(ONE, "listener 1884\n", SCENARIO, "DIR/two.conf:1: this listener would refuse");
        check(
            ONE,
            TWO,
            &SCENARIO.replace("cut = 'link'", "cut = 'lnk'"),
            "DIR/scenario.toml:8: there is no cable `lnk`\n    [[step]]\n    \
             help: did you mean `link`?",
        );
        check(ONE, &TWO.replace("link", "other"), SCENARIO, "DIR/scenario.toml:10: no conf file");
        let held = SCENARIO.replace("cut = 'link'", "hold = 'twoo'");
        check(
            ONE,
            TWO,
            &held,
            "there is no cable `twoo`\n    [[step]]\n    help: did you mean `two`?",
        );
        let front = SCENARIO.replace("cut = 'link'", "hold = 'two'");
        let kept = folder(ONE, TWO, &front);
        let opened = Folder::read(kept.path()).expect("a folder").open("host").expect("a scenario");
        let step = |text: &str| {
            opened.step(text).map(|it| it.deed.to_string()).map_err(|it| it.to_string())
        };
        assert_eq!(step("cut = 'link'"), Ok("cut the cable of link".to_owned()));
        assert_eq!(step("kill = { bridge = 'link' }"), Ok("kill the bridge link".to_owned()));
        let wrong = "this step: there is no cable `lnk`\n    help: did you mean `link`?";
        assert_eq!(step("cut = 'lnk'"), Err(wrong.to_owned()));
        let wrong = "this step: no conf file has a `connection two`\n    help: there is `link`";
        assert_eq!(step("kill = { bridge = 'two' }"), Err(wrong.to_owned()));
        check(TWO, &TWO.replace("1884", "1885"), SCENARIO, "`one` has a `connection link` as well");
        check(ONE, &TWO.replace("1884", "1883"), SCENARIO, "`one` listens on port 1883 as well");
    }

    #[test]
    fn engines_of_the_command_line() {
        let kept = folder(ONE, TWO, SCENARIO);
        let read = Folder::read(kept.path()).expect("a folder");
        let open = |choices: &[&str]| {
            let choices: Vec<_> = choices.iter().map(|it| it.parse().expect("a choice")).collect();
            let opened = read.open_with("host", &choices).map_err(|error| error.to_string())?;
            Ok(opened.scenario.boards.into_iter().map(|it| it.engine.to_string()).collect())
        };
        let check = |choices: &[&str], expected: [&str; 2]| {
            let engines: Result<Vec<String>, String> = open(choices);
            assert_eq!(engines, Ok(expected.map(str::to_owned).to_vec()), "{choices:?}");
        };
        check(&[], ["native", "native"]);
        check(&["mosquitto"], ["mosquitto", "mosquitto"]);
        check(&["mosquitto", "two=native"], ["mosquitto", "native"]);
        check(&["two=remote:far:1"], ["native", "remote:far:1"]);
        let error = open(&["twoo=rumqttd"]).expect_err("no such board");
        let expected =
            "--engine twoo=rumqttd: there is no board `twoo`\n    help: did you mean `two`?";
        assert_eq!(error, expected);
    }

    #[test]
    fn what_mosquitto_alone_can_is_no_mistake_for_it() {
        let one = "listener 1883\npassword_file users\nprotocol websockets\nnew_option 1\n\
                   autosave_interval 1\n";
        let kept = folder(one, TWO, SCENARIO);
        let read = Folder::read(kept.path()).expect("a folder");
        let error = read.open("host").map(drop).expect_err("not for us").to_string();
        assert!(error.contains("one.conf:2: `password_file` is an option of mosquitto's that"));
        let choice = ["one=mosquitto".parse().expect("a choice")];
        let opened = read.open_with("host", &choice).expect("mosquitto's business");
        let notes: Vec<_> = opened.confs[0].notes.iter().map(ToString::to_string).collect();
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert!(notes[0].contains("one.conf:4: `new_option` is not known here: mosquitto decides"));
        assert_eq!(opened.texts[0].text, one);
        assert_eq!(opened.texts[0].folder.as_deref(), Some(kept.path()));
    }

    #[test]
    fn a_folder_that_is_none() {
        let empty = tempfile::tempdir().expect("a folder");
        let error = Folder::read(empty.path()).expect_err("no scenario").to_string();
        assert!(error.contains("scenario.toml: cannot be read"), "{error}");
        assert!(error.contains("help: a scenario is a folder with"), "{error}");
    }
}
