//! `twinboard trace`: shows what `--trace` wrote.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use time::UtcOffset;

use super::terminal;
use crate::lab::ladder::Ladder;
use crate::lab::ledger::{Ledger, MessageKey};
use crate::lab::passport::{passport, passports};
use crate::lab::trace::{Entry, Event};
use crate::lab::verdict::judge;
use crate::mqtt::{Filter, Topic};
use crate::report::jsonl::{ReadError, Reader};
use crate::report::pcapng::PcapNg;
use crate::report::recorder::Format;
use crate::report::{self, VerdictReport};

/// Show a trace that was written with --trace: as lines, unless something else is asked for.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Trace {
    /// The file; `-` for standard input
    file: PathBuf,
    /// Draw it as a ladder
    #[arg(long)]
    ladder: bool,
    /// Show the ways of messages: where they entered, each hop, each packet, each end
    #[arg(long)]
    passports: bool,
    /// Show the way of this message, by a number that --passports shows
    #[arg(long, value_name = "N")]
    passport: Option<u64>,
    /// Judge it again; the exit status is 1 when a promise was not kept
    #[arg(long)]
    verdict: bool,
    /// Write it for Wireshark
    #[arg(long, value_name = "OUT")]
    pcapng: Option<PathBuf>,
    /// Of packets and messages, only those under such a topic
    #[arg(long, value_name = "FILTER", value_parser = filter)]
    topic: Option<Filter>,
}

const AFTER_HELP: &str = "\
Examples:
  twinboard run counting --trace run.jsonl
  twinboard trace run.jsonl --ladder --topic 'count/#'
  twinboard trace run.jsonl --pcapng run.pcapng && wireshark run.pcapng";

pub(super) fn filter(text: &str) -> Result<Filter, String> {
    Filter::parse(text).map_err(|error| error.to_string())
}

/// Shows it.
///
/// # Errors
/// When the file cannot be read, or is no trace.
pub fn trace(trace: &Trace) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    match trace.show(&mut out) {
        // Whoever reads has seen enough.
        Err(error) if error.downcast_ref::<io::Error>().is_some_and(is_enough) => {
            Ok(ExitCode::SUCCESS)
        }
        other => other,
    }
}

fn is_enough(error: &io::Error) -> bool {
    error.kind() == ErrorKind::BrokenPipe
}

impl Trace {
    fn show(&self, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
        let name = self.file.display();
        let mut reader = Reader::new(open(&self.file)?).with_context(|| name.to_string())?;
        let header = reader.header().clone();
        let offset = UtcOffset::from_whole_seconds(header.utc_offset_s).unwrap_or(UtcOffset::UTC);
        let facts = header.bridge_facts().map_err(|why| anyhow!("{name}: line 1: {why}"))?;
        let mut ledger = self.needs_ledger().then(|| Ledger::new(facts));
        let mut pcapng = self.pcapng.as_deref().map(|out| Pcap::create(out, &header.scenario));
        let mut pcapng = pcapng.take().transpose()?;
        let (mut entries, mut whole) = (Vec::new(), true);
        for entry in reader.by_ref() {
            let entry = match entry {
                Ok(entry) => Arc::new(entry),
                Err(error @ ReadError::Torn { .. }) => {
                    eprintln!("{name}: {error}");
                    whole = false;
                    break;
                }
                Err(error) => return Err(anyhow!(error).context(name.to_string())),
            };
            if let Some(ledger) = &mut ledger {
                ledger.take(&entry);
            }
            if let Some(pcapng) = &mut pcapng {
                pcapng.entry(&entry)?;
            }
            if self.wants(&entry) {
                if self.ladder {
                    entries.push(entry);
                } else if self.lists() {
                    writeln!(out, "{}", report::line::text(&entry, offset))?;
                }
            }
        }
        if let Some(pcapng) = pcapng {
            pcapng.finish()?;
        }
        if self.ladder {
            let ladder = Ladder::of(&entries);
            out.write_all(report::ladder::text_within(&ladder, terminal::width()).as_bytes())?;
        }
        let Some(ledger) = ledger else { return Ok(ExitCode::SUCCESS) };
        self.show_passports(&ledger, offset, out)?;
        if !self.verdict {
            return Ok(ExitCode::SUCCESS);
        }
        let verdict = VerdictReport::from(&judge(&ledger, whole));
        out.write_all(verdict.text_within(terminal::width()).as_bytes())?;
        Ok(if verdict.kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn needs_ledger(&self) -> bool {
        self.verdict || self.passports || self.passport.is_some()
    }

    /// Whether nothing else was asked for.
    fn lists(&self) -> bool {
        !self.needs_ledger() && !self.ladder && self.pcapng.is_none()
    }

    fn wants(&self, entry: &Entry) -> bool {
        let Some(filter) = &self.topic else { return true };
        match &entry.event {
            Event::Packet(crossing) => crossing.topic().is_some_and(|it| filter.matches(it)),
            Event::Broker { .. } | Event::Program { .. } => false,
            _ => true,
        }
    }

    fn show_passports(
        &self,
        ledger: &Ledger,
        offset: UtcOffset,
        out: &mut dyn Write,
    ) -> anyhow::Result<()> {
        if let Some(number) = self.passport {
            let Some(stop) = passport(ledger, MessageKey(number)) else {
                bail!("there is no message {number}: --passports shows the numbers there are");
            };
            out.write_all(report::passport::text(&stop, offset).as_bytes())?;
        }
        if self.passports {
            let wanted =
                |topic: &Topic| self.topic.as_ref().is_none_or(|filter| filter.matches(topic));
            for stop in passports(ledger, wanted) {
                out.write_all(report::passport::text(&stop, offset).as_bytes())?;
            }
        }
        Ok(())
    }
}

fn open(path: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(Box::new(BufReader::new(file)))
}

/// The file for Wireshark.
struct Pcap {
    path: PathBuf,
    file: io::BufWriter<File>,
    format: PcapNg,
}

impl Pcap {
    fn create(path: &Path, scenario: &str) -> anyhow::Result<Self> {
        let (path, mut format) = (path.to_owned(), PcapNg::new(scenario));
        let begun = File::create(&path).and_then(|file| {
            let mut file = io::BufWriter::new(file);
            format.begin(&mut file).map(|()| file)
        });
        let file = begun.with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(Self { path, file, format })
    }

    fn entry(&mut self, entry: &Entry) -> anyhow::Result<()> {
        let written = self.format.entry(entry, &mut self.file);
        written.with_context(|| format!("{} takes no more", self.path.display()))
    }

    fn finish(mut self) -> anyhow::Result<()> {
        self.file.flush().with_context(|| format!("{} takes no more", self.path.display()))
    }
}
