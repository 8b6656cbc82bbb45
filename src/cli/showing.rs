//! How a run's outcome is shown and what is written beside it, whichever world it ran in.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};
use time::UtcOffset;

use super::keep::{Keep, Keeper};
use super::terminal;
use crate::lab::chronicle::Chronicle;
use crate::lab::passport;
use crate::lab::plan::Plan;
use crate::report::detail::{Detail, Topology};
use crate::report::jsonl::Header;
use crate::report::{self, Report, html, junit};

/// See the module.
#[derive(Debug, Args)]
pub(super) struct Showing {
    /// How to print the outcome; progress goes to standard error
    #[arg(long, value_enum, default_value_t = Form::Text)]
    report: Form,
    /// Write the outcome to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Before the outcome, print the way of every message: each hop, each packet, each end
    #[arg(long)]
    passports: bool,
    #[command(flatten)]
    keep: Keep,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A table for people
    Text,
    /// For machines
    Json,
    /// Test cases, as Jenkins and GitLab read them
    Junit,
    /// One page with pictures, for screens and paper
    Html,
}

impl Showing {
    /// Whether the outcome is for people, on standard output.
    pub(super) fn is_text(&self) -> bool {
        self.report == Form::Text
    }

    /// Begins the files of a run in real time.
    ///
    /// # Errors
    /// When one cannot be written.
    pub(super) fn keeper(&self, plan: &Plan, offset: UtcOffset) -> anyhow::Result<Keeper> {
        self.keep.begin(&Header::of_plan(plan, offset.whole_seconds()), self.chronicle(plan))
    }

    /// Begins the files of a run in simulated time, which are the same on every machine.
    ///
    /// # Errors
    /// When one cannot be written.
    pub(super) fn keeper_in_virtual_time(&self, plan: &Plan) -> anyhow::Result<Keeper> {
        self.keep.begin_patiently(&Header::of_plan(plan, 0), self.chronicle(plan))
    }

    fn chronicle(&self, plan: &Plan) -> Option<Chronicle> {
        // The others have no place for it.
        let wanted = self.passports || matches!(self.report, Form::Json | Form::Html);
        wanted.then(|| Chronicle::new(plan.bridge_facts()))
    }

    /// Shows the outcome. The exit status is 0 when everything expected held, 1 when not.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn show(
        &self,
        mut report: Report,
        title: &str,
        topology: Topology,
        chronicle: Option<&Chronicle>,
        offset: UtcOffset,
    ) -> anyhow::Result<ExitCode> {
        if self.report != Form::Text {
            report.detail = chronicle.map(|it| Detail::new(title, topology, it));
        }
        let width = if self.output.is_none() { terminal::width() } else { None };
        let mut text = match self.report {
            Form::Text => report.text_within(width),
            Form::Json => report.json() + "\n",
            Form::Junit => junit::xml(&report),
            Form::Html => html::page(&report, offset),
        };
        let mut passports = String::new();
        if let Some(chronicle) = chronicle.filter(|_| self.passports) {
            for stop in passport::passports(chronicle.ledger(), |_| true) {
                passports.push_str(&report::passport::text(&stop, offset));
            }
        }
        match self.report {
            Form::Text => text = passports + &text,
            // The report has its place for itself.
            _ => eprint!("{passports}"),
        }
        match &self.output {
            None => io::stdout().write_all(text.as_bytes())?,
            Some(path) => std::fs::write(path, text)
                .with_context(|| format!("{} cannot be written", path.display()))?,
        }
        Ok(if report.passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
