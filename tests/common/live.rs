//! A live world on free ports, in a folder of the test's own.

use std::path::Path;

use time::UtcOffset;
use twinboard::lab::data::Data;
use twinboard::lab::plan::Plan;
use twinboard::lab::world::live::{Live, Options};

/// Starts it.
pub fn start(plan: Plan, data: &Path) -> Live {
    start_with(plan, data, || {})
}

/// The same for somebody who is to be told of each snapshot.
pub fn start_with(plan: Plan, data: &Path, changed: impl Fn() + Send + 'static) -> Live {
    let data = Data::new(Some(data), &plan.name).expect("a root is given");
    let own = env!("CARGO_BIN_EXE_twinboard").into();
    let (offset, changed) = (UtcOffset::UTC, Box::new(changed));
    let options = Options { data, auto_ports: true, offset, own, changed, entries: None };
    Live::start(plan, options).expect("threads and ports")
}
