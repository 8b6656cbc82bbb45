//! From a scenario's name or folder to a plan and the place of its state.

use std::path::Path;

use anyhow::{Context, anyhow, bail};
use time::{OffsetDateTime, UtcOffset};

use super::Place;
use crate::conf::{Folder, builtin};
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
    let folder = folder(scenario)?;
    let opened = folder.open(&host())?;
    for note in opened.confs.iter().flat_map(|conf| &conf.notes) {
        eprintln!("{note}");
    }
    let plan = Plan::new(&folder.name, opened).map_err(|error| anyhow!(error))?;
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
