//! Whether a scenario's condition holds in a snapshot, and in words what stands against it.

use std::collections::BTreeMap;

use super::name::{BridgeName, ProgramName};
use super::snapshot::{BridgeState, ProgramView, Run, Snapshot};
use crate::card::{CountFace, CounterFace, Link, SensorNumber, TallyFace};
use crate::conf::scenario::{Condition, Counts};

/// Whether the condition holds.
#[must_use]
pub fn holds(condition: &Condition, snapshot: &Snapshot) -> bool {
    against(condition, snapshot).is_none()
}

/// What stands against the condition; none where it holds.
#[must_use]
pub fn against(condition: &Condition, snapshot: &Snapshot) -> Option<String> {
    match condition {
        Condition::Shows { program, sensor, state } => {
            let shown = shown(program, *sensor, snapshot);
            (shown != *state).then(|| format!("{program} shows sensor {sensor} as {}", word(shown)))
        }
        Condition::Online(program) => {
            (!online(program, snapshot)).then(|| format!("{program} is not connected"))
        }
        Condition::Offline(program) => {
            online(program, snapshot).then(|| format!("{program} is connected"))
        }
        Condition::Connected(bridge) => {
            (!connected(bridge, snapshot)).then(|| format!("{bridge} is not connected"))
        }
        Condition::Disconnected(bridge) => {
            connected(bridge, snapshot).then(|| format!("{bridge} is connected"))
        }
        Condition::Published { program, count } => unpublished(program, *count, snapshot),
        Condition::Counted { program, counts } => miscounted(program, counts, snapshot),
        Condition::Agree => disagreement(snapshot, true),
        Condition::Quiet => unrest(snapshot),
    }
}

fn program<'a>(name: &str, snapshot: &'a Snapshot) -> Option<&'a ProgramView> {
    snapshot.program(&ProgramName::new(name)).map(|(_, program)| program)
}

fn shown(name: &str, sensor: u8, snapshot: &Snapshot) -> Option<bool> {
    let mut sensors = program(name, snapshot)?.face.sensors();
    sensors.find(|it| it.number == SensorNumber(sensor))?.state
}

fn online(name: &str, snapshot: &Snapshot) -> bool {
    program(name, snapshot).is_some_and(|program| {
        // One that is frozen has its connection still.
        matches!(program.run, Run::Running | Run::Frozen)
            && matches!(program.face.link, Link::Online { .. })
    })
}

fn connected(name: &str, snapshot: &Snapshot) -> bool {
    let bridge = snapshot.bridge(&BridgeName::new(name));
    bridge.is_some_and(|(_, bridge)| matches!(bridge.state, BridgeState::Connected { .. }))
}

fn counter(program: &ProgramView) -> Option<&CounterFace> {
    match &program.face.count {
        Some(CountFace::Counter(counter)) => Some(counter),
        _ => None,
    }
}

fn tally(program: &ProgramView) -> Option<&TallyFace> {
    match &program.face.count {
        Some(CountFace::Tally(tally)) => Some(tally),
        _ => None,
    }
}

fn unpublished(name: &str, count: u64, snapshot: &Snapshot) -> Option<String> {
    let acknowledged = program(name, snapshot).and_then(counter).map_or(0, |it| it.acknowledged);
    (acknowledged < count).then(|| format!("{name} has published {acknowledged}"))
}

fn miscounted(name: &str, counts: &Counts, snapshot: &Snapshot) -> Option<String> {
    let Some(tally) = program(name, snapshot).and_then(tally) else {
        return Some(format!("{name} has counted nothing yet"));
    };
    if !tally.subscribed {
        return Some(format!("{name} has not subscribed yet"));
    }
    let wrong = |wanted: Option<u64>, is: u64| wanted.is_some_and(|wanted| wanted != is);
    let short = counts.received.is_some_and(|wanted| tally.received < wanted);
    let wrong = short
        || wrong(counts.missing, tally.missing)
        || wrong(counts.doubled, tally.doubled)
        || wrong(counts.out_of_order, tally.out_of_order);
    wrong.then(|| {
        let (received, missing) = (tally.received, tally.missing);
        let (doubled, late) = (tally.doubled, tally.out_of_order);
        let runs =
            tally.runs.iter().map(|it| format!("; run {}: {} to {}", it.run, it.first, it.last));
        let odd = tally.odd.iter().map(|odd| format!("; {odd}"));
        let more: String = runs.chain(odd).collect();
        format!(
            "{name} has counted {received} received, {missing} missing, {doubled} doubled, \
             {late} out of order{more}"
        )
    })
}

