//! A recipe as a file and as a string, and back.
//!
//! ```toml
//! # A run of the scenario dual-board. Play it: twinboard replay FILE
//! run = 1
//! scenario = "dual-board"
//! digest = "1f0c94ab"                 # of a built-in's files; `[files]` has those of another one
//! seed = 7
//! script = false                      # the steps here take the place of the script
//!
//! [[step]]
//! at = 2.5
//! toggle = { program = "card1_monitor", sensor = 2 }
//!
//! [[by_hand]]
//! after = 118
//! at = 3.000021
//! cut = "bridge_to_broker1"
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::Deserialize;
use toml::Table;

use super::{ByHand, Recipe, RecipeError, Source, digest, open};
use crate::cable::Random;
use crate::conf::folder::SCENARIO_FILE;
use crate::conf::scenario::Step;
use crate::conf::scenario::write::quoted;
use crate::conf::{Folder, Opened};

/// The version of the form that is written and read here.
pub(super) const VERSION: u64 = 1;
/// What a string begins with: the version is the number.
const PREFIX: &str = "tb1:";
/// No run is longer; a string that swells to more is an attack or a mistake.
const LONGEST: u64 = 4 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(rename = "run")]
    _version: u64,
    scenario: String,
    digest: Option<String>,
    #[serde(default)]
    seed: Random,
    #[serde(default = "yes")]
    script: bool,
    #[serde(default)]
    step: Vec<Table>,
    #[serde(default)]
    by_hand: Vec<Table>,
    files: Option<BTreeMap<String, String>>,
}

fn yes() -> bool {
    true
}

impl Recipe {
    /// As a file.
    ///
    /// # Errors
    /// When a step cannot be written, or the scenario is not there.
    pub fn text(&self) -> Result<String, RecipeError> {
        let name = self.scenario.name();
        Ok(format!(
            "# A run of the scenario {name}. Play it: twinboard replay FILE\n{}",
            self.body()?
        ))
    }

