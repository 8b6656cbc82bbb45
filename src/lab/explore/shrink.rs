//! The smallest schedule that still fails in the same way.

use std::sync::Arc;
use std::time::Duration;

use super::{Attempt, Failure, attempt};
use crate::conf::scenario::Step;
use crate::lab::plan::Plan;

/// Tries no more than so many runs.
const TRIES: u32 = 2_000;

/// Leaves out what the failure does not need: halves of the schedule first, then quarters, then single
/// steps; then rounds the times. `tell` hears how many steps are left.
#[must_use]
pub fn shrink(plan: &Arc<Plan>, failed: &Attempt, mut tell: impl FnMut(usize)) -> Attempt {
    let wanted = failed.failures(&plan.breaches);
    let mut best = failed.clone();
    let mut left = TRIES;
    loop {
        let before = best.steps.len();
        leave_out(plan, &wanted, &mut best, &mut left, &mut tell);
        if best.steps.len() == before || left == 0 {
            break;
        }
    }
    round(plan, &wanted, &mut best, &mut left);
    best
}

fn leave_out(
    plan: &Arc<Plan>,
    wanted: &[Failure],
    best: &mut Attempt,
    left: &mut u32,
    tell: &mut impl FnMut(usize),
) {
    let mut size = best.steps.len().div_ceil(2);
    while size > 0 {
        let mut from = 0;
        while from < best.steps.len() {
            let to = (from + size).min(best.steps.len());
            let mut steps = best.steps.clone();
            steps.drain(from..to);
            if try_these(plan, wanted, best, steps, left) {
                tell(best.steps.len());
            } else {
                from = to;
            }
        }
        size = if size == 1 { 0 } else { size.div_ceil(2) };
    }
}

/// Times as people write them, where the failure does not mind.
fn round(plan: &Arc<Plan>, wanted: &[Failure], best: &mut Attempt, left: &mut u32) {
    for at in 0..best.steps.len() {
        for unit_ms in [1_000, 100, 10, 1] {
            let unit = Duration::from_millis(unit_ms);
            let Some(time) = best.steps[at].at else { continue };
            let rounded = unit * u32::try_from(time.as_micros() / unit.as_micros()).unwrap_or(0);
            let in_order = at == 0 || best.steps[at - 1].at.is_none_or(|it| it <= rounded);
            if rounded == time || !in_order {
                continue;
            }
            let mut steps = best.steps.clone();
            steps[at].at = Some(rounded);
            if try_these(plan, wanted, best, steps, left) {
                break;
            }
        }
    }
}

/// Takes a schedule in place of the best one, if it fails in one of the same ways.
fn try_these(
    plan: &Arc<Plan>,
    wanted: &[Failure],
    best: &mut Attempt,
    steps: Vec<Step>,
    left: &mut u32,
) -> bool {
    if *left == 0 {
        return false;
    }
    *left -= 1;
    let tried = attempt(plan, best.seed, steps);
    let same = tried.failures(&plan.breaches).iter().any(|failure| wanted.contains(failure));
    if same {
        *best = tried;
    }
    same
}
