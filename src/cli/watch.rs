//! `twinboard watch`: cables in front of brokers that run anyway, what passes them, and a verdict.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use clap::{Args, ValueEnum};
use crossbeam_channel::{Receiver, bounded, never, select};
use time::UtcOffset;

use super::keep::{Keep, Keeper};
use super::orders::{HELP, Order};
use super::{signals, terminal};
use crate::broker::Address;
use crate::cable::Deed;
use crate::conf::mosquitto::address;
use crate::lab::ledger::Ledger;
use crate::lab::trace::Entry;
use crate::lab::verdict::{is_quiet, judge};
use crate::lab::world::watch::Watch as Watched;
use crate::report::VerdictReport;
use crate::report::jsonl::{Header, JsonLines};
use crate::report::ladder::Roll;
use crate::report::line;
use crate::report::recorder::Format as _;

/// So much more time has what is under way when it is asked to end.
const GRACE: Duration = Duration::from_secs(2);
/// So many lines of input may wait.
const LINES: usize = 64;

/// Put a cable in front of running brokers, show what passes, break it, and judge it at the end.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Watch {
    /// The brokers, as host or host:port
    #[arg(required = true, value_name = "ADDRESS", value_parser = address)]
    addresses: Vec<Address>,
    /// Where clients dial instead: a port of 127.0.0.1 for each address in turn; free ports, if left
    /// out
    #[arg(long, value_name = "PORT")]
    listen: Vec<u16>,
    /// How to show what passes
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
    /// Set this fault from the beginning, at all cables; may be repeated
    #[arg(long = "fault", value_name = "FAULT", value_parser = super::orders::fault)]
    faults: Vec<crate::cable::Fault>,
    #[command(flatten)]
    keep: Keep,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A line for each packet
    Text,
    /// Columns and arrows
    Ladder,
    /// JSON lines, as `twinboard trace -` reads them
    Json,
}

const AFTER_HELP: &str = "\
It ends on Ctrl-C, or when a line says `quit`, with the verdict; the exit status is 1 when a promise
was not kept. While it runs it takes lines on standard input; `help` lists them.

Examples:
  twinboard watch localhost --listen 2883
  mosquitto_pub -p 2883 -t news -q 2 -m hello
  twinboard watch localhost:1883 --fault 'drop = { packet = \"PUBREC\" }' --format ladder
  twinboard watch localhost:1883 localhost:1884 --trace watch.jsonl --pcapng watch.pcapng";

/// Watches until it is asked to end.
///
/// # Errors
/// When a port is taken, or a file cannot be written.
pub fn watch(watch: &Watch, offset: UtcOffset) -> anyhow::Result<ExitCode> {
    let names: Vec<_> = watch.addresses.iter().map(ToString::to_string).collect();
    let header = Header::new(&names.join(", "), offset.whole_seconds(), &[]);
    let keeper = watch.keep.begin(&header, None)?;
    let (stop, stopped) = bounded(1);
    signals::on_stop(move || drop(stop))?;
    let ports = watch.listen.iter().copied().map(Some).chain(std::iter::repeat(None));
    let fronts: Vec<_> = watch.addresses.iter().cloned().zip(ports).collect();
    let watched = Watched::start(&fronts).context("no cable: a port may be taken")?;
    for (name, near) in watched.places() {
        eprintln!("watching {name}: point clients at {near}");
    }
    let mut session = Session {
        show: Show::new(watch.format, &header, offset)?,
        watched,
        ledger: Ledger::default(),
        keeper,
    };
    for fault in &watch.faults {
        session.apply(None, &Deed::Set(fault.clone()))?;
    }
    session.run(&read_lines()?, &stopped)?;
    session.end()
}

/// Lines of standard input. Their end ends nothing: in a script there are none.
fn read_lines() -> anyhow::Result<Receiver<String>> {
    let (sender, lines) = bounded(LINES);
    let read = move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("orders".to_owned()).spawn(read).context("no thread")?;
    Ok(lines)
}

struct Session {
    watched: Watched,
    ledger: Ledger,
    keeper: Keeper,
    show: Show,
}

