//! `twinboard check`: what conf files and scenarios will do that nobody may want.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::open;
use crate::conf::folder::SCENARIO_FILE;
use crate::conf::mosquitto::{self, Config};
use crate::conf::{Folder, Mistake};
use crate::lab::findings;
use crate::lint::{self, CHECKS, Finding, Node, Severity, System};
use crate::report;

/// Look for what is wrong with conf files and scenarios before they run.
#[derive(Debug, Args)]
pub struct Check {
    /// Scenarios' folders, folders with conf files, conf files, or a built-in scenario; conf files
    /// are looked at together, as brokers of one system
    #[arg(value_name = "FOLDER|FILE", required_unless_present_any = ["explain", "list"])]
    targets: Vec<String>,
    /// Say why the findings of this id matter
    #[arg(long, value_name = "ID", value_parser = id, conflicts_with = "list")]
    explain: Option<&'static lint::Check>,
    /// List the ids of all checks
    #[arg(long)]
    list: bool,
    /// How to print the findings
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

fn id(text: &str) -> Result<&'static lint::Check, String> {
    lint::explain(text).ok_or_else(|| {
        let ids: Vec<_> = CHECKS.iter().map(|check| check.id).collect();
        format!("there is no such check; there is {}", ids.join(", "))
    })
}

/// Looks and tells. The exit status is 1 when there is a warning or something worse, 0 when not.
pub fn check(check: &Check) -> ExitCode {
    if check.list {
        for check in CHECKS {
            println!("{:18}{}", check.id, check.about);
        }
        return ExitCode::SUCCESS;
    }
    if let Some(check) = check.explain {
        println!("{}: {}\n\n{}", check.id, check.about, check.why);
        return ExitCode::SUCCESS;
    }
    let mut looked = Looked::default();
    for target in &check.targets {
        looked.at(target);
    }
    let (findings, files) = looked.findings();
    print!(
        "{}",
        match check.format {
            Format::Text => report::findings::text(&findings, files),
            Format::Json => report::findings::json(&findings),
        }
    );
    let bad = findings.iter().any(|finding| finding.severity >= Severity::Warning);
    if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// What was looked at so far.
#[derive(Default)]
struct Looked {
    /// Of scenarios, each for itself.
    findings: Vec<Finding>,
    /// Conf files beside them, all together.
    nodes: Vec<Node>,
    mistakes: Vec<Mistake>,
    files: usize,
}

impl Looked {
    fn at(&mut self, target: &str) {
        let path = Path::new(target);
        if path.is_dir() {
            if path.join(SCENARIO_FILE).exists() {
                self.scenario(Folder::read(path).map_err(|error| error.mistakes));
            } else {
                self.folder(path);
            }
        } else if path.ends_with(SCENARIO_FILE) {
            let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
            let folder = Folder::read(folder.unwrap_or(Path::new(".")));
            self.scenario(folder.map_err(|error| error.mistakes));
        } else if let Some(folder) = Folder::builtin(target).filter(|_| !path.exists()) {
            self.scenario(Ok(folder));
        } else {
            self.file(path);
        }
    }

    fn scenario(&mut self, folder: Result<Folder, Vec<Mistake>>) {
        let survey =
            folder.and_then(|folder| folder.survey(&open::host()).map_err(|error| error.mistakes));
        self.files += 1;
        match survey {
            Ok(survey) => {
                self.files += survey.confs.iter().flatten().count();
                self.findings.extend(findings::of_survey(survey));
            }
            Err(mistakes) => self.mistakes.extend(mistakes),
        }
    }

    /// A folder that is no scenario.
    fn folder(&mut self, folder: &Path) {
        let conf = |path: &PathBuf| path.extension().is_some_and(|end| end == "conf");
        let entries = std::fs::read_dir(folder).and_then(|entries| {
            entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()
        });
        let shown = folder.display().to_string();
        match entries {
            Err(why) => {
                let what = format!("the folder cannot be read: {why}");
                self.mistakes.push(Mistake::of_file(&shown, what, "check the path"));
            }
            Ok(mut paths) => {
                paths.retain(conf);
                paths.sort();
                if paths.is_empty() {
                    let what =
                        format!("there is no {SCENARIO_FILE} and no .conf file in this folder");
                    let help = "name a scenario's folder, or conf files";
                    self.mistakes.push(Mistake::of_file(&shown, what, help));
                }
                for path in paths {
                    self.file(&path);
                }
            }
        }
    }

    fn file(&mut self, path: &Path) {
        self.files += 1;
        match mosquitto::text_of(path) {
            Err(mistake) => self.mistakes.push(mistake),
            Ok((file, text)) => {
                let (conf, mistakes) = Config::read(&file, &text, &open::host());
                self.mistakes.extend(mistakes);
                let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                self.nodes.push(Node { name, conf, clients: Vec::new() });
            }
        }
    }

    fn findings(self) -> (Vec<Finding>, usize) {
        let mut findings = lint::check(&System::new(self.nodes, self.mistakes));
        findings.extend(self.findings);
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        (findings, self.files)
    }
}
