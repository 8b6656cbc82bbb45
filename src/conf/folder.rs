//! A scenario's folder: its `scenario.toml` and the boards' conf files, from the executable or from
//! the disk, opened in the same way.

use std::collections::BTreeMap;
use std::path::Path;

use super::builtin;
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
}

/// A scenario with what can be read of its boards' conf files, and what is wrong in them.
#[derive(Debug, Clone)]
pub struct Survey {
    /// The scenario.
    pub scenario: Scenario,
    /// The boards' conf files, in the order of the boards; none where there is no such file.
    pub confs: Vec<Option<Config>>,
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
        })
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
        Ok(Self { name, scenario, files, prefix })
    }

    /// Parses all texts and checks what one file says of another. `host` is the machine's name, for
    /// bridges without a `remote_clientid`.
    ///
    /// # Errors
    /// Everything that is wrong: in `scenario.toml` first, as the rest hangs on it.
    pub fn open(&self, host: &str) -> Result<Opened, ConfError> {
        let Survey { scenario, confs, mistakes } = self.survey(host)?;
        if mistakes.is_empty() {
            let confs = confs.into_iter().flatten().collect();
            return Ok(Opened { scenario, confs });
        }
        Err(ConfError { mistakes })
    }

    /// Does as [`Folder::open`] does, but keeps what can be read of a folder with mistakes.
    ///
    /// # Errors
    /// Everything that is wrong in `scenario.toml`, as the rest hangs on it.
    pub fn survey(&self, host: &str) -> Result<Survey, ConfError> {
        let file = format!("{}{SCENARIO_FILE}", self.prefix);
        let scenario = Scenario::parse(&file, &self.scenario)?;
        let mut mistakes = Vec::new();
        let mut confs = Vec::new();
        for board in &scenario.boards {
            confs.push(match self.conf(board, &file, host) {
                Ok((conf, wrong)) => {
                    mistakes.extend(wrong);
                    Some(conf)
                }
                Err(missing) => {
                    mistakes.push(missing);
                    None
                }
            });
        }
        if mistakes.is_empty() {
            let confs: Vec<_> = confs.iter().flatten().collect();
            mistakes.extend(self.bridges(&scenario, &confs, &file));
            mistakes.extend(self.ports(&scenario, &confs, &file));
        }
        Ok(Survey { scenario, confs, mistakes })
    }

    fn conf(
        &self,
        board: &Board,
        file: &str,
        host: &str,
    ) -> Result<(Config, Vec<Mistake>), Mistake> {
        let Some(text) = self.files.get(&board.conf) else {
            let what = format!("there is no file `{}` beside {SCENARIO_FILE}", board.conf);
            let help = meant(&board.conf, self.files.keys().map(String::as_str));
            return Err(self.mistake(file, board.line, what, help));
        };
        let file = format!("{}{}", self.prefix, board.conf);
        Ok(Config::read(&file, text, host))
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
                    let help = format!("give the `listener` in {} another port", board.conf);
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
    fn a_folder_that_is_none() {
        let empty = tempfile::tempdir().expect("a folder");
        let error = Folder::read(empty.path()).expect_err("no scenario").to_string();
        assert!(error.contains("scenario.toml: cannot be read"), "{error}");
        assert!(error.contains("help: a scenario is a folder with"), "{error}");
    }
}
