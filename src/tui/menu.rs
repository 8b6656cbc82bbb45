//! What can be done to cables and parts, as lists to choose from.

use crate::cable::fault::{Delay, Drop, Hold};
use crate::cable::{Deed, Fault, Pick};
use crate::lab::snapshot::{BoardView, CableState, Run};
use crate::lab::{Action, CableName, Command, DiskTrouble, Snapshot};
use crate::mqtt::PacketKind;

/// A list with a place in it.
#[derive(Debug)]
pub(super) struct Menu {
    pub(super) title: String,
    pub(super) items: Vec<(String, Item)>,
    pub(super) at: usize,
}

/// What a line stands for.
#[derive(Debug, Clone)]
pub(super) enum Item {
    /// What can be done to this cable.
    Cable(CableName),
    /// This is done.
    Ask(Command),
}

impl Menu {
    fn new(title: impl Into<String>, items: Vec<(String, Item)>) -> Self {
        Self { title: title.into(), items, at: 0 }
    }

    /// The cables.
    pub(super) fn cables(snapshot: &Snapshot) -> Self {
        let items = snapshot.cables.iter().map(|cable| {
            let state = match cable.state {
                CableState::Whole if cable.faults.is_empty() => String::new(),
                CableState::Whole => format!(": {}", cable.faults.join(", ")),
                CableState::Cut => ": cut".to_owned(),
                CableState::Silent => ": cut silently".to_owned(),
            };
            (format!("{}{state}", cable.name), Item::Cable(cable.name.clone()))
        });
        Self::new("Which cable?", items.collect())
    }

    /// What can be done to a cable.
    pub(super) fn of_cable(cable: &CableName) -> Self {
        let mut deeds = vec![
            ("mend it".to_owned(), Deed::Mend),
            ("cut it".to_owned(), Deed::cut()),
            ("cut it silently".to_owned(), Deed::cut_silently()),
            ("reset its connections, once".to_owned(), Deed::Reset),
            ("hold every packet".to_owned(), Deed::Set(Fault::both(Hold::default()))),
            ("let one held packet go".to_owned(), Deed::Release { direction: None, packets: 1 }),
        ];
        for packet in [
            PacketKind::CONNACK,
            PacketKind::PUBLISH,
            PacketKind::PUBACK,
            PacketKind::PUBREC,
            PacketKind::PUBREL,
            PacketKind::PUBCOMP,
            PacketKind::SUBACK,
        ] {
            let fault = Fault::both(Drop::of(Pick::next(packet)));
            deeds.push((fault.to_string(), Deed::Set(fault)));
        }
        let slow = Fault::both(Delay { ms: 200, jitter_ms: 100, ..Delay::default() });
        deeds.push((slow.to_string(), Deed::Set(slow)));
        let ask = |deed| Item::Ask(Command::Cable { cable: cable.clone(), deed });
        let items = deeds.into_iter().map(|(words, deed)| (words, ask(deed)));
        Self::new(format!("{cable}:"), items.collect())
    }

    /// What can be done to boards, brokers, bridges and programs as they are.
    pub(super) fn parts(snapshot: &Snapshot) -> Self {
        let mut items = Vec::new();
        for board in &snapshot.boards {
            let mut add = |words: String, command| items.push((words, Item::Ask(command)));
            let power = if board.power { "off" } else { "on" };
            let name = board.name.clone();
            add(
                format!("power {power} {}", board.name),
                Command::Power { board: name.clone(), on: !board.power },
            );
            for &action in actions(&board.broker.run, board) {
                let command = Command::Broker { board: name.clone(), action };
                add(format!("{action} the broker of {name}"), command);
            }
            if board.broker.persistent {
                let (words, trouble) = match board.broker.disk {
                    None => ("fill", Some(DiskTrouble::Full)),
                    Some(_) => ("mend", None),
                };
                add(
                    format!("{words} the disk of {name}"),
                    Command::Disk { board: name.clone(), trouble },
                );
            }
            for bridge in &board.broker.bridges {
                for action in [Action::Kill, Action::Start] {
                    let command = Command::Bridge { bridge: bridge.name.clone(), action };
                    add(format!("{action} the bridge {}", bridge.name), command);
                }
            }
            for program in &board.programs {
                for &action in actions(&program.run, board) {
                    let command = Command::Program { program: program.name.clone(), action };
                    add(format!("{action} {}", program.name), command);
                }
            }
        }
        Self::new("What is to be done?", items)
    }

    pub(super) fn up(&mut self) {
        self.at = self.at.checked_sub(1).unwrap_or(self.items.len().saturating_sub(1));
    }

    pub(super) fn down(&mut self) {
        self.at = (self.at + 1) % self.items.len().max(1);
    }

    pub(super) fn chosen(&self) -> Option<Item> {
        self.items.get(self.at).map(|(_, item)| item.clone())
    }
}

/// What makes sense for a part.
fn actions(run: &Run, board: &BoardView) -> &'static [Action] {
    match run {
        Run::Running => &[Action::Kill, Action::Stop, Action::Freeze],
        Run::Frozen => &[Action::Thaw, Action::Kill],
        Run::Stopped | Run::Failed(_) if board.power => &[Action::Start],
        Run::Stopped | Run::Failed(_) => &[],
    }
}
