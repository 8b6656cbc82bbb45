//! From a scenario's name or folder to a plan and the place of its state.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use time::{OffsetDateTime, UtcOffset};

use super::Place;
use crate::conf::{Choice, Folder, builtin};
use crate::lab::data::{Claim, Data};
use crate::lab::plan::Plan;
use crate::lint::Severity;
use crate::report::findings;

/// Opens a built-in scenario by its name, or a folder by its path. Its state is this process's
/// for as long as the claim is held.
///
/// # Errors
/// When there is none, when its files have mistakes, or when its data folder cannot be used.
pub fn open(
    scenario: &str,
    place: &Place,
    offset: UtcOffset,
) -> anyhow::Result<(Plan, Data, Claim)> {
    let plan = plan(scenario, &place.engine)?;
    for finding in plan.findings.iter().filter(|it| it.severity >= Severity::Warning) {
        eprintln!("{}", findings::line(finding));
    }
    let data = Data::new(place.data.as_deref(), &plan.name).map_err(|error| anyhow!(error))?;
    let claim = data.claim()?;
    if place.fresh {
        let now = OffsetDateTime::now_utc().to_offset(offset);
        let aside = data.set_aside(now).context("no fresh start")?;
        if let Some(aside) = aside {
            eprintln!("the old state is kept in {}", aside.display());
        }
    }
    Ok((plan, data, claim))
}

/// What a scenario is to run, with these engines in place of its own.
///
/// # Errors
/// When there is none, or when its files have mistakes.
pub fn plan(scenario: &str, engines: &[Choice]) -> anyhow::Result<Plan> {
    plan_on(scenario, engines, &host())
}

/// The same on a machine of that name.
///
/// # Errors
/// As [`plan`].
pub fn plan_on(scenario: &str, engines: &[Choice], host: &str) -> anyhow::Result<Plan> {
    let folder = folder(scenario)?;
    let opened = folder.open_with(host, engines)?;
    for note in opened.confs.iter().flat_map(|conf| &conf.notes) {
        eprintln!("{note}");
    }
    Plan::new(&folder.name, opened).map_err(|error| anyhow!(error))
}

/// The file of this program.
///
/// # Errors
/// When the system does not tell.
pub fn own() -> anyhow::Result<PathBuf> {
    std::env::current_exe().context("where this program is, nobody knows")
}

/// A built-in scenario by its name, or a folder by its path.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn folder(scenario: &str) -> anyhow::Result<Folder> {
    match Folder::builtin(scenario) {
        Some(folder) => Ok(folder),
        None if Path::new(scenario).is_dir() => Ok(Folder::read(Path::new(scenario))?),
        None => bail!(
            "there is no scenario and no folder `{scenario}`; built-in scenarios: {}; commands: \
             `twinboard --help`",
            builtin::NAMES.join(", ")
        ),
    }
}

/// The machine's name, for bridges whose conf gives no `remote_clientid`.
pub fn host() -> String {
    let named = std::env::var("HOSTNAME").or_else(|_| std::env::var("COMPUTERNAME"));
    let file = || std::fs::read_to_string("/etc/hostname").map(|name| name.trim().to_owned());
    named.ok().or_else(|| file().ok()).filter(|name| !name.is_empty()).unwrap_or("localhost".into())
}
