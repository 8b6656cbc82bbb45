//! `twinboard leash`: another program that ends with whoever started it. Not for people.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use crate::engine::leash;

/// Become another program, which ends when the one that started this one does.
#[derive(Debug, Args)]
pub struct Leash {
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<OsString>,
}

/// Becomes it.
///
/// # Errors
/// When it cannot.
pub fn run(leash: &Leash) -> anyhow::Result<ExitCode> {
    let (program, arguments) = leash.words.split_first().context("there is nothing to start")?;
    let error = leash::become_on_leash(program, arguments);
    Err(error).with_context(|| format!("{} does not start", Path::new(program).display()))
}
