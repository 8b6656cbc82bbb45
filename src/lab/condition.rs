//! Whether a scenario's condition holds in a snapshot, and in words what stands against it.

use std::collections::BTreeMap;

use super::name::{BridgeName, ProgramName};
use super::snapshot::{BridgeState, ProgramView, Run, Snapshot};
use crate::card::{Link, SensorNumber};
use crate::conf::scenario::Condition;

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
        Condition::Agree => disagreement(snapshot),
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
        program.run == Run::Running && matches!(program.face.link, Link::Online { .. })
    })
}

fn connected(name: &str, snapshot: &Snapshot) -> bool {
    let bridge = snapshot.bridge(&BridgeName::new(name));
    bridge.is_some_and(|(_, bridge)| matches!(bridge.state, BridgeState::Connected { .. }))
}

fn disagreement(snapshot: &Snapshot) -> Option<String> {
    let mut first: BTreeMap<SensorNumber, (&ProgramName, bool)> = BTreeMap::new();
    for program in snapshot.boards.iter().flat_map(|board| &board.programs) {
        for sensor in program.face.sensors() {
            let (number, name) = (sensor.number, &program.name);
            let Some(state) = sensor.state else {
                return Some(format!("{name} does not know sensor {number}"));
            };
            let (other, expected) = *first.entry(number).or_insert((name, state));
            if state != expected {
                let (ours, theirs) = (word(Some(state)), word(Some(expected)));
                return Some(format!(
                    "{name} shows sensor {number} as {ours}, {other} shows it as {theirs}"
                ));
            }
        }
    }
    None
}

fn unrest(snapshot: &Snapshot) -> Option<String> {
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
        }
    }
    None
}

fn word(state: Option<bool>) -> &'static str {
    match state {
        Some(true) => "OK",
        Some(false) => "KO",
        None => "unknown",
    }
}
