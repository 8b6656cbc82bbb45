//! `twinboard rumqttd`: rumqttd as a process of its own, for comparison. Not for people.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use crate::engine::rumqttd;

/// Run rumqttd until the process ends.
#[derive(Debug, Args)]
pub struct Rumqttd {
    /// The port of 127.0.0.1
    #[arg(long)]
    port: u16,
    /// Speak MQTT 5 instead of 3.1.1
    #[arg(long)]
    v5: bool,
}

/// Runs it.
///
/// # Errors
/// When it does not start.
pub fn run(args: &Rumqttd) -> anyhow::Result<ExitCode> {
    rumqttd::run(args.port, args.v5).context("rumqttd does not run")?;
    Ok(ExitCode::SUCCESS)
}