    /// As a string without spaces.
    ///
    /// # Errors
    /// As [`Recipe::text`].
    ///
    /// # Panics
    /// Never: memory takes what is written.
    pub fn short(&self) -> Result<String, RecipeError> {
        let mut deflated = ZlibEncoder::new(Vec::new(), Compression::best());
        let written = deflated.write_all(self.body()?.as_bytes()).and_then(|()| deflated.finish());
        let bytes = written.expect("memory takes all");
        Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Reads a file, or a string, whichever this is.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Self, RecipeError> {
        let trimmed = text.trim_start();
        if let Some((version, _)) = trimmed.strip_prefix("tb").and_then(|it| it.split_once(':'))
            && !version.is_empty()
            && version.bytes().all(|byte| byte.is_ascii_digit())
        {
            let Some(letters) = trimmed.strip_prefix(PREFIX) else {
                return Err(RecipeError::Version(version.to_owned()));
            };
            return body(&inflated(letters)?);
        }
        body(text)
    }

    fn body(&self) -> Result<String, RecipeError> {
        let mut text = format!("run = {VERSION}\nscenario = {}\n", quoted(self.scenario.name()));
        if let Source::Builtin(_) = &self.scenario {
            line(&mut text, "digest", &quoted(&digest(&self.scenario.folder()?)));
        }
        let great = i64::try_from(self.seed).is_err();
        let seed = if great { format!("\"{}\"", self.seed) } else { self.seed.to_string() };
        line(&mut text, "seed", &seed);
        if self.steps.is_some() {
            line(&mut text, "script", "false");
        }
        for step in self.steps.iter().flatten() {
            text.push_str("\n[[step]]\n");
            text.push_str(&step.text()?);
        }
        for by_hand in &self.by_hand {
            text.push_str("\n[[by_hand]]\n");
            line(&mut text, "after", &by_hand.after.to_string());
            text.push_str(&by_hand.step().text()?);
        }
        if let Source::Files(folder) = &self.scenario {
            text.push_str("\n[files]\n");
            let scenario = std::iter::once((SCENARIO_FILE, &folder.scenario));
            let files = folder.files.iter().map(|(name, text)| (name.as_str(), text));
            for (name, file) in scenario.chain(files) {
                line(&mut text, &quoted(name), &literal(file));
            }
        }
        Ok(text)
    }
}

fn line(text: &mut String, key: &str, value: &str) {
    writeln!(text, "{key} = {value}").expect("a string takes all");
}

/// A file's text so that people can read it, where TOML can say it like that.
fn literal(text: &str) -> String {
    let strange = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\t');
    if text.contains("'''") || text.ends_with('\'') || text.contains(strange) {
        return quoted(text);
    }
    format!("'''\n{text}'''")
}

/// What the letters of a string stand for. Mail breaks lines, so what is white is no letter.
fn inflated(letters: &str) -> Result<String, RecipeError> {
    let damaged = |why: String| RecipeError::Damaged(why);
    let letters: String = letters.chars().filter(|letter| !letter.is_whitespace()).collect();
    let bytes = URL_SAFE_NO_PAD.decode(letters).map_err(|why| damaged(why.to_string()))?;
    let (mut text, mut reader) = (String::new(), ZlibDecoder::new(&*bytes).take(LONGEST + 1));
    reader.read_to_string(&mut text).map_err(|why| damaged(why.to_string()))?;
    if text.len() as u64 > LONGEST {
        return Err(damaged(format!("it stands for more than {LONGEST} letters")));
    }
    Ok(text)
}

fn body(text: &str) -> Result<Recipe, RecipeError> {
    let not = |why: &toml::de::Error| RecipeError::Not(why.to_string().trim_end().to_owned());
    let table: Table = toml::from_str(text).map_err(|why| not(&why))?;
    match table.get("run") {
        Some(toml::Value::Integer(version)) if u64::try_from(*version) == Ok(VERSION) => {}
        Some(version) => return Err(RecipeError::Version(version.to_string())),
        None => return Err(RecipeError::Not("it does not begin with `run = 1`".to_owned())),
    }
    let raw: Raw = toml::from_str(text).map_err(|why| not(&why))?;
    let scenario = source(raw.scenario, raw.digest, raw.files)?;
    let opened = open(&scenario.folder()?)?;
    let mut steps = Vec::new();
    for (at, table) in raw.step.iter().enumerate() {
        steps.push(step(&opened, table, || format!("step {}", at + 1))?);
    }
    let mut deeds = Vec::new();
    for (at, table) in raw.by_hand.into_iter().enumerate() {
        deeds.push(by_hand(&opened, table, || format!("deed {} by hand", at + 1))?);
    }
    let steps = (!raw.script || !steps.is_empty()).then_some(steps);
    Ok(Recipe { scenario, seed: raw.seed.0, steps, by_hand: deeds })
}

fn source(
    name: String,
    was: Option<String>,
    files: Option<BTreeMap<String, String>>,
) -> Result<Source, RecipeError> {
    if let Some(files) = files {
        return Ok(Source::Files(Folder::of(&name, files)));
    }
    let source = Source::Builtin(name);
    let is = digest(&source.folder()?);
    match was {
        Some(was) if was != is => {
            Err(RecipeError::Changed { name: source.name().to_owned(), was, is })
        }
        _ => Ok(source),
    }
}

fn step(opened: &Opened, table: &Table, which: impl Fn() -> String) -> Result<Step, RecipeError> {
    let text = toml::to_string(table).map_err(|why| RecipeError::Not(why.to_string()))?;
    opened.step(&text).map_err(|error| {
        let said = error.mistakes.into_iter().map(|it| match it.help {
            Some(help) => format!("{} (help: {help})", it.what),
            None => it.what,
        });
        RecipeError::Step { which: which(), what: said.collect::<Vec<_>>().join("; ") }
    })
}

fn by_hand(
    opened: &Opened,
    mut table: Table,
    which: impl Fn() -> String,
) -> Result<ByHand, RecipeError> {
    let wrong = |what: &str| RecipeError::Step { which: which(), what: what.to_owned() };
    let after = match table.remove("after") {
        None => 0,
        Some(toml::Value::Integer(after)) if after >= 0 => after.unsigned_abs(),
        Some(_) => return Err(wrong("`after` is a number from 0 up")),
    };
    let step = step(opened, &table, &which)?;
    let Some(at) = step.at else { return Err(wrong("it says no time: add `at`, in seconds")) };
    if step.deed.is_wait() {
        return Err(wrong("nobody waits by hand: give the next deed a later `at`"));
    }
    Ok(ByHand { at, after, deed: step.deed })
}