/// Two programs that do not show the same of a sensor; where all must be known, also one that does
/// not know a sensor.
pub(super) fn disagreement(snapshot: &Snapshot, all_known: bool) -> Option<String> {
    let mut first: BTreeMap<SensorNumber, (&ProgramName, Option<bool>)> = BTreeMap::new();
    for program in snapshot.boards.iter().flat_map(|board| &board.programs) {
        for sensor in program.face.sensors() {
            let (number, state, name) = (sensor.number, sensor.state, &program.name);
            if all_known && state.is_none() {
                return Some(format!("{name} does not know sensor {number}"));
            }
            let (other, expected) = *first.entry(number).or_insert((name, state));
            if state != expected {
                let (ours, theirs) = (word(state), word(expected));
                return Some(format!(
                    "{name} shows sensor {number} as {ours}, {other} shows it as {theirs}"
                ));
            }
        }
    }
    None
}

fn unrest(snapshot: &Snapshot) -> Option<String> {
    let under_way = snapshot.verdict.counts.under_way;
    if under_way > 0 {
        return Some(format!("{under_way} deliveries are under way"));
    }
    for board in &snapshot.boards {
        let queued = board.broker.holdings.queued;
        if queued > 0 {
            return Some(format!("{queued} messages wait at the broker of {}", board.name));
        }
        for program in &board.programs {
            if let Some(sensor) = program.face.sensors().find(|it| it.unsent) {
                let (name, number) = (&program.name, sensor.number);
                return Some(format!("a click on sensor {number} of {name} is not sent yet"));
            }
            // What a process that is gone had not sent, nobody is going to send.
            if program.run == Run::Running
                && let Some(unsent) = counter(program).map(|it| it.unacknowledged() + it.waiting)
                && unsent > 0
            {
                return Some(format!("{unsent} numbers of {} are not sent yet", program.name));
            }
        }
    }
    None
}

