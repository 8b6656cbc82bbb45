//! Reads a file line by line, and checks at its end what only the whole file shows.

use std::collections::BTreeSet;

use super::bridge::Section;
use super::line::{Line, Wrong, wrong};
use super::listener::Listeners;
use super::log::{self, not_yet};
use super::{Config, bridge, general, listener, names};
use crate::conf::engine::Engine;
use crate::conf::error::{Mistake, Sort};
use crate::conf::nearest::nearest;

/// A file that is being read.
pub(super) struct Reader<'a> {
    file: &'a str,
    /// The machine's name, for bridges without a `remote_clientid`.
    pub(super) host: &'a str,
    pub(super) config: Config,
    pub(super) log: log::Reading,
    pub(super) listeners: Listeners,
    pub(super) bridges: Vec<Section>,
    /// What `allow_anonymous` says, and the mistake that it is where that is false.
    pub(super) anonymous: Option<(bool, Mistake)>,
    pub(super) global_max_connections: Option<usize>,
    /// Whether an option of mosquitto's that is not read here says who gets in.
    asks_for_more: bool,
    pub(super) mistakes: Vec<Mistake>,
    /// Whether it is mosquitto that is to run with it.
    pub(super) for_mosquitto: bool,
    /// Options that may stand once, with the number of bridges seen before them.
    seen: BTreeSet<(usize, &'static str)>,
}

/// Reads a whole file.
pub(super) fn read(engine: &Engine, file: &str, text: &str, host: &str) -> (Config, Vec<Mistake>) {
    let mut reader = Reader::new(file, host);
    reader.for_mosquitto = *engine == Engine::Mosquitto;
    let lines = || super::said(text);
    for line in lines() {
        if let Err(wrong) = reader.line(&line) {
            reader.asks_for_more |= names::lets_in(line.option);
            let mistake = reader.mistake(&line, wrong);
            reader.mistakes.push(mistake);
        }
    }
    let listening = reader.listeners.first_line();
    reader.finish(lines().find(|line| Some(line.number) == listening).as_ref())
}

impl<'a> Reader<'a> {
    fn new(file: &'a str, host: &'a str) -> Self {
        Self {
            file,
            host,
            config: Config { file: file.to_owned(), ..Config::default() },
            log: log::Reading::default(),
            listeners: Listeners::default(),
            bridges: Vec::new(),
            anonymous: None,
            global_max_connections: None,
            asks_for_more: false,
            mistakes: Vec::new(),
            for_mosquitto: false,
            seen: BTreeSet::new(),
        }
    }

    fn line(&mut self, line: &Line<'_>) -> Result<(), Wrong> {
        let taken = self.take(line);
        if matches!(taken, Ok(true)) {
            self.config.lines.note(line);
        }
        match taken {
            Ok(true) => Ok(()),
            Ok(false) if !self.for_mosquitto => Err(unknown(line)),
            Ok(false) => {
                self.asks_for_more |= names::lets_in(line.option);
                if !names::is_unsupported(line.option) {
                    let option = line.option;
                    self.note(line, format!("`{option}` is not known here: mosquitto decides"));
                }
                Ok(())
            }
            Err(wrong) if self.for_mosquitto && wrong.sort == Sort::Unsupported => Ok(()),
            Err(wrong) => Err(wrong),
        }
    }

    fn take(&mut self, line: &Line<'_>) -> Result<bool, Wrong> {
        Ok(general::read(self, line)? || listener::read(self, line)? || bridge::read(self, line)?)
    }

    /// The mistake that `wrong` is in this file.
    pub(super) fn mistake(&self, line: &Line<'_>, wrong: Wrong) -> Mistake {
        line.mistake(self.file, wrong)
    }

    /// Says something about a line that is no mistake.
    pub(super) fn note(&mut self, line: &Line<'_>, what: String) {
        self.config.notes.push(line.mistake(self.file, wrong(what)));
    }

    /// The text of an option that mosquitto takes once in a file or in a section.
    pub(super) fn once<'l>(&mut self, line: &Line<'l>) -> Result<&'l str, Wrong> {
        let section = if names::BRIDGE.contains(&line.option) { self.bridges.len() } else { 0 };
        let name = match line.option {
            "clientid" => "remote_clientid",
            "username" => "remote_username",
            "password" => "remote_password",
            "addresses" => "address",
            other => names::supported().find(|name| *name == other).unwrap_or_default(),
        };
        if !self.seen.insert((section, name)) {
            return Err(wrong(format!("`{name}` is said twice")).help("keep one of the two lines"));
        }
        line.text()
    }

    fn finish(mut self, listener_line: Option<&Line<'_>>) -> (Config, Vec<Mistake>) {
        self.check_anonymous(listener_line);
        std::mem::take(&mut self.listeners).finish(&mut self);
        let limits = &mut self.config.settings.limits;
        limits.max_connections = match (limits.max_connections, self.global_max_connections) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        bridge::finish(&mut self);
        self.config.log = self.log.finish();
        self.mistakes.sort_by_key(|mistake| mistake.line);
        (self.config, self.mistakes)
    }

    /// Nobody gets in by accident, and nobody wonders why nobody gets in.
    fn check_anonymous(&mut self, listener_line: Option<&Line<'_>>) {
        match (self.anonymous.take(), listener_line) {
            (Some((true, _)), _) => self.config.allow_anonymous = true,
            (Some((false, mistake)), _) => {
                self.config.allow_anonymous = false;
                if !self.for_mosquitto {
                    self.mistakes.push(mistake);
                }
            }
            (None, None) => self.config.allow_anonymous = self.listeners.is_empty(),
            // Whoever has a password gets in, though not here yet.
            (None, Some(_)) if self.asks_for_more => self.config.allow_anonymous = false,
            (None, Some(line)) => {
                self.config.allow_anonymous = false;
                let what = "this listener would refuse every client: with a listener, \
                            mosquitto lets nobody in without a password unless the file says so";
                let wrong = wrong(what).help("add the line `allow_anonymous true`");
                let mistake = self.mistake(line, wrong);
                self.mistakes.push(mistake);
            }
        }
    }
}

/// What to say of an option that nobody took.
fn unknown(line: &Line<'_>) -> Wrong {
    let option = line.option;
    if option.starts_with('#') {
        return wrong("a comment has its `#` in the first column")
            .help("take away the spaces before it");
    }
    if names::is_unsupported(option) {
        return not_yet(option);
    }
    if option.contains('\t') {
        return wrong("there is a tab between the words").help("mosquitto takes spaces only");
    }
    let wrong =
        wrong(format!("`{option}` is an option that neither mosquitto nor Twinboard knows"));
    match nearest(option, names::all()) {
        Some(name) => wrong.help(format!("did you mean `{name}`?")),
        None => wrong,
    }
}
