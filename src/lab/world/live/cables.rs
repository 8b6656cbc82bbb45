//! The cables of a live board: one for each program, one for each bridge, and one at its broker's
//! public ports. They stay when what they lead to ends: a fault lasts until it is mended.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use super::notes::Notes;
use crate::broker::Address;
use crate::cable::Deed;
use crate::lab::name::CableName;
use crate::lab::plan::{BoardPlan, Plan};
use crate::lab::trace::{Party, Place};
use crate::net::{Clock, Lines, LiveCable, Observer, SharedCable, Target};

/// A cable by its name.
pub struct NamedCable {
    /// Its name.
    pub name: CableName,
    /// The cable.
    pub cable: SharedCable,
    /// Between whom it lies.
    pub place: Arc<Place>,
}

/// A program's cable.
pub struct ProgramCable {
    /// The cable.
    pub named: NamedCable,
    /// Where the program dials.
    pub end: LiveCable,
}

/// A bridge's cable, with a near end for each of its addresses.
pub struct BridgeCable {
    /// The cable.
    pub named: NamedCable,
    /// The addresses, the board each leads to where the plan has it, and where to dial instead.
    pub ends: Vec<(Address, Option<usize>, LiveCable)>,
}

/// The cable at a board's public ports.
pub struct FrontCable {
    /// The cable.
    pub named: NamedCable,
    /// Its near ends while the broker runs.
    ends: Vec<LiveCable>,
    /// Those of earlier runs, whose connections may not have heard of the end yet.
    retired: Vec<LiveCable>,
}

/// All of them.
pub struct Cables {
    /// At the public ports.
    pub front: FrontCable,
    /// In the order of the plan's programs.
    pub programs: Vec<ProgramCable>,
    /// In the order of the plan's bridges.
    pub bridges: Vec<BridgeCable>,
    ears: Ears,
}

/// Who hears what goes through cables, and by which clock.
#[derive(Clone)]
pub struct Ears {
    /// The world's time.
    pub clock: Clock,
    /// The world's numbers.
    pub lines: Lines,
    /// Who hears.
    pub notes: Notes,
}

impl Ears {
    fn observer(&self, place: &Arc<Place>) -> Observer {
        let (notes, place) = (self.notes.clone(), Arc::clone(place));
        Observer {
            clock: self.clock,
            lines: Arc::clone(&self.lines),
            tell: Arc::new(move |sight| notes.see(&place, sight)),
        }
    }
}

impl NamedCable {
    fn new(name: &str, dialer: Option<Party>, target: Party) -> Self {
        let name = CableName::new(name);
        let place = Place { cable: name.clone(), dialer, target };
        Self { name, cable: SharedCable::default(), place: Arc::new(place) }
    }

    fn end(&self, target: Target, ears: &Ears) -> io::Result<LiveCable> {
        LiveCable::start(self.cable.clone(), target, ears.observer(&self.place))
    }
}

impl Cables {
    /// The cables of the board `at` that place of the plan; none leads anywhere in the lab yet.
    ///
    /// # Errors
    /// When the system gives no port on loopback.
    pub fn new(plan: &Plan, at: usize, ears: Ears) -> io::Result<Self> {
        let board = &plan.boards[at];
        let here = || Party::Board(board.name.clone());
        let mut programs = Vec::new();
        for program in &board.programs {
            let dialer = Some(Party::Program(program.name.clone()));
            let named = NamedCable::new(program.name.as_str(), dialer, here());
            let end = named.end(Target::Nowhere, &ears)?;
            programs.push(ProgramCable { named, end });
        }
        let bridges =
            (0..board.bridges.len()).map(|bridge| bridge_cable(plan, board, bridge, &ears));
        let bridges = bridges.collect::<io::Result<_>>()?;
        let named = NamedCable::new(board.name.as_str(), None, here());
        let front = FrontCable { named, ends: Vec::new(), retired: Vec::new() };
        Ok(Self { front, programs, bridges, ears })
    }

    /// Lets the public ports, which listen already, lead to the broker.
    ///
    /// # Errors
    /// When a listener cannot be used.
    pub fn open_front(
        &mut self,
        listeners: Vec<TcpListener>,
        target: impl Fn(usize) -> Target,
    ) -> io::Result<()> {
        for (at, listener) in listeners.into_iter().enumerate() {
            let named = &self.front.named;
            let (cable, observer) = (named.cable.clone(), self.ears.observer(&named.place));
            let end = LiveCable::listen(listener, cable, target(at), observer)?;
            self.front.ends.push(end);
        }
        Ok(())
    }

    /// Frees the public ports. Connections end as they come to know that the broker is gone.
    pub async fn close_front(&mut self) {
        for end in self.front.ends.drain(..) {
            end.unlisten().await;
            self.front.retired.push(end);
        }
        self.front.retired.retain(LiveCable::carries);
    }

    /// Leads the programs' cables to the broker, or nowhere.
    pub fn lead_programs(&self, target: &Target) {
        for program in &self.programs {
            program.end.set_target(target.clone());
        }
    }

    /// All cables.
    pub fn all(&self) -> impl Iterator<Item = &NamedCable> {
        let programs = self.programs.iter().map(|it| &it.named);
        let bridges = self.bridges.iter().map(|it| &it.named);
        bridges.chain(programs).chain([&self.front.named])
    }

    /// Ends all faults.
    pub fn mend(&self) {
        for named in self.all() {
            named.cable.apply(Deed::Mend);
        }
    }

    /// Ends all connections and frees all ports.
    pub async fn stop(self) {
        let programs = self.programs.into_iter().map(|it| it.end);
        let bridges = self.bridges.into_iter().flat_map(|it| it.ends).map(|(_, _, end)| end);
        let fronts = self.front.ends.into_iter().chain(self.front.retired);
        for end in programs.chain(bridges).chain(fronts) {
            end.stop().await;
        }
    }
}

fn bridge_cable(
    plan: &Plan,
    board: &BoardPlan,
    bridge: usize,
    ears: &Ears,
) -> io::Result<BridgeCable> {
    let addresses = &board.settings.bridges[bridge].addresses;
    let target = match board.bridges[bridge].remote {
        Some(remote) => Party::Board(plan.boards[remote].name.clone()),
        None => Party::Outside(addresses.first().map(ToString::to_string).unwrap_or_default()),
    };
    let dialer = Some(Party::Board(board.name.clone()));
    let named = NamedCable::new(board.bridges[bridge].name.as_str(), dialer, target);
    let mut ends = Vec::new();
    for address in addresses {
        let remote = plan.board_at(address);
        let target = match remote {
            Some(_) => Target::Nowhere,
            None => Target::Host(address.clone()),
        };
        ends.push((address.clone(), remote, named.end(target, ears)?));
    }
    Ok(BridgeCable { named, ends })
}