/// A sensor's state in a word.
#[must_use]
pub fn word(state: Option<bool>) -> &'static str {
    match state {
        Some(true) => "OK",
        Some(false) => "KO",
        None => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::fixtures::{
        bridge_mut, counter_mut, counting, dual_board, program_mut, tally_mut,
    };

    /// What stands against `condition`, in a world where all is well but for `change`.
    fn check(condition: &Condition, change: impl FnOnce(&mut Snapshot), expected: Option<&str>) {
        check_in(dual_board(), condition, change, expected);
    }

    fn check_in(
        mut snapshot: Snapshot,
        condition: &Condition,
        change: impl FnOnce(&mut Snapshot),
        expected: Option<&str>,
    ) {
        for board in &mut snapshot.boards {
            board.broker.holdings.queued = 0;
        }
        change(&mut snapshot);
        assert_eq!(against(condition, &snapshot).as_deref(), expected, "{condition}");
    }

    fn display(snapshot: &mut Snapshot) -> &mut ProgramView {
        program_mut(snapshot, "global_display")
    }

    #[test]
    fn what_programs_show() {
        let shows = |state| Condition::Shows { program: "global_display".into(), sensor: 2, state };
        check(&shows(Some(false)), |_| {}, None);
        check(&shows(Some(true)), |_| {}, Some("global_display shows sensor 2 as KO"));
        let forget = |it: &mut Snapshot| display(it).face.heard[1].state = None;
        check(&shows(None), forget, None);
        check(&shows(Some(false)), forget, Some("global_display shows sensor 2 as unknown"));
    }

    #[test]
    fn who_is_connected() {
        let name = "global_display".to_owned();
        let cut = |it: &mut Snapshot| display(it).face.link = Link::default();
        let stop = |it: &mut Snapshot| display(it).run = Run::Stopped;
        check(&Condition::Online(name.clone()), |_| {}, None);
        check(&Condition::Online(name.clone()), cut, Some("global_display is not connected"));
        check(&Condition::Online(name.clone()), stop, Some("global_display is not connected"));
        check(&Condition::Offline(name.clone()), stop, None);
        let freeze = |it: &mut Snapshot| display(it).run = Run::Frozen;
        check(&Condition::Online(name.clone()), freeze, None);
        check(&Condition::Offline(name), |_| {}, Some("global_display is connected"));
        let name = "bridge_to_broker1".to_owned();
        let down = |it: &mut Snapshot| bridge_mut(it).state = BridgeState::Connecting;
        check(&Condition::Connected(name.clone()), |_| {}, None);
        check(
            &Condition::Connected(name.clone()),
            down,
            Some("bridge_to_broker1 is not connected"),
        );
        check(&Condition::Disconnected(name.clone()), down, None);
        check(&Condition::Disconnected(name), |_| {}, Some("bridge_to_broker1 is connected"));
    }

    #[test]
    fn who_agrees_and_what_waits() {
        check(&Condition::Agree, |_| {}, None);
        let differ = |it: &mut Snapshot| display(it).face.heard[0].state = Some(false);
        let why = "global_display shows sensor 1 as KO, card1_monitor shows it as OK";
        check(&Condition::Agree, differ, Some(why));
        let forget = |it: &mut Snapshot| display(it).face.heard[0].state = None;
        check(&Condition::Agree, forget, Some("global_display does not know sensor 1"));
        check(&Condition::Quiet, |_| {}, None);
        let wait = |it: &mut Snapshot| it.boards[1].broker.holdings.queued = 3;
        check(&Condition::Quiet, wait, Some("3 messages wait at the broker of board2"));
        let click = |it: &mut Snapshot| program_mut(it, "card1_monitor").face.own[2].unsent = true;
        let why = "a click on sensor 3 of card1_monitor is not sent yet";
        check(&Condition::Quiet, click, Some(why));
    }

    #[test]
    fn what_is_counted() {
        let mut settled = counting();
        let count = counter_mut(&mut settled);
        (count.acknowledged, count.waiting) = (count.published, 0);
        let check = |condition: &Condition, change: fn(&mut Snapshot), expected: Option<&str>| {
            check_in(settled.clone(), condition, change, expected);
        };
        let published = |count| Condition::Published { program: "counter".into(), count };
        check(&published(1_000), |_| {}, None);
        check(&published(1_001), |_| {}, Some("counter has published 1000"));
        let short = |it: &mut Snapshot| counter_mut(it).acknowledged = 3;
        check(&published(4), short, Some("counter has published 3"));
        check(&Condition::Quiet, |_| {}, None);
        check(&Condition::Quiet, short, Some("997 numbers of counter are not sent yet"));
        let asked = |it: &mut Snapshot| counter_mut(it).waiting = 7;
        check(&Condition::Quiet, asked, Some("7 numbers of counter are not sent yet"));
        let killed = |it: &mut Snapshot| {
            counter_mut(it).acknowledged = 3;
            program_mut(it, "counter").run = Run::Stopped;
        };
        check(&Condition::Quiet, killed, None);
        check(&Condition::Agree, |_| {}, None);

        let counted = |received, missing, doubled, out_of_order| {
            let counts = Counts { received, missing, doubled, out_of_order };
            Condition::Counted { program: "tally".into(), counts }
        };
        let (none, exact) = (None, Some(0));
        check(&counted(Some(1_000), exact, exact, exact), |_| {}, None);
        check(&counted(Some(7), none, none, none), |_| {}, None);
        let why = |counts: &str| format!("tally has counted {counts}; run 00003f9a: 1 to 1000");
        let so_far = why("1000 received, 0 missing, 0 doubled, 0 out of order");
        check(&counted(Some(1_001), none, none, none), |_| {}, Some(&so_far));
        check(&counted(none, Some(1), none, none), |_| {}, Some(&so_far));
        check(&counted(none, none, Some(1), none), |_| {}, Some(&so_far));
        check(&counted(none, none, none, Some(1)), |_| {}, Some(&so_far));
        let double = |it: &mut Snapshot| tally_mut(it).doubled = 2;
        check(&counted(Some(9), exact, none, exact), double, None);
        let doubled = why("1000 received, 0 missing, 2 doubled, 0 out of order");
        check(&counted(none, none, exact, none), double, Some(&doubled));
        let deaf = |it: &mut Snapshot| tally_mut(it).subscribed = false;
        check(&counted(exact, none, none, none), deaf, Some("tally has not subscribed yet"));
        let gone = |it: &mut Snapshot| program_mut(it, "tally").face.count = None;
        check(&counted(exact, none, none, none), gone, Some("tally has counted nothing yet"));
    }
}