impl Session {
    fn run(&mut self, lines: &Receiver<String>, stopped: &Receiver<()>) -> anyhow::Result<()> {
        let (heard, none) = (self.watched.heard().clone(), never());
        let mut lines = lines;
        loop {
            select! {
                recv(heard) -> heard => {
                    let heard = heard.context("the cables have ended")?;
                    let entries = self.watched.entries(heard);
                    self.take(&entries)?;
                }
                recv(lines) -> line => match line.ok().as_deref().map(Order::read) {
                    None => lines = &none,
                    Some(Ok(Order::Quit)) => return Ok(()),
                    Some(Ok(order)) => self.obey(order)?,
                    Some(Err(why)) => eprintln!("{why}"),
                },
                recv(stopped) -> _ => return Ok(()),
            }
        }
    }

    fn obey(&mut self, order: Order) -> anyhow::Result<()> {
        match order {
            Order::Nothing | Order::Quit => {}
            Order::Help => eprint!("{HELP}"),
            Order::Held => {
                for (name, cable) in self.watched.cables() {
                    for fault in cable.faults() {
                        eprintln!("{name}: {fault}");
                    }
                }
                self.watched.held().iter().for_each(|words| eprintln!("held: {words}"));
            }
            Order::Do(only, deed) => {
                if only.is_some_and(|at| at >= self.watched.places().count()) {
                    eprintln!("there is no address with that number");
                    return Ok(());
                }
                self.apply(only, &deed)?;
                eprintln!("done: {deed}");
            }
        }
        Ok(())
    }

    fn apply(&mut self, only: Option<usize>, deed: &Deed) -> anyhow::Result<()> {
        let entries = self.watched.apply(only, deed);
        self.take(&entries)
    }

    fn take(&mut self, entries: &[Arc<Entry>]) -> anyhow::Result<()> {
        for entry in entries {
            self.ledger.take(entry);
            self.keeper.take(entry);
            self.show.entry(entry)?;
        }
        io::stdout().flush().map_err(unread)
    }

    /// Lets what is under way arrive, and judges. Where a fault is in force, what did not arrive may
    /// arrive yet: it is not called lost.
    fn end(mut self) -> anyhow::Result<ExitCode> {
        let until = Instant::now() + GRACE;
        let heard = self.watched.heard().clone();
        while !is_quiet(&self.ledger) {
            let Ok(sight) = heard.recv_deadline(until) else { break };
            let entries = self.watched.entries(sight);
            self.take(&entries)?;
        }
        // What comes meanwhile may have no end: a message that goes round.
        for sight in heard.try_iter().take(heard.len()) {
            let entries = self.watched.entries(sight);
            self.take(&entries)?;
        }
        let settled = self.watched.cables().all(|(_, cable)| cable.is_clear());
        let verdict = judge(&self.ledger, settled);
        let under_way = verdict.counts.under_way;
        let mut report = VerdictReport::from(&verdict);
        if under_way > 0 {
            let note = format!("{under_way} deliveries are under way, with faults in force");
            report.notes.push(note);
        }
        self.keeper.finish();
        self.watched.end();
        self.show.verdict(&report)?;
        Ok(if report.kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// How entries are shown.
enum Show {
    Text(UtcOffset),
    Ladder(Box<Roll>),
    Json(JsonLines),
}

impl Show {
    fn new(form: Form, header: &Header, offset: UtcOffset) -> anyhow::Result<Self> {
        Ok(match form {
            Form::Text => Self::Text(offset),
            Form::Ladder => Self::Ladder(Box::new(Roll::new(terminal::width()))),
            Form::Json => {
                let mut lines = JsonLines::new(header.clone());
                lines.begin(&mut io::stdout()).map_err(unread)?;
                Self::Json(lines)
            }
        })
    }

    fn entry(&mut self, entry: &Entry) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        match self {
            Self::Text(offset) => writeln!(out, "{}", line::text(entry, *offset)),
            Self::Ladder(roll) => out.write_all(roll.entry(entry).as_bytes()),
            Self::Json(lines) => lines.entry(entry, &mut out),
        }
        .map_err(unread)
    }

    fn verdict(&self, report: &VerdictReport) -> anyhow::Result<()> {
        let text = report.text_within(terminal::width());
        match self {
            // Standard output has JSON alone.
            Self::Json(_) => io::stderr().write_all(text.as_bytes()).map_err(unread),
            _ => write!(io::stdout(), "\n{text}").map_err(unread),
        }
    }
}

fn unread(error: io::Error) -> anyhow::Error {
    anyhow!(error).context("nobody reads what is shown")
}
